"""Configuration of the sequence classifier's network: defaults, refusals, what it builds."""

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from osteon.networks.resnext3d import ResNeXt3D
from osteon.networks.sequence_networks import ResNet3D18, SliceStack
from osteon.recipes.spinal_wff_sequence import SequenceNetworkConfig

SMALL = {"arch": "resnext3d", "width": 0.125, "blocks": (1, 1, 1, 1), "cardinality": 8}


def parameters(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def test_importing_it_costs_no_torch() -> None:
    program = (
        "import sys, osteon.recipes.spinal_wff_sequence;"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


@pytest.mark.parametrize(
    ("options", "kind", "number"),
    [
        ({}, ResNeXt3D, 47_481_410),
        (SMALL, ResNeXt3D, 188_010),
        (SMALL | {"cardinality": 4}, ResNeXt3D, 261_450),
        ({"arch": "resnext2d_stack"}, SliceStack, 42_173_570),
        ({"arch": "resnext2d_stack", "trunk": "resnet18", "width": 0.125}, SliceStack, 181_938),
        ({"arch": "resnet3d_18"}, ResNet3D18, 33_148_482),
    ],
)
def test_what_is_configured_is_built(options: dict, kind: type, number: int) -> None:
    config = SequenceNetworkConfig(**options)
    with torch.device("meta"):
        network = config.build(16, 2)
    assert isinstance(network, kind) and parameters(network) == number
    assert SequenceNetworkConfig.model_validate(config.model_dump(mode="json")) == config


def test_dropout_and_weights_reach_the_network(tmp_path) -> None:
    first = SequenceNetworkConfig(**SMALL).build(4, 2)
    torch.save(first.state_dict(), tmp_path / "own.pth")
    config = SequenceNetworkConfig(**SMALL, dropout=0.3, weights=str(tmp_path / "own.pth"))
    network = config.build(4, 3)
    assert network.dropout.p == 0.3 and network.fc.out_features == 3
    assert torch.equal(network.layer4[0].conv1.weight, first.layer4[0].conv1.weight)
    assert network.weights_origin.startswith("file: own.pth")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arch": "resnet"}, "arch"),
        ({"width": 0.5}, "width: 0.5 found; arch 'resnext3d_101' has no such option"),
        ({"arch": "resnet3d_18", "blocks": (1, 1, 1, 1)}, "blocks: .* has no such option"),
        ({"arch": "resnext2d_stack", "cardinality": 4}, "cardinality: 4 found"),
        ({"arch": "resnext3d", "trunk": "resnet18"}, "trunk: resnet18 found"),
        ({"arch": "resnext2d_stack", "width": 0.5}, "must be 1"),
        ({"arch": "resnext3d", "blocks": (1, 0, 1, 1)}, "blocks"),
        ({"dropout": 1.0}, "dropout"),
        ({"depth": 3}, "depth"),
    ],
)
def test_what_cannot_be_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SequenceNetworkConfig(**options)
