"""GoogLeNet's auxiliary heads: where they look, when, and that every parameter learns."""

import pytest
import torch
from torch.nn import functional

from osteon.networks.googlenet import INCEPTIONS, GoogLeNet

IMPLEMENTATIONS = ["faithful", "torchvision"]


def quick(impl: str, **options) -> GoogLeNet:
    """As small as the implementation can be."""
    torch.manual_seed(0)
    return GoogLeNet(impl=impl, **({"width": 0.25} if impl == "faithful" else {}), **options)


@pytest.mark.parametrize("aux", [False, True])
@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_gradient_reaches_every_parameter(impl: str, aux: bool) -> None:
    network = quick(impl, aux=aux).double()
    target = torch.arange(4) % 2
    loss = functional.cross_entropy(network(torch.rand(4, 3, 32, 32).double()), target)
    for logits in network.auxiliary:
        loss = loss + network.auxiliary_weight * functional.cross_entropy(logits, target)
    loss.backward()
    silent = {n for n, v in network.named_parameters() if v.grad is None or not v.grad.any()}
    assert silent == set()
    assert len(network.auxiliary) == 2 * aux


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_auxiliary_heads_see_4a_and_4d_and_only_in_training(impl: str) -> None:
    network = quick(impl, aux=True)
    image = torch.rand(2, 3, 32, 32)
    network(image)
    assert network.auxiliary_weight == 0.3
    for number, last in enumerate(("4a", "4d")):
        network.zero_grad()
        network.auxiliary[number].sum().backward(retain_graph=True)
        reached = {
            name
            for name in INCEPTIONS
            if any(
                v.grad is not None and bool(v.grad.any())
                for n, v in network.named_parameters()
                if f"inception{name}." in n
            )
        }
        assert reached == set(list(INCEPTIONS)[: list(INCEPTIONS).index(last) + 1])
    network.eval()(image)
    assert network.auxiliary == []


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_auxiliary_heads_change_nothing_in_evaluation(impl: str) -> None:
    network, plain = quick(impl, aux=True).eval(), quick(impl).eval()
    values = {n: v for n, v in network.state_dict().items() if n in plain.state_dict()}
    plain.load_state_dict(values)
    image = torch.rand(2, 3, 64, 64)
    assert torch.equal(network(image), plain(image))
