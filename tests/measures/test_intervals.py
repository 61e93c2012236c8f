"""Wilson against scipy and statsmodels; draws keep the classes; BCa against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap
from statsmodels.stats.proportion import proportion_confint

from osteon.measures.intervals import bca, draw, leave_one_out, percentile, wilson


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipy_and_statsmodels(case):
    successes, trials = case
    ours = wilson(successes, trials)
    theirs = binomtest(successes, trials).proportion_ci(method="wilson")
    assert ours.lo == pytest.approx(theirs.low, abs=1e-9)
    assert ours.hi == pytest.approx(theirs.high, abs=1e-9)
    other = proportion_confint(successes, trials, method="wilson")
    assert (ours.lo, ours.hi) == pytest.approx(other, abs=1e-9)


def test_wilson_reference_values():
    # Newcombe 1998 (Stat Med 17:857), Table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for case, expected in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0000, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        found = wilson(*case)
        assert (found.lo, found.hi) == pytest.approx(expected, abs=5e-5)


def test_wilson_refuses_more_successes_than_trials():
    with pytest.raises(ValueError, match="successes: 4 found"):
        wilson(4, 3)
    assert np.isnan(wilson(0, 0).lo)


def test_draws_keep_the_classes_and_the_seed():
    label = np.array([0] * 7 + [1] * 3)
    weights = draw(label, 500, seed=3)
    assert weights.shape == (500, 10)
    np.testing.assert_array_equal(weights[:, :7].sum(1), 7)
    np.testing.assert_array_equal(weights[:, 7:].sum(1), 3)
    np.testing.assert_array_equal(weights, draw(label, 500, seed=3))
    assert not np.array_equal(weights, draw(label, 500, seed=4))
    assert weights.mean(0) == pytest.approx(np.ones(10), abs=0.2)


def test_bca_equals_scipy_on_one_stratum():
    generator = np.random.default_rng(5)
    sample = generator.exponential(size=40)
    label = np.zeros(40, dtype=int)
    rounds = draw(label, 20_000, 0) @ sample / 40
    jackknife = leave_one_out(40) @ sample / 39
    ours = bca(sample.mean(), rounds, jackknife, label)
    theirs = bootstrap(
        (sample,), np.mean, n_resamples=20_000, method="BCa", random_state=0
    ).confidence_interval
    assert (ours.lo, ours.hi) == pytest.approx((theirs.low, theirs.high), abs=0.02)
    plain = percentile(rounds)
    assert ours.lo > plain.lo and ours.hi > plain.hi, "a skewed mean is moved to the right"


def test_bca_says_when_it_falls_back():
    label = np.array([0, 0, 1, 1])
    found = bca(1.0, np.ones(50), np.ones(4), label)
    assert (found.lo, found.hi, found.method) == (1.0, 1.0, "bootstrap percentile")
