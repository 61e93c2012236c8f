"""Intervals of calibration: shapes, undefined ones, before and after temperature, coverage."""

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


def scores(label, distance, stretch, shift, generator):
    """Binormal: the true log odds are distance × (x - distance / 2); then stretched and shifted."""
    x = generator.normal(size=len(label)) + distance * label
    return expit(stretch * distance * (x - distance / 2) + shift)


@pytest.mark.parametrize(
    ("n", "distance", "stretch", "shift", "sims"),
    [(60, 0.5, 1, 0, 300), (60, 1.8, 1.6, 0.3, 300), (300, 1.8, 1.6, 0.3, 150)],
)
def test_intervals_cover_at_60_and_300_patients(n, distance, stretch, shift, sims):
    label, generator = np.arange(n) % 2, np.random.default_rng(n)
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
        one = judged(label, scores(label, distance, stretch, shift, generator))
        found = calibrated.figures(one, draw(label, 300, seed), CONFIG)
        for name, value in truth.items():
            hits[name] += found[name]["lo"] <= value <= found[name]["hi"]
    # Bounds of 93 and 97 %, and one standard error of the simulation.
    error = np.sqrt(0.95 * 0.05 / sims)
    for name, count in hits.items():
        assert 0.93 - error <= count / sims <= 0.97 + error, (name, count / sims)


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
    found = calibrated.figures(judged(label, 0.2 + 0.6 * label), draw(label, 100, 0), CONFIG)
    assert np.isnan(found["slope"]["value"]) and found["slope"]["method"].startswith("none")
    assert np.isnan(found["intercept"]["lo"]) and found["brier"]["value"] == pytest.approx(0.04)
    rounds = np.where(np.arange(100) < 30, np.inf, np.linspace(1, 2, 100))
    assert "separate the classes" in calibrated.slope_interval(1.5, rounds).method
    rounds = np.where(np.arange(100) < 10, np.inf, np.linspace(1, 2, 100))
    assert np.isfinite(calibrated.slope_interval(1.5, rounds).hi)
    rounds = np.where(np.arange(100) < 30, np.nan, np.linspace(1, 2, 100))
    assert "separate the classes" in calibrated.intercept_interval(rounds).method


def test_ties_everywhere_and_one_class_are_notes_not_crashes():
    label = np.arange(40) % 2
    flat = calibrated.figures(judged(label, np.full(40, 0.3)), draw(label, 100, 0), CONFIG)
    assert np.isnan(flat["slope"]["value"]) and np.isnan(flat["slope"]["lo"])
    assert flat["expected_calibration_error"]["value"] == pytest.approx(0.2)
    none = np.zeros(40, dtype=int)
    found = calibrated.figures(judged(none, np.linspace(0, 1, 40)), draw(none, 100, 0), CONFIG)
    assert np.isnan(found["slope"]["value"]) and np.isfinite(found["brier"]["lo"])


def test_perfect_calibration_is_not_excluded_by_noise():
    """Calibrated by construction: the error of the sample is above 0, its interval reaches 0."""
    generator, touched = np.random.default_rng(5), 0
    for seed in range(60):
        probability = generator.random(100)
        label = (generator.random(100) < probability).astype(int)
        found = calibrated.figures(judged(label, probability), draw(label, 200, seed), CONFIG)
        touched += found["expected_calibration_error"]["lo"] == 0
    assert touched >= 53
