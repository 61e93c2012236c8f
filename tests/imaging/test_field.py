"""Images laid on a field in millimetres: one scale in all, the rest cut or black."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from osteon.imaging.laying import Laying, fits
from osteon.imaging.prepare import prepare, prepare_mask
from osteon.imaging.region import Region, narrowed
from osteon.imaging.resize import resize, resize_labels
from osteon.imaging.spacing import field_of

laws = settings(max_examples=80, deadline=None)
SIDES = st.integers(1, 160)
SPACINGS = st.tuples(st.floats(0.2, 3.0), st.floats(0.2, 3.0))
WHOLE = Region(0, 0, 30, 20, "whole")


def shown(rows: int, columns: int, field: tuple[float, float]) -> Region:
    """The part of a whole image that a field holds."""
    return narrowed(Region(0, 0, columns, rows, "whole"), field)


@laws
@given(SIDES, SIDES, SPACINGS, st.floats(4, 300), st.integers(8, 96))
def test_a_prepared_pixel_has_its_millimetres_along_both_axes(
    rows, columns, spacing, field_mm, size
) -> None:
    assume(max(spacing) <= field_mm)
    field = field_of(spacing, field_mm)
    one = shown(rows, columns, field)
    high, wide = one.y1 - one.y0, one.x1 - one.x0
    laid = Laying.of(high, wide, size, "letterbox", field)
    for scale, count, mm in zip(laid.scale, (wide, high), spacing[::-1], strict=True):
        wanted = count * mm / (field_mm / size)
        # A picture's sides are whole pixels of the square, and at least one.
        assert abs(scale * count - wanted) <= 0.5 + 1e-6 or wanted < 1
    x0, y0, x1, y1 = laid.picture(high, wide)
    assert 0 <= x0 < x1 <= size and 0 <= y0 < y1 <= size
    assert abs(x0 - (size - x1)) <= 1 and abs(y0 - (size - y1)) <= 1


@laws
@given(SIDES, SIDES, SPACINGS, st.floats(4, 300), st.integers(8, 96))
def test_a_point_goes_to_the_square_and_back(rows, columns, spacing, field_mm, size) -> None:
    assume(max(spacing) <= field_mm)
    field = field_of(spacing, field_mm)
    one = shown(rows, columns, field)
    high, wide = one.y1 - one.y0, one.x1 - one.x0
    laid = Laying.of(high, wide, size, "letterbox", field)
    boxes = np.array([[0.0, 0.0, wide, high], [0.25 * wide, 0, 0.5 * wide, 0.75 * high]])
    np.testing.assert_allclose(laid.to_original(laid.to_square(boxes)), boxes, atol=1e-9)


@laws
@given(
    st.tuples(st.floats(0.3, 1.2), st.floats(0.3, 1.2)),
    st.tuples(st.floats(60, 250), st.floats(60, 250)),
)
def test_a_disc_is_as_large_whatever_the_image_s_spacing_and_shape(spacing, extent) -> None:
    # 40 mm at 2 mm a pixel: 20 px, in an image larger or smaller than the field of 120 mm.
    rows, columns = (round(mm / one) for mm, one in zip(extent, spacing, strict=True))
    y, x = np.mgrid[:rows, :columns]
    away = np.hypot((y - (rows - 1) / 2) * spacing[0], (x - (columns - 1) / 2) * spacing[1])
    disc = np.rint(255 * np.clip(20.5 - away, 0, 1)).astype(np.uint8)
    field = field_of(spacing, 120.0)
    square = resize(shown(rows, columns, field).crop(disc), 60, "letterbox", field)
    assert square.shape == (60, 60)
    for axis in (0, 1):
        assert abs(square.max(axis=axis).sum() / 255 - 20) <= 1
    middle = np.argwhere(square > 127).mean(axis=0)
    assert np.abs(middle - 29.5).max() <= 1


def test_pixels_that_are_not_square_become_square() -> None:
    white = np.full((40, 40), 255, np.uint8)  # 40 mm high, 80 mm wide
    square = resize(white, 50, "letterbox", field_of((1.0, 2.0), 100.0)) > 0
    assert square[15:35, 5:45].all() and square.sum() == 20 * 40


def test_what_is_smaller_lies_in_the_middle_of_black_bars() -> None:
    white = np.full((20, 30), 255, np.uint8)
    square = resize(white, 40, "letterbox", (40.0, 40.0))
    assert (square[10:30, 5:35] == 255).all() and (square > 0).sum() == 20 * 30
    colours = resize(np.full((20, 30, 3), 255, np.uint8), 40, "letterbox", (40.0, 40.0))
    np.testing.assert_array_equal(colours[..., 1], square)


def test_what_is_larger_is_cut_about_the_middle_of_its_region() -> None:
    whole = narrowed(Region(0, 0, 50, 60, "whole"), (20.0, 30.7))
    assert (whole.x0, whole.y0, whole.x1, whole.y1) == (10, 20, 40, 40)
    assert whole.source == "field"
    part = narrowed(Region(20, 10, 50, 16, "mask", "a note"), (20.0, 10.0))
    assert (part.x0, part.y0, part.x1, part.y1) == (30, 10, 40, 16)
    assert (part.source, part.note) == ("mask", "a note")


def test_a_region_that_fits_stays_as_it_is() -> None:
    assert narrowed(WHOLE, None) is WHOLE and narrowed(WHOLE, (20.0, 30.0)) is WHOLE


def test_a_field_that_falls_short_of_whole_pixels_by_rounding_holds_them() -> None:
    assert 0.15 / 0.05 < 3 and fits(field_of((0.05, 0.1), 0.15)) == (3, 1)
    assert fits((0.4, 7.9)) == (1, 7)


@given(st.integers(4, 40), st.integers(4, 40), st.integers(8, 60))
@settings(max_examples=40, deadline=None)
def test_labels_lie_where_their_image_lies(rows: int, columns: int, size: int) -> None:
    field = (41.5, 55.0)
    image = resize(np.full((rows, columns), 255, np.uint8), size, "letterbox", field)
    labels = resize_labels(np.full((rows, columns), 3, np.uint8), size, "letterbox", field)
    np.testing.assert_array_equal(image > 0, labels == 3)


def test_an_image_and_its_labels_are_prepared_in_the_same_field() -> None:
    pixels, mask = np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)
    pixels[10:24, 20:40], mask[10:24, 20:40] = 255, 2
    region = narrowed(Region(0, 0, 60, 40, "whole"), (60.0, 50.0))
    how = {"region": region, "size": 100, "resize": "letterbox", "field": (60.0, 50.0)}
    image = prepare(pixels, colour="grey", **how)
    labels = prepare_mask(mask, **how)
    seen, drawn = image > 127, labels == 2
    assert (seen != drawn).sum() <= 0.05 * drawn.sum()
    # 14 of 60 rows, 20 of 50 columns: a wide pixel stays wide.
    assert np.ptp(np.nonzero(drawn)[0]) + 1 == pytest.approx(100 * 14 / 60, abs=1)
    assert np.ptp(np.nonzero(drawn)[1]) + 1 == pytest.approx(100 * 20 / 50, abs=1)


@pytest.mark.parametrize(
    ("field", "mode", "said"),
    [
        ((20.0, 30.0), "stretch", "field: given with mode stretch; it needs letterbox"),
        ((0.0, 30.0), "letterbox", r"field: \(0.0, 30.0\) px found, two positive numbers"),
        ((float("nan"), 30.0), "letterbox", "two positive numbers"),
        ((19.9, 30.0), "letterbox", r"\(20, 30\) found, at most \(19, 30\) allowed"),
        ((20.0, 29.0), "letterbox", r"\(20, 30\) found, at most \(20, 29\) allowed"),
    ],
)
def test_what_is_no_field_is_refused(field, mode, said) -> None:
    with pytest.raises(ValueError, match=said):
        Laying.of(20, 30, 40, mode, field)
    with pytest.raises(ValueError, match=said):
        resize(np.zeros((20, 30), np.uint8), 40, mode, field)
