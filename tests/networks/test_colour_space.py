"""RGB to HSV: exact values, the printed error, gradients."""

import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from osteon.networks.colour_space import HSV, rgb_to_hsv

shares = st.tuples(*[st.floats(0, 1, width=32, allow_subnormal=False)] * 3)
levels_ = st.tuples(*[st.integers(0, 255)] * 3)


def pixel(*rgb: float, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(rgb, dtype=dtype).reshape(1, 3, 1, 1)


def hsv(*rgb: float, **options: str) -> list[float]:
    return rgb_to_hsv(pixel(*rgb), **options).flatten().tolist()


@pytest.mark.parametrize(
    ("rgb", "degrees", "saturation", "value"),
    [
        ((1, 0, 0), 0, 1, 1),
        ((0, 1, 0), 120, 1, 1),
        ((0, 0, 1), 240, 1, 1),
        ((1, 1, 0), 60, 1, 1),
        ((1, 0, 1), 300, 1, 1),
        ((0.25, 0.25, 0.25), 0, 0, 0.25),
        ((0, 0, 0), 0, 0, 0),
        ((1, 1, 1), 0, 0, 1),
        ((0.5, 0.25, 0.25), 0, 0.5, 0.5),
    ],
)
def test_known_colours(rgb, degrees: float, saturation: float, value: float) -> None:
    assert hsv(*rgb) == pytest.approx([degrees / 360, saturation, value])


@given(levels_)
def test_eight_bit_colours_are_those_of_colorsys(levels) -> None:
    rgb = [number / 255 for number in levels]
    assert hsv(*rgb) == pytest.approx(colorsys.rgb_to_hsv(*rgb), abs=1e-12)


def test_a_whole_image_is_that_of_colorsys_pixel_by_pixel() -> None:
    image = np.random.default_rng(0).random((3, 8, 12))
    found = rgb_to_hsv(torch.from_numpy(image)[None])[0].permute(1, 2, 0).reshape(-1, 3)
    wanted = [colorsys.rgb_to_hsv(*rgb) for rgb in image.reshape(3, -1).T]
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)


@given(shares)
def test_every_channel_stays_in_its_range(rgb) -> None:
    hue, saturation, value = rgb_to_hsv(pixel(*rgb, dtype=torch.float32)).flatten().tolist()
    assert 0 <= hue < 1
    assert 0 <= saturation <= 1
    assert value == max(rgb)
    printed = rgb_to_hsv(pixel(*rgb, dtype=torch.float32), "paper_zero").flatten().tolist()
    assert abs(printed[0]) <= 1 / 6 + 1e-7
    assert printed[1:] == [saturation, value]


def test_as_printed_red_green_and_blue_are_one_hue() -> None:
    primaries = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert [hsv(*rgb, hue_offsets="paper_zero")[0] for rgb in primaries] == [0, 0, 0]
    assert len({hsv(*rgb)[0] for rgb in primaries}) == 3


@given(levels_)
def test_on_a_circle_the_hue_is_the_same_angle(levels) -> None:
    rgb = [number / 255 for number in levels]
    hue, *rest = hsv(*rgb)
    sine, cosine, *same = hsv(*rgb, hue_encoding="sincos")
    assert same == rest
    assert sine**2 + cosine**2 == pytest.approx(1)
    angle = np.arctan2(sine, cosine) / (2 * np.pi) % 1
    assert min(abs(angle - hue), 1 - abs(angle - hue)) < 1e-9


@pytest.mark.parametrize("offsets", ["hexcone", "paper_zero"])
@pytest.mark.parametrize("encoding", ["scalar", "sincos"])
@pytest.mark.parametrize(
    "rgb", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (1.0, 1.0, 1.0), (0.5, 0.5, 0.5 + 1e-7), (1, 1, 0)]
)
def test_gradients_are_finite_everywhere(rgb, offsets: str, encoding: str) -> None:
    image = pixel(*rgb, dtype=torch.float32).requires_grad_()
    rgb_to_hsv(image, offsets, encoding).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


@pytest.mark.parametrize("offsets", ["hexcone", "paper_zero"])
@pytest.mark.parametrize("encoding", ["scalar", "sincos"])
def test_gradients_are_the_derivatives_where_there_are_any(offsets: str, encoding: str) -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: rgb_to_hsv(x, offsets, encoding), image, eps=1e-8)


@pytest.mark.parametrize(("encoding", "channels"), [("scalar", 3), ("sincos", 4)])
def test_the_module_states_its_channels(encoding: str, channels: int) -> None:
    module = HSV(hue_encoding=encoding)
    assert module.channels == channels
    assert module(torch.rand(2, 3, 4, 5)).shape == (2, channels, 4, 5)
    assert not list(module.parameters())


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: HSV(hue_offsets="zero"), "hue_offsets is 'zero'; allowed are hexcone, paper_zero"),
        (lambda: HSV(hue_encoding="polar"), "hue_encoding is 'polar'; allowed are scalar, sincos"),
        (
            lambda: rgb_to_hsv(torch.rand(1, 1, 4, 4)),
            r"image has shape \(1, 1, 4, 4\); wanted B × 3",
        ),
    ],
)
def test_wrong_arguments_are_named(call, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()
