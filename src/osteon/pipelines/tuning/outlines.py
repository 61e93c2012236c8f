"""What a trial of the segmentation row trains, and the Dice of the patients that it judges.

Dice is the evaluator's: maps are laid back on the archive's own pixels, called at
`postprocess.threshold` and cleaned, and a patient's slices are judged as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import DIGEST_FILE
from osteon.pipelines.preprocessing.storing import MASKS
from osteon.pipelines.spinal_penn.judging import MAP, Reading
from osteon.pipelines.spinal_penn.training import (
    JUDGED,
    in_order,
    refuse_drawn_regions,
    segmentation,
    slice_cases,
    values_of,
)
from osteon.pipelines.training.nodes import hash_table
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.segmenting import PostprocessConfig
from osteon.recipes.spinal_penn import SegmentationLearner, SegmentationRecipe
from osteon.recipes.tuning import tuned_recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from osteon.learning.tasks import FoldResult, FoldTask

SHARED = "shared"
"""Folder beside the trials' own, for networks that no tuned value changes."""
AFTERWARDS = "postprocess"
"""Part of a recipe that is looked at only once the maps are there."""


@dataclass(frozen=True)
class OutlineTunable:
    """A segmenter whose recipe is tuned; small enough to be sent to another process.

    Where nothing but post-processing is tuned (`postprocess.threshold`, `.least_px`) the maps do
    not depend on the values: the first trial trains, all others read its maps. Beside values that
    change the network a threshold is one more of them, judged on its trial's own maps.

    Attributes:
        samples: one row a slice with a label map, with its place in store and archive.
        splits: which fold trains on and judges which slice, by patient.
        prepared: folder of the image store, with label maps.
        archive: label maps on the slices' own pixels.
        cohort: the mask's classes; the last class is the target.
        preprocessing: how slices were laid on their squares.
        recipe: of the row.
        learner: what the tuned one has of its own.
    """

    samples: pd.DataFrame
    splits: pd.DataFrame
    prepared: Path
    archive: Any
    cohort: CohortConfig
    preprocessing: PreprocessingConfig
    recipe: Recipe
    learner: SegmentationLearner

    def full(self, values: Mapping[str, Any], seed: int | None = None) -> SegmentationRecipe:
        """The learner's whole recipe with some values laid into it.

        Args:
            values: path → value.
            seed: of training and pretraining; None = as configured.

        Raises:
            SpaceError: a path leads nowhere.
            ValidationError: a value that the recipe refuses, or values that do not fit together.
            ValueError: a recipe of another row, or patches larger than the slices.
        """
        segmentation(self.recipe)  # refuses another row's
        full = cast(SegmentationRecipe, tuned_recipe(self.recipe, self.learner, values))
        full = full.fitted_to(self.cohort.classes, self.preprocessing.size)
        return full if seed is None else seeded(full, seed)

    def folds(
        self, values: Mapping[str, Any], workspace: Path, seed: int | None = None
    ) -> "list[FoldTask]":
        """One task a fold.

        Args:
            values: path → value.
            workspace: the trial's own folder; where only post-processing is tuned, the folder
                `shared` beside it is used instead.
            seed: of the training; None = as configured.

        Raises:
            CohortError: no label maps, none with the target, or slices cropped by what is drawn.
            ValueError: as `full`.
        """
        from osteon.learning.folds import divisions, fold_tasks

        refuse_drawn_regions(self.preprocessing)
        full, table = self.full(values, seed), self._table
        once = bool(values) and all(path.split(".")[0] == AFTERWARDS for path in values)
        return fold_tasks(
            full,
            slice_cases(table, self.prepared, self.cohort, full),
            divisions(table["fold"].to_numpy(), table["split"].to_numpy()),
            data_hash=hash_table(table[["sample_id"]], (self.prepared / DIGEST_FILE).read_text()),
            split_hash=hash_table(table[JUDGED]),
            work=workspace.parent / SHARED if once else workspace,
        )

    def patients(self, results: "Sequence[FoldResult]", values: Mapping[str, Any]) -> pd.DataFrame:
        """How well each judged patient is outlined; one slice at a time is in memory.

        Args:
            results: of the tasks of `folds`.
            values: the same that `folds` was given: they say how maps become outlines.

        Returns:
            one row a patient: patient_id, label (1 where the target is drawn), dice (NaN where
            nothing is drawn and nothing outlined: no mean counts it, as in evaluation) and fold.

        Raises:
            CohortError: the archive has no label map of a judged slice.
        """
        from osteon.measures.outlines import outlined
        from osteon.measures.segmentation import count

        how, table = self.full(values).postprocess, self._table
        reading = self._reading(FoldMaps(results, self.preprocessing.size), how)
        counted = []
        for result in results:
            for row in table.iloc[result.test].itertuples(index=False):
                drawn = reading.reference(row)
                probability = reading.probability(row, drawn.shape)
                said = outlined(probability, how.threshold, how.least_px, how.fill_holes)
                names = {"patient_id": str(cast(Any, row).patient_id), "fold": result.fold}
                counted.append(names | count(said, drawn))
        return by_patient(pd.DataFrame(counted))

    @property
    def _table(self) -> pd.DataFrame:
        """The slices of the folds, in the order of the store; results count positions in it."""
        return in_order(self.samples, self.splits)

    def _reading(self, maps: "FoldMaps", how: PostprocessConfig) -> Reading:
        """What evaluation reads slices with; patches are not judged here."""
        return Reading(
            maps=cast(Any, maps),
            archive=self.archive,
            masks=np.load(self.prepared / MASKS, mmap_mode="r", allow_pickle=False),
            target=values_of(self.cohort)[0],
            preprocessing=self.preprocessing,
            postprocess=how,
            grid=None,
        )


class FoldMaps:
    """Maps of finished folds, asked for as those of `osteon.explaining.store.Maps`.

    Args:
        results: of the folds.
        size: side of the maps, px.
    """

    methods = (MAP,)

    def __init__(self, results: "Sequence[FoldResult]", size: int) -> None:
        self._size = size
        self._rows = {
            sample: (result.probabilities, at)
            for result in results
            for at, sample in enumerate(result.samples)
        }

    def get(self, method: str, sample: str) -> "NDArray[np.uint8] | None":
        """The map of a judged slice, size × size bytes; None if it was not judged.

        Args:
            method: of no meaning here: there are maps alone.
            sample: its id.
        """
        if sample not in self._rows:
            return None
        found, at = self._rows[sample]
        # What the network says of each patch stands behind the map.
        return np.asarray(found[at, : self._size**2]).reshape(self._size, self._size)


def by_patient(slices: pd.DataFrame) -> pd.DataFrame:
    """Dice of each patient, all slices judged as one.

    Args:
        slices: patient_id, fold, tp, fp, fn; one row a slice.

    Returns:
        patient_id, label, dice and fold; as `OutlineTunable.patients` says.
    """
    from osteon.measures.segmentation import overlap

    counts = ["tp", "fp", "fn"]
    found = slices.groupby(["patient_id", "fold"], as_index=False)[counts].sum()
    tp, fp, fn = (found[name].to_numpy() for name in counts)
    label = (tp + fn > 0).astype(np.int64)
    scored = found.assign(label=label, dice=overlap(tp, fp, fn)["dice"])
    return scored[["patient_id", "label", "dice", "fold"]]


def seeded(recipe: SegmentationRecipe, seed: int) -> SegmentationRecipe:
    """The same recipe with another chance, in pretraining too.

    Args:
        recipe: of one learner.
        seed: of weights, order and dropout.
    """
    block = recipe.model_dump()
    for part in (block, block["pretraining"]):
        if part is not None:
            part["training"]["seed"] = seed
    return SegmentationRecipe.model_validate(block)
