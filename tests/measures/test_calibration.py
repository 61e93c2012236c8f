"""Calibration against scikit-learn, statsmodels and by law."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss

from osteon.measures import discrimination
from osteon.measures.calibration import brier, expected_error, slope_intercept, slopes, surplus
from osteon.measures.intervals import draw


def drawn(n=4000, stretch=1.0, seed=0):
    generator = np.random.default_rng(seed)
    true = generator.normal(size=n)
    return (generator.random(n) < expit(true)).astype(int), expit(stretch * true)


def test_brier_and_slope_equal_the_references():
    label, probability = drawn(300)
    assert brier(label, probability) == pytest.approx(brier_score_loss(label, probability))
    fit = sm.Logit(label, sm.add_constant(logit(probability))).fit(disp=0)
    slope, intercept = slope_intercept(label, probability)
    assert (intercept, slope) == pytest.approx(tuple(fit.params), abs=1e-6)


def test_slope_finds_overconfidence():
    assert slope_intercept(*drawn(20_000))[0] == pytest.approx(1, abs=0.1)
    assert slope_intercept(*drawn(20_000, stretch=2))[0] == pytest.approx(0.5, abs=0.05)


def test_expected_error_worked_example():
    # Bins 0.2-0.3 (mean 0.25, none of 2 positive) and 0.7-0.8 (mean 0.75, 2 of 2): 0.25 each.
    label, probability = np.array([0, 0, 1, 1]), np.array([0.25, 0.25, 0.75, 0.75])
    assert expected_error(label, probability) == pytest.approx(0.25)
    assert expected_error(np.array([0, 1]), np.array([0.0, 1.0])) == 0


@pytest.mark.parametrize(
    ("label", "probability"),
    [([1, 1], [0.2, 0.7]), ([0, 1], [0.5, 0.5]), ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])],
)
def test_slope_is_not_invented(label, probability):
    assert np.isnan(slope_intercept(np.array(label), np.array(probability))).all()


def test_expected_error_equals_a_loop_over_bins():
    label, probability = drawn(500, stretch=2)
    total = 0.0
    for low in np.arange(10) / 10:
        inside = (probability >= low) & (probability < low + 0.1)
        if inside.any():
            gap = abs(probability[inside].mean() - label[inside].mean())
            total += inside.mean() * gap
    assert expected_error(label, probability) == pytest.approx(total, abs=1e-12)


def images(seed=0, patients=60):
    generator = np.random.default_rng(seed)
    unit = np.repeat(np.arange(patients), generator.integers(1, 4, patients))
    label = unit % 2
    probability = expit(label - 0.5 + generator.normal(size=len(unit)))
    return label, probability, unit, draw(np.arange(patients) % 2, 30, seed)


def test_each_round_equals_statsmodels_on_the_rows_written_out():
    label, probability, unit, weights = images()
    slope, intercept = slopes(weights, label, probability, unit)
    excess = surplus(weights, label, probability, unit)
    for r, one in enumerate(weights):
        rows = np.repeat(np.arange(len(unit)), one[unit])
        design = sm.add_constant(logit(probability[rows]))
        fit = sm.Logit(label[rows], design).fit(disp=0, tol=1e-12)
        assert (intercept[r], slope[r]) == pytest.approx(tuple(fit.params), abs=1e-9)
        expected = expected_error(label[rows], probability[rows])
        assert np.abs(excess[r]).sum() == pytest.approx(expected, abs=1e-12)


def test_chunks_do_not_change_the_slopes(monkeypatch):
    label, probability, unit, weights = images(1)
    whole = slopes(weights, label, probability, unit)
    monkeypatch.setattr(discrimination, "CHUNK", 300)
    np.testing.assert_allclose(slopes(weights, label, probability, unit), whole, rtol=1e-9)


def test_resamples_near_to_separation_settle_or_are_infinite():
    """Twelve patients, one out of order: resamples without it separate the classes."""
    label = np.array([0] * 6 + [1] * 6)
    probability = np.array([0.1, 0.15, 0.2, 0.25, 0.3, 0.7, 0.6, 0.75, 0.8, 0.85, 0.9, 0.95])
    weights = draw(label, 400, 0)
    slope, intercept = slopes(weights, label, probability, np.arange(12))
    overlap = (weights[:, 5] > 0) & (weights[:, 6] > 0)
    assert np.isposinf(slope[~overlap]).all() and np.isnan(intercept[~overlap]).all()
    assert np.isfinite(slope[overlap]).all() and (slope[overlap] > 0).all()
    assert np.isnan(slopes(np.eye(12), label, probability, np.arange(12))[0]).all()
