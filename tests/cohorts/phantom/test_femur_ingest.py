"""A femur phantom comes back through the door that a hospital's export uses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from osteon.cohorts.archive import Archive
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.ingest import ingest
from osteon.cohorts.phantom.femur import FemurPhantomConfig
from osteon.cohorts.report import check_usable
from osteon.imaging.fingerprints import near_duplicates

KEY = b"a key for the tests, not a secret"
CONFIG = FemurPhantomConfig(
    patients=40, classes=3, slices=1, image_size=96, expert_masks_share=0.5, seed=2
)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    CONFIG.write(folder)
    return folder


@pytest.fixture(scope="module")
def archive(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder, private = tmp_path_factory.mktemp("archive"), tmp_path_factory.mktemp("private")
    config = CohortConfig(
        source="folder",
        path=str(phantom),
        classes=CONFIG.class_names,
        modalities=("MR",),
        workers=1,
    )
    ingest(phantom, config, KEY, folder, private)
    found = Archive(folder)
    check_usable(found.flow, config)
    return found


def test_everything_is_kept_with_nothing_to_remark(archive: Archive) -> None:
    assert archive.quarantine.empty and len(archive) == CONFIG.patients
    assert set(archive.patients["label"]) == {"benign", "intermediate", "malignant"}
    assert set(archive.patients["location"]) == {"proximal", "shaft", "distal"}
    assert set(archive.index["modality"]) == {"MR"}


def test_sequences_views_and_geometry_arrive(archive: Archive, phantom: Path) -> None:
    images = pd.read_csv(phantom / "images.csv").sort_values("file", ignore_index=True)
    index = archive.index
    for column in ("sequence", "view", "slice"):
        assert index[column].tolist() == images[column].tolist()
    assert (index["image_position"] != "").all() and (index["image_orientation"] != "").all()
    assert (index["pixel_spacing_mm"] != "").all() and set(index["laterality"]) == {"L", "R"}


def test_pixels_are_display_values_of_the_stored_ones(archive: Archive, phantom: Path) -> None:
    files = sorted(pd.read_csv(phantom / "images.csv")["file"])
    for row, file in enumerate(files):
        shown = archive.pixels(row)
        assert shown.dtype == np.uint16 and shown.shape == (96, 96)
        assert shown.max() == 65535 and shown.min() == 0
        stored = pydicom.dcmread(phantom / file).pixel_array
        assert np.corrcoef(shown.ravel(), stored.ravel())[0, 1] > 0.8


def test_masks_and_boxes_arrive_where_an_expert_drew_them(archive: Archive, phantom: Path) -> None:
    images = pd.read_csv(phantom / "images.csv").sort_values("file", ignore_index=True)
    for row, listed in enumerate(images.itertuples()):
        mask = archive.mask(row)
        assert (mask is None) == pd.isna(listed.mask)
        if mask is not None:
            np.testing.assert_array_equal(mask, np.asarray(Image.open(phantom / listed.mask)))
        assert len(archive.boxes(row)) == (not pd.isna(listed.boxes))
    assert 5 < images["mask"].notna().sum() < len(images) - 5


def test_no_two_patients_look_like_copies(archive: Archive) -> None:
    found = near_duplicates(archive.index["phash"].tolist(), archive.index["thumbnail"].tolist())
    assert len(found) == 0
