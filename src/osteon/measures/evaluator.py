"""The one evaluator: predictions in, metrics with intervals and paired tests out; never a model.

Choices, each with its reason:

- Intervals are bootstrap BCa over patients, stratified by class; all images of a drawn patient come
  along. In simulation at 60 patients the percentile interval covered 90 to 94 % (AUROC, worse the
  higher it is) and 93 % (accuracy), BCa 94 to 96 %; `tests/measures/test_coverage.py` keeps watch.
- Differences are percentile intervals on shared draws, so that interval and p value agree.
- McNemar is exact below 25 discordant pairs, else chi-square with continuity correction.
- Holm adjusts over the learners, one family for each level, test and metric; controls are families
  of their own.
- Patients are drawn by their place in the predictions table, so that renaming them (pseudonyms
  depend on a secret key) changes no number.
- Youden's threshold of a fold comes from the held-out predictions of the other folds. The models
  that made those predictions were trained on the judged fold's patients and their labels: it is
  cross-fitted, not nested. The threshold 0.5 is free of this. Youden's is kept as chosen while
  patients are resampled.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures import calibration, comparing
from osteon.measures.comparison import tabulate
from osteon.measures.discrimination import Floats
from osteon.measures.intervals import Interval
from osteon.measures.judging import (
    ADVISED_ROUNDS,
    CONFIDENCE,
    SCORES,
    YOUDEN,
    Key,
    Resamples,
    Settings,
    bootstrap_intervals,
    fold_values,
    further_intervals,
    measure,
    observed,
    with_calls,
)
from osteon.measures.levels import LEVELS, Judged, Level, at_level, checked


@dataclass(frozen=True)
class Evaluation:
    """`metrics`: JSON-able, everything; `comparison`: one row a learner, the headline."""

    metrics: dict[str, Any]
    comparison: pd.DataFrame


@dataclass(frozen=True)
class Result:
    """One learner at one level: the judgements, values, rounds and what goes to metrics.json."""

    judged: Judged
    values: Mapping[Key, float]
    rounds: Mapping[Key, Floats]
    report: dict[str, Any]


def evaluate(
    predictions: pd.DataFrame,
    config: Settings,
    reference: str,
    skipped: Mapping[str, str] | None = None,
    published: Mapping[str, Mapping[str, float]] | None = None,
) -> Evaluation:
    """Judge all learners of a predictions table.

    Args:
        predictions: held-out rows of one or more learners (see `osteon.measures.levels.checked`).
        config: an `EvaluationConfig`; reference: the learner the others are tested against.
        skipped: learner → why it has no predictions; each gets a row that says so.
        published: learner → metric → a printed value to stand beside ours.

    Returns:
        metrics and comparison. NaN becomes None in the metrics.

    Raises:
        PredictionsError: the table cannot be judged (NaN, repeated samples, two labels, …).
        ValueError: the reference is neither among the learners nor among the skipped.
    """
    frame, skipped = checked(predictions), dict(skipped or {})
    names = [str(name) for name in frame["learner"].drop_duplicates()]
    if reference not in names and reference not in skipped:
        raise ValueError(f"reference: {reference!r} found, one of {names} allowed")
    resamples = Resamples(config.rounds, config.seed)
    all_folds = {int(fold) for fold in frame["fold"].unique()}
    results: dict[str, dict[Level, Result]] = {}
    for name in names:
        rows = frame[frame["learner"] == name]
        results[name] = {
            level: judge(at_level(rows, level), config, resamples, all_folds) for level in LEVELS
        }
    metrics = {
        "settings": describe(config, reference, frame),
        "learners": {
            name: {level: result.report for level, result in levels.items()}
            for name, levels in results.items()
        },
        "skipped": skipped,
        "comparisons": comparing.against(results, reference, resamples, config),
    }
    metrics = plain(metrics)
    return Evaluation(metrics, tabulate(metrics, published))


def judge(judged: Judged, config: Settings, resamples: Resamples, all_folds: set[int]) -> Result:
    """All metrics of one learner at one level with intervals, folds and warnings."""
    judged, chosen = with_calls(judged)
    values = observed(judged, config.prevalences)
    rounds = measure(judged, resamples.of(judged), config.prevalences)
    intervals = bootstrap_intervals(judged, values, rounds, config)
    further, folds = further_intervals(judged), fold_values(judged, config.prevalences)
    report: dict[str, Any] = counts(judged)
    for key, value in values.items():
        group, name = key
        entry = {"value": value, **asdict(intervals[key])}
        if key in further:
            entry["also"] = asdict(further[key])
        entry["folds"] = spread(folds.get(key, {}))
        report.setdefault(group, {})[name] = entry
    slope, intercept = calibration.slope_intercept(judged.label, judged.score)
    report["calibration"] = {
        "brier": values[SCORES, "brier"],
        "expected_calibration_error": calibration.expected_error(judged.label, judged.score),
        "slope": slope,
        "intercept": intercept,
    }
    report["youden_thresholds"] = chosen
    report["warnings"] = warn(judged, intervals, folds, chosen, config, all_folds)
    return Result(judged, values, rounds, report)


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
    said = []
    positives = int(judged.strata.sum())
    for count, what in ((positives, "positive"), (len(judged.strata) - positives, "negative")):
        if count < config.small_sample:
            said.append(
                f"small sample: {count} {what} patients, fewer than {config.small_sample}; "
                "read every figure with its interval"
            )
    if config.rounds < ADVISED_ROUNDS:
        said.append(f"trial run: {config.rounds} bootstrap rounds, {ADVISED_ROUNDS} are needed")
    if judged.divided:
        said.append("patients are divided over folds: no fold values and no Youden threshold")
    elif absent := sorted(all_folds - {int(fold) for fold in judged.fold}):
        said.append(f"no predictions for fold(s) {absent}, which other learners have")
    if not judged.divided and not chosen:
        said.append("no Youden threshold: no other fold with both classes to choose it on")
    undefined = [fold for fold, x in folds.get((SCORES, "auroc"), {}).items() if np.isnan(x)]
    if undefined:
        said.append(f"fold(s) {undefined} have one class only: their AUROC is not defined")
    if flat := sorted({name for (_, name), x in intervals.items() if "same value" in x.method}):
        said.append(f"no interval, all resamples gave the same value: {', '.join(flat)}")
    return said


def describe(config: Settings, reference: str, frame: pd.DataFrame) -> dict[str, Any]:
    """What the figures were made with, in words a reader needs."""
    classes = [str(name).removeprefix("prob_") for name in frame if str(name).startswith("prob_")]
    return {
        "reference": reference,
        "positive_class": classes[-1],
        "negative_classes": classes[:-1],
        "level": config.level,
        "confidence": CONFIDENCE,
        "rounds": config.rounds,
        "seed": config.seed,
        "interval": config.interval,
        "prevalences": list(config.prevalences),
        "alpha": config.alpha,
        "resampling": "patients, stratified by class; all images of a drawn patient come along",
        "thresholds": {
            "at_0.5": "probability of the positive class at least 0.5; chosen on no data",
            YOUDEN: "chosen for each fold on the held-out predictions of the other folds, whose "
            "models were trained on the judged fold's patients and their labels: cross-fitted, "
            "not nested; at_0.5 is free of this",
        },
        "holm": "one family for each level, test and metric: all learners against the reference; "
        "controls (control_*, *_permuted) are families of their own",
    }


def plain(value: Any) -> Any:
    """The same as JSON knows it: NaN and infinities None, NumPy numbers plain, keys strings."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
