"""Wilson against scipy and statsmodels; draws keep the classes; BCa against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap
from statsmodels.stats.proportion import proportion_confint

from osteon.measures.intervals import bca, draw, draws, leave_one_out, percentile, wilson


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
    found = bca(1.0, np.linspace(0, 1, 50), np.ones(4), label)
    assert found.method == "bootstrap percentile"


def test_rounding_is_no_width():
    for found in (
        percentile(0.1 + 1e-14 * np.arange(50)),
        bca(0.1, 0.1 + 1e-14 * np.arange(50), np.arange(4.0)),
        bca(5e-241, 1e-241 * np.arange(50), 1e-241 * np.arange(4)),
    ):
        assert np.isnan(found.lo) and found.method == "none: all resamples gave the same value"
    assert percentile(np.full(5, np.nan)).method == "none: not defined in any resample"


def test_resamples_without_a_value_are_left_out_and_counted():
    generator = np.random.default_rng(0)
    rounds, jackknife = generator.normal(size=500), generator.normal(size=30)
    gaps = np.append(rounds, [np.nan, np.nan, np.nan])
    for whole, some in (
        (percentile(rounds), percentile(gaps)),
        (bca(0.1, rounds, jackknife), bca(0.1, gaps, jackknife)),
    ):
        assert (whole.lo, whole.hi) == (some.lo, some.hi)
        assert some.method == (f"{whole.method}; 3 of 503 resamples left out, not defined there")


def test_one_kind_of_draw_keeps_the_classes_and_the_other_their_sum():
    label = np.array([0] * 40 + [1] * 20)
    drawn = draws(label, 2000, 0)
    assert set(drawn.by_class[:, label == 1].sum(1)) == {20}
    positives = drawn.whole[:, label == 1].sum(1)
    assert set(drawn.whole.sum(1)) == {60}
    # Binomial(60, 1/3): SD sqrt(60 × 2/9) = 3.65.
    assert positives.mean() == pytest.approx(20, abs=0.4)
    assert positives.std() == pytest.approx(3.65, rel=0.06)
