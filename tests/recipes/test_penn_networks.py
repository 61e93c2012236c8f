"""Configuration of the patch networks: defaults, refusals, what they build."""

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from osteon.networks.op_convnet import OPConvNet
from osteon.networks.penn import Penn
from osteon.networks.penn_conv import PennConv
from osteon.networks.sparse_autoencoder import Sparsity
from osteon.recipes.penn_networks import (
    OPConvNetConfig,
    PennConfig,
    PennConvConfig,
    SparsityConfig,
)

torch.set_num_threads(1)
CONFIGS = (PennConfig, PennConvConfig, OPConvNetConfig)


def test_importing_it_costs_no_torch() -> None:
    program = (
        "import sys, osteon.recipes.penn_networks;"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


@pytest.mark.parametrize(
    ("config", "kind", "number"),
    [
        (PennConfig(), Penn, 285_802),
        (PennConfig(layers=1, nodes=50), Penn, 51_352),
        (PennConvConfig(), PennConv, 228_698),
        (OPConvNetConfig(), OPConvNet, 549_410),
    ],
)
def test_what_is_configured_is_built(config: PennConfig, kind: type, number: int) -> None:
    network = config.build()
    assert type(network) is kind
    assert sum(value.numel() for value in network.parameters()) == number
    assert (network.patch, network.stride, network.classes) == (32, 4, 2)
    assert type(config).model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("config", CONFIGS)
def test_what_all_have_reaches_the_network(config: type[PennConfig]) -> None:
    options = {"patch": 16, "stride": 8, "classes": 3, "assign": "centre", "reading": "softmax"}
    network = config(**options, nodes=7).build()
    assert {name: getattr(network, name) for name in options} == options
    assert config(patch=16).build().reading == type(network)(16).reading


def test_what_each_has_reaches_the_network() -> None:
    narrow = PennConvConfig(patch=16, channels=(4, 8), nodes=9).build()
    assert narrow.channels == (4, 8) and narrow.head.in_features == 9
    rival = OPConvNetConfig(patch=16, channels=(4, 8), nodes=9, dropout=0.25).build()
    assert len(rival.features) == 2 and rival.head[3].p == 0.25 and rival.head[4].in_features == 9


@pytest.mark.parametrize("config", [PennConfig, PennConvConfig])
def test_sparsity_reaches_the_stages_but_for_its_weights(config: type[PennConfig]) -> None:
    asked = {"rho": 0.2, "decay": 0.5, "mse_reduction": "mean", "l2_on": "both"}
    made = config(sparsity=SparsityConfig(lambda_=0, beta=0, decoder="linear", **asked))
    for _, stage in made.build().stages():
        assert stage.sparsity == Sparsity(decoder="linear", **asked)


def test_defaults_of_the_cost_are_those_of_the_network() -> None:
    assert SparsityConfig().build() == Sparsity()
    assert (SparsityConfig().lambda_, SparsityConfig().beta) == (0.001, 1)


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (PennConfig, {"name": "penn_conv"}, "name"),
        (PennConfig, {"stride": 33}, "stride: 33 found; allowed are 1 to patch, 32"),
        (PennConfig, {"classes": 4}, "classes"),
        (PennConfig, {"layers": 0}, "layers"),
        (PennConfig, {"nodes": 0}, "nodes"),
        (PennConfig, {"channels": (4,)}, "channels"),
        (PennConfig, {"sparsity": {"lambda": 0.1}}, "lambda"),
        (PennConfig, {"sparsity": {"rho": 1}}, "rho"),
        (PennConfig, {"sparsity": {"beta": -1}}, "beta"),
        (PennConvConfig, {"patch": 20}, "patch: 20 found; 3 channels want a multiple of 8"),
        (PennConvConfig, {"sparsity": {"tied_weights": True}}, "tied_weights: True found"),
        (PennConvConfig, {"channels": ()}, "channels"),
        (OPConvNetConfig, {"patch": 12}, "patch: 12 found; 3 channels want a multiple of 8"),
        (OPConvNetConfig, {"dropout": 1}, "dropout"),
        (OPConvNetConfig, {"sparsity": {}}, "sparsity"),
    ],
)
def test_what_cannot_be_is_refused(config: type[PennConfig], options: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**options)
