"""The spine MR phantom's folder: determinism, valid MR, boxes, parts, readers, no leaks."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydantic import ValidationError
from pydicom import uid

from osteon.cohorts.phantom.spine_mr import (
    CLASSES,
    SpineMrPhantomConfig,
    write_spine_mr_phantom,
)
from osteon.cohorts.phantom.spine_mr_column import REGIONS
from osteon.cohorts.phantom.spine_mr_export import draw_patient
from osteon.cohorts.phantom.spine_mr_lesions import KINDS
from osteon.cohorts.phantom.spine_mr_render import PLANES

SMALL = SpineMrPhantomConfig(
    patients=8,
    image_size=64,
    slices=(5, 7),
    sequences=(1, 3),
    off_plane=0.5,
    missing_age=0.3,
    seed=3,
)
PAPER = SpineMrPhantomConfig(patients=585)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def write(folder: Path, config: SpineMrPhantomConfig, workers: int = 1) -> Path:
    folder.mkdir()
    write_spine_mr_phantom(folder, config, workers)
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("spine_mr") / "cohort", SMALL)


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
    flat = [abs(made.ImageOrientationPatient[1]) > 0.9 for made in images["header"]]
    return images[flat]


def test_same_seed_gives_same_bytes_for_any_number_of_workers(cohort: Path, tmp_path: Path) -> None:
    assert digests(write(tmp_path / "again", SMALL, workers=2)) == digests(cohort)


def test_a_larger_cohort_begins_with_the_smaller_one(cohort: Path, tmp_path: Path) -> None:
    folder = tmp_path / "smaller"
    folder.mkdir()
    SMALL.model_copy(update={"patients": 3}).write(folder)
    few, many = digests(folder), digests(cohort)
    tables = {"patients.csv", "images.csv", "readers.csv"}
    assert {name: many.get(name) for name in few if name not in tables} == {
        name: value for name, value in few.items() if name not in tables
    }
    lines = (folder / "patients.csv").read_text().splitlines()
    assert (cohort / "patients.csv").read_text().splitlines()[: len(lines)] == lines


def test_tables_name_every_file_and_no_sequence(
    cohort: Path, patients: pd.DataFrame, images: pd.DataFrame
) -> None:
    listed = set(images["file"]) | set(images["boxes"].dropna())
    tables = {"patients.csv", "images.csv", "readers.csv"}
    assert listed | tables == set(digests(cohort))
    header = (cohort / "images.csv").read_text().splitlines()[0]
    assert header == "file,patient_id,boxes"
    assert patients["patient_id"].is_unique and images["file"].is_unique
    assert set(images["patient_id"]) == set(patients["patient_id"])


def test_patients_are_the_papers(patients: pd.DataFrame) -> None:
    assert patients["age"].dropna().between(4, 82).all() and patients["age"].isna().any()
    assert set(patients["label"]) == set(CLASSES) and set(patients["split"]) == {"train", "test"}
    for row in patients.itertuples():
        words = row.location.split("+")
        assert words == sorted(words, key=REGIONS.index) and len(words) in (1, 2)
        assert row.subtype in KINDS


def test_slices_are_valid_mr(images: pd.DataFrame, patients: pd.DataFrame) -> None:
    rows = patients.set_index("patient_id")
    for image in images.itertuples():
        made, patient = image.header, rows.loc[image.patient_id]
        assert made.SOPClassUID == uid.MRImageStorage and made.Modality == "MR"
        assert made.pixel_array.dtype == np.uint16 and (made.Rows, made.Columns) == (64, 64)
        assert (made.PatientID, made.PatientSex) == (image.patient_id, patient["sex"])
        assert made.RepetitionTime > 400 and made.EchoTime > 5
        assert made.SliceThickness <= made.SpacingBetweenSlices
    assert images["header"].map(lambda made: made.SOPInstanceUID).is_unique


def test_a_series_is_a_regular_sagittal_stack_in_shuffled_files(sagittal: pd.DataFrame) -> None:
    shuffled = 0
    for _, rows in sagittal.groupby("series"):
        row, column = np.array(rows["header"].iloc[0].ImageOrientationPatient, float).reshape(2, 3)
        normal = np.cross(row, column)
        assert row @ column == pytest.approx(0, abs=1e-6) and abs(normal[0]) > 0.99
        spots = np.array([made.ImagePositionPatient for made in rows["header"]], float)
        along = spots @ normal
        numbers = rows["header"].map(lambda made: int(made.InstanceNumber)).to_numpy()
        between = float(rows["header"].iloc[0].SpacingBetweenSlices)
        np.testing.assert_allclose(np.diff(np.sort(along)), between, atol=1e-4)
        assert sorted(numbers) == list(range(1, len(rows) + 1))
        assert abs(np.corrcoef(along, numbers)[0, 1]) == pytest.approx(1)
        assert SMALL.slices[0] <= len(rows) <= SMALL.slices[1]
        steps = np.diff(along)
        shuffled += not (steps > 0).all() and not (steps < 0).all()
    assert shuffled > 0.9 * sagittal["series"].nunique()


def test_other_planes_and_scouts_come_along_without_boxes(
    images: pd.DataFrame, sagittal: pd.DataFrame
) -> None:
    others = images.drop(sagittal.index)
    scouts = ["LOCALIZER" in made.ImageType for made in others["header"]]
    assert any(scouts) and not all(scouts)
    assert others["boxes"].isna().all()
    assert not any("LOCALIZER" in made.ImageType for made in sagittal["header"])


def test_boxes_carry_the_class_and_skip_some_slices(
    cohort: Path, sagittal: pd.DataFrame, patients: pd.DataFrame, tmp_path: Path
) -> None:
    labels = patients.set_index("patient_id")["label"]
    counts = sagittal.groupby("series")["boxes"].count()
    assert (counts >= 1).all() and counts.sum() < len(sagittal)
    for row in sagittal.dropna(subset=["boxes"]).itertuples():
        page = json.loads((cohort / row.boxes).read_text())
        assert (page["imageWidth"], page["imagePath"]) == (64, Path(row.file).name)
        for shape in page["shapes"]:
            (x0, y0), (x1, y1) = shape["points"]
            assert 0 <= x0 < x1 <= 64 and 0 <= y0 < y1 <= 64
            assert shape["label"] == labels[row.patient_id] and shape["shape_type"] == "rectangle"
    careless = SMALL.model_copy(update={"patients": 3, "unlabelled_share": 0.6})
    fewer = pd.read_csv(write(tmp_path / "careless", careless) / "images.csv")["boxes"].count()
    first = sagittal[sagittal["patient_id"].isin(patients["patient_id"][:3])]
    assert 0 < fewer < 0.8 * first["boxes"].count()


def test_the_test_part_holds_primary_tumours_only() -> None:
    drawn = [draw_patient(PAPER, index) for index in range(60)]
    kinds = {
        part: {p.row["subtype"] for p in drawn if p.part == part} for part in ("train", "test")
    }
    assert "metastasis" in kinds["train"] and "metastasis" not in kinds["test"]


def test_readers_judge_the_test_part_only(cohort: Path, patients: pd.DataFrame) -> None:
    calls = pd.read_csv(cohort / "readers.csv", dtype={"patient_id": str})
    tested = set(patients.loc[patients["split"] == "test", "patient_id"])
    assert set(calls["patient_id"]) == tested and len(calls) == 6 * len(tested)
    assert set(calls["call"]) <= set(CLASSES) and set(calls["with_age"]) == {"yes", "no"}
    assert (calls["seconds"] > 0).all()
    facts = calls.drop_duplicates("reader").set_index("reader")[["role", "experience_years"]]
    assert facts.loc["D1"].tolist() == ["radiologist", 18] and facts.loc["D3"].tolist()[1] == 8


def test_nothing_but_tumour_and_age_depends_on_the_class() -> None:
    for index in range(25):
        one, other = (draw_patient(PAPER, index, label) for label in CLASSES)
        for name in ("patient_id", "sex", "centre", "split"):
            assert one.row[name] == other.row[name]
        assert (one.scanner, one.syntax, one.study_day) == (
            other.scanner,
            other.syntax,
            other.study_day,
        )
        assert [s.protocol for s in one.series] == [s.protocol for s in other.series]
        ways = [[(s.stack.slices, s.stack.thickness) for s in p.series] for p in (one, other)]
        assert ways[0] == ways[1]
        first = [p.row["location"].split("+") for p in (one, other)]
        assert set(first[0]) & set(first[1])


def test_names_and_file_names_do_not_count_patients(cohort: Path, images: pd.DataFrame) -> None:
    folders = list(dict.fromkeys(file.split("/")[1] for file in images["file"]))
    assert len(folders) == SMALL.patients and folders != sorted(folders)
    names = images.drop_duplicates("patient_id")["header"].map(lambda made: str(made.PatientName))
    assert names.is_unique and names.tolist() != sorted(names)


def test_sequences_must_be_told_from_headers(images: pd.DataFrame) -> None:
    assert set(PLANES) == {"sagittal", "coronal", "axial"}
    drawn = [draw_patient(PAPER, index) for index in range(60)]
    words = {s.protocol.words for p in drawn for s in p.series}
    assert len(words) > 12
    counts = [sum(s.marked for s in p.series) for p in drawn]
    assert set(counts) == {2, 3, 4}
    for patient in drawn:
        found = {s.protocol.sequence for s in patient.series if s.marked}
        assert "T1WI" in found and found & {"T2WI", "FS-T2WI"}
    fat = [
        m for m in images["header"] if "FS" in str(m.get("ScanOptions", "")) or "InversionTime" in m
    ]
    assert fat and all(made.RepetitionTime > 2000 for made in fat)


def test_a_folder_that_is_missing_or_in_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="existing empty folder"):
        write_spine_mr_phantom(tmp_path / "absent", SMALL)
    (tmp_path / "note.txt").write_text("in use")
    with pytest.raises(FileExistsError, match="not empty"):
        write_spine_mr_phantom(tmp_path, SMALL)
    (tmp_path / "note.txt").unlink()
    with pytest.raises(ValueError, match="workers is -1"):
        write_spine_mr_phantom(tmp_path, SMALL, workers=-1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"transfer_syntaxes": {}}, "at least one above 0"),
        ({"malignant_fraction": 0}, "greater than 0"),
        ({"malignant_fraction": 0.01}, "primary_test: false"),
        ({"slices": (2, 5)}, "slices is .2, 5.: give the least, then the most, between 3 and 60"),
        ({"slices": (9, 5)}, "slices is .9, 5."),
        ({"sequences": (0, 2)}, "sequences is .0, 2."),
        ({"slice_mm": (3, 12)}, "slice_mm is .3.0, 12.0."),
        ({"kind": "spine"}, "spine_mr"),
        ({"slice": 3}, "Extra inputs"),
    ],
)
def test_config_names_what_is_wrong(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpineMrPhantomConfig.model_validate(wrong)


def test_config_is_frozen_and_without_test_part_nobody_has_one() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SMALL.patients = 3  # type: ignore[misc]
    whole = SMALL.model_copy(update={"test_share": 0.0})
    assert {draw_patient(whole, index).row["split"] for index in range(5)} == {None}
    assert CLASSES == ("benign", "malignant")
