"""Training one segmenter: cross-validation, maps of the judged slices, a model artefact."""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.datasets.store import DIGEST_FILE, Build
from osteon.pipelines.preprocessing.storing import IMAGES, MASKS, target_shares
from osteon.pipelines.training.nodes import (
    artefact_card,
    hash_table,
    training_record,
    write_folds,
)
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import SegmentationLearner, SegmentationRecipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from osteon.learning.folds import FoldResult
    from osteon.learning.segmentation import SliceCases

logger = logging.getLogger(__name__)

JUDGED = ["sample_id", "patient_id", "fold", "split"]
NO_MASKS = (
    "preprocessing.masks is false: segmentation needs the label maps beside the slices; set it true"
)


def train_segmenter(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    prepared: Path,
    workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    learner: SegmentationLearner,
) -> tuple[Build, pd.DataFrame, Build, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Cross-validate one segmenter.

    Args:
        samples: one row a slice with a label map; splits: which fold judges which, by patient.
        prepared: folder of the image store, `masks.npy` beside `images.npy`.
        workspace: folder where unfinished folds are taken up again and finished ones reused.
        cohort: the mask's classes; the last class is the target.
        preprocessing: what the artefact must do to a new slice.
        recipe: what all learners of the paper share.
        learner: what this one has of its own.

    Returns:
        maps of the judged slices, which slices these are, the artefact, learning curves, what each
        fold was fitted on, and the record.

    Raises:
        CohortError: no label maps, none with the target, or slices cropped by what is drawn.
    """
    from osteon.learning.folds import divisions, fold_tasks, run_folds

    refuse_drawn_regions(preprocessing)
    full = segmentation(recipe).for_learner(learner).fitted_to(cohort.classes, preprocessing.size)
    table = in_order(samples, splits)
    cases = slice_cases(table, prepared, cohort, full)
    hashes = {
        "data": hash_table(table[["sample_id"]], (prepared / DIGEST_FILE).read_text()),
        "split": hash_table(table[JUDGED]),
    }
    tasks = fold_tasks(
        full,
        cases,
        divisions(table["fold"].to_numpy(), table["split"].to_numpy()),
        data_hash=hashes["data"],
        split_hash=hashes["split"],
        work=workspace,
    )
    results = run_folds(tasks)
    # The catalog places the workspace in data/06_models/<paper>/<learner>/work.
    name, paper = workspace.parent.name, workspace.parents[1].name
    judged = pd.concat([table.iloc[one.test][JUDGED].assign(fold=one.fold) for one in results])
    card = artefact_card(full, cohort, preprocessing, hashes)
    digest = f"{tasks[0].folder.name} {' '.join(one.sha256 for one in results)}"
    return (
        Build(digest, partial(_write_maps, judged=judged, results=results, size=cases.size)),
        judged.assign(learner=name, paper=paper).reset_index(drop=True),
        Build(tasks[0].folder.name, partial(write_folds, results=results, card=card)),
        _history(results),
        _fitted(results, table, name),
        training_record(full, results, hashes),
    )


def refuse_drawn_regions(preprocessing: PreprocessingConfig) -> None:
    """Refuse slices that were chosen or cut by the outline that is to be found.

    Raises:
        CohortError: `region` is not the whole slice, or `slices` go by what is drawn on them.
    """
    from osteon.cohorts.choosing import LESION_CHOICES

    if (choice := preprocessing.slices.choice) in LESION_CHOICES:
        raise CohortError(
            f"preprocessing.slices: choice {choice} found; only choice all or even allowed: judged "
            "slices would be chosen by the label map, which nobody has of a new patient, and every "
            "one would show the target"
        )
    found = preprocessing.region
    if found.mode != "whole" or found.apply_mask:
        raise CohortError(
            f"preprocessing.region: mode {found.mode}, apply_mask {found.apply_mask} found; only "
            "mode whole without apply_mask allowed: a region by the label map shows the network "
            "where the target is, in the judged slices too"
        )


def segmentation(recipe: Recipe) -> SegmentationRecipe:
    """The row's recipe.

    Raises:
        ValueError: the parameters hold another kind.
    """
    if not isinstance(recipe.root, SegmentationRecipe):
        raise ValueError(f"recipe.kind: {recipe.root.kind} found, segmentation allowed")
    return recipe.root


def in_order(samples: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """The slices with fold and part, in the order of the image store."""
    known = samples.drop(columns=["fold", "split"], errors="ignore")
    table = known.merge(splits[JUDGED], on=["sample_id", "patient_id"], validate="one_to_one")
    return table.sort_values("row").reset_index(drop=True)


def slice_cases(
    table: pd.DataFrame, prepared: Path, cohort: CohortConfig, recipe: SegmentationRecipe
) -> "SliceCases":
    """The slices as the fit loop reads them.

    Args:
        table: in the order of the store: sample_id, patient_id, row, series_id, slice.
        prepared: folder of the image store.
        cohort: the mask's classes.
        recipe: of one learner.

    Raises:
        CohortError: no label maps in the store, or none shows the target.
    """
    from osteon.learning.segmentation import SliceCases

    target, tissues = values_of(cohort)
    if not (prepared / MASKS).is_file():
        raise CohortError(NO_MASKS)
    rows = table["row"].to_numpy(np.int64)
    shown = target_shares(prepared, target)[rows] > 0
    if not shown.any():
        raise CohortError(
            f"cohort.classes: {cohort.classes[-1]} is on none of {len(rows)} label maps; at least "
            "one must show it"
        )
    return SliceCases(
        images=prepared / IMAGES,
        masks=prepared / MASKS,
        rows=rows,
        labels=shown.astype(np.int64),
        patients=table["patient_id"].factorize()[0],
        samples=table["sample_id"].to_numpy(str),
        target=target,
        neighbours=beside(table, rows) if recipe.with_neighbours else None,
        hflip=recipe.hflip,
        patches=recipe.plan(target, tissues),
    )


def values_of(cohort: CohortConfig) -> tuple[int, tuple[int, ...]]:
    """Value of the target in the label maps, and the values of the other tissues.

    Raises:
        CohortError: the last class is no class of the label maps.
    """
    known = list(cohort.mask_classes)
    if cohort.classes[-1] not in known[1:]:
        raise CohortError(
            f"cohort.mask_classes: {known} found; the last of cohort.classes, "
            f"{cohort.classes[-1]}, must be one of them and not the first"
        )
    target = known.index(cohort.classes[-1])
    return target, tuple(value for value in range(1, len(known)) if value != target)


def beside(table: pd.DataFrame, rows: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """N × 2 rows of the store: the slice before and after, the slice itself at the ends.

    Args:
        table: patient_id, series_id and slice; a slice of no series stands alone.
        rows: of the store.
    """
    found = np.stack([rows, rows], axis=1)
    ordered = table.assign(at=np.arange(len(table))).sort_values("slice", kind="stable")
    named = ordered[ordered["series_id"].fillna("") != ""]
    for _, own in named.groupby(["patient_id", "series_id"], sort=False):
        at = own["at"].to_numpy()
        found[at[1:], 0], found[at[:-1], 1] = rows[at[:-1]], rows[at[1:]]
    return found


def _write_maps(folder: Path, judged: pd.DataFrame, results: "list[FoldResult]", size: int) -> None:
    """Maps and, of networks on patches, what they say of each patch; bytes, 255 is 1."""
    from osteon.explaining.store import write_parts

    pixels = size * size
    parts = (
        {"map": flat[:, :pixels].reshape(-1, size, size)}
        | ({"patches": flat[:, pixels:]} if flat.shape[1] > pixels else {})
        for flat in (one.probabilities for one in results)
    )
    write_parts(folder, judged["sample_id"].tolist(), parts)


def _history(results: "list[FoldResult]") -> pd.DataFrame:
    """Learning curves, those of the pretraining first, told apart by `stage`."""
    parts = []
    for one in results:
        if one.pretraining:
            parts.append(pd.DataFrame(one.pretraining).assign(fold=one.fold))
        parts.append(pd.DataFrame(one.history).assign(fold=one.fold, stage="training"))
    return pd.concat(parts, ignore_index=True)


def _fitted(results: "list[FoldResult]", table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The slices that each fold was fitted on, early stopping included."""
    parts = [
        table.iloc[one.train][["sample_id", "patient_id"]].assign(
            label=one.fitted_labels, fold=one.fold, learner=name
        )
        for one in results
    ]
    return pd.concat(parts, ignore_index=True)
