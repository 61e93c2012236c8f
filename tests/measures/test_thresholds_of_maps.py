"""Counts at every threshold are those of calling at it; the mean curve is of patients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from osteon.measures.segmentation import COUNTS, count
from osteon.measures.thresholds_of_maps import LEVELS, ThresholdCounts, curve

VALUES = st.integers(0, 255).map(lambda value: np.float32(value) / np.float32(255))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_counts_equal_calling_at_each_threshold(data):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    slices = [
        (data.draw(arrays(np.float32, shape, elements=VALUES)), data.draw(arrays(bool, shape)))
        for _ in range(2)
    ]
    counted = ThresholdCounts()
    for probability, reference in slices:
        counted.add("P1", probability, reference)
    table = counted.table()
    assert len(table) == len(LEVELS) == 19
    for level, row in zip(LEVELS, table.itertuples(), strict=True):
        one, two = (count(probability >= level, reference) for probability, reference in slices)
        assert [getattr(row, name) for name in COUNTS] == [one[n] + two[n] for n in COUNTS]


def test_a_pixel_at_a_half_is_called_at_a_half():
    counted = ThresholdCounts()
    counted.add("P1", np.full((1, 1), 0.5, np.float32), np.ones((1, 1), bool))
    table = counted.table().set_index("threshold")
    assert table.loc[0.5, "tp"] == 1 and table.loc[0.55, "tp"] == 0


def test_the_curve_is_a_mean_over_patients():
    counted = ThresholdCounts()
    truth = np.array([[True, True, False, False]])
    counted.add("P1", np.array([[0.9, 0.9, 0.1, 0.0]], np.float32), truth)
    counted.add("P2", np.array([[0.6, 0.2, 0.0, 0.0]], np.float32), truth)
    found = curve(counted.table())
    at = dict(zip(found["threshold"], found["dice"], strict=True))
    assert at[0.5] == pytest.approx((1 + 2 / 3) / 2)
    assert at[0.8] == pytest.approx((1 + 0) / 2)
    assert found["n_patients"] == 2 and "not chosen" in found["note"]
