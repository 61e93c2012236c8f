"""Deletion and insertion (Petsiuk et al. 2018, BMVC): does the answer follow salient pixels?"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from osteon.explaining.calls import probability_of
from osteon.explaining.integrated import absence


def salient_order(saliency: NDArray[Any], shuffled: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels of a map (flattened) from most to least salient; ties in the order of `shuffled`.

    Args:
        saliency: H × W; shuffled: (H · W,) a random order, which is also the reference order.
    """
    values = np.asarray(saliency, np.float64).ravel()[shuffled]
    return shuffled[np.argsort(-values, kind="stable")]


def random_orders(count: int, pixels: int, seed: int, first: int = 0) -> NDArray[np.int64]:
    """(count, pixels) random orders; that of image i depends on `seed` and `first + i` alone."""
    orders = [np.random.default_rng([seed, first + i]).permutation(pixels) for i in range(count)]
    return np.stack(orders) if orders else np.zeros((0, pixels), np.int64)


@torch.no_grad()
def deletion_insertion(
    network: nn.Module,
    inputs: tuple[Tensor, ...],
    orders: NDArray[np.int64],
    target: int,
    *,
    steps: int = 20,
    reference: Tensor | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas under the class's probability as pixels are taken away, and as they come back.

    Args:
        network: called as `network(*inputs)`, in evaluation mode.
        inputs: B rows each; the first is the image, B × C × H × W, the others are held.
        orders: (B, H · W) pixels of each image in the order in which they go or come.
        target: the class.
        steps: the curve has steps + 1 points, equally far apart in the share of pixels.
        reference: what stands in for a pixel taken away, of the image's shape; without it
            `absence(image)`.

    Returns:
        deletion and insertion, (B,) each, 0..1 (trapezoids). Low deletion and high insertion speak
        for the map, in comparison with a random order.
    """
    image = inputs[0]
    reference = absence(image) if reference is None else reference
    pixels = image.shape[2] * image.shape[3]
    if orders.shape != (len(image), pixels) or steps < 1:
        raise ValueError(
            f"orders has shape {orders.shape} with steps={steps}; "
            f"wanted ({len(image)}, {pixels}) and at least 1"
        )
    order = torch.from_numpy(orders).to(image.device)
    rank = torch.empty_like(order).scatter_(
        1, order, torch.arange(pixels, device=image.device).expand_as(order)
    )
    rank = rank.view(len(image), 1, *image.shape[2:])
    shares = np.linspace(0, 1, steps + 1)
    curves = []
    for share in shares:
        changed = rank < round(share * pixels)
        without = torch.where(changed, reference, image)
        only = torch.where(changed, image, reference)
        curves.append(
            [_probability(network, (one, *inputs[1:]), target) for one in (without, only)]
        )
    deletion, insertion = np.trapezoid(np.array(curves), shares, axis=0)
    return deletion, insertion


def _probability(
    network: nn.Module, inputs: tuple[Tensor, ...], target: int
) -> NDArray[np.float64]:
    return probability_of(network, inputs, target).cpu().numpy()
