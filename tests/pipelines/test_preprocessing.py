"""Samples carry normalised values, missing ones are counted by class, the store is hashed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.datasets import Build
from osteon.pipelines.preprocessing.nodes import (
    GIVEN,
    choose_images,
    describe_preparation,
    prepare_images,
    prepare_samples,
)
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from tests.memory_archive import MemoryArchive


def _prepare(archive: MemoryArchive, config: PreprocessingConfig) -> Build:
    return prepare_images(
        archive, choose_images(archive, archive.index, config, CohortConfig())[0], config
    )


def _picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 65536, (40, 30)).astype(np.uint16)


def test_store_holds_every_image_in_the_archive_s_order(tmp_path) -> None:
    flat = [np.full((50, 40), value, np.uint16) for value in (0, 65535, 32896)]
    _prepare(MemoryArchive(flat), PreprocessingConfig(size=16)).write(tmp_path)
    images = np.load(tmp_path / "images.npy", mmap_mode="r", allow_pickle=False)
    assert images.shape == (3, 16, 16) and images.dtype == np.uint8
    assert [int(image.mean()) for image in images] == [0, 255, 128]


def test_digest_follows_pixels_and_parameters() -> None:
    config = PreprocessingConfig(size=16)
    first = _prepare(MemoryArchive([_picture(0)]), config).digest
    assert _prepare(MemoryArchive([_picture(0)]), config).digest == first
    assert _prepare(MemoryArchive([_picture(1)]), config).digest != first
    assert _prepare(MemoryArchive([_picture(0)]), PreprocessingConfig(size=17)).digest != first
    letterbox = PreprocessingConfig(size=16, resize="letterbox")
    assert _prepare(MemoryArchive([_picture(0)]), letterbox).digest != first


def test_colour_becomes_grey_in_the_store(tmp_path) -> None:
    red = np.zeros((20, 20, 3), np.uint8)
    red[..., 0] = 200
    _prepare(MemoryArchive([red]), PreprocessingConfig(size=16)).write(tmp_path)
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
            "series_id": ["S1", "S2", "S2"],
            "slice": pd.array([None, 1, 2], "Int64"),
            "archive_row": [0, 3, 4],
            **dict.fromkeys(("crop_x0", "crop_y0"), 0),
            **dict.fromkeys(("crop_x1", "crop_y1"), 8),
            "crop_source": "whole",
        }
    )
    recipe = Recipe.model_validate({"kind": "late_fusion"})
    samples, missing = prepare_samples(images, patients, CohortConfig(), recipe, Path("nowhere"))
    assert samples["row"].tolist() == [0, 1, 2]
    assert samples["archive_row"].tolist() == [0, 3, 4]
    assert samples["label"].tolist() == [0, 1, 1]
    assert samples["series_id"].tolist() == ["S1", "S2", "S2"]
    assert samples["slice"].isna().tolist() == [True, False, False]
    assert samples["alp_norm"].tolist() == [0.5, 2.5, 2.5]
    assert samples["gender"].tolist() == [0.5, -0.5, -0.5]
    assert samples["scanner"].tolist() == ["Acme One", "Acme", ""]
    assert missing["alp"]["non_tumour"] == {"patients": 1, "missing": 1, "fallback_range": 0}
    assert missing["alp"]["osteosarcoma"]["missing"] == 0


def _ct(count: int = 5) -> MemoryArchive:
    """A series in HU whose lesion shows on slices 2 to 4, most of it on slice 3."""
    rng = np.random.default_rng(0)
    pixels = [rng.integers(-1000, 1500, (40, 40)).astype(np.int16) for _ in range(count)]
    masks: list[np.ndarray | None] = [None] * count
    for row, side in ((1, 4), (2, 12), (3, 6)):
        masks[row] = np.zeros((40, 40), np.uint8)
        masks[row][10 : 10 + side, 20 : 20 + side] = 1
    return MemoryArchive(pixels, masks)


@pytest.mark.parametrize(
    ("slices", "rows"),
    [
        ({"choice": "all"}, [0, 1, 2, 3, 4]),
        ({"choice": "lesion"}, [1, 2, 3]),
        ({"choice": "lesion", "count": 1}, [2]),
        ({"choice": "largest_lesion"}, [2]),
        ({"choice": "largest_lesion", "count": 2}, [2, 3]),
        ({"choice": "even", "count": 1}, [2]),
    ],
)
def test_slices_are_chosen_and_counted(slices, rows) -> None:
    archive = _ct()
    config = PreprocessingConfig(size=16, slices=slices, colour="window_composite")
    chosen, choice = choose_images(archive, archive.index, config, CohortConfig())
    assert chosen["archive_row"].tolist() == rows
    assert choice["slices"] == {
        "choice": slices["choice"], "series": 1, "frames": 5, "chosen": len(rows)
    }  # fmt: skip


def test_the_store_holds_the_crop_in_three_windows(tmp_path) -> None:
    archive = _ct()
    region = {"mode": "box_margin", "margin": 2}
    config = PreprocessingConfig(
        size=16, slices={"choice": "largest_lesion"}, region=region, colour="window_composite"
    )
    chosen, choice = choose_images(archive, archive.index, config, CohortConfig())
    corners = chosen[["crop_x0", "crop_y0", "crop_x1", "crop_y1"]].to_numpy().tolist()
    assert corners == [[18, 8, 34, 24]] and chosen["crop_source"].tolist() == ["mask"]
    assert choice["region"]["sources"] == {"mask": 1}
    prepare_images(archive, chosen, config).write(tmp_path)
    (made,) = np.load(tmp_path / "images.npy")
    hu = archive.pixels(2)[8:24, 18:34].astype(float)
    for channel, (width, level) in enumerate(config.windows):
        wanted = np.clip((hu - level) / width + 0.5, 0, 1) * 255
        np.testing.assert_allclose(made[..., channel], wanted, atol=0.51)
    described = describe_preparation(choice, tmp_path, config)
    assert 0 < described["colour"]["without_hue"] < 1
    assert described["slices"] == choice["slices"]
    assert described["given"] == config.model_dump(mode="json", include=set(GIVEN))
    grey = describe_preparation(choice, tmp_path, PreprocessingConfig(size=32))
    assert grey["given"]["size"] == 32 and set(grey["given"]) == set(GIVEN)


def test_adjacent_slices_become_channels_and_ends_repeat(tmp_path) -> None:
    archive = _ct(4)
    for row in range(4):
        archive.arrays[row] = np.full((40, 40), 200 * row, np.int16)
    _prepare(archive, PreprocessingConfig(size=16, colour="adjacent")).write(tmp_path)
    shown = np.load(tmp_path / "images.npy")[:, 0, 0].astype(float)
    grey = [255 * (0.5 + (200 * row - 300) / 1500) for row in range(4)]
    wanted = [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]
    np.testing.assert_allclose(shown, np.take(grey, wanted), atol=0.51)


def test_what_cannot_be_prepared_is_left_out_and_counted() -> None:
    archive = _ct(4)
    archive.arrays[0] = np.zeros((40, 40, 3), np.uint8)
    archive = MemoryArchive(archive.arrays, archive.maps)
    config = PreprocessingConfig(size=16, colour="window_composite")
    chosen, choice = choose_images(archive, archive.index, config, CohortConfig())
    assert chosen["archive_row"].tolist() == [1, 2, 3]
    assert list(choice["left_out"].values()) == [1] and "HU" in next(iter(choice["left_out"]))
    alone = MemoryArchive(archive.arrays[:1])
    with pytest.raises(CohortError, match=r"none of 1 images can be prepared .*window_composite"):
        choose_images(alone, alone.index, config, CohortConfig())


def test_a_blank_image_is_kept_whole_with_a_note() -> None:
    archive = MemoryArchive([np.full((30, 20), 7, np.uint16)])
    config = PreprocessingConfig(size=16, region={"mode": "box_margin"})
    chosen, choice = choose_images(archive, archive.index, config, CohortConfig())
    assert chosen["crop_source"].tolist() == ["whole"]
    assert chosen[["crop_x1", "crop_y1"]].to_numpy().tolist() == [[20, 30]]
    assert list(choice["region"]["notes"].values()) == [1]


def test_outside_the_lesion_is_black_if_asked(tmp_path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 1
    archive = MemoryArchive([np.full((32, 32), 65535, np.uint16)], [mask])
    for apply, share in ((False, 1.0), (True, 0.25)):
        config = PreprocessingConfig(size=32, region={"apply_mask": apply})
        (folder := tmp_path / str(apply)).mkdir()
        _prepare(archive, config).write(folder)
        assert np.load(folder / "images.npy").mean() / 255 == pytest.approx(share)


def test_a_redrawn_lesion_and_a_changed_neighbour_rebuild_the_store() -> None:
    archive = _ct()
    config = PreprocessingConfig(
        size=16, region={"mode": "box_margin", "apply_mask": True}, slices={"choice": "lesion"}
    )
    first = _prepare(archive, config).digest
    redrawn = archive.mask(2).copy()
    redrawn[15, 25] = 0  # the box stays the same
    archive.maps[2] = redrawn
    assert _prepare(archive, config).digest != first
    beside = PreprocessingConfig(size=16, colour="adjacent", slices={"choice": "largest_lesion"})
    first = _prepare(archive, beside).digest
    archive.index.loc[3, "content_hash"] = "another"
    assert _prepare(archive, beside).digest != first
    assert _prepare(archive, config).digest != ""


def test_files_without_a_series_stand_alone() -> None:
    archive = _ct()
    images = archive.index.assign(series_id="", slice=pd.array([None] * 5, "Int64"))
    config = PreprocessingConfig(size=16, slices={"choice": "largest_lesion"})
    chosen, choice = choose_images(archive, images, config, CohortConfig())
    assert len(chosen) == 5 and choice["slices"]["series"] == 5


VIEWS = ["SAGITTAL", "AXIAL", "", "sagittal", None, "CORONAL", "AXIAL", "AP"]


def _planes(planes: list[str] | None) -> tuple[list[int], dict[str, int]]:
    archive = MemoryArchive([_picture(seed) for seed in range(len(VIEWS))])
    images = archive.index.assign(
        view=VIEWS,
        series_id=[f"S{row}" for row in range(len(VIEWS))],
        patient_id=[f"P{row}" for row in range(len(VIEWS))],
    )
    chosen, choice = choose_images(
        archive, images, PreprocessingConfig(size=16, planes=planes), CohortConfig()
    )
    assert choice["patients_left_out"] == len(VIEWS) - len(chosen)
    return chosen["archive_row"].tolist(), choice["left_out"]


def test_series_of_another_plane_are_left_out_and_counted() -> None:
    rows, left_out = _planes(["SAGITTAL"])
    assert rows == [0, 2, 3, 4, 7]  # an unknown plane stays
    assert left_out == {
        "its plane is axial; the row takes sagittal": 2,
        "its plane is coronal; the row takes sagittal": 1,
    }
    rows, left_out = _planes(["SAGITTAL", "CORONAL"])
    assert rows == [0, 2, 3, 4, 5, 7]
    assert left_out == {"its plane is axial; the row takes sagittal and coronal": 2}


def test_without_a_plane_asked_for_all_stay() -> None:
    assert _planes(None) == (list(range(len(VIEWS))), {})


def test_a_cohort_of_other_planes_alone_stops() -> None:
    archive = MemoryArchive([_picture(0)])
    images = archive.index.assign(view="AXIAL")
    with pytest.raises(CohortError, match="its plane is axial"):
        choose_images(
            archive, images, PreprocessingConfig(size=16, planes=["SAGITTAL"]), CohortConfig()
        )


def test_the_store_holds_what_the_intensity_says(tmp_path) -> None:
    dark = np.random.default_rng(0).integers(100, 3000, (32, 32)).astype(np.uint16)
    digests, largest = [], []
    for intensity in ("display", "percentile"):
        made = _prepare(MemoryArchive([dark]), PreprocessingConfig(size=32, intensity=intensity))
        (folder := tmp_path / intensity).mkdir()
        made.write(folder)
        digests.append(made.digest)
        largest.append(int(np.load(folder / "images.npy").max()))
    assert digests[0] != digests[1]
    assert largest[0] < 20 and largest[1] == 255
