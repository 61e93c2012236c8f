"""The spine MR phantom through the same door as a hospital's export."""

import pandas as pd
import pytest

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.ingest import ingest
from osteon.cohorts.phantom.spine_mr import CLASSES, SpineMrPhantomConfig, write_spine_mr_phantom
from osteon.cohorts.phantom.spine_mr_patient import draw_patient

CONFIG = SpineMrPhantomConfig(
    patients=6,
    image_size=64,
    slices=(4, 6),
    sequences=(1, 3),
    test_share=0.3,
    off_plane=0.4,
    seed=9,
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    root = tmp_path_factory.mktemp("spine_mr")
    for name in ("cohort", "archive", "private"):
        (root / name).mkdir()
    write_spine_mr_phantom(root / "cohort", CONFIG)
    config = CohortConfig(
        source="folder",
        path=str(root / "cohort"),
        classes=CLASSES,
        modalities=("MR",),
        workers=1,
    )
    ingest(root / "cohort", config, b"a key for tests only", root / "archive", root / "private")
    return Archive(root / "archive")


def test_all_but_scouts_are_kept(archive: Archive) -> None:
    patients = [draw_patient(CONFIG, index) for index in range(CONFIG.patients)]
    taken = sum(series.stack.slices for patient in patients for series in patient.series)
    assert len(archive) == taken
    scouts = 3 * sum(patient.scanner.scout for patient in patients)
    assert archive.quarantine["code"].tolist().count("localizer") == scouts
    assert not set(archive.quarantine["code"]) - {"localizer", "no_pixels", "not_dicom"}


def test_slices_come_in_the_order_of_the_body(archive: Archive) -> None:
    counts = archive.index.groupby("series_id").size()
    for _, rows in archive.index.groupby("series_id"):
        assert sorted(rows["slice"]) == list(range(1, len(rows) + 1))
    drawn = [draw_patient(CONFIG, index) for index in range(CONFIG.patients)]
    assert sorted(counts) == sorted(s.stack.slices for p in drawn for s in p.series)


def test_patients_keep_their_labels_and_facts(archive: Archive) -> None:
    facts = ["label", "sex", "location", "subtype", "split"]
    rows = [draw_patient(CONFIG, index).row for index in range(CONFIG.patients)]
    made = sorted(tuple(str(row[name]) for name in facts) for row in rows)
    found = sorted(
        tuple(str(row[name]) for name in facts) for _, row in archive.patients.iterrows()
    )
    assert found == made


def test_boxes_carry_the_class(archive: Archive) -> None:
    labels = archive.patients.set_index("patient_id")["label"]
    rows = pd.DataFrame({"series": archive.index["series_id"]})
    rows["boxes"] = [len(archive.boxes(row)) for row in range(len(archive))]
    for row, patient in enumerate(archive.index["patient_id"]):
        assert {label for *_, label in archive.boxes(row)} <= {labels[patient]}
    marked = sum(s.marked for i in range(CONFIG.patients) for s in draw_patient(CONFIG, i).series)
    assert (rows.groupby("series")["boxes"].sum() > 0).sum() == marked
