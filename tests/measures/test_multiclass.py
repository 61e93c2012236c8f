"""All classes at once: scikit-learn's numbers, intervals that cover, seeds that repeat."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, roc_auc_score

from osteon.measures.multiclass import Patients, measure, multiclass
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=200)
THREE = ("benign", "intermediate", "malignant")


def by_patient(predictions, learner, classes):
    rows = predictions[predictions["learner"] == learner]
    patients = rows.groupby("patient_id").agg(
        {"label": "first"} | {f"prob_{name}": "mean" for name in classes}
    )
    return patients["label"].to_numpy(), patients.filter(like="prob_").to_numpy()


@pytest.mark.parametrize("classes", [("a", "b"), THREE, ("a", "b", "c", "d")])
def test_values_are_scikit_learns(of_classes, classes):
    predictions = of_classes(classes)
    found = multiclass(predictions, CONFIG)["second"]
    label, score = by_patient(predictions, "second", classes)
    called = score.argmax(axis=1)
    assert found["confusion"] == confusion_matrix(label, called).tolist()
    assert found["accuracy"]["value"] == pytest.approx(np.mean(label == called))
    wanted = balanced_accuracy_score(label, called)
    assert found["balanced_accuracy"]["value"] == pytest.approx(wanted)
    area = roc_auc_score(label, score[:, 1] if len(classes) == 2 else score, multi_class="ovr")
    assert found["macro_auroc"]["value"] == pytest.approx(area)
    assert found["classes"] == list(classes) and found["level"] == "patient"
    for name in ("accuracy", "balanced_accuracy", "macro_auroc"):
        assert found[name]["lo"] <= found[name]["value"] <= found[name]["hi"]
        assert found[name]["method"].startswith("bootstrap BCa")


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_a_resample_is_the_rows_written_out(seed):
    generator = np.random.default_rng(seed)
    label = np.concatenate([np.arange(3), generator.integers(0, 3, 12)])
    score = generator.dirichlet(np.ones(3), len(label))
    weights = generator.integers(1, 4, (1, len(label)))
    found = measure(Patients(label, score), weights)
    rows = np.repeat(np.arange(len(label)), weights[0])
    called = score[rows].argmax(axis=1)
    wanted = balanced_accuracy_score(label[rows], called)
    assert found["balanced_accuracy"][0] == pytest.approx(wanted)
    area = roc_auc_score(label[rows], score[rows], multi_class="ovr")
    assert found["macro_auroc"][0] == pytest.approx(area)


def test_the_interval_narrows_with_patients_and_repeats_with_the_seed(of_classes):
    few, many = (multiclass(of_classes(THREE, patients=n), CONFIG)["first"] for n in (60, 600))
    for name in ("accuracy", "balanced_accuracy", "macro_auroc"):
        widths = [one[name]["hi"] - one[name]["lo"] for one in (few, many)]
        assert widths[1] < 0.6 * widths[0]
    assert multiclass(of_classes(THREE), CONFIG)["first"] == few
    shown = multiclass(of_classes(THREE), EvaluationConfig(rounds=200, seed=1))["first"]
    assert shown["accuracy"]["value"] == few["accuracy"]["value"] and shown != few


def test_all_right_has_wilson_s_interval_for_the_accuracy(of_classes):
    predictions = of_classes(THREE)
    sure = {f"prob_{n}": (predictions["label"] == k) * 1.0 for k, n in enumerate(THREE)}
    found = multiclass(predictions.assign(**sure), CONFIG)["first"]
    assert found["accuracy"]["value"] == 1 and 0.9 < found["accuracy"]["lo"] < 1
    assert found["accuracy"]["method"] == "wilson"
    assert found["macro_auroc"]["lo"] is None and found["macro_auroc"]["value"] == 1


def test_a_class_without_a_patient_leaves_means_over_classes_undefined(of_classes):
    predictions = of_classes(THREE)
    found = multiclass(predictions[predictions["label"] != 1], CONFIG)["first"]
    assert found["macro_auroc"]["value"] is None and found["balanced_accuracy"]["value"] is None
    assert found["accuracy"]["value"] is not None and found["confusion"][1] == [0, 0, 0]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_percentile_intervals_are_had_on_request(of_classes):
    config = EvaluationConfig(rounds=100, interval="percentile")
    found = multiclass(of_classes(THREE), config)["first"]
    assert found["accuracy"]["method"].startswith("bootstrap percentile")


def test_renaming_patients_changes_no_number(of_classes):
    predictions = of_classes(THREE)
    renamed = predictions.assign(patient_id=predictions["patient_id"].str[::-1])
    assert multiclass(renamed, CONFIG) == multiclass(predictions, CONFIG)
    assert isinstance(predictions, pd.DataFrame)
