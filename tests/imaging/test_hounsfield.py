"""Stored values to HU: whatever way it is computed, it is the rescale, rounded and clipped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.frames import check_hounsfield, frame_facts, grey_chain
from osteon.imaging.greyscale import PADDED_HU, GreyChain, render_grey
from osteon.imaging.refusals import Refused
from tests.dicom_makers import dataset


@given(
    st.sampled_from([np.int16, np.uint16, np.uint8]),
    st.sampled_from([1.0, 1.0, 0.5, -1.0, 2.0]),
    st.sampled_from([0.0, -1024.0, -1000.0, 31000.0, -40000.0, 0.5]),
    st.sampled_from([None, (0.0, 0.0), (-2000.0, -2000.0), (5.0, 90.0)]),
    st.integers(0, 2**16),
)
def test_hu_are_the_rescale_of_the_stored_values(dtype, slope, intercept, padding, seed):
    rng = np.random.default_rng(seed)
    ends = np.iinfo(dtype)
    low = int(rng.integers(ends.min, ends.max - 90))
    stored = rng.integers(low, min(low + 4000, ends.max), (9, 7), endpoint=True).astype(dtype)
    chain = GreyChain(lambda x: x * slope + intercept, padding=padding, hounsfield=True)
    found = render_grey(stored, chain)
    values = stored.astype(np.float64)
    expected = np.clip(np.rint(values * slope + intercept), -32768, 32767)
    if padding is not None:
        expected[(values >= padding[0]) & (values <= padding[1])] = PADDED_HU
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, expected)


def test_strided_and_foreign_byte_order():
    stored = np.arange(60, dtype=np.uint16).reshape(6, 10)
    chain = GreyChain(lambda x: x - 1024.0, hounsfield=True)
    expected = stored.astype(np.int16) - 1024
    np.testing.assert_array_equal(render_grey(stored.T, chain), expected.T)
    np.testing.assert_array_equal(render_grey(stored[::2, ::-3], chain), expected[::2, ::-3])
    np.testing.assert_array_equal(render_grey(stored.astype(">u2"), chain), expected)


def test_a_window_does_not_touch_hu():
    pixels = np.array([[0, 1024, 2048]], np.uint16)
    tags = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}
    made = dataset(pixels, WindowCenter=40, WindowWidth=400, **tags)
    found = render_grey(pixels, grey_chain(made, frame_facts(made, 0)))
    np.testing.assert_array_equal(found, [[-1024, 0, 1024]])


HU = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (HU, None),
        (HU | {"RescaleType": "HU_MOD"}, None),
        ({"Modality": "MR"}, None),
        ({"Modality": "DX"}, None),
        ({"Modality": "CT"}, "no_rescale"),
        (HU | {"RescaleSlope": 0}, "no_rescale"),
        (HU | {"RescaleType": "EDW"}, "no_rescale"),
        (HU | {"SamplesPerPixel": 3}, "screenshot"),
        (HU | {"PhotometricInterpretation": "PALETTE COLOR"}, "screenshot"),
        (HU | {"BitsStored": 8}, "screenshot"),
    ],
)
def test_which_ct_objects_have_hu(tags, code):
    made = dataset(np.zeros((2, 2), np.uint16), **tags)
    if code is None:
        check_hounsfield(made, frame_facts(made, 0))
        return
    with pytest.raises(Refused) as raised:
        check_hounsfield(made, frame_facts(made, 0))
    assert raised.value.code == code
