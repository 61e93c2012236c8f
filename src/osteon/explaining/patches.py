"""What a classifier of patches looks at: gradients at patches, laid back on the slice.

Grad-CAM needs a convolutional layer; a perceptron on patches has none. What it has is the gradient
of the target's logit by the pixels of a patch (Simonyan et al. 2014, ICLR workshop), by captum. Of
each slice the patches of the target are asked, and a pixel has the mean of the absolute gradients
of those that cover it.

Where these patches lie is taken from what is drawn: that a map lies on the lesion is no finding,
and pointing games are not played. Maps of shuffled weights cover the same pixels, and are compared
on these alone: the common border would make any two maps alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from osteon.explaining.calls import logit_of, still
from osteon.explaining.randomisation import map_correlation, randomised
from osteon.explaining.subject import Settings
from osteon.explaining.summary import summarise
from osteon.networks.patch_network import TARGET, PatchNetwork

GRADIENT, SHUFFLED = "gradient", "shuffled"
"""Methods: of the network, and of its first copy with shuffled weights."""
MOST = 256
"""Patches asked of a slice, at most; more are thinned out evenly."""
COLUMNS = ["sample_id", "patient_id", "learner", "fold", "method", "label", "patches"]
NOT_PLAYED = (
    *("pointing", "energy", "iou", "lesion_share", "deletion", "deletion_random", "insertion"),
    *("insertion_random", "randomised_pointing", "randomised_energy", "probability"),
)
NOTE = (
    "Only patches of the target are asked, so that where a map lies says nothing; it is compared "
    "with maps of shuffled weights on the pixels that both cover."
)
STATEMENT = (
    "Gradients of the target's logit by the pixels of each patch of the target, absolute and "
    "averaged over the patches that cover a pixel: to which pixels the answer is sensitive, not "
    "why, and not whether it is right. Every slice is explained by the network of the fold that "
    "held it out. Maps are called worthless if their mean rank correlation with those of networks "
    "with shuffled weights is above {bound:g}; a map that keeps its shape shows the image. At most "
    "{most} patches a slice. Means over slices; 95 % intervals by bootstrap over patients."
)

Map = NDArray[np.float32]


@dataclass(frozen=True)
class PatchedSlice:
    """One slice and where the patches of its target lie.

    Attributes:
        sample, patient: their pseudonyms.
        fold: that held it out.
        image: (H, W) uint8, as the network was given it.
        corners: (P, 2) int, top-left pixels (y, x) of its patches of the target, one or more.
    """

    sample: str
    patient: str
    fold: int
    image: NDArray[np.uint8]
    corners: NDArray[np.integer[Any]]


class OnPatches(nn.Module):
    """A patch network called as a classifier of patches in evaluation mode too.

    Args:
        network: its weights stay its own.
    """

    def __init__(self, network: PatchNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, patches: Tensor) -> Tensor:
        """B × 1 × p × p float in [0, 1] → B × classes float, logits."""
        return self.network.classify(patches)


def patch_gradients(network: nn.Module, patches: Tensor, target: int = TARGET) -> Tensor:
    """B × 1 × p × p patches → B × p × p float32, 0 or more: |∂ logit / ∂ pixel|.

    Args:
        network: returns B × classes logits of patches, as `OnPatches`.
        patches: float in [0, 1].
        target: the class.
    """
    from captum.attr import Saliency

    given = patches.detach().requires_grad_()
    with still(network), torch.enable_grad():
        found = Saliency(logit_of(network, target)).attribute(given)
    return found[:, 0].detach().float()


def laid_back(
    gradients: NDArray[Any], corners: NDArray[np.integer[Any]], shape: tuple[int, int]
) -> tuple[Map, NDArray[np.bool_]]:
    """The mean of the patches that cover a pixel, and which pixels are covered.

    Args:
        gradients: (P, p, p); corners: (P, 2), top-left pixels (y, x); shape: of the slice.

    Returns:
        (H, W) float32, 0 where no patch lies, and (H, W) bool.
    """
    total, votes = np.zeros(shape), np.zeros(shape, np.int64)
    side = gradients.shape[-1]
    for one, (y, x) in zip(gradients, corners.tolist(), strict=True):
        total[y : y + side, x : x + side] += one
        votes[y : y + side, x : x + side] += 1
    return (total / np.maximum(votes, 1)).astype(np.float32), votes > 0


def explain_slices(
    learner: str,
    networks: Mapping[int, PatchNetwork],
    slices: Iterable[PatchedSlice],
    config: Settings,
) -> tuple[pd.DataFrame, dict[str, NDArray[np.float16]]]:
    """Maps of slices, each by the network of the fold that held it out, and the weight check.

    Args:
        learner: its name; networks: fold → network.
        slices: of one size, read one by one.
        config: how many networks with shuffled weights, and the seed.

    Returns:
        one row a slice as of `osteon.explaining.subject.Explained`, with `patches` (asked), and
        method → N × H × W float16 in that order, largest 1; without slices both are empty.
    """
    rows: list[dict[str, Any]] = []
    kept: dict[str, list[NDArray[np.float16]]] = {GRADIENT: [], SHUFFLED: []}
    known: dict[int, tuple[nn.Module, list[nn.Module]]] = {}
    for one in slices:
        corners = thinned(one.corners)
        patches = cut(one.image, corners, networks[one.fold].patch)
        if one.fold not in known:
            network: nn.Module = OnPatches(networks[one.fold])
            seeds = range(config.seed, config.seed + config.randomisations)
            known[one.fold] = network, [randomised(network, seed, (patches,)) for seed in seeds]
        network, others = known[one.fold]
        (found, covered), *rest = (
            laid_back(patch_gradients(each, patches).numpy(), corners, one.image.shape)
            for each in (network, *others)
        )
        same = [_alike(found[covered], other[covered]) for other, _ in rest]
        rows.append(_row(learner, one, len(corners), found, covered, same))
        kept[GRADIENT].append(_peaked(found))
        if rest:
            kept[SHUFFLED].append(_peaked(rest[0][0]))
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=COLUMNS)
    return table, {name: np.stack(maps) for name, maps in kept.items() if maps}


def summary_of(scores: pd.DataFrame, rounds: int, seed: int, bound: float) -> dict[str, Any]:
    """`osteon.explaining.summary.summarise` of such scores, told in words of patches.

    Args:
        scores: of `explain_slices`; rounds, seed: of the bootstrap; bound: of the correlation.
    """
    if not len(scores):
        return {"methods": {}, "clinical": {}, "statement": ""}
    none = pd.DataFrame(columns=["learner"])
    found = summarise(scores, none, rounds, seed, bound=bound)
    for methods in found["methods"].values():
        for one in methods.values():
            one["note"] = NOTE
    return found | {"statement": STATEMENT.format(bound=bound, most=MOST)}


def thinned(corners: NDArray[Any], most: int = MOST) -> NDArray[Any]:
    """At most so many corners, evenly out of all."""
    if len(corners) <= most:
        return corners
    return corners[np.linspace(0, len(corners) - 1, most).round().astype(np.int64)]


def cut(image: NDArray[np.uint8], corners: NDArray[Any], side: int) -> Tensor:
    """P × 1 × p × p float in [0, 1], the patches of a slice (H, W)."""
    taken = np.stack([image[y : y + side, x : x + side] for y, x in corners.tolist()])
    return torch.from_numpy(taken)[:, None].float() / 255


def _alike(first: Map, second: Map) -> float:
    return float(map_correlation(first[None, None], second[None, None])[0])


def _peaked(found: Map) -> NDArray[np.float16]:
    return np.asarray(found / max(float(found.max()), 1e-30), np.float16)


def _row(
    learner: str,
    one: PatchedSlice,
    asked: int,
    found: Map,
    covered: NDArray[np.bool_],
    same: list[float],
) -> dict[str, Any]:
    defined = [value for value in same if np.isfinite(value)]
    said = (one.sample, one.patient, learner, one.fold, GRADIENT, 1, asked)
    return {
        **dict(zip(COLUMNS, said, strict=True)),
        "target": TARGET,
        **dict.fromkeys(NOT_PLAYED, float("nan")),
        "randomised_correlation": float(np.mean(defined)) if defined else float("nan"),
        "has_lesion": False,
        "lesion_outside": False,
        "empty_map": bool(found.max() <= 0),
        "cells": int(covered.sum()),
    }
