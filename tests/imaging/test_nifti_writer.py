"""A NIfTI volume reads back to the same labels at the same places."""

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.imaging.masks import open_mask
from osteon.imaging.nifti_writer import write_nifti
from osteon.imaging.picture import Frame, Header
from tests.slice_stacks import centre, labels, oblique, stack

TO_LPS = np.array([-1.0, -1.0, 1.0])


@given(st.permutations([0, 1, 2, 5]), st.integers(0, 20), st.sampled_from([0.0, 1.1]))
@settings(max_examples=25, deadline=None)
def test_every_voxel_is_where_its_pixel_was(tmp_path_factory, places, seed, shear):
    path = tmp_path_factory.mktemp("nifti") / "a.nii"
    planes, maps = stack(places, oblique(seed), shear=shear), labels(4, seed)
    found = write_nifti(path, maps, planes)
    image = nib.load(path)
    volume = np.asanyarray(image.dataobj)
    assert volume.dtype == np.uint8 and volume.shape == (9, 12, 6)
    right = np.cross(*np.array(planes[0].orientation).reshape(2, 3))
    assert found.tolist() == places and np.linalg.norm(right) == pytest.approx(1)
    for plane, slice_, at in zip(planes, maps, found, strict=True):
        np.testing.assert_array_equal(volume[:, :, at], slice_.T)
        for row, column in ((0, 0), (11, 0), (4, 8)):
            place = TO_LPS * (image.affine @ [column, row, at, 1])[:3]
            np.testing.assert_allclose(place, centre(plane, row, column), atol=1e-4)
    assert not volume[:, :, [3, 4]].any()  # the gap


def test_the_header_says_what_it_is(tmp_path):
    write_nifti(tmp_path / "a.nii.gz", labels(3), stack([0, 1, 2]))
    header = nib.load(tmp_path / "a.nii.gz").header
    assert header.get_xyzt_units()[0] == "mm" and header.get_intent()[0] == "label"
    assert header.get_zooms() == pytest.approx((0.6, 0.7, 3.3))
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)
    write_nifti(tmp_path / "b.nii", labels(3), stack([0, 1, 2], shear=1))
    header = nib.load(tmp_path / "b.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 0)


def test_the_same_maps_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_nifti(tmp_path / f"{name}.nii.gz", labels(3), stack([0, 1, 2]))
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize("places", [[0, 1, 2, 3], [3, 0, 4, 1]])
def test_what_is_written_can_be_given_back_as_the_masks_of_a_series(tmp_path, places):
    maps, planes = labels(4), stack(places)
    write_nifti(tmp_path / "a.nii.gz", maps, planes)
    read = open_mask(tmp_path / "a.nii.gz", Header("dicom", 12, 9, view="SAGITTAL"))
    for wanted, plane in zip(maps, planes, strict=True):
        frame = Frame(np.zeros((12, 9)), position=plane.position, orientation=plane.orientation)
        np.testing.assert_array_equal(read(frame), wanted)


def test_reduced_maps_are_brought_to_the_file_s_size(tmp_path):
    small = labels(2)[:, :6, :3]
    write_nifti(tmp_path / "a.nii", small, stack([0, 1]))
    volume = np.asanyarray(nib.load(tmp_path / "a.nii").dataobj)
    np.testing.assert_array_equal(volume.T, small.repeat(2, 1).repeat(3, 2))


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"path: a\.mha"):
        write_nifti(tmp_path / "a.mha", labels(1), stack([0]))
    with pytest.raises(ValueError, match="planes: 2 found for 1 masks"):
        write_nifti(tmp_path / "a.nii", labels(1), stack([0, 1]))
    with pytest.raises(ValueError, match="off an even grid"):
        write_nifti(tmp_path / "a.nii", labels(3), [*stack([0, 1]), *stack([2], step=4.2)])
    assert not list(tmp_path.iterdir())
