"""From an image to a network's square: colours, crops, and what cannot be prepared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.imaging.prepare import COLOURS, prepare, prepare_mask, refuse_reason, stretched
from osteon.imaging.region import Region
from osteon.imaging.resize import resize
from osteon.imaging.windows import BONE, SOFT, WIDE, composite, show_window

PART = Region(4, 2, 20, 14, "otsu")
ALL = Region(0, 0, 24, 16, "whole")


def hu(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1000, 1500, (16, 24)).astype(np.int16)


def made(pixels: np.ndarray, colour: str, **changes) -> np.ndarray:
    arguments = {"region": PART, "colour": colour, "size": 8} | changes
    return prepare(pixels, **arguments)


def cut(image: np.ndarray) -> np.ndarray:
    return image[2:14, 4:20]


def test_grey_of_hu_goes_through_the_first_window():
    expected = resize(show_window(cut(hu()), SOFT), 8)
    np.testing.assert_array_equal(made(hu(), "grey", windows=[SOFT, BONE]), expected)


def test_grey_of_display_values_and_colours():
    display = (np.arange(16 * 24).reshape(16, 24) * 170).astype(np.uint16)
    np.testing.assert_array_equal(made(display, "grey"), resize(cut(display), 8))
    rgb = np.zeros((16, 24, 3), np.uint8)
    rgb[..., 1] = 200
    assert (made(rgb, "grey") == round(0.587 * 200)).all()


def test_window_composite():
    expected = resize(composite(cut(hu())), 8)
    found = made(hu(), "window_composite")
    np.testing.assert_array_equal(found, expected)
    assert found.shape == (8, 8, 3) and found.dtype == np.uint8
    other = made(hu(), "window_composite", windows=[WIDE, WIDE, WIDE])
    assert (other[..., 0] == other[..., 2]).all() and (other != found).any()


def test_adjacent_slices_and_the_ends_of_a_series():
    before, here, after = (hu(seed) for seed in range(3))
    found = made(here, "adjacent", windows=[BONE], neighbours=(before, after))
    for channel, image in enumerate((before, here, after)):
        np.testing.assert_array_equal(found[..., channel], made(image, "grey"))
    first = made(here, "adjacent", neighbours=(None, after))
    np.testing.assert_array_equal(first[..., 0], first[..., 1])
    np.testing.assert_array_equal(first[..., 2], found[..., 2])
    other = made(here, "adjacent", neighbours=(before[:, :20], after.astype(np.uint16)))
    assert (other[..., 0] == other[..., 1]).all() and (other[..., 2] == other[..., 1]).all()
    display = np.full((16, 24), 257 * 9, np.uint16)
    assert (made(display, "adjacent", neighbours=(display * 2, None)) == [18, 9, 9]).all()


def test_as_is():
    rgb = np.random.default_rng(1).integers(0, 255, (16, 24, 3)).astype(np.uint8)
    np.testing.assert_array_equal(made(rgb, "as_is"), resize(cut(rgb), 8))
    grey = made(np.full((16, 24), 257 * 7, np.uint16), "as_is")
    assert grey.shape == (8, 8, 3) and (grey == 7).all()


@pytest.mark.parametrize("colour", ["grey", "window_composite"])
def test_a_mask_blacks_out_what_is_around(colour):
    mask = np.zeros((16, 24), np.uint8)
    mask[:, :12] = 3
    found = made(np.full((16, 24), 5000, np.int16), colour, region=ALL, mask=mask, size=24)
    assert (found[:, :10] == 255).all() and (found[:, 14:] == 0).all()


def test_letterbox_keeps_the_aspect():
    found = made(np.full((16, 24), 65535, np.uint16), "grey", region=ALL, resize="letterbox")
    assert (found[0] == 0).all() and (found[3:5] == 255).all()


def test_the_input_is_left_alone():
    pixels = hu()
    pixels.flags.writeable = False  # as the archive gives them
    for colour in ("grey", "window_composite", "adjacent"):
        made(pixels, colour, mask=np.ones((16, 24), np.uint8))
    np.testing.assert_array_equal(pixels, hu())


KINDS = {"hu": ("<i2", 1), "display": ("<u2", 1), "photo": ("|u1", 1), "colour": ("|u1", 3)}
ALLOWED = {
    "hu": {"grey", "window_composite", "adjacent"},
    "display": {"grey", "adjacent", "as_is"},
    "photo": {"grey", "adjacent", "as_is"},
    "colour": {"grey", "as_is"},
}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_refused_before_decoding_is_what_prepare_refuses(kind, colour):
    dtype, channels = KINDS[kind]
    pixels = np.zeros((16, 24, 3) if channels == 3 else (16, 24), dtype)
    reason = refuse_reason(dtype, channels, colour)
    if colour in ALLOWED[kind]:
        assert reason is None
        assert made(pixels, colour).shape == ((8, 8) if colour == "grey" else (8, 8, 3))
    else:
        with pytest.raises(ValueError, match="pixels: its pixels are") as raised:
            made(pixels, colour)
        assert str(raised.value) == f"pixels: {reason}"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "hsv"}, "colour: 'hsv'"),
        ({"windows": []}, "windows: none"),
        ({"colour": "window_composite", "windows": [BONE]}, "windows: 1"),
        ({"mask": np.ones((3, 3), np.uint8)}, "mask: shape"),
        ({"resize": "crop"}, "mode: 'crop'"),
        ({"size": 0}, "size: 0"),
    ],
)
def test_errors_name_the_argument(changes, named):
    with pytest.raises(ValueError, match=named):
        prepare(hu(), **({"region": PART, "colour": "grey", "size": 8} | changes))


def test_greys_are_stretched_from_the_1st_to_the_99th_percentile():
    ramp = np.arange(1001, dtype=np.uint16).reshape(7, 143) * 10
    found = stretched(ramp)
    low, high = np.percentile(ramp, (1, 99))
    assert found.dtype == np.uint8 and found.shape == ramp.shape
    assert (found[ramp <= low] == 0).all() and (found[ramp >= high] == 255).all()
    wanted = np.clip((ramp - low) / (high - low), 0, 1) * 255
    np.testing.assert_allclose(found, wanted, atol=0.51)


@given(
    st.integers(0, 9),
    st.sampled_from([np.uint8, np.uint16, np.int16]),
    st.floats(0.25, 4),
    st.integers(-50, 50),
)
def test_gain_and_offset_of_a_scanner_do_not_matter(seed, dtype, gain, offset):
    image = np.random.default_rng(seed).integers(100, 220, (9, 11)).astype(np.float64)
    found, other = (stretched(one) for one in (image, image * gain + offset))
    np.testing.assert_allclose(found.astype(int), other.astype(int), atol=1)
    np.testing.assert_array_equal(stretched(image.astype(dtype)), found)


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_one_grey_alone_becomes_black(value):
    assert (stretched(np.full((5, 5), value, np.uint16)) == 0).all()


@pytest.mark.filterwarnings("error")
def test_a_speck_on_one_grey_becomes_white():
    image = np.full((20, 20), 9, np.uint16)
    image[3, 4] = 65535
    found = stretched(image)
    assert found[3, 4] == 255 and found.sum() == 255


def test_colours_are_stretched_by_their_luminance():
    rgb = np.random.default_rng(0).integers(0, 255, (16, 24, 3)).astype(np.uint8)
    luminance = stretched(rgb)
    assert luminance.shape == (16, 24) and luminance.min() == 0 and luminance.max() == 255


def test_percentiles_are_those_of_what_is_shown():
    pixels = (np.arange(16 * 24).reshape(16, 24) * 20).astype(np.uint16)
    pixels[0] = 65535  # outside the part: it must not count
    found = made(pixels, "grey", intensity="percentile")
    np.testing.assert_array_equal(found, resize(stretched(cut(pixels)), 8))
    assert (found != made(pixels, "grey")).any() and found.max() > 240
    np.testing.assert_array_equal(made(pixels, "grey", intensity="display"), made(pixels, "grey"))
    high = made(hu(), "grey", intensity="percentile", windows=[SOFT])
    np.testing.assert_array_equal(high, resize(stretched(cut(hu())), 8))


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
@pytest.mark.parametrize("size", [7, 16, 40])
def test_a_label_map_lies_where_its_image_lies(mode, size):
    labels = np.zeros((16, 24), np.uint8)
    labels[4:12, 8:18] = 3
    labels[6:9, 10:14] = 7
    found = prepare_mask(labels, region=PART, size=size, resize=mode)
    assert found.shape == (size, size) and found.dtype == np.uint8
    assert set(np.unique(found)) <= {0, 3, 7}
    # half and more of the blurred indicator, up to a pixel of its edge
    shown = made(np.where(labels > 0, 65535, 0).astype(np.uint16), "grey", size=size, resize=mode)
    assert ((shown > 250) <= (found > 0)).all() and ((found > 0) <= (shown > 5)).all()


def test_labels_are_those_of_the_nearest_pixel():
    labels = np.arange(16 * 24, dtype=np.uint16).reshape(16, 24).astype(np.uint8)
    same = Region(0, 0, 16, 16, "whole")
    found = prepare_mask(labels, region=same, size=16)
    np.testing.assert_array_equal(found, labels[:, :16])
    doubled = prepare_mask(labels, region=same, size=32)
    np.testing.assert_array_equal(doubled, labels[:, :16].repeat(2, 0).repeat(2, 1))
    halved = prepare_mask(labels, region=same, size=8)
    np.testing.assert_array_equal(halved, labels[1::2, 1:16:2])


def test_letterbox_bars_have_no_label():
    found = prepare_mask(np.full((16, 24), 2, np.uint8), region=ALL, size=24, resize="letterbox")
    assert (found[4:20] == 2).all() and not found[:4].any() and not found[20:].any()


@pytest.mark.parametrize(
    ("mask", "named"),
    [
        (np.zeros((16, 24), np.int32), "labels: dtype int32"),
        (np.zeros((16, 24, 3), np.uint8), "labels: shape"),
    ],
)
def test_a_map_that_is_none_is_refused(mask, named):
    with pytest.raises(ValueError, match=named):
        prepare_mask(mask, region=ALL, size=8)
