"""Label maps fit their image or are refused with a code."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from PIL import Image

from osteon.cohorts.mask_values import mask_table
from osteon.imaging.decode import open_picture
from osteon.imaging.masks import as_bytes, open_mask, to_classes
from osteon.imaging.picture import Frame, Header
from osteon.imaging.refusals import ADVICE, Refused
from tests.imaging.mask_makers import header, nifti, seg, slice_at

LABELS = np.zeros((6, 4), np.uint8)
LABELS[1:3, 2:] = 3
PICTURE = Header("picture", 6, 4)
NAMES = ("other", "tumour", "vertebra")


def read(path, of=PICTURE, frame=None, table=()):
    return open_mask(path, of, table=table)(frame or Frame(np.zeros((6, 4))))


def colour(path, *channels):
    Image.fromarray(np.stack(channels, axis=-1)).save(path)
    return path


def test_png_and_palette(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png"), LABELS)
    drawn = Image.fromarray(LABELS).convert("P")
    drawn.putdata(LABELS.ravel().tolist())
    drawn.save(tmp_path / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "b.png"), LABELS)
    path = colour(tmp_path / "c.png", 0 * LABELS, LABELS * 50, 0 * LABELS)
    np.testing.assert_array_equal(read(path), LABELS > 0)


def test_a_picture_in_colour_where_values_mean_classes(tmp_path):
    table = mask_table(NAMES, {"3": "vertebra"})
    grey = colour(tmp_path / "grey.png", LABELS, LABELS, LABELS)
    np.testing.assert_array_equal(read(grey, table=table), np.where(LABELS == 3, 2, 0))
    red = colour(tmp_path / "red.png", LABELS * 80, 0 * LABELS, 0 * LABELS)
    np.testing.assert_array_equal(read(red, table=table), LABELS > 0)
    two = colour(tmp_path / "two.png", LABELS * 80, 0 * LABELS, (LABELS == 0) * np.uint8(9))
    with pytest.raises(Refused, match="mask_unreadable: the mask: drawn in several colours"):
        read(two, table=table)
    assert read(two).all()  # without names whatever is not black is lesion


def test_values_become_classes_and_unknown_ones_are_named(tmp_path):
    labels = np.arange(24, dtype=np.uint8).reshape(6, 4)
    table = mask_table(NAMES, {"3-9": "vertebra", "10-23": None})
    expected = np.where(labels < 3, labels, np.where(labels < 10, 2, 0))
    np.testing.assert_array_equal(to_classes(labels, table), expected)
    assert to_classes(labels, ()) is labels
    with pytest.raises(Refused, match=r"holds 7, 8; known are 0, 1, 2") as e:
        to_classes(np.array([[7, 8]], np.uint8), mask_table(NAMES, {}))
    assert e.value.advice == ADVICE["mask_unknown_values"]
    with pytest.raises(Refused, match=r"holds 3, 4, 5, 6, 7, 8, 9, 10 and 13 more"):
        to_classes(labels, mask_table(NAMES, {}))
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    with pytest.raises(Refused, match="mask_unknown_values"):
        read(tmp_path / "a.png", table=mask_table(NAMES, {}))


def test_whole_numbers_of_any_type_and_nothing_else():
    whole = [[0.0, 2.0], [255.0, 1.0]]
    for kind in (np.float32, np.float64, np.int16, np.uint16):
        np.testing.assert_array_equal(as_bytes(np.array(whole, kind)), np.array(whole))
    for wrong in (0.5, -1.0, 256.0, np.nan, np.inf):
        with pytest.raises(Refused, match=r"mask_unreadable: .* whole numbers"):
            as_bytes(np.array([[0.0, wrong]]))


def test_an_empty_mask_is_a_mask(tmp_path):
    Image.fromarray(LABELS * 0).save(tmp_path / "a.png")
    found = read(tmp_path / "a.png", table=mask_table(NAMES, {}))
    assert found.shape == (6, 4) and not found.any()


def test_nifti_as_itk_writes_it(tmp_path):
    path = nifti(tmp_path / "a.nii.gz", LABELS.T[..., None], np.diag([-1.0, -1.0, 1.0, 1.0]))
    np.testing.assert_array_equal(read(path), LABELS)
    np.testing.assert_array_equal(read(path, header(6, 4), slice_at((9, 9, 9))), LABELS)


VOLUME = np.arange(60, dtype=np.int16).reshape(3, 4, 5) % 7
AFFINE = np.array([[3.0, 0, 0, 5], [0, 0.8, 0, -7], [0, 0, 0.8, 2], [0, 0, 0, 1]])


def test_a_nifti_mask_of_a_nifti_image_may_be_stored_in_another_order(tmp_path):
    image = open_picture(nifti(tmp_path / "i.nii.gz", VOLUME, AFFINE))
    same = open_mask(nifti(tmp_path / "m.nii.gz", VOLUME.astype(np.uint8), AFFINE), image.header)
    stored = np.transpose(VOLUME, (2, 0, 1))[::-1, :, ::-1]
    turned = AFFINE[:, [2, 0, 1, 3]] @ np.diag([-1.0, 1, -1, 1])
    turned[:, 3] = AFFINE @ [0, 3, 4, 1]
    other = open_mask(nifti(tmp_path / "t.nii.gz", stored.astype(np.float32), turned), image.header)
    frames = list(image.frames())
    assert [frame.pixels.shape for frame in frames] == [(5, 4)] * 3
    for frame, sagittal in zip(frames, VOLUME[::-1], strict=True):
        expected = sagittal.T[::-1, ::-1]  # head at the top, front at the left
        np.testing.assert_array_equal(same(frame), expected)
        np.testing.assert_array_equal(other(frame), expected)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (np.array([0, 0, 0, 0.01]), "differ by 0.01 mm"),
        (np.array([0, 0, 0, 4.0]), "differ by 4 mm"),
    ],
)
def test_a_nifti_mask_that_lies_elsewhere_is_refused(tmp_path, change, says):
    image = open_picture(nifti(tmp_path / "i.nii.gz", VOLUME, AFFINE)).header
    moved = AFFINE.copy()
    moved[0] += change
    path = nifti(tmp_path / "m.nii.gz", VOLUME.astype(np.uint8), moved)
    with pytest.raises(Refused, match=f"mask_geometry_mismatch: .*{says}"):
        open_mask(path, image)
    near = AFFINE.copy()
    near[0, 3] += 5e-4
    open_mask(nifti(tmp_path / "n.nii.gz", VOLUME.astype(np.uint8), near), image)


def test_a_nifti_mask_without_a_place_fits_only_an_image_without_one(tmp_path):
    stated = nifti(tmp_path / "s.nii.gz", VOLUME.astype(np.uint8), AFFINE)
    silent = nifti(tmp_path / "q.nii.gz", VOLUME.astype(np.uint8), AFFINE, stated=False)
    with pytest.raises(Refused, match="the mask does not state where it lies"):
        open_mask(silent, open_picture(stated).header)
    with pytest.raises(Refused, match="the image does not state where it lies"):
        open_mask(stated, open_picture(silent).header)
    assert callable(open_mask(silent, open_picture(silent).header))


def test_a_nifti_volume_serves_the_slices_of_a_dicom_series(tmp_path):
    labels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    path = nifti(tmp_path / "m.nii.gz", labels, AFFINE)
    # RAS x = 5 + 3 i is LPS -5 - 3 i; the first pixel is the front (least LPS y) at the head
    for stored in (2, 0, 1):
        frame = slice_at((-5 - 3 * stored, 7 - 0.8 * 3, 2 + 0.8 * 4))
        found = read(path, header(5, 4), frame)
        np.testing.assert_array_equal(found, labels[stored].T[::-1, ::-1])
    with pytest.raises(Refused, match="mask_geometry_mismatch: no slice"):
        read(path, header(5, 4), slice_at((-6.0, 4.6, 5.2)))
    turned = replace(frame, orientation=(0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    with pytest.raises(Refused, match="mask_geometry_mismatch"):
        read(path, header(5, 4), turned)
    with pytest.raises(Refused, match="mask_shape_mismatch"):
        read(path, header(4, 5), frame)


def test_dicom_seg_with_one_frame_a_segment(tmp_path):
    frames = np.stack([LABELS == 3, LABELS == 0])
    path = seg(
        tmp_path / "s.dcm",
        *(frames, [None, None], [3, 5]),
        SegmentationType="FRACTIONAL",
        MaximumFractionalValue=1,
    )
    np.testing.assert_array_equal(read(path), np.where(LABELS == 3, 3, 5))
    seg(path, frames, [None, None], [3, 3])
    with pytest.raises(Refused, match="several slices"):
        read(path)


def test_one_seg_serves_a_series_and_its_segments_become_classes(tmp_path):
    frames = np.stack([LABELS == 3, LABELS == 0, LABELS == 3])
    places = [(0.0, 0, 0), (0.0, 0, 0), (3.0, 0, 0)]
    path = seg(tmp_path / "s.dcm", frames, places, [1, 2, 7])
    table = mask_table(NAMES, {})
    found = read(path, header(6, 4, "a"), slice_at((0, 0, 0)), table)
    np.testing.assert_array_equal(found, np.where(LABELS == 3, 1, 2))
    with pytest.raises(Refused, match=r"mask_unknown_values: the mask holds 7"):
        read(path, header(6, 4, "b"), slice_at((3, 0, 0)), table)


def test_real_segmentations_are_read_or_refused(real_data):
    for path in sorted((real_data / "dicom_conformance").rglob("seg*.dcm")):
        rows, columns = (int(pydicom.dcmread(path)[name].value) for name in ("Rows", "Columns"))
        try:
            assert read(path, Header("picture", rows, columns)).shape == (rows, columns)
        except Refused as refused:
            assert refused.code.startswith("mask_")


def test_a_real_sparse_segmentation_covers_the_slice_it_leaves_out(real_data):
    folder = real_data / "dicom_conformance" / "dcmqi"
    drawn = []
    for number in (1, 2, 3):
        picture = open_picture(folder / f"image_IMG000{number}.dcm")
        of = open_mask(folder / "sparse-labelmap-ppv5.dcm", picture.header)
        drawn.append(int((of(next(iter(picture.frames()))) > 0).sum()))
    assert drawn[0] > 0 and drawn[1] == 0 and drawn[2] > 0


def test_real_nifti_masks_lie_on_their_images(real_data):
    root = real_data / "spine_nifti_samples"
    for image, mask in (
        ("sct_testing/t2_fake_lesion", "sct_testing/t2_fake_lesion_lesion_seg"),
        ("sample_mri/sub-mri_label-6_T2w", "sample_mri/sub-mri_seg-vert_label-6_msk"),
    ):
        for plane in ("", "SAGITTAL"):
            picture = open_picture(root / f"{image}.nii.gz", plane=plane)
            of = open_mask(root / f"{mask}.nii.gz", picture.header)
            assert sum(int((of(frame) > 0).sum()) for frame in picture.frames()) > 50
    with pytest.raises(Refused, match="mask_shape_mismatch"):
        open_mask(root / "sct_testing/t1w_seg-manual.nii.gz", picture.header)
    with pytest.raises(Refused, match="colour voxels are no labels"):
        open_mask(next(root.rglob("spine_report.nii.gz")), picture.header)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n rest", b"\x1f\x8b"])
def test_unreadable(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(Refused, match="mask_unreadable"):
        read(tmp_path / "a.png")


def test_shape_values_and_absence(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    with pytest.raises(Refused, match=r"mask_shape_mismatch: the mask is 1 x 6 x 4"):
        read(tmp_path / "a.png", Header("picture", 4, 6))
    Image.fromarray(LABELS.astype(np.uint16) * 300).save(tmp_path / "b.png")
    with pytest.raises(Refused, match="whole numbers"):
        read(tmp_path / "b.png")
    with pytest.raises(Refused, match="missing_file"):
        read(tmp_path / "absent.png")


def test_only_known_codes():
    with pytest.raises(ValueError, match="code"):
        Refused("no_such_code", "x")
    assert Refused("truncated", "x").advice == ADVICE["truncated"]
