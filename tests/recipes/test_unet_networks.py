"""Configurations of the whole-slice networks: defaults, bounds, what is built, the example."""

import subprocess
import sys
import textwrap

import pytest
import torch
import yaml
from pydantic import TypeAdapter, ValidationError

from osteon.networks.d_tvnet import DTVNet
from osteon.networks.multiresunet import MultiResUNet
from osteon.networks.sau_net import SAUNet
from osteon.networks.unet import UNet
from osteon.recipes import unet_networks
from osteon.recipes.unet_networks import (
    DTVNetConfig,
    MultiResUNetConfig,
    SAUNetConfig,
    UNetConfig,
)
from tests.segmentation_discs import parameters

torch.set_num_threads(1)
CONFIGS = TypeAdapter(UNetConfig | MultiResUNetConfig | SAUNetConfig | DTVNetConfig)


@pytest.mark.parametrize(
    ("config", "kind", "number"),
    [
        (UNetConfig(), UNet, 7_762_465),
        (UNetConfig(norm="none"), UNet, 7_759_521),
        (MultiResUNetConfig(), MultiResUNet, 7_244_528),
        (SAUNetConfig(), SAUNet, 1_561_314),
        (SAUNetConfig(isa="cross_attention"), SAUNet, 2_608_834),
        (DTVNetConfig(), DTVNet, 23_370_498),
    ],
)
def test_defaults_are_the_published_sizes(config, kind, number) -> None:
    network = config.build()
    assert type(network) is kind
    assert parameters(network) == number


def test_every_field_reaches_its_network() -> None:
    unet = UNetConfig(base=2, depth=2, norm="none").build()
    assert (unet.head.in_channels, unet.multiple) == (2, 4)
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in unet.modules())
    multi = MultiResUNetConfig(alpha=3.0, width=0.25, depth=3, norm_order="pytorch").build()
    # int(0.167 · 3 · 8) + int(0.333 · 3 · 8) + int(0.5 · 3 · 8)
    assert (multi.head.in_channels, multi.multiple) == (4 + 7 + 12, 8)
    assert isinstance(multi.blocks[0].after[0], torch.nn.BatchNorm2d)
    sau = SAUNetConfig(base=4, growth=3, depth=1, isa="cross_attention").build()
    assert (sau.isa, sau.multiple, sau.stem[0].out_channels) == ("cross_attention", 2, 4)
    assert sau.encoder.levels[0].layers[0][0].out_channels == 3
    tv = DTVNetConfig(base=2, depth=2, rates=(1, 2, 3)).build()
    assert (tv.head.in_channels, tv.multiple, tv.rates) == (2, 4, (1, 2, 3))


def test_the_seed_draws_the_weights() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return UNetConfig(base=2).build().encoder.levels[0][0][0].weight

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_the_small_examples_of_the_docstring_are_built_and_run() -> None:
    text = unet_networks.__doc__.split("small sizes:\n")[1].split("\n\nIn")[0]
    examples = yaml.safe_load(textwrap.dedent(text))
    assert [one["name"] for one in examples] == ["unet", "multiresunet", "sau_net", "d_tvnet"]
    for one in examples:
        network = CONFIGS.validate_python(one).build().eval()
        slices = 3 if one["name"] == "sau_net" else 1
        assert network(torch.rand(1, slices, 40, 40)).shape == (1, 1, 40, 40)
        assert parameters(network) < 1_500_000


@pytest.mark.parametrize(
    ("config", "options", "words"),
    [
        (UNetConfig, {"bases": 3}, "Extra inputs are not permitted"),
        (UNetConfig, {"name": "vnet"}, "unet"),
        (UNetConfig, {"base": 0}, "greater than or equal to 1"),
        (UNetConfig, {"depth": 6}, "less than or equal to 5"),
        (UNetConfig, {"norm": "group"}, "batch"),
        (MultiResUNetConfig, {"alpha": 0}, "greater than 0"),
        (MultiResUNetConfig, {"width": 0}, "greater than 0"),
        (MultiResUNetConfig, {"norm_order": "caffe"}, "keras"),
        (SAUNetConfig, {"growth": 0}, "greater than or equal to 1"),
        (SAUNetConfig, {"isa": "none"}, "cross_attention"),
        (DTVNetConfig, {"rates": (1, 2)}, "rates"),
        (DTVNetConfig, {"rates": (0, 1, 2)}, "greater than or equal to 1"),
        (DTVNetConfig, {"rates": "wide"}, "auto"),
    ],
)
def test_typing_errors_and_bounds_are_refused(config, options, words) -> None:
    with pytest.raises(ValidationError, match=words):
        config.model_validate(options)


def test_reading_a_configuration_costs_no_torch() -> None:
    code = (
        "import sys; from osteon.recipes.unet_networks import UNetConfig; UNetConfig(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
