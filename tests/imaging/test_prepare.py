"""From an image to a network's square: colours, crops, and what cannot be prepared."""

import numpy as np
import pytest

from osteon.imaging.prepare import COLOURS, prepare, refuse_reason
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
