"""The spine phantom through the same door as a hospital's export."""

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.ingest import ingest
from osteon.cohorts.phantom.spine import CLASSES, SpinePhantomConfig, write_spine_phantom
from osteon.cohorts.phantom.spine_export import draw_patient, draw_volume

CONFIG = SpinePhantomConfig(patients=5, image_size=64, slices=8, slice_mm=4, seed=6)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    root = tmp_path_factory.mktemp("spine")
    for name in ("cohort", "archive", "private"):
        (root / name).mkdir()
    write_spine_phantom(root / "cohort", CONFIG)
    config = CohortConfig(
        source="folder",
        path=str(root / "cohort"),
        classes=CLASSES,
        modalities=("CT",),
        workers=1,
    )
    ingest(root / "cohort", config, b"a key for tests only", root / "archive", root / "private")
    return Archive(root / "archive")


def volumes(archive: Archive) -> dict[str, pd.DataFrame]:
    """Rows of the index by pseudonym, in the order of `slice`."""
    index = archive.index.reset_index(names="row")
    return {str(name): rows.sort_values("slice") for name, rows in index.groupby("patient_id")}


def test_all_slices_are_kept_and_scouts_are_refused(archive: Archive) -> None:
    scouts = sum(draw_patient(CONFIG, index).scanner.scout for index in range(CONFIG.patients))
    assert len(archive) == CONFIG.patients * CONFIG.slices
    assert archive.quarantine["code"].tolist() == ["localizer"] * scouts and scouts > 0
    assert set(archive.index["sequence"]) == {"CT"} == set(archive.index["modality"])
    assert set(archive.index["view"].str.lower()) == {"axial"}
    assert not any("series" in note for note in archive.flow.get("notes", []))


def test_hounsfield_units_come_back_in_the_order_of_the_body(archive: Archive) -> None:
    drawn = {}
    for index in range(CONFIG.patients):
        volume = draw_volume(CONFIG, draw_patient(CONFIG, index))
        drawn[volume.hu.tobytes()] = (index, volume)
    for rows in volumes(archive).values():
        assert rows["slice"].tolist() == list(range(1, CONFIG.slices + 1))
        stack = np.stack([archive.pixels(row) for row in rows["row"]])
        assert stack.dtype == np.int16
        _, volume = drawn.pop(stack.tobytes())
        masks = [archive.mask(row) for row in rows["row"]]
        for found, made in zip(masks, volume.mask, strict=True):
            assert (found is None) == (not made.any())
            if found is not None:
                np.testing.assert_array_equal(found, made)
    assert not drawn


def test_patients_keep_their_labels_and_facts(archive: Archive) -> None:
    rows = [draw_patient(CONFIG, index).row for index in range(CONFIG.patients)]
    facts = ["label", "age", "sex", "location", "subtype"]
    made = sorted(tuple(str(row[name]) for name in facts) for row in rows)
    table = archive.patients.astype({"age": int})
    found = sorted(tuple(str(row[name]) for name in facts) for _, row in table.iterrows())
    assert found == made
    assert set(table["site"]) == {"spine"}


def test_boxes_carry_the_class(archive: Archive) -> None:
    labels = archive.patients.set_index("patient_id")["label"]
    seen = 0
    for row, patient in enumerate(archive.index["patient_id"]):
        for *_, label in archive.boxes(row):
            assert label == labels[patient]
            seen += 1
    assert seen > 2 * CONFIG.patients
