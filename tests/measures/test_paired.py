"""McNemar and Holm against scipy and statsmodels; the paired bootstrap by law."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar as reference
from statsmodels.stats.multitest import multipletests

from osteon.measures.discrimination import confusion, from_confusion
from osteon.measures.intervals import draw
from osteon.measures.paired import bootstrap_difference, holm, mcnemar


def from_table(both, only_first, only_second, neither):
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return np.array(first), np.array(second)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_equals_statsmodels_and_binomtest(only_first, only_second):
    found = mcnemar(*from_table(5, only_first, only_second, 7))
    discordant = only_first + only_second
    table = [[5, only_first], [only_second, 7]]
    if discordant == 0:
        assert found.p == 1.0
    elif discordant < 25:
        assert found.method == "exact binomial"
        assert found.p == pytest.approx(binomtest(only_first, discordant).pvalue)
        assert found.p == pytest.approx(reference(table, exact=True).pvalue)
    elif only_first != only_second:  # statsmodels does not stop the correction at 0
        assert found.method == "chi-square, corrected"
        theirs = reference(table, exact=False, correction=True)
        assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_mcnemar_reference_values():
    # Agresti, Categorical Data Analysis, approval of the prime minister: 86 and 150 changed.
    # (|86 - 150| - 1)^2 / 236 = 16.818.
    found = mcnemar(*from_table(794, 150, 86, 570))
    assert found.statistic == pytest.approx(16.8178, abs=1e-4)
    assert found.p == pytest.approx(4.115e-05, rel=1e-3)
    # 1 against 9 discordant pairs: 2 * (1 + 10) / 2^10.
    assert mcnemar(*from_table(3, 1, 9, 3)).p == pytest.approx(22 / 1024)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_closed_testing_with_bonferroni(p_values):
    """A hypothesis is rejected when every set it belongs to is, by size times smallest p."""
    members = range(len(p_values))
    sets = [s for n in members for s in combinations(members, n + 1)]
    expected = [
        max(min(1, len(s) * min(p_values[j] for j in s)) for s in sets if k in s) for k in members
    ]
    np.testing.assert_allclose(holm(p_values), expected, atol=1e-12)


def test_holm_equals_statsmodels():
    p_values = np.random.default_rng(0).random(15) ** 3
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])


def test_holm_leaves_out_what_is_not_defined():
    # Holm 1979: 0.01, 0.04, 0.03 of three.
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    found = holm([0.01, float("nan"), 0.04])
    assert found[0] == pytest.approx(0.02)
    assert np.isnan(found[1])


def test_same_draws_make_the_difference_of_a_learner_with_itself_zero():
    rounds = np.random.default_rng(0).random(200)
    found = bootstrap_difference(0.0, rounds, rounds + 1e-16)
    assert found.p == 1.0 and np.isnan(found.lo) and "same value" in found.method


def test_rounds_without_a_value_are_left_out_and_counted():
    first = np.linspace(0, 1, 200)
    first[:7] = np.nan
    found = bootstrap_difference(0.5, first, np.zeros(200))
    assert found.lo > 0 and "7 of 200 resamples left out" in found.method
    nothing = bootstrap_difference(np.nan, first, first)
    assert np.isnan(nothing.p) and nothing.method.startswith("none")


def test_p_is_never_zero_and_says_how_many_rounds():
    found = bootstrap_difference(0.5, np.full(1999, 0.9), np.full(1999, 0.4))
    assert found.p == pytest.approx(2 / 2000)


def test_paired_bootstrap_covers_the_true_difference():
    generator, label = np.random.default_rng(2), np.array([0] * 100 + [1] * 100)
    unit, truth, hits, sims = np.arange(200), label == 1, 0, 400
    for s in range(sims):
        luck = generator.random(200)
        weights = draw(label, 500, s)
        rounds, values = [], []
        for accuracy in (0.8, 0.7):
            called = np.where(
                0.5 * luck + 0.5 * generator.random(200) < cut(accuracy), truth, ~truth
            )
            rounds.append(from_confusion(confusion(weights, label, called, unit))["accuracy"])
            values.append((called == truth).mean())
        found = bootstrap_difference(values[0] - values[1], *rounds)
        hits += found.lo <= 0.1 <= found.hi
    assert 0.92 <= hits / sims <= 0.98


def cut(share):
    """The quantile of the mean of two uniforms below which `share` of them lie (share > 0.5)."""
    return 1 - np.sqrt((1 - share) / 2)
