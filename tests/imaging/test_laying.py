"""Boxes on the network's square and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.laying import Laying, found_on_originals
from osteon.imaging.resize import resize

SIDES = st.integers(8, 200)


@given(SIDES, SIDES, st.integers(8, 128), st.sampled_from(["stretch", "letterbox"]))
def test_back_and_forth_changes_nothing(rows: int, columns: int, size: int, mode: str) -> None:
    laying = Laying.of(rows, columns, size, mode)
    boxes = np.array([[0.0, 0.0, columns, rows], [1.5, 2.0, 7.25, 6.0]])
    assert np.allclose(laying.to_original(laying.to_square(boxes)), boxes)


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_a_box_follows_its_pixels(mode: str) -> None:
    image = np.zeros((60, 120), np.uint8)
    image[20:40, 60:90] = 255
    shown = resize(image, 64, mode) > 127
    x0, y0, x1, y1 = Laying.of(60, 120, 64, mode).to_square(np.array([60, 20, 90, 40]))
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    assert np.allclose([x0, y0, x1, y1], found, atol=1)


def test_nan_stays_nan() -> None:
    assert np.isnan(Laying.of(10, 10, 20).to_square(np.full((2, 4), np.nan))).all()


@pytest.mark.parametrize("wrong", [(0, 4, 4, "stretch"), (4, 4, 4, "cover")])
def test_what_is_no_laying_is_refused(wrong: tuple[int, int, int, str]) -> None:
    with pytest.raises(ValueError, match=r"mode|rows"):
        Laying.of(*wrong)


def test_found_boxes_are_cut_at_the_border_and_lost_outside() -> None:
    numbers = np.full((2, 3, 6), np.nan)
    numbers[0, 0] = [-4, 2, 8, 10, 0.1, 0.7]
    numbers[1, 0] = [70, 70, 80, 80, 0.5, 0.2]  # on the square's edge, beyond the original
    numbers[1, 1] = [0, 0, 4, 4, 0.6, 0.3]
    laid = [Laying.of(64, 64, 64), Laying.of(32, 32, 64)]
    at, boxes, given = found_on_originals(numbers, laid, np.array([[64, 64], [32, 32]]))
    assert at.tolist() == [0, 1]
    assert boxes.tolist() == [[0, 2, 8, 10], [0, 0, 2, 2]]
    assert given.tolist() == [[0.1, 0.7], [0.6, 0.3]]


def test_no_box_at_all() -> None:
    nothing = np.full((1, 2, 6), np.nan)
    found = found_on_originals(nothing, [Laying.of(8, 8, 8)], np.array([[8, 8]]))
    assert [one.shape for one in found] == [(0,), (0, 4), (0, 2)]
