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
