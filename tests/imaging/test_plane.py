"""The word of a plane, from the orientation alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.geometry import normal_of
from osteon.imaging.plane import plane_word

WORDS = np.array(["SAGITTAL", "CORONAL", "AXIAL"])


@pytest.mark.parametrize(
    ("orientation", "word"),
    [
        ((0, 1, 0, 0, 0, -1), "SAGITTAL"),
        ((1, 0, 0, 0, 0, -1), "CORONAL"),
        ((1, 0, 0, 0, 1, 0), "AXIAL"),
        ((-1, 0, 0, 0, -1, 0), "AXIAL"),  # feet first: the normal points the other way
        ((0.64, 0.77, 0, 0, 0, -1), "SAGITTAL"),  # 40 degrees: no longer called so elsewhere
        (None, ""),
        ((), ""),
        ((0, 0, 0, 0, 0, 0), ""),
        ((1, 0, 0, 1, 0, 0), ""),
        # the normal along the body's diagonal, 54.7 degrees from each axis
        ((1, -1, 0, 1, 1, -2), ""),
    ],
)
def test_the_nearest_axis_names_the_plane(orientation, word):
    assert plane_word(orientation) == word


UNIT = st.floats(-1, 1, allow_nan=False)


@given(st.tuples(*[UNIT] * 6))
def test_the_largest_component_of_the_normal_decides(orientation):
    found = plane_word(orientation)
    try:
        normal = np.abs(normal_of(orientation))
    except ValueError:
        assert found == ""
        return
    if found:
        assert found == WORDS[np.argmax(normal)] and normal.max() >= np.cos(np.radians(45)) - 1e-9
    else:
        assert normal.max() <= np.cos(np.radians(45)) + 1e-9
