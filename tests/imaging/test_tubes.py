"""Tubes: which slices, which square, which pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from osteon.imaging.tubes import (
    choose_by_index,
    choose_in_training,
    choose_labelled,
    cut_tube,
    largest,
    project,
    scale_box,
    standardise,
    tube_box,
)

SERIES = st.lists(st.booleans(), min_size=3, max_size=60)
COUNT = st.integers(1, 20)
SEED = st.integers(0, 2**32 - 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(SERIES.filter(any), COUNT, SEED)
def test_labelled_slices_are_drawn_once_or_repeated_in_order(
    labelled: list[bool], n: int, seed: int
) -> None:
    given_, places = np.array(labelled), np.flatnonzero(labelled)
    found = choose_labelled(given_, n, rng(seed))
    assert found.shape == (n,) and found.dtype == np.int64
    assert given_[found].all()
    if len(places) >= n:
        assert (np.diff(found) > 0).all()
    else:
        assert found.tolist() == [places[i % len(places)] for i in range(n)]
    assert (found == choose_labelled(given_, n, rng(seed))).all()


@pytest.mark.parametrize(("slices", "n"), [(3, 2), (12, 4), (60, 16)])
def test_every_labelled_slice_is_as_likely_as_the_others(slices: int, n: int) -> None:
    labelled = np.zeros(slices + 4, bool)
    labelled[2:-2] = True
    random, rounds = rng(), 6000
    counts = np.zeros(len(labelled))
    for _ in range(rounds):
        counts[choose_labelled(labelled, n, random)] += 1
    expected = n / slices
    deviation = np.sqrt(expected * (1 - expected) / rounds)
    assert np.abs(counts[labelled] / rounds - expected).max() < 4.5 * deviation
    assert not counts[~labelled].any()


@given(st.integers(1, 60), st.data(), COUNT)
def test_by_index_slices_follow_each_other_around_the_centre(
    count: int, data: st.DataObject, n: int
) -> None:
    centre = data.draw(st.integers(0, count - 1))
    found = choose_by_index(count, centre, n)
    before = (n - 1) // 2
    wanted = [min(max(centre - before + i, 0), count - 1) for i in range(n)]
    assert found.tolist() == wanted and found.dtype == np.int64
    assert found[before] == centre


def test_by_index_examples() -> None:
    assert choose_by_index(60, 30, 16).tolist() == list(range(23, 39))
    assert choose_by_index(3, 1, 8).tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert choose_by_index(12, 0, 4).tolist() == [0, 0, 1, 2]
    assert choose_by_index(12, 11, 4).tolist() == [10, 11, 11, 11]


@given(SERIES, COUNT, SEED, st.data())
def test_in_training_one_of_the_two_ways_is_taken(
    labelled: list[bool], n: int, seed: int, data: st.DataObject
) -> None:
    given_, centre = np.array(labelled), data.draw(st.integers(0, len(labelled) - 1))
    by_index = choose_by_index(len(given_), centre, n)
    found = choose_in_training(given_, centre, n, rng(seed))
    assert (found == choose_in_training(given_, centre, n, rng(seed))).all()
    assert (found == by_index).all() or given_[found].all()
    assert (choose_in_training(given_, centre, n, rng(seed), 0.0) == by_index).all()
    always = choose_in_training(given_, centre, n, rng(seed), 1.0)
    assert given_[always].all() if given_.any() else (always == by_index).all()


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_both_ways_are_taken_as_often_as_asked(share: float) -> None:
    labelled = np.zeros(60, bool)
    labelled[:5] = True
    random = rng()
    taken = [choose_in_training(labelled, 40, 4, random, share).max() < 5 for _ in range(4000)]
    assert abs(np.mean(taken) - share) < 4 * np.sqrt(share * (1 - share) / 4000)


BOX = st.tuples(
    st.floats(-50, 550), st.floats(-50, 550), st.floats(0.5, 300), st.floats(0.5, 300)
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@given(BOX, st.floats(0, 1))
def test_the_square_has_the_boxs_centre_and_its_margin(
    box: tuple[float, float, float, float], margin: float
) -> None:
    if box[0] >= 512 or box[1] >= 400 or box[2] <= 0 or box[3] <= 0:
        with pytest.raises(ValueError, match="inside 512 columns × 400 rows"):
            tube_box(box, 400, 512, margin)
        return
    x0, y0, x1, y1 = tube_box(box, 400, 512, margin)
    longer = max(box[2] - box[0], box[3] - box[1])
    wanted = longer * (1 + 2 * margin)
    np.testing.assert_allclose([x1 - x0, y1 - y0], [wanted, wanted], rtol=1e-9)
    centre = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
    np.testing.assert_allclose([(x0 + x1) / 2, (y0 + y1) / 2], centre, atol=1e-9)


def test_the_margin_is_a_tenth_unless_said() -> None:
    assert tube_box((100, 110, 200, 150), 400, 512) == pytest.approx((90, 70, 210, 190))


@settings(deadline=None, max_examples=40)
@given(BOX, st.integers(1, 80), st.sampled_from([np.uint8, np.uint16, np.float32]))
def test_cutting_first_gives_what_the_whole_continued_image_gives(
    box: tuple[float, float, float, float], side: int, dtype: type
) -> None:
    image = rng(1).integers(0, 255, (90, 120)).astype(dtype)
    box = tuple(value / 4 for value in box)
    far = 300
    whole = Image.fromarray(np.pad(image, far, mode="edge").astype(np.float32))
    at = tuple(value + far for value in box)
    wanted = whole.resize((side, side), Image.Resampling.BILINEAR, box=at)
    found = cut_tube([image], box, side)
    assert found.shape == (1, side, side) and found.dtype == np.float32
    np.testing.assert_allclose(found[0], np.asarray(wanted), atol=0.02)


def test_whole_pixels_are_taken_as_they_are_and_the_border_goes_on() -> None:
    image = rng().random((20, 30)).astype(np.float32)
    found = cut_tube([image], (-3, 12, 7, 22), 10)[0]
    np.testing.assert_array_equal(found[:8, 3:], image[12:20, :7])
    np.testing.assert_array_equal(found[:8, :3], np.repeat(image[12:20, :1], 3, axis=1))
    np.testing.assert_array_equal(found[8:, 3:], np.repeat(image[19:, :7], 2, axis=0))


def test_shrinking_averages_instead_of_picking() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 100.0
    found = cut_tube([board], (8, 8, 56, 56), 6)[0]
    np.testing.assert_allclose(found, 50, atol=2)


def test_slices_of_another_size_are_cut_at_the_same_part() -> None:
    rows, columns = np.indices((64, 96))
    coarse = (rows * 2.0 + columns).astype(np.float32)
    fine = np.kron(coarse, np.ones((2, 2), np.float32))
    tube = cut_tube([coarse, fine, coarse], (20, 10, 50, 40), 15)
    np.testing.assert_array_equal(tube[0], tube[2])
    np.testing.assert_allclose(tube[1], tube[0], atol=1)
    np.testing.assert_array_equal(
        cut_tube([fine], (20, 10, 50, 40), 15, shape=(64, 96))[0], tube[1]
    )
    assert scale_box((20, 10, 50, 40), (64, 96), (128, 192)) == (40, 20, 100, 80)


def test_slices_that_are_repeated_are_cut_as_others_are() -> None:
    first, second = rng(1).random((2, 40, 40)).astype(np.float32)
    box, side = (3.5, 4, 31, 31.5), 12
    tube = cut_tube([first, second, second, first, first], box, side)
    for place, pixels in enumerate((first, second, second, first, first)):
        np.testing.assert_array_equal(tube[place], cut_tube([pixels], box, side)[0])


def test_colour_is_averaged_and_files_on_disk_are_read(tmp_path) -> None:
    grey = rng().integers(0, 255, (40, 40), np.uint8)
    box = (5, 5, 25, 25)
    np.save(tmp_path / "slice.npy", grey)
    mapped = np.load(tmp_path / "slice.npy", mmap_mode="r")
    colour = np.repeat(grey[..., None], 3, axis=2)
    tube = cut_tube([grey, mapped, colour], box, 10)
    np.testing.assert_allclose(tube[1:], np.stack([tube[0]] * 2), rtol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 99), st.floats(-1e3, 1e3), st.floats(0.01, 1e3))
def test_a_tube_is_standardised_as_a_whole(seed: int, shift: float, scale: float) -> None:
    tube = rng(seed).normal(size=(3, 8, 8)) * scale + shift
    tube[0] += scale
    found = standardise(tube.astype(np.float32))
    assert found.dtype == np.float32 and found.shape == tube.shape
    assert abs(found.mean()) < 1e-4 and found.std() == pytest.approx(1, abs=1e-4)
    assert found[0].mean() > found[1].mean()


@pytest.mark.parametrize("value", [0, 7.3, 65535, -1e-7])
def test_a_constant_tube_becomes_zero(value: float) -> None:
    assert not standardise(np.full((2, 5, 5), value, np.float32)).any()


def test_the_largest_box_and_ties() -> None:
    boxes = [(4, 0, 0, 10, 10, "b"), (2, 5, 5, 15, 15, "m"), (2, 0, 0, 20, 5), (1, 0, 0, 9, 9)]
    assert largest(boxes) == (2, 5, 5, 15, 15, "m")
    assert largest(boxes[::-1]) == (2, 0, 0, 20, 5)
    assert largest([*boxes, (9, 0.0, 0, 10.5, 10)])[0] == 9


@given(BOX, st.integers(1, 112))
def test_what_is_projected_lies_where_it_is_cut(
    box: tuple[float, float, float, float], side: int
) -> None:
    square = (100.0, 50.0, 300.0, 250.0)
    found = project([box, square], square, side)
    assert found[-1] == (0, 0, side, side)
    seen = box[0] < 300 and box[1] < 250 and box[2] > 100 and box[3] > 50
    assert len(found) == (2 if seen else 1)
    if seen:
        clipped = np.clip(box, (100, 50, 100, 50), (300, 250, 300, 250))
        wanted = (clipped - np.array([100, 50, 100, 50])) * side / 200
        np.testing.assert_allclose(found[0], wanted, atol=1e-9)


def test_a_projected_box_covers_the_lesion_in_the_tube() -> None:
    image = np.zeros((200, 200), np.uint8)
    image[80:110, 60:90] = 255
    lesion = (60, 80, 90, 110)
    square = tube_box(lesion, 200, 200, 0.5)
    ((x0, y0, x1, y1),) = project([lesion], square, 32)
    tube = cut_tube([image], square, 32)[0]
    assert (x0, y0, x1, y1) == (8, 8, 24, 24)
    assert (tube[9:23, 9:23] > 250).all() and tube[:7].max() < 5 and tube[:, 25:].max() < 5


def test_wrong_arguments_are_named() -> None:
    image = np.zeros((8, 8))
    for call, message in (
        (lambda: choose_labelled(np.zeros(5, bool), 4, rng()), "none of 5 slices"),
        (lambda: choose_labelled([1, 0], 4, rng()), "of bool allowed"),
        (lambda: choose_labelled([True], 0, rng()), "n: 0 found"),
        (lambda: choose_by_index(5, 5, 4), "centre: 5 found, 0 to 4"),
        (lambda: choose_by_index(5, 2, 0), "n: 0 found"),
        (lambda: choose_in_training([True], 0, 4, rng(), 1.5), "labelled_share: 1.5"),
        (lambda: largest([]), "boxes: none"),
        (lambda: tube_box((5, 5, 5, 9), 20, 20), "x0 < x1"),
        (lambda: tube_box((5, 5, 9, 9), 20, 20, -0.1), "margin: -0.1"),
        (lambda: cut_tube([], (0, 0, 4, 4), 4), "slices: 0"),
        (lambda: cut_tube([image], (0, 0, 4, 4), 0), "side 0"),
        (lambda: cut_tube([image], (4, 0, 4, 4), 4), "x0 < x1"),
        (lambda: cut_tube([np.zeros((8, 8, 4))], (0, 0, 4, 4), 4), r"shape \(8, 8, 4\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
