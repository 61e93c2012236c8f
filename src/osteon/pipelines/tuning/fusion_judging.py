"""The one look at the test part of the weighted fusion framework, and its best values as a file."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.spinal_wff import parts
from osteon.pipelines.tuning.fusing import people_of, scores_by_slices, trial_of
from osteon.pipelines.tuning.fusion_trials import SLICES, Predictions, Setting
from osteon.pipelines.tuning.judging import (
    LOOKS,
    best_facts,
    note_look,
    refuse_uncertified,
    scores_told,
    study_facts,
)
from osteon.pipelines.tuning.searching import learned
from osteon.recipes import Recipe
from osteon.recipes.best_values import WIDTH
from osteon.recipes.spinal_wff import FusionLearner, SequenceLearner
from osteon.recipes.tuning import TuningConfig, best_yaml, changes

NO_NETWORK = "those of the row itself: no network was trained for tuning"
SEARCHED = ("chosen", "chosen_by", "configured", "ternary", "exhaustive")
"""What the search says of itself and the result repeats."""
SCORE = "voting.score"
TUBES = (
    "voting.score was tried on what boxes say of an image. Tubes of series stayed as they were cut "
    "with {before:g}: a run with {after:g} cuts them anew, and trains sequence models on them."
)
"""The same setting says which boxes may cut a tube, which no trial without a network can try."""


def judge_fusion(
    tuning_study: Any,
    tuning_search: dict[str, Any],
    tuning_certificate: dict[str, Any],
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    inner_splits: pd.DataFrame,
    detections: pd.DataFrame,
    cohort: CohortConfig,
    recipe: Recipe,
    learner: FusionLearner,
    sequence: SequenceLearner,
    tuning: TuningConfig,
    tuning_workspace: Path,
    *,
    row: str,
    **models: Any,
) -> dict[str, Any]:
    """Judge the test part once, by the chosen setting, and say how far that fell short.

    Args:
        tuning_study: the finished study.
        tuning_search: what `tune_fusion` says of it.
        tuning_certificate: of `certify_tuning`, without which nothing is looked at.
        samples: one row a slice; splits: train and test part; inner_splits: of the training part.
        detections: found boxes of both parts.
        cohort: the classes, and where the data are from.
        recipe: the framework's.
        learner: the row that was tuned; sequence: its sequence model.
        tuning: objective and search space.
        tuning_workspace: folder of studies.
        row: name of the row that was tuned.
        models: as for `take_opinions`.

    Returns:
        as `osteon.pipelines.tuning.judging.judge_chosen`, with `exhaustive`, `ternary` and
        `chosen_by` of `tuning_search`. No network is trained: `seeds` and `spread` are those of
        the sampler (`seeds_of`), each with what it chose. `notes` are for people.

    Raises:
        LeakFound: the certificate is another study's, or did not pass.
    """
    from osteon.measures.describing import plain

    refuse_uncertified(tuning_certificate, tuning_study)
    people = people_of(parts.place(samples, splits, inner_splits))
    scores = scores_by_slices(recipe, models)
    every = Predictions(samples, detections, scores, people, cohort.classes)
    trial = trial_of(every, recipe, learner, sequence, tuning, tuning_workspace)
    setting = trial.setting(tuning_search["chosen"])
    inner = trial.judged(setting, parts.INNER)
    held = splits.loc[splits["split"] == parts.TEST, "sample_id"]
    # Before the look: one that was interrupted has been taken too.
    looks = note_look(tuning_workspace / LOOKS, held, described(setting))
    outer = trial.judged(setting, parts.TEST)
    seeds = [
        {"seed": one["seed"], "value": one[tuning.objective], "values": one["values"]}
        for one in tuning_search["seeds"]
    ]
    told = study_facts(tuning_study, tuning_certificate, tuning, row) | {
        **{name: tuning_search[name] for name in SEARCHED},
        "seeds_of": "sampler",
        "looks": looks,
        "notes": notes(tuning_search["configured"], tuning_search["chosen"]),
        "weights": NO_NETWORK,
    }
    return dict(plain(told | scores_told(inner, outer, seeds, cohort)))


def described(setting: Setting) -> dict[str, Any]:
    """All that decides what a setting says of a patient; JSON-able."""
    recipe = learned(setting.recipe.model_dump(mode="json"))
    return {"weights": setting.weights, "slices": setting.slices, "recipe": recipe}


def write_best_fusion(
    tuning_result: dict[str, Any],
    recipe: Recipe,
    learner: FusionLearner,
    *,
    paper: str,
    row: str,
    network: str,
) -> str:
    """The best values as a file for `conf/`: λ in its row, N in that row's sequence model.

    Other rows keep their λ: theirs is chosen by the run itself, with other terms or another N.

    Args:
        tuning_result: of `judge_fusion`.
        recipe: the framework's; learner: the row that was tuned.
        paper: namespace; row: name of the row; network: of its sequence model.
    """
    chosen = dict(tuning_result["chosen"])
    slices = chosen.pop(SLICES, None)
    others = {} if slices is None else {network: {"slices": slices}}
    both = changes(recipe, learner, chosen)
    found = best_yaml(paper, row, *both, best_facts(tuning_result), others)
    words = [line for one in tuning_result["notes"] for line in wrap(one, WIDTH)]
    return "".join(f"# {line}\n" for line in words) + found


def notes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What a person must know of the chosen values beside the scores.

    Args:
        before: configured values by path; after: chosen ones.
    """
    if SCORE not in after or after[SCORE] == before.get(SCORE):
        return []
    return [TUBES.format(before=before[SCORE], after=after[SCORE])]
