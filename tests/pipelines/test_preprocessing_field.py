"""A field in millimetres: which images are left out, what is cut, what the store depends on."""

import json

import numpy as np
import pytest

from osteon.cohorts.choosing import CROP, CUT, field_at
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.pipelines.preprocessing.nodes import (
    choose_images,
    describe_preparation,
    prepare_images,
)
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.reporting.gallery import FOUND
from osteon.reporting.page.sections_preparation import SOURCES, sentences
from osteon.schemas.samples import CROP_SOURCES
from tests.memory_archive import MemoryArchive

WANTED = {"size": 40, "resize": "letterbox", "field_mm": 80.0, "masks": True}
CLASSES = {
    "classes": ["other", "tumour"],
    "mask_classes": ["other", "tumour"],
    "labelled_by": "masks",
}
SHAPES = [(40, 40), (100, 120), (30, 80), (60, 20)]
SPACINGS = ["[1.0, 1.0]", "[1.0, 1.0]", "[2.0, 1.0]", "[0.5, 2.0]"]


def square_of_20_mm(shape: tuple[int, int], spacing: str) -> np.ndarray:
    """A label map with 20 mm x 20 mm of target in the middle."""
    mask = np.zeros(shape, np.uint8)
    high, wide = (round(10 / mm) for mm in json.loads(spacing))
    y, x = shape[0] // 2, shape[1] // 2
    mask[y - high : y + high, x - wide : x + wide] = 1
    return mask


def made(spacings: list[str | None] | None = None) -> MemoryArchive:
    """Slices of other sizes and spacings, all with the same square of target; noise elsewhere."""
    rng = np.random.default_rng(0)
    masks = [square_of_20_mm(*one) for one in zip(SHAPES, SPACINGS, strict=True)]
    noise = [rng.integers(20000, 26000, shape) for shape in SHAPES]
    pixels = [
        np.where(mask > 0, 65535, grey).astype(np.uint16)
        for mask, grey in zip(masks, noise, strict=True)
    ]
    archive = MemoryArchive(pixels, list(masks))
    sizes = np.array(SHAPES)
    archive.index = archive.index.assign(
        rows=sizes[:, 0], columns=sizes[:, 1], native_rows=sizes[:, 0], native_columns=sizes[:, 1],
        pixel_spacing_mm=spacings or SPACINGS, sequence="T1", manufacturer="", model="",
    )  # fmt: skip
    return archive


def stored(archive: MemoryArchive, folder=None, **changes):
    config = PreprocessingConfig(**WANTED | changes)
    chosen, choice = choose_images(archive, archive.index, config, CohortConfig(**CLASSES))
    build = prepare_images(archive, chosen, config)
    if folder is not None:
        build.write(folder)
    return chosen, choice, build.digest


def test_the_same_millimetres_are_as_many_pixels_in_every_image(tmp_path) -> None:
    stored(made(), tmp_path)
    images, masks = (np.load(tmp_path / f"{name}.npy") for name in ("images", "masks"))
    for image, mask in zip(images, masks, strict=True):
        for seen in (image > 150, mask == 1):
            for axis in (0, 1):  # 20 mm at 2 mm a pixel
                assert seen.any(axis=axis).sum() == pytest.approx(10, abs=1)
            assert np.abs(np.argwhere(seen).mean(axis=0) - 19.5).max() <= 1
        assert ((image > 150) != (mask == 1)).sum() <= 20


def test_what_is_larger_is_cut_about_its_middle_and_what_is_smaller_gets_bars(tmp_path) -> None:
    chosen, choice, _ = stored(made(), tmp_path)
    assert chosen[list(CROP)].to_numpy().tolist() == [
        [0, 0, 40, 40], [20, 10, 100, 90], [0, 0, 80, 30], [0, 0, 20, 60],
    ]  # fmt: skip
    assert chosen["crop_source"].tolist() == ["whole", "field", "whole", "whole"]
    for known in (CROP_SOURCES, FOUND, SOURCES):
        assert set(chosen["crop_source"]) <= set(known)
    assert choice["region"]["notes"] == {CUT: 1}
    shown = np.load(tmp_path / "images.npy") > 0
    heights, widths = (shown.any(axis=axis).sum(axis=1).tolist() for axis in (2, 1))
    assert heights == [20, 40, 30, 15] and widths == [20, 40, 40, 20]
    assert shown[0, 10:30, 10:30].all() and shown[2, 5:35].all()


def test_a_crop_is_narrowed_about_its_own_middle() -> None:
    region = {"mode": "box_margin", "margin": 35, "threshold": "given"}
    chosen, *_ = stored(made(), region=region)
    corners = chosen[list(CROP)].to_numpy()
    assert corners[1].tolist() == [20, 10, 100, 90]  # of [15, 5, 105, 95]
    assert corners[2].tolist() == [0, 0, 80, 30] and set(chosen["crop_source"]) == {"mask"}


def test_images_of_unknown_scale_are_left_out_and_counted() -> None:
    chosen, choice, _ = stored(made(["[1.0, 1.0]", "", None, "[0, 1]"]))
    assert chosen["archive_row"].tolist() == [0]
    assert choice["left_out"] == {
        "its pixel spacing is not known": 2,
        "its pixel spacing is no pair of positive numbers": 1,
    }
    chosen, choice, _ = stored(made(["[1.0, 1.0]", "[90.0, 1.0]", "[0.001, 1.0]", "[1.0, 1.0]"]))
    assert chosen["archive_row"].tolist() == [0, 3] and choice["patients_left_out"] == 0
    assert set(choice["left_out"]) == {
        "one of its pixels is larger than the field",
        "all of it is smaller than a prepared pixel",
    }
    with pytest.raises(CohortError, match=r"none of 4 images .*spacing is not known"):
        stored(made([""] * 4))


def test_without_a_field_no_spacing_is_asked_for() -> None:
    archive = made(["", None, "[0, 1]", "[90.0, 1.0]"])
    chosen, choice, _ = stored(archive, field_mm=None)
    assert len(chosen) == 4 and choice["left_out"] == {}
    assert chosen["crop_x1"].tolist() == [40, 120, 80, 20] and choice["region"]["notes"] == {}
    assert field_at(archive, 0, None) is None
    with pytest.raises(ValueError, match="field_mm needs a spacing"):
        field_at(archive, 0, 80.0)


def test_the_store_depends_on_the_spacings_where_a_field_is_asked_for() -> None:
    first, other = made(), made(["[1.0, 1.1]", *SPACINGS[1:]])
    assert stored(first)[0][list(CROP)].equals(stored(other)[0][list(CROP)])  # nothing else tells
    assert stored(first)[2] == stored(made())[2] != stored(other)[2]
    assert stored(first, field_mm=90.0)[2] != stored(first)[2]
    plain = {"field_mm": None}
    assert stored(first, **plain)[2] == stored(other, **plain)[2] != stored(first)[2]


def test_the_report_says_the_size_of_a_pixel(tmp_path) -> None:
    _, choice, _ = stored(made(), tmp_path)
    said = sentences(describe_preparation(choice, tmp_path, PreprocessingConfig(**WANTED)))
    assert "A pixel is 2.00 mm in every image; what is larger than 80 mm is cut" in said
    assert "Each is shown whole" not in said and "sides in proportion" not in said
