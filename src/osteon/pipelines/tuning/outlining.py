"""Steps of tuning the segmentation row; what differs from the image rows is the archive."""

from pathlib import Path
from typing import Any

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.spinal_penn.training import refuse_drawn_regions
from osteon.pipelines.tuning.dividing import outer_division
from osteon.pipelines.tuning.judging import judge_chosen
from osteon.pipelines.tuning.outlines import OutlineTunable
from osteon.pipelines.tuning.searching import search
from osteon.recipes import Recipe
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import SegmentationLearner
from osteon.recipes.tuning import TuningConfig


def tune_outlines(
    tuning_samples: pd.DataFrame,
    tuning_inner: pd.DataFrame,
    prepared: Path,
    archive: Any,
    tuning_workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    learner: SegmentationLearner,
    tuning: TuningConfig,
    parallel: ParallelConfig,
    *,
    name: str,
) -> Any:
    """Search the best values of one segmenter.

    Args:
        tuning_samples: of the training part: what trials see, and nothing else.
        tuning_inner: folds of the training part.
        prepared: folder of the image store, with label maps.
        archive: label maps on the slices' own pixels, read for these samples alone.
        tuning_workspace: folder of the row's studies.
        cohort: the mask's classes; the last class is the target.
        preprocessing: how slices were laid on their squares.
        recipe: what all learners of the paper share.
        learner: what the tuned one has of its own.
        tuning: search space and how it is searched; its objective is dice.
        parallel: how many trials at once, and where.
        name: of the row.

    Returns:
        the study, as many trials finished, given up or failed as were asked for.

    Raises:
        ValueError: another objective; a path or a value that the recipe does not take.
        CohortError: slices chosen or cropped by what is drawn.
    """
    refuse_objective(tuning)
    refuse_drawn_regions(preprocessing)
    rest = (prepared, archive, cohort, preprocessing, recipe, learner)
    tunable = OutlineTunable(tuning_samples, tuning_inner, *rest)
    return search(tunable, tuning_workspace, prepared, tuning, parallel, name)


def judge_outlines(
    tuning_study: Any,
    tuning_certificate: dict[str, Any],
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    tuning_samples: pd.DataFrame,
    tuning_inner: pd.DataFrame,
    prepared: Path,
    archive: Any,
    tuning_workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    learner: SegmentationLearner,
    tuning: TuningConfig,
    *,
    row: str,
) -> dict[str, Any]:
    """The one look at the outer part; arguments as for `tune_outlines`, and the whole cohort.

    Args:
        tuning_study: finished.
        tuning_certificate: of its trials; without it nothing is looked at.
        samples: of the whole cohort.
        splits: the row's own folds.
        tuning_samples: of the training part.
        tuning_inner: folds of the training part.
        prepared: folder of the image store, with label maps.
        archive: label maps on the slices' own pixels.
        tuning_workspace: folder of the row's studies.
        cohort: the mask's classes, and where the data are from.
        preprocessing: how slices were laid on their squares.
        recipe: what all learners of the paper share.
        learner: what the tuned one has of its own.
        tuning: objective, held-out fold, number of seeds.
        row: name of the tuned learner.

    Returns:
        as `osteon.pipelines.tuning.judging.judge_chosen`.
    """
    rest = (prepared, archive, cohort, preprocessing, recipe, learner)
    inner = OutlineTunable(tuning_samples, tuning_inner, *rest)
    outer = OutlineTunable(samples, outer_division(splits, tuning), *rest)
    return judge_chosen(
        tuning_study, tuning_certificate, inner, outer, tuning_workspace, cohort, tuning, row
    )


def refuse_objective(tuning: TuningConfig) -> None:
    """Refuse what outlines cannot be judged by, before anything is trained.

    Raises:
        ValueError: the objective is not dice.
    """
    if tuning.objective != "dice":
        raise ValueError(f"tuning.objective: {tuning.objective} found; outlines allow dice alone")
