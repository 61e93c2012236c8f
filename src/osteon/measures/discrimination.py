"""Discrimination metrics of a binary classifier for many resamples at once.

A resample of patients is a row of integer weights (how often each patient was drawn), so one
matrix (rounds, patients) stands for a whole bootstrap. Every metric here is a function of weighted
counts and gives the number that scikit-learn gives on the rows written out as often as drawn.
Conventions: a metric that divides by nothing is NaN, never 0: precision, F1 and PPV when nobody is
called positive, NPV when nobody is called negative, MCC when all are called alike, and every metric
that needs a class which is absent.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# A chunk of 2**16 float64 (512 KiB) stays in a core's cache: faster than larger ones, and bounded.
CHUNK = 2**16


def chunks(rounds: int, width: int) -> Iterator[slice]:
    """Slices of `rounds` so that a slice times `width` columns is at most CHUNK numbers."""
    step = max(1, CHUNK // max(1, width))
    for start in range(0, rounds, step):
        yield slice(start, min(start + step, rounds))


def ones(units: int) -> Floats:
    """The weights that draw each of `units` patients once, (1, units): the observed data."""
    return np.ones((1, units))


def ranked(
    weights: NDArray[np.generic], label: Ints, score: Floats, unit: Ints
) -> dict[str, Floats]:
    """AUROC and average precision of each round, ties counted as scikit-learn counts them.

    Args:
        weights: (rounds, patients), how often each patient was drawn, non-negative.
        label: (n,) 0 or 1; score: (n,) any finite numbers, higher means more likely 1.
        unit: (n,) the column of `weights` to which each row belongs.

    Returns:
        `auroc` and `auprc`, each (rounds,), NaN where a class has no weight.
    """
    order = np.argsort(-score, kind="stable")
    falling, positive, column = score[order], label[order].astype(np.float64), unit[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    rounds = weights.shape[0]
    auroc, auprc = np.empty(rounds), np.empty(rounds)
    for part in chunks(rounds, len(order)):
        drawn = weights[part].astype(np.float64)[:, column]
        called = np.cumsum(drawn, axis=1)[:, last]
        drawn *= positive
        true = np.cumsum(drawn, axis=1)[:, last]
        gained = np.diff(true, axis=1, prepend=0.0)
        false = called - true
        positives, negatives = true[:, -1], false[:, -1]
        # Each positive of a tie group beats all negatives below it and half of those beside it.
        level = 0.5 * (false[:, :-1] + false[:, 1:])
        beaten = np.concatenate([0.5 * false[:, :1], level], axis=1)
        wins = positives * negatives - np.einsum("rg,rg->r", gained, beaten)
        precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
        hits = np.einsum("rg,rg->r", gained, precision)
        auroc[part] = ratio(wins, positives * negatives)
        auprc[part] = ratio(hits, np.where(negatives > 0, positives, 0.0))
    return {"auroc": auroc, "auprc": auprc}


def confusion(
    weights: NDArray[np.generic], label: Ints, called: Bools, unit: Ints
) -> dict[str, Floats]:
    """Weighted counts tp, fp, fn, tn of each round, each (rounds,); arguments as in `ranked`."""
    units = weights.shape[1]
    cells = {
        "tp": (label == 1) & called,
        "fp": (label == 0) & called,
        "fn": (label == 1) & ~called,
        "tn": (label == 0) & ~called,
    }
    per_unit = np.stack([np.bincount(unit[rows], minlength=units) for rows in cells.values()], 1)
    totals = sums(weights, per_unit.astype(np.float64))
    return {name: totals[:, k] for k, name in enumerate(cells)}


def sums(weights: NDArray[np.generic], columns: Floats) -> Floats:
    """`weights @ columns` in float64, (rounds, patients) × (patients, k), in bounded memory."""
    total = np.empty((weights.shape[0], columns.shape[1]))
    for part in chunks(weights.shape[0], weights.shape[1]):
        total[part] = weights[part].astype(np.float64) @ columns
    return total


def from_confusion(
    counts: dict[str, Floats], prevalences: Sequence[float] = ()
) -> dict[str, Floats]:
    """All metrics that a confusion matrix gives, each (rounds,), in [0, 1] (MCC in [-1, 1]).

    `ppv_at_<p>` and `npv_at_<p>` are the predictive values in a population in which the share <p>
    of patients is positive (Bayes' rule on sensitivity and specificity).
    """
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    positives, negatives = tp + fn, fp + tn
    sensitivity, specificity = ratio(tp, positives), ratio(tn, negatives)
    spread = np.sqrt((tp + fp) * positives * negatives * (tn + fn))
    some = (positives > 0) & (tp + fp > 0)
    metrics = {
        "accuracy": ratio(tp + tn, positives + negatives),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": np.where(some, ratio(tp, tp + fp), np.nan),
        "f1": np.where(some, ratio(2 * tp, 2 * tp + fp + fn), np.nan),
        "mcc": ratio(tp * tn - fp * fn, spread),
    }
    for share in prevalences:
        true, false = sensitivity * share, (1 - specificity) * (1 - share)
        metrics[f"ppv_at_{share:g}"] = ratio(true, true + false)
        missed, cleared = (1 - sensitivity) * share, specificity * (1 - share)
        metrics[f"npv_at_{share:g}"] = ratio(cleared, missed + cleared)
    return metrics


def ratio(over: Floats, under: Floats, otherwise: float = np.nan) -> Floats:
    """over / under, and `otherwise` where `under` is 0; a NaN on either side stays NaN."""
    return np.divide(over, under, out=np.full(np.shape(over), otherwise), where=under != 0)
