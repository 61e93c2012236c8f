"""The gap between an image-level split and an honest one."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from osteon.measures.audit import split_gap
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=300)
NAME = "resnet18_all"


def leaky(predictions):
    """The same images, better judged, each in any fold."""
    table = predictions.copy()
    positive = 0.5 * table["prob_osteosarcoma"] + 0.5 * table["label"]
    folds = np.arange(len(table)) % 5
    return table.assign(prob_osteosarcoma=positive, prob_non_tumour=1 - positive, fold=folds)


def test_gap_is_image_level_audit_minus_patient_level_honest(predictions):
    audit = leaky(predictions)
    found = split_gap(predictions, audit, CONFIG)
    one = found["learners"][NAME]["accuracy"]
    mine, twin = (table[table["learner"] == NAME] for table in (predictions, audit))
    patients = mine.groupby("patient_id").agg(s=("prob_osteosarcoma", "mean"), y=("label", "first"))
    honest = accuracy_score(patients["y"], patients["s"] >= 0.5)
    inflated = accuracy_score(twin["label"], twin["prob_osteosarcoma"] >= 0.5)
    assert one["honest"] == pytest.approx(honest) and one["audit"] == pytest.approx(inflated)
    assert one["gap"]["value"] == pytest.approx(inflated - honest)
    assert one["gap"]["lo"] > 0 and one["gap"]["p"] < 0.05
    assert "never quote them as performance" in found["warning"] and found["trial_run"]


def test_no_leak_no_gap_at_the_same_level(predictions):
    found = split_gap(predictions, predictions, CONFIG)["learners"][NAME]["auroc"]["same_level"]
    assert (found["value"], found["lo"], found["hi"], found["p"]) == (0, None, None, 1)


def test_learners_without_a_twin_are_named(predictions):
    half = leaky(predictions[predictions["learner"] == NAME])
    found = split_gap(predictions, half, CONFIG)
    assert found["only_in_one"] == ["resnet18_baseline"]
    with pytest.raises(ValueError, match="'other'"):
        split_gap(predictions, half.assign(learner="other"), CONFIG)
