"""Configurations of the spinal paper's networks: defaults, refusals, what they build."""

import subprocess
import sys
import zlib

import pytest
import torch
from pydantic import ValidationError

from osteon.networks.dense_attention import AttentionOptions
from osteon.networks.densenet import DenseNet
from osteon.networks.smsdnet import SMSDNet
from osteon.recipes.spinal_smsdnet import DenseNetConfig, SMSDNetConfig

SMALL = {"growth": 4, "layers": 2}


def parameters(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def test_importing_them_costs_no_torch() -> None:
    program = (
        "import sys, osteon.recipes.spinal_smsdnet;"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


def test_the_defaults_build_the_papers_network() -> None:
    network = SMSDNetConfig().build(2, 256)
    assert isinstance(network, SMSDNet)
    assert parameters(network) == 369_458
    assert network.blocks[0].attention.options == AttentionOptions()
    dropouts = {m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)}
    assert dropouts == {0.2}
    wide = DenseNetConfig().build(2, 224)
    assert isinstance(wide, DenseNet)
    assert parameters(wide) == 6_955_906


@pytest.mark.parametrize(
    "own",
    [
        {"attention": False},
        {"multi_scale": False},
        {"attention": False, "multi_scale": False},
        {"colour": "rgb"},
        {"colour": "rgb", "standardise": "fold"},
        {"hue_offsets": "paper_zero"},
        {"hue_encoding": "sincos"},
        {"attention_form": "literal"},
        {"attention_merge": "sum"},
        {"attention_proj": "identity"},
        {"attention_score": "qwT"},
        {"attention_reduce": "sum"},
        {"attention_scale": "learned"},
        {"attention_pool": 2},
        {"attention_on_transition": True},
        {"transition_pool": "avg"},
        {"transition_out": 6},
        {"fusion": "adjacent"},
        {"fusion_op": "concat"},
        {"post_levels": 3},
        {"head": "flatten"},
        {"bn_size": 2},
        {"dropout": 0.5},
    ],
)
def test_every_option_changes_the_network(own: dict) -> None:
    """And nothing but what it names: the same seed gives the same network.

    Attention starts even and its projections as the identity, where some options agree: so its
    parameters are moved first, each by its name.
    """
    networks = [_moved(SMALL | given) for given in (own, own, {})]
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    one, again, plain = (network(image) for network in networks)
    assert torch.equal(one, again)
    if "attention_form" in own:  # the two forms are equal but for rounding
        assert networks[0].blocks[0].attention.options.form == "literal"
        torch.testing.assert_close(one, plain, rtol=1e-3, atol=1e-4)
    elif "dropout" in own:  # silent in evaluation
        assert {m.p for m in networks[0].modules() if isinstance(m, torch.nn.Dropout)} == {0.5}
    else:
        assert not torch.allclose(one, plain, rtol=1e-3, atol=1e-5)


def _moved(given: dict) -> SMSDNet:
    """In evaluation mode, what belongs to attention shifted by chance that follows from names."""
    torch.manual_seed(0)
    network = SMSDNetConfig(**given).build(2, 32)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if any(part in name for part in ("attention", "value", "query")):
                chance = torch.Generator().manual_seed(zlib.crc32(name.encode()))
                value += torch.empty_like(value).normal_(0, 0.3, generator=chance)
    return network.eval()


def test_the_seed_is_torchs_own() -> None:
    networks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        networks.append(DenseNetConfig(growth=4, blocks=(1, 1, 1, 1)).build(2, 32))
    one, same, other = (network.classifier.weight for network in networks)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"growht": 8}, "growht"),
        ({"name": "densenet121"}, "name"),
        ({"dropout": 1.0}, "dropout"),
        ({"post_levels": 0}, "post_levels"),
        ({"attention_scale": "sqrt"}, "attention_scale"),
        ({"standardise": "fold"}, "standardise: 'fold' found; with colour 'hsv'"),
        ({"attention_proj": "identity", "transition_out": 8}, "transition_out: 8 found"),
    ],
)
def test_a_wrong_parameter_is_named(wrong: dict, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        SMSDNetConfig(**wrong)


def test_wrong_sizes_and_blocks_are_named() -> None:
    with pytest.raises(ValueError, match="size is 100; it must be a multiple of 16"):
        SMSDNetConfig().build(2, 100)
    with pytest.raises(ValueError, match="size is 16; densenet121 wants 32"):
        DenseNetConfig().build(2, 16)
    with pytest.raises(ValidationError, match="each must be 1 or more"):
        DenseNetConfig(blocks=(6, 0, 1, 1))


def test_configurations_read_back_from_json() -> None:
    for config in (SMSDNetConfig(attention_pool=2), DenseNetConfig(blocks=(1, 2, 3, 4))):
        assert type(config).model_validate(config.model_dump(mode="json")) == config
