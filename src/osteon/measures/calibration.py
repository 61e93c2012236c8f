"""Do the probabilities mean what they say? Brier score, expected calibration error, slope."""

import numpy as np
from scipy.special import expit, logit

from osteon.measures.discrimination import Floats, Ints

EDGE = 1e-6


def brier(label: Ints, probability: Floats) -> float:
    """Mean squared distance of probability (n,) in 0..1 from label (n,); 0 is best."""
    return float(np.mean((probability - label) ** 2))


def expected_error(label: Ints, probability: Floats, bins: int = 10) -> float:
    """Expected calibration error over `bins` bins of equal width, weighted by their rows."""
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    surplus = np.bincount(place, probability - label, minlength=bins)
    return float(np.abs(surplus).sum() / len(label))


def slope_intercept(label: Ints, probability: Floats) -> tuple[float, float]:
    """Calibration slope and intercept: logistic regression of label on logit(probability).

    Returns:
        (slope, intercept) of the joint fit, 1 and 0 when calibrated (Cox 1958, Biometrika 45:562);
        NaN when a class is absent, all scores are equal, or the classes are fully separated.
        Probabilities are kept 1e-6 from 0 and 1.
    """
    score = logit(np.clip(probability, EDGE, 1 - EDGE))
    positive, negative = score[label == 1], score[label == 0]
    if not len(positive) or not len(negative) or np.ptp(score) == 0:
        return float("nan"), float("nan")
    if positive.min() >= negative.max() or positive.max() <= negative.min():
        return float("nan"), float("nan")
    design = np.stack([np.ones_like(score), score], axis=1)
    weights = np.zeros(2)
    for _ in range(100):
        expected = expit(design @ weights)
        gradient = design.T @ (label - expected)
        curvature = (design * (expected * (1 - expected))[:, None]).T @ design
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        weights += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    return float(weights[1]), float(weights[0])
