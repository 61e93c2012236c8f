"""Folds keep patients whole, hold every class, and do not depend on names."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.cohorts.errors import CohortError
from osteon.measures.leaks import LeakFound
from osteon.pipelines.splitting.nodes import merge_groups, split_images, split_patients
from osteon.recipes.splitting import SplittingConfig

NONE = pd.DataFrame({"sample_a": [], "sample_b": []})


def _samples(views: list[int], positives: int, prefix: str = "P") -> pd.DataFrame:
    patient = np.repeat(np.arange(len(views)), views)
    return pd.DataFrame(
        {
            "sample_id": [f"S{i:04d}" for i in range(len(patient))],
            "patient_id": [f"{prefix}{i}" for i in patient],
            "label": (patient < positives).astype("int64"),
            "split": pd.Series([None] * len(patient), dtype="str"),
        }
    )


@given(
    views=st.lists(st.integers(1, 4), min_size=12, max_size=40),
    folds=st.integers(2, 5),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_no_patient_is_divided_and_every_sample_is_judged_once(views, folds, seed) -> None:
    samples = _samples(views, len(views) // 2)
    splits = split_patients(samples, NONE, SplittingConfig(folds=folds, seed=seed))
    assert splits["sample_id"].tolist() == samples["sample_id"].tolist()
    assert (splits.groupby("patient_id")["fold"].nunique() == 1).all()
    assert set(splits["fold"]) == set(range(folds))
    label = samples.set_index("sample_id")["label"]
    classes = label[splits["sample_id"]].groupby(splits["fold"].to_numpy()).nunique()
    assert (classes == 2).all()


def test_folds_depend_on_the_seed_and_not_on_the_pseudonyms() -> None:
    views = [2, 3, 1, 4] * 6
    config = SplittingConfig(folds=3, seed=1)
    fold = split_patients(_samples(views, 12), NONE, config)["fold"]
    renamed = split_patients(_samples(views, 12, prefix="zz9"), NONE, config)["fold"]
    other = split_patients(_samples(views, 12), NONE, SplittingConfig(folds=3, seed=2))["fold"]
    assert fold.tolist() == renamed.tolist()
    assert fold.tolist() != other.tolist()


def test_a_near_duplicate_across_folds_stops_or_is_grouped() -> None:
    samples = _samples([2] * 20, 10)
    plain = split_patients(samples, NONE, SplittingConfig(folds=2)).set_index("sample_id")["fold"]
    positive = samples[samples["label"] == 1]["sample_id"]
    first, second = plain[positive].idxmin(), plain[positive].idxmax()
    pairs = pd.DataFrame({"sample_a": [first], "sample_b": [second]})
    with pytest.raises(LeakFound, match=f"{first} and {second}"):
        split_patients(samples, pairs, SplittingConfig(folds=2))
    grouped = split_patients(samples, pairs, SplittingConfig(folds=2, near_duplicates="group"))
    fold = grouped.set_index("sample_id")["fold"]
    assert fold[first] == fold[second]


def test_groups_follow_chains_of_near_duplicates() -> None:
    samples = _samples([1] * 5, 2)
    chain = pd.DataFrame({"sample_a": ["S0000", "S0001"], "sample_b": ["S0001", "S0003"]})
    groups = merge_groups(samples, chain)
    assert groups[0] == groups[1] == groups[3]
    assert len({groups[0], groups[2], groups[4]}) == 3


def test_more_folds_than_patients_of_a_class_is_refused() -> None:
    with pytest.raises(CohortError, match=r"5 folds, but class 1 has 3 patient"):
        split_patients(_samples([1] * 20, 3), NONE, SplittingConfig(folds=5))


def test_fixed_parts_are_kept_and_the_training_part_is_never_judged() -> None:
    samples = _samples([1] * 8, 4)
    samples["split"] = ["train", "test"] * 4
    splits = split_patients(samples, NONE, SplittingConfig())
    assert set(splits.loc[samples["split"] == "train", "fold"]) == {-1}
    assert set(splits.loc[samples["split"] == "test", "fold"]) == {0}
    samples.loc[samples["label"] == 1, "split"] = "train"
    with pytest.raises(CohortError, match="test part lacks a class"):
        split_patients(samples, NONE, SplittingConfig())


def test_image_level_folds_divide_patients_on_purpose() -> None:
    splits = split_images(_samples([4] * 10, 5), SplittingConfig(folds=2))
    assert (splits.groupby("patient_id")["fold"].nunique() > 1).any()


@given(share=st.floats(0.2, 0.6), seed=st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_a_holdout_judges_its_share_of_each_class_and_divides_nobody(share, seed) -> None:
    samples = _samples([1, 2, 3, 4] * 10, 12)
    config = SplittingConfig(protocol="holdout", test_share=share, seed=seed)
    splits = split_patients(samples, NONE, config)
    tested = splits.drop_duplicates("patient_id")
    label = samples.drop_duplicates("patient_id")["label"]
    for value, own in ((1, 12), (0, 28)):
        judged = (tested["split"] == "test")[label.to_numpy() == value]
        assert abs(judged.sum() - share * own) < 1
    assert (tested["split"] == "test").sum() == round(share * 40)
    assert (splits.groupby("patient_id")["split"].nunique() == 1).all()
    assert (splits["fold"].to_numpy() == np.where(splits["split"] == "test", 0, -1)).all()


def test_a_holdout_follows_its_seed_and_not_the_pseudonyms() -> None:
    config = SplittingConfig(protocol="holdout", seed=1)
    splits = split_patients(_samples([2] * 30, 10), NONE, config)
    renamed = split_patients(_samples([2] * 30, 10, prefix="zz"), NONE, config)
    other = split_patients(_samples([2] * 30, 10), NONE, config.model_copy(update={"seed": 2}))
    assert splits["fold"].tolist() == renamed["fold"].tolist()
    assert splits["fold"].tolist() != other["fold"].tolist()


def test_a_holdout_keeps_near_duplicates_together_or_stops() -> None:
    samples = _samples([1] * 40, 20)
    config = SplittingConfig(protocol="holdout", near_duplicates="group")
    pairs = pd.DataFrame({"sample_a": ["S0000"], "sample_b": ["S0039"]})
    for seed in range(8):
        grouped = split_patients(samples, pairs, config.model_copy(update={"seed": seed}))
        split = grouped.set_index("sample_id")["split"]
        assert split["S0000"] == split["S0039"]


def test_a_holdout_without_a_patient_of_a_class_is_refused() -> None:
    config = SplittingConfig(protocol="holdout", test_share=0.1)
    with pytest.raises(CohortError, match=r"splitting.test_share: 0.1 of the 3 patient"):
        split_patients(_samples([1] * 20, 3), NONE, config)


def test_a_split_that_the_cohort_fixes_wins() -> None:
    samples = _samples([1] * 10, 5).assign(split=["train", "test"] * 5)
    splits = split_patients(samples, NONE, SplittingConfig(protocol="holdout"))
    assert splits["split"].tolist() == ["train", "test"] * 5
