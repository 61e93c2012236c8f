"""What stands beside the figures: counts, fold spread, warnings, and the settings in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures.intervals import Interval
from osteon.measures.judging import (
    ADVISED_ROUNDS,
    CONFIDENCE,
    FIXED,
    SCORES,
    YOUDEN,
    Key,
    Settings,
)
from osteon.measures.levels import Judged
from osteon.measures.trained import RESUBSTITUTION, classes_of

RESAMPLING = (
    "patients; all images of a drawn patient come along. Keeping the number of each class: AUROC, "
    "sensitivity, specificity, balanced accuracy, PPV and NPV at stated prevalences, ROC band. "
    "Whatever the class, so that the share of positives varies as it does between cohorts: "
    "accuracy, precision, F1, MCC, AUPRC, Brier score, calibration error, slope and intercept, and "
    "the bands of precision-recall, reliability and decision curve. Differences are drawn as their "
    "metric is, the same draws for both learners. Resamples in which a metric is not defined are "
    "left out and counted in its method."
)
ON_OTHERS = (
    "chosen for each fold on the held-out predictions of the other folds, whose models were "
    "trained on the judged fold's patients and their labels: cross-fitted, not nested; at_0.5 is "
    "free of this"
)
ON_TRAINING = (
    f"chosen on the {RESUBSTITUTION}: what the network says of the patients it was fitted on. "
    "Optimistic about them and blind to the judged part, whose figures are honest; at_0.5 is "
    "chosen on no data at all"
)


def counts(judged: Judged) -> dict[str, Any]:
    """How many patients, images and positives stand behind the figures."""
    positives = int(judged.strata.sum())
    return {
        "n_patients": len(judged.patients),
        "n_images": int(judged.images.sum()),
        "positive_patients": positives,
        "negative_patients": len(judged.patients) - positives,
        "positives": int(judged.label.sum()),
        "negatives": int(len(judged.label) - judged.label.sum()),
    }


def spread(folds: Mapping[int, float]) -> dict[str, Any]:
    """Fold by fold, mean and SD (n - 1) over the folds in which the metric is defined."""
    defined = np.array([value for value in folds.values() if np.isfinite(value)])
    return {
        "values": {str(fold): value for fold, value in folds.items()},
        "mean": float(defined.mean()) if len(defined) else float("nan"),
        "sd": float(defined.std(ddof=1)) if len(defined) > 1 else float("nan"),
        "n": len(defined),
    }


def warn(
    judged: Judged,
    intervals: Mapping[Key, Interval],
    folds: Mapping[Key, Mapping[int, float]],
    chosen: Mapping[int, float],
    config: Settings,
    all_folds: set[int],
) -> list[str]:
    """Sentences to print beside the figures."""
    said = small(judged, config)
    if judged.divided:
        said.append("patients are divided over folds: no fold values and no Youden threshold")
    elif absent := sorted(all_folds - {int(fold) for fold in judged.fold}):
        said.append(f"no predictions for fold(s) {absent}, which other learners have")
    if not judged.divided and not chosen:
        where = "other fold" if judged.training is None else "training part"
        said.append(f"no Youden threshold: no {where} with both classes to choose it on")
    elif judged.training is not None:
        said.append(f"threshold at Youden and temperature come from the {RESUBSTITUTION}")
    if judged.constant:
        said.append(
            "scores are constant within each fold: pooled AUROC and calibration mean nothing"
        )
    return said + gaps(intervals, folds)


def small(judged: Judged, config: Settings) -> list[str]:
    """Few patients of a class, few rounds."""
    positives = int(judged.strata.sum())
    said = [
        *few(positives, "positive patients", config),
        *few(len(judged.strata) - positives, "negative patients", config),
    ]
    return said + trial(config)


def few(count: int, what: str, config: Settings) -> list[str]:
    """A warning when fewer than `small_sample` stand behind a figure."""
    if count >= config.small_sample:
        return []
    return [
        f"small sample: {count} {what}, fewer than {config.small_sample}; "
        "read every figure with its interval"
    ]


def trial(config: Settings) -> list[str]:
    """A warning when the rounds are too few for a report."""
    if config.rounds >= ADVISED_ROUNDS:
        return []
    return [f"trial run: {config.rounds} bootstrap rounds, {ADVISED_ROUNDS} are needed"]


def gaps(intervals: Mapping[Key, Interval], folds: Mapping[Key, Mapping[int, float]]) -> list[str]:
    """Figures and intervals that could not be had, and folds that a mean leaves out."""
    said = []
    undefined = [fold for fold, x in folds.get((SCORES, "auroc"), {}).items() if np.isnan(x)]
    if undefined:
        said.append(f"fold(s) {undefined} have one class only: their AUROC is not defined")
    for group in (FIXED, YOUDEN):
        values = folds.get((group, "precision"), {})
        uncalled = [fold for fold, x in values.items() if np.isnan(x) and fold not in undefined]
        if uncalled:
            said.append(
                f"fold(s) {uncalled} have nobody called positive {group.replace('_', ' ')}: "
                "left out of the fold means of precision, F1 and MCC"
            )
    reasons: dict[str, set[str]] = {}
    for (_, name), found in intervals.items():
        why = "all resamples gave the same value" if "one value" in found.method else found.method
        if why != found.method or why.startswith("none: "):
            reasons.setdefault(why.removeprefix("none: "), set()).add(name)
    said += [f"no interval, {why}: {', '.join(sorted(names))}" for why, names in reasons.items()]
    return said


def describe(
    config: Settings,
    reference: str,
    frame: pd.DataFrame,
    levels: Sequence[str],
    on_training: bool = False,
) -> dict[str, Any]:
    """What the figures were made with, in words a reader needs.

    `on_training`: thresholds and temperatures come from the training part of a single hold-out.
    """
    classes = classes_of(frame)
    return {
        "reference": reference,
        "positive_class": classes[-1],
        "negative_classes": classes[:-1],
        "level": config.level,
        "levels": list(levels),
        "confidence": CONFIDENCE,
        "rounds": config.rounds,
        "seed": config.seed,
        "interval": config.interval,
        "prevalences": list(config.prevalences),
        "alpha": config.alpha,
        "resampling": RESAMPLING,
        "thresholds": {
            "at_0.5": "probability of the positive class at least 0.5; chosen on no data",
            YOUDEN: ON_TRAINING if on_training else ON_OTHERS,
        },
        "temperature": f"fitted on the {RESUBSTITUTION}, as Youden's threshold"
        if on_training
        else "fitted for each fold on the held-out predictions of the other folds: "
        "cross-fitted, not nested, as Youden's threshold",
        "decision_range": list(config.decision_range),
        "subgroups": list(config.subgroups),
        "age_caliper": config.age_caliper,
        "holm": "one family for each level, test and metric: all learners against the reference; "
        "controls (control_*, *_permuted) are families of their own",
    }


def plain(value: Any, digits: int | None = None) -> Any:
    """The same as JSON knows it: NaN and infinities None, NumPy numbers plain, keys strings.

    Args:
        value: nested mappings and lists; digits: decimal places to keep, all of them without.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item(), digits)
    if not isinstance(value, float):
        return value
    if not np.isfinite(value):
        return None
    return value if digits is None else round(value, digits)
