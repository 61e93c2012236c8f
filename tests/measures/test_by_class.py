"""Each class against the rest: scikit-learn's numbers, the evaluator's shapes."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

from osteon.measures.by_class import by_class
from osteon.measures.evaluator import evaluate
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=100)
THREE = ("benign", "intermediate", "malignant")


def made(predictions, training=None):
    done = evaluate(predictions, CONFIG, "first", training=training)
    return done, by_class(predictions, CONFIG, done, training)


@pytest.fixture
def three(of_classes):
    return of_classes(THREE)


def patients_of(predictions, learner):
    rows = predictions[predictions["learner"] == learner]
    wanted = {name: "mean" for name in rows if name.startswith("prob_")} | {"label": "first"}
    return rows.groupby("patient_id").agg(wanted)


def test_values_are_scikit_learns_for_every_class(three):
    _, found = made(three)
    patients = patients_of(three, "second")
    for place, name in enumerate(THREE):
        truth, score = patients["label"] == place, patients[f"prob_{name}"]
        entry = found.figures["second"][name]
        assert entry["auroc"]["value"] == pytest.approx(roc_auc_score(truth, score))
        called = score >= 0.5
        assert entry["at_0.5"]["accuracy"]["value"] == pytest.approx(accuracy_score(truth, called))
        assert entry["at_0.5"]["sensitivity"]["value"] == pytest.approx(recall_score(truth, called))
        assert entry["auroc"]["lo"] <= entry["auroc"]["value"] <= entry["auroc"]["hi"]
        assert entry["auroc"] == entry["scores"]["auroc"]
        assert entry["auroc"]["also"]["method"] == "delong logit"
        assert entry["n_patients"] == 60 and entry["positive_patients"] == int(truth.sum())
    rows = three[three["learner"] == "second"]
    image = found.figures["second"]["intermediate"]["image"]["scores"]["auroc"]["value"]
    wanted = roc_auc_score(rows["label"] == 1, rows["prob_intermediate"])
    assert image == pytest.approx(wanted)


def test_the_last_class_is_the_evaluator_s_own(three):
    done, found = made(three)
    for level, entry in (("patient", found.figures["first"]["malignant"]),):
        own = done.metrics["learners"]["first"][level]
        assert entry["at_youden"] == own["at_youden"] and entry["scores"] == own["scores"]
    curve = found.curves["first"]["malignant"]["held_out"]["roc"]
    assert curve == done.curves["learners"]["first"]["patient"]["roc"]


def test_of_two_classes_each_mirrors_the_other(of_classes):
    _, found = made(of_classes(("giant_cell_tumor", "osteosarcoma")))
    for entry in found.figures.values():
        one, other = entry["giant_cell_tumor"], entry["osteosarcoma"]
        for key in ("value", "lo", "hi"):
            assert one["auroc"][key] == pytest.approx(other["auroc"][key], abs=1e-9)
        value = {k: (one["at_0.5"][k]["value"], other["at_0.5"][k]["value"]) for k in one["at_0.5"]}
        assert value["sensitivity"][0] == pytest.approx(value["specificity"][1])
        assert value["accuracy"][0] == pytest.approx(value["accuracy"][1])


def test_curves_have_the_form_of_all_others(three):
    done, found = made(three)
    form = done.curves["learners"]["first"]["patient"]["roc"]
    for curves in found.curves.values():
        assert list(curves) == [*THREE[:2], "malignant"]
        for curve in curves.values():
            assert set(curve) == {"held_out"}, "no training part was handed over"
            assert set(curve["held_out"]["roc"]) == set(form)


def test_the_training_part_is_read_by_patient_over_all_folds(of_classes):
    predictions = of_classes(THREE)
    parts = [predictions[predictions["fold"] != fold].assign(fold=fold) for fold in range(5)]
    training = pd.concat(parts, ignore_index=True)
    _, found = made(predictions, training)
    patients = patients_of(training, "first")
    for place, name in enumerate(THREE):
        entry = found.training["first"][name]
        wanted = roc_auc_score(patients["label"] == place, patients[f"prob_{name}"])
        assert entry["auroc"] == pytest.approx(wanted)
        held_out = found.figures["first"][name]["auroc"]["value"]
        assert entry["optimism"] == pytest.approx(wanted - held_out)
        assert entry["n_patients"] == 60
        drawn = found.curves["first"][name]["training"]["roc"]["true_positive_rate"]
        assert len(drawn) == 101 and drawn[-1] == 1


def test_networks_are_not_averaged_into_an_ensemble(of_classes):
    """Each fold's network errs in its own way: their mean would be better than any of them."""
    predictions = of_classes(("a", "b"), learners=("first",))
    generator = np.random.default_rng(5)
    parts = []
    for fold in range(5):
        part = predictions[predictions["fold"] != fold].assign(fold=fold)
        logit = part["label"] + 2 * generator.normal(size=len(part))
        score = 1 / (1 + np.exp(-logit))
        parts.append(part.assign(prob_b=score, prob_a=1 - score))
    training = pd.concat(parts, ignore_index=True)
    _, found = made(predictions, training)
    entry = found.training["first"]["b"]
    by_network = training.groupby(["fold", "patient_id"]).agg({"prob_b": "mean", "label": "first"})
    wanted = roc_auc_score(by_network["label"], by_network["prob_b"])
    ensemble = patients_of(training, "first")
    assert roc_auc_score(ensemble["label"], ensemble["prob_b"]) > wanted + 0.05
    assert entry["auroc"] == pytest.approx(wanted)
    assert entry["optimism"] == pytest.approx(
        wanted - found.figures["first"]["b"]["auroc"]["value"]
    )
    assert entry["n_patients"] == 60, "each counted once, though several networks judged it"
    curve = found.curves["first"]["b"]["training"]["roc"]
    drawn = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
    assert drawn == pytest.approx(wanted, abs=0.01)


def test_learning_by_heart_shows_as_optimism(of_classes):
    predictions = of_classes(("a", "b"), learners=("first",))
    training = pd.concat([predictions.assign(fold=k) for k in (0, 1)], ignore_index=True)
    right = np.where(training["label"] == 1, 0.99, 0.01)
    training = training.assign(prob_b=right, prob_a=1 - right)
    _, found = made(predictions, training)
    entry = found.training["first"]["b"]
    held_out = found.figures["first"]["b"]["auroc"]["value"]
    assert entry["auroc"] == 1 and entry["optimism"] == pytest.approx(1 - held_out)


def test_an_older_table_of_what_was_fitted_on_is_passed_over(three):
    old = three[["learner", "fold", "sample_id"]]
    _, found = made(three, old)
    assert found.training == {}
    half = pd.concat([old[old["learner"] == "first"], three[three["learner"] == "second"]])
    _, found = made(three, half)
    assert set(found.training) == {"second"}


def test_everything_is_plain_json(three):
    _, found = made(three, three)
    for part in (found.figures, found.training, found.curves):
        assert json.loads(json.dumps(part, allow_nan=False)) == part
