"""How long 200 trials of λ take on 445 patients beyond Optuna's own time, and how good their λ is.

    python benchmarks/tuning_lambda.py [--trials 200] [--repeats 3] [--cohorts 5] [--seeds 4]

Made-up predictions of 445 patients, 1,625 series and 15,778 images, in which D, M and A know
something each. The study runs as in a run: TPE, weights in steps of 0.05, the published λ first,
an SQLite file, one process; its λ is compared with the whole grid, whose time counts as ours. The
rival is the same study with the same space in the same file with a constant in place of the votes:
what is left is what our trials cost. Processor seconds, at their best of several repeats, as
others may be busy on this machine; `inside_trials_seconds` are those on the clock.

A study of λ may pass by the best point of the grid: `study_alone` says how many did, over cohorts
and seeds of the sampler, and by how many patients at most. That is why the grid is asked as well,
and its λ chosen where it is better. Prints one JSON line; fails above 5 s, or where the chosen λ is
worse than the grid's.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import optuna
import pandas as pd

from benchmarks.fusion import IMAGES, PATIENTS, SEQUENCES, shared_out
from osteon.pipelines.tuning.fusing import IN_TURN, people_of
from osteon.pipelines.tuning.fusion_grid import SLACK, repeated, searched
from osteon.pipelines.tuning.fusion_trials import FusionTrial, Predictions
from osteon.pipelines.tuning.storing import study_location
from osteon.pipelines.tuning.studying import Outcome, Plan, finished, run_study
from osteon.recipes import Recipe
from osteon.recipes.spinal_wff import PUBLISHED, FusionLearner
from osteon.recipes.tuning import TuningConfig, drawn_from

LIMIT = 5.0
MALIGNANT, FOLDS = 265, 4
SPACE = {"weights": {"simplex": 3, "step": 0.05}}
Study = tuple[float, optuna.Study]


def cohort(seed: int = 0) -> Predictions:
    """Opinions that err together within a patient and within a series, as real ones do."""
    rng = np.random.default_rng(seed)
    label = (rng.permutation(PATIENTS) < MALIGNANT).astype(np.int64)
    patient = shared_out(SEQUENCES, PATIENTS, rng)
    series = shared_out(IMAGES, SEQUENCES, rng)
    truth = 2 * label - 1

    def share(signal: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-signal))

    by_patient, by_series = rng.normal(0, 1.2, PATIENTS), rng.normal(0, 0.8, SEQUENCES)
    d = (0.9 * truth + by_patient)[patient] + by_series
    d = share(d[series] + rng.normal(size=IMAGES))
    m = share((0.9 * truth + rng.normal(0, 1.2, PATIENTS))[patient] + rng.normal(0, 0.8, SEQUENCES))
    age = np.clip(48 + 8 * truth + rng.normal(0, 18, PATIENTS), 4, 82).round()
    people = pd.DataFrame({"patient_id": [f"P{k:03d}" for k in range(PATIENTS)], "label": label})
    people = people.assign(age=age, fold=np.arange(PATIENTS) % FOLDS, split="cv")
    names = pd.Series([f"S{k:04d}" for k in range(SEQUENCES)])
    of_image = people.iloc[patient[series]].reset_index(drop=True)
    samples = of_image.assign(
        sample_id=[f"I{k:05d}" for k in range(IMAGES)],
        series_id=names.iloc[series].to_numpy(),
        slice=np.arange(IMAGES),
    )
    boxes = samples.assign(prob_benign=0.9 * (1 - d), prob_malignant=0.9 * d, score=0.9)
    scores = people.iloc[patient].reset_index(drop=True)
    scores = scores.assign(sequence_id=names, sequence="T2WI", prob_malignant=m, prob_benign=1 - m)
    found = boxes[rng.random(IMAGES) > 0.3].reset_index(drop=True)
    return Predictions(samples, found, {16: scores}, people_of(samples), ("benign", "malignant"))


class Constant:
    """A trial that costs nothing, with as many facts as ours."""

    def __init__(self, facts: dict[str, Any]):
        self.facts = facts

    def __call__(self, values: dict[str, Any], report: Callable[..., None], number: int) -> Outcome:
        return Outcome(0.5, self.facts)


def timed(name: str, trialled: Any, tuning: TuningConfig, place: str) -> Study:
    """Processor seconds of a whole study, and the study."""
    first = drawn_from(tuning.space, {"weights": PUBLISHED})
    start = time.process_time()
    study = run_study(Plan(name, place, tuning, first, trialled), IN_TURN)
    return time.process_time() - start, study


def trial_on(predictions: Predictions, folder: Path) -> FusionTrial:
    """A trial that has counted nothing yet."""
    recipe = Recipe.model_validate({"kind": "weighted_fusion"})
    return FusionTrial(predictions, recipe, FusionLearner(), 16, "accuracy", folder)


def ours(name: str, folder: Path, tuning: TuningConfig, place: str) -> Study:
    """The same with the look at the grid; nothing is kept from an earlier repeat."""
    fresh = trial_on(cohort(), folder)
    spent, study = timed(name, fresh, tuning, place)
    start = time.process_time()
    searched(finished(study), {}, fresh, tuning)
    return spent + time.process_time() - start, study


def alone(folder: Path, tuning: TuningConfig, cohorts: int, seeds: int) -> dict[str, Any]:
    """How often a study by itself finds what the grid knows."""
    first, short = drawn_from(tuning.space, {"weights": PUBLISHED}), []
    for trial in (trial_on(cohort(k), folder) for k in range(cohorts)):
        for seed in range(seeds):
            found = searched(repeated(trial, tuning, first, seed), {}, trial, tuning)
            grid, study = found["exhaustive"], found["seeds"][0]
            if grid["with_ties"] > study["with_ties"] + SLACK:
                short.append(round(PATIENTS * (grid["accuracy"] - study["accuracy"])))
    worse = {"worse": len(short), "patients_at_most": max(short, default=0)}
    return {"studies": cohorts * seeds, "cohorts": cohorts, **worse}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cohorts", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=4)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.disable(logging.INFO)
    tuning = TuningConfig.model_validate(
        {"trials": arguments.trials, "space": SPACE, "objective": "accuracy", "seeds": 1}
    )
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        place, trial = study_location(None, folder), trial_on(cohort(), folder)
        facts = trial({"weights": PUBLISHED}, lambda *_: None, 0).facts
        few = tuning.model_copy(update={"trials": 2})
        timed("warm", Constant(facts), few, place)  # makes the file
        rival, own = [], []
        for k in range(arguments.repeats):
            rival.append(timed(f"constant-{k}", Constant(facts), tuning, place)[0])
            own.append(ours(f"lambda-{k}", folder, tuning, place))
        study = own[0][1]
        found = searched(finished(study), {}, trial, tuning)
        told = alone(folder, tuning, arguments.cohorts, arguments.seeds)
    report(min(spent for spent, _ in own), min(rival), study, found, told)


def report(
    own: float, rival: float, study: optuna.Study, found: dict[str, Any], alone: dict[str, Any]
) -> None:
    """One JSON line; SystemExit where a figure is missed."""
    grid, chosen = found["exhaustive"], found["inner"]
    trials = finished(study)
    inside = sum(one.user_attrs["seconds"] for one in trials)
    line = {
        "trials": len(trials),
        "study_cpu_seconds": round(own, 2),
        "constant_cpu_seconds": round(rival, 2),
        "beyond_cpu_seconds": round(own - rival, 2),
        "inside_trials_seconds": round(inside, 2),
        "ratio": round(own / rival, 3),
        "weights": found["chosen"]["weights"],
        "accuracy": round(chosen["accuracy"], 4),
        "grid_accuracy": round(grid["accuracy"], 4),
        "chosen_by": found["chosen_by"],
        "study_alone": alone,
    }
    print(json.dumps(line))
    if own - rival >= LIMIT or inside >= LIMIT:
        raise SystemExit(f"{own - rival:.2f} s beyond Optuna's own, below {LIMIT:g} s wanted")
    if chosen["with_ties"] < grid["with_ties"] - SLACK:
        raise SystemExit("the chosen λ is worse than the best of the grid")


if __name__ == "__main__":
    main()
