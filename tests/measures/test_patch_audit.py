"""The gap between a split by patch and one by patient, by hand; intervals are over patients."""

import json

import numpy as np
import pytest

from osteon.measures.patch_audit import patch_gap
from osteon.measures.segmentation import SegmentationError

ROUNDS, SEED = 400, 1


def test_the_gap_is_audit_less_honest():
    # Audit: recall 45/50, precision 45/50; honest: recall 30/50, precision 30/40.
    found = patch_gap([45, 5, 5, 45], [30, 10, 20, 40], ROUNDS, SEED)
    recall, precision = found["metrics"]["recall"], found["metrics"]["precision"]
    assert (recall["audit"], recall["honest"]) == (0.9, 0.6)
    assert recall["gap"]["value"] == pytest.approx(0.3)
    assert precision["gap"]["value"] == pytest.approx(0.9 - 0.75)
    assert recall["gap"]["lo"] is None and "no spread" in recall["gap"]["method"]
    assert found["patients"] == {"audit": None, "honest": None} and found["trial_run"]
    json.dumps(found, allow_nan=False)


def counts_of(patients, recall, seed):
    chance = np.random.default_rng(seed)
    positive, negative = chance.integers(20, 60, patients), chance.integers(20, 60, patients)
    tp = chance.binomial(positive, recall)
    fp = chance.binomial(negative, 0.1)
    return np.stack([tp, fp, positive - tp, negative - fp], axis=1)


def test_with_counts_by_patient_there_is_an_interval_around_the_pooled_gap():
    audit, honest = counts_of(30, 0.95, 0), counts_of(10, 0.7, 1)
    found = patch_gap(audit, honest, ROUNDS, SEED)
    gap = found["metrics"]["recall"]["gap"]
    assert gap["lo"] < gap["value"] < gap["hi"] and gap["lo"] > 0
    assert found["patients"] == {"audit": 30, "honest": 10}
    pooled = patch_gap(audit.sum(axis=0), honest.sum(axis=0), ROUNDS, SEED)
    assert pooled["metrics"]["recall"]["gap"]["value"] == pytest.approx(gap["value"])
    assert found == patch_gap(audit, honest, ROUNDS, SEED)


def test_the_same_patients_are_drawn_together_and_others_apart():
    honest = counts_of(30, 0.7, 1)
    audit = honest + np.array([3, 0, -3, 0])  # three patches more of each patient are found
    both = patch_gap(audit, honest, ROUNDS, SEED)
    apart = patch_gap(audit, honest[:29], ROUNDS, SEED)
    assert both["paired"] and not apart["paired"]
    widths = [
        one["metrics"]["recall"]["gap"]["hi"] - one["metrics"]["recall"]["gap"]["lo"]
        for one in (both, apart)
    ]
    assert 0 < widths[0] < widths[1] / 2


@pytest.mark.parametrize(
    "bad", [[[1, 2, 3]], [[1, 2, 3, -1]], [[1, 2, 3, np.nan]], np.empty((0, 4))]
)
def test_counts_that_are_none_are_refused(bad):
    with pytest.raises(SegmentationError, match="honest"):
        patch_gap([1, 2, 3, 4], bad, ROUNDS, SEED)
