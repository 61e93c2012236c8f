"""MultiResUNet: the table of widths, both counts of parameters, both orders, learning."""

import pytest
import torch
from torch import nn

from osteon.learning.segmentation_objectives import RegionObjective
from osteon.networks.multiresunet import (
    MultiResBlock,
    MultiResUNet,
    ResPath,
    ResUnit,
    block_channels,
)
from tests.segmentation_discs import discs, learn, parameters, without_gradient

torch.set_num_threads(1)
# U: channels of the three convolutions and of the block.
SHEET = {
    32: (8, 17, 26, 51),
    64: (17, 35, 53, 105),
    128: (35, 71, 106, 212),
    256: (71, 142, 213, 426),
    512: (142, 284, 427, 853),
}


def small(**options) -> MultiResUNet:
    torch.manual_seed(0)
    return MultiResUNet(**{"width": 0.125} | options)


@pytest.mark.parametrize(("width", "wanted"), SHEET.items())
def test_widths_are_those_of_the_sheet(width, wanted) -> None:
    found = block_channels(width)
    assert (*found, sum(found)) == wanted


def test_every_block_and_path_has_its_place_in_the_table() -> None:
    network = MultiResUNet()
    down = [block.norm.num_features for block in network.blocks]
    up = [rise.block.norm.num_features for rise in network.rises]
    assert down == [row[3] for row in SHEET.values()]
    assert up == down[-2::-1]
    assert [len(path) for path in network.paths] == [4, 3, 2, 1]
    assert [path[0].convolution[0].in_channels for path in network.paths] == down[:4]
    assert [path[-1].convolution[0].out_channels for path in network.paths] == [32, 64, 128, 256]
    assert [rise.rise.out_channels for rise in network.rises] == [256, 128, 64, 32]
    row = [layer[0].out_channels for layer in network.blocks[2].row]
    assert tuple(row) == SHEET[128][:3]


@pytest.mark.parametrize(("channels", "number"), [(1, 7_244_528), (3, 7_244_774)])
def test_parameters_are_7_25_million(channels, number) -> None:
    found = parameters(MultiResUNet(channels))
    assert found == number
    assert found == pytest.approx(7.25e6, rel=0.002)


def test_counted_in_keras_way_they_are_the_paper_s_7_26_million() -> None:
    """Convolutions are normalised without a scale, the head too; running statistics count."""
    network = MultiResUNet(3)
    convolutions, others = 0, 0
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            alone = name.endswith(".norm") or ".after." in name
            others += alone * module.num_features
            convolutions += (not alone) * module.num_features
    head = 3 - network.head.bias.numel()
    assert parameters(network) + convolutions + 2 * others + head == 7_262_750


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (2, 1, 32, 32)),
        ({}, (2, 1, 17, 45)),
        ({"norm_order": "pytorch"}, (2, 1, 16, 33)),
        ({"channels": 3, "depth": 1}, (2, 3, 21, 19)),
        ({"depth": 5, "width": 0.01}, (2, 1, 33, 16)),
        ({"alpha": 0.5, "width": 0.03}, (2, 1, 20, 20)),
    ],
)
def test_the_map_has_the_image_s_size(options, shape) -> None:
    assert small(**options)(torch.rand(shape)).shape == (shape[0], 1, *shape[2:])


@pytest.mark.parametrize("part", ["block", "unit"])
@pytest.mark.parametrize("order", ["keras", "pytorch"])
def test_what_follows_an_addition(order, part) -> None:
    """With statistics of mean 2 and deviation 1: ReLU(x) − 2 may be negative, ReLU(x − 2) not."""
    torch.manual_seed(0)
    layer = (MultiResBlock(2, (1, 2, 3), order) if part == "block" else ResUnit(2, 6, order)).eval()
    seen = []
    layer.after.register_forward_hook(lambda _, given, found: seen.extend((given[0], found)))
    norm = next(one for one in layer.after if isinstance(one, nn.BatchNorm2d))
    norm.running_mean.fill_(2)
    with torch.no_grad():
        layer(3 * torch.randn(2, 2, 8, 8))
    added, found = seen
    shift = (1 + norm.eps) ** -0.5
    wanted = {"keras": (added.relu() - 2) * shift, "pytorch": ((added - 2) * shift).relu()}
    torch.testing.assert_close(found, wanted[order])


def test_a_block_sees_7_pixels_and_a_path_one_more_a_side_for_each_unit() -> None:
    def seen(layer: nn.Module) -> int:
        image = torch.rand(1, 1, 25, 25, requires_grad=True)
        layer.eval()(image)[0, :, 12, 12].sum().backward()
        return int(image.grad[0, 0, 12].count_nonzero())

    torch.manual_seed(0)
    assert seen(MultiResBlock(1, (4, 4, 4), "keras")) == 7
    assert seen(ResPath(1, 8, 3, "keras")) == 7


def test_normalisations_are_objects_of_their_own() -> None:
    network = small()
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    # Three convolutions, joining, shortcut, sum of 9 blocks; three of each of 10 units.
    assert len(norms) == 9 * 6 + 10 * 3


@pytest.mark.parametrize("order", ["keras", "pytorch"])
def test_no_parameter_is_left_without_gradient(order) -> None:
    assert without_gradient(small(norm_order=order), RegionObjective(), *discs()) == []


@pytest.mark.parametrize("order", ["keras", "pytorch"])
def test_discs_are_learned(order) -> None:
    left, dice = learn(small(norm_order=order), RegionObjective(), *discs())
    assert left < 0.7
    assert dice > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0}, "alpha is 0"),
        ({"width": 0}, "width is 0"),
        ({"depth": 0}, "depth is 0"),
        ({"norm_order": "caffe"}, "norm_order is 'caffe'; allowed are keras and pytorch"),
    ],
)
def test_wrong_arguments_are_named(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        MultiResUNet(**options)


def test_wrong_images_are_named() -> None:
    with pytest.raises(ValueError, match="wanted B × 1 × H × W"):
        small()(torch.zeros(1, 3, 32, 32))
