"""Youden's threshold, and that the judged fold has no part in its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from osteon.measures.thresholds import by_fold, youden


@given(st.integers(0, 100_000))
def test_youden_is_the_best_point_of_the_curve(seed):
    generator = np.random.default_rng(seed)
    label = generator.permutation(np.array([0] * 15 + [1] * 10))
    score = generator.integers(0, 8, 25) / 7
    fpr, tpr, _ = roc_curve(label, score, drop_intermediate=False)
    called = score >= youden(label, score)
    index = called[label == 1].mean() - called[label == 0].mean()
    assert index == pytest.approx(max((tpr - fpr)[1:].max(), 0))


def test_between_two_scores_not_on_one():
    assert youden(np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.7, 0.9])) == pytest.approx(0.5)


def test_neighbouring_floats_keep_their_side():
    low = 0.3
    high = float(np.nextafter(low, 1))
    found = youden(np.array([0, 1]), np.array([low, high]))
    assert low < found <= high


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="0 positives and 2 negatives"):
        youden(np.zeros(2, dtype=int), np.array([0.1, 0.2]))


@given(st.integers(0, 100_000))
def test_the_judged_fold_has_no_part_in_its_threshold(seed):
    generator = np.random.default_rng(seed)
    label, fold = np.arange(40) % 2, np.arange(40) // 8
    score = generator.random(40)
    before = by_fold(label, score, fold)
    changed, flipped = score.copy(), label.copy()
    changed[fold == 2] = generator.random(8)
    flipped[fold == 2] = 1 - flipped[fold == 2]
    assert by_fold(flipped, changed, fold)[2] == before[2]
    others = fold != 2
    assert before[2] == youden(label[others], score[others])


def test_no_other_fold_no_threshold():
    label, score = np.array([0, 1]), np.array([0.2, 0.8])
    assert np.isnan(by_fold(label, score, np.zeros(2, dtype=int))[0])
