"""Intervals of calibration: shapes, undefined ones, before and after temperature, coverage."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from osteon.measures import calibrated
from osteon.measures.calibration import brier, expected_error
from osteon.measures.evaluator import evaluate
from osteon.measures.intervals import draw
from osteon.measures.levels import Judged
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=300)
ALL, NAMES = "resnet18_all", ("brier", "expected_calibration_error", "slope", "intercept")


def judged(label, score):
    unit = np.arange(len(label))
    return Judged("patient", tuple(map(str, unit)), label, unit, label, score, unit, unit, {})


def whole(n, rounds, seed):
    """Draws of patients whatever their class."""
    return draw(np.zeros(n, dtype=np.int64), rounds, seed)


def scores(label, distance, stretch, shift, generator):
    """Binormal: the true log odds are distance × (x - distance / 2); then stretched and shifted."""
    x = generator.normal(size=len(label)) + distance * label
    return expit(stretch * distance * (x - distance / 2) + shift)


@pytest.mark.parametrize(
    ("n", "distance", "stretch", "shift", "sims"),
    [(60, 0.5, 1, 0, 300), (60, 1.8, 1.6, 0.3, 300), (300, 1.8, 1.6, 0.3, 150)],
)
def test_intervals_cover_at_60_and_300_patients(n, distance, stretch, shift, sims):
    generator = np.random.default_rng(n)
    many = np.arange(500_000) % 2
    true = scores(many, distance, stretch, shift, np.random.default_rng(1))
    truth = dict(
        zip(
            NAMES,
            (brier(many, true), expected_error(many, true), 1 / stretch, -shift / stretch),
            strict=True,
        )
    )
    hits = dict.fromkeys(NAMES, 0)
    for seed in range(sims):
        label = (generator.random(n) < 0.5).astype(int)
        one = judged(label, scores(label, distance, stretch, shift, generator))
        found = calibrated.figures(one, whole(n, 300, seed), CONFIG)
        for name, value in truth.items():
            hits[name] += found[name]["lo"] <= value <= found[name]["hi"]
    # Bounds of 93 and 97 %, and two standard errors of the simulation.
    error = 2 * np.sqrt(0.95 * 0.05 / sims)
    for name, count in hits.items():
        # The calibration error's interval may cover more: its shape has to be guessed.
        most = 1 if name == "expected_calibration_error" else 0.97 + error
        assert 0.93 - error <= count / sims <= most, (name, count / sims)


@pytest.mark.parametrize(("n", "sims"), [(60, 300), (240, 300)])
def test_error_of_two_valued_scores_is_covered(n, sims):
    """Probabilities 0.43 and 0.55, each 0.05 too low: a true calibration error of 0.05."""
    generator, hits = np.random.default_rng(n), 0
    for seed in range(sims):
        score = np.where(generator.random(n) < 0.5, 0.43, 0.55)
        label = (generator.random(n) < score + 0.05).astype(int)
        found = calibrated.figures(judged(label, score), whole(n, 300, seed), CONFIG)
        ends = found["expected_calibration_error"]
        hits += ends["lo"] <= 0.05 <= ends["hi"]
    assert hits / sims >= 0.93 - np.sqrt(0.95 * 0.05 / sims)


def test_scores_constant_within_each_fold_have_no_slope_and_say_why():
    """Folds of other base rates: pooled, the constants would rank the folds and have a slope."""
    fold, label = np.repeat(np.arange(5), 12), np.arange(60) % 3 // 2
    score = np.array([0.31, 0.33, 0.35, 0.32, 0.34])[fold]
    one = replace(judged(label, score), fold=fold)
    found = calibrated.figures(one, whole(60, 100, 0), CONFIG)
    for name in ("slope", "intercept"):
        assert np.isnan([found[name][key] for key in ("value", "lo", "hi")]).all()
        assert found[name]["method"] == "none: scores are constant within each fold"
    assert np.isfinite(found["brier"]["lo"])
    alone = replace(one, fold=np.arange(60))
    assert not alone.constant, "one row a fold says nothing"


def test_a_perfect_learner_has_no_interval_of_zero_width():
    label = np.arange(40) % 2
    for sure in (1.0, 1 - 1e-120):
        score = np.where(label == 1, sure, 1 - sure)
        found = calibrated.figures(judged(label, score), whole(40, 100, 0), CONFIG)
        for name in ("brier", "expected_calibration_error"):
            assert found[name]["value"] == 0 and np.isnan(found[name]["lo"])
            assert found[name]["method"] == "none: all resamples gave the same value"


def test_resamples_of_one_class_are_left_out_and_counted():
    label = (np.arange(12) < 2).astype(int)
    score = np.random.default_rng(0).random(12)
    found = calibrated.figures(judged(label, score), whole(12, 500, 0), CONFIG)
    said = found["slope"]["method"]
    assert said.startswith("none") or "resamples left out, not defined there" in said
    rounds = np.append(np.linspace(0.5, 1.5, 95), np.full(5, np.nan))
    assert "5 of 100 resamples left out" in calibrated.slope_interval(1.0, rounds).method
    assert "5 of 100 resamples left out" in calibrated.intercept_interval(0.7, rounds).method


def test_every_figure_lies_in_its_interval_before_and_after(predictions):
    metrics = evaluate(predictions, CONFIG, ALL).metrics["learners"][ALL]
    for level in ("patient", "image"):
        found = metrics[level]["calibration"]
        assert found["temperature"]["note"] == found["temperature_note"]
        assert set(found["temperature"]["by_fold"]) == set("01234")
        for figures in (found, found["temperature"]["after"]):
            for name in NAMES:
                one = figures[name]
                assert one["lo"] <= one["value"] <= one["hi"], (level, name)
        assert found["brier"]["value"] == metrics[level]["scores"]["brier"]["value"]
        assert found["brier"]["lo"] == metrics[level]["scores"]["brier"]["lo"]


def test_temperature_mends_overconfidence(make_predictions):
    table = make_predictions({ALL: 2.0}, patients=200, decimals=4)
    logit = 3 * np.log(table["prob_osteosarcoma"] / table["prob_non_tumour"])
    table["prob_osteosarcoma"] = expit(logit)
    table["prob_non_tumour"] = 1 - table["prob_osteosarcoma"]
    found = evaluate(table, CONFIG, ALL).metrics["learners"][ALL]["image"]["calibration"]
    after = found["temperature"]["after"]
    assert all(t > 1.5 for t in found["temperature"]["by_fold"].values())
    assert found["slope"]["hi"] < 1 and after["slope"]["lo"] < 1 < after["slope"]["hi"]
    for name in ("brier", "expected_calibration_error"):
        assert after[name]["value"] < found[name]["value"]


def test_separated_classes_have_no_slope_and_say_so():
    label = np.arange(40) % 2
    found = calibrated.figures(judged(label, 0.2 + 0.6 * label), whole(40, 100, 0), CONFIG)
    assert np.isnan(found["slope"]["value"]) and found["slope"]["method"].startswith("none")
    assert np.isnan(found["intercept"]["lo"]) and found["brier"]["value"] == pytest.approx(0.04)
    rounds = np.where(np.arange(100) < 30, np.inf, np.linspace(1, 2, 100))
    assert "separate the classes" in calibrated.slope_interval(1.5, rounds).method
    rounds = np.where(np.arange(100) < 10, np.inf, np.linspace(1, 2, 100))
    assert np.isfinite(calibrated.slope_interval(1.5, rounds).hi)
    rounds = np.where(np.arange(100) < 30, np.nan, np.linspace(1, 2, 100))
    assert "separate the classes" in calibrated.intercept_interval(0.7, rounds).method


def test_ties_everywhere_and_one_class_are_notes_not_crashes():
    label = np.arange(40) % 2
    flat = calibrated.figures(judged(label, np.full(40, 0.3)), whole(40, 100, 0), CONFIG)
    assert np.isnan(flat["slope"]["value"]) and np.isnan(flat["slope"]["lo"])
    assert flat["expected_calibration_error"]["value"] == pytest.approx(0.2)
    none = np.zeros(40, dtype=int)
    found = calibrated.figures(judged(none, np.linspace(0, 1, 40)), whole(40, 100, 0), CONFIG)
    assert np.isnan(found["slope"]["value"]) and np.isfinite(found["brier"]["lo"])


def test_perfect_calibration_is_not_excluded_by_noise():
    """Calibrated by construction: the error of the sample is above 0, its interval reaches 0."""
    generator, touched = np.random.default_rng(5), 0
    for seed in range(60):
        probability = generator.random(100)
        label = (generator.random(100) < probability).astype(int)
        found = calibrated.figures(judged(label, probability), whole(100, 200, seed), CONFIG)
        touched += found["expected_calibration_error"]["lo"] == 0
    assert touched >= 53
