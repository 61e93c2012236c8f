"""Every file is read, or refused with a code; never another exception."""

import csv
import gzip
import logging
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from osteon.imaging.decode import load_display, open_picture
from osteon.imaging.refusals import ADVICE, Refused
from tests.dicom_makers import dataset, knee, write


def read(path: Path, **options):
    return list(open_picture(path, **options).frames())


def code_of(path: Path, **options) -> str:
    with pytest.raises(Refused) as caught:
        read(path, **options)
    assert caught.value.code in ADVICE
    assert len(path.name) < 4 or path.name not in str(caught.value)
    return caught.value.code


def test_every_conformance_file_is_read_or_refused_with_a_code(real_data, capfd):
    root = real_data / "dicom_conformance"
    with (root / "inventory.csv").open(newline="") as file:
        inventory = list(csv.DictReader(file))
    not_images = {"SEG", "RTDOSE"}  # pixels that are no acquired image
    unlike = []
    for row in inventory:
        try:
            frames = read(root / row["file"])
            outcome = "ok"
            shape = frames[0].pixels.shape[:2]
            assert shape == (int(row["rows"]), int(row["cols"]))
            assert len(frames) == int(row["frames"] or 1)
        except Refused as refused:
            outcome = refused.code
        expected = row["pixels"].startswith("ok")
        if expected and row["modality"] in not_images:
            assert outcome == "wrong_modality", row["file"]
        elif expected:
            assert outcome == "ok", row["file"]
        elif outcome == "ok":
            unlike.append(row["file"])
    assert len(inventory) > 200
    # no file meta information: decoded all the same
    assert unlike == ["pydicom_data/OT-PAL-8-face.dcm"]
    assert capfd.readouterr().err == ""


def test_one_slice_in_seven_transfer_syntaxes_gives_identical_pixels(real_data):
    files = sorted((real_data / "dicom_conformance" / "dcm_qa_ts").glob("*.dcm"))
    images = [load_display(path) for path in files]
    assert len(images) == 9
    for image in images:
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, images[0])


def test_real_nifti_volumes_are_read(real_data):
    root = real_data / "spine_nifti_samples"
    for path in sorted(root.rglob("*.nii.gz"))[:12]:
        frames = read(path)
        assert len(frames) == open_picture(path).header.frames > 0
    coloured = read(next(root.rglob("spine_report.nii.gz")))
    assert coloured[0].pixels.dtype in (np.uint8, np.uint16)


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_lossless_syntaxes_keep_every_pixel(tmp_path, syntax):
    pixels = knee()
    path = write(tmp_path / "x", pixels, syntax, BitsStored=12, HighBit=11)
    (frame,) = read(path)
    span = int(pixels.max()) - int(pixels.min())
    expected = np.rint((pixels.astype(float) - pixels.min()) / span * 65535)
    np.testing.assert_array_equal(frame.pixels, expected.astype(np.uint16))


def test_deflated_data_set_is_read_and_a_bomb_is_refused(tmp_path):
    made = dataset(np.zeros((512, 512), np.uint16))
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = tmp_path / "x.dcm"
    made.save_as(path, enforce_file_format=True)
    assert read(path)[0].pixels.shape == (512, 512)
    made.add_new(0x00091010, "UN", bytes(30_000_000))
    made.save_as(path, enforce_file_format=True)
    assert code_of(path, max_pixels=512 * 512) == "too_large"
    path.write_bytes(path.read_bytes()[:600])
    assert code_of(path) == "truncated"


def test_file_without_preamble_or_extension_is_read(tmp_path):
    path = write(tmp_path / "with", knee())
    bare = tmp_path / "IM0001"
    bare.write_bytes(path.read_bytes()[132:])
    np.testing.assert_array_equal(load_display(bare), load_display(path))


@pytest.mark.parametrize("part", [0.2, 0.5, 0.99])
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_truncated_dicom(tmp_path, syntax, part):
    path = write(tmp_path / "x.dcm", knee(shape=(200, 200)), syntax)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert code_of(path) in ("truncated", "no_pixels")


def test_truncated_in_every_byte_of_the_header_never_raises_another_error(tmp_path):
    path = write(tmp_path / "x.dcm", knee(shape=(8, 8)))
    data = path.read_bytes()
    for end in range(0, len(data), 7):
        path.write_bytes(data[:end])
        assert code_of(path) in ("empty_file", "not_dicom", "truncated", "no_pixels")


def test_damaged_bytes_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(5)
    for syntax in (None, RLELossless, JPEGLSLossless, JPEG2000Lossless):
        path = write(tmp_path / "x.dcm", knee(), syntax)
        data = bytearray(path.read_bytes())
        for _ in range(40):
            broken = bytearray(data)
            for place in rng.integers(0, len(data), 6):
                broken[place] = int(rng.integers(256))
            path.write_bytes(broken)
            try:
                read(path, max_pixels=2**20)
            except Refused as refused:
                assert refused.code in ADVICE


def test_zero_bytes_text_and_absent_file(tmp_path):
    empty = tmp_path / "a.dcm"
    empty.touch()
    assert code_of(empty) == "empty_file"
    text = tmp_path / "b.dcm"
    text.write_text("This is a report about nobody.\n" * 40)
    assert code_of(text) == "not_dicom"
    assert code_of(tmp_path / "absent.dcm") == "missing_file"


def test_wrong_extension_is_read_by_content(tmp_path):
    path = tmp_path / "photo.dcm"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path, "PNG")
    assert open_picture(path).header.transfer_syntax == "PNG"


def test_huge_dimensions_are_refused_before_decoding(tmp_path):
    path = write(tmp_path / "x.dcm", knee(), Rows=65535, Columns=65535, NumberOfFrames=999)
    assert code_of(path) == "too_large"
    path = write(tmp_path / "y.dcm", knee())
    assert code_of(path, max_pixels=48 * 40 - 1) == "too_large"
    photo = tmp_path / "z.png"
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(
        ">I4sIIBBBBB", 13, b"IHDR", 60000, 60000, 8, 0, 0, 0, 0
    )
    photo.write_bytes(head + struct.pack(">I", 0) + bytes(100))
    assert code_of(photo) in ("too_large", "decode_failed")
    volume = bytearray(352)
    struct.pack_into("<i", volume, 0, 348)
    struct.pack_into("<8h", volume, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    struct.pack_into("<hh", volume, 70, 4, 16)
    volume[344:348] = b"n+1\0"
    zipped = tmp_path / "v.nii.gz"
    zipped.write_bytes(gzip.compress(bytes(volume)))
    assert code_of(zipped) == "too_large"


def test_monochrome1_is_turned_once(tmp_path):
    pixels = knee()
    plain = load_display(write(tmp_path / "a", pixels))
    turned = load_display(write(tmp_path / "b", pixels, PhotometricInterpretation="MONOCHROME1"))
    both = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    np.testing.assert_array_equal(turned.astype(int), 65535 - plain.astype(int))
    np.testing.assert_array_equal(load_display(write(tmp_path / "c", pixels, **both)), turned)


def test_padding_is_black_and_takes_no_part_in_the_range(tmp_path):
    pixels = knee().astype(np.uint16) + 1000
    pixels[:5] = 60000
    turned = write(
        tmp_path / "x", pixels, PixelPaddingValue=60000, PhotometricInterpretation="MONOCHROME1"
    )
    image = load_display(turned)
    assert (image[:5] == 0).all()
    assert image[5:].max() == 65535 and image[5:].min() == 0


def test_ct_is_hounsfield(tmp_path):
    pixels = np.array([[0, 1000], [1024, 3000], [4000, 65535]], np.uint16)
    elements = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}
    image = load_display(write(tmp_path / "x", pixels, PixelPaddingValue=65535, **elements))
    assert image.dtype == np.int16
    np.testing.assert_array_equal(image, [[-1024, -24], [0, 1976], [2976, -1024]])


def test_multi_frame_is_split(tmp_path):
    pixels = np.stack([knee(seed) for seed in range(3)])
    for syntax in (None, RLELossless):
        frames = read(write(tmp_path / "x", pixels, syntax))
        assert [frame.number for frame in frames] == [0, 1, 2]
        for frame, stored in zip(frames, pixels, strict=True):
            assert np.corrcoef(frame.pixels.ravel(), stored.ravel())[0, 1] > 0.9999


def test_enhanced_frames_have_their_own_window_and_place(tmp_path):
    pixels = np.stack([knee(0), knee(0)])
    made = dataset(pixels, Modality="MR")
    groups = []
    for number, (centre, width) in enumerate([(1000.0, 500.0), (3000.0, 200.0)]):
        group, voi, plane, content = (pydicom.Dataset() for _ in range(4))
        voi.WindowCenter, voi.WindowWidth = centre, width
        plane.ImagePositionPatient = [0, 0, 5.0 * number]
        content.InStackPositionNumber = number + 1
        group.FrameVOILUTSequence = [voi]
        group.PlanePositionSequence = [plane]
        group.FrameContentSequence = [content]
        groups.append(group)
    shared, orientation, measures = (pydicom.Dataset() for _ in range(3))
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing = [0.5, 0.25]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    made.PerFrameFunctionalGroupsSequence = groups
    made.SharedFunctionalGroupsSequence = [shared]
    made.save_as(tmp_path / "x", enforce_file_format=True)
    first, second = read(tmp_path / "x")
    assert first.position == (0, 0, 0) and second.position == (0, 0, 5)
    assert second.instance == 2 and second.spacing == (0.5, 0.25)
    assert first.pixels.mean() > second.pixels.mean()


@pytest.mark.parametrize("modality", ["SR", "RTSTRUCT", "PR", "SEG", "KO"])
def test_objects_that_are_no_image(tmp_path, modality):
    path = write(tmp_path / "a", knee(), Modality=modality)
    assert code_of(path) == "wrong_modality"
    made = dataset(knee(), Modality=modality)
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(made, keyword)
    made.save_as(path, enforce_file_format=True)
    assert code_of(path) == "no_pixels"


def test_unknown_transfer_syntax(tmp_path):
    made = dataset(knee())
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG2
    made.PixelData = pydicom.encaps.encapsulate([b"\0" * 32])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.save_as(tmp_path / "x", enforce_file_format=True)
    assert code_of(tmp_path / "x") == "unsupported_transfer_syntax"


def test_rgb_is_kept_only_if_coloured(tmp_path):
    grey = np.repeat(np.arange(64, dtype=np.uint8).reshape(8, 8)[..., None], 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert load_display(tmp_path / "grey.png").dtype == np.uint16
    grey[..., 0] = 255
    Image.fromarray(grey).save(tmp_path / "red.png")
    assert load_display(tmp_path / "red.png").shape == (8, 8, 3)


def test_sixteen_bit_png_keeps_its_values(tmp_path):
    values = np.array([[0, 1, 258], [40000, 65534, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    np.testing.assert_array_equal(load_display(tmp_path / "x.png"), values)


def test_nifti_is_turned_to_the_way_dicom_shows_it(tmp_path):
    import nibabel as nib

    ras = np.zeros((4, 5, 6), np.int16)
    ras[3, 0, 5] = 100  # right, posterior... in RAS: x=3 is the patient's right side, y=0 the back
    path = tmp_path / "x.nii"
    nib.save(nib.Nifti1Image(ras, np.diag([1.0, 1.0, 3.0, 1.0])), path)
    picture = open_picture(path)
    assert (picture.header.frames, picture.header.rows, picture.header.columns) == (6, 5, 4)
    frames = [frame.pixels for frame in picture.frames()]
    top = frames[5]
    assert top[4, 0] == 65535  # the back is at the bottom, the right side on the left
    assert sum(int(frame.sum()) for frame in frames) == 65535


def test_load_display_takes_a_frame_and_a_side(tmp_path):
    path = write(tmp_path / "x", np.stack([knee(1), knee(2)]))
    assert load_display(path, frame=1, max_side=24).shape == (24, 20)
    with pytest.raises(IndexError):
        load_display(path, frame=2)


def test_header_is_judged_before_pixels_are_read(tmp_path):
    path = write(tmp_path / "x", knee())
    path.write_bytes(path.read_bytes()[:-2000])  # pixels are gone

    def refuse(header) -> None:
        raise Refused("wrong_modality", "not wanted")

    with pytest.raises(Refused, match="wrong_modality"):
        open_picture(path, check=refuse)


def test_readers_stay_quiet_and_settings_are_restored(tmp_path, caplog, recwarn):
    mode = pydicom.config.settings.reading_validation_mode
    made = dataset(knee())
    made.save_as(tmp_path / "x", enforce_file_format=True)
    data = (tmp_path / "x").read_bytes().replace(b"DX", b"dx")
    (tmp_path / "x").write_bytes(data)
    with caplog.at_level(logging.DEBUG):
        read(tmp_path / "x")
    assert not caplog.records and not recwarn.list
    assert pydicom.config.settings.reading_validation_mode == mode


def test_imaging_imports_no_torch():
    code = "import sys, osteon.imaging.decode, osteon.cohorts.batch\nprint('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
