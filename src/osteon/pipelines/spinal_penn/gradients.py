"""Where a network on patches looks: gradients at patches of the target, and their check."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon import explaining
from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import Build, source_hash
from osteon.pipelines.preprocessing.storing import IMAGES, MASKS
from osteon.pipelines.spinal_penn.training import values_of
from osteon.recipes.explainability import ExplainabilityConfig

if TYPE_CHECKING:
    from osteon.explaining.patches import PatchedSlice
    from osteon.learning.patches import PatchPlan


def explain_patches(
    samples: pd.DataFrame,
    judged: pd.DataFrame,
    prepared: Path,
    cohort: CohortConfig,
    config: ExplainabilityConfig,
    model: Any,
) -> tuple[Build, pd.DataFrame, dict[str, Any]]:
    """Gradient maps of judged slices, each by the network that was not fitted on its patient.

    Args:
        samples: one row a slice.
        judged: which fold held each out.
        prepared: folder of the image store, with label maps.
        cohort: the mask's classes.
        config: how many slices (`checked_images`), shuffled networks and resamples.
        model: the trained folds of a learner on patches.

    Returns:
        maps of the slices that have a patch of the target, their scores, and a summary with a
        verdict by rule; all empty where no slice has one.
    """
    from osteon.explaining.patches import explain_slices, summary_of
    from osteon.explaining.store import write_maps

    target, tissues = values_of(cohort)
    plan = model.recipe.plan(target, tissues)
    folds = [int(fold["fold"]) for fold in model.card["folds"]]
    learner = str(judged["learner"].iloc[0])
    networks = dict(zip(folds, model.networks, strict=True))
    table = _drawn(judged.merge(samples[["sample_id", "row"]], on="sample_id"), prepared, target)
    chosen = table[_chosen(table, config)].sort_values(["fold", "row"])
    slices = _patched(chosen, prepared, plan, target)
    scores, maps = explain_slices(learner, networks, slices, config)
    kept = scores["sample_id"].tolist()
    card = {name: model.card[name] for name in ("folds", "data_hash", "split_hash")}
    made = f"{card} {source_hash(explaining)} {config.model_dump_json()} {cohort.classes} {kept}"
    return (
        Build(
            hashlib.sha256(made.encode()).hexdigest(), partial(write_maps, samples=kept, maps=maps)
        ),
        scores,
        summary_of(scores, config.rounds, config.seed, config.correlation_bound),
    )


def _drawn(table: pd.DataFrame, prepared: Path, target: int) -> pd.DataFrame:
    """The slices that show the target."""
    from osteon.pipelines.preprocessing.storing import target_shares

    shares = target_shares(prepared, target)
    return table[shares[table["row"].to_numpy(np.int64)] > 0].reset_index(drop=True)


def _chosen(table: pd.DataFrame, config: ExplainabilityConfig) -> Any:
    """(N,) bool: as many slices as may be checked, patients first with one each."""
    from osteon.explaining.cases import choose_checked

    return choose_checked(table.assign(label=1), config.checked_images, config.seed)


def _patched(
    table: pd.DataFrame, prepared: Path, plan: "PatchPlan", target: int
) -> "Iterator[PatchedSlice]":
    """The slices that have a patch of the target, one at a time."""
    from osteon.explaining.patches import PatchedSlice
    from osteon.learning.patches import open_slices

    images, masks = open_slices(prepared / IMAGES), open_slices(prepared / MASKS)
    grid = plan.grid(*masks.shape[1:])
    for sample, patient, fold, row in zip(
        *(table[name].tolist() for name in ("sample_id", "patient_id", "fold", "row")), strict=True
    ):
        corners = grid[plan.label(masks[row], target) == 1]
        if len(corners):
            yield PatchedSlice(str(sample), str(patient), int(fold), images[row], corners)
