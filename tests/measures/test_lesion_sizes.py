"""Sizes in mm of circles of the same area; the size below which a patch rule sees nothing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.imaging.patches import patch_labels
from osteon.measures import lesion_sizes
from osteon.measures.lesion_sizes import band_of, diameters, floor_mm, largest
from osteon.measures.surfaces import MaskError


def disc(radius, side=64):
    y, x = np.mgrid[:side, :side]
    return np.hypot(y - side / 2, x - side / 2) <= radius


def test_a_disc_has_its_own_diameter_in_either_spacing():
    assert diameters(disc(20), (0.5, 0.5)) == pytest.approx([20.0], rel=0.01)
    # The same pixels with the same area a pixel: only the area counts.
    np.testing.assert_allclose(diameters(disc(20), (0.25, 1.0)), diameters(disc(20), (0.5, 0.5)))


def test_parts_are_8_connected_and_the_largest_comes_first():
    mask = np.zeros((12, 12), int)
    mask[0, 0] = mask[1, 1] = 1
    mask[5:8, 5:8] = 1
    np.testing.assert_allclose(diameters(mask, (1, 1)), 2 * np.sqrt(np.array([9, 2]) / np.pi))
    assert diameters(np.zeros((4, 4)), (1, 1)).size == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.floats(0.1, 3), st.floats(0.5, 4))
def test_sizes_grow_with_the_spacing(radius, spacing, factor):
    small = diameters(disc(radius), (spacing, spacing))
    large = diameters(disc(radius), (spacing * factor, spacing * factor))
    np.testing.assert_allclose(large, small * factor)


def test_the_floor_of_the_paper():
    # 615 px of 32 x 32; 260 mm in 384 and in 512 px.
    assert floor_mm(32, 0.6, 260 / 384) == pytest.approx(18.947, abs=1e-3)
    assert floor_mm(32, 0.6, 260 / 512) == pytest.approx(14.210, abs=1e-3)


@pytest.mark.parametrize("radius", [3, 4, 5, 6, 7, 8])
def test_no_disc_below_the_floor_makes_a_patch(radius):
    mask = disc(radius, 40).astype(np.uint8)
    size = float(diameters(mask, (1, 1))[0])
    found = patch_labels(mask, 14, 1, target=1, fraction=0.6).any()
    assert not found or size >= floor_mm(14, 0.6, 1.0)


def test_bands_meet_without_a_gap():
    ends = list(lesion_sizes.BANDS.values())
    assert ends[0][0] == 0 and ends[-1][1] == np.inf
    assert all(one[1] == two[0] for one, two in pairwise(ends))
    for value, name in ((7.99, "below 8 mm"), (8, "8 to 15 mm"), (40, "40 mm and more")):
        assert band_of(value) == name
    assert band_of(np.nan) == "none drawn"
    assert set(lesion_sizes.ORDERED) >= {*lesion_sizes.BANDS, lesion_sizes.NONE}


def test_the_largest_of_a_patient_over_all_slices():
    empty = np.zeros((64, 64), bool)
    found = largest(
        [
            ("P1", disc(4), (1, 1)),
            ("P1", disc(10), (1, 1)),
            ("P2", empty, (1, 1)),
            ("P3", disc(10), None),
            ("P1", disc(30), None),  # without spacing: shown, not measured
        ]
    ).set_index("patient_id")
    assert found.loc["P1", ["images", "with_target", "band"]].tolist() == [3, 3, "15 to 25 mm"]
    assert found.loc["P1", "largest_mm"] == pytest.approx(20, rel=0.02)
    assert found.loc["P2", ["images", "with_target", "band"]].tolist() == [1, 0, "none drawn"]
    assert found.loc["P3", "band"] == "pixel spacing not known"
    assert np.isnan(found.loc[["P2", "P3"], "largest_mm"]).all()


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(MaskError, match=r"\(H, W\) needed"):
        diameters(np.zeros((2, 2, 2)), (1, 1))
    with pytest.raises(MaskError, match="spacing"):
        diameters(np.zeros((2, 2)), (0, 1))
    with pytest.raises(ValueError, match="patch, spacing"):
        floor_mm(32, 0.6, 0.0)
    with pytest.raises(ValueError, match="fraction"):
        floor_mm(32, 1.2, 1.0)
