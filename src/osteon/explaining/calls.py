"""How a network is called to be explained: evaluation mode, one logit, one probability."""

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def still(network: nn.Module) -> Iterator[None]:
    """Evaluation mode and parameters without gradients; afterwards all is as it was.

    Without gradients of the parameters a forward pass keeps less and a backward pass costs half.
    """
    modes = [(module, module.training) for module in network.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in network.parameters()]
    try:
        network.eval().requires_grad_(False)
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, flag in wanted:
            parameter.requires_grad_(flag)


def logit_of(network: nn.Module, target: int) -> Callable[..., Tensor]:
    """A function of the network's inputs that returns the logit of one class, (B,).

    Args:
        network: returns B × classes logits, or B × 1 for two classes: then the logit of class 1 is
            that column and the logit of class 0 its negative.
        target: number of the class.
    """

    def logit(*inputs: Tensor) -> Tensor:
        logits = network(*inputs)
        classes = max(2, logits.shape[1]) if logits.ndim == 2 else 0
        if not 0 <= target < classes:
            raise ValueError(
                f"target: {target} for logits of shape {tuple(logits.shape)}; "
                "wanted B × classes and a class among them"
            )
        if logits.shape[1] > 1:
            return logits[:, target]
        return logits[:, 0] if target == 1 else -logits[:, 0]

    return logit


@torch.no_grad()
def probability_of(network: nn.Module, inputs: tuple[Tensor, ...], target: int) -> Tensor:
    """Probability of one class, (B,) float64: softmax, or the sigmoid of a single logit."""
    with still(network):
        logits = network(*inputs).double()
    if logits.shape[1] > 1:
        return torch.softmax(logits, dim=1)[:, target]
    return torch.sigmoid(logits[:, 0] if target == 1 else -logits[:, 0])


def layer_of(network: nn.Module, layer: nn.Module | str) -> nn.Module:
    """A module, or the attribute of the network with this name (dots allowed).

    Raises:
        ValueError: the network has no module of this name.
    """
    if isinstance(layer, nn.Module):
        return layer
    try:
        found = operator.attrgetter(layer)(network)
    except AttributeError:
        found = None
    if not isinstance(found, nn.Module):
        raise ValueError(f"layer: {type(network).__name__} has no module {layer!r}")
    return found
