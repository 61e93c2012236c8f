"""Slices in order, and what is wrong with a series is said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.geometry import claimed_plane_warning, normal_of, order_slices, plane_of

AXIAL = (1.0, 0, 0, 0, 1, 0)
SAGITTAL = (0, 1.0, 0, 0, 0, -1)
CORONAL = (1.0, 0, 0, 0, 0, -1)


def series(heights, orientation=AXIAL):
    normal = normal_of(orientation)
    return [tuple(h * normal) for h in heights], [orientation] * len(heights)


def text(order) -> str:
    return "; ".join(order.warnings)


@given(st.permutations(list(range(7))))
def test_any_file_order_gives_the_same_slices(order):
    heights = [3.0 * place for place in order]
    found = order_slices(*series(heights, SAGITTAL), [None] * 7)
    assert [heights[row] for row in found.order] == sorted(heights)
    assert found.spacing == pytest.approx(3.0) and found.plane == "sagittal"
    assert found.warnings == ()


def test_planes_and_tilt_of_the_plane():
    assert [plane_of(o) for o in (AXIAL, SAGITTAL, CORONAL)] == ["axial", "sagittal", "coronal"]
    angle = np.radians(20)
    knee = (np.sin(angle), np.cos(angle), 0, 0, 0, -1)
    assert plane_of(knee) == "sagittal"
    angle = np.radians(45)
    assert plane_of((np.sin(angle), np.cos(angle), 0, 0, 0, -1)) == "oblique"


def test_claim():
    assert claimed_plane_warning("SAGITTAL", "sagittal") is None
    assert claimed_plane_warning("AP", "sagittal") is None
    assert "claimed sagittal" in str(claimed_plane_warning("Sagittal", "axial"))


def test_fallback_to_instance_number():
    found = order_slices([None] * 3, [None] * 3, [30, 10, 20])
    assert found.order.tolist() == [1, 2, 0] and found.plane == "unknown"
    assert "InstanceNumber" in text(found) and "3 of 3" in text(found)
    assert "missing or repeated" in text(order_slices([None] * 2, [None] * 2, [1, 1]))


def test_gaps_duplicates_and_uneven_steps():
    assert "1 gaps" in text(order_slices(*series([0, 3, 6, 15, 18]), [None] * 5))
    assert "1 slices lie" in text(order_slices(*series([0, 3, 3, 6]), [None] * 4))
    assert "uneven" in text(order_slices(*series([0, 3, 6, 9.9, 12.9]), [None] * 5))


def test_mixed_orientation_and_spacing():
    positions = [(0, 0, 0), (0, 0, 3), (5, 0, 0)]
    found = order_slices(
        positions, [AXIAL, AXIAL, SAGITTAL], [1, 2, 3], [(0.5, 0.5), (0.5, 0.5), (0.7, 0.7)]
    )
    assert found.plane == "mixed"
    assert "mixed orientation" in text(found) and "mixed pixel spacing" in text(found)


def test_tilted_stack():
    positions = [(0, z * np.tan(np.radians(15)), z) for z in (0.0, 3.0, 6.0)]
    found = order_slices(positions, [AXIAL] * 3, [None] * 3)
    assert "tilted: slices are stacked 15.0 degrees" in text(found)


def test_bad_cosines():
    with pytest.raises(ValueError, match="parallel"):
        normal_of((1, 0, 0, 1, 0, 0))
    with pytest.raises(ValueError, match="shape"):
        normal_of((1, 0, 0))
    found = order_slices([(0, 0, 1), (0, 0, 0)], [(0,) * 6, AXIAL], [2, 1])
    assert found.order.tolist() == [1, 0] and "1 of 2" in text(found)


def test_a_single_slice_and_none():
    assert np.isnan(order_slices(*series([5.0]), [1]).spacing)
    assert order_slices([], [], []).order.size == 0
