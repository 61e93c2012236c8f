"""How long 16 learners × 850 patients × 2,600 images × 2,000 rounds take, beside a plain loop.

    python benchmarks/evaluation.py [--rounds 2000] [--loop-rounds 5]

The rival resamples patients round by round and calls scikit-learn for each metric, learner, level
and threshold. It runs a few rounds and is scaled up; the numbers of those rounds must agree to
1e-9. Prints one JSON line with the ratio.
"""

import argparse
import json
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from osteon.measures.evaluator import evaluate
from osteon.measures.judging import FIXED, SCORES, YOUDEN, Resamples, measure, with_calls
from osteon.measures.levels import LEVELS, Judged, at_level, checked
from osteon.recipes.evaluation import EvaluationConfig

LEARNERS, PATIENTS, IMAGES = 16, 850, 2600


def cohort(seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    label = (np.arange(PATIENTS) < 394).astype(int)
    extra = generator.integers(0, PATIENTS, IMAGES - PATIENTS)
    patient = np.sort(np.concatenate([np.arange(PATIENTS), extra]))
    fold, effect = np.arange(PATIENTS) % 5, generator.normal(size=PATIENTS)
    tables = []
    for k in range(LEARNERS):
        strength = 1.5 + 0.1 * k
        own = strength * label + 0.7 * effect + 0.5 * generator.normal(size=PATIENTS)
        logit = own[patient] + 0.5 * generator.normal(size=IMAGES) - strength / 2
        positive = np.round(1 / (1 + np.exp(-logit)), 3)
        table = pd.DataFrame(
            {
                "sample_id": [f"S{i}" for i in range(IMAGES)],
                "patient_id": [f"P{p:04d}" for p in patient],
                "paper": "benchmark",
                "learner": f"learner_{k}",
                "fold": fold[patient],
                "split": "cv",
                "label": label[patient],
                "prob_a": 1 - positive,
                "prob_b": positive,
            }
        )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def by_scikit_learn(judged: Judged, weights: np.ndarray) -> dict[tuple[str, str], float]:
    """One round: write the drawn rows out, call scikit-learn for each metric."""
    rows = np.repeat(np.arange(len(judged.unit)), weights[judged.unit])
    label, score = judged.label[rows], judged.score[rows]
    found = {
        (SCORES, "auroc"): sk.roc_auc_score(label, score),
        (SCORES, "auprc"): sk.average_precision_score(label, score),
        (SCORES, "brier"): sk.brier_score_loss(label, score),
    }
    for group in (FIXED, YOUDEN):
        called = judged.called[group][rows].astype(int)
        found |= {
            (group, "accuracy"): sk.accuracy_score(label, called),
            (group, "balanced_accuracy"): sk.balanced_accuracy_score(label, called),
            (group, "sensitivity"): sk.recall_score(label, called, zero_division=0),
            (group, "specificity"): sk.recall_score(label, called, pos_label=0, zero_division=0),
            (group, "precision"): sk.precision_score(label, called, zero_division=0),
            (group, "f1"): sk.f1_score(label, called, zero_division=0),
            (group, "mcc"): sk.matthews_corrcoef(label, called),
        }
    return found


def loop(predictions: pd.DataFrame, config: EvaluationConfig, rounds: int) -> tuple[float, float]:
    """Seconds of the rival for `rounds` rounds, and the largest difference from ours."""
    frame, resamples = checked(predictions), Resamples(config.rounds, config.seed)
    judged = [
        with_calls(at_level(rows, level))[0]
        for _, rows in frame.groupby("learner")
        for level in LEVELS
    ]
    weights = [resamples.of(one)[:rounds] for one in judged]
    start = time.perf_counter()
    theirs = [
        [by_scikit_learn(one, w[r]) for r in range(rounds)]
        for one, w in zip(judged, weights, strict=True)
    ]
    seconds = time.perf_counter() - start
    worst = 0.0
    for one, w, each in zip(judged, weights, theirs, strict=True):
        ours = measure(one, w, config.prevalences)
        for r, found in enumerate(each):
            worst = max(worst, *(abs(ours[key][r] - value) for key, value in found.items()))
    return seconds, worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--loop-rounds", type=int, default=5)
    arguments = parser.parse_args()
    predictions, config = cohort(), EvaluationConfig(rounds=arguments.rounds)
    start = time.perf_counter()
    evaluate(predictions, config, "learner_0")
    ours = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent, worst = loop(predictions, config, arguments.loop_rounds)
    theirs = spent / arguments.loop_rounds * arguments.rounds
    report = {
        "ours_seconds": round(ours, 2),
        "loop_seconds_scaled": round(theirs, 1),
        "ratio": round(theirs / ours, 1),
        "largest_difference": worst,
        "peak_mib": round(peak),
    }
    print(json.dumps(report))
    if worst > 1e-9:
        raise SystemExit(f"numbers differ by {worst}, at most 1e-9 allowed")


if __name__ == "__main__":
    main()
