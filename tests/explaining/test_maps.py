import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.explaining.maps import compact, normalise, placement, to_input, to_original, upsample
from osteon.imaging.resize import resize


def test_upsampling_keeps_constants_and_places() -> None:
    torch.testing.assert_close(
        upsample(torch.full((2, 3, 3), 0.7), 12), torch.full((2, 12, 12), 0.7)
    )
    peak = torch.zeros(1, 4, 4)
    peak[0, 1, 2] = 1
    rows, columns = np.nonzero(upsample(peak, 16)[0].numpy() == upsample(peak, 16).max().item())
    assert set(rows) <= set(range(4, 8)) and set(columns) <= set(range(8, 12))


def test_each_map_is_stretched_alone_and_a_constant_one_is_zero() -> None:
    maps = torch.stack([torch.arange(4.0).view(2, 2), torch.full((2, 2), 5.0)])
    found = normalise(maps)
    assert found[0].min() == 0 and found[0].max() == 1
    assert found[1].abs().max() == 0


def test_kept_maps_are_small_and_keep_zero() -> None:
    maps = torch.zeros(2, 64, 64)
    maps[0, :2, :2] = 1e-9
    found = compact(maps, 32)
    assert found.shape == (2, 32, 32) and found.dtype == np.float16
    assert found[0].max() == 1 and found[0, 1:, 1:].max() == 0 and found[1].max() == 0


@given(st.integers(3, 90), st.integers(3, 90), st.integers(8, 40))
@settings(max_examples=50, deadline=None)
def test_the_place_of_an_image_is_where_resize_lays_it(rows: int, columns: int, size: int) -> None:
    white = np.full((rows, columns), 255, np.uint8)
    for mode in ("stretch", "letterbox"):
        shown = np.zeros((size, size), bool)
        shown[placement((rows, columns), size, mode)] = True
        np.testing.assert_array_equal(resize(white, size, mode) > 0, shown)


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
@pytest.mark.parametrize("shape", [(120, 60), (60, 120), (50, 50)])
def test_a_spot_of_the_input_lies_on_the_same_spot_of_the_original(mode: str, shape) -> None:
    original = np.zeros(shape, np.uint8)
    row, column = int(0.7 * shape[0]), int(0.3 * shape[1])
    original[row - 4 : row + 5, column - 4 : column + 5] = 255
    seen = resize(original, 32, mode).astype(np.float32)
    back = to_original(seen, shape, mode, size=32)
    assert back.shape == shape and back.dtype == np.float32
    peak = np.argwhere(back > 0.9 * back.max()).mean(axis=0)
    assert np.abs(peak - (row, column)).max() < 3


def test_a_layers_grid_is_first_laid_on_the_input_frame() -> None:
    grid = np.array([[0.0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    back = to_original(grid, (40, 80), "letterbox", size=64)  # rows 16 to 47 show the image
    assert back.shape == (40, 80)
    assert back.mean(axis=1).argmax() < 12 and back[20:].max() < 0.7


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_a_lesion_keeps_its_share_and_is_never_lost(mode: str) -> None:
    lesion = np.zeros((200, 100), np.uint8)
    lesion[50:100, 20:70] = 3
    found = to_input(lesion, 40, mode)
    assert found.shape == ((40, 40) if mode == "stretch" else (40, 20))
    assert abs(found.mean() - (lesion > 0).mean()) < 0.02
    speck = np.zeros((200, 100), bool)
    speck[150, 50] = True
    assert to_input(speck, 10, mode).sum() == 1
    assert not to_input(np.zeros((200, 100), bool), 10, mode).any()


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(ValueError, match=r"'crop'.*stretch, letterbox"):
        placement((3, 3), 8, "crop")


CROPS = [(3, 5, 11, 21), (0, 0, 8, 16), (32, 24, 40, 40), (12, 0, 28, 8), (24, 20, 40, 28)]


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_a_hot_cell_of_a_crop_lies_on_its_own_pixels_of_the_original(mode: str, crop) -> None:
    # Crops of 8 × 16 px or 16 × 8 on a square of 16: a letterbox pads, and a pixel is a cell.
    x0, y0, x1, y1 = crop
    height, width = y1 - y0, x1 - x0
    top, left = ((16 - height) // 2, (16 - width) // 2) if mode == "letterbox" else (0, 0)
    for row, column in ((0, 0), (height - 1, width - 1), (2, 5)):
        seen = np.zeros((16, 16))
        if mode == "letterbox":
            seen[top + row, left + column] = 1
        else:
            tall, wide = 16 // height, 16 // width
            seen[tall * row : tall * (row + 1), wide * column : wide * (column + 1)] = 1
        back = to_original(seen, (40, 40), mode, 16, crop=crop)
        assert back.shape == (40, 40) and back.dtype == np.float32
        assert back[y0 + row, x0 + column] == back.max() > 0.5
        outside = np.ones((40, 40), bool)
        outside[y0:y1, x0:x1] = False
        assert not back[outside].any()
        rows, columns = np.nonzero(back)
        assert abs(rows - (y0 + row)).max() <= 1 and abs(columns - (x0 + column)).max() <= 1
        if mode == "letterbox":
            assert (rows, columns) == (y0 + row, x0 + column)


def test_what_lies_on_the_bars_of_a_crop_s_letterbox_is_nowhere() -> None:
    seen = np.ones((16, 16))
    seen[:, 4:12] = 0  # the crop of 8 × 16 px lies in these columns
    assert not to_original(seen, (40, 40), "letterbox", 16, crop=(3, 5, 11, 21)).any()


@given(st.data(), st.sampled_from(["stretch", "letterbox"]))
@settings(max_examples=40, deadline=None)
def test_a_crop_goes_to_the_network_and_comes_back_where_it_was(data, mode: str) -> None:
    rows, columns = data.draw(st.integers(20, 50)), data.draw(st.integers(20, 50))
    x0, y0 = data.draw(st.integers(0, columns - 12)), data.draw(st.integers(0, rows - 12))
    x1, y1 = data.draw(st.integers(x0 + 12, columns)), data.draw(st.integers(y0 + 12, rows))
    original = np.zeros((rows, columns), np.uint8)
    row, column = data.draw(st.integers(y0 + 2, y1 - 3)), data.draw(st.integers(x0 + 2, x1 - 3))
    original[row - 2 : row + 3, column - 2 : column + 3] = 255
    seen = resize(original[y0:y1, x0:x1], 48, mode)
    back = to_original(seen, (rows, columns), mode, 48, crop=(x0, y0, x1, y1))
    hot = np.argwhere(back > 0.9 * back.max())
    assert np.abs(hot.mean(axis=0) - (row, column)).max() < 1.5
    np.testing.assert_array_equal(
        to_original(seen, (rows, columns), mode, 48),
        to_original(seen, (rows, columns), mode, 48, crop=(0, 0, columns, rows)),
    )


def test_a_map_is_drawn_at_the_size_of_its_picture() -> None:
    back = to_original(np.ones((7, 7)), (400, 200), "stretch", 32, crop=(0, 300, 50, 400))
    small = to_original(
        np.ones((7, 7)), (400, 200), "stretch", 32, crop=(0, 300, 50, 400), at=(40, 20)
    )
    for found, rows, columns in ((back, 300, 50), (small, 30, 5)):
        np.testing.assert_allclose(found[rows:, :columns], 1, rtol=1e-6)
        assert np.count_nonzero(found) == columns * (found.shape[0] - rows)
    assert back.shape == (400, 200) and small.shape == (40, 20)


def test_a_crop_beyond_the_original_is_named() -> None:
    with pytest.raises(ValueError, match=r"crop: \[0, 0, 9, 4\] found"):
        to_original(np.ones((2, 2)), (4, 8), crop=(0, 0, 9, 4))


FIELD = (50.0, 80.0)
"""Rows and columns that fill the square: pixels are 1.6 times as high as wide."""


@given(st.integers(3, 50), st.integers(3, 80), st.integers(8, 40))
@settings(max_examples=50, deadline=None)
def test_in_a_field_the_place_is_where_resize_lays_it(rows: int, columns: int, size: int) -> None:
    shown = np.zeros((size, size), bool)
    shown[placement((rows, columns), size, "letterbox", FIELD)] = True
    white = np.full((rows, columns), 255, np.uint8)
    np.testing.assert_array_equal(resize(white, size, "letterbox", FIELD) > 0, shown)


def test_a_crop_goes_to_a_field_and_comes_back_where_it_was() -> None:
    original = np.zeros((60, 90), np.uint8)
    original[30:36, 50:56] = 255
    crop = (20, 15, 75, 60)  # x0, y0, x1, y1
    seen = resize(original[15:60, 20:75], 64, "letterbox", FIELD)
    back = to_original(seen / 255, (60, 90), "letterbox", 64, crop=crop, field=FIELD)
    assert np.abs(np.argwhere(back > 0.5).mean(axis=0) - (32.5, 52.5)).max() < 0.6
    assert (back > 0.5).sum() == pytest.approx(36, abs=8)
    lesion = to_input(original[15:60, 20:75], 64, "letterbox", FIELD)
    rows, columns = placement((45, 55), 64, "letterbox", FIELD)
    assert lesion.shape == (rows.stop - rows.start, columns.stop - columns.start) == (58, 44)
    assert (lesion != (seen[rows, columns] > 127)).sum() < 0.4 * lesion.sum()
