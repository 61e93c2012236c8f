"""AlexNetBN's penalty: what it reaches, and what weight decay it equals."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from osteon.networks.alexnet import AlexNetBN

SMALL = {"width": 0.0625}
PENALISED = ("conv3", "conv4", "conv5")
KERNELS = {f"features.{name}.conv.weight" for name in PENALISED}


def test_penalty_is_lambda_times_the_squares_of_three_kernels() -> None:
    network = AlexNetBN(l2=0.01, **SMALL).double()
    penalty = network.penalty()
    named = dict(network.named_parameters())
    assert penalty.item() == pytest.approx(
        sum(0.01 * (named[k] ** 2).sum().item() for k in KERNELS)
    )
    penalty.backward()
    for name, value in named.items():
        if name in KERNELS:
            torch.testing.assert_close(value.grad, 2 * 0.01 * value.detach())
        else:
            assert value.grad is None


def test_penalty_equals_twice_the_weight_decay_on_those_kernels_alone() -> None:
    torch.manual_seed(0)
    explicit = AlexNetBN(l2=1e-4, dropout=0.0, **SMALL).double()
    decayed = AlexNetBN(l2_mode="none", dropout=0.0, **SMALL).double()
    decayed.load_state_dict(explicit.state_dict())
    groups = [
        {
            "params": [v for n, v in decayed.named_parameters() if n in KERNELS],
            "weight_decay": 2e-4,
        },
        {"params": [v for n, v in decayed.named_parameters() if n not in KERNELS]},
    ]
    first = torch.optim.SGD(explicit.parameters(), 0.01, momentum=0.9)
    second = torch.optim.SGD(groups, 0.01, momentum=0.9)
    begin = {name: value.clone() for name, value in explicit.state_dict().items()}
    for _ in range(3):
        image, target = torch.rand(4, 3, 64, 64).double(), torch.tensor([0, 1, 0, 1])
        for network, optimiser in ((explicit, first), (decayed, second)):
            optimiser.zero_grad()
            loss = functional.cross_entropy(network(image), target) + network.penalty()
            loss.backward()
            optimiser.step()
    for name, value in explicit.state_dict().items():
        torch.testing.assert_close(value, decayed.state_dict()[name], rtol=1e-12, atol=1e-14)
    assert not torch.equal(explicit.features.conv4.conv.weight, begin["features.conv4.conv.weight"])


def test_activity_penalty_is_that_of_keras() -> None:
    torch.manual_seed(0)
    network = AlexNetBN(l2=0.01, l2_mode="activity", **SMALL)
    assert network.penalty().item() == 0
    seen = []
    for name in PENALISED:
        layer = network.features.get_submodule(name)
        layer.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
    network(torch.rand(4, 3, 64, 64))
    wanted = 0.01 * sum((output**2).sum().item() for output in seen) / 4
    assert network.penalty().item() == pytest.approx(wanted, rel=1e-5)
    network.penalty().backward()
    reached = {n for n, v in network.named_parameters() if v.grad is not None and v.grad.any()}
    assert KERNELS | {"features.conv5.conv.bias"} <= reached
    assert not any(name.startswith("head") for name in reached)
    network.eval()(torch.rand(4, 3, 64, 64))
    assert network.penalty().item() == 0


@given(st.floats(0, 1), st.floats(0.1, 3))
@settings(max_examples=20, deadline=None)
def test_penalty_follows_lambda_and_the_square_of_the_kernels(l2: float, factor: float) -> None:
    torch.manual_seed(0)
    network = AlexNetBN(l2=l2, width=0.01).double()
    unit = sum(network.get_parameter(name).square().sum().item() for name in KERNELS)
    with torch.no_grad():
        for name, value in network.named_parameters():
            value *= factor if name in KERNELS else 7
    assert network.penalty().item() == pytest.approx(l2 * factor**2 * unit)


def test_no_penalty_is_zero() -> None:
    network = AlexNetBN(l2_mode="none", **SMALL)
    network(torch.rand(2, 3, 64, 64))
    assert network.penalty().item() == 0
