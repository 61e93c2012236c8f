"""Label maps fit their image or are refused with a code."""

import numpy as np
import pydicom
import pytest
from PIL import Image

from osteon.imaging.masks import read_mask
from osteon.imaging.refusals import ADVICE, Refused
from tests.dicom_makers import dataset

LABELS = np.zeros((6, 4), np.uint8)
LABELS[1:3, 2:] = 3


def test_png_and_palette(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png", 6, 4), LABELS[None])
    drawn = Image.fromarray(LABELS).convert("P")
    drawn.putdata(LABELS.ravel().tolist())
    drawn.save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "b.png", 6, 4), LABELS[None])
    colour = np.zeros((6, 4, 3), np.uint8)
    colour[..., 1] = LABELS * 50
    Image.fromarray(colour).save(tmp_path / "c.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "c.png", 6, 4), (LABELS > 0)[None])


def test_nifti_as_itk_writes_it(tmp_path):
    import nibabel as nib

    volume = nib.Nifti1Image(LABELS.T[..., None], np.diag([-1.0, -1.0, 1.0, 1.0]))
    nib.save(volume, tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.nii.gz", 6, 4), LABELS[None])


def test_dicom_seg_with_one_frame_a_segment(tmp_path):
    frames = np.stack([LABELS == 3, LABELS == 0]).astype(np.uint8)
    made = dataset(frames, Modality="SEG", SegmentationType="FRACTIONAL", MaximumFractionalValue=1)
    groups = []
    for number in (3, 5):
        group, item = pydicom.Dataset(), pydicom.Dataset()
        item.ReferencedSegmentNumber = number
        group.SegmentIdentificationSequence = [item]
        groups.append(group)
    made.PerFrameFunctionalGroupsSequence = groups
    made.save_as(tmp_path / "s.dcm", enforce_file_format=True)
    expected = np.where(LABELS == 3, 3, 5)
    np.testing.assert_array_equal(read_mask(tmp_path / "s.dcm", 6, 4)[0], expected)
    groups[1].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 3
    made.save_as(tmp_path / "s.dcm", enforce_file_format=True)
    with pytest.raises(Refused, match="several slices"):
        read_mask(tmp_path / "s.dcm", 6, 4)


def test_real_segmentations_are_read_or_refused(real_data):
    for path in sorted((real_data / "dicom_conformance").rglob("seg*.dcm")):
        rows, columns = (int(pydicom.dcmread(path)[name].value) for name in ("Rows", "Columns"))
        try:
            assert read_mask(path, rows, columns).shape == (1, rows, columns)
        except Refused as refused:
            assert refused.code in ("mask_unreadable", "mask_shape_mismatch")


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n rest", b"\x1f\x8b"])
def test_unreadable(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(Refused, match="mask_unreadable"):
        read_mask(tmp_path / "a.png", 6, 4)


def test_shape_values_and_absence(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    with pytest.raises(Refused, match=r"mask_shape_mismatch: the mask is 1 x 6 x 4"):
        read_mask(tmp_path / "a.png", 4, 6)
    Image.fromarray(LABELS.astype(np.uint16) * 300).save(tmp_path / "b.png")
    with pytest.raises(Refused, match="whole numbers"):
        read_mask(tmp_path / "b.png", 6, 4)
    with pytest.raises(Refused, match="missing_file"):
        read_mask(tmp_path / "absent.png", 6, 4)


def test_only_known_codes():
    with pytest.raises(ValueError, match="code"):
        Refused("no_such_code", "x")
    assert Refused("truncated", "x").advice == ADVICE["truncated"]
