"""Steps of tuning a row of networks; the row of the weighted fusion has its own."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.tuning.certifying import certify_tuning
from osteon.pipelines.tuning.dividing import (
    divide_training_part,
    outer_division,
    take_training_part,
)
from osteon.pipelines.tuning.images import image_tunable
from osteon.pipelines.tuning.judging import best_facts, judge_chosen, seconds_of
from osteon.pipelines.tuning.searching import search
from osteon.recipes import Learner, Recipe
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.tuning import SpaceError, TuningConfig, best_yaml, changes, values_of

__all__ = [
    "certify_tuning",
    "divide_training_part",
    "judge_images",
    "list_trials",
    "take_training_part",
    "tune_images",
    "write_best_values",
]


def tune_images(
    tuning_samples: pd.DataFrame,
    tuning_inner: pd.DataFrame,
    prepared: Path,
    tuning_workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    learner: Learner,
    tuning: TuningConfig,
    parallel: ParallelConfig,
    *,
    name: str,
) -> Any:
    """Search the best values of one learner of an image row.

    Args:
        tuning_samples: of the training part: what trials see, and nothing else.
        tuning_inner: folds of the training part.
        prepared: folder of the image store.
        tuning_workspace: folder of the row's studies.
        cohort: the classes.
        preprocessing: side of the images.
        recipe: what all learners of the paper share.
        learner: what the tuned one has of its own.
        tuning: search space and how it is searched.
        parallel: how many trials at once, and where.
        name: of the row.

    Returns:
        the study, as many trials finished, given up or failed as were asked for.

    Raises:
        CohortError: the cohort lacks a value that the learner needs.
        SpaceError: a path or a value that the recipe does not take.
    """
    rest = (prepared, cohort, preprocessing, recipe, learner)
    tunable = image_tunable(tuning_samples, tuning_inner, *rest)
    tunable.demand_inputs(tunable.full({}))
    return search(tunable, tuning_workspace, prepared, tuning, parallel, name)


def judge_images(
    tuning_study: Any,
    tuning_certificate: dict[str, Any],
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    tuning_samples: pd.DataFrame,
    tuning_inner: pd.DataFrame,
    prepared: Path,
    tuning_workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    learner: Learner,
    tuning: TuningConfig,
    *,
    row: str,
) -> dict[str, Any]:
    """The one look at the outer part; arguments as for `tune_images`, and the whole cohort.

    Args:
        tuning_study: finished.
        tuning_certificate: of its trials; without it nothing is looked at.
        samples: of the whole cohort.
        splits: the row's own folds.
        tuning_samples: of the training part.
        tuning_inner: folds of the training part.
        prepared: folder of the image store.
        tuning_workspace: folder of the row's studies.
        cohort: the classes, and where the data are from.
        preprocessing: side of the images.
        recipe: what all learners of the paper share.
        learner: what the tuned one has of its own.
        tuning: objective, held-out fold, number of seeds.
        row: name of the tuned learner.

    Returns:
        as `osteon.pipelines.tuning.judging.judge_chosen`.
    """
    rest = (prepared, cohort, preprocessing, recipe, learner)
    inner = image_tunable(tuning_samples, tuning_inner, *rest)
    outer = image_tunable(samples, outer_division(splits, tuning), *rest)
    return judge_chosen(
        tuning_study, tuning_certificate, inner, outer, tuning_workspace, cohort, tuning, row
    )


def list_trials(tuning_study: Any, tuning: TuningConfig) -> pd.DataFrame:
    """The study as a table that any program reads.

    Args:
        tuning_study: finished.
        tuning: its search space.

    Returns:
        number (place in the study, from 0), state, value (of finished trials),
        `params` (what was laid into the recipe, JSON by path), seconds from begin to end,
        error.
    """
    from osteon.measures.describing import plain
    from osteon.pipelines.tuning.studying import finished
    from osteon.reporting.page.tuning_tables import safe

    rows = []
    for number, trial in enumerate(finished(tuning_study)):
        try:
            tried = values_of(tuning.space, trial.params)
        except SpaceError:  # it failed before all values were drawn
            tried = {}
        rows.append(
            {
                "number": number,
                "state": trial.state.name.lower(),
                # What a trial that was given up said last is no score of all inner folds.
                "value": trial.value if trial.state.name == "COMPLETE" else None,
                "params": json.dumps(plain(tried)),
                "seconds": seconds_of([trial]),
                "error": safe(trial.user_attrs["error"]) if "error" in trial.user_attrs else "",
            }
        )
    return pd.DataFrame(rows).astype({"value": "float64", "seconds": "float64"})


def write_best_values(
    tuning_result: dict[str, Any],
    recipe: Recipe,
    learner: Any,
    *,
    paper: str,
    row: str,
) -> str:
    """The chosen values as a file that a person can lay into `conf/`.

    Args:
        tuning_result: of the judging node.
        recipe: what all learners of the paper share, as configured.
        learner: what the tuned one has of its own, as configured.
        paper: namespace.
        row: name of the tuned learner.

    Returns:
        YAML.
    """
    ours, theirs = changes(recipe, learner, tuning_result["chosen"])
    return best_yaml(paper, row, ours, theirs, best_facts(tuning_result))
