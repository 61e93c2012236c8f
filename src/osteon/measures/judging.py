"""Every metric of one learner at one level, for any resamples, with its intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from osteon.measures import delong, thresholds
from osteon.measures.discrimination import (
    Floats,
    Ints,
    confusion,
    from_confusion,
    ones,
    ranked,
    ratio,
    sums,
)
from osteon.measures.intervals import (
    LEAST_SPREAD,
    WITHOUT_SPREAD,
    Draws,
    Interval,
    bca,
    draws,
    flat,
    leave_one_out,
    percentile,
    wilson,
)
from osteon.measures.levels import Judged
from osteon.measures.trained import everywhere

SCORES, FIXED, YOUDEN = "scores", "at_0.5", "at_youden"
Key = tuple[str, str]
CONFIDENCE = 0.95
ADVISED_ROUNDS = 2000
# Conditional on the class, as are PPV and NPV at a stated prevalence; all other metrics depend on
# the share of positives, and are drawn with it.
BY_CLASS = ("auroc", "sensitivity", "specificity", "balanced_accuracy")
STATED = ("ppv_at_", "npv_at_")
WITHOUT = {
    "precision": "nobody is called positive",
    "f1": "nobody is called positive",
    "ppv": "nobody is called positive",
    "npv": "nobody is called negative",
    "mcc": "all are called alike",
}


class Settings(Protocol):
    """What the evaluator asks of its configuration (`osteon.recipes.evaluation` has the class)."""

    @property
    def rounds(self) -> int:
        """Bootstrap resamples."""

    @property
    def seed(self) -> int:
        """Seed of the resamples."""

    @property
    def interval(self) -> str:
        """`bca` or `percentile`."""

    @property
    def prevalences(self) -> Sequence[float]:
        """Shares of positives for predictive values."""

    @property
    def level(self) -> str:
        """Headline level."""

    @property
    def alpha(self) -> float:
        """Family-wise error."""

    @property
    def small_sample(self) -> int:
        """Fewer patients of a class than this are warned of."""

    @property
    def subgroups(self) -> Sequence[str]:
        """Columns by which patients are judged apart."""

    @property
    def age_caliper(self) -> float:
        """Years by which the two of an age-matched pair may differ."""

    @property
    def decision_range(self) -> tuple[float, float]:
        """Lowest and highest threshold of the decision curve."""


@dataclass
class Resamples:
    """Draws of patients, made once for each set of patients and shared by all learners on it."""

    rounds: int
    seed: int
    kept: dict[tuple[str, ...], Draws] = field(default_factory=dict)

    def of(self, judged: Judged) -> Draws:
        """(rounds, patients) weights, the same for the same patients whatever the learner."""
        if judged.patients not in self.kept:
            self.kept[judged.patients] = draws(judged.strata, self.rounds, self.seed)
        return self.kept[judged.patients]


def by_class(metric: str) -> bool:
    """Whether a metric is conditional on the class, and its draws keep the number of each."""
    return metric in BY_CLASS or metric.startswith(STATED)


def with_calls(judged: Judged) -> tuple[Judged, dict[int, float]]:
    """The judgements with who is called positive at 0.5 and at Youden's threshold of each fold.

    A learner that votes is called as it votes instead of at 0.5, where the votes are of these rows.

    Returns:
        the judgements, and fold → Youden's threshold: chosen on the other folds, or under a single
        hold-out on the training part. Without either, or with divided patients, only 0.5 is used
        and the second is empty.
    """
    chosen: dict[int, float] = {}
    if judged.training is not None:
        chosen = everywhere(thresholds.youden, judged.training, judged.fold)
    elif not judged.divided:
        chosen = thresholds.by_fold(judged.label, judged.score, judged.fold)
    if not chosen or not np.isfinite(list(chosen.values())).all():
        return with_thresholds(judged, {}), {}
    return with_thresholds(judged, chosen), chosen


def with_thresholds(judged: Judged, chosen: Mapping[int, float]) -> Judged:
    """The judgements with who is called positive at 0.5 and at thresholds already chosen by fold.

    Args:
        judged: at any level; chosen: fold → threshold for each of its folds, empty for 0.5 only.
            Its votes, where it has any, take the place of the calls at 0.5.
    """
    fixed = judged.vote
    if fixed is None:
        fixed = thresholds.call(judged.score, thresholds.FIXED)
    called = {FIXED: fixed}
    if chosen:
        own = np.array([chosen[int(fold)] for fold in judged.fold])
        called[YOUDEN] = thresholds.call(judged.score, own)
    return replace(judged, called=called)


def measure(judged: Judged, drawn: Draws, prevalences: Sequence[float]) -> dict[Key, Floats]:
    """All metrics of all resamples, each on the draws that are right for it.

    Args:
        judged: with calls; drawn: (rounds, patients) weights; prevalences: for PPV and NPV.

    Returns:
        (group, metric) → (rounds,), NaN in a round where the metric is not defined.
    """
    if drawn.by_class is drawn.whole:
        return on_weights(judged, drawn.whole, prevalences)
    found = on_weights(judged, drawn.by_class, prevalences)
    whole = on_weights(judged, drawn.whole, ())
    return {key: value if by_class(key[1]) else whole[key] for key, value in found.items()}


def on_weights(
    judged: Judged, weights: NDArray[np.generic], prevalences: Sequence[float]
) -> dict[Key, Floats]:
    """All metrics on one matrix of weights, (rounds, patients)."""
    values: dict[Key, Floats] = {}
    for name, found in ranked(weights, judged.label, judged.score, judged.unit).items():
        values[SCORES, name] = found
    patients = weights.shape[1]
    squares = np.bincount(judged.unit, (judged.score - judged.label) ** 2, minlength=patients)
    rows = np.bincount(judged.unit, minlength=patients)
    totals = sums(weights, np.stack([squares, rows.astype(np.float64)], axis=1))
    values[SCORES, "brier"] = ratio(totals[:, 0], totals[:, 1])
    for group, called in judged.called.items():
        counts = confusion(weights, judged.label, called, judged.unit)
        for name, found in from_confusion(counts, prevalences).items():
            values[group, name] = found
    return values


def observed(judged: Judged, prevalences: Sequence[float]) -> dict[Key, float]:
    """All metrics on the data as they are."""
    values = on_weights(judged, ones(len(judged.patients)), prevalences)
    return {key: float(found[0]) for key, found in values.items()}


def fold_values(judged: Judged, prevalences: Sequence[float]) -> dict[Key, dict[int, float]]:
    """All metrics fold by fold; NaN where a fold lacks the class; empty for divided patients."""
    if judged.divided:
        return {}
    folds = np.unique(judged.fold)
    # A fold is one more set of weights, this time over rows.
    member = (judged.fold[None, :] == folds[:, None]).astype(np.float64)
    by_row = replace(judged, unit=np.arange(len(judged.label)))
    values = on_weights(by_row, member, prevalences)
    return {
        key: {int(fold): float(one) for fold, one in zip(folds, found, strict=True)}
        for key, found in values.items()
    }


def bootstrap_intervals(
    judged: Judged,
    values: Mapping[Key, float],
    rounds: Mapping[Key, Floats],
    settings: Settings,
) -> dict[Key, Interval]:
    """The 95 % bootstrap interval of each metric, in the way that the settings name."""
    left_out: Mapping[Key, Floats] = {}
    if settings.interval != "percentile":
        left_out = on_weights(judged, leave_one_out(len(judged.patients)), settings.prevalences)
    found = {}
    for key, value in values.items():
        if not np.isfinite(value):
            found[key] = Interval(np.nan, np.nan, f"none: {undefined(judged, key[1])}")
        elif flat(rounds[key][np.isfinite(rounds[key])]):
            found[key] = without_spread(judged, key, value)
        elif not left_out:
            found[key] = percentile(rounds[key], CONFIDENCE)
        else:
            strata = judged.strata if by_class(key[1]) else None
            found[key] = bca(value, rounds[key], left_out[key], strata, CONFIDENCE)
    return found


def undefined(judged: Judged, metric: str) -> str:
    """Why a metric has no value."""
    if 0 < judged.label.sum() < len(judged.label):
        return f"not defined, {WITHOUT.get(metric.split('_')[0], 'nothing to divide by')}"
    return "not defined, a class is absent"


def without_spread(judged: Judged, key: Key, value: float) -> Interval:
    """An interval where every resample gave the same value, so that the bootstrap knows no width.

    Accuracy, sensitivity, specificity, precision: Wilson on the number of patients (at image level
    as if the images of a patient counted once, the cautious end). An AUROC of 0 or 1: Wilson on
    min(positives, negatives) pairs, which can be formed independently and were all won or lost.
    For any other metric there is none, and the ends are NaN.
    """
    positives = int(judged.strata.sum())
    negatives = len(judged.strata) - positives
    trials = {
        "accuracy": positives + negatives,
        "sensitivity": positives,
        "specificity": negatives,
        "precision": len(np.unique(judged.unit[judged.called[key[0]]])) if key[0] != SCORES else 0,
        "auroc": min(positives, negatives) if value in (0.0, 1.0) else 0,
    }.get(key[1], 0)
    if not trials or not np.isfinite(value):
        return Interval(np.nan, np.nan, WITHOUT_SPREAD)
    ends = wilson(value * trials, trials, CONFIDENCE)
    unit = "pairs of patients" if key[1] == "auroc" else "patients"
    return Interval(ends.lo, ends.hi, f"wilson on {trials} {unit}: all resamples gave one value")


def further_intervals(judged: Judged) -> dict[Key, Interval]:
    """Wilson's intervals of the proportions and DeLong's of the AUROC, for one score a patient.

    DeLong's has no width at an AUROC of 0 or 1, nor with all scores equal: none is given there.
    """
    if judged.level != "patient":
        return {}
    found: dict[Key, Interval] = {}
    if 0 < judged.label.sum() < len(judged.label):
        ends = delong.interval(judged.label, judged.score, CONFIDENCE)
        if ends.hi - ends.lo < LEAST_SPREAD:
            ends = Interval(np.nan, np.nan, "none: delong has no variance here")
        found[SCORES, "auroc"] = ends
    for group, called in judged.called.items():
        for name, (right, trials) in proportions(judged.label, called).items():
            found[group, name] = wilson(right, trials, CONFIDENCE)
    return found


def proportions(label: Ints, called: NDArray[np.bool_]) -> dict[str, tuple[int, int]]:
    """Successes and trials of the metrics that are plain proportions of patients."""
    right = called == (label == 1)
    return {
        "accuracy": (int(right.sum()), len(label)),
        "sensitivity": (int(called[label == 1].sum()), int((label == 1).sum())),
        "specificity": (int((~called[label == 0]).sum()), int((label == 0).sum())),
        "precision": (int(label[called].sum()), int(called.sum())),
    }
