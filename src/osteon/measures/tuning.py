"""What tuning is judged by: one number a setting, its interval, the optimism of choosing by it.

A table of patients has one row a judged patient: `patient_id`, `label` (the number of the class)
and `score`, the last class's probability in [0, 1], or, for segmentation, `dice`. With more than
two classes the probabilities stand in `prob_0`, `prob_1`, ....
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures import multiclass
from osteon.measures.describing import plain
from osteon.measures.discrimination import (
    Bools,
    Floats,
    confusion,
    from_confusion,
    ones,
    ranked,
    ratio,
    sums,
)
from osteon.measures.intervals import (
    UNDEFINED,
    WITHOUT_SPREAD,
    Interval,
    bca,
    draws,
    leave_one_out,
    wilson,
)
from osteon.measures.judging import CONFIDENCE, by_class

Objective = Literal["auroc", "f1", "accuracy", "balanced_accuracy", "dice"]
CALLED_AT = 0.5


def score(patients: pd.DataFrame, objective: Objective) -> float:
    """The number that tuning makes as large as it can.

    Args:
        patients: one row a judged patient.
        objective: `auroc` (of more than two classes the mean of one against the rest), `f1` (their
            plain mean), `accuracy`, `balanced_accuracy`, or `dice`, the mean over patients whose
            Dice is defined. Two classes are told apart at 0.5, more by the greatest probability.

    Returns:
        in [0, 1]; NaN where it is not defined on these patients.

    Raises:
        ValueError: there is no patient, or the table lacks what the objective reads.
    """
    _check(patients, objective)
    return float(_measure(patients, objective, ones(len(patients)))[0])


def judged(
    patients: pd.DataFrame, objective: Objective, rounds: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """The same number with a 95 % interval: BCa bootstrap over patients.

    Args:
        patients: as for `score`.
        objective: as for `score`.
        rounds: resamples; what is conditional on the class keeps the number of each class.
        seed: of the resamples.

    Returns:
        `value`, `lo`, `hi` (None where not defined), `method` and `patients`, their number.

    Raises:
        ValueError: as `score`.
    """
    value = score(patients, objective)
    ends = Interval(np.nan, np.nan, UNDEFINED)
    if np.isfinite(value):
        ends = _interval(patients, objective, value, rounds, seed)
    return dict(plain({"value": value, **asdict(ends), "patients": len(patients)}))


def optimism(inner: float, outer: float) -> float:
    """How much better a setting looked where it was chosen than where nothing was chosen."""
    return inner - outer


def gap(inner: Mapping[str, Any], outer: Mapping[str, Any]) -> dict[str, Any]:
    """`optimism` with an interval, from the intervals of both.

    The two are of different patients; their intervals are joined as Zou & Donner 2008 (Stat Med
    27:1693, MOVER) join those of two independent estimates.

    Args:
        inner: `value`, `lo`, `hi` of `judged`, where the setting was chosen.
        outer: the same where nothing was chosen.

    Returns:
        `value`, `lo`, `hi` and `method`; None what is not defined.
    """
    numbers = [inner["value"], inner["lo"], inner["hi"], outer["value"], outer["lo"], outer["hi"]]
    i, i_lo, i_hi, o, o_lo, o_hi = (np.nan if one is None else float(one) for one in numbers)
    value = optimism(i, o)
    lo, hi = value - np.hypot(i - i_lo, o_hi - o), value + np.hypot(i_hi - i, o - o_lo)
    return dict(plain({"value": value, "lo": float(lo), "hi": float(hi), "method": "MOVER"}))


def spread(values: Sequence[float]) -> dict[str, Any]:
    """The chosen setting over several seeds of training.

    Args:
        values: the objective, one a seed, that of the study's own seed first.

    Returns:
        `values`, `mean`, `sd` (n - 1 in the divisor; None of a single value), `lowest`, `highest`.

    Raises:
        ValueError: there is no value.
    """
    if not len(values):
        raise ValueError("values: none found, at least one needed")
    found = np.asarray(values, dtype=np.float64)
    sd = float(found.std(ddof=1)) if len(found) > 1 else None
    told = {"values": found.tolist(), "mean": float(found.mean()), "sd": sd}
    return dict(plain(told | {"lowest": float(found.min()), "highest": float(found.max())}))


def _check(patients: pd.DataFrame, objective: Objective) -> None:
    if patients.empty:
        raise ValueError("patients: no row found; at least one judged patient is needed")
    needed = {"patient_id", "dice"} if objective == "dice" else {"patient_id", "label", "score"}
    lacking = sorted(needed - set(patients.columns))
    if lacking:
        raise ValueError(
            f"patients: columns {', '.join(lacking)} absent; objective {objective} needs "
            f"{', '.join(sorted(needed))}"
        )
    if patients["patient_id"].duplicated().any():
        raise ValueError("patients: a patient_id stands there twice; one row a patient is needed")


def _interval(
    patients: pd.DataFrame, objective: Objective, value: float, rounds: int, seed: int
) -> Interval:
    label = _labels(patients)
    drawn, conditional = draws(label, rounds, seed), by_class(objective)
    found = _measure(patients, objective, drawn.by_class if conditional else drawn.whole)
    jackknife = _measure(patients, objective, leave_one_out(len(patients)))
    ends = bca(value, found, jackknife, label if conditional else None, CONFIDENCE)
    if ends.method == WITHOUT_SPREAD and objective == "accuracy":
        return wilson(round(value * len(patients)), len(patients), CONFIDENCE)
    return ends


def _labels(patients: pd.DataFrame) -> NDArray[np.int64]:
    """(patients,) classes; all alike where a table of Dice has none."""
    if "label" not in patients:
        return np.zeros(len(patients), np.int64)
    return patients["label"].to_numpy(dtype=np.int64)


def _measure(patients: pd.DataFrame, objective: Objective, weights: NDArray[np.generic]) -> Floats:
    """(rounds, patients) weights → (rounds,) values, NaN where not defined."""
    if objective == "dice":
        dice = patients["dice"].to_numpy(dtype=np.float64)
        known = np.isfinite(dice)
        both = np.stack([np.where(known, dice, 0.0), known.astype(np.float64)], axis=1)
        total = sums(weights, both)
        return ratio(total[:, 0], total[:, 1])
    label = _labels(patients)
    names = [name for name in patients.columns if name.startswith("prob_")]
    if len(names) > 2:
        return _of_many(label, patients[names].to_numpy(dtype=np.float64), objective, weights)
    value, unit = patients["score"].to_numpy(dtype=np.float64), np.arange(len(patients))
    if objective == "auroc":
        return ranked(weights, label, value, unit)["auroc"]
    return _of_calls(weights, label, value >= CALLED_AT, objective)


def _of_many(
    label: NDArray[np.int64],
    probabilities: Floats,
    objective: Objective,
    weights: NDArray[np.generic],
) -> Floats:
    """Three classes or more: as `osteon.measures.multiclass` measures them."""
    many = multiclass.Patients(label, probabilities)
    if objective != "f1":
        name = "macro_auroc" if objective == "auroc" else objective
        return multiclass.measure(many, weights)[name]
    classes = range(probabilities.shape[1])
    own = [(label == k).astype(np.int64) for k in classes]
    each = [_of_calls(weights, own[k], many.called == k, objective) for k in classes]
    return np.asarray(np.mean(each, axis=0))


def _of_calls(
    weights: NDArray[np.generic], label: NDArray[np.int64], called: Bools, objective: Objective
) -> Floats:
    """What follows from whom a setting calls positive.

    F1 of a setting that calls nobody positive is 0 where somebody is: bad, not unknown, or such
    trials would count as failed instead of as poor.
    """
    counts = confusion(weights, label, called, np.arange(len(label)))
    found = from_confusion(counts)[objective]
    if objective == "f1":
        found = np.where(np.isnan(found) & (counts["tp"] + counts["fn"] > 0), 0.0, found)
    return found
