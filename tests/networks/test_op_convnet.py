"""OP-convNet: layers of the reconstruction, and whole images."""

import pytest
import torch
from torch import nn

from osteon.networks.op_convnet import OPConvNet
from osteon.networks.patch_network import patch_by_patch

torch.set_num_threads(1)
SMALL = {"patch": 16, "channels": (4, 6), "nodes": 8}


@pytest.mark.parametrize(
    ("options", "features", "number"),
    [
        ({}, (128, 4, 4), 549_410),
        ({"classes": 3}, (128, 4, 4), 549_539),
        ({"patch": 16}, (128, 2, 2), 352_802),
        (SMALL, (6, 4, 4), 1_554),
    ],
)
def test_table(options: dict, features: tuple[int, ...], number: int) -> None:
    network = OPConvNet(**options).train()
    patches = torch.rand(3, 1, network.patch, network.patch)
    assert network.features(patches).shape == (3, *features)
    assert network(patches).shape == (3, network.classes)
    assert sum(value.numel() for value in network.parameters()) == number


def test_layers_are_in_the_sheets_order() -> None:
    network = OPConvNet()
    kinds = [type(layer) for layer in network.features[1]]
    unit = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds == [*unit, *unit, nn.MaxPool2d]
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.5]
    assert network.reading == "softmax"


@pytest.mark.parametrize("assign", ["footprint", "centre"])
@pytest.mark.parametrize(("size", "stride"), [((19, 27), 3), ((9, 20), 8)])
@torch.no_grad()
def test_whole_images_are_the_loop_over_patches(
    size: tuple[int, int], stride: int, assign: str
) -> None:
    torch.manual_seed(0)
    network = OPConvNet(**SMALL, stride=stride, assign=assign).train()
    network(torch.rand(64, 1, 16, 16))
    images = torch.rand(2, 1, *size)
    dense = network.eval()(images)
    for ours, loop in zip(dense, patch_by_patch(network, images), strict=True):
        torch.testing.assert_close(ours, loop, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 20}, "patch is 20; 3 halvings want a multiple of 8"),
        ({"channels": ()}, r"channels is \(\)"),
        ({"nodes": 0}, "nodes is 0; it must be 1 or more"),
        ({"dropout": 1.0}, r"dropout is 1\.0; it must be 0 or more and below 1"),
    ],
)
def test_wrong_arguments_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OPConvNet(**options)
