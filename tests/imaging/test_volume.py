"""Where the slices of a volume lie, in DICOM's terms."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.imaging.volume import PLANES, axes_of, cut, places_of, slice_affine

ANGLES = st.floats(-0.6, 0.6)


def rotated(a, b, c):
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


@settings(max_examples=40, deadline=None)
@given(ANGLES, ANGLES, ANGLES, st.sampled_from(PLANES))
def test_a_pixel_lies_where_its_voxel_does(a, b, c, view):
    """PS3.3 C.7.6.2.1.1: position + column spacing and row spacing times the two directions."""
    shape = (3, 4, 5)
    # axes (left, posterior, superior) as steps in RAS
    steps = rotated(a, b, c) @ np.diag([-2.0, -0.7, 1.1])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps, (11.0, -5.0, 3.0)
    volume = np.arange(60).reshape(*shape, 1)
    stack = cut(volume, view)
    found = slice_affine(affine, shape[2], view)
    places = places_of(found, len(stack))
    spacing = np.linalg.norm(np.asarray(found)[:, :2], axis=0)
    for k, row, column in [(0, 0, 0), (1, 2, 1), (len(stack) - 1, 1, 2)]:
        voxel = np.unravel_index(stack[k, row, column], shape)
        ras = nib.affines.apply_affine(affine, voxel)
        along, down = np.split(np.array(places[k].orientation), 2)
        here = places[k].position + column * spacing[0] * along + row * spacing[1] * down
        np.testing.assert_allclose(here, ras * [-1, -1, 1], atol=1e-9)
        assert abs(along @ down) < 1e-9 and np.linalg.norm(along) == pytest.approx(1)


def test_planes_as_a_reader_sees_them():
    assert [axes_of(view) for view in PLANES] == [(0, 2, 1), (1, 2, 0), (2, 1, 0)]
    plain = np.diag([-1.0, -1.0, 1.0, 1.0])  # LPS indices
    orientations = {
        view: places_of(slice_affine(plain, 5, view), 1)[0].orientation for view in PLANES
    }
    assert orientations["SAGITTAL"] == (0, 1, 0, 0, 0, -1)
    assert orientations["CORONAL"] == (1, 0, 0, 0, 0, -1)
    assert orientations["AXIAL"] == (1, 0, 0, 0, 1, 0)


@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_an_affine_that_says_nothing(fault):
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[0, 3] = fault
    assert slice_affine(affine, 3, "AXIAL") == ()
    assert slice_affine(np.diag([1.0, 0.0, 1.0, 1.0]), 3, "AXIAL") == ()
    assert places_of((), 3) is None


def test_skew_inside_a_slice_has_no_orientation_and_a_tilted_stack_has_one():
    affine = np.diag([-1.0, -1.0, 3.0, 1.0])
    affine[0, 1] = 0.1
    assert places_of(slice_affine(affine, 4, "AXIAL"), 4) is None
    affine[0, 1], affine[1, 2] = 0.0, 0.5
    places = places_of(slice_affine(affine, 4, "AXIAL"), 4)
    assert np.diff([place.position for place in places], axis=0).tolist() == [[0, -0.5, 3]] * 3
