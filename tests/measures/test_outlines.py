"""A map laid back undoes the laying; cleaning drops crumbs and fills holes, and then rests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from osteon.imaging.laying import Laying
from osteon.imaging.region import Region, narrowed
from osteon.imaging.resize import resize
from osteon.imaging.spacing import field_of
from osteon.measures.outlines import at_size, clean, laid_back, on_image, outlined
from osteon.measures.surfaces import MaskError

laws = settings(max_examples=60, deadline=None)
SIDES = st.integers(1, 40)
MODES = st.sampled_from(["stretch", "letterbox"])


@laws
@given(SIDES, SIDES, st.integers(4, 40), MODES, st.integers(0, 255))
def test_an_even_map_stays_even_and_bars_do_not_bleed_in(rows, columns, size, mode, value):
    laid = Laying.of(rows, columns, size, mode)
    x0, y0, x1, y1 = np.rint(laid.to_square(np.array([0.0, 0, columns, rows]))).astype(int)
    square = np.full((size, size), 255 - value, np.uint8)
    square[y0:y1, x0:x1] = value
    found = laid_back(square, rows, columns, size, mode)
    assert found.shape == (rows, columns) and found.dtype == np.float32
    np.testing.assert_allclose(found, value / 255, atol=1e-6)


@laws
@given(SIDES, SIDES, st.integers(8, 40), MODES)
def test_a_slope_comes_back_where_it_was(rows, columns, size, mode):
    # Bilinear interpolation keeps a plane, but for half a pixel of the square at the border; means
    # over several pixels of the square, where the image is smaller, are a little off.
    laid = Laying.of(rows, columns, size, mode)
    y, x = np.mgrid[:size, :size] + 0.5
    plane = (x + y) / (2 * size)
    found = laid_back(plane, rows, columns, size, mode)
    own_y, own_x = np.mgrid[:rows, :columns] + 0.5
    wanted = (own_x * laid.scale[0] + laid.offset[0] + own_y * laid.scale[1] + laid.offset[1]) / (
        2 * size
    )
    inner = tuple(slice(edge, -edge) for edge in (int(np.ceil(1 / s)) for s in laid.scale[::-1]))
    if max(laid.scale) <= 1:
        np.testing.assert_allclose(found[inner], wanted[inner], atol=2e-6)
    # At the border the mean over a much larger square leans inwards, by a tenth of its width.
    assert np.abs(found - wanted).max() <= max(1.01, 0.11 * max(laid.scale)) / size


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_an_image_that_went_through_resize_comes_back(mode):
    y, x = np.mgrid[:90, :60]
    blob = np.exp(-((y - 30) ** 2 + (x - 40) ** 2) / 300)
    square = resize(np.rint(blob * 255).astype(np.uint8), 64, mode)
    back = laid_back(square, 90, 60, 64, mode)
    assert np.abs(back - blob).max() < 0.02


def test_a_part_is_laid_where_it_was_cut():
    square = np.full((8, 8), 255, np.uint8)
    found = on_image(square, (20, 30), (5, 2, 15, 12), 8)
    assert found.shape == (20, 30) and found.sum() == 100
    assert found[2:12, 5:15].all()


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.zeros((8, 7)), r"shape \(8, 7\) found, size 8 needs \(8, 8\)"),
        (np.zeros(8), r"\(H, W\) with pixels needed"),
        (np.zeros((8, 8), np.int64), "dtype int64 found, uint8 or a float needed"),
        (np.full((8, 8), 1.5), "values from 1.5 to 1.5 found, 0 to 1 allowed"),
        (np.full((8, 8), np.nan), "0 to 1 allowed, none missing"),
    ],
)
def test_what_is_no_map_is_refused(values, match):
    with pytest.raises(MaskError, match=match):
        laid_back(values, 5, 5, 8)


@pytest.mark.parametrize("crop", [(0, 0, 31, 5), (4, 0, 4, 5), (-1, 0, 4, 5), (0, 8, 4, 5)])
def test_a_part_outside_the_image_is_refused(crop):
    with pytest.raises(MaskError, match="crop"):
        on_image(np.zeros((8, 8)), (20, 30), crop, 8)


MASKS = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@laws
@given(MASKS, st.integers(0, 12), st.booleans())
def test_cleaning_rests_after_once_and_keeps_no_crumb_and_no_hole(mask, least, fill):
    found = clean(mask, least, fill)
    np.testing.assert_array_equal(clean(found, least, fill), found)
    parts, count = ndimage.label(found, np.ones((3, 3)))
    assert count == 0 or np.bincount(parts.ravel())[1:].min() >= least
    if fill:
        outside, _ = ndimage.label(np.pad(~found, 1, constant_values=True))
        assert (outside[1:-1, 1:-1][~found] == outside[0, 0]).all()
    else:
        assert not (found & ~mask).any()


def test_cleaning_by_hand():
    mask = np.zeros((10, 10), bool)
    mask[1:5, 1:5] = True
    mask[2, 2] = False  # a hole
    mask[7, 7] = mask[8, 8] = True  # two pixels that touch at a corner: one part of two
    found = clean(mask, 2, fill_holes=True)
    assert found[2, 2] and found[7, 7] and found[8, 8] and found.sum() == 18
    assert clean(mask, 3, fill_holes=True).sum() == 16
    assert clean(mask, 16, fill_holes=True).sum() == 0  # 15 were drawn: the hole counts afterwards
    assert clean(mask, 0, fill_holes=False).sum() == mask.sum()


def test_bad_masks_and_sizes_are_refused():
    with pytest.raises(MaskError, match="least_px: -1 found, 0 or more needed"):
        clean(np.zeros((3, 3)), -1, True)
    with pytest.raises(MaskError, match=r"\(H, W\) needed"):
        clean(np.zeros((3, 3, 3)), 1, True)
    with pytest.raises(MaskError, match="only 0 and 1"):
        clean(np.full((3, 3), 2), 1, True)


def test_a_pixel_at_the_threshold_is_called():
    probability = np.array([[0.5, 0.49], [0.51, 0.0]], np.float32)
    found = outlined(probability, 0.5, 0, False)
    assert found.tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.7, 1.1), (2.0, 0.6)])
@pytest.mark.parametrize("shape", [(60, 60), (90, 150), (200, 80)])
def test_a_mask_comes_back_from_a_field_where_it_was_and_nowhere_else(spacing, shape):
    field = field_of(spacing, 90.0)
    part = narrowed(Region(0, 0, shape[1], shape[0], "whole"), field)
    y, x = np.mgrid[: shape[0], : shape[1]]
    middle = (part.y0 + 0.4 * (part.y1 - part.y0), part.x0 + 0.6 * (part.x1 - part.x0))
    mask = np.hypot((y - middle[0]) * spacing[0], (x - middle[1]) * spacing[1]) < 14
    mask[:3], mask[:, -3:] = True, True  # at the border, which a field may cut
    square = resize(part.crop(mask).astype(np.uint8) * 255, 96, "letterbox", field)
    crop = (part.x0, part.y0, part.x1, part.y1)
    back = on_image(square, shape, crop, 96, "letterbox", field) >= 0.5
    inside = np.zeros(shape, bool)
    inside[part.y0 : part.y1, part.x0 : part.x1] = True
    assert not back[~inside].any()
    assert (back & mask).sum() / ((back | mask) & inside).sum() > 0.93
    with pytest.raises(ValueError, match="which the field holds"):
        laid_back(square, shape[0] + 90, shape[1] + 150, 96, "letterbox", field)


def test_a_map_at_its_own_size_is_a_copy():
    values = np.array([[0.5, 0.25]], np.float32)
    found = at_size(values, 1, 2)
    assert found is not values and found.tolist() == values.tolist()
    assert at_size(values, 3, 4).shape == (3, 4)
