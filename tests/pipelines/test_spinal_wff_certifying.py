"""Every planted leak stops the run, named with whom it concerns; the honest row passes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.errors import CohortError
from osteon.measures import evaluator, judging, temperature, thresholds
from osteon.measures.leaks import LeakFound
from osteon.pipelines.spinal_wff import fusing
from osteon.pipelines.spinal_wff.certifying import (
    certify_framework,
    gather_patients,
    split_training_part,
)
from osteon.recipes.spinal_wff import FusionLearner
from osteon.recipes.splitting import SplittingConfig
from tests.pipelines import wff_cohort

TEST = "P01"
"""The first patient of the test part."""


@pytest.fixture(scope="module")
def given():
    """All that the certificate reads, by the row's own functions; no test alters it."""
    tables = wff_cohort.tables()
    tables["samples"] = tables["samples"].assign(parent=None)
    outer, inner = wff_cohort.splits()
    lambdas, _ = fusing.choose_lambdas(**tables)
    judged, trained, _ = fusing.fuse(
        **tables, lambdas=lambdas, learner=FusionLearner(), name="det_seq_age", paper="spinal_wff"
    )
    return tables | {
        "splits": outer,
        "inner_splits": inner,
        "lambdas": lambdas,
        "near_duplicates": wff_cohort.NO_PAIRS,
        "det_seq_age__fitted": trained,
        "det_seq_age__predictions": judged,
        "detector__seen": wff_cohort.seen("detector"),
        "seq16__seen": wff_cohort.seen("seq16"),
    }


def checks(certificate):
    return {one["name"]: one for one in certificate["checks"]}


def test_the_honest_row_passes_and_says_what_was_tried(given) -> None:
    found = certify_framework(**given)
    assert found["passed"] and not found["leak"] and found["folds"] == [0]
    assert found["learners_checked"] == ["det_seq_age", "detector", "seq16"]
    assert found["statistics_checked"] == [
        "age_table", "lambda", "temperature", "youden_threshold",
    ]  # fmt: skip
    inner = found["inner"]
    assert found["complete"] and inner["complete"]
    assert inner["passed"] and inner["folds"] == [0, 1, 2] and inner["patients"] == 24
    assert inner["learners_checked"] == ["detector", "seq16"]
    assert inner["statistics_checked"] == ["age_table"]
    assert checks(found)["fitted_apart_by_patient"]["checked"] == 3 * 24
    assert checks(inner)["fitted_apart_by_patient"]["checked"] == 2 * 3 * 16


def whole(*tables):
    """Every row as if it were of the training part."""
    return [one.assign(split="cv") for one in tables]


def test_weights_chosen_on_all_patients_are_found_out(given, monkeypatch) -> None:
    honest = fusing.chosen_on
    monkeypatch.setattr(fusing, "chosen_on", lambda *tables: honest(*whole(*tables[:3]), tables[3]))
    with pytest.raises(LeakFound, match=f"lambda of fusion and fold 0 and {TEST}"):
        certify_framework(**given)


def test_terms_that_hold_the_test_part_are_found_out(given, monkeypatch) -> None:
    honest = fusing.terms_of_part
    monkeypatch.setattr(
        fusing,
        "terms_of_part",
        lambda one, two, three, split: honest(*whole(one, two, three), "cv"),
    )
    with pytest.raises(LeakFound, match=f"lambda of fusion and fold 0 and {TEST}"):
        certify_framework(**given)


def test_an_age_table_of_all_patients_is_found_out(given, monkeypatch) -> None:
    honest = fusing.age_table
    monkeypatch.setattr(fusing, "age_table", lambda people, config: honest(*whole(people), config))
    with pytest.raises(LeakFound, match=f"age_table of age and fold 0 and {TEST}"):
        certify_framework(**given)


def test_an_inner_age_table_that_reads_its_own_fold_is_found_out(given, monkeypatch) -> None:
    honest, final = fusing.age_tables, fusing.age_table
    monkeypatch.setattr(
        fusing, "age_tables", lambda rows, config: honest(rows, config) | {1: final(rows, config)}
    )
    own = wff_cohort.placed()
    first = own[(own["split"] == "cv") & (own["fold"] == 1)]["patient_id"].iloc[0]
    with pytest.raises(LeakFound, match=f"age_table of age and fold 1 and {first}"):
        certify_framework(**given)


def test_a_threshold_of_the_test_part_is_found_out(given, monkeypatch) -> None:
    honest = evaluator.with_calls

    def leaky(judged):
        if len(set(judged.label.tolist())) < 2:
            return honest(judged)
        value = thresholds.youden(judged.label, judged.score)
        calls = {judging.YOUDEN: thresholds.call(judged.score, value)}
        return replace(judged, called=calls), dict.fromkeys(np.unique(judged.fold).tolist(), value)

    monkeypatch.setattr(evaluator, "with_calls", leaky)
    with pytest.raises(LeakFound, match=f"youden_threshold of det_seq_age and fold 0 and {TEST}"):
        certify_framework(**given)


def test_a_temperature_of_the_test_part_is_found_out(given, monkeypatch) -> None:
    honest = temperature.applied

    def leaky(judged):
        found = honest(judged)
        value = temperature.fit(judged.label, judged.score)
        by_fold = dict.fromkeys(found.by_fold, value)
        return replace(found, by_fold=by_fold, judged=None)

    monkeypatch.setattr(temperature, "applied", leaky)
    with pytest.raises(LeakFound, match=f"temperature of det_seq_age and fold 0 and {TEST}"):
        certify_framework(**given)


def test_weights_in_use_that_were_not_chosen_so_are_found_out(given) -> None:
    with pytest.raises(LeakFound, match=r"lambda: \[0\.2, 0\.2, 0\.6\] in use"):
        certify_framework(**given | {"lambdas": {"chosen": [0.2, 0.2, 0.6]}})


def test_an_age_term_that_was_not_counted_so_is_found_out(given) -> None:
    ages = given["age_scores"]
    moved = ages.assign(a=ages["a"].mask(ages["patient_id"] == TEST, 0.123))
    with pytest.raises(LeakFound, match=f"age_table: of 1 patient.* {TEST} among them"):
        certify_framework(**given | {"age_scores": moved})


def with_row(seen, patient, fold, split):
    """One more slice that a network was fitted on."""
    row = {"sample_id": f"{patient}-000", "patient_id": patient, "fold": fold, "split": split}
    return pd.concat([seen, pd.DataFrame([row | {"learner": seen["learner"].iloc[0]}])])


@pytest.mark.parametrize("network", ["detector", "seq16"])
def test_a_network_fitted_on_a_test_patient_is_found_out(given, network) -> None:
    seen = with_row(given[f"{network}__seen"], "P04", 0, "test")
    with pytest.raises(
        LeakFound, match=f"fitted_apart_by_patient: .* 1 found: {network} and fold 0 and P04"
    ):
        certify_framework(**given | {f"{network}__seen": seen})


@pytest.mark.parametrize("network", ["detector", "seq16"])
def test_an_inner_network_fitted_on_its_own_patient_is_found_out(given, network) -> None:
    own = wff_cohort.placed().set_index("patient_id")
    assert own.loc["P05", "split"] == "cv"
    fold = int(own.loc["P05", "fold"])
    seen = with_row(given[f"{network}__seen"], "P05", fold, "cv")
    with pytest.raises(LeakFound, match=f"1 found: {network} and fold {fold} and P05"):
        certify_framework(**given | {f"{network}__seen": seen})


def test_an_inner_network_fitted_on_a_test_patient_is_found_out(given) -> None:
    seen = with_row(given["detector__seen"], TEST, 1, "cv")
    with pytest.raises(LeakFound, match=rf"detector and fold 1 and {TEST}-000 \(in no part\)"):
        certify_framework(**given | {"detector__seen": seen})


def test_a_row_or_control_fitted_on_a_test_patient_is_found_out(given) -> None:
    fitted = given["det_seq_age__fitted"]
    more = fitted.iloc[:1].assign(sample_id=TEST, patient_id=TEST)
    with pytest.raises(LeakFound, match=f"det_seq_age and fold 0 and {TEST}"):
        certify_framework(**given | {"det_seq_age__fitted": pd.concat([fitted, more])})
    control = more.assign(learner="clinical")
    with pytest.raises(LeakFound, match=f"clinical and fold 0 and {TEST}"):
        certify_framework(**given, controls__fitted=control)


@pytest.mark.parametrize("change", ["none", "mirrored"])
def test_a_copy_in_another_part_or_inner_fold_is_found_out(given, change) -> None:
    def pair(one, other):
        return pd.DataFrame({"sample_a": [one], "sample_b": [other], "change": [change]})

    for other in (TEST, "P05"):
        copies = pair("P00-000", f"{other}-000")
        with pytest.raises(LeakFound, match=f"P00-000 and {other}-000"):
            certify_framework(**given | {"near_duplicates": copies})
    assert certify_framework(**given | {"near_duplicates": pair("P00-000", "P00-001")})["passed"]


def test_a_row_that_was_skipped_is_no_matter(given) -> None:
    empty = {
        "det__fitted": given["det_seq_age__fitted"].iloc[:0],
        "det__predictions": given["det_seq_age__predictions"].iloc[:0],
        "other__seen": given["detector__seen"].iloc[:0],
    }
    assert certify_framework(**given, **empty)["passed"]


def test_a_row_of_permuted_labels_is_certified_beside_the_others(given) -> None:
    names = ("samples", "detections", "sequence_scores", "age_scores", "cohort", "recipe")
    shared = {name: given[name] for name in names}
    shared["sequence_scores"] = shared["sequence_scores"].assign(
        label=1 - shared["sequence_scores"]["label"]
    )
    judged, trained, _ = fusing.fuse(
        **shared, lambdas={"chosen": [0.5, 0.3, 0.2]}, learner=FusionLearner(labels="permuted"),
        name="permuted", paper="spinal_wff",
    )  # fmt: skip
    rows = {"permuted__fitted": trained, "permuted__predictions": judged}
    found = certify_framework(**given, **rows)
    assert found["passed"] and "permuted" in found["learners_checked"]
    more = trained.iloc[:1].assign(sample_id=TEST, patient_id=TEST)
    with pytest.raises(LeakFound, match=f"permuted and fold 0 and {TEST}"):
        certify_framework(**given, **rows | {"permuted__fitted": pd.concat([trained, more])})


def test_a_framework_of_whole_slices_is_certified_without_a_detector(given) -> None:
    bare = {
        "recipe": wff_cohort.recipe(boxes="whole"),
        "detections": given["detections"].iloc[:0],
        "detector__seen": given["detector__seen"].iloc[:0],
    }
    bare["lambdas"], _ = fusing.choose_lambdas(
        **{name: given[name] for name in ("samples", "sequence_scores", "age_scores", "cohort")},
        detections=bare["detections"],
        recipe=bare["recipe"],
    )
    found = certify_framework(**given | bare)
    assert found["passed"] and found["learners_checked"] == ["det_seq_age", "seq16"]
    assert found["complete"]
    seen = with_row(given["seq16__seen"], TEST, 0, "test")
    with pytest.raises(LeakFound, match=f"seq16 and fold 0 and {TEST}"):
        certify_framework(**given | bare | {"seq16__seen": seen})


def test_an_earlier_run_s_detector_is_told_as_not_checked(given) -> None:
    earlier = {
        "recipe": wff_cohort.recipe(boxes="artefact", artefact="somewhere"),
        "detector__seen": given["detector__seen"].iloc[:0],
    }
    found = certify_framework(**given | earlier)
    assert found["passed"] and not found["complete"]
    assert [one["reason"] for one in found["not_checked"]] == [
        "no record for detector: fold(s) [0]"
    ]


def test_the_training_part_is_split_into_folds_of_whole_patients() -> None:
    outer, _ = wff_cohort.splits()
    samples = wff_cohort.samples().assign(split="given by the cohort")
    found = split_training_part(samples, outer, wff_cohort.NO_PAIRS, SplittingConfig(folds=4))
    training = outer[outer["split"] == "train"]
    assert set(found["sample_id"]) == set(training["sample_id"])
    assert set(found["split"]) == {"cv"} and set(found["fold"]) == {0, 1, 2, 3}
    assert (found.groupby("patient_id")["fold"].nunique() == 1).all()
    label = samples.drop_duplicates("patient_id").set_index("patient_id")["label"]
    each = found.drop_duplicates("patient_id").groupby("fold")["patient_id"]
    for names in (list(one) for _, one in each):
        assert len(names) == 6 and label[names].sum() == 3
    other = SplittingConfig(folds=4, seed=1)
    assert not found.equals(split_training_part(samples, outer, wff_cohort.NO_PAIRS, other))


@pytest.mark.parametrize("words", [["cv"], ["train"], ["test"], ["train", "test", "cv"]])
def test_folds_in_place_of_a_test_part_are_refused(words) -> None:
    outer, _ = wff_cohort.splits()
    given = outer.assign(split=np.resize(words, len(outer)))
    with pytest.raises(CohortError, match=r"splitting\.protocol: parts .* protocol holdout"):
        split_training_part(wff_cohort.samples(), given, wff_cohort.NO_PAIRS, SplittingConfig())


def test_copies_keep_patients_in_one_inner_fold() -> None:
    outer, _ = wff_cohort.splits()
    pairs = pd.DataFrame(
        {"sample_a": ["P00-000"] * 2, "sample_b": ["P02-000", "P01-000"], "change": "none"}
    )
    config = SplittingConfig(folds=3, near_duplicates="group")
    found = split_training_part(wff_cohort.samples(), outer, pairs, config)
    where = found.drop_duplicates("patient_id").set_index("patient_id")["fold"]
    assert where["P00"] == where["P02"] and TEST not in where


def test_patients_are_gathered_once_in_their_part() -> None:
    outer, _ = wff_cohort.splits()
    cases, parts_of = gather_patients(wff_cohort.samples(), outer)
    for table in (cases, parts_of):
        assert len(table) == wff_cohort.PATIENTS
        assert (table["sample_id"] == table["patient_id"]).all()
        assert table.index.tolist() == list(range(wff_cohort.PATIENTS))
    first = wff_cohort.samples().drop_duplicates("patient_id")
    assert cases["label"].tolist() == first["label"].tolist()
    own = parts_of.set_index("patient_id")["split"]
    assert own[TEST] == "test" and own["P00"] == "train" and (own == "test").sum() == 12
