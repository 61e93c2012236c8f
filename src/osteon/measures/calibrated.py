"""Calibration of one learner at one level, before and after temperature, with its intervals.

Which interval, and why (coverage in simulation at 60 and 300 patients, labels drawn with the
patients; the tests keep watch). Patients are drawn whatever their class: all four depend on the
share of positives.

- Brier score: BCa, as every other score.
- Slope: value ± 1.96 × the bootstrap's spread, read off its middle 68 %. The fitted slope is too
  steep in small samples and some resamples separate the classes: percentile and BCa covered 87 to
  96 % at 60 patients, this 95 to 98.5 %.
- Intercept: the same, 93 to 96 % (percentile 91 to 93 %).
- Expected calibration error: an inverted test. Noise alone raises the error, in the sample and once
  more in each resample, so that percentile and BCa intervals lie above the truth (coverage 0 to
  60 % at 60 patients, this 93 to 99 %; 94 to 97 % with scores of two values only; 90 % at 60
  patients where the classes are nearly separated and the probabilities right).
"""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from osteon.measures import calibration
from osteon.measures.discrimination import Floats, ones, ratio, sums
from osteon.measures.intervals import (
    LEAST_SPREAD,
    WITHOUT_SPREAD,
    Interval,
    bca,
    flat,
    leave_one_out,
    left_out,
    percentile,
)
from osteon.measures.judging import CONFIDENCE, Settings
from osteon.measures.levels import Judged
from osteon.measures.temperature import Cooled

TOO_MANY = 0.16
CONSTANT = "none: scores are constant within each fold"
STEPS = 121


def report(
    judged: Judged, cooled: Cooled, weights: NDArray[np.generic], config: Settings
) -> dict[str, Any]:
    """Brier score, expected calibration error, slope and intercept, and the same after temperature.

    Args:
        judged: one learner at one level; cooled: what `temperature.applied` makes of it.
        weights: (rounds, patients) draws whatever the class; config: which interval.

    Returns:
        metric → value, lo, hi, method; `temperature`: by_fold (fold → temperature), after (the four
        metrics again) and note, or None; `temperature_note`: the same note, or why there is none.
    """
    found: dict[str, Any] = figures(judged, weights, config)
    found["temperature"], found["temperature_note"] = None, cooled.note
    if cooled.judged is not None:
        after = figures(cooled.judged, weights, config)
        found["temperature"] = {"by_fold": cooled.by_fold, "after": after, "note": cooled.note}
    return found


def figures(
    judged: Judged, weights: NDArray[np.generic], config: Settings
) -> dict[str, dict[str, Any]]:
    """The four metrics of calibration with their intervals."""
    observed, rounds = ones(len(judged.patients)), weights
    given = (judged.label, judged.score, judged.unit)
    slope, intercept = calibration.slopes(observed, *given)
    if judged.constant:
        # Folds of other base rates would give it a slope, of the folds and not of the scores.
        slope, intercept = np.full((2, 1), np.nan)
    if np.isfinite(slope[0]):
        slopes, intercepts = calibration.slopes(rounds, *given)
    else:
        slope, slopes = np.full(1, np.nan), np.full(len(rounds), np.nan)
        intercepts = slopes
    bins = calibration.surplus(observed, *given)[0]
    spread = calibration.surplus(rounds, *given)
    error = float(np.abs(bins).sum())
    held = np.bincount(calibration.bin_of(judged.score), minlength=len(bins))
    shares = held / len(judged.score)
    found = {
        "brier": brier(judged, weights, config),
        "expected_calibration_error": entry(error, error_interval(bins, spread, shares)),
        "slope": entry(float(slope[0]), slope_interval(float(slope[0]), slopes)),
        "intercept": entry(
            float(intercept[0]), intercept_interval(float(intercept[0]), intercepts)
        ),
    }
    if judged.constant:
        found["slope"]["method"] = found["intercept"]["method"] = CONSTANT
    return found


def entry(value: float, ends: Interval) -> dict[str, Any]:
    """A value with its interval, as metrics.json keeps it."""
    return {"value": value, **asdict(ends)}


def brier(judged: Judged, weights: NDArray[np.generic], config: Settings) -> dict[str, Any]:
    """The Brier score with the interval that the settings name."""
    units = len(judged.patients)
    squares = np.bincount(judged.unit, (judged.score - judged.label) ** 2, minlength=units)
    rows = np.bincount(judged.unit, minlength=units).astype(np.float64)
    columns = np.stack([squares, rows], axis=1)

    def mean(drawn: NDArray[np.generic]) -> Floats:
        totals = sums(drawn, columns)
        return ratio(totals[:, 0], totals[:, 1])

    value, rounds = float(mean(ones(units))[0]), mean(weights)
    if config.interval == "percentile" or flat(rounds):
        return entry(value, percentile(rounds, CONFIDENCE))
    jackknife = mean(leave_one_out(units))
    return entry(value, bca(value, rounds, jackknife, confidence=CONFIDENCE))


def slope_interval(value: float, rounds: Floats) -> Interval:
    """Interval of a calibration slope; `rounds` (rounds,) may hold infinite slopes.

    NaN ends, with the reason, when the slope is not defined or a sixth of the resamples separates
    the classes, so that the middle 68 % has no width.
    """
    known = rounds[~np.isnan(rounds)]
    if not np.isfinite(value) or not len(known):
        return Interval(np.nan, np.nan, "none: no finite fit")
    low, high = np.quantile(known, [0.1587, 0.8413], method="inverted_cdf")
    if not np.isfinite(high) or not np.isfinite(low):
        return Interval(np.nan, np.nan, "none: too many resamples separate the classes")
    reach = float(ndtri((1 + CONFIDENCE) / 2) * (high - low) / 2)
    method = "bootstrap normal, spread of the middle 68 %"
    return Interval(
        value - reach, value + reach, f"{method}{left_out(np.where(np.isinf(rounds), 0, rounds))}"
    )


def intercept_interval(value: float, rounds: Floats) -> Interval:
    """Interval of an intercept as of a slope; none where a sixth of the resamples has no fit."""
    if np.isfinite(value) and np.mean(~np.isfinite(rounds)) > TOO_MANY:
        return Interval(np.nan, np.nan, "none: too many resamples separate the classes")
    return slope_interval(value, rounds)


def error_interval(bins: Floats, rounds: Floats, shares: Floats) -> Interval:
    """Interval of the expected calibration error by inverting a test.

    Args:
        bins: (bins,) observed surplus; rounds: (rounds, bins) the same of each resample.
        shares: (bins,) of the rows in each bin.

    Suppose a true surplus: the observed one made smaller or larger, or all probabilities too high
    or too low alike. The bootstrap's deviations added to it give the errors one would then observe.
    The interval holds the true errors for which the observed one would not be an extreme 5 %, and
    is widened to hold the observed value.
    """
    error, noise = float(np.abs(bins).sum()), rounds - bins
    noise = noise[np.isfinite(noise).all(axis=1)]
    if not len(noise) or np.ptp(noise, axis=0).max() < LEAST_SPREAD:
        return Interval(np.nan, np.nan, WITHOUT_SPREAD)
    tail = (1 - CONFIDENCE) / 2
    ends = [error]
    for shape in (bins, shares, -shares):
        if error <= LEAST_SPREAD and shape is bins:
            continue
        shape = shape / np.abs(shape).sum()
        # Noise alone adds about its own size to an error: three times that is far beyond the truth.
        kept = [0.0]  # where less error than noise gives: nothing speaks against none at all
        for true in np.linspace(0, error + 3 * float(np.abs(noise).sum(axis=1).mean()), STEPS):
            errors = np.abs(true * shape + noise).sum(axis=1)
            above = np.mean(errors >= error - LEAST_SPREAD)
            if min(above, np.mean(errors <= error + LEAST_SPREAD)) >= tail:
                kept.append(float(true))
        ends += kept[1:] or kept
    return Interval(min(ends), max(ends), "bootstrap, inverted test")
