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
