"""Greys from black to white: percentiles, and background and smoothing before them."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from osteon.imaging.intensity import PLAIN, Stretch, stretched
from osteon.imaging.prepare import prepare
from osteon.imaging.region import Region
from osteon.imaging.resize import resize


def mr(seed: int = 0, shape: tuple[int, int] = (40, 30)) -> np.ndarray:
    """A bright disk on a noisy dark ground, as MR displays are."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    body = (y - shape[0] / 2) ** 2 + (x - shape[1] / 2) ** 2 < 12**2
    return (np.where(body, 30000, 500) + rng.integers(0, 900, shape)).astype(np.uint16)


def spread(values: np.ndarray, low: float, high: float) -> np.ndarray:
    ends = np.percentile(values.astype(np.float64), (low, high))
    return np.clip((values - ends[0]) / (ends[1] - ends[0]), 0, 1) * 255


def test_without_a_word_nothing_has_changed():
    """The bytes that stores were made of before there was a background, to the last bit."""
    image = np.random.default_rng(7).integers(0, 65536, (48, 48)).astype(np.uint16)
    whole = Region(0, 0, 48, 48, "whole")
    made = prepare(image, region=whole, colour="grey", size=48, intensity="percentile")
    np.testing.assert_array_equal(made, stretched(image, PLAIN))
    assert hashlib.sha256(made.tobytes()).hexdigest()[:16] == "304ca42565e644aa"


@given(st.integers(0, 9), st.floats(0, 40), st.floats(60, 100))
def test_other_percentiles(seed, low, high):
    image = np.random.default_rng(seed).integers(0, 65536, (21, 17)).astype(np.uint16)
    found = stretched(image, Stretch((low, high)))
    np.testing.assert_allclose(found, spread(image, low, high), atol=0.51)


def test_a_share_of_the_bright_end_parts_background_from_body():
    image = mr()
    limit = 0.05 * np.percentile(image, 99.5)
    assert 500 < limit < 30000
    found = stretched(image, Stretch((0, 99.5), "share"))
    np.testing.assert_array_equal(found == 0, image < limit)
    wanted = spread(np.where(image < limit, 0, image), 0, 99.5)
    np.testing.assert_allclose(found, wanted, atol=0.51)
    assert (stretched(image, Stretch((0, 99.5), "share", 0.0)) != found).any()


def test_otsu_finds_the_body_without_a_share():
    image = mr()
    found = stretched(image, Stretch((0, 99.5), "otsu"))
    np.testing.assert_array_equal(found > 0, image > 15000)


def test_smoothing_comes_after_the_background_and_before_the_percentiles():
    image = mr()
    how = Stretch((1, 99.5), "share", smoothing=2)
    without = np.where(image < 0.05 * np.percentile(image, 99.5), 0, image).astype(np.float32)
    smooth = gaussian_filter(without, 2, mode="nearest")
    np.testing.assert_allclose(stretched(image, how), spread(smooth, 1, 99.5), atol=0.51)
    # a Gaussian over the noisy ground would leave it grey
    other = gaussian_filter(image.astype(np.float32), 2, mode="nearest")
    assert np.abs(stretched(image, how) - spread(other, 1, 99.5)).max() > 2


def test_a_gaussian_keeps_the_mean_and_lowers_the_noise():
    noise = np.random.default_rng(0).integers(20000, 40000, (64, 64)).astype(np.uint16)
    plain, smooth = (
        stretched(noise, Stretch((0, 100), smoothing=sigma)).astype(float) / 255 for sigma in (0, 2)
    )
    ends = [gaussian_filter(noise.astype(float), 2, mode="nearest")]
    span = (ends[0].max() - ends[0].min()) / (int(noise.max()) - int(noise.min()))
    # white noise through a Gaussian of 2 px keeps 1 / (2 sqrt(pi) 2) of its deviation
    assert smooth.std() * span / plain.std() == pytest.approx(1 / (4 * np.sqrt(np.pi)), rel=0.15)


def test_the_order_is_crop_then_grey_then_size():
    image = mr(shape=(60, 50))
    image[:10] = 65535  # outside the part: neither percentile nor Gaussian may see it
    part, how = Region(5, 12, 45, 58, "mask"), Stretch((0, 99.5), "share", smoothing=2)
    made = prepare(image, region=part, colour="grey", size=24, intensity="percentile", stretch=how)
    np.testing.assert_array_equal(made, resize(stretched(part.crop(image), how), 24))


@pytest.mark.parametrize("background", ["none", "share", "otsu"])
@pytest.mark.parametrize("value", [0, 9, 65535])
@pytest.mark.filterwarnings("error")
def test_one_grey_alone_becomes_black(background, value):
    image = np.full((9, 9), value, np.uint16)
    found = stretched(image, Stretch((0, 99.5), background, smoothing=1))
    assert found.shape == (9, 9) and not found.any()


@given(st.floats(0.5, 4), st.sampled_from(["share", "otsu"]))
def test_the_gain_of_a_scanner_does_not_matter(gain, background):
    image = mr() // 4
    how = Stretch((0, 99.5), background, smoothing=2)
    other = np.rint(image * gain).astype(np.uint16)
    difference = stretched(image, how).astype(int) - stretched(other, how)
    # half a grey of rounding may take single pixels across the threshold
    assert np.quantile(np.abs(difference), 0.9) <= 2


def test_hu_have_no_background():
    hu = np.zeros((8, 8), np.int16)
    with pytest.raises(ValueError, match="int16 found; only display greys"):
        stretched(hu, Stretch(background="share"))
    whole = Region(0, 0, 8, 8, "whole")
    arguments = {"region": whole, "colour": "grey", "size": 8, "stretch": Stretch(smoothing=1)}
    prepare(hu, intensity="percentile", **arguments)
    arguments["stretch"] = Stretch(background="otsu")
    with pytest.raises(ValueError, match=r"pixels: .* whose 0 is water"):
        prepare(hu, intensity="percentile", **arguments)
    prepare(hu, intensity="display", **arguments)


def test_a_reduced_image_has_a_reduced_gaussian():
    how = Stretch((0, 99.5), "share", 0.1, 2.0)
    assert how.scaled(0.5) == Stretch((0, 99.5), "share", 0.1, 1.0)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"percentiles": (99, 1)}, r"percentiles: \(99, 1\)"),
        ({"percentiles": (-1, 99)}, "percentiles"),
        ({"percentiles": (1, 101)}, "percentiles"),
        ({"background": "li"}, "background: 'li'"),
        ({"background_share": 1.5}, "background_share: 1.5"),
        ({"smoothing": -1}, "smoothing: -1"),
        ({"smoothing": float("inf")}, "smoothing: inf"),
    ],
)
def test_errors_name_the_argument(changes, named):
    with pytest.raises(ValueError, match=named):
        Stretch(**changes)
