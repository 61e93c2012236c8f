"""Tuning of the weighted fusion framework: λ, ages and boxes on saved out-of-fold predictions.

The study sees tables that the test part was taken out of. Its choice is compared with the whole
grid of λ on the same terms, and with what other seeds choose. It judges the test part once.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.measures.leaks import LeakFound
from osteon.pipelines.spinal_wff import parts
from osteon.pipelines.spinal_wff.detecting import wff
from osteon.pipelines.tuning.dividing import take_training_part
from osteon.pipelines.tuning.fusion_grid import repeated, searched
from osteon.pipelines.tuning.fusion_trials import (
    SLICES,
    WEIGHTS,
    FusionTrial,
    Predictions,
)
from osteon.recipes import Recipe
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.spinal_wff import PUBLISHED, TERMS, FusionLearner, SequenceLearner
from osteon.recipes.tuning import (
    Simplex,
    SpaceError,
    TuningConfig,
    check_space,
    drawn_from,
    value_at,
)

logger = logging.getLogger(__name__)

SCORES, LEARNER = "__scores", "__learner"
"""Endings of the arguments that hold a sequence model's scores, and its block."""
IN_TURN = ParallelConfig(backend="sequential")
"""A trial takes milliseconds: handing it to another process would take longer than it does."""
PEOPLE = ["patient_id", "fold", "split", "label", "age"]
SLICE = ["sample_id", "series_id", "slice", *PEOPLE]
Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]


def take_opinions(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    inner_splits: pd.DataFrame,
    detections: pd.DataFrame,
    recipe: Recipe,
    tuning: TuningConfig,
    **models: Any,
) -> Tables:
    """What the study may see: predictions of the training part, each patient out of fold.

    Args:
        samples: one row a slice.
        splits: train and test part.
        inner_splits: folds of the training part.
        detections: found boxes of both parts.
        recipe: the framework's.
        tuning: which part is held out; a hold-out has only 0.
        models: of each sequence model `<name>__scores` and its block `<name>__learner`.

    Returns:
        slices of the training part, with age, label and inner fold; sample_id and patient_id of the
        part that is held out; boxes on the training part; and what all sequence models said of its
        series, N in `slices`.

    Raises:
        CohortError: another part than the test part is to be held out.
        LeakFound: a prediction was made by another division than the inner folds, so that its
            network may have been fitted on the patient.
    """
    inside, held = take_training_part(samples, splits, tuning)
    placed = parts.place(inside, splits, inner_splits)
    own = placed.loc[placed["split"] == parts.INNER, SLICE].reset_index(drop=True)
    found = {"detections": detections}
    scores = scores_by_slices(recipe, models)
    found |= {f"scores of {n} slices": one.assign(slices=n) for n, one in scores.items()}
    training = {name: _out_of_fold(name, one, own) for name, one in found.items()}
    boxes = training.pop("detections")
    return own, held, boxes, pd.concat(training.values(), ignore_index=True)


def tune_fusion(
    tuning_samples: pd.DataFrame,
    tuning_detections: pd.DataFrame,
    tuning_sequences: pd.DataFrame,
    tuning_workspace: Path,
    cohort: CohortConfig,
    recipe: Recipe,
    learner: FusionLearner,
    sequence: SequenceLearner,
    tuning: TuningConfig,
    *,
    name: str,
) -> tuple[Any, dict[str, Any]]:
    """The study, and what it lacks in certainty: the whole grid of λ, and the same by other seeds.

    Args:
        tuning_samples: slices of the training part, as `take_opinions` returns them.
        tuning_detections: boxes on them.
        tuning_sequences: what was said of their series.
        tuning_workspace: folder of studies.
        cohort: the classes.
        recipe: the framework's.
        learner: the row of Table 3 that is tuned, with all three terms.
        sequence: the sequence model of that row.
        tuning: search space and number of trials.
        name: of the row; the study is called `<name>-<16 hexadecimal digits>`, which change with
            the predictions of the training part, the recipe, the search space and the seed.

    Returns:
        the study, and what `osteon.pipelines.tuning.fusion_grid.searched` says of it with
        `configured`, what was there before (path → value).

    Raises:
        SpaceError: a path that needs a network, a value that the recipe does not take, another
            objective, or a row without all three terms.
        ValueError: no trial ran to its end.
    """
    from osteon.pipelines.tuning.storing import study_location
    from osteon.pipelines.tuning.studying import Plan, finished, run_study

    numbers = tuning_sequences["slices"].unique().tolist()
    scores = {n: tuning_sequences[tuning_sequences["slices"] == n] for n in numbers}
    predictions = Predictions(
        tuning_samples, tuning_detections, scores, people_of(tuning_samples), cohort.classes
    )
    trial = trial_of(predictions, recipe, learner, sequence, tuning, tuning_workspace)
    named = f"{name}-{study_digest(trial, tuning)[:16]}"
    trial = replace(trial, workspace=tuning_workspace / named)
    before = values_before(trial, tuning)
    first = (drawn_from(tuning.space, before) or None) if tuning.first else None
    place = study_location(tuning.storage, tuning_workspace)
    study = run_study(Plan(named, place, tuning, first, trial), IN_TURN)
    others = {
        seed: repeated(trial, tuning, first, seed)
        for seed in range(tuning.seed + 1, tuning.seed + tuning.seeds)
    }
    found = searched(finished(study), others, trial, tuning)
    if found["exhaustive"] and found["exhaustive"]["study_worse"]:
        logger.warning("the grid of λ has a better one than %d trials found", tuning.trials)
    return study, found | {"configured": before}


def scores_by_slices(recipe: Recipe, models: Mapping[str, Any]) -> dict[int, pd.DataFrame]:
    """N → what the sequence model with so many slices said.

    Args:
        recipe: the framework's; models: as for `take_opinions`; of two with the same N the first
            by name speaks.
    """
    found: dict[int, pd.DataFrame] = {}
    for name in sorted(one.removesuffix(SCORES) for one in models if one.endswith(SCORES)):
        block = SequenceLearner.model_validate(models[f"{name}{LEARNER}"])
        slices = wff(recipe).sequence.for_learner(block).slices
        if slices in found:  # best values that were laid into conf/ can make two alike
            logger.warning("%s: a sequence model of %d slices is there already", name, slices)
        found.setdefault(slices, models[f"{name}{SCORES}"])
    return found


def people_of(slices: pd.DataFrame) -> pd.DataFrame:
    """One row a patient, as the row's own age table counts them."""
    return slices.drop_duplicates("patient_id")[PEOPLE].reset_index(drop=True)


def trial_of(
    predictions: Predictions,
    recipe: Recipe,
    learner: FusionLearner,
    sequence: SequenceLearner,
    tuning: TuningConfig,
    workspace: Path,
) -> FusionTrial:
    """The trial, once its whole space has been tried on the recipe.

    Raises:
        SpaceError: as `tune_fusion`.
    """
    if tuning.objective not in ("accuracy", "auroc"):
        raise SpaceError(f"objective: {tuning.objective} found, accuracy or auroc allowed")
    if tuning.in_trials:
        laid = ", ".join(tuning.in_trials)
        raise SpaceError(f"in_trials: {laid} found; none allowed, as these trials train nothing")
    if set(learner.terms) != set(TERMS):
        raise SpaceError(
            f"{WEIGHTS}: a row with terms {list(learner.terms)} found, all of {list(TERMS)} needed"
        )
    dimension = tuning.space.get(WEIGHTS)
    if isinstance(dimension, Simplex) and dimension.simplex != len(TERMS):
        raise SpaceError(f"{WEIGHTS}: simplex {dimension.simplex} found, {len(TERMS)} needed")
    slices = wff(recipe).sequence.for_learner(sequence).slices
    trial = FusionTrial(predictions, recipe, learner, slices, tuning.objective, workspace)
    check_space(trial.setting, tuning.space)
    return trial


def values_before(trial: FusionTrial, tuning: TuningConfig) -> dict[str, Any]:
    """What there is without tuning, by path; λ as published, where the row has none of its own."""
    weights = np.array(trial.learner.lambdas(PUBLISHED))
    own = {WEIGHTS: (weights / weights.sum()).round(12).tolist(), SLICES: trial.slices}
    block = wff(trial.recipe).model_dump(mode="json")
    return {path: own[path] if path in own else value_at(block, path) for path in tuning.space}


def study_digest(trial: FusionTrial, tuning: TuningConfig) -> str:
    """SHA-256 of all that decides what the trials are; the test part is not in it."""
    from osteon.measures import age_table, fusion, fusion_search, fusion_terms, opinions
    from osteon.pipelines.spinal_wff import fusing as row
    from osteon.pipelines.tuning import fusion_trials
    from osteon.pipelines.tuning.searching import HOW_FAR, code_of

    given, recipe = trial.predictions, wff(trial.recipe)
    tables = [given.samples, given.detections, *(one for _, one in sorted(given.scores.items()))]
    words = [
        *(one.to_csv(index=False) for one in tables),
        recipe.age.model_dump_json(),
        recipe.voting.model_dump_json(),
        trial.learner.model_dump_json(),
        str(trial.slices),
        code_of(age_table, fusion, fusion_search, fusion_terms, opinions, row, fusion_trials),
        tuning.model_dump_json(exclude=HOW_FAR),
    ]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _out_of_fold(name: str, table: pd.DataFrame, slices: pd.DataFrame) -> pd.DataFrame:
    """The training part of some predictions, each made by the network of its patient's own fold.

    Raises:
        LeakFound: one was made by another division, for instance of an earlier run.
    """
    own = table[table["split"] == parts.INNER].reset_index(drop=True)
    fold = slices.drop_duplicates("patient_id").set_index("patient_id")["fold"]
    astray = own["patient_id"].map(fold) != own["fold"]
    if astray.any():
        first = own.loc[astray].iloc[0]
        raise LeakFound(
            f"leak: {name}: {int(astray.sum())} predictions of another division than the inner "
            f"folds, of patient {first['patient_id']} in fold {first['fold']} among them; its "
            "network may have been fitted on the patient. Train the row anew"
        )
    return own
