import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.reporting import segmentation_gallery as made
from osteon.reporting.filters_gallery import ACROSS, FILTER_SIDE, GAP, LOW, filter_tiles
from osteon.reporting.gallery import LESION, Case


def disc(y: int, x: int, radius: int, side: int = 96):
    rows, columns = np.ogrid[:side, :side]
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


IMAGE = np.full((96, 96), 100, np.uint8)


def slices():
    rows = [("a1", "A", 90, 10, 10), ("a2", "A", 95, 5, 5), ("b1", "B", 50, 50, 50)]
    rows += [("c1", "C", 0, 0, 80), ("d1", "D", 0, 40, 0), ("d2", "D", 0, 0, 0)]
    return pd.DataFrame(rows, columns=["sample_id", "patient_id", "tp", "fp", "fn"])


def test_slices_are_chosen_by_dice_one_a_patient():
    chosen = made.choose_outlines(slices(), 2)
    assert chosen["outlines_best"] == ("a2", "b1")
    assert chosen["outlines_worst"] == ("c1", "b1")
    assert chosen["outlines_false"] == ("d1",)
    assert chosen["outlines_median"][0] in ("a1", "b1")
    assert set(chosen) == set(made.GALLERIES)


def test_choosing_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="count: 0 found"):
        made.choose_outlines(slices(), 0)
    with pytest.raises(ValueError, match=r"without columns \['tp'\]"):
        made.choose_outlines(slices().drop(columns="tp"), 1)


def test_errors_are_coloured_where_they_are():
    truth, found = disc(48, 40, 12), disc(48, 56, 12)
    picture = made.errors(IMAGE, truth, found)
    right, wrong = truth & found, found & ~truth
    blend = lambda colour: np.rint(0.45 * 100 + 0.55 * np.array(colour))  # noqa: E731
    assert (picture[right] == blend(made.RIGHT)).all()
    assert (picture[wrong] == blend(made.WRONG)).all()
    missed = picture[truth & ~found]
    assert {tuple(one) for one in missed} <= {
        (100, 100, 100),
        tuple(made.MISSED),
        tuple(int(one) for one in blend(made.MISSED)),
    }
    assert (picture[~truth & ~found] == 100).all()


def test_colours_stay_apart_in_grey():
    grey = [np.dot((0.299, 0.587, 0.114), one) for one in (made.RIGHT, made.WRONG, made.MISSED)]
    assert abs(grey[2] - grey[0]) > 60 and abs(grey[2] - grey[1]) > 60


@settings(max_examples=60, deadline=None)
@given(
    st.integers(20, 90), st.integers(20, 90), st.integers(0, 19), st.integers(0, 19),
    st.integers(1, 60), st.integers(1, 60),
)  # fmt: skip
def test_a_close_up_lies_in_the_image_and_holds_the_mask(rows, columns, y, x, height, width):
    mask = np.zeros((rows, columns), bool)
    mask[y : y + height, x : x + width] = True
    y0, y1, x0, x1 = made.close_up(mask)
    assert 0 <= y0 < y1 <= rows and 0 <= x0 < x1 <= columns
    assert mask[y0:y1, x0:x1].sum() == mask.sum()
    assert min(y1 - y0, x1 - x0) >= min(made.LEAST, rows, columns)


def test_an_empty_mask_shows_the_whole_image():
    assert made.close_up(np.zeros((30, 40), bool)) == (0, 30, 0, 40)


def test_tiles_show_truth_then_each_learner_and_every_mark_can_be_hidden():
    truth, found = disc(40, 40, 8), disc(42, 42, 8)
    tiles = made.outline_tiles(made.Outlined(IMAGE, truth, {"penn": found, "unet": truth}))
    assert [tile.caption for tile in tiles] == [
        *("whole slice, truth", "truth", "PENN", "PENN: errors", "U-Net: errors")
    ]
    for tile in tiles:
        assert tile.plain.shape == (224, 224) and (tile.plain == 100).all()
        assert tile.marked is not None and tile.marked.shape == (224, 224, 3)
    assert (tiles[1].marked == LESION).all(axis=2).any()
    assert not (tiles[4].marked == made.WRONG).all(axis=2).any()


def test_the_picture_does_not_change_what_was_given():
    image, truth = IMAGE.copy(), disc(40, 40, 8)
    made.outline_tiles(made.Outlined(image, truth, {"penn": truth}))
    assert (image == IMAGE).all() and (truth == disc(40, 40, 8)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truth": np.zeros((5, 5))}, r"truth: shape \(5, 5\) found"),
        ({"outlines": {"penn": np.zeros((4, 96))}}, r"penn: shape \(4, 96\) found"),
        ({"outlines": {}}, "outlines: none found"),
        ({"image": np.zeros((96, 96))}, "image: float64"),
    ],
)
def test_masks_that_do_not_fit_are_refused_by_name(change, message):
    whole = {"image": IMAGE, "truth": disc(40, 40, 8), "outlines": {"penn": disc(40, 40, 8)}}
    with pytest.raises(ValueError, match=message):
        made.outline_tiles(made.Outlined(**(whole | change)))


def test_a_slice_is_told_by_dice_or_by_what_was_outlined_for_nothing():
    counts = {"penn": {"tp": 50, "fp": 50, "fn": 50}, "unet": {"tp": 90, "fp": 10, "fn": 10}}
    assert made.outline_text(counts) == "Dice 0.50 with PENN, 0.90 with U-Net"
    empty = {"penn": {"tp": 0, "fp": 1200, "fn": 0}}
    assert made.outline_text(empty) == "outlined by mistake 1,200 pixels with PENN"


def test_galleries_stand_in_order_and_empty_ones_are_given_too():
    tiles = made.outline_tiles(made.Outlined(IMAGE, disc(40, 40, 8), {"penn": disc(42, 42, 8)}))
    case = Case(1, "tumour", "Dice 0.7", tiles)
    pages, sheets = made.outline_galleries({"outlines_worst": [case]}, "tumour", "penn")
    assert [page["name"] for page in pages] == list(made.GALLERIES) == list(sheets)
    assert [len(page["cases"]) for page in pages] == [0, 0, 1, 0]
    assert "on which PENN has the highest Dice" in pages[0]["caption"]
    shown = pages[2]["cases"][0]["tiles"][0]
    assert shown["image"].startswith("data:image/jpeg;base64,") and shown["overlay"]
    with pytest.raises(ValueError, match="gallery 'other' found"):
        made.outline_galleries({"other": [case]}, "tumour", "penn")


def test_filters_are_white_where_positive_and_grey_where_negative():
    filters = np.zeros((3, 4, 4))
    filters[0, 0, 0], filters[0, 3, 3], filters[1] = 2.0, -2.0, 0.001
    (tile,) = filter_tiles(filters)
    step = FILTER_SIDE + GAP
    assert tile.caption == "nodes 1 to 3"
    assert tile.plain[0, 0] == 255 and tile.plain[FILTER_SIDE - 1, FILTER_SIDE - 1] == LOW
    assert (tile.plain[:FILTER_SIDE, step : step + FILTER_SIDE] == 255).all()
    assert len(set(tile.plain[:FILTER_SIDE, 2 * step : 2 * step + FILTER_SIDE].ravel())) == 1


def test_every_node_has_its_tile_and_learners_their_cases():
    filters = np.random.default_rng(0).normal(size=(ACROSS**2 * 5 + 1, 4, 4))
    tiles = filter_tiles(filters)
    assert [tile.caption for tile in tiles][-1] == f"nodes {ACROSS**2 * 5 + 1} to {len(filters)}"
    page, sheet = made.filters_gallery({"penn": filters})
    assert [len(case["tiles"]) for case in page["cases"]] == [4, 2]
    assert {case["sample"] for case in page["cases"]} == {"PENN"} and sheet is not None
    assert page["cases"][0]["label"] == "first hidden layer"  # they are nobody's case


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (np.zeros((2, 3, 4)), "shape"),
        (np.zeros((0, 4, 4)), "shape"),
        (np.full((1, 4, 4), np.nan), "not finite"),
    ],
)
def test_weights_that_are_no_filters_are_refused(filters, message):
    with pytest.raises(ValueError, match=message):
        filter_tiles(filters)
