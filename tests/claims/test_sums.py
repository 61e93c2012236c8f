"""The arithmetic behind the contradictions, by laws and by other people's results."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from osteon.claims.contradictions import sums
from osteon.claims.contradictions.femoral_alexnet import accuracy_at, f1_at, precision_at
from osteon.claims.contradictions.spinal_penn import iou_of
from osteon.claims.contradictions.spinal_smsdnet import hue
from osteon.claims.contradictions.spinal_wff_age import mcnemar_floor

share = st.floats(0.05, 0.95)


@given(st.integers(1, 400), st.floats(0, 1), st.integers(1, 4))
def test_counts_are_those_that_round_to_the_value(size, value, decimals):
    value = round(value, decimals)
    found = sums.counts_giving(value, size, decimals)
    near = 10.0**-decimals
    wanted = {k for k in range(size + 1) if abs(k / size - value) <= 0.5 * near - 1e-9}
    assert wanted <= set(found)
    assert all(abs(k / size - value) <= 0.5 * near + 1e-7 for k in found)


@given(share, share, share)
def test_accuracy_and_prevalence_undo_each_other(precision, recall, prevalence):
    accuracy = sums.accuracy_of(precision, recall, prevalence)
    assert sums.prevalence_of(accuracy, precision, recall) == pytest.approx(prevalence)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_formulas_agree_with_a_table_of_counts(tp, fn, fp, tn):
    se, sp, prevalence = tp / (tp + fn), tn / (tn + fp), (tp + fn) / (tp + fn + fp + tn)
    precision = tp / (tp + fp)
    accuracy = (tp + tn) / (tp + fn + fp + tn)
    f1 = 2 * tp / (2 * tp + fp + fn)
    assert accuracy_at(se, sp, prevalence) == pytest.approx(accuracy)
    assert sums.accuracy_of(precision, se, prevalence) == pytest.approx(accuracy)
    assert precision_at(se, sp, prevalence) == pytest.approx(precision)
    assert f1_at(se, sp, prevalence) == pytest.approx(f1)
    assert sums.f1_of(precision, se) == pytest.approx(f1)
    assert iou_of(f1) == pytest.approx(tp / (tp + fp + fn))


@given(st.lists(st.floats(0, 10), min_size=2, max_size=30))
def test_no_sample_exceeds_the_largest_deviation(values):
    most = sums.max_sd(float(np.mean(values)), min(values), max(values))
    assert np.std(values) <= most + 1e-9


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 10))
def test_mcnemar_s_floor_is_the_exact_test_without_pairs_to_and_fro(lost, won, more):
    if lost + won == 0:
        assert mcnemar_floor(lost, won) == 1
        return
    exact = binomtest(min(lost, won), lost + won, 0.5).pvalue
    assert mcnemar_floor(lost, won) == pytest.approx(exact)
    wider = binomtest(min(lost, won) + more, lost + won + 2 * more, 0.5).pvalue
    assert wider >= exact - 1e-12


def test_hanley_and_mcneil_give_the_spread_of_exponential_scores():
    # Their Q1 and Q2 are exact for exponential scores; a mean of 4 against 1 has area 4/5.
    generator = np.random.default_rng(0)
    positive = generator.exponential(4.0, (4000, 30, 1))
    negative = generator.exponential(1.0, (4000, 1, 20))
    areas = (positive > negative).mean((1, 2))
    assert areas.mean() == pytest.approx(0.8, abs=0.005)
    assert areas.std() == pytest.approx(sums.hanley_mcneil(0.8, 30, 20), rel=0.05)


def test_hexcone_offsets_give_the_hues_of_colorsys():
    import colorsys

    for colour in ((1.0, 0.2, 0.1), (0.1, 0.9, 0.3), (0.2, 0.1, 0.8)):
        assert hue(colour, [0, 2, 4]) % 360 == pytest.approx(360 * colorsys.rgb_to_hsv(*colour)[0])


@given(share, share)
def test_rounding_alone_never_makes_a_contradiction(precision, recall):
    f1 = round(sums.f1_of(precision, recall), 3)
    ends = sums.reach(
        sums.f1_of, sums.around(round(precision, 3), 3), sums.around(round(recall, 3), 3)
    )
    assert sums.overlap(sums.around(f1, 3), ends)
