"""How much better a split by patch reads than one by patient: one network, the same patches."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import DIGEST_FILE
from osteon.pipelines.spinal_penn.training import in_order, segmentation, slice_cases
from osteon.pipelines.training.nodes import hash_table
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import AuditConfig

if TYPE_CHECKING:
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
    """Train the row's main network twice on the same balanced patches, split in two ways.

    Args:
        samples: one row a slice with a label map.
        splits: which slices take part; their folds are not used.
        prepared: folder of the image store.
        workspace: folder where finished trainings are reused.
        cohort: the mask's classes.
        preprocessing: of the slices.
        recipe: the row's.
        audit: how many patches, and the share that is trained on.

    Returns:
        `osteon.measures.patch_audit.patch_gap` of the judged patches, called at 0.5, with patches,
        train_share, target_share (of the balanced patches) and, of both splits, how many patches
        were trained on and judged, and under `audit` and `honest` what the table of
        `osteon.measures.penn_part_tables.audit` reads. Empty where the row's main network is not
        one on patches.
    """
    from osteon.learning.folds import fold_tasks, run_folds
    from osteon.measures.patch_audit import patch_gap

    full = segmentation(recipe).fitted_to(cohort.classes, preprocessing.size)
    if full.patches is None:
        return {}
    table = in_order(samples, splits)
    cases = slice_cases(table, prepared, cohort, full)
    cut, everything = cases.expand(np.arange(len(table)), (audit.seed, 0xAD))
    rng = np.random.default_rng([audit.seed, 0xAD])
    taken = np.sort(rng.permutation(everything)[: audit.patches])
    parts = _parts(taken, cut.patients, audit.train_share, rng)
    tasks = fold_tasks(
        full,
        cut,
        parts,
        data_hash=hash_table(table[["sample_id"]], (prepared / DIGEST_FILE).read_text()),
        split_hash=f"{audit.model_dump_json()}",
        work=workspace,
    )
    by_patch, by_patient = run_folds(tasks)
    counts = [_counts(one, cut.patients) for one in (by_patch, by_patient)]
    gap = patch_gap(*counts, audit.rounds, audit.seed)
    return gap | {
        "audit": arm_of(counts[0]),
        "honest": arm_of(counts[1]),
        "patches": len(taken),
        "train_share": audit.train_share,
        "target_share": float((cut.labels[taken] == 1).mean()),
        "trained": {"audit": len(by_patch.train), "honest": len(by_patient.train)},
        "judged": {"audit": len(by_patch.test), "honest": len(by_patient.test)},
    }


def _parts(
    taken: "NDArray[np.int64]",
    patients: "NDArray[Any]",
    share: float,
    rng: np.random.Generator,
) -> "list[Division]":
    """The same patches divided by chance, and divided by patient."""
    from osteon.learning.tasks import Division

    mixed = rng.permutation(taken)
    cut = round(share * len(mixed))
    people = rng.permutation(np.unique(patients[taken]))
    kept = people[: min(len(people) - 1, max(1, round(share * len(people))))]
    known = np.isin(patients[taken], kept)
    return [
        Division(0, np.sort(mixed[:cut]), np.sort(mixed[cut:])),
        Division(1, taken[known], taken[~known]),
    ]


def arm_of(counts: "NDArray[np.int64]") -> dict[str, Any]:
    """One split for the table of the audit.

    Args:
        counts: (patients, 4) tp, fp, fn and tn of the judged patches of each patient.

    Returns:
        JSON-able: judged (patches), judged_patients and by_patient, the counts without names.
    """
    return {
        "judged": int(counts.sum()),
        "judged_patients": len(counts),
        "by_patient": counts.tolist(),
    }


def _counts(result: "FoldResult", patients: "NDArray[Any]") -> "NDArray[np.int64]":
    """(patients, 4) tp, fp, fn and tn of the judged patches of each patient.

    A judged patch is an image of its own size: what the network says of the patch stands behind its
    map, in bytes.
    """
    called = result.probabilities[:, -1] >= HALF
    true = result.labels == 1
    cells = (true & called, ~true & called, true & ~called, ~true & ~called)
    place = np.unique(patients[result.test], return_inverse=True)[1]
    return np.stack([np.bincount(place, cell) for cell in cells], axis=1).astype(np.int64)
