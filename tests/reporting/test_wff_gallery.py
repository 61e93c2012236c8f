"""Boxes on slices, contact strips of tubes, and the galleries of the weighted fusion."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from osteon.reporting.gallery import Tile
from osteon.reporting.page.render import PICTURE
from osteon.reporting.wff_gallery import (
    ACROSS,
    GALLERIES,
    GREEN,
    RED,
    TUBE_SIDE,
    YELLOW,
    WffCase,
    box_tile,
    boxed,
    galleries_of,
    picture_uri,
    tube_strip,
    tube_tiles,
)

BLACK = np.zeros((100, 80), np.uint8)
INSIDE = (30.0, 40.0, 60.0, 80.0)


def _where(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (image == colour).all(axis=-1)


@pytest.mark.parametrize(("p_b", "p_m", "colour"), [(0.7, 0.2, GREEN), (0.2, 0.7, RED)])
def test_a_box_has_the_colour_of_its_class_at_its_place(
    p_b: float, p_m: float, colour: tuple[int, int, int]
) -> None:
    image = boxed(BLACK, [(*INSIDE, p_b, p_m)], [], 200)
    assert image.shape == (200, 160, 3) and image.dtype == np.uint8
    rows, columns = np.nonzero(_where(image, colour))
    assert rows.max() == 159 and (columns.min(), columns.max()) == (60, 119)
    other = RED if colour == GREEN else GREEN
    assert not _where(image, other).any() and not _where(image, YELLOW).any()


def test_benign_is_dashed_malignant_solid_and_the_radiologist_s_box_has_corners_only() -> None:
    malignant = _where(boxed(BLACK, [(*INSIDE, 0.1, 0.9)], [], 200), RED)
    benign = _where(boxed(BLACK, [(*INSIDE, 0.9, 0.1)], [], 200), GREEN)
    drawn = _where(boxed(BLACK, [], [INSIDE], 200), YELLOW)
    assert malignant[159, 60:120].all()
    assert 0.4 < benign[159, 60:120].mean() < 0.8
    assert drawn[100:130, 60:120].sum() == 0 and not drawn[:, 85:95].any() and drawn.any()
    # It stands outside of the box, so that a found box at the same place does not hide it.
    both = boxed(BLACK, [(*INSIDE, 0.1, 0.9)], [INSIDE], 200)
    assert _where(both, YELLOW).any() and _where(both, RED).any()


def test_the_surest_box_alone_is_written_on() -> None:
    one = boxed(BLACK, [(*INSIDE, 0.1, 0.8)], [], 200)
    weak = (5.0, 60.0, 20.0, 70.0, 0.3, 0.1)
    two = boxed(BLACK, [weak, (*INSIDE, 0.1, 0.8)], [], 200)
    assert (_where(one, RED) == _where(two, RED)).all()
    assert _where(two, GREEN).sum() < 120


def test_padding_and_boxes_beyond_the_edge_do_no_harm() -> None:
    nothing = boxed(BLACK, [(np.nan,) * 6], [], 200)
    assert not nothing.any()
    over = boxed(BLACK, [(-20.0, -20.0, 300.0, 300.0, 0.1, 0.9)], [(-9, -9, 999, 999)], 64)
    assert over.shape == (64, 51, 3) and _where(over, RED)[-1].any()
    boxed(BLACK, [(79.9, 99.9, 80.0, 100.0, 0.0, 0.0)], [(80, 100, 80, 100)], 16)


def test_sixteen_bits_are_shown_as_eight_and_small_slices_enlarged() -> None:
    image = boxed(np.full((10, 10), 65535, np.uint16), [], [], 100)
    assert image.shape == (100, 100, 3) and (image == 255).all()


def test_boxed_refuses_other_shapes_and_sides() -> None:
    with pytest.raises(ValueError, match="side: 8"):
        boxed(BLACK, [], [], 8)
    with pytest.raises(ValueError, match="image: shape"):
        boxed(np.zeros((4, 4, 3), np.uint8), [], [], 64)
    with pytest.raises(ValueError, match="dtype"):
        boxed(np.zeros((4, 4)), [], [], 64)


def test_a_strip_has_a_row_of_slices_and_a_row_of_maps() -> None:
    tube = np.random.default_rng(0).normal(size=(16, 20, 20))
    plain, mapped = tube_strip(tube, None), tube_strip(tube, np.zeros(tube.shape))
    step = TUBE_SIDE + 2
    assert plain.shape == (2 * step, ACROSS * step - 2, 3)
    assert mapped.shape == (4 * step, ACROSS * step - 2, 3)
    # An empty map leaves the slice as it is.
    assert (mapped[:step] == mapped[step : 2 * step]).all()
    assert (mapped[:step] == plain[:step]).all()
    assert tube_strip(tube[:3], None).shape == (step, 3 * step - 2, 3)


def test_a_strip_shows_for_and_against_in_warm_and_blue() -> None:
    tube, maps = np.zeros((2, 20, 20)), np.zeros((2, 20, 20))
    maps[0], maps[1] = 4.0, -4.0
    strip = tube_strip(tube, maps)[TUBE_SIDE + 2 :].astype(int)
    warm, cold = strip[40, 40], strip[40, TUBE_SIDE + 42]
    assert warm[0] > warm[2] and cold[2] > cold[0]


def test_a_strip_stretches_any_values_and_survives_a_flat_tube() -> None:
    tube = np.linspace(-3, 3, 2 * 400).reshape(2, 20, 20)
    assert tube_strip(tube, None).max() == 255 and tube_strip(tube, None).min() == 0
    assert tube_strip(np.full((2, 20, 20), 7.0), None)[:TUBE_SIDE, :TUBE_SIDE].max() == 0
    assert tube_strip(np.full((1, 4, 4), np.nan), np.full((1, 4, 4), np.nan)).dtype == np.uint8


def test_a_tube_as_tiles_has_the_ends_and_its_maps() -> None:
    tube, maps = np.zeros((16, 20, 20)), np.zeros((16, 20, 20))
    tube[0], maps[15] = 1.0, 1.0
    tiles = tube_tiles(tube, maps, 3)
    assert [tile.caption.split(" of ")[0] for tile in tiles] == ["slice 1", "slice 9", "slice 16"]
    assert tiles[0].plain.min() == 255 and tiles[1].plain.max() == 0
    assert tiles[1].marked is not None and not tiles[1].marked.any()
    assert tiles[2].marked is not None and tiles[2].marked.any()
    assert all(tile.marked is None for tile in tube_tiles(tube, None))
    with pytest.raises(ValueError, match="maps: shape"):
        tube_tiles(tube, maps[:3])
    with pytest.raises(ValueError, match="most: 0"):
        tube_tiles(tube, None, 0)


def test_a_strip_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="tube: shape"):
        tube_strip(np.zeros((4, 4)), None)
    with pytest.raises(ValueError, match="maps: shape"):
        tube_strip(np.zeros((2, 4, 4)), np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match="across: 0"):
        tube_strip(np.zeros((2, 4, 4)), None, across=0)


def test_a_picture_as_data_keeps_thin_coloured_lines() -> None:
    image = boxed(BLACK, [(*INSIDE, 0.1, 0.9)], [], 200)
    uri = picture_uri(image)
    assert PICTURE.fullmatch(uri)
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
    assert back.shape == image.shape
    line = back[159, 70:110].astype(int)
    assert (line[:, 0] > 200).all() and (line[:, 2] < 140).all()


def _case(gallery: str) -> WffCase:
    tile = box_tile("slice 7 of T1WI", BLACK, [(*INSIDE, 0.1, 0.9)], [INSIDE])
    return WffCase(gallery, "malignant", "overlap 0.81", (tile,))


def test_a_tile_is_plain_below_its_boxes() -> None:
    tile = box_tile("c", BLACK, [(*INSIDE, 0.1, 0.9)], [INSIDE])
    assert not tile.plain.any() and tile.marked is not None and tile.marked.any()


def test_galleries_are_those_of_the_page_in_order_and_numbered() -> None:
    pages, sheets = galleries_of([_case("boxes_missed"), _case("boxes_best"), _case("boxes_best")])
    assert [page["name"] for page in pages] == list(sheets) == list(GALLERIES)
    found = {page["name"]: page["cases"] for page in pages}
    assert [len(found[name]) for name in GALLERIES] == [2, 0, 1, 0, 0]
    assert [one["sample"] for one in found["boxes_best"]] == ["case 1", "case 2"]
    tile = found["boxes_missed"][0]["tiles"][0]
    assert PICTURE.fullmatch(tile["image"]) and PICTURE.fullmatch(tile["overlay"])
    assert "yellow corners" in pages[0]["caption"] and "yellow" not in pages[-1]["caption"]


def test_a_report_shows_the_galleries() -> None:
    from osteon.reporting.page.render import ReportParts, render
    from tests.reporting.page.tree import Tree

    pages, _ = galleries_of([_case("boxes_best")])
    text = Tree(render(ReportParts("A report", galleries=pages))).text
    assert "Boxes that fit best" in text and "overlap 0.81" in text.lower()
    assert "No case fell into: Boxes that fit worst" in text


def test_an_unknown_gallery_is_refused() -> None:
    with pytest.raises(ValueError, match="gallery 'other'"):
        galleries_of([WffCase("other", "", "", (Tile("", BLACK, None),))])
