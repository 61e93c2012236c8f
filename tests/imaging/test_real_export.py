"""Labels of real volumes, read by this project and written again, lie where they lay."""

from datetime import datetime
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from osteon.imaging.masks import open_mask
from osteon.imaging.nifti import open_nifti
from osteon.imaging.nifti_writer import write_nifti
from osteon.imaging.segmentation_writer import Series, segment_of, write_seg
from osteon.imaging.slice_planes import SlicePlane

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
PAIRS = {
    "mr": ("sample_mri/sub-mri_label-6_T2w", "sample_mri/sub-mri_seg-vert_label-6_msk"),
    "ct": ("sample_ct/sub-ct_label-22_ct", "sample_ct/sub-ct_seg-vert_label-22_msk"),
    "cord": ("sct_testing/t2", "sct_testing/t2_seg-manual"),
}


@pytest.fixture(scope="module", params=PAIRS)
def read(request, real_data) -> tuple[np.ndarray, list[SlicePlane], Path]:
    """Label maps, the planes of their slices, and the file that they come from."""
    image, mask = (
        real_data / "spine_nifti_samples" / f"{name}.nii.gz" for name in PAIRS[request.param]
    )
    if not (image.is_file() and mask.is_file()):
        pytest.skip(f"no {request.param} sample here")
    picture = open_nifti(image)
    labels_of = open_mask(mask, picture.header)
    frames = list(picture.frames())
    planes = [
        SlicePlane(*frame.pixels.shape, frame.position, frame.orientation, frame.spacing)
        for frame in frames
    ]
    return np.stack([labels_of(frame) for frame in frames]), planes, mask


def test_a_nifti_holds_every_label_at_its_place(read, tmp_path):
    maps, planes, file = read
    write_nifti(tmp_path / "a.nii", maps, planes)
    made, given = nib.load(tmp_path / "a.nii"), nib.load(file)
    volume, labels = (np.asanyarray(image.dataobj) for image in (made, given))
    assert labels.any() and np.count_nonzero(volume) == np.count_nonzero(labels)
    at = np.argwhere(labels)
    there = nib.affines.apply_affine(np.linalg.inv(made.affine) @ given.affine, at)
    assert np.abs(there - np.rint(there)).max() < 0.01
    x, y, z = np.rint(there).astype(int).T
    np.testing.assert_array_equal(volume[x, y, z], labels[tuple(at.T)])


def test_a_seg_holds_every_label_at_its_place(read, tmp_path):
    maps, planes, file = read
    maps = (maps > 0).astype(np.uint8)
    series = Series("P0", "S0", tuple(f"P0-{number:03d}" for number in range(len(maps))))
    segments = {1: segment_of("vertebra")}
    write_seg(tmp_path / "a.dcm", maps, planes, segments, series, created=datetime(2024, 1, 1))
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    turned = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    right, down = np.array(turned, float).reshape(2, 3)
    over, below = map(float, shared.PixelMeasuresSequence[0].PixelSpacing[::-1])
    given = nib.load(file)
    labels = np.asanyarray(given.dataobj) > 0
    back, found = np.linalg.inv(TO_LPS @ given.affine), 0
    for group, frame in zip(dataset.PerFrameFunctionalGroupsSequence, frames, strict=True):
        start = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        row, column = np.nonzero(frame)
        places = start + np.outer(column * over, right) + np.outer(row * below, down)
        at = np.rint(nib.affines.apply_affine(back, places)).astype(int)
        assert labels[tuple(at.T)].all()
        found += len(row)
    assert found == np.count_nonzero(labels)
