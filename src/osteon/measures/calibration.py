"""Do the probabilities mean what they say? Brier score, calibration error, slope and intercept.

Everything is computed for all resamples at once; a resample is a row of weights over patients, as
in `osteon.measures.discrimination`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from osteon.measures.discrimination import Bools, Floats, Ints, chunks, ones, ratio, sums

EDGE = 1e-6
BINS = 10
SETTLED = 1e-8  # Newton squares its error: a last step of this size leaves less than rounding.
STEPS = 30


def brier(label: Ints, probability: Floats) -> float:
    """Mean squared distance of probability (n,) in 0..1 from label (n,); 0 is best."""
    return float(np.mean((probability - label) ** 2))


def bin_of(probability: Floats, bins: int = BINS) -> Ints:
    """The bin, 0 to bins - 1, of each probability; bins of equal width, the last one closed."""
    return np.minimum((probability * bins).astype(np.int64), bins - 1)


def expected_error(label: Ints, probability: Floats, bins: int = BINS) -> float:
    """Expected calibration error over `bins` bins of equal width, weighted by their rows.

    Naeini et al. 2015 (AAAI 29:2901). Above 0 in any finite sample, also of a calibrated model.
    """
    units = np.arange(len(label))
    return float(np.abs(surplus(ones(len(label)), label, probability, units, bins)).sum())


def surplus(
    weights: NDArray[np.generic],
    label: Ints,
    probability: Floats,
    unit: Ints,
    bins: int = BINS,
) -> Floats:
    """Sum of probability - label in each bin, over all drawn rows: (rounds, bins).

    The absolute values add up to the expected calibration error. Arguments as in `slopes`.
    """
    units = weights.shape[1]
    place = unit * bins + bin_of(probability, bins)
    excess = np.bincount(place, probability - label, minlength=units * bins)
    rows = np.bincount(unit, minlength=units).astype(np.float64)
    totals = sums(weights, np.concatenate([excess.reshape(units, bins), rows[:, None]], axis=1))
    return ratio(totals[:, :-1], totals[:, -1:])


def slope_intercept(label: Ints, probability: Floats) -> tuple[float, float]:
    """Calibration slope and intercept: logistic regression of label on logit(probability).

    Returns:
        (slope, intercept) of the joint fit, 1 and 0 when calibrated (Cox 1958, Biometrika 45:562);
        NaN when a class is absent, all scores are equal, or the classes are fully separated.
        Probabilities are kept 1e-6 from 0 and 1.
    """
    slope, intercept = slopes(ones(len(label)), label, probability, np.arange(len(label)))
    return (float(slope[0]) if np.isfinite(slope[0]) else float("nan")), float(intercept[0])


def slopes(
    weights: NDArray[np.generic], label: Ints, probability: Floats, unit: Ints
) -> tuple[Floats, Floats]:
    """Calibration slope and intercept of each resample, by Newton's method for all of them.

    Args:
        weights: (rounds, patients), how often each patient was drawn; label: (n,) 0 or 1.
        probability: (n,) in 0..1; unit: (n,) the column of `weights` of each row.

    Returns:
        slope (rounds,), +inf or -inf where the drawn rows separate the classes; intercept
        (rounds,), NaN there. Both are NaN without two classes and two scores.
    """
    score = logit(np.clip(probability, EDGE, 1 - EDGE))
    direction, fit = separation(weights, label, score, unit)
    slope, intercept = direction, np.full(len(weights), np.nan)
    if fit.any():
        # Centred and scaled, or the two columns of the design are nearly alike.
        centre, scale = score.mean(), score.std()
        scaled = (score - centre) / scale
        found = newton(weights[fit], label, scaled, unit)
        slope[fit] = found[:, 1] / scale
        intercept[fit] = found[:, 0] - found[:, 1] * centre / scale
    return slope, intercept


def separation(
    weights: NDArray[np.generic], label: Ints, score: Floats, unit: Ints
) -> tuple[Floats, Bools]:
    """Which resamples have no finite slope: (inf, -inf or NaN (rounds,), finite (rounds,))."""
    units = weights.shape[1]
    low, high = np.full(units, np.inf), np.full(units, -np.inf)
    np.minimum.at(low, unit, score)
    np.maximum.at(high, unit, score)
    strata = np.full(units, -1)
    strata[unit] = label
    ends = {}
    for value in (0, 1):
        members = np.flatnonzero(strata == value)
        drawn = weights[:, members].astype(np.bool_)
        ends[value] = (
            np.where(drawn, low[members], np.inf).min(axis=1, initial=np.inf),
            np.where(drawn, high[members], -np.inf).max(axis=1, initial=-np.inf),
        )
    (least0, most0), (least1, most1) = ends[0], ends[1]
    both = np.isfinite(least0) & np.isfinite(least1)
    varied = np.maximum(most0, most1) > np.minimum(least0, least1)
    above, below = both & varied & (least1 >= most0), both & varied & (least0 >= most1)
    direction = np.where(above, np.inf, np.where(below, -np.inf, np.nan))
    return direction, both & varied & ~above & ~below


def newton(weights: NDArray[np.generic], label: Ints, score: Floats, unit: Ints) -> Floats:
    """Intercept and slope of each resample's logistic regression, (rounds, 2); NaN if unsettled.

    The fit to all rows is the common start. The first step away from it costs one matrix product,
    because the expected values there are the same for all resamples; two or three more are needed.
    """
    start, _ = settle(np.ones((1, len(label))), label, score, np.zeros((1, 2)))
    totals = sums(weights, per_unit(label, score, unit, weights.shape[1], start[0]))
    first = start + bounded(totals)
    found = np.empty((len(weights), 2))
    for part in chunks(len(weights), len(label)):
        drawn = weights[part].astype(np.float64)[:, unit]
        found[part], done = settle(drawn, label, score, first[part])
        if not done.all():
            # Too far a first step, in a resample near to separation: once more from nothing.
            late = np.flatnonzero(~done)
            again, done = settle(drawn[late], label, score, np.zeros((len(late), 2)))
            again[~done] = np.nan
            found[part][late] = again
    return found


def per_unit(label: Ints, score: Floats, unit: Ints, units: int, at: Floats) -> Floats:
    """Each patient's part of gradient (2) and curvature (3) at one intercept and slope."""
    expected = 1 / (1 + np.exp(-(at[0] + at[1] * score)))
    rest, spread = label - expected, expected * (1 - expected)
    parts = (rest, rest * score, spread, spread * score, spread * score**2)
    return np.stack([np.bincount(unit, part, minlength=units) for part in parts], axis=1)


def bounded(totals: Floats) -> Floats:
    """Newton's step from (rounds, 5) sums of gradient and curvature, at most 2 either way."""
    g0, g1, h00, h01, h11 = totals.T
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], axis=1)
        step /= (h00 * h11 - h01**2)[:, None]
    return np.clip(np.nan_to_num(step, nan=2.0, posinf=2.0, neginf=-2.0), -2, 2)


def settle(drawn: Floats, label: Ints, score: Floats, start: Floats) -> tuple[Floats, Bools]:
    """Newton's steps for a chunk of resamples until all stand still.

    Args:
        drawn: (rounds, n) weights of the rows; start: (rounds, 2) intercept and slope.

    Returns:
        (rounds, 2) intercept and slope, and which resamples have settled.
    """
    at, size = start.copy(), np.full(len(start), np.inf)
    design = np.stack([np.ones_like(score), score, score**2], axis=1)
    right = drawn @ (label[:, None] * design[:, :2])
    expected, spread = np.empty_like(drawn), np.empty_like(drawn)
    for _ in range(STEPS):
        np.multiply.outer(-at[:, 1], score, out=expected)
        expected -= at[:, :1]
        with np.errstate(over="ignore"):
            np.exp(expected, out=expected)
        expected += 1
        np.reciprocal(expected, out=expected)
        np.subtract(1, expected, out=spread)
        expected *= drawn
        spread *= expected
        step = bounded(np.concatenate([right - expected @ design[:, :2], spread @ design], axis=1))
        at += step
        size = np.abs(step).max(axis=1)
        if (size < SETTLED).all():
            break
    return at, size < SETTLED
