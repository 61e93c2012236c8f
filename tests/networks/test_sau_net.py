"""SAU-Net: what neighbours do, the auxiliary head, sizes, learning."""

import pytest
import torch
from torch import Tensor

from osteon.learning.objectives import further_losses
from osteon.learning.segmentation_objectives import RegionObjective
from osteon.networks.sau_net import DenseBlock, SAUNet, SliceCrossAttention, SliceMask
from tests.segmentation_discs import discs, learn, parameters, without_gradient

torch.set_num_threads(1)
KINDS = ["mask", "cross_attention"]


def small(isa: str = "mask", **options) -> SAUNet:
    torch.manual_seed(0)
    return SAUNet(isa=isa, **{"base": 4, "growth": 2} | options)


def by_hand(base: int, growth: int) -> int:
    """Parameters of stem, dense U-Net and two heads, from the description alone."""

    def convolution(inputs: int, outputs: int, kernel: int) -> int:
        return inputs * outputs * kernel**2 + 2 * outputs

    def block(inputs: int, outputs: int) -> int:
        layers = sum(convolution(inputs + n * growth, growth, 3) for n in range(2))
        return layers + convolution(inputs + 2 * growth, outputs, 1)

    widths = [base * 2**level for level in range(5)]
    total = convolution(1, base, 3) + 2 * (convolution(base, base, 3) + base + 1)
    for inputs, outputs in zip([base, *widths], widths, strict=False):
        total += block(inputs, outputs)
    for below, own in zip(widths[1:], widths, strict=False):
        total += below * own * 4 + own + block(2 * own, own)
    return total


@pytest.mark.parametrize(
    ("isa", "attention", "number"),
    [("mask", 32 * 32 + 32, 1_561_314), ("cross_attention", 4 * 512 * 512, 2_608_834)],
)
def test_parameters_are_those_of_the_description(isa, attention, number) -> None:
    network = SAUNet(isa=isa)
    assert parameters(network) == by_hand(32, 16) + attention == number
    assert parameters(network.own_head) == 9_313


@pytest.mark.parametrize("isa", KINDS)
@pytest.mark.parametrize(
    ("options", "rows", "columns"),
    [({}, 32, 32), ({}, 17, 45), ({"depth": 1}, 21, 19), ({"depth": 5, "base": 1}, 16, 33)],
)
def test_the_map_has_the_slice_s_size(isa, options, rows, columns) -> None:
    network, slices = small(isa, **options), torch.rand(2, 3, rows, columns)
    assert network(slices).shape == (2, 1, rows, columns)
    assert [tuple(one.shape) for one in network.auxiliary] == [(2, 1, rows, columns)]
    assert network.eval()(slices).shape == (2, 1, rows, columns)
    assert network.auxiliary == []


@pytest.mark.parametrize("isa", KINDS)
def test_the_middle_slice_is_segmented_and_each_neighbour_counts(isa) -> None:
    network, slices = small(isa).eval(), torch.rand(1, 3, 32, 32, requires_grad=True)
    wanted = network(slices)
    wanted.square().sum().backward()
    before, own, after = slices.grad.abs().sum((0, 2, 3)).tolist()
    assert own > max(before, after) > 0
    assert min(before, after) > 0
    # Neither order nor direction is known to either attention.
    torch.testing.assert_close(network(slices.flip(1)), wanted)


@pytest.mark.parametrize("isa", KINDS)
def test_the_auxiliary_map_is_the_slice_s_own(isa) -> None:
    """Neighbours enter it by the batch's statistics alone, which stand still here."""
    network = small(isa)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    slices = torch.rand(2, 3, 32, 32)
    other = slices.clone()
    other[:, [0, 2]] = torch.rand(2, 2, 32, 32)
    first, own = network(slices), network.auxiliary[0]
    second, same = network(other), network.auxiliary[0]
    torch.testing.assert_close(own, same)
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("isa", KINDS)
def test_cases_of_a_batch_do_not_mix(isa) -> None:
    network, slices = small(isa).eval(), torch.rand(3, 3, 20, 32)
    alone = torch.cat([network(one[None]) for one in slices])
    torch.testing.assert_close(network(slices), alone)


def test_the_auxiliary_loss_counts_two_fifths() -> None:
    network, objective = small(), RegionObjective()
    slices, masks = discs(slices=3)
    network(slices)
    found = further_losses(network, objective, masks)
    torch.testing.assert_close(found, 0.4 * objective.loss(network.auxiliary[0], masks))


def test_the_mask_is_one_for_both_neighbours_and_adds_up_to_twice_the_slice() -> None:
    torch.manual_seed(0)
    layer = SliceMask(4)
    before, own, after = torch.randn(3, 2, 4, 5, 6)

    def weigh(maps: Tensor) -> Tensor:
        weight, bias = layer.weigh.weight[:, :, 0, 0], layer.weigh.bias
        return torch.sigmoid(torch.einsum("oc,bchw->bohw", weight, maps) + bias[:, None, None])

    wanted = own + own * weigh(before) + own * weigh(after)
    torch.testing.assert_close(layer(before, own, after), wanted)
    with torch.no_grad():
        layer.weigh.bias.fill_(100)
    torch.testing.assert_close(layer(before, own, after), 3 * own)


def test_cross_attention_is_softmax_over_the_places_of_both_neighbours() -> None:
    torch.manual_seed(0)
    layer = SliceCrossAttention(4)
    before, own, after = torch.randn(3, 1, 4, 2, 3)

    def by(part: torch.nn.Conv2d, maps: Tensor) -> Tensor:
        return part.weight[:, :, 0, 0] @ maps[0].flatten(1)

    asked = torch.cat([before.flatten(2), after.flatten(2)], 2)[..., None]
    share = torch.softmax(by(layer.query, own).T @ by(layer.key, asked) / 4**0.5, dim=1)
    found = layer.answer.weight[:, :, 0, 0] @ by(layer.value, asked) @ share.T
    torch.testing.assert_close(layer(before, own, after), own + found.reshape(own.shape))


def test_a_dense_block_s_layers_see_all_before_them() -> None:
    block = DenseBlock(3, 8, growth=2)
    assert [layer[0].in_channels for layer in block.layers] == [3, 5]
    assert (block.compression[0].in_channels, block.compression[0].kernel_size) == (7, (1, 1))
    assert block(torch.rand(2, 3, 4, 4)).shape == (2, 8, 4, 4)


@pytest.mark.parametrize("isa", KINDS)
def test_no_parameter_is_left_without_gradient(isa) -> None:
    assert without_gradient(small(isa), RegionObjective(), *discs(slices=3)) == []


@pytest.mark.parametrize("isa", KINDS)
def test_discs_are_learned(isa) -> None:
    left, dice = learn(small(isa, growth=4), RegionObjective(), *discs(slices=3))
    assert left < 0.7
    assert dice > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": 0}, "base is 0"),
        ({"growth": 0}, "growth is 0"),
        ({"depth": 6}, "depth is 6"),
        ({"isa": "none"}, "isa is 'none'; allowed are mask and cross_attention"),
    ],
)
def test_wrong_arguments_are_named(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        SAUNet(**options)


def test_a_single_slice_is_named() -> None:
    with pytest.raises(ValueError, match="wanted B × 3 × H × W"):
        small()(torch.zeros(1, 1, 32, 32))
