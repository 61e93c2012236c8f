"""One hold-out: thresholds and temperature come from the training part, and from nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from osteon.measures import evaluator, judging, temperature, thresholds
from osteon.measures.evaluator import evaluate
from osteon.measures.leaks import LeakFound, certify, refuse_leaks
from osteon.measures.levels import PredictionsError, at_level, checked
from osteon.measures.tracing import evaluated
from osteon.measures.trained import RESUBSTITUTION, part_of, usable, with_training
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=100)


@pytest.fixture
def tables(held_out):
    return held_out()


def by_patient(training, learner):
    rows = training[training["learner"] == learner]
    patients = rows.groupby("patient_id", sort=False).agg(
        y=("label", "first"), s=("prob_b", "mean")
    )
    return patients["y"].to_numpy(), patients["s"].to_numpy()


def test_youden_and_temperature_are_those_of_the_training_patients(tables):
    predictions, training = tables
    found = evaluate(predictions, CONFIG, "first", training=training).metrics["learners"]
    for name, levels in found.items():
        label, score = by_patient(training, name)
        one = levels["patient"]
        assert one["youden_thresholds"] == {"0": pytest.approx(thresholds.youden(label, score))}
        assert one["youden_from"] == RESUBSTITUTION == "training part, resubstitution"
        cooled = one["calibration"]["temperature"]["by_fold"]
        assert cooled == {"0": pytest.approx(temperature.fit(label, score))}
        assert "resubstitution" in one["calibration"]["temperature_note"]
        assert any(RESUBSTITUTION in said for said in one["warnings"])
        rows = predictions[predictions["learner"] == name]
        judged = rows.groupby("patient_id").agg(y=("label", "first"), s=("prob_b", "mean"))
        called = judged["s"] >= one["youden_thresholds"]["0"]
        wanted = float(called[judged["y"] == 1].mean())
        assert one["at_youden"]["sensitivity"]["value"] == pytest.approx(wanted)


def test_the_settings_say_where_thresholds_come_from(tables):
    predictions, training = tables
    said = evaluate(predictions, CONFIG, "first", training=training).metrics["settings"]
    assert RESUBSTITUTION in said["thresholds"]["at_youden"]
    assert RESUBSTITUTION in said["temperature"]


def test_images_are_judged_by_a_threshold_chosen_on_images(tables):
    predictions, training = tables
    rows = training[training["learner"] == "first"]
    found = evaluate(predictions, CONFIG, "first", training=training).metrics["learners"]["first"]
    wanted = thresholds.youden(rows["label"].to_numpy(), rows["prob_b"].to_numpy())
    assert found["image"]["youden_thresholds"]["0"] == pytest.approx(wanted)


def test_without_a_training_part_only_one_half_is_used(tables):
    predictions, training = tables
    for none in (None, training[["learner", "fold", "sample_id"]]):
        found = evaluate(predictions, CONFIG, "first", training=none).metrics["learners"]["first"]
        assert "at_youden" not in found["patient"] and found["patient"]["youden_from"] is None
        assert any("no Youden threshold" in said for said in found["patient"]["warnings"])


def test_with_several_folds_the_training_part_changes_nothing(of_classes):
    predictions = of_classes(("a", "b"))
    parts = [predictions[predictions["fold"] != k].assign(fold=k) for k in range(5)]
    given = evaluate(predictions, CONFIG, "first", training=pd.concat(parts, ignore_index=True))
    assert given.metrics == evaluate(predictions, CONFIG, "first").metrics
    assert given.metrics["learners"]["first"]["patient"]["youden_from"].endswith("cross-fitted")


def test_the_judged_part_has_no_part_in_its_threshold(tables):
    predictions, training = tables
    other = predictions.assign(label=1 - predictions["label"], prob_a=predictions["prob_b"])
    other["prob_b"] = 1 - other["prob_a"]
    before, after = (
        evaluate(one, CONFIG, "first", training=training).metrics["learners"]["first"]["patient"]
        for one in (predictions, other)
    )
    assert before["youden_thresholds"] == after["youden_thresholds"]
    one, two = (x["calibration"]["temperature"]["by_fold"] for x in (before, after))
    assert one == two


def test_a_training_part_of_one_class_gives_no_threshold(tables):
    predictions, training = tables
    found = evaluate(predictions, CONFIG, "first", training=training[training["label"] == 1])
    one = found.metrics["learners"]["first"]["patient"]
    assert "at_youden" not in one and one["calibration"]["temperature"] is None
    assert "training part" in one["calibration"]["temperature_note"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"prob_b": 1.5}, "outside 0 to 1"),
        ({"prob_b": 0.9, "prob_a": 0.9}, "do not sum to 1"),
        ({"label": 7}, r"a label outside \[0, 1\]"),
    ],
)
def test_a_training_part_that_cannot_be_is_refused(tables, change, match):
    predictions, training = tables
    with pytest.raises(PredictionsError, match=match):
        evaluate(predictions, CONFIG, "first", training=training.assign(**change))


def test_a_sequence_without_a_name_counts_as_its_patient(tables):
    predictions, training = tables
    rows = checked(predictions[predictions["learner"] == "first"])
    part = part_of(usable(training, rows), rows)
    judged = with_training(at_level(rows.assign(sequence_id=rows["patient_id"]), "sequence"), part)
    assert judged.training is not None
    assert len(judged.training.label) == part["patient_id"].nunique()


# ---- the certificate ------------------------------------------------------------------------


@pytest.fixture
def whole(tables):
    """Samples, splits, fitted and predictions of a hold-out, as the certificate takes them."""
    predictions, training = tables
    both = pd.concat([predictions.assign(fold=0), training.assign(fold=-1)])
    splits = both[["sample_id", "patient_id", "fold"]].drop_duplicates("sample_id")
    splits = splits.assign(split=np.where(splits["fold"] < 0, "train", "test"))
    names = splits["sample_id"]
    samples = splits[["sample_id", "patient_id"]].assign(content_hash=names, parent=None)
    return samples.reset_index(drop=True), splits.reset_index(drop=True), training, predictions


def certified(whole):
    samples, splits, training, predictions = whole
    statistics = evaluated(predictions, training)
    found = certify(samples, splits, training, "patient", [], statistics, [])
    return found, statistics


def test_the_certificate_of_a_hold_out_is_complete(whole):
    found, statistics = certified(whole)
    assert found["passed"] and found["complete"] and found["not_checked"] == []
    assert found["statistics_checked"] == ["temperature", "youden_threshold"]
    one = next(one for one in found["checks"] if one["name"] == "statistics_apart")
    assert "one hold-out" in one["note"] and "other folds" not in one["note"]
    training = whole[2]
    for (learner, _, level), rows in statistics.groupby(["learner", "statistic", "level"]):
        own = training.loc[training["learner"] == learner, "sample_id"]
        assert set(rows["sample_id"]) == set(own) and set(rows["fold"]) == {0}, level


def test_without_predictions_of_the_training_part_it_is_not_complete(whole):
    samples, splits, training, predictions = whole
    bare = training[["learner", "fold", "sample_id"]]
    found, _ = certified((samples, splits, bare, predictions))
    assert found["passed"] and not found["complete"]
    assert "statistics_apart" in {one["name"] for one in found["not_checked"]}


def test_a_threshold_that_reads_the_judged_part_fails(whole, monkeypatch):
    def leaky(judged):
        label, score = (
            np.concatenate([getattr(one, name) for one in (judged, judged.training)])
            for name in ("label", "score")
        )
        value = thresholds.youden(label, score)
        called = {judging.YOUDEN: thresholds.call(judged.score, value)}
        return replace(judged, called=called), dict.fromkeys(np.unique(judged.fold).tolist(), value)

    monkeypatch.setattr(evaluator, "with_calls", leaky)
    found, _ = certified(whole)
    assert found["leak"]
    with pytest.raises(LeakFound, match="youden_threshold of first at patient level and fold 0"):
        refuse_leaks(found)


def test_a_temperature_that_reads_the_judged_part_fails(whole, monkeypatch):
    honest = temperature.applied

    def leaky(judged):
        mixed = replace(judged.training, label=judged.label, score=judged.score)
        return honest(replace(judged, training=mixed))

    monkeypatch.setattr(temperature, "applied", leaky)
    found, _ = certified(whole)
    assert {one["name"] for one in found["checks"] if not one["passed"]} == {"statistics_apart"}
