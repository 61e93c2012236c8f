"""How much better a split by patch reads than one by patient: one network, the same patches."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.datasets.store import DIGEST_FILE
from osteon.pipelines.spinal_penn.training import (
    in_order,
    refuse_drawn_regions,
    segmentation,
    slice_cases,
)
from osteon.pipelines.training.nodes import hash_table
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import AuditConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from osteon.learning.folds import FoldResult
    from osteon.learning.tasks import Division

HALF = 128
"""Least byte that is called: 0.5 of 255, rounded as the objective rounds."""


def audit_patch_split(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    prepared: Path,
    workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    audit: AuditConfig,
) -> dict[str, Any]:
    """Judge the row's main network on the same balanced patches, split by patch and by patient.

    Both are cross-validated with as many folds, so that every patch is judged once in either way,
    and patients are their own controls.

    Args:
        samples: one row a slice with a label map.
        splits: which slices take part; their folds are not used.
        prepared: folder of the image store.
        workspace: folder where finished trainings are reused.
        cohort: the mask's classes.
        preprocessing: of the slices.
        recipe: the row's.
        audit: how many patches and folds.

    Returns:
        `osteon.measures.patch_audit.patch_gap` of the judged patches, called at 0.5, with patches,
        train_share, target_share (of the balanced patches) and, of both splits, how many patches
        were trained on and judged, and under `audit` and `honest` what the table of
        `osteon.measures.penn_part_tables.audit` reads. Empty where the row's main network is not
        one on patches.

    Raises:
        CohortError: as `osteon.pipelines.spinal_penn.training.train_segmenter`.
    """
    from osteon.learning.folds import fold_tasks, run_folds

    refuse_drawn_regions(preprocessing)
    full = segmentation(recipe).fitted_to(cohort.classes, preprocessing.size)
    if full.patches is None:
        return {}
    table = in_order(samples, splits)
    cases = slice_cases(table, prepared, cohort, full)
    cut, everything = cases.expand(np.arange(len(table)), (audit.seed, 0xAD))
    rng = np.random.default_rng([audit.seed, 0xAD])
    taken = np.sort(rng.permutation(everything)[: audit.patches])
    parts = _parts(taken, cut.patients, audit.folds, rng)
    tasks = fold_tasks(
        full,
        cut,
        parts,
        data_hash=hash_table(table[["sample_id"]], (prepared / DIGEST_FILE).read_text()),
        split_hash=f"{audit.model_dump_json()}",
        work=workspace,
    )
    share = float((cut.labels[taken] == 1).mean())
    facts = {"patches": len(taken), "folds": audit.folds, "target_share": share}
    return _compared(run_folds(tasks), cut.patients, audit) | facts


def _compared(
    results: "list[FoldResult]", patients: "NDArray[Any]", audit: AuditConfig
) -> dict[str, Any]:
    """The first half of the folds, by patch, against the second, by patient."""
    from osteon.measures.patch_audit import patch_gap

    by_patch, by_patient = (
        _counts(half, patients) for half in (results[: audit.folds], results[audit.folds :])
    )
    return patch_gap(by_patch, by_patient, audit.rounds, audit.seed)


def _parts(
    taken: "NDArray[np.int64]", patients: "NDArray[Any]", folds: int, rng: np.random.Generator
) -> "list[Division]":
    """The folds by patch, then those by patient, of the same patches.

    Raises:
        CohortError: fewer patients than folds.
    """
    from osteon.learning.tasks import Division

    people = rng.permutation(np.unique(patients[taken]))
    if len(people) < folds:
        raise CohortError(
            f"audit.folds: {folds} found with patches of {len(people)} patient(s); at most as many "
            "folds as patients are allowed"
        )
    fold_of = dict(zip(people.tolist(), np.arange(len(people)) % folds, strict=True))
    mixed = rng.permutation(np.arange(len(taken)) % folds)
    whole = np.array([fold_of[one] for one in patients[taken].tolist()])
    return [
        Division(number, taken[fold != own], taken[fold == own])
        for number, (fold, own) in enumerate(
            (fold, own) for fold in (mixed, whole) for own in range(folds)
        )
    ]


def _counts(results: "Sequence[FoldResult]", patients: "NDArray[Any]") -> "NDArray[np.int64]":
    """(patients, 4) tp, fp, fn and tn of the judged patches of each patient, patients in order.

    A judged patch is an image of its own size: what the network says of the patch stands behind its
    map, in bytes.
    """
    called = np.concatenate([one.probabilities[:, -1] >= HALF for one in results])
    true = np.concatenate([one.labels == 1 for one in results])
    of_patch = np.concatenate([patients[one.test] for one in results])
    cells = (true & called, ~true & called, true & ~called, ~true & ~called)
    place = np.unique(of_patch, return_inverse=True)[1]
    return np.stack([np.bincount(place, cell) for cell in cells], axis=1).astype(np.int64)
