"""Explanations of a network on tubes: Grad-CAM over slices, and the checks that images have.

A tube is N squares of a series, B × 1 × N × S × S. A map has its slices as well; that of a network
which takes the slices as channels has one for all of them, which is repeated: such a network cannot
say on which slice its evidence lies, and pointing and energy are then those of the place alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from osteon.explaining.calls import layer_of, logit_of, probability_of, still
from osteon.explaining.cases import CURVES, RANDOMISED, SCORES, _batches, _ordered, choose_checked
from osteon.explaining.faithfulness import deletion_insertion, random_orders, salient_order
from osteon.explaining.integrated import absence
from osteon.explaining.localisation import NOWHERE, boxes_to_mask, localise
from osteon.explaining.randomisation import map_correlation, randomised
from osteon.explaining.subject import Explained, Index, Settings, Subject
from osteon.imaging.tubes import project

METHOD = "grad_cam"
ATTRIBUTIONS = (
    *("sample_id", "patient_id", "learner", "fold"),
    *("feature", "gradient", "grad_x_input", "integrated"),
)
COLUMNS = ("has_lesion", "lesion_outside", *SCORES, *CURVES, *RANDOMISED, "empty_map", "cells")


def tube_grad_cam(
    network: nn.Module,
    layer: nn.Module | str,
    tubes: Tensor,
    target: int,
    *,
    signed: bool = False,
) -> Tensor:
    """Where a layer of a 2D or 3D network speaks for a class (Grad-CAM, see `gradcam`).

    Args:
        network: called with `tubes`, in evaluation mode; its own mode is left as it was.
        layer: a module, or its name, whose output is B × C × n × h × w or B × C × h × w.
        tubes: B × 1 × N × S × S, on the network's device.
        target: the class.
        signed: keep what speaks against the class, as negative values.

    Returns:
        B × n × h × w float32 at the layer's resolution, n = 1 for a 2D layer; 0 or more unless
        `signed`.

    Raises:
        ValueError: no such layer or class, or a layer with another output.
    """
    from captum.attr import LayerGradCam

    method = LayerGradCam(logit_of(network, target), layer_of(network, layer))
    with still(network), torch.enable_grad():
        # A detached view: captum marks what it is given as needing gradients.
        found = method.attribute(tubes.detach(), relu_attributions=not signed)
    if found.ndim not in (4, 5):
        raise ValueError(
            f"layer: output has {found.ndim} axes; wanted B × C × h × w or B × C × n × h × w"
        )
    # Of a 2D layer the axis of the channels, which the sum leaves at 1, becomes that of the slices.
    return (found if found.ndim == 4 else found[:, 0]).detach().float()


def upsample_tubes(maps: Tensor, size: Sequence[int]) -> Tensor:
    """B × n × h × w maps at another size N × S × S: trilinear, borders continued."""
    sides = [int(side) for side in size]
    return functional.interpolate(
        maps[:, None].float(), sides, mode="trilinear", align_corners=False
    )[:, 0]


def tube_maps(
    network: nn.Module, tubes: Tensor, target: int, layer: nn.Module | str | None = None
) -> Tensor:
    """Grad-CAM on every pixel of the tubes, each tube's largest size 1.

    Args:
        network: has `features_layer` where `layer` is not given.
        tubes: B × 1 × N × S × S; target: the class.

    Returns:
        B × N × S × S float32 in [-1, 1]: below 0 speaks against the class; an empty map stays 0.
    """
    name = getattr(network, "features_layer", None) if layer is None else layer
    if not isinstance(name, str | nn.Module):
        raise ValueError(
            f"layer: {type(network).__name__} has no features_layer; one must be given"
        )
    maps = tube_grad_cam(network, name, tubes, target, signed=True)
    return compact_tubes(upsample_tubes(maps, tubes.shape[2:]))


def compact_tubes(maps: Tensor, side: int | None = None) -> Tensor:
    """B × n × h × w maps, each divided by its largest size; an empty one stays 0.

    Args:
        maps: a map whose h or w is above `side` is averaged over blocks of each slice first.
    """
    if side is not None and max(maps.shape[2:]) > side:
        maps = functional.adaptive_avg_pool2d(maps, side)
    peak = maps.abs().amax((1, 2, 3), keepdim=True)
    return maps / torch.where(peak > 0, peak, 1)


def lesion_mask(
    boxes: Sequence[Sequence[Sequence[float]]], box: Sequence[float], side: int
) -> NDArray[np.bool_]:
    """Lesions of the slices of a tube, as `Subject.lesion` hands them on.

    Args:
        boxes: of each of the N slices its boxes, x0, y0, x1, y1, ... in the frame of `box`.
        box: of the tube, x0, y0, x1, y1; side: of its squares, px.

    Returns:
        N × side × side; nothing inside where all lesions lie outside the tube.
    """
    drawn = [boxes_to_mask(project(one, box, side), (side, side)) for one in boxes]
    return np.stack(drawn) if drawn else np.zeros((0, side, side), bool)


def score_tubes(subject: Subject, config: Settings) -> Explained:
    """Grad-CAM of all tubes of a learner, its scores and checks, as `explain_learner` has them.

    Args:
        subject: `read` returns (tubes,), B × 1 × N × S × S; `lesion` returns N × S × S on the
            tube (see `lesion_mask`), None where nothing is drawn. `mode`, `features` and
            `baseline` are not looked at.
        config: `methods` and `steps` are not looked at: Grad-CAM is the one method.

    Returns:
        scores as in `Explained`, one row a tube; no attributions; maps N × n × h × w float16.
    """
    if subject.samples.empty:
        raise ValueError("samples: no row found, at least one tube needed")
    chosen = choose_checked(subject.samples, config.checked_images, config.seed)
    tables: list[pd.DataFrame] = []
    maps: NDArray[np.float16] = np.zeros(0, np.float16)
    for fold in sorted(subject.networks):
        members = np.flatnonzero(subject.samples["fold"].to_numpy() == fold)
        if not len(members):
            continue
        explainer = _FoldExplainer(subject, config, fold, members)
        for index, checked in _batches(members, chosen, config.batch):
            table, signed = explainer.scores(index, checked)
            tables.append(table)
            if not maps.size:
                maps = np.zeros((len(subject.samples), *signed.shape[1:]), np.float16)
            maps[index] = signed.cpu().numpy()
    return Explained(_ordered(tables), pd.DataFrame(columns=list(ATTRIBUTIONS)), {METHOD: maps})


class _FoldExplainer:
    """One fold's network and its shuffled copies."""

    def __init__(self, subject: Subject, config: Settings, fold: int, members: Index) -> None:
        self.subject, self.config, self.fold = subject, config, fold
        self.network = subject.networks[fold]
        start = subject.read(members[: config.batch]) if config.randomisations else ()
        self.shuffled = [
            randomised(self.network, config.seed + number, start)
            for number in range(config.randomisations)
        ]

    def scores(self, index: Index, checked: bool) -> tuple[pd.DataFrame, Tensor]:
        """Rows of one batch, and its maps to keep: B × n × h × w in [-1, 1]."""
        tubes = self.subject.read(index)[0]
        lesions = [self.subject.lesion(int(position)) for position in index]
        signed = self._draw(self.network, tubes)
        maps = signed.clamp(min=0)
        full = upsample_tubes(maps, tubes.shape[2:]).cpu().numpy()
        columns: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
        columns |= self._localised(full, lesions) | _drawn(lesions)
        if checked:
            columns |= self._faithful(full, tubes, index)
        if self.shuffled:
            columns |= self._against_shuffled(maps, tubes, lesions)
        columns |= {"empty_map": (full.max((1, 2, 3)) <= 0), "cells": maps[0].numel()}
        probability = probability_of(self.network, (tubes,), self.subject.target)
        rows = self.subject.samples.iloc[index]
        table = rows[["sample_id", "patient_id"]].assign(
            learner=self.subject.learner,
            fold=self.fold,
            method=METHOD,
            label=rows["label"],
            target=self.subject.target,
            probability=probability.cpu().numpy(),
            _position=index,
            **columns,
        )
        return table, compact_tubes(signed, self.config.stored_side)

    def _draw(self, network: nn.Module, tubes: Tensor) -> Tensor:
        return tube_grad_cam(network, self.subject.layer, tubes, self.subject.target, signed=True)

    def _localised(
        self, full: NDArray[np.float32], lesions: list[NDArray[Any] | None]
    ) -> dict[str, NDArray[Any]]:
        found = [
            NOWHERE if lesion is None else localise(one, lesion != 0, self.config.top_share)
            for one, lesion in zip(full, lesions, strict=True)
        ]
        return {name: np.array([getattr(one, name) for one in found]) for name in SCORES}

    def _faithful(
        self, full: NDArray[np.float32], tubes: Tensor, index: Index
    ) -> dict[str, NDArray[Any]]:
        """Deletion and insertion, pixel by pixel of all slices, and in random order."""
        seed, pixels = self.config.seed, full[0].size
        random = np.concatenate([random_orders(1, pixels, seed, int(i)) for i in index])
        salient = np.stack([salient_order(*pair) for pair in zip(full, random, strict=True)])
        # What stands in for a pixel is its own slice without detail.
        flat, without = _unrolled(tubes), _unrolled(absence(tubes[:, 0])[:, None])
        network = _OnUnrolled(self.network, tubes.shape[2:])
        curves = [
            curve
            for orders in (salient, random)
            for curve in deletion_insertion(
                network,
                (flat,),
                orders,
                self.subject.target,
                steps=self.config.deletion_steps,
                reference=without,
            )
        ]
        return dict(zip(CURVES, curves, strict=True))

    def _against_shuffled(
        self, maps: Tensor, tubes: Tensor, lesions: list[NDArray[Any] | None]
    ) -> dict[str, NDArray[Any]]:
        """Means over the shuffled networks; of the correlation over those where it is defined."""
        found = []
        for network in self.shuffled:
            other = self._draw(network, tubes).clamp(min=0)
            full = upsample_tubes(other, tubes.shape[2:]).cpu().numpy()
            scores = self._localised(full, lesions)
            correlation = map_correlation(maps.cpu().numpy(), other.cpu().numpy())
            found.append((correlation, scores["pointing"], scores["energy"]))
        values = np.array(found)
        defined = np.isfinite(values)
        total, count = np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0)
        means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return dict(zip(RANDOMISED, means, strict=True))


class _OnUnrolled(nn.Module):
    """The network on tubes whose rows are laid side by side, as `deletion_insertion` has images."""

    def __init__(self, network: nn.Module, shape: Sequence[int]) -> None:
        super().__init__()
        self.network, self.shape = network, tuple(shape)

    def forward(self, unrolled: Tensor) -> Tensor:
        """B × 1 × N × S·S → what the network makes of B × 1 × N × S × S."""
        found: Tensor = self.network(unrolled.view(len(unrolled), 1, *self.shape))
        return found


def _unrolled(tubes: Tensor) -> Tensor:
    """B × 1 × N × S × S → B × 1 × N × S·S."""
    return tubes.reshape(*tubes.shape[:3], -1)


def _drawn(lesions: list[NDArray[Any] | None]) -> dict[str, NDArray[np.bool_]]:
    """Which tubes show a lesion, and of which all that is drawn lies outside."""
    drawn = np.array([lesion is not None for lesion in lesions])
    inside = np.array([bool(lesion is not None and np.any(lesion)) for lesion in lesions])
    return {"has_lesion": inside, "lesion_outside": drawn & ~inside}
