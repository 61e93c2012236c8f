"""Samples carry normalised values, missing ones are counted by class, the store is hashed."""

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.config import CohortConfig
from osteon.datasets import Build
from osteon.pipelines.preprocessing.nodes import prepare_images, prepare_samples
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig


class _Archive:
    """Pixels and hashes as the archive gives them."""

    def __init__(self, pixels: list[np.ndarray]) -> None:
        self._pixels = pixels
        hashes = [str(hash(array.tobytes())) for array in pixels]
        self.index = pd.DataFrame({"content_hash": hashes})

    def pixels(self, row: int) -> np.ndarray:
        return self._pixels[row]


def _prepare(archive: _Archive, config: PreprocessingConfig) -> Build:
    return prepare_images(archive, archive.index, config)


def _picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 65536, (40, 30)).astype(np.uint16)


def test_store_holds_every_image_in_the_archive_s_order(tmp_path) -> None:
    flat = [np.full((50, 40), value, np.uint16) for value in (0, 65535, 32896)]
    _prepare(_Archive(flat), PreprocessingConfig(size=16)).write(tmp_path)
    images = np.load(tmp_path / "images.npy", mmap_mode="r", allow_pickle=False)
    assert images.shape == (3, 16, 16) and images.dtype == np.uint8
    assert [int(image.mean()) for image in images] == [0, 255, 128]


def test_digest_follows_pixels_and_parameters() -> None:
    config = PreprocessingConfig(size=16)
    first = _prepare(_Archive([_picture(0)]), config).digest
    assert _prepare(_Archive([_picture(0)]), config).digest == first
    assert _prepare(_Archive([_picture(1)]), config).digest != first
    assert _prepare(_Archive([_picture(0)]), PreprocessingConfig(size=17)).digest != first
    letterbox = PreprocessingConfig(size=16, resize="letterbox")
    assert _prepare(_Archive([_picture(0)]), letterbox).digest != first


def test_colour_becomes_grey_in_the_store(tmp_path) -> None:
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 0] = 200
    _prepare(_Archive([red]), PreprocessingConfig(size=16)).write(tmp_path)
    assert np.load(tmp_path / "images.npy").shape == (1, 16, 16)
    assert np.load(tmp_path / "images.npy").mean() == pytest.approx(0.299 * 200, abs=1)


def test_samples_join_image_and_patient_and_missing_values_are_counted_by_class() -> None:
    patients = pd.DataFrame(
        {
            "patient_id": ["A", "B"],
            "label": ["non_tumour", "osteosarcoma"],
            "age": [40.0, 14.0],
            "sex": ["F", "M"],
            "split": [None, None],
            "alp": [np.nan, 300.0],
            "alp_low": [np.nan, 50.0],
            "alp_high": [np.nan, 150.0],
        }
    )
    images = pd.DataFrame(
        {
            "sample_id": ["A-0", "B-0", "B-1"],
            "patient_id": ["A", "B", "B"],
            "sequence": "XR",
            "view": "AP",
            "manufacturer": ["Acme", "Acme", None],
            "model": ["One", None, None],
            "content_hash": ["a", "b", "c"],
        }
    )
    recipe = Recipe.model_validate({"kind": "late_fusion"})
    samples, missing = prepare_samples(images, patients, CohortConfig(), recipe)
    assert samples["row"].tolist() == [0, 1, 2]
    assert samples["label"].tolist() == [0, 1, 1]
    assert samples["alp_norm"].tolist() == [0.5, 2.5, 2.5]
    assert samples["gender"].tolist() == [0.5, -0.5, -0.5]
    assert samples["scanner"].tolist() == ["Acme One", "Acme", ""]
    assert missing["alp"]["non_tumour"] == {"patients": 1, "missing": 1, "fallback_range": 0}
    assert missing["alp"]["osteosarcoma"]["missing"] == 0
