"""Windows against the standard's formula, composites, and what figures show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.windows import (
    BONE,
    SOFT,
    WIDE,
    WINDOWS,
    composite,
    display,
    share_without_hue,
    show_window,
)

EVERY_HU = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)


@pytest.mark.parametrize("window", [BONE, SOFT, WIDE, (1.0, 0.0), (80.5, 40.5)])
def test_the_ramp_of_linear_exact_for_every_ct_number(window):
    width, level = window
    expected = []
    for x in EVERY_HU.tolist():  # PS3.3 C.11.2.1.3.2, ymin 0, ymax 255
        if x <= level - width / 2:
            expected.append(0)
        elif x > level + width / 2:
            expected.append(255)
        else:
            expected.append(((x - level) / width + 0.5) * 255)
    found = show_window(EVERY_HU, window)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.5 + 1e-9)
    outside = np.abs(EVERY_HU - level) > width / 2
    np.testing.assert_array_equal(found[outside], np.array(expected)[outside])


def test_the_sheet_s_windows():
    assert (BONE, SOFT, WIDE) == ((1500, 300), (400, 40), (2500, 500)) == WINDOWS
    hu = np.array([[-450, 1050, 300], [-160, 240, 40], [-750, 1750, 500]], np.int16)
    for channel, row in enumerate(hu):
        np.testing.assert_array_equal(composite(hu)[channel, :, channel], [0, 255, 128])
        np.testing.assert_array_equal(show_window(row, WINDOWS[channel]), [0, 255, 128])


@given(st.integers(-3000, 3000), st.integers(0, 2000), st.integers(0, 200), st.integers(0, 200))
def test_a_higher_ct_number_is_never_darker(hu, more, width, level):
    low, high = show_window(np.array([hu, hu + more], np.int16), (width + 1, level))
    assert high >= low


def test_composite_of_strided_input_and_its_hue():
    hu = np.random.default_rng(0).integers(-1000, 2000, (12, 10)).astype(np.int16)
    found = composite(hu[::2, ::-1])
    assert found.shape == (6, 10, 3) and found.dtype == np.uint8
    np.testing.assert_array_equal(found, composite(hu)[::2, ::-1])
    assert share_without_hue(found) < 0.2
    assert share_without_hue(composite(hu, [BONE] * 3)) == 1.0
    half = np.zeros((2, 2, 3), np.uint8)
    half[0, :, 1] = 9
    assert share_without_hue(half) == 0.5


def test_figures_show_hu_in_the_bone_window_and_the_rest_as_it_is():
    hu = np.array([[-1000, 300, 3000]], np.int16)
    np.testing.assert_array_equal(display(hu), [[0, 128, 255]])
    np.testing.assert_array_equal(display(np.array([[0, 65535]], np.uint16)), [[0, 255]])
    colours = np.zeros((2, 2, 3), np.uint8)
    assert display(colours).shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: show_window(np.zeros((2, 2), np.uint16)), "hu: dtype uint16"),
        (lambda: show_window(np.zeros((2, 2), np.int16), (0, 40)), "width: 0"),
        (lambda: composite(np.zeros((2, 2), np.int16), [BONE]), "windows: 1"),
        (lambda: composite(np.zeros((2, 2, 3), np.int16)), "hu: shape"),
        (lambda: share_without_hue(np.zeros((2, 2), np.uint8)), "rgb: shape"),
        (lambda: share_without_hue(np.zeros((0, 3), np.uint8)), "rgb: shape"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=named):
        call()
