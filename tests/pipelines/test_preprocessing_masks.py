"""Label maps beside the images: same place, own digest, own labels; who has none is left out."""

import numpy as np
import pytest

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.imaging.intensity import Stretch, stretched
from osteon.imaging.region import Region
from osteon.imaging.resize import resize, resize_labels
from osteon.pipelines.preprocessing.nodes import choose_images, prepare_images
from osteon.pipelines.preprocessing.storing import target_shares
from osteon.recipes.preprocessing import PreprocessingConfig
from tests.memory_archive import MemoryArchive

WANTED = {
    "size": 32, "resize": "letterbox", "masks": True, "intensity": "percentile",
    "percentiles": [0, 99.5], "background": "share", "smoothing": 2,
}  # fmt: skip
CLASSES = {
    "classes": ["other", "tumour"],
    "mask_classes": ["other", "tumour", "vertebra"],
    "labelled_by": "masks",
}


def made(masks: list[np.ndarray | None] | None = None) -> MemoryArchive:
    """Three slices, 40 × 30, of a series: tumour in a vertebra, vertebra alone, neither."""
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 65536, (40, 30)).astype(np.uint16) for _ in range(3)]
    if masks is None:
        masks = [np.zeros((40, 30), np.uint8) for _ in range(3)]
        masks[0][5:25, 4:20] = masks[1][5:25, 4:20] = 2
        masks[0][10:16, 8:15] = 1
    archive = MemoryArchive(pixels, masks)
    archive.index = archive.index.assign(
        rows=40, columns=30, native_rows=40, native_columns=30,
        sequence="T1", manufacturer="", model="",
    )  # fmt: skip
    return archive


def stored(archive: MemoryArchive, folder, **changes):
    config = PreprocessingConfig(**WANTED | changes)
    chosen, choice = choose_images(archive, archive.index, config, CohortConfig(**CLASSES))
    build = prepare_images(archive, chosen, config)
    folder.mkdir(exist_ok=True)
    build.write(folder)
    return chosen, choice, build.digest


def test_maps_lie_beside_their_images(tmp_path) -> None:
    archive = made()
    chosen, _, _ = stored(archive, tmp_path)
    images, masks = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in
                     ("images", "masks"))  # fmt: skip
    assert len(chosen) == 3 and images.shape == masks.shape == (3, 32, 32)
    assert masks.dtype == np.uint8 and set(np.unique(masks)) == {0, 1, 2}
    how = Stretch((0, 99.5), "share", 0.05, 2)
    for row in range(3):
        np.testing.assert_array_equal(masks[row], resize_labels(archive.mask(row), 32, "letterbox"))
        wanted = resize(stretched(archive.pixels(row), how), 32, "letterbox")
        np.testing.assert_array_equal(images[row], wanted)
    assert not masks[:, :, :4].any() and not images[:, :, :4].any()  # the bars
    assert (target_shares(tmp_path, 1) > 0).tolist() == [True, False, False]
    assert (target_shares(tmp_path, 2) > 0).tolist() == [True, True, False]
    masks = np.load(tmp_path / "masks.npy")
    np.testing.assert_allclose(target_shares(tmp_path, 1), (masks == 1).mean((1, 2)))


def test_maps_are_cropped_as_their_images_are(tmp_path) -> None:
    archive = made()
    region = {"mode": "box_margin", "margin": 2}
    chosen, _, _ = stored(archive, tmp_path, region=region, slices={"choice": "largest_lesion"})
    (row,) = chosen["archive_row"]
    part = Region(6, 8, 17, 18, "mask").crop(archive.mask(row))  # around the tumour
    np.testing.assert_array_equal(
        np.load(tmp_path / "masks.npy")[0], resize_labels(part, 32, "letterbox")
    )


def test_without_asking_there_are_none(tmp_path) -> None:
    stored(made(), tmp_path, masks=False)
    assert not (tmp_path / "masks.npy").exists()
    with pytest.raises(FileNotFoundError, match=r"masks.npy: not there; preprocessing.masks"):
        target_shares(tmp_path, 1)


def test_images_without_a_map_are_left_out_and_counted(tmp_path) -> None:
    archive = made([None, np.zeros((40, 30), np.uint8), np.ones((40, 30), np.uint8)])
    chosen, choice, _ = stored(archive, tmp_path)
    assert chosen["archive_row"].tolist() == [1, 2]  # an empty map is a map
    assert choice["left_out"] == {"it has no mask": 1} and choice["patients_left_out"] == 0
    assert len(np.load(tmp_path / "masks.npy")) == 2
    assert len(stored(archive, tmp_path, masks=False)[0]) == 3
    with pytest.raises(CohortError, match=r"none of 3 images .*it has no mask"):
        stored(made([None] * 3), tmp_path)


def test_slices_that_show_nothing_are_left_out_and_counted(tmp_path) -> None:
    archive = made()
    archive.arrays[2] = np.full((40, 30), 65535, np.uint16)
    chosen, choice, _ = stored(archive, tmp_path)
    assert chosen["archive_row"].tolist() == [0, 1]
    assert choice["left_out"] == {"it shows one grey only": 1}


def test_hu_have_no_background_to_remove(tmp_path) -> None:
    archive = made()
    archive.arrays[1] = np.zeros((40, 30), np.int16)
    archive.index["dtype"] = [array.dtype.str for array in archive.arrays]
    chosen, choice, _ = stored(archive, tmp_path)
    assert chosen["archive_row"].tolist() == [0, 2]
    assert "whose 0 is water" in next(iter(choice["left_out"]))


def test_a_redrawn_map_and_every_new_setting_rebuild_the_store(tmp_path) -> None:
    archive = made()
    first = stored(archive, tmp_path)[2]
    assert stored(archive, tmp_path)[2] == first
    for change in ({"smoothing": 1}, {"background": "otsu"}, {"background_share": 0.1},
                   {"percentiles": [1, 99]}, {"masks": False}):  # fmt: skip
        assert stored(archive, tmp_path, **change)[2] != first
    archive.maps[2] = archive.maps[2].copy()
    archive.maps[2][0, 0] = 1
    assert stored(archive, tmp_path)[2] != first
    loose = {"masks": False}
    other = stored(archive, tmp_path, **loose)[2]
    archive.maps[2][0, 1] = 1
    assert stored(archive, tmp_path, **loose)[2] == other


def test_a_reduced_image_is_smoothed_less(tmp_path) -> None:
    archive = made()
    archive.index["native_rows"] = 160
    archive.index["native_columns"] = 120
    stored(archive, tmp_path)
    how = Stretch((0, 99.5), "share", 0.05, 0.5)
    wanted = resize(stretched(archive.pixels(0), how), 32, "letterbox")
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy")[0], wanted)
