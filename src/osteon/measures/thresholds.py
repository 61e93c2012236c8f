"""Thresholds on a probability: 0.5, or Youden's, cross-fitted over the folds."""

import numpy as np
from numpy.typing import NDArray

from osteon.measures.discrimination import Bools, Floats, Ints

FIXED = 0.5


def youden(label: Ints, score: Floats) -> float:
    """The threshold with the greatest sensitivity + specificity - 1 (Youden 1950, Cancer 3:32).

    Args:
        label: (n,) 0 or 1, both present; score: (n,), called positive when score >= threshold.

    Returns:
        The midpoint between the lowest score called positive and the next one below it: a value on
        a training score would depend on rounding. Of equal optima the one nearest 0.5.

    Raises:
        ValueError: a class is absent.
    """
    positives, negatives = int(np.sum(label == 1)), int(np.sum(label == 0))
    if not positives or not negatives:
        raise ValueError(
            f"label: {positives} positives and {negatives} negatives found, "
            "Youden's threshold needs at least 1 of each"
        )
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    true = np.cumsum(label[order] == 1)[last] / positives
    false = np.cumsum(label[order] == 0)[last] / negatives
    cut = falling[last]
    below = np.append(cut[1:], cut[-1])
    middle = (cut + below) / 2
    middle = np.where(middle > below, middle, cut)  # neighbouring floats: no room between them
    index = true - false
    best = np.flatnonzero(index >= index.max() - 1e-12)
    return float(middle[best][np.argmin(np.abs(middle[best] - FIXED))])


def by_fold(label: Ints, score: Floats, fold: Ints) -> dict[int, float]:
    """Youden's threshold for each fold, from the held-out predictions of all the other folds.

    Args:
        label, score: (n,); fold: (n,) the fold in which each row was held out.

    Returns:
        fold -> threshold; NaN for a fold when the others lack a class or there is no other fold.
        No prediction of the judged fold has a part in its own threshold. This is cross-fitted, not
    nested: the models that predicted the other folds were trained on the judged fold's patients
    and their labels. The threshold 0.5 is free of this.
    """
    chosen = {}
    for value in np.unique(fold):
        others = fold != value
        both = len(np.unique(label[others])) == 2
        chosen[int(value)] = youden(label[others], score[others]) if both else float("nan")
    return chosen


def call(score: Floats, threshold: float | NDArray[np.float64]) -> Bools:
    """Rows called positive: score >= threshold."""
    return np.asarray(score >= threshold)
