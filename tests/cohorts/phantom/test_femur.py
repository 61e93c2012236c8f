"""The femur phantom's folder: determinism, valid DICOM with a true geometry, masks and boxes."""

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

from osteon.cohorts.phantom.femur import FemurPhantomConfig, write_femur_phantom
from osteon.imaging.geometry import normal_of, order_slices, plane_of

SMALL = FemurPhantomConfig(patients=24, image_size=96, slices=3, expert_masks_share=0.5, seed=3)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def write(folder: Path, config: FemurPhantomConfig, workers: int = 1) -> Path:
    folder.mkdir()
    config.write(folder, workers)
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("femur") / "cohort", SMALL)


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


def test_a_larger_cohort_begins_with_the_smaller_one(cohort: Path, tmp_path: Path) -> None:
    smaller = write(tmp_path / "smaller", SMALL.model_copy(update={"patients": 5}))
    few, many = digests(smaller), digests(cohort)
    tables = {"patients.csv", "images.csv"}
    assert {name: many.get(name) for name in few if name not in tables} == {
        name: value for name, value in few.items() if name not in tables
    }
    lines = (smaller / "patients.csv").read_text().splitlines()
    assert (cohort / "patients.csv").read_text().splitlines()[: len(lines)] == lines


def test_another_seed_gives_other_images_and_uids(
    headers: list[pydicom.FileDataset], tmp_path: Path
) -> None:
    other = write(tmp_path / "other", SMALL.model_copy(update={"seed": 4, "patients": 3}))
    files = pd.read_csv(other / "images.csv")["file"]
    made = [pydicom.dcmread(other / file) for file in files]
    assert not {each.SOPInstanceUID for each in made} & {each.SOPInstanceUID for each in headers}
    assert not {each.PixelData for each in made} & {each.PixelData for each in headers}


def test_tables_name_every_file_and_patient(
    cohort: Path, patients: pd.DataFrame, images: pd.DataFrame
) -> None:
    listed = set(images["file"]) | set(images["mask"].dropna()) | set(images["boxes"].dropna())
    assert listed | {"patients.csv", "images.csv"} == set(digests(cohort))
    assert patients["patient_id"].is_unique and images["file"].is_unique
    assert (images["patient_id"].value_counts() == SMALL.slices).all()
    assert set(images["patient_id"]) == set(patients["patient_id"])
    assert set(images["sequence"]) == {"T1WI", "T2WI", "FS-T2WI"}
    assert set(images["view"]) == {"coronal", "sagittal", "axial"}
    assert set(patients["site"]) == {"femur"}
    assert set(patients["location"]) == {"proximal", "shaft", "distal"}
    assert set(patients["label"]) == {"benign", "malignant"}


def test_files_are_valid_mr_with_a_physics_that_fits_the_sequence(
    headers: list[pydicom.FileDataset], images: pd.DataFrame
) -> None:
    for made, row in zip(headers, images.itertuples(), strict=True):
        assert made.SOPClassUID == uid.MRImageStorage and made.Modality == "MR"
        assert made.pixel_array.dtype == np.uint16 and made.pixel_array.std() > 20
        assert made.pixel_array.max() <= 4095 and float(made.WindowWidth) > 1
        assert made.PatientID == row.patient_id and made.InstanceNumber == row.slice
        assert (float(made.EchoTime) < 20) == (row.sequence == "T1WI")
        assert (float(made.RepetitionTime) < 1000) == (row.sequence == "T1WI")
        assert ("FS" in str(made.ScanOptions)) == (row.sequence == "FS-T2WI")
        assert float(made.MagneticFieldStrength) in (1.5, 3.0)
    assert len({made.SOPInstanceUID for made in headers}) == len(headers)
    assert len({made.ManufacturerModelName for made in headers}) >= 3


def test_slices_lie_in_their_plane_in_order_and_evenly(
    headers: list[pydicom.FileDataset], images: pd.DataFrame
) -> None:
    for _, group in images.groupby("patient_id"):
        series = [headers[row] for row in group.index]
        found = order_slices(
            [list(map(float, made.ImagePositionPatient)) for made in series],
            [list(map(float, made.ImageOrientationPatient)) for made in series],
            [int(made.InstanceNumber) for made in series],
        )
        assert found.plane == group["view"].iloc[0] and not found.warnings
        np.testing.assert_array_equal(found.order, np.arange(SMALL.slices))
        assert found.spacing == pytest.approx(float(series[0].SpacingBetweenSlices), abs=1e-3)
        assert float(series[0].SpacingBetweenSlices) > float(series[0].SliceThickness)
        assert 1.2 < float(series[0].PixelSpacing[0]) < 2.4
        assert len({made.SeriesInstanceUID for made in series}) == 1


def test_planes_are_not_quite_those_of_the_patient(headers: list[pydicom.FileDataset]) -> None:
    cosines = [np.array(made.ImageOrientationPatient, dtype=float) for made in headers]
    lean = [np.degrees(np.arccos(np.abs(normal_of(each)).max())) for each in cosines]
    assert 0.5 < np.mean(lean) < 6 and all(plane_of(each) != "oblique" for each in cosines)


def test_an_expert_outlines_the_share_asked_whatever_the_class(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"patients": 80, "slices": 1, "expert_masks_share": 0.3})
    folder = write(tmp_path / "cohort", config)
    images = pd.read_csv(folder / "images.csv", dtype={"patient_id": str})
    labels = pd.read_csv(folder / "patients.csv").set_index("patient_id")["label"]
    outlined = images["mask"].notna()
    assert outlined.mean() == pytest.approx(0.3, abs=0.13)
    malignant = images["patient_id"].map(labels) == "malignant"
    assert abs(outlined[malignant].mean() - outlined[~malignant].mean()) < 0.25
    assert (images["boxes"].notna() <= outlined).all()
    assert 0 < images["boxes"].notna().sum() < outlined.sum()


def test_nobody_is_outlined_where_no_expert_is(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"patients": 4, "expert_masks_share": 0.0})
    folder = write(tmp_path / "cohort", config)
    assert pd.read_csv(folder / "images.csv")[["mask", "boxes"]].isna().all(axis=None)
    assert not list((folder / "masks").iterdir())


def test_boxes_are_the_masks_bounding_boxes(cohort: Path, images: pd.DataFrame) -> None:
    found = images.dropna(subset=["boxes"])
    assert len(found)
    for row in found.itertuples():
        mask = np.asarray(Image.open(cohort / row.mask))
        assert set(np.unique(mask)) == {0, 1} and mask.shape == (96, 96)
        (shape,) = json.loads((cohort / row.boxes).read_text())["shapes"]
        (x0, y0), (x1, y1) = shape["points"]
        ys, xs = np.nonzero(mask)
        assert (x0, y0, x1, y1) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert shape["label"] in {"benign", "malignant"}


def test_the_middle_slice_shows_most_of_the_tumour(cohort: Path, images: pd.DataFrame) -> None:
    areas = [
        0 if file != file else np.asarray(Image.open(cohort / file)).sum()
        for file in images["mask"]
    ]
    found = images.assign(area=areas).groupby("patient_id")["area"].apply(list)
    outlined = [group for group in found if max(group) > 0]
    assert len(outlined) > 5
    assert np.mean([group[1] >= 0.9 * max(group) for group in outlined]) > 0.8


def test_names_do_not_tell_the_class(patients: pd.DataFrame) -> None:
    number = patients["patient_id"].str[2:].astype(int)
    malignant = (patients["label"] == "malignant").astype(float)
    assert abs(np.corrcoef(number, malignant)[0, 1]) < 0.5


def test_a_folder_that_is_missing_or_in_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="existing empty folder"):
        write_femur_phantom(tmp_path / "absent", SMALL)
    (tmp_path / "note.txt").write_text("in use")
    with pytest.raises(FileExistsError, match="not empty"):
        write_femur_phantom(tmp_path, SMALL)
    (tmp_path / "note.txt").unlink()
    with pytest.raises(ValueError, match="workers is -1"):
        write_femur_phantom(tmp_path, SMALL, workers=-1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"classes": 3, "malignant_fraction": 0.9}, "leave a share for benign"),
        ({"classes": 4}, "2 or 3"),
        ({"slices": 10}, "less than or equal to 9"),
        ({"ages": "young"}, "'paper' or 'clinic'"),
        ({"patient": 3}, "Extra inputs"),
    ],
)
def test_config_names_what_is_wrong(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FemurPhantomConfig(**wrong)


def test_config_is_frozen_and_knows_its_classes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SMALL.patients = 3  # type: ignore[misc]
    assert SMALL.class_names == ("benign", "malignant")
    three = FemurPhantomConfig(classes=3)
    assert three.class_names == ("benign", "intermediate", "malignant")
