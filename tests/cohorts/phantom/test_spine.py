"""The spine phantom's folder: determinism, valid CT, masks and boxes, and what it refuses."""

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

from osteon.cohorts.phantom.spine import CLASSES, SpinePhantomConfig, write_spine_phantom
from osteon.cohorts.phantom.spine_anatomy import LEVELS
from osteon.cohorts.phantom.spine_lesions import SUBTYPES

SMALL = SpinePhantomConfig(patients=8, image_size=64, slices=7, slice_mm=5, seed=3)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def write(folder: Path, config: SpinePhantomConfig, workers: int = 1) -> Path:
    folder.mkdir()
    write_spine_phantom(folder, config, workers)
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("spine") / "cohort", SMALL)


@pytest.fixture(scope="module")
def patients(cohort: Path) -> pd.DataFrame:
    return pd.read_csv(cohort / "patients.csv", dtype={"patient_id": str})


@pytest.fixture(scope="module")
def images(cohort: Path) -> pd.DataFrame:
    table = pd.read_csv(cohort / "images.csv", dtype={"patient_id": str})
    headers = [pydicom.dcmread(cohort / file) for file in table["file"]]
    return table.assign(header=headers)


@pytest.fixture(scope="module")
def axial(images: pd.DataFrame) -> pd.DataFrame:
    return images[images["view"] == "axial"]


def test_same_seed_gives_same_bytes_for_any_number_of_workers(cohort: Path, tmp_path: Path) -> None:
    assert digests(write(tmp_path / "again", SMALL, workers=2)) == digests(cohort)


def test_a_larger_cohort_begins_with_the_smaller_one(cohort: Path, tmp_path: Path) -> None:
    smaller = SMALL.model_copy(update={"patients": 3})
    folder = tmp_path / "smaller"
    folder.mkdir()
    smaller.write(folder)
    few, many = digests(folder), digests(cohort)
    tables = {"patients.csv", "images.csv"}
    assert {name: many.get(name) for name in few if name not in tables} == {
        name: value for name, value in few.items() if name not in tables
    }
    lines = (folder / "patients.csv").read_text().splitlines()
    assert (cohort / "patients.csv").read_text().splitlines()[: len(lines)] == lines


def test_another_seed_gives_other_patients(cohort: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", SMALL.model_copy(update={"seed": 4, "patients": 2}))
    assert not set(digests(other).values()) & set(digests(cohort).values())


def test_tables_name_every_file_and_patient_once(
    cohort: Path, patients: pd.DataFrame, images: pd.DataFrame
) -> None:
    listed = set(images["file"]) | set(images["mask"].dropna()) | set(images["boxes"].dropna())
    assert listed | {"patients.csv", "images.csv"} == set(digests(cohort))
    assert patients["patient_id"].is_unique and images["file"].is_unique
    assert set(images["patient_id"]) == set(patients["patient_id"])
    assert set(images["sequence"]) == {"CT"} and set(images["view"]) <= {"axial", "coronal"}


def test_patients_are_the_papers(patients: pd.DataFrame) -> None:
    tumours = (patients["label"] == "osteosarcoma").sum()
    assert abs(tumours - SMALL.patients * 168 / 249) <= 1
    assert patients["age"].between(41, 90).all() and set(patients["sex"]) <= {"M", "F"}
    assert set(patients["site"]) == {"spine"} and set(patients["location"]) <= set(LEVELS)
    for row in patients.itertuples():
        assert row.subtype in SUBTYPES[row.label]


def test_slices_are_valid_ct(axial: pd.DataFrame) -> None:
    for made in axial["header"]:
        assert made.SOPClassUID == uid.CTImageStorage and made.Modality == "CT"
        assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
        assert (made.Rows, made.Columns) == (64, 64)
        assert made.pixel_array.dtype == np.int16 and made.RescaleIntercept in (0, -1024)
        assert list(made.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
        assert made.BodyPartExamined in {level.body_part for level in LEVELS.values()}
        assert 0.4 < made.PixelSpacing[0] * 64 / 200 < 1.6
    assert axial["header"].map(lambda made: made.SOPInstanceUID).is_unique


def test_headers_agree_with_the_tables(images: pd.DataFrame, patients: pd.DataFrame) -> None:
    rows = patients.set_index("patient_id")
    for image in images.itertuples():
        patient, made = rows.loc[image.patient_id], image.header
        assert (made.PatientID, made.PatientSex) == (image.patient_id, patient["sex"])
        assert made.PatientAge == f"{patient['age']:03d}Y"
        assert made.InstitutionName == patient["centre"]
        assert made.BodyPartExamined == LEVELS[patient["location"]].body_part


def test_a_series_is_a_regular_stack_in_shuffled_files(axial: pd.DataFrame) -> None:
    shuffled = 0
    for _, rows in axial.groupby("patient_id"):
        heights = rows["header"].map(lambda made: float(made.ImagePositionPatient[2])).to_numpy()
        numbers = rows["header"].map(lambda made: int(made.InstanceNumber)).to_numpy()
        np.testing.assert_allclose(np.diff(np.sort(heights)), SMALL.slice_mm)
        assert sorted(numbers) == list(range(1, SMALL.slices + 1))
        assert abs(np.corrcoef(heights, numbers)[0, 1]) == pytest.approx(1)
        assert rows["header"].map(lambda made: made.SeriesInstanceUID).nunique() == 1
        shuffled += not (np.diff(heights) > 0).all() and not (np.diff(heights) < 0).all()
    assert shuffled == SMALL.patients


def test_some_scanners_send_a_scout_along(images: pd.DataFrame, tmp_path: Path) -> None:
    scouts = images[images["view"] == "coronal"]
    assert 0 < len(scouts) < SMALL.patients and scouts["patient_id"].is_unique
    for made in scouts["header"]:
        assert "LOCALIZER" in made.ImageType
        assert list(made.ImageOrientationPatient) == [1, 0, 0, 0, 0, -1]
    none = write(tmp_path / "none", SMALL.model_copy(update={"localizers": False, "patients": 4}))
    assert set(pd.read_csv(none / "images.csv")["view"]) == {"axial"}


def test_masks_and_boxes_lie_on_slices_with_a_lesion(
    cohort: Path, axial: pd.DataFrame, patients: pd.DataFrame
) -> None:
    labels = patients.set_index("patient_id")["label"]
    counts = axial.groupby("patient_id")["mask"].count()
    assert counts.between(2, SMALL.slices).all() and counts.sum() < len(axial)
    assert (axial["mask"].isna() == axial["boxes"].isna()).all()
    for row in axial.dropna(subset=["mask"]).itertuples():
        mask = np.asarray(Image.open(cohort / row.mask))
        page = json.loads((cohort / row.boxes).read_text())
        assert mask.shape == (64, 64) and set(np.unique(mask)) == {0, 1}
        (shape,) = page["shapes"]
        (x0, y0), (x1, y1) = shape["points"]
        ys, xs = np.nonzero(mask)
        assert (x0, y0, x1, y1) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert shape["label"] == labels[row.patient_id]
        assert page["imagePath"] == Path(row.file).name


def test_a_folder_that_is_missing_or_in_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="existing empty folder"):
        write_spine_phantom(tmp_path / "absent", SMALL)
    (tmp_path / "note.txt").write_text("in use")
    with pytest.raises(FileExistsError, match="not empty"):
        write_spine_phantom(tmp_path, SMALL)
    (tmp_path / "note.txt").unlink()
    with pytest.raises(ValueError, match="workers is -1"):
        write_spine_phantom(tmp_path, SMALL, workers=-1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"transfer_syntaxes": {}}, "at least one above 0"),
        ({"transfer_syntaxes": {"rle": 0}}, "at least one above 0"),
        ({"transfer_syntaxes": {"jpeg": 1}}, "explicit_le"),
        ({"osteosarcoma_fraction": 0}, "greater than 0"),
        ({"kind": "knee"}, "spine"),
        ({"slice": 3}, "Extra inputs"),
    ],
)
def test_config_names_what_is_wrong(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpinePhantomConfig.model_validate(wrong)


def test_config_is_frozen_and_the_last_class_is_the_positive_one() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SMALL.patients = 3  # type: ignore[misc]
    assert CLASSES == ("giant_cell_tumor", "osteosarcoma")
