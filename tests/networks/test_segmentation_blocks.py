"""Padding and its undoing, paths of the right sizes, the draw of the weights."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from osteon.networks.segmentation_blocks import (
    Decoder,
    Encoder,
    check_images,
    check_widths,
    convolution,
    cut_back,
    double_convolution,
    initialise,
    padded,
)


@given(st.integers(17, 60), st.integers(17, 60), st.sampled_from([2, 4, 8, 16, 32]))
@settings(max_examples=40, deadline=None)
def test_what_is_padded_is_cut_back_to_the_same(rows, columns, multiple) -> None:
    images = torch.rand(2, 1, rows, columns)
    larger = padded(images, multiple)
    assert [side % multiple for side in larger.shape[2:]] == [0, 0]
    assert 0 <= larger.shape[2] - rows < multiple
    assert 0 <= larger.shape[3] - columns < multiple
    assert torch.equal(cut_back(larger, images), images)


def test_padding_mirrors_without_repeating_the_edge() -> None:
    row = torch.arange(17.0).expand(1, 1, 17, 17)
    found = padded(row, 8)[0, 0, 0]
    assert found.tolist() == [3, 2, 1, *range(17), 15, 14, 13, 12]
    fitting = torch.rand(1, 1, 16, 32)
    assert padded(fitting, 16) is fitting


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_paths_have_the_sizes_of_their_levels(depth) -> None:
    widths = check_widths(2, depth)
    assert widths == [2 * 2**level for level in range(depth + 1)]
    encoder, decoder = (
        Encoder(3, widths, double_convolution),
        Decoder(widths, double_convolution),
    )
    maps = encoder(torch.rand(2, 3, 64, 32))
    sizes = [(2, width, 64 >> level, 32 >> level) for level, width in enumerate(widths)]
    assert [tuple(one.shape) for one in maps] == sizes
    assert [tuple(one.shape) for one in decoder(maps)] == sizes[-2::-1]


def test_every_level_of_the_encoder_reaches_the_decoder() -> None:
    widths = check_widths(2, 3)
    decoder = Decoder(widths, double_convolution)
    maps = [torch.rand(2, w, 32 >> n, 32 >> n, requires_grad=True) for n, w in enumerate(widths)]
    decoder(maps)[-1].square().sum().backward()
    assert all(one.grad is not None and one.grad.any() for one in maps)


def test_a_bias_stands_only_where_nothing_is_normalised() -> None:
    normalised, plain = convolution(2, 3), convolution(2, 3, 1, "none")
    assert [type(one) for one in normalised] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert normalised[0].bias is None
    assert [type(one) for one in plain] == [nn.Conv2d, nn.ReLU]
    assert plain[0].bias is not None


def test_the_variance_of_a_signal_passes_through_fresh_convolutions() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(
        convolution(16, 64, norm="none"),
        convolution(64, 64, norm="none"),
        nn.ConvTranspose2d(64, 64, 2, stride=2),
    )
    initialise(layers)
    signal = torch.randn(2, 16, 32, 32)
    with torch.no_grad():
        second = layers[:2](signal).square().mean().item()
        last = layers(signal).square().mean().item()
    assert second == pytest.approx(signal.square().mean().item(), rel=0.25)
    assert last == pytest.approx(second, rel=0.25)
    assert not any(module.bias.any() for module in layers.modules() if hasattr(module, "bias"))


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((1, 32, 32), 1), ((1, 3, 32, 32), 1), ((1, 1, 32, 32), 3), ((1, 1, 15, 32), 1)],
)
def test_wrong_images_are_named(shape, channels) -> None:
    with pytest.raises(ValueError, match=rf"images have shape .*; wanted B × {channels} × H × W"):
        check_images(torch.zeros(shape), channels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_widths(0, 4), "base is 0"),
        (lambda: check_widths(8, 0), "depth is 0; allowed are 1 to 5"),
        (lambda: check_widths(8, 6), "depth is 6"),
        (lambda: convolution(1, 1, norm="group"), "norm is 'group'; allowed are batch and none"),
    ],
)
def test_wrong_arguments_are_named(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()
