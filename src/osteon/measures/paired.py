"""Are two learners, judged on the same patients, different? McNemar, paired bootstrap, Holm.

The test of two AUROCs is `osteon.measures.delong.compare`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, chi2

from osteon.measures.discrimination import Bools, Floats
from osteon.measures.intervals import LEAST_SPREAD, percentile

EXACT_BELOW = 25


@dataclass(frozen=True)
class McNemar:
    """`only_first`: patients that only the first learner has right; `p` is two-sided."""

    only_first: int
    only_second: int
    statistic: float
    p: float
    method: str


@dataclass(frozen=True)
class Difference:
    """A paired difference first - second with its interval and two-sided bootstrap p value."""

    value: float
    lo: float
    hi: float
    p: float
    method: str


def mcnemar(first_right: Bools, second_right: Bools) -> McNemar:
    """McNemar's test (1947, Psychometrika 12:153) on who judged each patient rightly.

    Args:
        first_right, second_right: (patients,) bool, one entry a patient, in the same order.

    With fewer than 25 discordant pairs the exact binomial test; from 25 on the chi-square with
    Edwards' continuity correction, (|b - c| - 1)^2 / (b + c), which stays close to the exact test.
    """
    only_first = int(np.sum(first_right & ~second_right))
    only_second = int(np.sum(~first_right & second_right))
    discordant = only_first + only_second
    if discordant == 0:
        return McNemar(0, 0, 0.0, 1.0, "exact (no discordant pair)")
    if discordant < EXACT_BELOW:
        smaller = min(only_first, only_second)
        p = float(binomtest(smaller, discordant, 0.5).pvalue)
        return McNemar(only_first, only_second, float(smaller), p, "exact binomial")
    statistic = max(abs(only_first - only_second) - 1, 0) ** 2 / discordant
    p = float(chi2.sf(statistic, 1))
    return McNemar(only_first, only_second, float(statistic), p, "chi-square, corrected")


def bootstrap_difference(
    value: float, first: Floats, second: Floats, confidence: float = 0.95
) -> Difference:
    """Paired bootstrap of first - second, both metrics computed on the same draws of patients.

    Args:
        value: the observed difference; first, second: (rounds,) the metrics round by round.

    The interval is the percentile interval of the differences; none, with the reason, where all
    resamples gave the same difference: no width is known then. The p value is twice the smaller
    share of rounds on either side of 0, ties on both, with one added to numerator and denominator:
    it is never 0, and its least value, 2 / (rounds + 1), says how many rounds there were.
    """
    rounds = first - second
    defined = rounds[np.isfinite(rounds)]
    if not len(defined) or not np.isfinite(value):
        why = "none: not defined for both learners"
        return Difference(value, np.nan, np.nan, np.nan, why)
    ends = percentile(rounds, confidence)
    method = ends.method if ends.method.startswith("none") else f"paired {ends.method}"
    # Rounding apart: equal learners whose sums were added up in another order are equal.
    lower, upper = defined <= LEAST_SPREAD, defined >= -LEAST_SPREAD
    p = min(1.0, 2 * (min(int(lower.sum()), int(upper.sum())) + 1) / (len(defined) + 1))
    return Difference(value, ends.lo, ends.hi, p, method)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979, Scand J Stat 6:65); a NaN stays NaN and is not counted."""
    raw = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(len(raw), np.nan)
    order = [int(k) for k in np.argsort(raw, kind="stable") if np.isfinite(raw[k])]
    highest = 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(1.0, float(raw[k]) * (len(order) - rank)))
        adjusted[k] = highest
    return [float(value) for value in adjusted]
