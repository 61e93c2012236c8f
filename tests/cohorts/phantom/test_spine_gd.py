"""The Gd-T1 spine phantom's folder: determinism, valid MR, label maps, tables, refusals."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image
from pydantic import ValidationError
from pydicom import uid

from osteon.cohorts.phantom.spine_gd import (
    MASK_CLASSES,
    SpineGdPhantomConfig,
    write_spine_gd_phantom,
)
from osteon.cohorts.phantom.spine_gd_patient import OLDEST, YOUNGEST, draw_patient
from osteon.cohorts.phantom.spine_mr_column import NAMES
from osteon.imaging.mr_sequence import GD_T1WI, recognise, sequence_facts

SMALL = SpineGdPhantomConfig(
    patients=5, image_size=64, slices=5, slice_mm=4.0, second_series=0.6, seed=5
)
TABLES = {"patients.csv", "images.csv"}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def write(folder: Path, config: SpineGdPhantomConfig, workers: int = 1) -> Path:
    folder.mkdir()
    write_spine_gd_phantom(folder, config, workers)
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("spine_gd") / "cohort", SMALL)


@pytest.fixture(scope="module")
def patients(cohort: Path) -> pd.DataFrame:
    return pd.read_csv(cohort / "patients.csv", dtype={"patient_id": str})


@pytest.fixture(scope="module")
def images(cohort: Path) -> pd.DataFrame:
    table = pd.read_csv(cohort / "images.csv", dtype={"patient_id": str})
    headers = [pydicom.dcmread(cohort / file) for file in table["file"]]
    return table.assign(header=headers, series=[made.SeriesInstanceUID for made in headers])


@pytest.fixture(scope="module")
def sagittal(images: pd.DataFrame) -> pd.DataFrame:
    return images.dropna(subset=["mask"])


def test_same_seed_gives_same_bytes_for_any_number_of_workers(cohort: Path, tmp_path: Path) -> None:
    assert digests(write(tmp_path / "again", SMALL, workers=2)) == digests(cohort)


def test_another_seed_gives_another_cohort(cohort: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", SMALL.model_copy(update={"patients": 2, "seed": 6}))
    assert not set(digests(other).values()) & set(digests(cohort).values())


def test_a_larger_cohort_begins_with_the_smaller_one(cohort: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "smaller", SMALL.model_copy(update={"patients": 3}))
    few, many = digests(folder), digests(cohort)
    assert {name: many.get(name) for name in few if name not in TABLES} == {
        name: value for name, value in few.items() if name not in TABLES
    }
    for table in TABLES:
        lines = (folder / table).read_text().splitlines()
        assert (cohort / table).read_text().splitlines()[: len(lines)] == lines


def test_tables_name_every_file_and_neither_label_nor_sequence(
    cohort: Path, patients: pd.DataFrame, images: pd.DataFrame
) -> None:
    listed = set(images["file"]) | set(images["mask"].dropna())
    assert listed | TABLES == set(digests(cohort))
    header = (cohort / "images.csv").read_text().splitlines()[0]
    assert header == "file,patient_id,mask"
    header = (cohort / "patients.csv").read_text().splitlines()[0]
    assert header == "patient_id,age,sex,site,location,centre"
    assert patients["patient_id"].is_unique and images["file"].is_unique
    assert images["mask"].dropna().is_unique
    assert set(images["patient_id"]) == set(patients["patient_id"])


def test_patients_are_the_papers_and_named_by_the_level_of_the_largest_lesion(
    patients: pd.DataFrame,
) -> None:
    assert patients["age"].between(YOUNGEST, OLDEST).all() and (YOUNGEST, OLDEST) == (16, 42)
    assert set(patients["sex"]) <= {"F", "M"} and set(patients["site"]) == {"spine"}
    for index, place in enumerate(patients["location"]):
        lesions = draw_patient(SMALL, index).lesions
        largest = max(lesions, key=lambda lesion: lesion.plan.diameter)
        assert NAMES[largest.plan.level] == place


def test_a_test_part_is_given_only_where_it_is_asked_for(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"test_share": 0.5, "patients": 4, "slices": 3})
    table = pd.read_csv(write(tmp_path / "parts", config) / "patients.csv")
    assert sorted(table["split"]) == ["test", "test", "train", "train"]


def test_slices_are_the_papers_sequence(images: pd.DataFrame, patients: pd.DataFrame) -> None:
    rows = patients.set_index("patient_id")
    for image in images.itertuples():
        made = image.header
        assert made.SOPClassUID == uid.MRImageStorage and made.pixel_array.dtype == np.uint16
        assert (made.PatientID, made.PatientSex) == (
            image.patient_id,
            rows.loc[image.patient_id, "sex"],
        )
        assert (made.RepetitionTime, made.EchoTime) == (774, 8.7)
        assert made.MagneticFieldStrength == 3 and made.ImageType[0] == "ORIGINAL"
    assert images["header"].map(lambda made: made.SOPInstanceUID).is_unique
    # The default series is the paper's: 15 slices of 3 mm in a field of 260 mm.
    config = SpineGdPhantomConfig()
    (first, *_) = draw_patient(config, 0).series
    assert (first.stack.slices, first.stack.thickness) == (15, 3.0)
    assert first.stack.side * first.stack.spacing == pytest.approx(260)


def test_headers_tell_gd_t1_with_and_without_words(
    images: pd.DataFrame, sagittal: pd.DataFrame
) -> None:
    for made in sagittal["header"]:
        assert made.ContrastBolusAgent and recognise(sequence_facts(made)) == GD_T1WI
    words = {made.SeriesDescription for made in sagittal["header"]}
    assert any("Gd" in text for text in words) and any("Gd" not in text for text in words)
    for made in images.drop(sagittal.index)["header"]:
        assert "LOCALIZER" in made.ImageType and "ContrastBolusAgent" not in made
        assert recognise(sequence_facts(made)) == ""


def test_a_series_is_a_regular_sagittal_stack_in_shuffled_files(sagittal: pd.DataFrame) -> None:
    shuffled = 0
    for _, rows in sagittal.groupby("series"):
        row, column = np.array(rows["header"].iloc[0].ImageOrientationPatient, float).reshape(2, 3)
        normal = np.cross(row, column)
        assert abs(normal[0]) > 0.99 and len(rows) == SMALL.slices
        along = np.array([made.ImagePositionPatient for made in rows["header"]], float) @ normal
        numbers = rows["header"].map(lambda made: int(made.InstanceNumber)).to_numpy()
        np.testing.assert_allclose(np.diff(np.sort(along)), 4.4, atol=1e-4)
        assert abs(np.corrcoef(along, numbers)[0, 1]) == pytest.approx(1)
        steps = np.diff(along)
        shuffled += not (steps > 0).all() and not (steps < 0).all()
    assert shuffled > 0.8 * sagittal["series"].nunique()


def test_each_sagittal_slice_has_a_lossless_label_map_of_its_own_size(
    cohort: Path, sagittal: pd.DataFrame
) -> None:
    assert MASK_CLASSES == ("other", "tumour", "vertebra")
    seen: dict[str, set[int]] = {}
    for image in sagittal.itertuples():
        with Image.open(cohort / image.mask) as picture:
            assert picture.format == "PNG" and picture.mode == "L"
            labels = np.asarray(picture)
        assert labels.shape == image.header.pixel_array.shape == (64, 64)
        seen.setdefault(image.series, set()).update(np.unique(labels).tolist())
    # Every series shows the tumour it was taken for.
    assert set(map(frozenset, seen.values())) == {frozenset({0, 1, 2})}


def test_names_and_file_names_do_not_count_patients(cohort: Path, images: pd.DataFrame) -> None:
    folders = list(dict.fromkeys(file.split("/")[1] for file in images["file"]))
    assert len(folders) == SMALL.patients and folders != sorted(folders)
    names = images.drop_duplicates("patient_id")["header"].map(lambda made: str(made.PatientName))
    assert names.is_unique and names.tolist() != sorted(names)


def test_transfer_syntaxes_and_localizers_follow_their_knobs(tmp_path: Path) -> None:
    config = SMALL.model_copy(
        update={"patients": 2, "transfer_syntaxes": {"rle": 1.0}, "localizers": False}
    )
    folder = write(tmp_path / "rle", config)
    headers = [pydicom.dcmread(path) for path in (folder / "dicom").rglob("IM*")]
    assert {made.file_meta.TransferSyntaxUID for made in headers} == {uid.RLELossless}
    assert not any("LOCALIZER" in made.ImageType for made in headers)


def test_a_folder_that_is_missing_or_in_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="existing empty folder"):
        write_spine_gd_phantom(tmp_path / "absent", SMALL)
    (tmp_path / "note.txt").write_text("in use")
    with pytest.raises(FileExistsError, match="not empty"):
        write_spine_gd_phantom(tmp_path, SMALL)
    (tmp_path / "note.txt").unlink()
    with pytest.raises(ValueError, match="workers is -1"):
        SMALL.write(tmp_path, workers=-1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"transfer_syntaxes": {}}, "at least one above 0"),
        ({"transfer_syntaxes": {"rle": -1.0}}, "at least one above 0"),
        ({"lesion_mm": (40, 8)}, "lesion_mm is .40.0, 8.0.: give the least, then the most"),
        ({"lesion_mm": (2, 8)}, "between 4 and 60"),
        ({"lesion_mm": (8, 61)}, "between 4 and 60"),
        ({"slices": 2}, "greater than or equal to 3"),
        ({"enhancement": 2.5}, "less than or equal to 2"),
        ({"kind": "spine_mr"}, "spine_gd"),
        ({"slice": 3}, "Extra inputs"),
    ],
)
def test_config_names_what_is_wrong(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpineGdPhantomConfig.model_validate(wrong)


def test_config_is_frozen_and_imports_nothing_heavy() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SMALL.patients = 3  # type: ignore[misc]
    code = (
        "import sys, osteon.cohorts.phantom.spine_gd\n"
        "print(sorted({'numpy', 'scipy', 'pydicom', 'PIL'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
