"""The weight-randomisation check (Adebayo et al. 2018, NeurIPS): do maps follow the weights?"""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def randomised(network: nn.Module, seed: int, inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy whose weights are shuffled, in evaluation mode.

    The entries of each parameter tensor change places, which keeps each layer's distribution of
    weights and destroys all that was learned; parameters of any module are reached. Running
    statistics of batch normalisation no longer fit and are taken anew from `inputs`, without which
    activations would vanish or explode.

    Args:
        network: left as it is; seed: of the shuffles; inputs: some cases, two or more if there is
            batch normalisation (with one the old statistics stay).
    """
    shuffled = copy.deepcopy(network).eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in shuffled.parameters():
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        # In place, so that parameters shared between modules stay shared.
        parameter.copy_(parameter.flatten()[order].view(parameter.shape))
    norms = [m for m in shuffled.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if norms and len(inputs[0]) > 1:
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # plain mean over the batches seen
            norm.train()
        shuffled(*inputs)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    return shuffled.eval()


def map_correlation(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Spearman's correlation of two maps of each image, at the maps' own resolution.

    Args:
        first, second: N × h × w.

    Returns:
        (N,) −1..1, NaN where either map is constant: it ranks nothing, and that a map is empty
        says nothing of the weights.
    """
    if first.shape != second.shape:
        raise ValueError(f"maps have shapes {first.shape} and {second.shape}; wanted equal ones")
    ranks = [
        rankdata(np.asarray(one, np.float64).reshape(len(one), -1), axis=1)
        for one in (first, second)
    ]
    a, b = (one - one.mean(axis=1, keepdims=True) for one in ranks)
    spread = np.stack([(a**2).sum(1), (b**2).sum(1)])
    product = np.sqrt(spread.prod(axis=0))
    return np.divide((a * b).sum(1), product, out=np.full(len(a), np.nan), where=product > 0)
