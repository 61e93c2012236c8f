"""The knee phantom's folder: determinism, valid DICOM, masks, boxes, and what patients share."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image
from pydantic import ValidationError
from pydicom import uid

from osteon.cohorts.phantom.knee import KneePhantomConfig, write_knee_phantom

SMALL = KneePhantomConfig(patients=24, image_size=128, seed=3)
SYNTAXES = {
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def write(folder: Path, config: KneePhantomConfig, workers: int = 1) -> Path:
    folder.mkdir()
    write_knee_phantom(folder, config, workers)
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("knee") / "cohort", SMALL)


@pytest.fixture(scope="module")
def patients(cohort: Path) -> pd.DataFrame:
    return pd.read_csv(cohort / "patients.csv", dtype={"patient_id": str})


@pytest.fixture(scope="module")
def images(cohort: Path) -> pd.DataFrame:
    return pd.read_csv(cohort / "images.csv", dtype={"patient_id": str})


@pytest.fixture(scope="module")
def headers(cohort: Path, images: pd.DataFrame) -> list[pydicom.FileDataset]:
    return [pydicom.dcmread(cohort / file) for file in images["file"]]


def test_same_seed_gives_same_bytes_for_any_number_of_workers(cohort: Path, tmp_path: Path) -> None:
    assert digests(write(tmp_path / "again", SMALL, workers=2)) == digests(cohort)


def test_another_seed_gives_other_patients_and_uids(cohort: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", SMALL.model_copy(update={"seed": 4, "patients": 4}))
    first = pydicom.dcmread(next((cohort / "dicom").rglob("IM*1.dcm")), stop_before_pixels=True)
    files = [path for path in (other / "dicom").rglob("IM*") if path.suffix != ".json"]
    found = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in files}
    assert first.SOPInstanceUID not in found
    assert not set(digests(other).values()) & set(digests(cohort).values())


def test_a_larger_cohort_begins_with_the_smaller_one(cohort: Path, tmp_path: Path) -> None:
    smaller = write(tmp_path / "smaller", SMALL.model_copy(update={"patients": 5}))
    few, many = digests(smaller), digests(cohort)
    tables = {"patients.csv", "images.csv"}
    assert {name: many.get(name) for name in few if name not in tables} == {
        name: value for name, value in few.items() if name not in tables
    }
    lines = (smaller / "patients.csv").read_text().splitlines()
    assert (cohort / "patients.csv").read_text().splitlines()[: len(lines)] == lines


def test_tables_name_every_file_and_patient_once(
    cohort: Path, patients: pd.DataFrame, images: pd.DataFrame
) -> None:
    listed = set(images["file"]) | set(images["mask"].dropna()) | set(images["boxes"].dropna())
    assert listed | {"patients.csv", "images.csv"} == set(digests(cohort))
    assert patients["patient_id"].is_unique and images["file"].is_unique
    counts = images["patient_id"].value_counts()
    assert set(counts.index) == set(patients["patient_id"])
    assert counts.between(SMALL.views_min, SMALL.views_max).all()
    assert set(images["view"]) <= {"AP", "LAT", "OBL"} and set(images["sequence"]) == {"XR"}


def test_class_share_is_the_one_asked(patients: pd.DataFrame) -> None:
    tumours = (patients["label"] == "osteosarcoma").sum()
    assert abs(tumours - SMALL.patients * SMALL.osteosarcoma_fraction) <= 1


def test_files_are_valid_digital_radiographs(headers: list[pydicom.FileDataset]) -> None:
    seen = set()
    for made in headers:
        assert made.preamble is not None
        assert made.SOPClassUID == uid.DigitalXRayImageStorageForPresentation
        assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
        assert (made.BitsAllocated, made.BitsStored, made.HighBit) == (16, 12, 11)
        assert (made.Modality, made.BodyPartExamined) == ("DX", "KNEE")
        for name in (made.SOPInstanceUID, made.StudyInstanceUID, made.SeriesInstanceUID):
            assert uid.UID(name).is_valid
        assert made.pixel_array.shape == (made.Rows, made.Columns)
        assert made.pixel_array.max() <= 4095 and made.pixel_array.std() > 50
        assert float(made.WindowWidth) > 1
        seen.add(made.SOPInstanceUID)
    assert len(seen) == len(headers)
    assert {made.file_meta.TransferSyntaxUID for made in headers} <= SYNTAXES


def test_headers_agree_with_the_tables(
    headers: list[pydicom.FileDataset], patients: pd.DataFrame, images: pd.DataFrame
) -> None:
    rows = patients.set_index("patient_id")
    positions = {"AP": {"AP"}, "LAT": {"RL", "LL"}, "OBL": {"RLO", "LLO"}}
    for made, row in zip(headers, images.itertuples(), strict=True):
        patient = rows.loc[row.patient_id]
        assert row.patient_id == made.PatientID
        assert made.PatientSex == patient["sex"]
        assert made.PatientAge == f"{patient['age']:03d}Y"
        assert made.ViewPosition in positions[row.view]
        assert made.ImageLaterality == ("R" if patient["location"] == "right_knee" else "L")
        assert made.InstitutionName == patient["centre"]
        lived = int(made.StudyDate) - int(made.PatientBirthDate)
        assert lived // 10_000 == patient["age"]
        assert made.PixelSpacing == made.ImagerPixelSpacing
        assert 0.3 < float(made.PixelSpacing[0]) < 3


def test_one_study_and_one_scanner_a_patient(headers: list[pydicom.FileDataset]) -> None:
    facts: dict[str, set[tuple[str, str, str]]] = {}
    for made in headers:
        key = (made.StudyInstanceUID, made.ManufacturerModelName, made.ImageLaterality)
        facts.setdefault(made.PatientID, set()).add(key)
    assert all(len(found) == 1 for found in facts.values())
    assert len({model for found in facts.values() for _, model, _ in found}) >= 3


def test_both_photometric_interpretations_show_bone_bright(
    headers: list[pydicom.FileDataset],
) -> None:
    assert {made.PhotometricInterpretation for made in headers} == {"MONOCHROME1", "MONOCHROME2"}
    for made in headers:
        shown = made.pixel_array.astype(float)
        if made.PhotometricInterpretation == "MONOCHROME1":
            shown = 4095 - shown
        middle = slice(made.Columns * 2 // 5, made.Columns * 3 // 5)
        assert shown[:, middle].mean() > shown[:, : made.Columns // 12].mean() + 300


@pytest.mark.parametrize("syntax", ["explicit_le", "implicit_le", "rle", "jpeg_ls", "jpeg_2000"])
def test_every_transfer_syntax_keeps_the_pixels(syntax: str, tmp_path: Path) -> None:
    common = {"patients": 2, "views_max": 2, "image_size": 96}
    plain = write(
        tmp_path / "plain", KneePhantomConfig(transfer_syntaxes={"explicit_le": 1}, **common)
    )
    packed = write(tmp_path / "packed", KneePhantomConfig(transfer_syntaxes={syntax: 1}, **common))
    for file in pd.read_csv(plain / "images.csv")["file"]:
        first, second = pydicom.dcmread(plain / file), pydicom.dcmread(packed / file)
        np.testing.assert_array_equal(first.pixel_array, second.pixel_array)
        assert second.file_meta.TransferSyntaxUID in SYNTAXES


def test_boxes_are_the_masks_bounding_boxes(cohort: Path, images: pd.DataFrame) -> None:
    found = images.dropna(subset=["mask"])
    assert len(found)
    for row in found.itertuples():
        mask = np.asarray(Image.open(cohort / row.mask))
        page = json.loads((cohort / row.boxes).read_text())
        assert set(np.unique(mask)) == {0, 1}
        assert mask.shape == (page["imageHeight"], page["imageWidth"])
        assert page["imagePath"] == Path(row.file).name and page["imageData"] is None
        (shape,) = page["shapes"]
        (x0, y0), (x1, y1) = shape["points"]
        ys, xs = np.nonzero(mask)
        assert (x0, y0, x1, y1) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert (shape["label"], shape["shape_type"]) == ("osteosarcoma", "rectangle")


def test_masks_fit_their_image_and_belong_to_tumours_only(
    cohort: Path, patients: pd.DataFrame, images: pd.DataFrame
) -> None:
    labels = patients.set_index("patient_id")["label"]
    tumour = images["patient_id"].map(labels) == "osteosarcoma"
    assert (images["mask"].notna() <= tumour).all()
    assert images.loc[tumour, "mask"].notna().mean() > 0.95
    for row in images.dropna(subset=["mask"]).itertuples():
        header = pydicom.dcmread(cohort / row.file, stop_before_pixels=True)
        assert Image.open(cohort / row.mask).size == (header.Columns, header.Rows)


def test_names_do_not_tell_the_class(patients: pd.DataFrame) -> None:
    number = patients["patient_id"].str[2:].astype(int)
    tumour = (patients["label"] == "osteosarcoma").astype(float)
    assert abs(np.corrcoef(number, tumour)[0, 1]) < 0.5
    assert not patients["patient_id"].is_monotonic_increasing


def test_a_folder_that_is_missing_or_in_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="existing empty folder"):
        write_knee_phantom(tmp_path / "absent", SMALL)
    (tmp_path / "note.txt").write_text("in use")
    with pytest.raises(FileExistsError, match="not empty"):
        write_knee_phantom(tmp_path, SMALL)
    (tmp_path / "note.txt").unlink()
    with pytest.raises(ValueError, match="workers is -1"):
        write_knee_phantom(tmp_path, SMALL, workers=-1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"views_min": 4, "views_max": 2}, "views_min must not be larger"),
        ({"transfer_syntaxes": {}}, "at least one above 0"),
        ({"transfer_syntaxes": {"rle": 0}}, "at least one above 0"),
        ({"transfer_syntaxes": {"jpeg": 1}}, "explicit_le"),
        ({"osteosarcoma_fraction": 1.2}, "less than 1"),
        ({"patient": 3}, "Extra inputs"),
    ],
)
def test_config_names_what_is_wrong(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        KneePhantomConfig(**wrong)


def test_config_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SMALL.patients = 3  # type: ignore[misc]
