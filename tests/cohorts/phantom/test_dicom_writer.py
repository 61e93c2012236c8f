"""The radiograph writer refuses what it cannot store, and names things repeatably."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from osteon.cohorts.phantom.dicom_writer import Radiograph, make_uid, view_position
from osteon.cohorts.phantom.dicom_writer import write_radiograph as write

PLAIN = Radiograph(
    patient_id="P1",
    patient_name="Test^One",
    sex="F",
    age=12,
    birth_date="20080101",
    study_date="20200601",
    study_time="101500",
    study="a/study",
    series="a/series",
    instance="a/image",
    number=1,
    accession="ACC000001",
    institution="Somewhere",
    physician="Doc^Tor",
    manufacturer="Maker",
    model="One",
    station="XR1",
    kvp=60,
    view="LAT",
    right=True,
    body_part="KNEE",
    spacing=0.5,
    photometric="MONOCHROME1",
    window=(2000, 3000),
    transfer_syntax="explicit_le",
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
    write(tmp_path / "one", PLAIN, pixels)
    made = pydicom.dcmread(tmp_path / "one")
    np.testing.assert_array_equal(made.pixel_array, pixels)
    assert (made.PatientAge, made.ViewPosition, made.ImageLaterality) == ("012Y", "RL", "R")
    assert (made.PixelIntensityRelationshipSign, made.PresentationLUTShape) == (1, "INVERSE")
    assert list(made.PixelSpacing) == [0.5, 0.5]
    assert made.ViewCodeSequence[0].CodingSchemeDesignator == "SCT"


def test_more_than_12_bits_or_an_unknown_syntax_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="12 bits"):
        write(tmp_path / "x", PLAIN, np.full((2, 2), 4096, dtype=np.uint16))
    odd = Radiograph(**{**PLAIN.__dict__, "transfer_syntax": "zip"})
    with pytest.raises(ValueError, match="jpeg_ls"):
        write(tmp_path / "x", odd, np.zeros((2, 2), dtype=np.uint16))
    assert not (tmp_path / "x").exists()


def test_uids_follow_from_names() -> None:
    assert make_uid("a", 1) == make_uid("a", 1) != make_uid("a", 2)
    assert make_uid("a", 1).is_valid and len(make_uid("a", 1)) <= 64


@pytest.mark.parametrize(
    ("view", "right", "position"),
    [("AP", True, "AP"), ("LAT", False, "LL"), ("LAT", True, "RL"), ("OBL", False, "LLO")],
)
def test_view_position(view: str, right: bool, position: str) -> None:
    assert view_position(view, right) == position
