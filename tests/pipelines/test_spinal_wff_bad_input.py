"""What a hospital's export holds and the paper's cohort did not, through the row's own steps.

Six patients: series of 3 and of 60 slices, a series of an unknown sequence, a coronal one, a
polygon instead of a rectangle, boxes that fit no slice, two ages missing. Nothing is trained.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.ingest import ingest
from osteon.measures.tube_boxes import BOX
from osteon.pipelines.preprocessing.nodes import choose_images, prepare_images, prepare_samples
from osteon.pipelines.spinal_wff import boxes, detecting, fusing, parts, sequencing
from osteon.pipelines.spinal_wff.certifying import split_training_part
from osteon.pipelines.splitting.nodes import split_patients
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_wff import FusionLearner, SequenceRecipe, VotingConfig
from osteon.recipes.splitting import SplittingConfig
from tests.dicom_makers import knee, write
from tests.pipelines import wff_cohort

CLASSES = wff_cohort.CLASSES
SAGITTAL, CORONAL = [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1]
PATIENTS = """patient_id,label,age,split
SHORT,malignant,61,train
LONG,malignant,70,train
ODD,benign,,train
ONE,benign,33,train
CALM,benign,20,test
LOST,malignant,,test
"""
PREPARING = PreprocessingConfig(size=32, planes=("SAGITTAL",), intensity="percentile")
SQUARE = [[8, 8], [24, 28]]


def series(root: Path, patient: str, number: int, slices: int, **changes: Any) -> None:
    """A T2WI series of 48 × 40 px, 4 mm apart; None leaves a tag out."""
    axis = 1 if changes.get("ImageOrientationPatient") == CORONAL else 0
    for place in range(slices):
        position = [0.0, 0.0, 0.0]
        position[axis] = 4.0 * place
        tags = {
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
            "Modality": "MR",
            "PatientID": patient,
            "SeriesInstanceUID": f"1.2.{ord(patient[0])}.{ord(patient[2])}.{number}",
            "ImageOrientationPatient": SAGITTAL,
            "ImagePositionPatient": position,
            "PixelSpacing": [1.0, 1.0],
            "RepetitionTime": "4000",
            "EchoTime": "90",
            "ScanningSequence": ["SE"],
            **changes,
        }
        pixels = knee(10_000 * ord(patient[0]) + 1_000 * number + 100 * ord(patient[2]) + place)
        kept = {name: value for name, value in tags.items() if value is not None}
        write(root / f"{patient}-{number}-{place:02d}.dcm", pixels, **kept)


def drawn(root: Path, name: str, *shapes: tuple[str, list[list[float]]]) -> None:
    """A LabelMe file."""
    given = [{"shape_type": kind, "points": points, "label": "t"} for kind, points in shapes]
    said = {"version": "5.0", "shapes": given, "imageHeight": 48, "imageWidth": 40}
    (root / f"{name}.json").write_text(json.dumps(said | {"imagePath": f"{name}.dcm"}))


def write_cohort(root: Path) -> None:
    (root / "patients.csv").write_text(PATIENTS)
    series(root, "SHORT", 0, 3)
    series(root, "LONG", 0, 60)
    series(root, "ONE", 0, 6)
    unknown = dict.fromkeys(("RepetitionTime", "EchoTime", "ScanningSequence"))
    series(root, "ODD", 0, 5, **unknown)
    series(root, "ODD", 1, 4, ImageOrientationPatient=CORONAL)
    series(root, "CALM", 0, 5)
    series(root, "CALM", 1, 5, RepetitionTime="500", EchoTime="12")
    series(root, "LOST", 0, 5)
    drawn(root, "SHORT-0-01", ("polygon", [[5, 6], [20, 9], [15, 30]]))
    drawn(root, "LONG-0-40", ("rectangle", SQUARE), ("rectangle", [[5, 5], [5, 9]]))
    drawn(root, "LONG-0-41", ("rectangle", SQUARE), ("rectangle", [[30, 30], [90, 40]]))
    drawn(root, "LONG-0-99", ("rectangle", SQUARE))
    drawn(root, "ONE-0-02", ("rectangle", [[2, 2], [30, 20]]))
    drawn(root, "ODD-0-02", ("rectangle", SQUARE))


class Row(NamedTuple):
    archive: Archive
    choice: dict[str, Any]
    prepared: Path
    samples: pd.DataFrame
    splits: pd.DataFrame
    inner: pd.DataFrame
    names: dict[str, str]
    """Patient as the hospital calls it → pseudonym."""


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> Row:
    root = tmp_path_factory.mktemp("bad_input")
    for name in ("cohort", "archive", "private", "prepared"):
        (root / name).mkdir()
    write_cohort(root / "cohort")
    config = CohortConfig.model_validate(
        {"source": "folder", "path": str(root / "cohort"), "classes": CLASSES,
         "modalities": ("MR",), "workers": 1}
    )  # fmt: skip
    ingest(root / "cohort", config, b"a key for tests only", root / "archive", root / "private")
    archive = Archive(root / "archive")
    chosen, choice = choose_images(archive, archive.index, PREPARING, config)
    prepare_images(archive, chosen, PREPARING).write(root / "prepared")
    samples, _ = prepare_samples(
        chosen, archive.patients, config, wff_cohort.recipe(), root / "prepared"
    )
    splits = split_patients(samples, wff_cohort.NO_PAIRS, SplittingConfig(protocol="holdout"))
    inner = split_training_part(samples, splits, wff_cohort.NO_PAIRS, SplittingConfig(folds=2))
    linkage = pd.read_csv(next((root / "private").rglob("linkage.csv")))
    of_file = linkage.set_index("file_id")["file"].astype(str).str.split("-").str[0]
    names = dict(
        zip(archive.index["file_id"].map(of_file), archive.index["patient_id"], strict=True)
    )
    return Row(archive, choice, root / "prepared", samples, splits, inner, names)


def of(row: Row, patient: str) -> pd.DataFrame:
    own = row.samples[row.samples["patient_id"] == row.names[patient]]
    return own.sort_values(["series_id", "slice"])


def placed(row: Row) -> pd.DataFrame:
    table = boxes.with_series(parts.place(row.samples, row.splits, row.inner))
    shapes = row.archive.index.loc[table["archive_row"], ["rows", "columns"]].to_numpy()
    return table.assign(rows=shapes[:, 0], columns=shapes[:, 1])


def test_series_of_every_length_and_sequence_are_kept_in_order(row: Row) -> None:
    lengths = {name: len(of(row, name)) for name in row.names}
    assert lengths == {"SHORT": 3, "LONG": 60, "ONE": 6, "ODD": 5, "CALM": 10, "LOST": 5}
    assert of(row, "LONG")["slice"].tolist() == list(range(1, 61))
    assert set(of(row, "ODD")["sequence"]) == {""} and set(of(row, "ONE")["sequence"]) == {"T2WI"}
    assert set(of(row, "CALM")["sequence"]) == {"T1WI", "T2WI"}
    notes = " ".join(row.archive.flow["notes"])
    assert "5 MR images" in notes and "which sequence" in notes
    assert np.load(row.prepared / "images.npy").shape == (89, 32, 32)


def test_a_coronal_series_is_left_out_and_counted(row: Row) -> None:
    assert set(row.samples["view"]) == {"SAGITTAL"}
    assert row.choice["left_out"] == {"its plane is coronal; the row takes sagittal": 4}
    assert row.choice["patients_left_out"] == 0


def test_boxes_that_fit_no_slice_are_refused_one_by_one_and_a_polygon_is_boxed(row: Row) -> None:
    refused = row.archive.flow["refused_annotations"]
    assert refused["box_outside_image"] == 1 and refused["boxes_unreadable"] == 1
    assert refused["boxes_without_image"] == 1
    assert any("polygon" in note for note in row.archive.flow["notes"])
    found = boxes.drawn_boxes(row.samples, row.archive).set_index("sample_id")
    patient = row.samples.set_index("sample_id")["patient_id"][found.index]
    assert patient.value_counts().to_dict() == {
        row.names["LONG"]: 2, row.names["SHORT"]: 1, row.names["ONE"]: 1, row.names["ODD"]: 1,
    }  # fmt: skip
    polygon = found.loc[patient.to_numpy() == row.names["SHORT"], BOX].to_numpy()
    np.testing.assert_allclose(polygon, [[5, 6, 20, 30]])


def test_a_box_on_the_left_out_plane_is_nobody_s(row: Row) -> None:
    assert set(boxes.drawn_boxes(row.samples, row.archive)["sample_id"]) <= set(
        row.samples["sample_id"]
    )


@pytest.mark.parametrize("count", [4, 8, 16])
def test_tubes_of_short_and_long_series_have_n_slices(row: Row, count: int) -> None:
    table = placed(row)
    known = sequencing.series_of(table)
    cut = sequencing.training_boxes(
        known, table, pd.DataFrame(), row.archive, "labelled", VotingConfig()
    )
    cut = cut[cut["box_from"] == "labelled"].reset_index(drop=True)
    assert len(cut) == 4
    tubes = sequencing.tube_cases(cut, table, row.archive, SequenceRecipe(slices=count, side=16))
    read = tubes.read(np.arange(len(cut)))[0]
    assert read.shape == (4, count, 16, 16) and np.isfinite(read).all()


def nothing(row: Row) -> pd.DataFrame:
    """Detections where there is none on any slice."""
    full = wff_cohort.recipe(boxes="whole").root
    return detecting._without(full, "nothing found", wff_cohort.cohort())[0]


def scores(row: Row, said: dict[str, float]) -> pd.DataFrame:
    """Series without a detected box, of which the model says something by patient, or nothing."""
    table = placed(row)
    known = sequencing.series_of(table)
    cut = sequencing.judged_boxes(known, table, nothing(row), "labelled", VotingConfig())
    assert set(cut["box_from"]) == {"none"}
    m = cut["patient_id"].map({row.names[name]: value for name, value in said.items()})
    return cut.assign(prob_benign=1 - m, prob_malignant=m)


def fuse(row: Row, said: dict[str, float]) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame]:
    recipe = wff_cohort.recipe()
    ages, record = fusing.score_ages(row.samples, row.splits, row.inner, recipe)
    assert record["missing"] == 2
    judged, _, made = fusing.fuse(
        row.samples, nothing(row), scores(row, said), ages, {"chosen": [0.45, 0.45, 0.1]},
        wff_cohort.cohort(), recipe, FusionLearner(), name="det_seq_age", paper="spinal_wff",
    )  # fmt: skip
    return judged.set_index("patient_id"), made, ages.set_index("patient_id")


def test_no_detection_anywhere_leaves_sequence_model_and_age(row: Row) -> None:
    judged, made, ages = fuse(row, dict.fromkeys(row.names, 0.2) | {"LOST": 0.7})
    assert made["status"] == "trained" and len(judged) == 2
    calm, lost = (row.names[name] for name in ("CALM", "LOST"))
    wanted = (0.45 * 0.2 + 0.1 * ages.loc[calm, "a"]) / 0.55
    assert judged.loc[calm, "prob_malignant"] == pytest.approx(wanted)
    # Without an age the sequence model speaks alone.
    assert np.isnan(ages.loc[lost, "a"])
    assert judged.loc[lost, "prob_malignant"] == pytest.approx(0.7) and judged.loc[lost, "vote"]


def test_who_has_neither_box_nor_tube_nor_age_is_called_malignant_at_one_half(row: Row) -> None:
    judged, _, _ = fuse(row, {"CALM": 0.2})
    calm, lost = (row.names[name] for name in ("CALM", "LOST"))
    assert judged.loc[lost, "prob_malignant"] == 0.5 and judged.loc[lost, "vote"]
    assert not judged.loc[calm, "vote"]


def test_nothing_at_all_skips_the_row_and_says_why(row: Row) -> None:
    judged, made, _ = fuse(row, {})
    assert judged.empty and made["status"] == "skipped"
    assert made["reason"] == "missing for every patient of the test part: detector and sequence"
