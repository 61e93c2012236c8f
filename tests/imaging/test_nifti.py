"""NIfTI: planes, places, odd values and odd types of voxels."""

import numpy as np
import pytest

from osteon.imaging.decode import load_display, open_picture
from osteon.imaging.nifti import LOWEST_HU, load_labels
from osteon.imaging.refusals import Refused
from tests.imaging.mask_makers import nifti

PLAIN = np.diag([-1.0, -1.0, 1.0, 1.0])
CUBE = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


@pytest.mark.parametrize(
    ("plane", "shape"),
    [("", (5, 4, 3)), ("AP", (5, 4, 3)), ("SAGITTAL", (3, 5, 4)), ("CORONAL", (4, 5, 3))],
)
def test_a_volume_is_cut_as_asked(tmp_path, plane, shape):
    path = nifti(tmp_path / "x.nii", CUBE, PLAIN)
    header = open_picture(path, plane=plane).header
    assert (header.frames, header.rows, header.columns) == shape
    assert header.view == (plane if plane in ("SAGITTAL", "CORONAL") else "AXIAL")
    assert load_labels(path, plane=plane).values.shape == shape


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("plane", ["", "CORONAL"])
def test_a_single_slice_is_never_cut_across(tmp_path, axis, plane):
    shape = [6, 6, 6]
    shape[axis] = 1
    data = np.zeros(shape, np.int16)
    header = open_picture(nifti(tmp_path / "x.nii", data, PLAIN), plane=plane).header
    assert (header.rows, header.columns, header.frames) == (6, 6, 1)
    assert header.view == ("SAGITTAL", "CORONAL", "AXIAL")[axis]


def test_an_oblique_volume_says_where_its_slices_lie(tmp_path):
    tilt = np.deg2rad(20)
    affine = np.array(
        [
            [4.0, 0, 0, 1],
            [0, np.cos(tilt), -np.sin(tilt), 2],
            [0, np.sin(tilt), np.cos(tilt), 3],
            [0, 0, 0, 1],
        ]
    )
    picture = open_picture(nifti(tmp_path / "x.nii.gz", CUBE, affine))
    frames = list(picture.frames())
    assert picture.header.view == "SAGITTAL" and picture.header.spacing == pytest.approx((1, 1))
    # first slice: the patient's right, stored index 2 (x = 9 mm to the left in RAS is -9 in LPS)
    np.testing.assert_allclose([f.position[0] for f in frames], [-9, -5, -1], atol=1e-5)
    expected = [0, np.cos(tilt), -np.sin(tilt), 0, -np.sin(tilt), -np.cos(tilt)]
    np.testing.assert_allclose(frames[0].orientation, expected, atol=1e-6)
    assert [frame.instance for frame in frames] == [1, 2, 3]


def test_a_file_without_a_stated_affine_has_no_place(tmp_path):
    picture = open_picture(nifti(tmp_path / "x.nii", CUBE, PLAIN, stated=False))
    assert picture.header.affine == ()
    assert {frame.position for frame in picture.frames()} == {None}


def test_volumes_of_a_time_series_lie_in_one_place(tmp_path):
    path = nifti(tmp_path / "x.nii", np.stack([CUBE, CUBE + 1], -1), PLAIN)
    frames = list(open_picture(path).frames())
    assert len(frames) == 10
    assert [f.position for f in frames[:5]] == [f.position for f in frames[5:]]
    assert len(load_labels(path).places) == 5


def test_pixels_that_are_no_number_are_counted_and_replaced(tmp_path):
    data = CUBE.astype(np.float32)
    data[0, 0, 2] = np.nan
    data[1, 0, 2] = np.inf
    data[2, 0, 2] = -np.inf
    path = nifti(tmp_path / "x.nii", data, PLAIN)
    frames = list(open_picture(path).frames())
    assert [frame.undefined for frame in frames] == [0, 0, 3, 0, 0]
    assert frames[2].pixels[0].tolist() == [0, 65535, 0]
    assert frames[0].pixels[0, 0] == 0 and frames[4].pixels.max() == 65535
    hu = list(open_picture(path, hounsfield=True).frames())[2].pixels
    assert hu[0].tolist() == [LOWEST_HU, 32767, -32768]


def test_colour_voxels_are_an_image_and_no_labels(tmp_path, real_data):
    path = next((real_data / "spine_nifti_samples").rglob("spine_report.nii.gz"))
    assert load_display(path).shape == (1244, 1201, 3)
    assert load_display(path).dtype == np.uint8
    assert open_picture(path, plane="SAGITTAL").header.frames == 1
    with pytest.raises(Refused, match="colour"):
        load_labels(path)


def test_synthetic_colour_voxels(tmp_path):
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    data = np.zeros((4, 3, 1), kind)
    data["R"] = 200
    path = nifti(tmp_path / "rgb.nii", data, PLAIN)
    assert load_display(path).shape == (3, 4, 3)
    with pytest.raises(Refused, match="decode_failed: colour voxels are no labels"):
        load_labels(path)
