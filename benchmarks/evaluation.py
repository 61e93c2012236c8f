"""How long 16 learners × 850 patients × 2,600 images × 2,000 rounds take, beside a plain loop.

    python benchmarks/evaluation.py [--rounds 2000] [--loop-rounds 5]

Ours is all of `evaluate`: metrics, calibration before and after temperature, curves with bands,
subgroups, age-matched pairs, paired tests. The rival resamples patients round by round and calls
scikit-learn for each metric, learner, level and threshold, for the slope and for the curves, and
counts net benefit threshold by threshold; it knows neither temperature, subgroups, pairs nor tests.
Each metric has the draws that `evaluate` gives it: with the number of each class kept or not. It
runs a few rounds and is scaled up; the numbers of those rounds must agree to 1e-9. Prints one JSON
line with the ratio.
"""

import argparse
import json
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from osteon.measures import calibration, curves, decision
from osteon.measures.evaluator import compare, evaluate
from osteon.measures.intervals import Draws
from osteon.measures.judging import FIXED, SCORES, YOUDEN, Resamples, measure, with_calls
from osteon.measures.levels import LEVELS, Judged, at_level, checked
from osteon.recipes.evaluation import EvaluationConfig

LEARNERS, PATIENTS, IMAGES = 16, 850, 2600
CALIBRATION, CURVE = "calibration", "curve"
THRESHOLDS = decision.thresholds(0.01, 0.99)
Found = dict[tuple[str, str], float | np.ndarray]


def cohort(seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    label = (np.arange(PATIENTS) < 394).astype(int)
    extra = generator.integers(0, PATIENTS, IMAGES - PATIENTS)
    patient = np.sort(np.concatenate([np.arange(PATIENTS), extra]))
    fold, effect = np.arange(PATIENTS) % 5, generator.normal(size=PATIENTS)
    age = np.round(np.where(label == 1, 18, 35) + 12 * generator.normal(size=PATIENTS)).clip(4, 81)
    facts = {"sex": 2, "site": 3, "location": 4, "sequence": 1, "centre": 2, "scanner": 6}
    groups = {name: generator.integers(0, many, PATIENTS) for name, many in facts.items()}
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
                "age": age[patient],
                "view": np.where(np.arange(IMAGES) % 2 == 0, "AP", "LAT"),
            }
            | {name: [f"{name} {v}" for v in values[patient]] for name, values in groups.items()}
        )
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def conditional(judged: Judged, weights: np.ndarray) -> Found:
    """One round, classes kept: write the drawn rows out, call scikit-learn for each metric."""
    rows = np.repeat(np.arange(len(judged.unit)), weights[judged.unit])
    label, score = judged.label[rows], judged.score[rows]
    false, true, _ = sk.roc_curve(label, score, drop_intermediate=False)
    found: Found = {
        (SCORES, "auroc"): sk.roc_auc_score(label, score),
        (CURVE, "roc"): np.interp(curves.GRID, false, true),
    }
    for group in (FIXED, YOUDEN):
        called = judged.called[group][rows].astype(int)
        found |= {
            (group, "balanced_accuracy"): sk.balanced_accuracy_score(label, called),
            (group, "sensitivity"): sk.recall_score(label, called, zero_division=0),
            (group, "specificity"): sk.recall_score(label, called, pos_label=0, zero_division=0),
        }
    return found


def with_prevalence(judged: Judged, weights: np.ndarray) -> Found:
    """One round of the metrics that depend on the share of positives."""
    rows = np.repeat(np.arange(len(judged.unit)), weights[judged.unit])
    label, score = judged.label[rows], judged.score[rows]
    found: Found = {
        (SCORES, "auprc"): sk.average_precision_score(label, score),
        (SCORES, "brier"): sk.brier_score_loss(label, score),
    }
    for group in (FIXED, YOUDEN):
        called = judged.called[group][rows].astype(int)
        found |= {
            (group, "accuracy"): sk.accuracy_score(label, called),
            (group, "precision"): sk.precision_score(label, called, zero_division=np.nan),
            (group, "f1"): sk.f1_score(label, called, zero_division=np.nan),
            (group, "mcc"): sk.matthews_corrcoef(label, called),
        }
    return found | curves_by_scikit_learn(label, score)


def curves_by_scikit_learn(label: np.ndarray, score: np.ndarray) -> Found:
    """One round of calibration and curves, on the rows written out."""
    clipped = logit(np.clip(score, 1e-6, 1 - 1e-6))[:, None]
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(clipped, label)
    precision, recall, _ = sk.precision_recall_curve(label, score)
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]
    place = np.searchsorted(recall, curves.GRID - 1e-12, side="left")
    benefit = []
    for t in THRESHOLDS:
        called = score >= t
        gain, loss = np.mean(called & (label == 1)), np.mean(called & (label == 0))
        benefit.append(gain - loss * t / (1 - t))
    return {
        (CALIBRATION, "slope"): float(fit.coef_[0, 0]),
        (CALIBRATION, "intercept"): float(fit.intercept_[0]),
        (CURVE, "precision_recall"): precision[place],
        (CURVE, "decision"): np.array(benefit),
    }


def ours_of(judged: Judged, drawn: Draws, config: EvaluationConfig) -> Found:
    """The same figures by our functions, for all rounds."""
    rows = (judged.label, judged.score, judged.unit)
    given = (drawn.whole, *rows)
    found: Found = dict(measure(judged, drawn, config.prevalences))
    found[CALIBRATION, "slope"], found[CALIBRATION, "intercept"] = calibration.slopes(*given)
    found[CURVE, "roc"] = curves.roc_on_grid(drawn.by_class, *rows)
    found[CURVE, "precision_recall"] = curves.recall_on_grid(*given)
    found[CURVE, "decision"] = decision.net_benefit(*given, THRESHOLDS)
    return found


def loop(predictions: pd.DataFrame, config: EvaluationConfig, rounds: int) -> tuple[float, float]:
    """Seconds of the rival for `rounds` rounds, and the largest difference from ours."""
    frame, resamples = checked(predictions), Resamples(config.rounds, config.seed)
    judged = [
        with_calls(at_level(rows, level))[0]
        for _, rows in frame.groupby("learner")
        for level in LEVELS
    ]
    weights = [
        Draws(drawn.by_class[:rounds], drawn.whole[:rounds]) for drawn in map(resamples.of, judged)
    ]
    start = time.perf_counter()
    theirs = [
        [conditional(one, w.by_class[r]) | with_prevalence(one, w.whole[r]) for r in range(rounds)]
        for one, w in zip(judged, weights, strict=True)
    ]
    seconds = time.perf_counter() - start
    worst = 0.0
    for one, w, each in zip(judged, weights, theirs, strict=True):
        ours = ours_of(one, w, config)
        for r, found in enumerate(each):
            apart = (np.abs(ours[key][r] - value).max() for key, value in found.items())
            worst = max(worst, *map(float, apart))
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
    start = time.perf_counter()
    compare(predictions, config, "learner_0")
    paired = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent, worst = loop(predictions, config, arguments.loop_rounds)
    theirs = spent / arguments.loop_rounds * arguments.rounds
    report = {
        "ours_seconds": round(ours, 2),
        "paired_tests_only_seconds": round(paired, 2),
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
