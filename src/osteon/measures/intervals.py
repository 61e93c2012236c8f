"""Confidence intervals: Wilson for a proportion, DeLong for one AUROC, bootstrap over patients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from osteon.measures.discrimination import Floats, Ints

LEAST_SPREAD = 1e-12
WITHOUT_SPREAD = "none: all resamples gave the same value"
UNDEFINED = "none: not defined in any resample"


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


@dataclass(frozen=True)
class Draws:
    """Two ways to draw the same patients, (rounds, patients) weights each.

    Attributes:
        by_class: each class keeps its number of patients; for what is conditional on the class
            (AUROC, sensitivity, specificity), whose value does not depend on how many there are.
        whole: patients drawn whatever their class; for all that depends on the share of positives
            (accuracy, precision, calibration, ...). That share is itself a matter of chance:
            with the numbers of each class fixed, intervals would be far too narrow.
    """

    by_class: NDArray[np.generic]
    whole: NDArray[np.generic]

    @classmethod
    def same(cls, weights: NDArray[np.generic]) -> "Draws":
        """One set of weights for both: the data as they are, a jackknife, folds."""
        return cls(weights, weights)


def draws(label: Ints, rounds: int, seed: int) -> Draws:
    """Bootstrap weights of both kinds; arguments as in `draw`."""
    return Draws(draw(label, rounds, seed), draw(np.zeros_like(label), rounds, seed))


def leave_one_out(units: int) -> NDArray[np.uint8]:
    """The jackknife as weights, (units, units): row i draws every patient but patient i."""
    return (1 - np.eye(units, dtype=np.uint8)).astype(np.uint8)


def percentile(rounds: Floats, confidence: float = 0.95) -> Interval:
    """The middle `confidence` of the bootstrap distribution; NaN rounds are left out."""
    defined = rounds[np.isfinite(rounds)]
    if flat(defined):
        return Interval(np.nan, np.nan, WITHOUT_SPREAD if len(defined) else UNDEFINED)
    tail = (1 - confidence) / 2
    lo, hi = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(lo), float(hi), f"bootstrap percentile{left_out(rounds)}")


def flat(rounds: Floats) -> bool:
    """Whether all resamples gave the same number but for rounding: then no width is known."""
    return len(rounds) == 0 or float(np.ptp(rounds)) < LEAST_SPREAD


def left_out(rounds: Floats) -> str:
    """How many resamples had no value, as the end of a method's name; empty for none."""
    gone = len(rounds) - int(np.isfinite(rounds).sum())
    return f"; {gone} of {len(rounds)} resamples left out, not defined there" if gone else ""


def bca(
    value: float,
    rounds: Floats,
    jackknife: Floats,
    label: Ints | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval.

    Args:
        value: the metric on the observed data; rounds: (rounds,) the metric on each resample, NaN
            where it is not defined: left out, and counted in the method.
        jackknife: (patients,) the metric without each patient; label: (patients,) the strata within
            which patients were drawn, None for patients drawn whatever their class.

    Efron 1987 (J Am Stat Assoc 82:171); the acceleration of a stratified sample sums the influence
    values of each stratum (Davison & Hinkley 1997, Bootstrap Methods, section 5.3). Falls back to
    the percentile interval, and says so, where the correction is not defined.
    """
    defined = rounds[np.isfinite(rounds)]
    cubes, squares = 0.0, 0.0
    strata = np.zeros(len(jackknife)) if label is None else label
    for stratum in np.unique(strata):
        without = jackknife[strata == stratum]
        size = len(without)
        influence = (size - 1) * (without.mean() - without) / size
        cubes, squares = cubes + (influence**3).sum(), squares + (influence**2).sum()
    if flat(defined) or not np.isfinite(squares) or squares <= 0:
        return percentile(rounds, confidence)
    below = (np.sum(defined < value) + 0.5 * np.sum(defined == value)) / len(defined)
    if not 0 < below < 1:
        return percentile(rounds, confidence)
    bias, acceleration = float(ndtri(below)), cubes / (6 * squares**1.5)
    reach = bias + ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    levels = ndtr(bias + reach / (1 - acceleration * reach))
    lo, hi = np.quantile(defined, levels)
    return Interval(float(lo), float(hi), f"bootstrap BCa{left_out(rounds)}")
