"""Calibration against scikit-learn, statsmodels and by law."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss

from osteon.measures.calibration import brier, expected_error, slope_intercept


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
