"""The slice writer: what the CT and MR modules ask for, HU there and back, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import uid

from osteon.cohorts.phantom.slice_writer import SliceHeader, decimal, write_slice
from osteon.imaging.dicom import open_dicom

CT = SliceHeader(
    patient_id="P1",
    patient_name="Test^One",
    sex="M",
    age=61,
    birth_date="19600101",
    study_date="20210601",
    study_time="101500",
    study="a/study",
    series="a/series",
    instance="a/image",
    number=3,
    accession="ACC000001",
    institution="Somewhere",
    physician="Doc^Tor",
    manufacturer="Maker",
    model="One",
    station="CT1",
    modality="CT",
    series_number=2,
    series_description="Spine axial",
    study_description="CT spine",
    body_part="LSPINE",
    frame_of_reference="a/space",
    position=(-80.25, -90.5, -1234.567891),
    orientation=(1, 0, 0, 0, 1, 0),
    spacing=(1.25, 1.5),
    thickness=3,
    between=3,
    window=(300, 1500),
    intercept=-1024,
)
MR = replace(CT, modality="MR", intercept=0, modality_tags={"EchoTime": 90, "Laterality": "L"})
HU: NDArray[np.int16] = np.linspace(-1024, 3071, 64 * 48).astype(np.int16).reshape(64, 48)
SYNTAXES = {
    "explicit_le": uid.ExplicitVRLittleEndian,
    "implicit_le": uid.ImplicitVRLittleEndian,
    "rle": uid.RLELossless,
    "jpeg_ls": uid.JPEGLSLossless,
    "jpeg_2000": uid.JPEG2000Lossless,
}
# Type 1 and 2 elements of the CT and MR Image IODs beside the pixels (PS3.3 A.3.3, A.4.3).
COMMON = (
    *("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
    *("PositionReferenceIndicator", "InstanceNumber", "ImagePositionPatient", "PixelSpacing"),
    *("ImageOrientationPatient", "SliceThickness", "Manufacturer", "ImageType", "PatientPosition"),
)
OF_CT = ("RescaleIntercept", "RescaleSlope", "KVP", "AcquisitionNumber")
OF_MR = (
    *("ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType"),
    *("RepetitionTime", "EchoTime", "EchoTrainLength", "MagneticFieldStrength"),
)


def written(folder: Path, header: SliceHeader, pixels: Any) -> pydicom.FileDataset:
    write_slice(folder / "one", header, pixels)
    return pydicom.dcmread(folder / "one")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_hounsfield_units_survive_every_transfer_syntax(syntax: str, tmp_path: Path) -> None:
    made = written(tmp_path, replace(CT, transfer_syntax=syntax), HU)
    assert made.file_meta.TransferSyntaxUID == SYNTAXES[syntax]
    assert made.pixel_array.dtype == np.int16
    np.testing.assert_array_equal(made.pixel_array + int(made.RescaleIntercept), HU)
    (frame,) = open_dicom(tmp_path / "one").frames()
    np.testing.assert_array_equal(frame.pixels, HU)
    assert frame.pixels.dtype == np.int16


def test_a_ct_slice_has_what_its_iod_asks_for(tmp_path: Path) -> None:
    made = written(tmp_path, CT, HU)
    assert all(keyword in made for keyword in COMMON + OF_CT)
    assert made.SOPClassUID == made.file_meta.MediaStorageSOPClassUID == uid.CTImageStorage
    assert list(made.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert (made.PatientAge, made.Modality, made.RescaleType) == ("061Y", "CT", "HU")
    assert list(made.ImagePositionPatient) == [-80.25, -90.5, -1234.567891]
    assert list(made.PixelSpacing) == [1.25, 1.5]
    assert (made.WindowCenter, made.WindowWidth, made.SpacingBetweenSlices) == (300, 1500, 3)


def test_an_mr_slice_has_what_its_iod_asks_for(tmp_path: Path) -> None:
    made = written(tmp_path, MR, np.array([[0, 65535]], dtype=np.uint16))
    assert all(keyword in made for keyword in COMMON + OF_MR)
    assert made.SOPClassUID == uid.MRImageStorage and "RescaleSlope" not in made
    assert (made.EchoTime, made.RepetitionTime, made.Laterality) == (90, 600, "L")
    assert made.pixel_array.tolist() == [[0, 65535]]


def test_a_localizer_is_seen_as_one(tmp_path: Path) -> None:
    written(tmp_path, replace(CT, localizer=True), HU)
    assert open_dicom(tmp_path / "one").header.localizer
    written(tmp_path, CT, HU)
    assert not open_dicom(tmp_path / "one").header.localizer


def test_bytes_follow_from_the_arguments(tmp_path: Path) -> None:
    write_slice(tmp_path / "a", CT, HU)
    write_slice(tmp_path / "b", CT, HU)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    other = written(tmp_path, replace(CT, instance="a/other"), HU)
    assert other.SOPInstanceUID != pydicom.dcmread(tmp_path / "a").SOPInstanceUID


@pytest.mark.parametrize(
    ("header", "pixels", "message"),
    [
        (replace(CT, modality="PT"), HU, r"modality is 'PT': choose one of \['CT', 'MR'\]"),
        (replace(CT, transfer_syntax="zip"), HU, "transfer_syntax is 'zip': choose one of"),
        (replace(CT, modality_tags={"Kvp": 1}), HU, "'Kvp', which is no DICOM keyword"),
        (replace(CT, modality_tags={"PatientID": "x"}), HU, "the header itself decides"),
        (replace(CT, intercept=-40000), HU, "outside of 16 bits"),
        (CT, HU.astype(np.uint16), "CT needs int16"),
        (MR, HU, "MR needs uint16"),
        (CT, HU[None], "CT needs int16"),
    ],
)
def test_what_cannot_be_stored_is_refused(
    header: SliceHeader, pixels: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        write_slice(tmp_path / "x", header, pixels)
    assert not (tmp_path / "x").exists()


@settings(deadline=None)
@given(st.floats(-9999, 9999), st.integers(0, 8))
def test_a_decimal_string_is_short_and_close(value: float, digits: int) -> None:
    text = decimal(value, digits)
    assert len(text) <= 16 and text != "-0"
    assert abs(float(text) - value) <= 0.5 * 10**-digits + 1e-9
