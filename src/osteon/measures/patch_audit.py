"""How much higher figures of patches read when patients, and with them patches, are divided."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osteon.measures.describing import plain
from osteon.measures.discrimination import Floats, from_confusion, ones, sums
from osteon.measures.intervals import UNDEFINED, Interval, draw, percentile
from osteon.measures.judging import ADVISED_ROUNDS, CONFIDENCE
from osteon.measures.segmentation import COUNTS, SegmentationError

METRICS = ("precision", "sensitivity", "accuracy", "f1", "specificity")
WARNING = (
    "Audit only: patches of one patient, most of whose pixels are the same, lie in training and "
    "test part. Its figures are inflated by recognising pixels: never quote them."
)
ALONE = "none: counts of one patient or of all together, so that no spread is known"
Values = dict[str, Floats]


def patch_gap(audit: ArrayLike, honest: ArrayLike, rounds: int, seed: int) -> dict[str, Any]:
    """Figures of a split by patch less those of a split by patient.

    Args:
        audit, honest: (patients, 4) counts tp, fp, fn, tn of the judged patches of each patient, or
            (4,) of all together, for which there is no interval.
        rounds: bootstrap resamples; seed: of them.

    Returns:
        JSON-able: warning, rounds, trial_run, method, `patients` (audit, honest; None where
        counted together), `paired`, and `metrics` → metric (recall for sensitivity) → audit, honest
        and `gap` with value, lo, hi, method. With as many patients in both, rows are the same
        patients and drawn together; else each split is drawn by itself.

    Raises:
        SegmentationError: counts of another shape, or missing or negative ones.
    """
    counts = {"audit": _counts("audit", audit), "honest": _counts("honest", honest)}
    values = {name: _measured(one, ones(len(one))) for name, one in counts.items()}
    apart = len(counts["audit"]) != len(counts["honest"])
    drawn = {
        name: _measured(one, draw(np.zeros(len(one), np.int64), rounds, seed + number * apart))
        for number, (name, one) in enumerate(counts.items())
    }
    alone = any(len(one) < 2 for one in counts.values())
    metrics = {}
    for name in METRICS:
        two = {part: float(found[name][0]) for part, found in values.items()}
        ends = _ends(drawn["audit"][name] - drawn["honest"][name], alone)
        gap = {"value": two["audit"] - two["honest"], "lo": ends.lo, "hi": ends.hi}
        said = two | {"gap": gap | {"method": ends.method}}
        metrics["recall" if name == "sensitivity" else name] = said
    found = {
        "warning": WARNING,
        "rounds": rounds,
        "paired": not apart,
        "trial_run": rounds < ADVISED_ROUNDS,
        "patients": {name: len(one) if len(one) > 1 else None for name, one in counts.items()},
        "metrics": metrics,
    }
    return dict(plain(found))


def _counts(name: str, given: ArrayLike) -> NDArray[np.float64]:
    """(patients, 4) counts."""
    found = np.atleast_2d(np.asarray(given, dtype=np.float64))
    if found.ndim != 2 or found.shape[1] != len(COUNTS) or not len(found):
        raise SegmentationError(
            f"{name}: shape {found.shape} found, (patients, 4) of {', '.join(COUNTS)} needed"
        )
    if not (np.isfinite(found) & (found >= 0)).all():
        raise SegmentationError(f"{name}: a count is missing or negative, 0 or more needed")
    return found


def _measured(counts: NDArray[np.float64], weights: NDArray[np.generic]) -> Values:
    totals = sums(weights, counts)
    return from_confusion({name: totals[:, k] for k, name in enumerate(COUNTS)})


def _ends(differences: Floats, alone: bool) -> Interval:
    """Percentile interval of the differences."""
    if alone:
        return Interval(np.nan, np.nan, ALONE)
    if not np.isfinite(differences).any():
        return Interval(np.nan, np.nan, UNDEFINED)
    return percentile(differences, CONFIDENCE)
