"""A planted leak of each kind fails the certificate and is named."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from osteon.measures.leaks import LeakFound, certify, check_near_duplicates, refuse_leaks


@pytest.fixture
def tables(cohort):
    samples, splits = cohort
    fitted = pd.concat(
        [
            pd.DataFrame(
                {
                    "learner": "resnet18_all",
                    "fold": fold,
                    "sample_id": splits.loc[splits["fold"] != fold, "sample_id"],
                }
            )
            for fold in range(5)
        ],
        ignore_index=True,
    )
    return samples, splits, fitted


def failed(certificate):
    return [one["name"] for one in certificate["checks"] if not one["passed"]]


def first_of(splits, fold):
    return splits.loc[splits["fold"] == fold, "sample_id"].iloc[0]


def test_a_clean_run_passes(tables):
    samples, splits, fitted = tables
    inside = splits.loc[splits["fold"] == 1, "sample_id"].tolist()[:2]
    found = certify(samples, splits, fitted, near_duplicates=[(*inside, 2)])
    assert found["passed"] and not found["leak"] and failed(found) == []
    assert found["folds"] == [0, 1, 2, 3, 4] and found["learners_checked"] == ["resnet18_all"]
    json.dumps(found, allow_nan=False)
    refuse_leaks(found)


def test_a_patient_in_two_folds(tables):
    samples, splits, fitted = tables
    twice = splits["patient_id"].value_counts()
    patient = twice.index[twice > 1][0]
    row = splits.index[splits["patient_id"] == patient][0]
    splits.loc[row, "fold"] = (splits.loc[row, "fold"] + 1) % 5
    found = certify(samples, splits, fitted)
    assert "patients_whole" in failed(found)
    with pytest.raises(LeakFound, match=f"{patient} and fold"):
        refuse_leaks(found)


def test_a_near_duplicate_across_folds(tables):
    samples, splits, fitted = tables
    a, b = first_of(splits, 0), first_of(splits, 1)
    pairs = pd.DataFrame({"sample_a": [a], "sample_b": [b], "distance": [1], "correlation": [0.99]})
    for listed in (pairs, [(a, b, 1)]):
        found = certify(samples, splits, fitted, near_duplicates=listed)
        assert failed(found) == ["near_duplicates"]
        with pytest.raises(LeakFound, match=f"{a} and {b}"):
            refuse_leaks(found)
    with pytest.raises(LeakFound, match=f"{a} and {b}"):
        check_near_duplicates(splits, pairs).demand()
    check_near_duplicates(splits, pairs.iloc[:0]).demand()


def test_a_near_duplicate_names_the_way_out(tables):
    samples, splits, fitted = tables
    pairs = [(first_of(splits, 0), first_of(splits, 1))]
    way = "set splitting.near_duplicates: group to keep these patients in one fold, or remove the"
    with pytest.raises(LeakFound, match=way):
        check_near_duplicates(splits, pairs).demand()
    with pytest.raises(LeakFound, match=way):
        refuse_leaks(certify(samples, splits, fitted, near_duplicates=pairs))
    clean = certify(samples, splits, fitted)
    assert {one["remedy"] for one in clean["checks"]} == {""}
    # Grouping makes folds: it cannot move a patient out of a part that the cohort itself fixes.
    test = splits["fold"] == 0
    fixed = splits.assign(fold=np.where(test, 0, -1), split=np.where(test, "test", "train"))
    with pytest.raises(LeakFound, match=r"in one part.*or remove the copy") as caught:
        check_near_duplicates(fixed, pairs).demand()
    assert "group" not in str(caught.value)


def test_no_derived_image_is_told_from_derived_images_that_passed(tables):
    samples, splits, fitted = tables
    for cohort in (samples, samples.assign(parent=None)):
        one = certify(cohort, splits, fitted)["checks"][-1]
        assert one["passed"] and one["checked"] == 0
        assert "not applicable: no derived images in this cohort" in one["note"]
    own = samples.assign(parent=samples["sample_id"])
    one = certify(own, splits, fitted)["checks"][-1]
    assert (one["passed"], one["checked"], one["note"]) == (True, len(samples), "")


def test_a_note_never_hides_a_failed_check(tables):
    splits = tables[1]
    check = check_near_duplicates(splits, [(first_of(splits, 0), first_of(splits, 1))])
    report = replace(check, note="about what passed").report()
    assert not report["passed"] and report["note"] == ""
    with pytest.raises(LeakFound, match="near_duplicates"):
        refuse_leaks({"checks": [report]})


def test_something_fitted_on_a_held_out_sample(tables):
    samples, splits, fitted = tables
    leak = first_of(splits, 2)
    extra = pd.DataFrame({"learner": ["control_age"], "fold": [2], "sample_id": [leak]})
    found = certify(samples, splits, pd.concat([fitted, extra]))
    assert failed(found) == ["fitted_apart_by_patient", "fitted_apart_by_image"]
    with pytest.raises(LeakFound, match=f"control_age and fold 2 and {leak}"):
        refuse_leaks(found)


def test_another_image_of_a_held_out_patient(tables):
    """The image itself was not seen, the patient was."""
    samples, splits, fitted = tables
    counts = splits["patient_id"].value_counts()
    patient = counts.index[counts > 1][0]
    rows = splits[splits["patient_id"] == patient]
    fold = int(rows["fold"].iloc[0])
    placed = splits.copy()
    placed.loc[rows.index[0], "fold"] = -1
    extra = pd.DataFrame({"learner": ["x"], "fold": [fold], "sample_id": [rows.iloc[0].sample_id]})
    found = certify(samples, placed, pd.concat([fitted, extra]))
    assert "fitted_apart_by_patient" in failed(found)
    assert "fitted_apart_by_image" not in failed(found)


def test_an_unknown_fitted_sample_is_named(tables):
    samples, splits, fitted = tables
    extra = pd.DataFrame({"learner": ["x"], "fold": [0], "sample_id": ["S999"]})
    with pytest.raises(LeakFound, match="S999"):
        refuse_leaks(certify(samples, splits, pd.concat([fitted, extra])))


def test_augmented_copies_before_the_split(tables):
    samples, splits, fitted = tables
    parent = first_of(splits, 0)
    copy = samples[samples["sample_id"] == parent].assign(sample_id="S0copy", parent=parent)
    grown = pd.concat([samples, copy], ignore_index=True)
    patient = copy["patient_id"].iloc[0]
    for fold, names in ((0, []), (4, ["patients_whole", "no_augmentation_before_split"])):
        row = pd.DataFrame([["S0copy", patient, fold, "cv"]], columns=splits.columns)
        found = certify(grown, pd.concat([splits, row]), fitted[fitted["fold"] < 0])
        assert failed(found) == names
    with pytest.raises(LeakFound, match=f"S0copy and {parent}"):
        refuse_leaks(found)


def test_a_sample_twice_or_in_no_part(tables):
    samples, splits, fitted = tables
    double = pd.concat([splits, splits.iloc[:1]])
    with pytest.raises(LeakFound, match="twice in splits"):
        refuse_leaks(certify(samples, double, fitted))
    with pytest.raises(LeakFound, match="in no part"):
        refuse_leaks(certify(samples, splits.iloc[1:], fitted.iloc[:0]))


def test_the_audit_reports_divided_patients_and_does_not_raise(tables):
    samples, splits, _ = tables
    splits = splits.assign(fold=np.arange(len(splits)) % 5)
    fitted = splits.loc[splits["fold"] != 0, ["sample_id"]].assign(learner="a", fold=0)
    pairs = [(first_of(splits, 0), first_of(splits, 1), 0)]
    found = certify(samples, splits, fitted, "image", pairs)
    assert not found["passed"] and not found["leak"] and found["unit"] == "image"
    assert failed(found) == ["patients_whole", "near_duplicates", "fitted_apart_by_patient"]
    assert all("audit" in one["note"] for one in found["checks"] if not one["passed"])
    refuse_leaks(found)
    judged = splits.loc[splits["fold"] == 0, ["sample_id"]].assign(learner="a", fold=0)
    with pytest.raises(LeakFound, match="an image it judges"):
        refuse_leaks(certify(samples, splits, judged, "image"))
