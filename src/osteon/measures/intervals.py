"""Confidence intervals: Wilson for a proportion, DeLong for one AUROC, bootstrap over patients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from osteon.measures.discrimination import Floats, Ints


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its interval and the method that gave them."""

    lo: float
    hi: float
    method: str


def wilson(successes: float, trials: float, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927, J Am Stat Assoc 22:209).

    Raises:
        ValueError: `successes` is not within 0..trials. With no trial at all the ends are NaN.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes: {successes} found, 0 to trials={trials} allowed")
    if trials == 0:
        return Interval(np.nan, np.nan, "wilson")
    z = float(ndtri(0.5 + confidence / 2))
    share = successes / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + (z / trials / 2) ** 2)
    lo = 0.0 if successes == 0 else float(middle - half)
    hi = 1.0 if successes == trials else float(middle + half)
    return Interval(lo, hi, "wilson")


def draw(label: Ints, rounds: int, seed: int) -> NDArray[np.uint16]:
    """Stratified bootstrap weights: how often each patient is drawn in each round.

    Args:
        label: (patients,) class of each patient, in an order that no name decides; each class keeps
            its number of patients.
        rounds: number of resamples; seed: the same seed and labels give the same draws.

    Returns:
        (rounds, patients) uint16. All learners judged on these patients share the draws, which is
        what makes a difference between two of them a paired one.
    """
    generator = np.random.default_rng(seed)
    weights = np.zeros((rounds, len(label)), dtype=np.uint16)
    for value in np.unique(label):
        members = np.flatnonzero(label == value)
        size = len(members)
        picked = generator.integers(0, size, (rounds, size))
        picked += np.arange(rounds)[:, None] * size
        counts = np.bincount(picked.ravel(), minlength=rounds * size).reshape(rounds, size)
        weights[:, members] = counts
    return weights


def leave_one_out(units: int) -> NDArray[np.uint8]:
    """The jackknife as weights, (units, units): row i draws every patient but patient i."""
    return (1 - np.eye(units, dtype=np.uint8)).astype(np.uint8)


def percentile(rounds: Floats, confidence: float = 0.95) -> Interval:
    """The middle `confidence` of the bootstrap distribution; NaN rounds are left out."""
    rounds = rounds[np.isfinite(rounds)]
    if not len(rounds):
        return Interval(np.nan, np.nan, "bootstrap percentile")
    tail = (1 - confidence) / 2
    lo, hi = np.quantile(rounds, [tail, 1 - tail])
    return Interval(float(lo), float(hi), "bootstrap percentile")


def bca(
    value: float, rounds: Floats, jackknife: Floats, label: Ints, confidence: float = 0.95
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval for a stratified resample.

    Args:
        value: the metric on the observed data; rounds: (rounds,) the metric on each resample.
        jackknife: (patients,) the metric without each patient; label: (patients,) the strata.

    Efron 1987 (J Am Stat Assoc 82:171); the acceleration of a stratified sample sums the influence
    values of each stratum (Davison & Hinkley 1997, Bootstrap Methods, section 5.3). Falls back to
    the percentile interval, and says so, where the correction is not defined.
    """
    rounds = rounds[np.isfinite(rounds)]
    cubes, squares = 0.0, 0.0
    for stratum in np.unique(label):
        left_out = jackknife[label == stratum]
        size = len(left_out)
        influence = (size - 1) * (left_out.mean() - left_out) / size
        cubes, squares = cubes + (influence**3).sum(), squares + (influence**2).sum()
    if not len(rounds) or not np.isfinite(squares) or squares <= 0:
        return percentile(rounds, confidence)
    below = (np.sum(rounds < value) + 0.5 * np.sum(rounds == value)) / len(rounds)
    if not 0 < below < 1:
        return percentile(rounds, confidence)
    bias, acceleration = float(ndtri(below)), cubes / (6 * squares**1.5)
    reach = bias + ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    levels = ndtr(bias + reach / (1 - acceleration * reach))
    lo, hi = np.quantile(rounds, levels)
    return Interval(float(lo), float(hi), "bootstrap BCa")
