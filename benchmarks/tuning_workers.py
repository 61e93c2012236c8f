"""A study of small trainings by two processes against one, and by Dask against loky.

Each trial trains the late-fusion network on two inner folds of a small image store and judges them
out of fold; learning rates are drawn at random and no trial is given up, so that each way does the
same work. Four ways, turn about: this process with one torch thread; this process with a thread a
core (the faster of the two is the rival); two loky processes with one thread each; a Dask cluster
of two such processes on this machine. All must draw the same learning rates, and those with one
thread must reach the same values, or nothing is printed.

Prints one JSON line: medians of the seconds of a study, and medians of the rounds' ratios of two
loky processes to the faster single one (wanted: 1.6 or more) and of Dask's seconds to loky's
(wanted: at most 1.15). Starting two processes and their imports is no part of these: it stands
apart, measured as the first study of two trials beyond a second one, as does the ratio of a study
that has to start them. Exit status 1 where either ratio is missed.

    python benchmarks/tuning_workers.py [--rounds 3] [--trials 12] [--images 400] [--epochs 5]
"""

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import optuna

from osteon.pipelines.tuning.studying import Outcome, Plan, finished, run_study
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.tuning import TuningConfig

FASTER, BESIDE = 1.6, 1.15
WORKERS = 2
SIDE = 48
ALONE = ParallelConfig(backend="sequential")
LOKY = ParallelConfig(backend="loky", workers=WORKERS)


@dataclass(frozen=True)
class SmallTraining:
    """A trial: two folds of the late-fusion network, judged out of fold.

    Attributes:
        store: folder of the images.
        work: where trials train.
        images: how many there are; epochs: of each fold; threads: of torch.
    """

    store: Path
    work: Path
    images: int
    epochs: int
    threads: int

    def __call__(
        self, values: dict[str, Any], report: Callable[[int, float], None], number: int
    ) -> Outcome:
        import torch
        from sklearn.metrics import roc_auc_score

        from osteon.learning.batches import ImageCases
        from osteon.learning.folds import divisions, fold_tasks, train_fold
        from osteon.learning.workers import keep_worker
        from osteon.recipes import FusionRecipe, TrainingConfig

        keep_worker()
        torch.set_num_threads(self.threads)
        training = TrainingConfig(
            epochs=self.epochs, batch=32, milestones=(), freeze_backbone_epochs=0,
            device="cpu", fold_workers=1, lr=values["training.lr"],
        )  # fmt: skip
        numbers = np.arange(self.images)
        cases = ImageCases(
            images=self.store / "images.npy",
            rows=numbers,
            clinical=np.load(self.store / "clinical.npy"),
            labels=numbers % 2,
            patients=numbers.astype(str),
            samples=numbers.astype(str),
        )
        tasks = fold_tasks(
            FusionRecipe(width=0.25, training=training),
            cases,
            divisions(numbers // 2 % 2, np.array(["cv"] * self.images)),
            data_hash="data",
            split_hash="split",
            work=self.work / f"trial-{number}",
        )
        results = [train_fold(task) for task in tasks]
        label = np.concatenate([one.labels for one in results])
        said = np.concatenate([one.probabilities[:, 1] for one in results])
        return Outcome(float(roc_auc_score(label, said)), {})


@dataclass
class Bench:
    """Runs studies one after the other, each in folders of its own."""

    folder: Path
    images: int
    epochs: int
    studies: int = 0

    def study(
        self, trials: int, parallel: ParallelConfig, threads: int
    ) -> tuple[float, list[tuple[float, float]]]:
        """Seconds of a study, and learning rate and value of each trial."""
        self.studies += 1
        own = self.folder / f"study-{self.studies}"
        own.mkdir()
        tuning = TuningConfig.model_validate(
            {
                "trials": trials,
                "space": {"training.lr": {"low": 0.001, "high": 0.1, "log": True}},
                "sampler": "random",
                "pruner": {"kind": "none"},
                "first": False,
            }
        )
        trial = SmallTraining(self.folder, own, self.images, self.epochs, threads)
        plan = Plan(own.name, f"sqlite:///{own}/study.db", tuning, None, trial)
        started = time.perf_counter()
        found = finished(run_study(plan, parallel))
        seconds = time.perf_counter() - started
        done = [one for one in found if one.value is not None]
        if len(done) != trials:
            raise RuntimeError(f"{len(done)} of {trials} trials have a value")
        return seconds, [(one.params["training.lr"], float(one.value or 0.0)) for one in done]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    if given.trials % WORKERS:
        parser.error(f"--trials: {given.trials} found; a multiple of {WORKERS} allowed")
    # Workers read it when they start; what this process uses is set by torch itself.
    os.environ["OMP_NUM_THREADS"] = "1"
    logging.getLogger("osteon").setLevel(logging.ERROR)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        make_store(Path(name), given.images)
        found = compare(Bench(Path(name), given.images, given.epochs), given.trials, given.rounds)
    reached = found["ratio"] >= FASTER and found["dask_to_loky"] <= BESIDE
    told = {"reached": reached, "wanted": FASTER, "wanted_dask_to_loky": BESIDE}
    print(json.dumps(told | vars(given) | {"cores": joblib.cpu_count()} | found))
    sys.exit(not reached)


def make_store(folder: Path, images: int) -> None:
    """Noise, a little brighter in every other image, and clinical values that say nothing."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (images, SIDE, SIDE), dtype=np.uint8)
    pixels[1::2, 16:32, 16:32] += 20
    np.save(folder / "images.npy", pixels)
    np.save(folder / "clinical.npy", rng.normal(size=(images, 4)).astype(np.float32))


def compare(bench: Bench, trials: int, rounds: int) -> dict[str, Any]:
    """Medians over rounds, after a study of each way that is not counted."""
    from dask.distributed import LocalCluster

    bench.study(WORKERS, ALONE, 1)  # this process imports what a training needs
    start = {"loky": start_up(bench, LOKY)}
    began = time.perf_counter()
    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        made = time.perf_counter() - began
        dask = ParallelConfig(backend="dask", workers=WORKERS, address=cluster.scheduler_address)
        start["dask"] = made + start_up(bench, dask)
        ways = {
            "one_thread": (ALONE, 1),
            "thread_a_core": (ALONE, joblib.cpu_count()),
            "loky": (LOKY, 1),
            "dask": (dask, 1),
        }
        took = measure(bench, ways, trials, rounds)
    return told(took, start)


def start_up(bench: Bench, parallel: ParallelConfig) -> float:
    """Seconds that the first study takes beyond a second one of as many trials."""
    first, second = (bench.study(WORKERS, parallel, 1)[0] for _ in range(2))
    return max(0.0, first - second)


def measure(
    bench: Bench, ways: dict[str, tuple[ParallelConfig, int]], trials: int, rounds: int
) -> dict[str, list[float]]:
    """Seconds of each way in each round; a round begins where the one before it went on."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds):
        found = {}
        for name in names[number % len(names) :] + names[: number % len(names)]:
            seconds, found[name] = bench.study(trials, *ways[name])
            took[name].append(seconds)
        rates = {name: [rate for rate, _ in one] for name, one in found.items()}
        if any(one != rates["loky"] for one in rates.values()):
            raise RuntimeError("the ways did not try the same learning rates")
        if not found["one_thread"] == found["loky"] == found["dask"]:
            raise RuntimeError("the same learning rates did not reach the same values")
    return took


def told(took: dict[str, list[float]], start: dict[str, float]) -> dict[str, Any]:
    """Ratios round by round, as the ways of a round met the machine in the same state."""
    alone = list(map(min, took["one_thread"], took["thread_a_core"]))

    def ratios(over: list[float], under: list[float]) -> list[float]:
        return [above / below for above, below in zip(over, under, strict=True)]

    found = ratios(alone, took["loky"])
    beside = ratios(took["dask"], took["loky"])
    cold = [seconds + start["loky"] for seconds in took["loky"]]
    return {
        "ratio": round(statistics.median(found), 3),
        "ratios": [round(one, 3) for one in found],
        "ratio_to_one_thread": round(
            statistics.median(ratios(took["one_thread"], took["loky"])), 3
        ),
        "ratio_to_thread_a_core": round(
            statistics.median(ratios(took["thread_a_core"], took["loky"])), 3
        ),
        "ratio_with_start_up": round(statistics.median(ratios(alone, cold)), 3),
        "dask_to_loky": round(statistics.median(beside), 3),
        "dask_to_loky_ratios": [round(one, 3) for one in beside],
        "start_up_seconds": {name: round(value, 2) for name, value in start.items()},
        "seconds": {name: round(statistics.median(own), 2) for name, own in took.items()},
    }


if __name__ == "__main__":
    main()
