"""What a trial of an image row trains: late fusion, or a network that sees the image alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.pipelines.training.nodes import image_tasks
from osteon.recipes import Learner, LearnerRecipe, Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.tuning import tuned_recipe

if TYPE_CHECKING:
    from osteon.learning.tasks import FoldResult, FoldTask


@dataclass(frozen=True)
class ImageTunable:
    """A learner of an image row whose recipe is tuned; images stay in their store.

    Attributes:
        samples: one row a sample: label, normalised clinical values, place of its pixels.
        splits: which fold trains on and judges which sample, by patient.
        prepared: folder of the image store.
        classes: of the cohort.
        size: side of the prepared images, px.
        recipe: of the row.
        learner: what the tuned one has of its own.
    """

    samples: pd.DataFrame
    splits: pd.DataFrame
    prepared: Path
    classes: tuple[str, ...]
    size: int
    recipe: Recipe
    learner: Learner

    def full(self, values: Mapping[str, Any], seed: int | None = None) -> LearnerRecipe:
        """The learner's whole recipe with some values laid into it.

        Args:
            values: path → value.
            seed: of training; None = as configured.

        Raises:
            ValueError: a path or value that the recipe refuses, or values that do not fit together.
        """
        tuned = cast(LearnerRecipe, tuned_recipe(self.recipe, self.learner, values))
        full = tuned.fitted_to(self.classes, self.size)
        if seed is None:
            return full
        training = full.training.model_copy(update={"seed": seed})
        return full.model_copy(update={"training": training})

    def folds(
        self, values: Mapping[str, Any], workspace: Path, seed: int | None = None
    ) -> "list[FoldTask]":
        """One task a fold.

        Args:
            values: path → value.
            workspace: folder of this trial.
            seed: of training; None = as configured.

        Raises:
            CohortError: the cohort lacks a value that the learner needs.
            ValueError: as `full`.
        """
        full = self.full(values, seed)
        self.demand_inputs(full)
        return image_tasks(full, self.samples, self.splits, self.prepared, workspace)[1]

    def demand_inputs(self, full: LearnerRecipe) -> None:
        """Stop where the cohort lacks what the learner is fed with.

        Args:
            full: the learner's whole recipe.

        Raises:
            CohortError: it does; names the values.
        """
        reason = full.skip_reason(self.samples)
        if reason is not None:
            raise CohortError(f"tuning: {reason}; tune a learner that this cohort has inputs of")

    def patients(self, results: "Sequence[FoldResult]", values: Mapping[str, Any]) -> pd.DataFrame:
        """Mean probabilities of each judged patient over its images.

        Args:
            results: of the tasks of `folds`.
            values: of no meaning here: results say all.

        Returns:
            patient_id, label, fold, `score` (the last class's probability) and all of them as
            `prob_0`, `prob_1`, ...; in the order of the results, by no name.
        """
        patient = self.samples.set_index("sample_id")["patient_id"]
        parts = []
        for result in results:
            part = pd.DataFrame(result.probabilities).add_prefix("prob_")
            ids = patient.loc[result.samples].to_numpy(str)
            part = part.assign(patient_id=ids, label=result.labels, fold=result.fold)
            parts.append(part.groupby("patient_id", sort=False, as_index=False).mean())
        found = pd.concat(parts, ignore_index=True).astype({"label": "int64", "fold": "int64"})
        return found.assign(score=found[f"prob_{len(self.classes) - 1}"])


def image_tunable(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    prepared: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    learner: Learner,
) -> ImageTunable:
    """The learner on some samples and folds.

    Args:
        samples: those that may be looked at, and no others.
        splits: of these samples.
        prepared: folder of the image store.
        cohort: the classes.
        preprocessing: side of the images.
        recipe: of the row.
        learner: what the tuned one has of its own.
    """
    return ImageTunable(
        samples=samples,
        splits=splits,
        prepared=prepared,
        classes=tuple(cohort.classes),
        size=preprocessing.size,
        recipe=recipe,
        learner=learner,
    )
