"""A synthetic task for segmenters: one bright disc an image; and what every segmenter must pass."""

import torch
from torch import Tensor, nn

from osteon.learning.objectives import Objective, further_losses


def discs(number: int = 4, side: int = 32, slices: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images number × slices × side × side float in [0, 1], masks number × side × side int64."""
    random = torch.Generator().manual_seed(seed)
    at = torch.rand(2, number, 1, 1, generator=random) * side / 2 + side / 4
    radius = (torch.rand(number, 1, 1, generator=random) + 1) * side / 8
    lines = torch.arange(side)
    mask = (lines[:, None] - at[0]) ** 2 + (lines - at[1]) ** 2 < radius**2
    noise = 0.1 * torch.randn(number, slices, side, side, generator=random)
    return (0.3 + 0.4 * mask[:, None] + noise).clamp(0, 1), mask.long()


def whole_loss(network: nn.Module, objective: Objective, images: Tensor, masks: Tensor) -> Tensor:
    """What the fit loop goes down on: the output's loss and what the network adds to it."""
    loss = objective.loss(network(images), masks)
    return loss + further_losses(network, objective, masks)


def without_gradient(
    network: nn.Module, objective: Objective, images: Tensor, masks: Tensor
) -> list[str]:
    """Names of the parameters that a step in training leaves alone."""
    network.train().zero_grad()
    whole_loss(network, objective, images, masks).backward()
    return [n for n, v in network.named_parameters() if v.grad is None or not v.grad.any()]


def learn(
    network: nn.Module, objective: Objective, images: Tensor, masks: Tensor, steps: int = 40
) -> tuple[float, float]:
    """Some steps of Adam on one batch, in training mode.

    Returns:
        the last loss as a share of the first, and the Dice of all called pixels at the end, which
        a map that ignores the image cannot bring above 0.2 here.
    """
    optimiser = torch.optim.Adam(network.train().parameters(), lr=0.01)
    losses = []
    for _ in range(steps):
        loss = whole_loss(network, objective, images, masks)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    called = objective.probabilities(network(images)).reshape(masks.shape) >= 128
    both = (called & (masks == 1)).sum()
    return losses[-1] / losses[0], (2 * both / (called.sum() + masks.sum())).item()


def parameters(module: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(value.numel() for value in module.parameters())
