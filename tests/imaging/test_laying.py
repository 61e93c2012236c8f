"""Boxes on the network's square and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.laying import Laying
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
