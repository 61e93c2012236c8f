"""Cross-validation: one task a fold, each resumable and reusable, in one process or in several.

A fold works in `<work>/<fingerprint>/fold<k>/`. While it trains, `checkpoint.safetensors` is
replaced after each epoch, as is each pretraining stage's own before it; when it is done, weights
and answers (safetensors) are written, then `result.json`, and the checkpoints go. The fingerprint
covers recipe, data, split, code and torch version: a folder is only ever found again by a run that
would write the same into it.
"""

import logging
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from osteon.learning.balance import Training, prepare_training
from osteon.learning.batches import Cases
from osteon.learning.fit import fit
from osteon.learning.permutation import hold_back_patients, permute_labels
from osteon.learning.predict import at_once, predict
from osteon.learning.pretraining import pretrain
from osteon.learning.setup import build_fabric, seed_torch, standardise, wants_gpu
from osteon.learning.tasks import (
    CHECKPOINT,
    Division,
    FoldResult,
    FoldTask,
    Recipe,
    code_digest,
    is_finished,
    read_result,
    stage_checkpoint,
    task_fingerprint,
    write_result,
)
from osteon.learning.watching import Onlooker, Watch
from osteon.learning.workers import keep_worker

logger = logging.getLogger(__name__)


def divisions(fold: NDArray[np.int64], split: NDArray[Any]) -> list[Division]:
    """Number, training and test positions of each fold that has a case to judge.

    Args:
        fold: N fold numbers; cases of fold -1 are trained on and never judged.
        split: N of `cv`, or of `train` and `test` when the cohort fixes them (then one division).
    """
    if set(split.tolist()) <= {"train", "test"}:
        return [Division(0, np.flatnonzero(split == "train"), np.flatnonzero(split == "test"))]
    return [
        Division(int(k), np.flatnonzero(fold != k), np.flatnonzero(fold == k))
        for k in np.unique(fold[fold >= 0])
    ]


def fold_tasks(
    recipe: Recipe,
    cases: Cases,
    parts: Sequence[Division],
    *,
    data_hash: str,
    split_hash: str,
    work: Path,
    fresh: bool = False,
) -> list[FoldTask]:
    """One task for each division; labels are permuted here if the recipe says so.

    Args:
        recipe: of the learner.
        cases: the cohort.
        parts: as from `divisions`.
        data_hash: hash of the prepared images.
        split_hash: hash of the splits table.
        work: the learner's own folder for unfinished and finished folds.
        fresh: train again in any case.

    Raises:
        ValueError: a division is empty or has a case in both parts.
    """
    _check(parts)
    if recipe.permutes_labels:
        seed = recipe.resolved_training().seed
        labels = permute_labels(cases.labels, cases.patients, seed, [part.test for part in parts])
        cases = cases.with_labels(labels)
    code = code_digest(recipe)
    folder = work / task_fingerprint(
        recipe, cases, parts, code=code, data_hash=data_hash, split_hash=split_hash
    )
    return [
        FoldTask(recipe, cases, train, test, fold, folder, code, fresh)
        for fold, train, test in parts
    ]


def run_folds(tasks: Sequence[FoldTask], workers: int | None = None) -> list[FoldResult]:
    """Train all folds, or take up what is already there, and clear away outdated work.

    Args:
        tasks: of one learner.
        workers: processes side by side; 0 = one a core, None = as the recipe says. Folds follow one
            another on a GPU and when several devices share a fold.

    Returns:
        results in the order of the tasks.
    """
    # A fold that waits for its turn must be seen to be unfinished by a run beside this one.
    for task in tasks:
        task.workspace.mkdir(parents=True, exist_ok=True)
    config = tasks[0].recipe.resolved_training()
    wanted = config.fold_workers if workers is None else workers
    together = min(wanted or joblib.cpu_count(), len(tasks))
    if wants_gpu(config) or config.device_count > 1:
        together = 1
    if together == 1:
        results = [train_fold(task) for task in tasks]
    else:
        threads = max(1, joblib.cpu_count() // together)
        parallel = joblib.Parallel(n_jobs=together)
        # The largest first: begun last it would be waited for alone.
        order = sorted(range(len(tasks)), key=lambda place: -len(tasks[place].train))
        found = parallel(joblib.delayed(_train_elsewhere)(tasks[at], threads) for at in order)
        results = [
            one for _, one in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])
        ]
    remove_outdated(tasks[0].folder)
    return results


def train_fold(task: FoldTask, watch: Watch | None = None) -> FoldResult:
    """Train one fold and judge its test cases; a finished fold is read, an interrupted one resumed.

    The caller's random state is left as it was.

    Args:
        task: the fold.
        watch: is told after each epoch the AUROC of the test cases, or less their loss where there
            is no AUROC; the epochs of an earlier, interrupted call are told again first. What it
            raises ends the training. Only for test cases that are there to choose by.

    Raises:
        ValueError: several devices share a fold that is watched.
    """
    onlooker = None if watch is None else _watched(task, watch)
    if task.fresh:
        shutil.rmtree(task.workspace, ignore_errors=True)
    done = read_result(task, reused=True)
    if done is not None:
        logger.info("fold %d: already trained, reused", task.fold)
        if onlooker is not None:
            onlooker.retell(done.history)
        return done
    task.workspace.mkdir(parents=True, exist_ok=True)
    fabric = build_fabric(task.recipe.resolved_training())
    with torch.random.fork_rng():
        fabric.launch(partial(_learn, task=task, onlooker=onlooker))
    result = read_result(task, reused=False)
    if result is None:
        raise RuntimeError(f"{task.workspace}: training ended without a result")
    return result


def remove_outdated(current: Path) -> None:
    """Delete the learner's finished work under other fingerprints: its results are saved.

    Work in which a fold is unfinished stays: it was interrupted, or another run is at it now.
    """
    for folder in current.parent.iterdir():
        if folder.is_dir() and folder != current and len(folder.name) == len(current.name):
            folds = list(folder.glob("fold*"))
            if folds and all(map(is_finished, folds)):
                shutil.rmtree(folder, ignore_errors=True)


def _watched(task: FoldTask, watch: Watch) -> Onlooker:
    """Several devices are several processes: what `watch` raises in one would leave the others."""
    devices = task.recipe.resolved_training().device_count
    if devices > 1:
        raise ValueError(f"training.device_count: {devices} found; a watched fold is allowed 1")
    return Onlooker(watch, task.test)


def _check(parts: Sequence[Division]) -> None:
    for fold, train, test in parts:
        both = np.intersect1d(train, test).size
        if not len(train) or not len(test) or both:
            raise ValueError(
                f"fold {fold}: {len(train)} training and {len(test)} test cases, {both} in both"
            )


def _train_elsewhere(task: FoldTask, threads: int) -> FoldResult:
    keep_worker()
    torch.set_num_threads(threads)
    return train_fold(task)


def _learn(fabric: Fabric, task: FoldTask, onlooker: Onlooker | None = None) -> None:
    """Fit, predict and write down, in each of the launched processes."""
    config, cases = task.recipe.resolved_training(), task.cases
    checkpoint = task.workspace / CHECKPOINT
    stages = task.workspace.glob(stage_checkpoint(task.workspace, "*").name)
    resumed = checkpoint.is_file() or any(stages)
    chance = (config.seed, task.fold)
    seed_torch(*chance)
    network, objective = task.recipe.build_network(), task.recipe.build_objective()
    train, held_back = task.train, task.train[:0]
    if config.early_stop:
        share = config.early_stop.fraction
        train, held_back = hold_back_patients(cases.patients, cases.labels, train, share, chance)
    standardise(network, cases, train)
    fitted = prepare_training(cases, train, objective, config, chance)
    pretraining = _pretrain(fabric, task, network, fitted)
    history = fit(
        fabric,
        network,
        fitted.objective,
        fitted.cases,
        fitted.train,
        fitted.config,
        fold=task.fold,
        checkpoint=checkpoint,
        validation=held_back,
        judged=cases,
        onlooker=onlooker,
    )
    if fabric.global_rank != 0:
        return
    size = at_once(config, cases)
    own = task.train if task.recipe.judges_training else task.train[:0]
    found, of_own = (
        predict(network, objective, cases, part, fabric.device, size) for part in (task.test, own)
    )
    gpu = fabric.device.type == "cuda"
    record = {
        "history": history,
        "pretraining": pretraining,
        "fitted": [str(sample) for sample in cases.samples[task.train]],
        "held_back": [str(sample) for sample in cases.samples[held_back]],
        "device": torch.cuda.get_device_name(fabric.device) if gpu else "cpu",
        "threads": torch.get_num_threads(),
        "parameters": sum(one.numel() for one in network.parameters()),
        "weights_origin": getattr(network, "weights_origin", "none: trained from scratch"),
        "resumed": resumed,
    }
    write_result(task, network, record, probabilities=found, fitted_probabilities=of_own)


def _pretrain(
    fabric: Fabric, task: FoldTask, network: torch.nn.Module, fitted: Training
) -> list[dict[str, Any]]:
    """The stages of a recipe that has `stages(network)`; one without has no history of them."""
    build = getattr(task.recipe, "stages", None)
    if build is None:
        return []
    # A stage reads layers of the stages before it, which are no part of its own network.
    stages = build(fabric.to_device(network))
    return pretrain(fabric, stages, fitted.cases, fitted.train, task.fold, task.workspace)
