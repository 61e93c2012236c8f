import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.explaining.crops import cut, is_whole, scaled


def test_a_crop_is_cut_half_open_and_as_a_view() -> None:
    image = np.arange(48).reshape(6, 8)
    part = cut(image, (2, 1, 5, 6))
    np.testing.assert_array_equal(part, image[1:6, 2:5])
    assert part.base is not None
    assert cut(np.zeros((6, 8, 3)), (7, 5, 8, 6)).shape == (1, 1, 3)


@pytest.mark.parametrize(
    "crop", [(2, 1, 2, 6), (3, 1, 2, 6), (-1, 0, 3, 3), (0, 0, 9, 6), (0, 2, 8, 7), (0, 4, 8, 4)]
)
def test_a_crop_beyond_the_image_or_without_pixels_is_named(crop: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"crop: \[.*found, x0 < x1 from 0 to 8 and y0 < y1"):
        cut(np.zeros((6, 8)), crop)
    with pytest.raises(ValueError, match="crop"):
        scaled(crop, (6, 8), (3, 4))


def test_the_whole_image_is_told_from_a_part() -> None:
    assert is_whole(np.array([0, 0, 8, 6]), (6, 8))
    assert not is_whole((0, 0, 6, 8), (6, 8)) and not is_whole((0, 1, 8, 6), (6, 8))


def test_a_crop_is_scaled_along_each_axis() -> None:
    assert scaled((10, 40, 30, 80), (80, 40), (40, 20)) == (5, 20, 15, 40)
    assert scaled((39, 0, 40, 80), (80, 40), (8, 4)) == (3, 0, 4, 8)


sides = st.integers(1, 60)


@given(st.data(), sides, sides, sides, sides)
def test_a_scaled_crop_lies_in_the_picture_and_keeps_what_is_not_scaled(
    data: st.DataObject, rows: int, columns: int, height: int, width: int
) -> None:
    y0, x0 = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    crop = (x0, y0, data.draw(st.integers(x0 + 1, columns)), data.draw(st.integers(y0 + 1, rows)))
    a, b, c, d = scaled(crop, (rows, columns), (height, width))
    assert 0 <= a < c <= width and 0 <= b < d <= height
    # To the nearest pixel, but never less than one: hence one more at the end.
    assert abs(a - x0 * width / columns) <= 1 and abs(d - crop[3] * height / rows) <= 1.5
    assert scaled(crop, (rows, columns), (rows, columns)) == crop
    assert scaled((0, 0, columns, rows), (rows, columns), (height, width)) == (0, 0, width, height)
