"""One study on networks: its name says what it depends on, so that it is only ever gone on with."""

import hashlib
import inspect
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from osteon.pipelines.preprocessing.storing import IMAGES, MASKS
from osteon.pipelines.training.nodes import hash_table
from osteon.pipelines.tuning.trials import TRIALS, NetworkTrial, Tunable
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.tuning import TuningConfig, check_space, current_values, in_trials

if TYPE_CHECKING:
    import optuna

PLACES = ["row", "archive_row", "fold", "split"]
"""Columns that say where a sample lies: they change with the rest of the cohort."""
HOW_FAR = {"trials", "seeds", "storage", "heartbeat", "retries"}
"""Settings that change how long and where a study runs, not what its trials are."""
WHERE = {"device", "device_count", "fold_workers"}
"""Keys of a recipe that change where it is trained, not what is learned."""


def search(
    tunable: Tunable,
    workspace: Path,
    prepared: Path,
    tuning: TuningConfig,
    parallel: ParallelConfig,
    name: str,
) -> "optuna.Study":
    """Run the study, or go on with it, to the asked number of trials.

    Args:
        tunable: the row as configured, on the training part and its inner folds, and nothing else.
        workspace: the row's folder; the study has its own in it.
        prepared: folder of the image store.
        tuning: search space, number of trials, sampler, pruner.
        parallel: how many trials at once, and where.
        name: of the row; the study is called `<name>-<16 hexadecimal digits>`, which change with
            the samples, pixels and folds of the training part, the recipe, the code, the search
            space and the seed.

    Returns:
        the finished study.

    Raises:
        SpaceError: a path or a value that the recipe does not take, before anything is trained.
        ValueError: several devices are to share a fold.
    """
    from osteon.pipelines.tuning.storing import study_location
    from osteon.pipelines.tuning.studying import Plan, run_study

    # As the chosen setting will be trained: no value may be refused only after the last trial.
    check_space(tunable.full, tuning.space)
    tunable = as_tried(tunable, tuning)
    check_space(tunable.full, tuning.space)
    _refuse_shared_folds(tunable)
    named = f"{name}-{study_digest(tunable, prepared, tuning)[:16]}"
    plan = Plan(
        name=named,
        storage=study_location(tuning.storage, workspace),
        tuning=tuning,
        first=current_values(tunable.recipe, tunable.learner, tuning.space)
        if tuning.first
        else None,
        trialled=NetworkTrial(tunable, tuning.objective, workspace / named),
    )
    study = run_study(plan, parallel)
    # What killed trials and shared networks left: every trial is finished now, here or elsewhere.
    shutil.rmtree(workspace / named / TRIALS, ignore_errors=True)
    return study


def as_tried(tunable: Tunable, tuning: TuningConfig) -> Tunable:
    """The row as trials have it.

    Args:
        tunable: as configured; a dataclass.
        tuning: with `in_trials`.

    Raises:
        SpaceError: a path or a value of `in_trials` that the recipe does not take.
    """
    if not tuning.in_trials:
        return tunable
    recipe, learner = in_trials(tunable.recipe, tunable.learner, tuning.in_trials)
    return cast(Tunable, replace(cast(Any, tunable), recipe=recipe, learner=learner))


def _refuse_shared_folds(tunable: Tunable) -> None:
    devices = tunable.full({}).training.device_count
    if devices > 1:
        raise ValueError(
            f"recipe.training.device_count: {devices} found; tuning allows 1: give each worker of "
            "`parallel` a device of its own"
        )


def study_digest(tunable: Tunable, prepared: Path, tuning: TuningConfig) -> str:
    """SHA-256 of all that decides what the trials are; the outer part is not in it.

    Args:
        tunable: on the training part and its inner folds.
        prepared: folder of the image store, of which the training part's pixels are read.
        tuning: search space, objective, sampler, pruner, seed.
    """
    from osteon.learning.tasks import code_digest
    from osteon.measures import tuning as measures

    full = tunable.full({})
    samples = tunable.samples.drop(columns=PLACES, errors="ignore")
    parts = [
        hash_table(samples, pixel_digest(tunable.samples, prepared)),
        hash_table(tunable.splits),
        full.fingerprint(),
        json.dumps(learned(full.describe()), sort_keys=True),
        code_digest(full),
        code_of(measures, sys.modules[type(tunable).__module__]),
        tuning.model_dump_json(exclude=HOW_FAR),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def code_of(*modules: ModuleType) -> str:
    """SHA-256 of the sources of some modules: other code makes other trials."""
    sources = "\0".join(inspect.getsource(module) for module in modules)
    return hashlib.sha256(sources.encode()).hexdigest()


def pixel_digest(samples: pd.DataFrame, prepared: Path) -> str:
    """SHA-256 of the prepared pixels, and label maps, of some samples and of no other.

    Args:
        samples: sample_id and row.
        prepared: folder of the image store.
    """
    digest = hashlib.sha256()
    rows = samples.sort_values("sample_id")["row"].tolist()
    for name in (IMAGES, MASKS):
        if (prepared / name).is_file():
            store = np.load(prepared / name, mmap_mode="r", allow_pickle=False)
            for row in rows:
                digest.update(np.ascontiguousarray(store[row]).data)
    return digest.hexdigest()


def learned(block: Any) -> Any:
    """A recipe's parameters without those that say where it is trained.

    Args:
        block: as `describe` gives it.
    """
    if not isinstance(block, Mapping):
        return block
    return {key: learned(value) for key, value in block.items() if key not in WHERE}
