"""All explanations of one learner: every case by the network that was not fitted on it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor, nn

from osteon.explaining.calls import probability_of
from osteon.explaining.clinical import clinical_attributions
from osteon.explaining.faithfulness import deletion_insertion, random_orders, salient_order
from osteon.explaining.gradcam import grad_cam
from osteon.explaining.integrated import absence, evidence, integrated_gradients
from osteon.explaining.localisation import NOWHERE, localise
from osteon.explaining.maps import compact, to_input, upsample
from osteon.explaining.randomisation import map_correlation, randomised
from osteon.explaining.subject import Explained, Index, Inputs, Settings, Subject

SCORES = ("pointing", "energy", "iou", "lesion_share")
CURVES = ("deletion", "insertion", "deletion_random", "insertion_random")
RANDOMISED = ("randomised_correlation", "randomised_pointing", "randomised_energy")
# A map of each image costs one pass; these cost many, so that their check is made on a sample.
COSTLY = ("integrated_gradients",)
ROWS = 128


def explain_learner(subject: Subject, config: Settings) -> Explained:
    """Maps, their scores and checks, and clinical attributions of all cases.

    One batch is in memory at a time, beside the maps that are kept and the tables.
    """
    if subject.samples.empty:
        raise ValueError("samples: no row found, at least one case needed")
    chosen = choose_checked(subject.samples, config.checked_images, config.seed)
    scores, attributions = [], []
    maps: dict[str, NDArray[np.float16]] = {}
    for fold in sorted(subject.networks):
        members = np.flatnonzero(subject.samples["fold"].to_numpy() == fold)
        if not len(members):
            continue
        explainer = _FoldExplainer(subject, config, fold, members)
        for index, checked in _batches(members, chosen, config.batch):
            inputs = subject.read(index)
            table, drawn = explainer.scores(inputs, index, checked)
            scores.append(table)
            attributions.append(explainer.clinical(inputs, index))
            for method, found in drawn.items():
                size = (len(subject.samples), *found.shape[1:])
                maps.setdefault(method, np.zeros(size, np.float16))[index] = found
    return Explained(_ordered(scores), _ordered(attributions), maps)


def choose_checked(samples: pd.DataFrame, limit: int, seed: int) -> NDArray[np.bool_]:
    """(N,) which cases the costly checks are made on: drawn, equal parts of each label if it can.

    Patients come first with one image each; a second image of a patient only when all have one.
    """
    order = np.random.default_rng(seed).permutation(len(samples))
    drawn = samples.iloc[order].reset_index(drop=True)
    drawn["turn"] = drawn.groupby("patient_id").cumcount()
    drawn = drawn.sort_values("turn", kind="stable")
    drawn["place"] = drawn.groupby("label").cumcount()
    taken = drawn.sort_values("place", kind="stable").index[:limit]
    chosen = np.zeros(len(samples), bool)
    chosen[order[taken]] = True
    return chosen


def _batches(members: Index, chosen: NDArray[np.bool_], batch: int) -> Iterator[tuple[Index, bool]]:
    """Batches whose cases are either all checked or all not."""
    for checked in (True, False):
        part = members[chosen[members] == checked]
        for start in range(0, len(part), batch):
            yield part[start : start + batch], checked


def _ordered(tables: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(tables, ignore_index=True).sort_values("_position", kind="stable")
    return table.drop(columns="_position").reset_index(drop=True)


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

    def draw(self, method: str, network: nn.Module, inputs: Inputs) -> Tensor:
        """B × h × w maps at the method's own resolution; below 0 speaks against the target."""
        target = self.subject.target
        if method == "grad_cam":
            return grad_cam(network, self.subject.layer, inputs, target, signed=True)
        if method != "integrated_gradients":
            raise ValueError(f"methods: {method!r}; allowed: grad_cam, integrated_gradients")
        # Each step is a pass, so that twice the images of a batch are a bearable number of rows.
        rows = min(ROWS, 2 * self.config.batch)
        found = integrated_gradients(
            network, inputs, absence(inputs[0]), target, steps=self.config.steps, batch=rows
        )
        return evidence(found)

    def scores(
        self, inputs: Inputs, index: Index, checked: bool
    ) -> tuple[pd.DataFrame, dict[str, NDArray[np.float16]]]:
        """Rows of all methods for one batch, and the maps to keep."""
        probability = probability_of(self.network, inputs, self.subject.target).cpu().numpy()
        lesions = [self._lesion(int(i), inputs[0].shape[-1]) for i in index]
        random, tables, kept = None, [], {}
        if checked:
            pixels = inputs[0].shape[2] * inputs[0].shape[3]
            orders = np.concatenate(
                [random_orders(1, pixels, self.config.seed, int(i)) for i in index]
            )
            random = orders, self._curves(inputs, orders)
        for method in self.config.methods:
            signed = self.draw(method, self.network, inputs)
            maps = signed.clamp(min=0)
            columns: dict[str, Any] = {}
            columns |= self._localised(maps, lesions, inputs[0].shape[2:])
            if random is not None:
                columns |= self._faithful(maps, inputs, *random)
            if self.shuffled and (checked or method not in COSTLY):
                columns |= self._against_shuffled(method, maps, inputs, lesions)
            columns["empty_map"] = (maps.amax((1, 2)) <= 0).cpu().numpy()
            columns["cells"] = maps[0].numel()
            tables.append(self._rows(index, method, probability, columns))
            kept[method] = compact(signed, self.config.stored_side)
        return pd.concat(tables), kept

    def clinical(self, inputs: Inputs, index: Index) -> pd.DataFrame:
        """Rows of all clinical values for one batch; none where the learner has no such values."""
        features = list(self.subject.features)
        table = self._cases(index)
        if not features:
            return table.iloc[:0]
        found = clinical_attributions(
            self.network,
            (inputs[0], inputs[1]),
            self.subject.target,
            self.subject.baseline,
            steps=self.config.steps,
        )
        table = table.loc[table.index.repeat(len(features))].reset_index(drop=True)
        table["feature"] = features * len(index)
        return table.assign(**{kind: values.ravel() for kind, values in found.items()})

    def _lesion(self, position: int, size: int) -> NDArray[np.bool_] | None:
        drawn = self.subject.lesion(position)
        if drawn is None:
            return None
        return to_input(drawn, size, self.subject.mode, self.subject.extent(position))

    def _cases(self, index: Index) -> pd.DataFrame:
        table = self.subject.samples[["sample_id", "patient_id"]].iloc[index]
        return table.assign(learner=self.subject.learner, fold=self.fold, _position=index)

    def _rows(
        self, index: Index, method: str, probability: NDArray[np.float64], columns: dict[str, Any]
    ) -> pd.DataFrame:
        wanted = (
            "has_lesion",
            "lesion_outside",
            *SCORES,
            *CURVES,
            *RANDOMISED,
            "empty_map",
            "cells",
        )
        return self._cases(index).assign(
            method=method,
            label=self.subject.samples["label"].to_numpy()[index],
            target=self.subject.target,
            probability=probability,
            **{name: columns.get(name, np.nan) for name in wanted},
        )

    def _localised(
        self, maps: Tensor, lesions: list[NDArray[np.bool_] | None], size: Sequence[int]
    ) -> dict[str, NDArray[Any]]:
        # Scored in the network's frame, without the bars of a letterbox.
        full = upsample(maps, (size[0], size[1])).cpu().numpy()
        found = []
        for one, lesion in zip(full, lesions, strict=True):
            if lesion is None:
                found.append(NOWHERE)
                continue
            rows, columns = _shown(lesion.shape, len(one))
            found.append(localise(one[rows, columns], lesion, self.config.top_share))
        scores = {name: np.array([getattr(one, name) for one in found]) for name in SCORES}
        drawn = np.array([m is not None for m in lesions])
        inside = np.array([bool(m is not None and m.any()) for m in lesions])
        return scores | {"has_lesion": inside, "lesion_outside": drawn & ~inside}

    def _curves(self, inputs: Inputs, orders: Index) -> tuple[NDArray[Any], NDArray[Any]]:
        steps, target = self.config.deletion_steps, self.subject.target
        return deletion_insertion(self.network, inputs, orders, target, steps=steps)

    def _faithful(
        self, maps: Tensor, inputs: Inputs, orders: Index, random: tuple[NDArray[Any], ...]
    ) -> dict[str, NDArray[Any]]:
        full = upsample(maps, (inputs[0].shape[2], inputs[0].shape[3])).cpu().numpy()
        salient = [salient_order(one, order) for one, order in zip(full, orders, strict=True)]
        found = self._curves(inputs, np.stack(salient))
        return dict(zip(CURVES, (*found, *random), strict=True))

    def _against_shuffled(
        self, method: str, maps: Tensor, inputs: Inputs, lesions: list[NDArray[np.bool_] | None]
    ) -> dict[str, NDArray[Any]]:
        correlations, pointing, energy = [], [], []
        for network in self.shuffled:
            other = self.draw(method, network, inputs).clamp(min=0)
            correlations.append(map_correlation(maps.cpu().numpy(), other.cpu().numpy()))
            scores = self._localised(other, lesions, inputs[0].shape[2:])
            pointing.append(scores["pointing"])
            energy.append(scores["energy"])
        defined = np.isfinite(correlations)
        total = np.where(defined, correlations, 0).sum(axis=0)
        count = np.maximum(defined.sum(axis=0), 1)
        mean = np.where(defined.any(axis=0), total / count, np.nan)
        values = (mean, np.mean(pointing, axis=0), np.mean(energy, axis=0))
        return dict(zip(RANDOMISED, values, strict=True))


def _shown(shape: tuple[int, ...], size: int) -> tuple[slice, slice]:
    """The centred part of the square that has this shape, as `placement` lays it."""
    top, left = (size - shape[0]) // 2, (size - shape[1]) // 2
    return slice(top, top + shape[0]), slice(left, left + shape[1])
