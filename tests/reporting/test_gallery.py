import base64
import io

import numpy as np
import pytest
from PIL import Image

from osteon.imaging.windows import display
from osteon.reporting.gallery import (
    FRAME,
    LESION,
    SIDE,
    Case,
    data_uri,
    given,
    outlined,
    overlay,
    tiles,
    told,
)


def _nothing(one: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.zeros(shape)


def test_overlay_leaves_what_is_not_salient_and_colours_what_is() -> None:
    image = np.full((4, 4), 100, np.uint8)
    saliency = np.zeros((4, 4))
    saliency[1, 1] = 1
    found = overlay(image, saliency)
    assert (found[0, 0] == 100).all()
    assert np.ptp(found[1, 1].astype(int)) > 50


def test_overlay_is_warm_for_and_blue_against_the_class() -> None:
    found = overlay(np.full((1, 2), 100, np.uint8), np.array([[0.9, -0.9]])).astype(int)
    red, blue = found[..., 0], found[..., 2]
    assert red[0, 0] > blue[0, 0] and blue[0, 1] > red[0, 1]


def test_overlay_refuses_another_shape() -> None:
    with pytest.raises(ValueError, match="saliency"):
        overlay(np.zeros((4, 4), np.uint8), np.zeros((4, 5)))


def test_tiles_keep_the_original_s_shape_and_mark_lesion_and_map() -> None:
    pixels = np.zeros((40, 20), np.uint16)
    mask = np.zeros((40, 20), np.uint8)
    mask[10:20, 5:10] = 3
    made = tiles(pixels, mask, [("all inputs", np.ones((2, 2)))], lambda m, shape: np.ones(shape))
    assert [tile.caption for tile in made] == ["original", "all inputs"]
    assert all(tile.plain.shape == (40, 20) for tile in made)
    assert made[0].marked.any() and not made[0].marked[mask > 0].any()
    assert made[1].marked.any(axis=-1).all()


def test_data_uri_is_a_picture_of_the_same_size() -> None:
    head, _, content = data_uri(np.zeros((5, 7), np.uint8)).partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (7, 5)


def test_a_crop_is_framed_on_the_original_just_where_it_lies() -> None:
    pixels = np.zeros((60, 80), np.uint16)
    original = tiles(pixels, None, [], _nothing, (70, 0, 80, 20))[0]
    assert original.marked is not None and original.plain.max() == 0
    framed = (original.marked == FRAME).all(axis=-1)
    wanted = np.zeros((60, 80), bool)
    wanted[:20, 70:] = True
    wanted[2:18, 72:78] = False
    np.testing.assert_array_equal(framed, wanted)


def test_the_frame_shrinks_with_its_picture_and_never_vanishes() -> None:
    pixels = np.zeros((4 * SIDE, 2 * SIDE), np.uint16)
    for crop, wanted in (
        ((0, 400, 448, 800), (slice(100, 200), slice(0, 112))),
        ((100, 40, 101, 41), (slice(10, 11), slice(25, 26))),
    ):
        marked = tiles(pixels, None, [], _nothing, crop)[0].marked
        assert marked is not None and marked.shape == (SIDE, SIDE // 2, 3)
        rows, columns = np.nonzero((marked == FRAME).all(axis=-1))
        assert (rows.min(), rows.max() + 1) == (wanted[0].start, wanted[0].stop)
        assert (columns.min(), columns.max() + 1) == (wanted[1].start, wanted[1].stop)


def test_the_whole_image_has_no_frame_and_a_lesion_lies_over_a_frame() -> None:
    image, mask = np.zeros((30, 30), np.uint8), np.zeros((30, 30), bool)
    mask[3:6, 3:6] = True
    pixels = image.astype(np.uint16)
    for crop in (None, (0, 0, 30, 30)):
        marked = tiles(pixels, None, [], _nothing, crop)[0].marked
        assert marked is not None and not (marked == FRAME).all(axis=-1).any()
    both = outlined(image, mask, (2, 2, 20, 20))
    assert tuple(both[2, 3]) == LESION and tuple(both[2, 15]) == FRAME


def test_hounsfield_units_are_shown_through_the_bone_window() -> None:
    hu = np.full((10, 12), -1000, np.int16)
    hu[2:4] = 300
    hu[6:8] = 3000
    shown = tiles(hu, None, [], _nothing)[0].plain
    np.testing.assert_array_equal(shown, display(hu))
    assert (shown[0, 0], shown[6, 0]) == (0, 255) and 100 < shown[2, 0] < 155


def test_colours_are_shown_as_grey_under_maps() -> None:
    rgb = np.zeros((9, 9, 3), np.uint8)
    rgb[..., 0] = 200
    shown = tiles(rgb, None, [("map", np.zeros((2, 2)))], _nothing)
    assert shown[0].plain.shape == shown[1].plain.shape == (9, 9)


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 3), (2 * SIDE, 2 * SIDE, 3)])
def test_what_was_given_is_shown_without_marks(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    tile = given(picture)
    side = min(SIDE, shape[0])
    assert tile.marked is None and tile.plain.shape == (side, side, *shape[2:])
    if side == shape[0]:
        np.testing.assert_array_equal(tile.plain, picture)
    case = Case(1, "tumour", "given", [tile])
    assert "overlay" not in case.for_page()["tiles"][0]
    assert case.for_sheet()["tiles"][0][1] is tile.plain


def test_the_text_says_how_and_how_much() -> None:
    assert told((0, 0, 40, 30), (30, 40), "whole") == "given: the whole image, 40 × 30 px"
    part = told((5, 6, 15, 26), (30, 40), "otsu")
    assert part == "given: found by Otsu's threshold, 10 × 20 of 40 × 30 px"
    assert "by hand" in told((5, 6, 15, 26), (30, 40), "by hand")
