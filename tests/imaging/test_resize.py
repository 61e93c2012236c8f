"""Sizes, ranges, antialiasing, letterbox."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from osteon.imaging.resize import kept_size, resize, shrink, shrink_mask, to_uint8


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from(["stretch", "letterbox"]))
def test_shape_and_constant(rows, columns, mode):
    image = np.full((rows, columns), 40000, np.uint16)
    found = resize(image, 32, mode)
    assert found.shape == (32, 32) and found.dtype == np.uint8
    value = round(40000 / 257)
    if mode == "stretch":
        assert (found == value).all()
    else:
        assert set(np.unique(found)) <= {0, value} and (found == value).any()


def test_letterbox_keeps_the_aspect_and_centres():
    found = resize(np.full((20, 40), 255, np.uint8), 16, "letterbox")
    expected = np.zeros((16, 16), np.uint8)
    expected[4:12] = 255
    np.testing.assert_array_equal(found, expected)


def test_reduction_averages_instead_of_skipping():
    stripes = np.zeros((256, 256), np.uint8)
    stripes[:, ::2] = 255
    found = resize(stripes, 32)
    assert found.min() >= 120 and found.max() <= 135


def test_colour_and_eight_bits():
    assert resize(np.zeros((9, 5, 3), np.uint8), 8).shape == (8, 8, 3)
    values = np.array([[0, 128, 129, 65535]], np.uint16)
    np.testing.assert_array_equal(to_uint8(values), [[0, 0, 1, 255]])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((np.zeros((4, 4), np.uint8), 0), "size"),
        ((np.zeros((4, 4), np.uint8), 8, "crop"), "mode"),
        ((np.zeros((4, 4), np.int16), 8), "dtype"),
        ((np.zeros((4, 4, 2), np.uint8), 8), "shape"),
    ],
)
def test_errors_name_the_argument(arguments, named):
    with pytest.raises(ValueError, match=named):
        resize(*arguments)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_shrink_keeps_dtype_and_range(dtype):
    rng = np.random.default_rng(0)
    limits = np.iinfo(dtype)
    image = rng.integers(limits.min, limits.max, (60, 30), dtype=dtype, endpoint=True)
    found = shrink(image, 20)
    assert found.shape == (20, 10) == kept_size(60, 30, 20) and found.dtype == dtype
    assert shrink(image, 60) is image and shrink(image, None) is image
    assert shrink(np.zeros((60, 30, 3), np.uint8), 20).shape == (20, 10, 3)


def test_masks_keep_their_labels():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 7
    assert set(np.unique(shrink_mask(mask, 13, 17))) == {0, 7}


@pytest.mark.parametrize("shape", [(301, 221), (211, 307)])
def test_shrink_of_16_bits_equals_resampling_in_floats_where_blocks_do_not_fit(shape):
    image = np.random.default_rng(1).integers(0, 65536, shape, dtype=np.uint16)
    for chosen in (image, image.T, image[:, ::2]):
        rows, columns = kept_size(*chosen.shape, 100)
        floats = Image.fromarray(chosen.astype(np.float32))
        expected = np.asarray(floats.resize((columns, rows), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(shrink(chosen, 100), np.rint(expected).astype(np.uint16))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
@pytest.mark.parametrize("factor", [2, 3])
def test_whole_blocks_become_their_means(dtype, factor):
    limits = np.iinfo(dtype)
    image = np.random.default_rng(0).integers(limits.min, limits.max, (24, 36)).astype(dtype)
    found = shrink(image, 36 // factor)
    blocks = image.reshape(24 // factor, factor, 36 // factor, factor).astype(np.float64)
    np.testing.assert_array_equal(found, np.floor(blocks.mean(axis=(1, 3)) + 0.5).astype(dtype))
    flat = np.full((48, 48), limits.max, dtype)
    assert (shrink(flat, 20) == limits.max).all()
