"""What stands beside the figures: counts, fold spread, warnings, and the settings in words."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures import voting
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
from osteon.measures.trained import (
    CROSS_FITTED,
    OUT_OF_FOLD,
    RESUBSTITUTION,
    classes_of,
    part_source,
)

RESAMPLING = (
    "patients; all images of a drawn patient come along. Keeping the number of each class: AUROC, "
    "sensitivity, specificity, balanced accuracy, PPV and NPV at stated prevalences, ROC band. "
    "Whatever the class, so that the share of positives varies as it does between cohorts: "
    "accuracy, precision, F1, MCC, AUPRC, Brier score, calibration error, slope and intercept, and "
    "the bands of precision-recall, reliability and decision curve. Differences are drawn as their "
    "metric is, the same draws for both learners. Resamples in which a metric is not defined are "
    "left out and counted in its method."
)
CHOSEN_ON = {
    CROSS_FITTED: "chosen for each fold on the held-out predictions of the other folds, whose "
    "models were trained on the judged fold's patients and their labels: cross-fitted, not nested; "
    "at_0.5 is free of this",
    OUT_OF_FOLD: f"chosen on the {OUT_OF_FOLD}: what networks that had not seen a patient of the "
    "training part say of it. Nothing of the judged part is in it; at_0.5 is chosen on no data",
    RESUBSTITUTION: f"chosen on the {RESUBSTITUTION}: what the network says of the patients it was "
    "fitted on. Optimistic about them and blind to the judged part, whose figures are honest; "
    "at_0.5 is chosen on no data at all",
}
COOLED_ON = {
    CROSS_FITTED: "fitted for each fold on the held-out predictions of the other folds: "
    "cross-fitted, not nested, as Youden's threshold",
    OUT_OF_FOLD: f"fitted on the {OUT_OF_FOLD}, as Youden's threshold",
    RESUBSTITUTION: f"fitted on the {RESUBSTITUTION}, as Youden's threshold",
}
AT_HALF = "probability of the positive class at least 0.5; chosen on no data"
CALLED_BY_VOTE = "called by vote, as the learner itself decides, not by a threshold"


def counts(judged: Judged) -> dict[str, Any]:
    """How many patients, images and positives stand behind the figures.

    `n_images` is None where every sample is a patient.
    """
    positives = int(judged.strata.sum())
    return {
        "n_patients": len(judged.patients),
        "n_images": int(judged.images.sum()) or None,
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
        said.append(
            f"threshold at Youden and temperature come from the {part_source(judged.training)}"
        )
    if judged.pooled_votes:
        said.append(voting.POOLED)
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
    sources: Collection[str] = (),
) -> dict[str, Any]:
    """What the figures were made with, in words a reader needs.

    `sources`: where thresholds and temperatures come from, as `part_source` says of each learner
    that is judged in a single hold-out; none for folds.
    """
    classes = classes_of(frame)
    known = [one for one in CHOSEN_ON if one in sources] or [CROSS_FITTED]
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
            FIXED: half(voting.voters(frame)),
            YOUDEN: "; or ".join(CHOSEN_ON[one] for one in known),
        },
        "called_by_vote": voting.voters(frame),
        "temperature": "; or ".join(COOLED_ON[one] for one in known),
        "decision_range": list(config.decision_range),
        "subgroups": list(config.subgroups),
        "age_caliper": config.age_caliper,
        "holm": "one family for each level, test and metric: all learners against the reference; "
        "controls (control_*, *_permuted) are families of their own",
    }


def half(voters: Sequence[str]) -> str:
    """What "at_0.5" means, in words; for the learners that vote it is their votes."""
    if not voters:
        return AT_HALF
    return f"{AT_HALF}. Of {', '.join(voters)}: {CALLED_BY_VOTE}"


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
