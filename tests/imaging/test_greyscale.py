"""The pixel chain against the standard's own formulas."""

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.frames import frame_facts, grey_chain
from osteon.imaging.greyscale import (
    DISPLAY_MAX,
    PADDED_HU,
    GreyChain,
    apply_window,
    render_grey,
)
from tests.dicom_makers import dataset


def rendered(pixels: np.ndarray, **elements) -> np.ndarray:
    made = dataset(pixels, **elements)
    return render_grey(pixels, grey_chain(made, frame_facts(made, 0)))


@pytest.mark.parametrize("width", [1, 2, 10, 400])
def test_linear_window_is_the_formula_of_the_standard(width):
    centre, x = 40.0, np.arange(-300.0, 300.0)
    expected = np.empty_like(x)
    for i, value in enumerate(x):  # PS3.3 C.11.2.1.2.1, ymin 0, ymax 1
        if value <= centre - 0.5 - (width - 1) / 2:
            expected[i] = 0.0
        elif value > centre - 0.5 + (width - 1) / 2:
            expected[i] = 1.0
        else:
            expected[i] = (value - (centre - 0.5)) / (width - 1) + 0.5
    np.testing.assert_allclose(apply_window(x, centre, width), expected, atol=1e-12)


def test_exact_and_sigmoid_windows():
    x = np.array([-10.0, 0.0, 50.0, 100.0, 110.0])
    exact = apply_window(x, 50, 100, "LINEAR_EXACT")
    np.testing.assert_allclose(exact, [0, 0, 0.5, 1, 1])
    sigmoid = apply_window(x, 50, 100, "SIGMOID")
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-4 * (x - 50) / 100)))


def test_windows_agree_with_pydicom():
    x = np.arange(0, 4096, dtype=np.uint16)
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        made = dataset(x[None], BitsStored=12, HighBit=11)
        made.WindowCenter, made.WindowWidth, made.VOILUTFunction = 1800, 900, function
        expected = pydicom.pixels.apply_windowing(x, made) / 4095
        np.testing.assert_allclose(apply_window(x, 1800, 900, function), expected, atol=1e-9)


def test_bad_windows_name_the_argument():
    with pytest.raises(ValueError, match="width"):
        apply_window(np.zeros(1), 0, 0.5)
    with pytest.raises(ValueError, match="function"):
        apply_window(np.zeros(1), 0, 5, "CUBIC")


def test_rescale_comes_before_the_window():
    pixels = np.array([[0, 10, 20, 30]], np.uint16)
    found = rendered(
        pixels, RescaleSlope=2, RescaleIntercept=-20, WindowCenter=10.5, WindowWidth=41
    )
    expected = apply_window(pixels * 2.0 - 20, 10.5, 41)
    np.testing.assert_array_equal(found, np.rint(expected * 65535).astype(np.uint16))


def test_modality_lut_and_voi_lut():
    table = pydicom.Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4, 0, 16], "US"
    table.LUTData = [3, 2, 1, 0]
    voi = pydicom.Dataset()
    voi.LUTDescriptor, voi.LUTData = [4, 0, 8], [0, 10, 100, 255]
    pixels = np.array([[0, 1, 2, 3]], np.uint8)
    found = rendered(pixels, ModalityLUTSequence=[table], VOILUTSequence=[voi])
    expected = np.rint(np.array([[255, 100, 10, 0]]) / 255 * 65535)
    np.testing.assert_array_equal(found, expected.astype(np.uint16))


def test_a_window_beside_the_values_is_not_used():
    pixels = np.array([[1000, 2000]], np.uint16)
    found = rendered(pixels, WindowCenter=30000, WindowWidth=10)
    np.testing.assert_array_equal(found, [[0, 65535]])


def test_padding_range_and_all_padding():
    pixels = np.array([[0, 1, 2, 500, 700]], np.uint16)
    found = rendered(pixels, PixelPaddingValue=0, PixelPaddingRangeLimit=2)
    np.testing.assert_array_equal(found, [[0, 0, 0, 0, 65535]])
    everything = rendered(np.zeros((2, 2), np.uint16), PixelPaddingValue=0)
    assert (everything == 0).all()


def test_signed_padding_of_ct():
    pixels = np.array([[-2000, -1000, 50]], np.int16)
    found = rendered(pixels, Modality="CT", PixelPaddingValue=-2000)
    np.testing.assert_array_equal(found, [[PADDED_HU, -1000, 50]])


def test_floats_with_nan_are_black():
    found = render_grey(np.array([[np.nan, 1.0, 3.0]]), GreyChain())
    np.testing.assert_array_equal(found, [[0, 0, 65535]])


@given(st.integers(-3000, 3000), st.integers(1, 4000), st.booleans(), st.integers(0, 2**32 - 1))
def test_look_up_equals_arithmetic(centre, width, invert, seed):
    stored = np.random.default_rng(seed).integers(-2000, 2000, (9, 7)).astype(np.int16)

    def voi(values):
        return apply_window(values, centre, width)

    chain = GreyChain(lambda x: x * 1.5 - 7, voi, invert, (100.0, 120.0))
    wide = stored.astype(np.float64)  # floats take the path without a table
    np.testing.assert_array_equal(render_grey(stored, chain), render_grey(wide, chain))


@pytest.mark.parametrize(("low", "dtype"), [(0, np.uint16), (7, np.uint16), (-900, np.int16)])
def test_many_rows_are_looked_up_as_few_are(low, dtype):
    shape = (300, 500)  # more pixels than are looked up at once, and no whole number of bands
    stored = np.random.default_rng(2).integers(low, 4000, shape).astype(dtype)
    stored[0, 0], stored[-1, -1] = low, 3999
    found = render_grey(stored, GreyChain())
    expected = np.rint((stored.astype(np.float64) - low) / (3999 - low) * DISPLAY_MAX)
    np.testing.assert_array_equal(found, expected.astype(np.uint16))
