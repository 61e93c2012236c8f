"""Attention between the layers of dense blocks: how much each layer took from each one before it.

For any network with a method `forward_with_weights(*inputs)` that returns its logits and, for each
block, a list over the layers l = 1, 2, ... of B × l weights whose rows sum to 1.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from osteon.explaining.calls import still
from osteon.explaining.subject import Index, Inputs

METHOD = "forward_with_weights"
NOTE = (
    "Row: the layer that reads; column: the map that it reads, F0 goes into the block. Mean over "
    "{images} images, each weighed by the network of the fold that held it out; a row adds up to "
    "1, and a layer that takes the same from all l maps weighs each at 1/l."
)
SATURATED = 0.95
"""Mean largest weight of a layer above which the softmax is said to be saturated."""

Grids = NDArray[np.float64]


def attention_figures(
    networks: Mapping[int, nn.Module],
    read: Callable[[Index], Inputs],
    samples: pd.DataFrame,
    batch: int = 16,
) -> list[dict[str, Any]]:
    """Mean weights of all images and of each true class, as the report's grids.

    Args:
        networks: fold → the network that was trained without this fold.
        read: positions of samples → inputs of the network on its device.
        samples: one row a sample in the order of the positions: fold, label, class.
        batch: images at once.

    Returns:
        one grid a block, of all images first, then class by class: name, title, note, x, y,
        x_labels, y_labels, and values row by row: 0..1, None above the diagonal. None at all where
        a network has no such method, or its blocks do not weigh their layers.
    """
    if not all(hasattr(network, METHOD) for network in networks.values()):
        return []
    blocks = attention_weights(networks, read, samples, batch)
    classes = samples.sort_values("label", kind="stable")["class"].unique()
    groups = {"": np.ones(len(samples), bool)}
    groups |= {str(name): (samples["class"] == name).to_numpy() for name in classes}
    return [
        _figure(number, name, grids[members])
        for name, members in groups.items()
        for number, grids in enumerate(blocks, 1)
        if grids.size
    ]


def attention_weights(
    networks: Mapping[int, nn.Module],
    read: Callable[[Index], Inputs],
    samples: pd.DataFrame,
    batch: int = 16,
) -> list[Grids]:
    """Weights of every image, by the network of the fold that held it out.

    Args:
        networks, read, samples, batch: as in `attention_figures`.

    Returns:
        for each block N × L × L in the order of the samples: row l - 1 holds the weights of layer
        l, NaN above the diagonal; of no size for a block without attention.

    Raises:
        ValueError: no network for a fold, no sample, or networks of different depth.
    """
    fold = samples["fold"].to_numpy()
    unknown = set(fold.tolist()) - set(networks)
    if unknown or not len(samples):
        raise ValueError(
            f"samples: {len(samples)} rows with folds {sorted(unknown)} that no network was held "
            "out for; at least one row and a network for each fold needed"
        )
    order, parts = [], []
    for number in sorted(set(fold.tolist())):
        members = np.flatnonzero(fold == number)
        for start in range(0, len(members), batch):
            index = members[start : start + batch]
            parts.append(_weigh(networks[number], read(index)))
            order.append(index)
    place = np.argsort(np.concatenate(order))
    shapes = {tuple(grids.shape[1:] for grids in part) for part in parts}
    if len(shapes) > 1:
        raise ValueError(f"networks: blocks of {len(shapes)} different depths, one allowed")
    return [np.concatenate(block)[place] for block in zip(*parts, strict=True)]


@torch.no_grad()
def _weigh(network: nn.Module, inputs: Inputs) -> list[Grids]:
    """For each block B × L × L, NaN above the diagonal."""
    with still(network):
        _, blocks = getattr(network, METHOD)(*inputs)
    found = []
    for layers in blocks:
        grids = np.full((len(inputs[0]), len(layers), len(layers)), np.nan)
        for row, weights in enumerate(layers):
            grids[:, row, : weights.shape[1]] = weights.double().cpu().numpy()
        found.append(grids)
    return found


def _figure(number: int, name: str, grids: Grids) -> dict[str, Any]:
    """The mean of some images' grids as the report draws it."""
    side = grids.shape[1]
    mean = grids.mean(axis=0)
    note = NOTE.format(images=len(grids))
    if side > 1 and float(np.nanmax(grids[:, 1:], axis=-1).mean()) > SATURATED:
        note += " Nearly all weight lies on one map: the softmax is saturated and picks one."
    return {
        "name": f"attention_block_{number}" + (f"_{name}" if name else ""),
        "title": f"Attention of block {number}, {(name or 'all images').replace('_', ' ')}",
        "note": note,
        "x": "earlier map",
        "y": "layer that reads it",
        "x_labels": [f"F{column}" for column in range(side)],
        "y_labels": [f"layer {row}" for row in range(1, side + 1)],
        "values": [[None if np.isnan(one) else float(one) for one in row] for row in mean],
    }
