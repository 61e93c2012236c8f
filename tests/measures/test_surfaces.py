"""Surface distances by hand, by brute force and by law."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from osteon.measures.surfaces import (
    MaskError,
    boundary,
    hausdorff,
    surface_dice,
    surface_distances,
)

SHAPES = array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7)
STEPS = st.sampled_from([0.3, 0.68, 1.0, 3.0])
laws = settings(max_examples=80, deadline=None)


@st.composite
def pairs(draw, filled=False):
    shape = draw(SHAPES)
    first, second = (draw(arrays(bool, shape)) for _ in range(2))
    if filled:
        first.flat[draw(st.integers(0, first.size - 1))] = True
        second.flat[draw(st.integers(0, first.size - 1))] = True
    spacing = tuple(draw(STEPS) for _ in shape)
    return first, second, spacing


def square(low, high, side=10):
    mask = np.zeros((side, side), bool)
    mask[low:high, low:high] = True
    return mask


def test_the_boundary_is_what_touches_the_outside():
    assert boundary(square(2, 6)).sum() == 12
    assert boundary(np.ones((3, 3), bool)).sum() == 8  # beyond the image is outside
    assert boundary(np.ones((3, 3, 3), bool)).sum() == 26


def test_a_shifted_pixel_by_hand():
    # One pixel, moved 1 row (3 mm) and 2 columns (0.5 mm each): sqrt(9 + 1).
    one, other = np.zeros((5, 5)), np.zeros((5, 5))
    one[1, 1] = other[2, 3] = 1
    found = [surface_distances(one, other, (3.0, 0.5))]
    assert hausdorff(found) == pytest.approx(np.sqrt(10))
    assert surface_dice(found, 3.0) == 0.0 and surface_dice(found, np.sqrt(10)) == 1.0


def test_a_line_and_a_longer_line_by_hand():
    # 2 pixels within a row of 12: from the long line 0, 0 and 1 to 10 mm; from the short one 0.
    short, long = np.zeros((1, 14)), np.zeros((1, 14))
    short[0, 1:3], long[0, 1:13] = 1, 1
    found = [surface_distances(short, long, (1.0, 1.0))]
    assert hausdorff(found, 100) == 10.0
    assert hausdorff(found) == pytest.approx(9.45)  # 0.95 * 11 = 10.45: between 9 and 10 mm
    assert surface_dice(found, 2.0) == pytest.approx((2 + 4) / 14)


def test_images_of_a_patient_are_pooled_not_averaged():
    same = surface_distances(square(2, 6), square(2, 6), (1, 1))
    off = surface_distances(square(2, 4), square(6, 8), (1, 1))
    assert surface_dice([same, off], 1.0) == pytest.approx(24 / 32)
    assert hausdorff([same], 95) == 0.0 < hausdorff([same, off])


def test_one_empty_mask_is_the_worst_answer_and_two_are_no_answer():
    empty, some = np.zeros((240, 240, 155), bool), np.zeros((240, 240, 155), bool)
    some[100:110, 100:110, 50:60] = True
    for pair in ((empty, some), (some, empty)):
        found = [surface_distances(*pair, (1, 1, 1))]
        assert hausdorff(found) == pytest.approx(373.1287, abs=1e-4)  # as in BraTS
        assert surface_dice(found, 1e6) == 0.0
    none = [surface_distances(square(0, 0), square(0, 0), (1, 1))]
    assert np.isnan(hausdorff(none)) and np.isnan(surface_dice(none, 1.0))
    assert np.isnan(hausdorff([])) and np.isnan(surface_dice([], 1.0))


@laws
@given(pairs(filled=True))
def test_distances_equal_brute_force(pair):
    first, second, spacing = pair
    found = surface_distances(first, second, spacing)
    points = [np.argwhere(boundary(mask)) * spacing for mask in (first, second)]
    table = np.linalg.norm(points[0][:, None] - points[1][None], axis=2)
    np.testing.assert_allclose(found.from_prediction, table.min(axis=1), atol=1e-9)
    np.testing.assert_allclose(found.from_reference, table.min(axis=0), atol=1e-9)
    worst = max(table.min(axis=1).max(), table.min(axis=0).max())
    assert hausdorff([found], 100) == pytest.approx(worst)


@laws
@given(pairs(), st.sampled_from([0.0, 0.3, 1.0, 2.0]))
def test_symmetry(pair, tolerance):
    first, second, spacing = pair
    one = [surface_distances(first, second, spacing)]
    other = [surface_distances(second, first, spacing)]
    np.testing.assert_equal(hausdorff(one), hausdorff(other))
    np.testing.assert_equal(surface_dice(one, tolerance), surface_dice(other, tolerance))


@laws
@given(pairs(filled=True))
def test_a_mask_is_nowhere_from_itself(pair):
    found = [surface_distances(pair[0], pair[0], pair[2])]
    assert hausdorff(found, 100) == 0.0 and surface_dice(found, 0.0) == 1.0


@laws
@given(pairs(filled=True), st.integers(1, 3))
def test_moving_both_masks_changes_nothing(pair, by):
    first, second, spacing = pair
    moved = [np.pad(mask, by) for mask in (first, second)]
    here, there = (
        [surface_distances(*masks, spacing)] for masks in ((first, second), tuple(moved))
    )
    assert hausdorff(here) == pytest.approx(hausdorff(there))
    assert surface_dice(here, 0.7) == surface_dice(there, 0.7)


@laws
@given(pairs(filled=True), st.sampled_from([0.1, 0.5, 3.0, 7.0]))
def test_distances_scale_with_the_spacing(pair, factor):
    first, second, spacing = pair
    here = [surface_distances(first, second, spacing)]
    there = [surface_distances(first, second, [factor * step for step in spacing])]
    assert hausdorff(there) == pytest.approx(factor * hausdorff(here))
    # At a tolerance that is itself a distance: rounding decides nothing.
    tolerance = float(here[0].from_prediction.max())
    assert surface_dice(there, factor * tolerance) == surface_dice(here, tolerance)


@laws
@given(pairs(filled=True))
def test_a_greater_tolerance_or_percentile_never_gives_less(pair):
    found = [surface_distances(*pair)]
    shares = [surface_dice(found, tolerance) for tolerance in (0, 0.3, 1, 3, 30)]
    assert shares == sorted(shares) and shares[-1] == 1.0
    ends = [hausdorff(found, percentile) for percentile in (0, 50, 95, 100)]
    assert ends == sorted(ends)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prediction": np.zeros((4, 5))}, r"prediction: shape \(4, 5\) found, the shape of ref"),
        ({"prediction": np.zeros(4)}, r"prediction: shape \(4,\) found, \(H, W\) or"),
        ({"prediction": np.zeros((0, 4))}, r"prediction: shape \(0, 4\)"),
        ({"prediction": np.full((4, 4), np.nan)}, r"prediction: float64 with \[nan\] found"),
        ({"reference": np.full((4, 4), 0.4)}, r"reference: float64 with \[0.4\] found, only 0"),
        ({"reference": np.full((4, 4), 2)}, r"reference: int64 with \[2\] found"),
        ({"reference": np.full((4, 4), "x")}, "reference: <U1 with"),
        ({"spacing": (1.0,)}, r"spacing: \(1.0,\) found, 2 positive"),
        ({"spacing": (1.0, 0.0)}, "spacing"),
        ({"spacing": (1.0, np.nan)}, "spacing"),
    ],
)
def test_what_cannot_be_judged_is_named(change, said):
    given = {"prediction": np.eye(4), "reference": np.eye(4), "spacing": (1.0, 1.0)} | change
    with pytest.raises(MaskError, match=said):
        surface_distances(**given)


def test_tolerance_and_percentile_out_of_range_are_named():
    found = [surface_distances(np.eye(4), np.eye(4), (1, 1))]
    for tolerance in (-1.0, np.nan, np.inf):
        with pytest.raises(MaskError, match="tolerance"):
            surface_dice(found, tolerance)
    for percentile in (-1, 101, np.nan):
        with pytest.raises(MaskError, match="percentile"):
            hausdorff(found, percentile)
