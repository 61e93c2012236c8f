"""ROC, precision-recall and reliability curves with pointwise bands over resamples of patients."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.measures import decision
from osteon.measures.calibration import BINS, bin_of
from osteon.measures.discrimination import Floats, Ints, chunks, ones, ratio, sums
from osteon.measures.intervals import Draws, wilson
from osteon.measures.judging import CONFIDENCE, Settings
from osteon.measures.levels import Judged

GRID = np.round(np.linspace(0, 1, 101), 2)
ENDS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def curves(judged: Judged, cooled: Judged | None, drawn: Draws, config: Settings) -> dict[str, Any]:
    """All curves of one learner at one level, as lists.

    Args:
        judged: with calls; cooled: the same with tempered scores, or None.
        drawn: (rounds, patients) weights: the ROC band keeps the number of each class, all other
            bands draw the share of positives too; config: range of the decision curve.

    Returns:
        `roc`, `precision_recall` (None each when a class is absent), `reliability`,
        `reliability_after_temperature` (None without temperature), `decision`, `confusion`.
    """
    roc, recall = ranking(judged, drawn)
    weights = drawn.whole
    low, high = config.decision_range
    return {
        "roc": roc,
        "precision_recall": recall,
        "reliability": reliability(judged, weights),
        "reliability_after_temperature": cooled and reliability(cooled, weights),
        "decision": decision.curve(judged, weights, low, high),
        "confusion": {name: matrix(judged.label, c) for name, c in judged.called.items()},
    }


def matrix(label: Ints, called: NDArray[np.bool_]) -> dict[str, int]:
    """The four counts of a confusion matrix."""
    return {
        "true_positive": int(np.sum(called & (label == 1))),
        "false_negative": int(np.sum(~called & (label == 1))),
        "false_positive": int(np.sum(called & (label == 0))),
        "true_negative": int(np.sum(~called & (label == 0))),
    }


def ranking(judged: Judged, drawn: Draws) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """ROC and precision-recall curve on common grids with their bands."""
    if not 0 < judged.label.sum() < len(judged.label):
        return None, None
    given = (judged.label, judged.score, judged.unit)
    precision = recall_on_grid(ones(len(judged.patients)), *given)[0]
    lo, hi = ends_of(recall_on_grid(drawn.whole, *given))
    found = {"recall": GRID, "precision": precision, "lo": lo, "hi": hi}
    recall = {name: values.tolist() for name, values in found.items()}
    return roc(judged, drawn.by_class), {**recall, "prevalence": float(judged.label.mean())}


def roc(judged: Judged, weights: NDArray[np.generic]) -> dict[str, Any] | None:
    """ROC curve on a common grid with its band over draws; None where a class is absent."""
    if not 0 < judged.label.sum() < len(judged.label):
        return None
    given = (judged.label, judged.score, judged.unit)
    true = roc_on_grid(ones(len(judged.patients)), *given)[0]
    lo, hi = ends_of(roc_on_grid(weights, *given))
    found = {"false_positive_rate": GRID, "true_positive_rate": true, "lo": lo, "hi": hi}
    return {name: values.tolist() for name, values in found.items()}


def ends_of(rounds: Floats) -> Floats:
    """(2, grid): ends of the middle 95 % at each point, rounds without a curve left out."""
    return np.asarray(np.quantile(rounds[np.isfinite(rounds[:, 0])], ENDS, axis=0))


def roc_on_grid(weights: NDArray[np.generic], label: Ints, score: Floats, unit: Ints) -> Floats:
    """Sensitivity at each false positive rate, (rounds, 101); NaN rows where a class is not drawn.

    Arguments as in `discrimination.ranked`. The ROC curve is linear between its points and takes
    the upper end of a vertical piece.
    """
    found = np.full((len(weights), len(GRID)), np.nan)
    for r, (true, false) in enumerate(counted(weights, label, score, unit)):
        if true[-1] and false[-1]:
            found[r] = np.interp(GRID, false / false[-1], true / true[-1])
    return found


def recall_on_grid(weights: NDArray[np.generic], label: Ints, score: Floats, unit: Ints) -> Floats:
    """Precision at each recall, (rounds, 101); NaN rows where a class is not drawn.

    Arguments as in `discrimination.ranked`. Precision at a recall is that of the highest threshold
    reaching it, as average precision sums it: lines between points would be too high (Davis &
    Goadrich 2006, ICML 23:233).
    """
    found = np.full((len(weights), len(GRID)), np.nan)
    for r, (true, false) in enumerate(counted(weights, label, score, unit)):
        if true[-1] and false[-1]:
            called = true + false
            first = np.searchsorted(called, 0, side="right")
            place = np.searchsorted(true, GRID * true[-1] - 1e-9, side="left")
            place = np.maximum(place, first)
            found[r] = true[place] / called[place]
    return found


def counted(
    weights: NDArray[np.generic], label: Ints, score: Floats, unit: Ints
) -> Iterator[tuple[Floats, Floats]]:
    """True and false positives of each resample as the threshold falls, from none on."""
    order = np.argsort(-score, kind="stable")
    falling, positive, column = score[order], label[order].astype(np.float64), unit[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    for part in chunks(len(weights), len(order)):
        drawn = weights[part].astype(np.float64)[:, column]
        called = np.cumsum(drawn, axis=1)[:, last]
        drawn *= positive
        true = np.cumsum(drawn, axis=1)[:, last]
        start = np.zeros((len(true), 1))
        yield from zip(
            np.concatenate([start, true], axis=1),
            np.concatenate([start, called - true], axis=1),
            strict=True,
        )


def reliability(judged: Judged, weights: NDArray[np.generic]) -> list[dict[str, Any]]:
    """Observed share of positives in ten bins of the probability.

    The band is Wilson's where a row is a patient, else the bootstrap's over patients; where all
    rows of a bin are of one class, or no resample has another share, Wilson's on its patients.
    """
    units = len(judged.patients)
    place = judged.unit * BINS + bin_of(judged.score)
    per_unit = [
        np.bincount(place, values, minlength=units * BINS).reshape(units, BINS)
        for values in (np.ones(len(place)), judged.label, judged.score)
    ]
    rows, positives, total = (each.sum(axis=0) for each in per_unit)
    patients = (per_unit[0] > 0).sum(axis=0)
    drawn = None
    if judged.level != "patient":
        totals = sums(weights, np.concatenate(per_unit[:2], axis=1))
        drawn = ratio(totals[:, BINS:], totals[:, :BINS])
    table = []
    for k in range(BINS):
        made: dict[str, Any] = {"low": k / BINS, "high": (k + 1) / BINS, "n": int(rows[k])}
        if not rows[k]:
            table.append(made | dict.fromkeys(("mean_probability", "observed", "lo", "hi")))
            continue
        share = float(positives[k] / rows[k])
        lo, hi = band(share, int(patients[k]), None if drawn is None else drawn[:, k])
        made |= {"mean_probability": float(total[k] / rows[k]), "observed": share}
        table.append(made | {"lo": lo, "hi": hi})
    return table


def band(share: float, patients: int, rounds: Floats | None) -> tuple[float, float]:
    """Ends of one bin's observed share."""
    if rounds is not None:
        rounds = rounds[np.isfinite(rounds)]
        if len(rounds) and np.ptp(rounds) > 0:
            lo, hi = np.quantile(rounds, ENDS)
            return float(min(lo, share)), float(max(hi, share))
    ends = wilson(share * patients, patients, CONFIDENCE)
    return ends.lo, ends.hi
