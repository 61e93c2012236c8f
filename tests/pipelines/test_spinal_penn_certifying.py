"""The honest row passes completely; every planted leak stops the run and names whom it concerns."""

import pandas as pd
import pytest

from osteon.measures.leaks import LeakFound
from osteon.pipelines.spinal_penn.certifying import certify_segmentation
from tests.pipelines import penn_cohort as cohort

PAIRS = ["sample_a", "sample_b", "change"]
SAMPLES = cohort.samples().assign(content_hash=[f"h{k}" for k in range(2 * cohort.PATIENTS)])


def fitted(learner):
    """Every fold was fitted on the slices of the other folds."""
    table = cohort.judged(learner)
    parts = [
        table[table["fold"] != fold][["sample_id", "patient_id"]].assign(fold=fold, learner=learner)
        for fold in sorted(table["fold"].unique())
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def given():
    return {
        "samples": SAMPLES,
        "splits": cohort.judged("any")[["sample_id", "patient_id", "fold", "split"]],
        "near_duplicates": pd.DataFrame(columns=PAIRS),
        "penn__fitted": fitted("penn"),
        "unet__fitted": fitted("unet"),
        "d_tvnet__fitted": fitted("unet").iloc[:0],
    }


def test_the_honest_row_passes_and_nothing_is_left_unchecked(given):
    found = certify_segmentation(**given)
    assert found["passed"] and not found["leak"] and found["complete"]
    assert found["learners_checked"] == ["penn", "unet"] and found["folds"] == [0, 1, 2]
    assert found["statistics_checked"] == [] and "given" in found["statistics"]
    assert "no patch is in two parts as no patient is" in " ".join(found["patches"].split())
    checks = {one["name"]: one for one in found["checks"]}
    assert checks["patients_whole"]["passed"] and checks["fitted_apart_by_patient"]["passed"]
    assert "no statistic" in checks["statistics_apart"]["note"]


def test_a_patient_in_both_parts_is_named(given):
    splits = given["splits"].copy()
    splits.loc[splits["sample_id"] == "I01", "fold"] = 2
    with pytest.raises(LeakFound, match=r"patients_whole.*P00 and fold 0 and fold 2"):
        certify_segmentation(**given | {"splits": splits})


def test_a_network_that_saw_one_slice_of_a_judged_patient_is_named(given):
    own = given["penn__fitted"]
    leak = pd.DataFrame(
        {"sample_id": ["I00"], "patient_id": ["P00"], "fold": [0], "learner": ["penn"]}
    )
    with pytest.raises(LeakFound, match="penn and fold 0 and P00"):
        certify_segmentation(**given | {"penn__fitted": pd.concat([own, leak])})


def test_the_same_picture_in_two_parts_is_named(given):
    pairs = pd.DataFrame([["I00", "I02", "none"]], columns=PAIRS)
    twins = SAMPLES.assign(content_hash=SAMPLES["content_hash"].replace("h2", "h0"))
    with pytest.raises(LeakFound, match="I00 and I02"):
        certify_segmentation(**given | {"near_duplicates": pairs})
    with pytest.raises(LeakFound, match=r"identical_images.*I00 and I02"):
        certify_segmentation(**given | {"samples": twins})


def test_a_fold_without_a_record_is_told_and_no_record_at_all_refused(given):
    own = given["penn__fitted"]
    found = certify_segmentation(**given | {"penn__fitted": own[own["fold"] != 1]})
    assert not found["complete"]
    assert "penn: fold(s) [1]" in found["not_checked"][0]["reason"]
    with pytest.raises(ValueError, match="of at least one needed"):
        certify_segmentation(given["samples"], given["splits"], given["near_duplicates"])
