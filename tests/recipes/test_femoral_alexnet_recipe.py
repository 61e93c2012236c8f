"""Network configurations of the femoral paper: the paper's by default, typed, cheap to import."""

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from osteon.recipes.femoral_alexnet import AlexNetConfig, GoogLeNetConfig


def parameters(config: AlexNetConfig | GoogLeNetConfig, classes: int = 2) -> int:
    with torch.device("meta"):
        network = config.build(classes, 224)
    return sum(value.numel() for value in network.parameters())


def test_importing_costs_no_torch() -> None:
    program = "import sys, osteon.recipes.femoral_alexnet; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (AlexNetConfig(), 58_290_242),
        (AlexNetConfig(variant="torchvision"), 57_012_546),
        (AlexNetConfig(batch_norm="none"), 58_289_538),
        (AlexNetConfig(head="gap"), 3_748_418),
        (GoogLeNetConfig(), 5_975_602),
        (GoogLeNetConfig(aux=True), 10_309_430),
        (GoogLeNetConfig(impl="torchvision"), 5_601_954),
    ],
)
def test_each_builds_its_network(config: AlexNetConfig | GoogLeNetConfig, count: int) -> None:
    assert parameters(config) == count
    assert type(config).model_validate(config.model_dump(mode="json")) == config


def test_defaults_are_the_papers_protocol() -> None:
    with torch.device("meta"):
        network = AlexNetConfig().build(2, 224)
    assert (network.l2, network.l2_mode) == (1e-4, "kernel")
    assert [m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)] == [0.6, 0.6]
    assert network.standardise.mode == "fold"


@pytest.mark.parametrize(
    "option",
    [
        {"dropout": 0.3},
        {"l2": 0.5},
        {"l2_mode": "activity"},
        {"standardise": "none"},
        {"init": "normal_0.05"},
        {"head_init": "he_normal"},
        {"pool": "2x2"},
    ],
)
def test_every_option_reaches_alexnet(option: dict) -> None:
    plain, changed = (AlexNetConfig(width=0.05, **o).build(2, 64) for o in ({}, {**option}))
    (name, value), *_ = option.items()
    if name in ("l2", "l2_mode"):
        assert getattr(changed, name) == value
    elif name == "dropout":
        assert changed.head[4].p == value
    elif name == "standardise":
        assert changed.standardise.mode == value
    elif name == "pool":
        assert changed.features.pool1.kernel_size == 2
    else:
        weight = {"init": "features.conv4.conv.weight", "head_init": "head.2.weight"}[name]
        spread = [n.get_parameter(weight).std().item() for n in (plain, changed)]
        assert abs(spread[1] / spread[0] - 1) > 0.3


def test_a_seed_decides_the_start() -> None:
    config, starts = AlexNetConfig(width=0.05), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        starts.append(config.build(2, 64).features.conv1.conv.weight)
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


@pytest.mark.parametrize(
    ("config", "wrong", "named"),
    [
        (AlexNetConfig, {"dropuot": 0.5}, "dropuot"),
        (AlexNetConfig, {"variant": "vgg"}, "'classic' or 'torchvision'"),
        (AlexNetConfig, {"batch_norm": "first"}, "'none', 'first_two' or 'all'"),
        (AlexNetConfig, {"pool": "5x5"}, "'3x3' or '2x2'"),
        (AlexNetConfig, {"init": "xavier"}, "'he_normal', 'normal_0.01' or 'normal_0.05'"),
        (AlexNetConfig, {"head_init": "xavier"}, "'uniform' or 'he_normal'"),
        (AlexNetConfig, {"head": "fc"}, "'full' or 'gap'"),
        (AlexNetConfig, {"l2_mode": "l1"}, "'kernel', 'activity' or 'none'"),
        (AlexNetConfig, {"l2": -1e-4}, "greater than or equal to 0"),
        (AlexNetConfig, {"dropout": 1.0}, "less than 1"),
        (AlexNetConfig, {"width": 0}, "greater than 0"),
        (AlexNetConfig, {"standardise": "zscore"}, "'fold', 'imagenet' or 'none'"),
        (AlexNetConfig, {"name": "googlenet"}, "'alexnet'"),
        (GoogLeNetConfig, {"auxiliary": True}, "auxiliary"),
        (GoogLeNetConfig, {"impl": "caffe"}, "'faithful' or 'torchvision'"),
        (GoogLeNetConfig, {"impl": "torchvision", "width": 0.5}, "allowed is 1"),
        (GoogLeNetConfig, {"name": "alexnet"}, "'googlenet'"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(config, wrong: dict, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        config.model_validate(wrong)


@pytest.mark.parametrize(
    ("config", "size", "named"),
    [
        (AlexNetConfig(width=0.05), 62, "size is 62 px; alexnet with pool 3x3 needs at least 63"),
        (AlexNetConfig(width=0.05, pool="2x2"), 34, "needs at least 35 px"),
        (GoogLeNetConfig(width=0.05), 30, "googlenet with impl faithful needs at least 31 px"),
        (GoogLeNetConfig(impl="torchvision"), 14, "needs at least 15 px"),
    ],
)
def test_too_small_a_size_is_refused_before_training(config, size: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        config.build(2, size)
