"""The Gd-T1 spine phantom through the same door as a hospital's export."""

import numpy as np
import pytest

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.ingest import ingest
from osteon.cohorts.phantom.spine_gd import (
    MASK_CLASSES,
    SpineGdPhantomConfig,
    write_spine_gd_phantom,
)
from osteon.cohorts.phantom.spine_gd_patient import draw_patient

CONFIG = SpineGdPhantomConfig(
    patients=4, image_size=64, slices=5, slice_mm=4.0, second_series=0.6, seed=9
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    root = tmp_path_factory.mktemp("spine_gd")
    for name in ("cohort", "archive", "private"):
        (root / name).mkdir()
    write_spine_gd_phantom(root / "cohort", CONFIG)
    config = CohortConfig(
        source="folder",
        path=str(root / "cohort"),
        classes=("other", "tumour"),
        labelled_by="masks",
        mask_classes=MASK_CLASSES,
        modalities=("MR",),
        workers=1,
    )
    ingest(root / "cohort", config, b"a key for tests only", root / "archive", root / "private")
    return Archive(root / "archive")


def test_the_configuration_names_this_phantom() -> None:
    config = CohortConfig.model_validate({"phantom": {"kind": "spine_gd", "patients": 5}})
    assert isinstance(config.phantom, SpineGdPhantomConfig)


def test_all_but_scouts_are_kept_as_sagittal_gd_t1(archive: Archive) -> None:
    patients = [draw_patient(CONFIG, index) for index in range(CONFIG.patients)]
    assert len(archive) == CONFIG.slices * sum(len(patient.series) for patient in patients)
    scouts = 3 * sum(patient.scanner.scout for patient in patients)
    assert archive.quarantine["code"].tolist() == ["localizer"] * scouts
    assert set(archive.index["sequence"]) == {"Gd-T1WI"}
    assert set(archive.index["view"]) == {"SAGITTAL"}


def test_patients_keep_their_facts_and_are_labelled_by_their_masks(archive: Archive) -> None:
    rows = [draw_patient(CONFIG, index).row for index in range(CONFIG.patients)]
    facts = ["sex", "location"]
    found = archive.patients[facts].astype(str).apply(tuple, axis=1)
    assert sorted(found) == sorted(tuple(str(row[name]) for name in facts) for row in rows)
    assert set(archive.patients["label"]) == {"tumour"}


def test_each_slice_keeps_its_label_map(archive: Archive) -> None:
    shown = {name: False for name in archive.index["series_id"]}
    for row, series in enumerate(archive.index["series_id"]):
        mask = archive.mask(row)
        assert mask is not None and mask.shape == archive.pixels(row).shape[:2]
        assert set(np.unique(mask)) <= {0, 1, 2}
        shown[series] |= bool((mask == 1).any())
    assert all(shown.values())
