"""The one evaluator: predictions in, metrics with intervals and paired tests out; never a model.

Choices, each with its reason:

- Intervals are bootstrap BCa over patients; all images of a drawn patient come along. What is
  conditional on the class (AUROC, sensitivity, ...) keeps the number of each class in its draws;
  what depends on the share of positives (accuracy, precision, calibration, decision curve, ...)
  must not: the numbers of a cohort are a matter of chance too, and intervals with them held fixed
  covered 12 to 94 %. In simulation at 60 patients the percentile interval covered 90 to 94 %
  (AUROC, worse the higher it is), BCa 94 to 96 %; `tests/measures/test_coverage.py` has the table.
- Differences are percentile intervals on shared draws, so that interval and p value agree.
- McNemar is exact below 25 discordant pairs, else chi-square with continuity correction.
- Holm adjusts over the learners, one family for each level, test and metric; controls are families
  of their own.
- Patients are drawn by their place in the predictions table, so that renaming them (pseudonyms
  depend on a secret key) changes no number.
- Youden's threshold of a fold comes from the held-out predictions of the other folds. The models
  that made those predictions were trained on the judged fold's patients and their labels: it is
  cross-fitted, not nested. The threshold 0.5 is free of this. Youden's is kept as chosen while
  patients are resampled. The same holds of the temperature.
- With one hold-out there is no other fold: Youden's threshold and the temperature come from what
  the network says of its training part, if that is handed over. Nothing of the judged part is in
  them, but such scores are better than any new patient's: the threshold may lie far from the best.
  Where the training part was cross-validated and the table says so (`out_of_fold`), both come from
  scores of networks that had not seen the patient.
- A learner that says how it votes (`vote`) is called by its votes in the group "at_0.5"; its scores
  rank and calibrate as ever. Votes are never averaged: where rows are pooled, 0.5 is used, and a
  warning says so.
- Slope, intercept and calibration error have intervals of their own (`osteon.measures.calibrated`).
- Bands of curves are pointwise: 95 % at each point, not for the whole curve.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from osteon.measures import calibrated, comparing, temperature
from osteon.measures.age_matched import age_matched
from osteon.measures.comparison import tabulate
from osteon.measures.curves import curves
from osteon.measures.describing import counts, describe, plain, spread, warn
from osteon.measures.discrimination import Floats
from osteon.measures.judging import (
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
from osteon.measures.levels import Judged, Level, at_level, checked, levels_of
from osteon.measures.subgroups import subgroups
from osteon.measures.trained import part_of, part_source, source_of, usable, with_training
from osteon.measures.voting import BY_SCORE, BY_VOTE

CURVE_DIGITS = 6


@dataclass(frozen=True)
class Evaluation:
    """`metrics`: JSON-able, everything; `comparison`: one row a learner, the headline.

    `curves`: JSON-able, `learners` → name → level → what `osteon.measures.curves.curves` gives.
    """

    metrics: dict[str, Any]
    comparison: pd.DataFrame
    curves: dict[str, Any]


@dataclass(frozen=True)
class Result:
    """One learner at one level: its rows, the judgements, values and rounds."""

    rows: pd.DataFrame
    judged: Judged
    values: Mapping[Key, float]
    rounds: Mapping[Key, Floats]
    thresholds: Mapping[int, float]


Results = dict[str, dict[Level, Result]]


def evaluate(
    predictions: pd.DataFrame,
    config: Settings,
    reference: str,
    skipped: Mapping[str, str] | None = None,
    published: Mapping[str, Mapping[str, float]] | None = None,
    training: pd.DataFrame | None = None,
) -> Evaluation:
    """Judge all learners of a predictions table.

    Args:
        predictions: held-out rows of one or more learners (see `osteon.measures.levels.checked`).
        config: an `EvaluationConfig`; reference: the learner the others are tested against.
        skipped: learner → why it has no predictions; each gets a row that says so.
        published: learner → metric → a printed value to stand beside ours.
        training: what networks say of the samples they were fitted on (learner, fold, sample_id,
            patient_id, label, prob_<class>; `out_of_fold` where they had not seen them). Only for a
            learner that is judged in a single fold: its Youden threshold and temperature are chosen
            on it, as there is no other fold.

    Returns:
        metrics, comparison and curves. NaN becomes None in metrics and curves.

    Raises:
        PredictionsError: the table cannot be judged (NaN, repeated samples, two labels, …).
        ValueError: the reference is neither among the learners nor among the skipped, or the
            headline level is not in the table.
    """
    frame, skipped = checked(predictions), dict(skipped or {})
    resamples = Resamples(config.rounds, config.seed)
    known = usable(training, frame)
    results = judge_all(frame, config, resamples, reference, skipped, known)
    folds = {int(fold) for fold in frame["fold"].unique()}
    learners: dict[str, dict[str, Any]] = {}
    drawn: dict[str, dict[str, Any]] = {}
    for name, levels in results.items():
        learners[name], drawn[name] = {}, {}
        for level, result in levels.items():
            drawing = resamples.of(result.judged)
            cooled = temperature.applied(result.judged)
            learners[name][level] = report(result, config, folds)
            learners[name][level]["calibration"] = calibrated.report(
                result.judged, cooled, drawing.whole, config
            )
            drawn[name][level] = curves(result.judged, cooled.judged, drawing, config)
        rows = frame[frame["learner"] == name]
        learners[name]["patient"]["subgroups"] = subgroups(rows, config)
    patients = on_common_images(of_patients(results))
    metrics = plain(
        {
            "settings": describe(config, reference, frame, levels_of(frame), sources(results)),
            "learners": learners,
            "skipped": skipped,
            "comparisons": comparing.against(results, reference, resamples, config),
            "age_matched": age_matched(frame, patients, reference, config),
        }
    )
    return Evaluation(
        metrics, tabulate(metrics, published), plain({"learners": drawn}, CURVE_DIGITS)
    )


def sources(results: Results) -> set[str]:
    """What the training parts of the learners are, in words; none where all have folds."""
    parts = [one.judged.training for one in of_patients(results).values()]
    return {part_source(one) for one in parts if one is not None}


def compare(predictions: pd.DataFrame, config: Settings, reference: str) -> dict[str, Any]:
    """Only the paired comparisons that `evaluate` puts under `comparisons`, in a fraction of time.

    Args:
        predictions, config, reference: as in `evaluate`, with the same errors.
    """
    frame, resamples = checked(predictions), Resamples(config.rounds, config.seed)
    results = judge_all(frame, config, resamples, reference, {})
    return dict(plain(comparing.against(results, reference, resamples, config)))


def judge_all(
    frame: pd.DataFrame,
    config: Settings,
    resamples: Resamples,
    reference: str,
    skipped: Mapping[str, str],
    training: pd.DataFrame | None = None,
) -> Results:
    """Every learner of a checked table at every level, learners in the order of the table.

    `training` are the rows of `osteon.measures.trained.usable`, None for none.
    """
    names, levels = list(frame["learner"].drop_duplicates()), levels_of(frame)
    if reference not in names and reference not in skipped:
        raise ValueError(f"reference: {reference!r} found, one of {names} allowed")
    if config.level not in levels:
        raise ValueError(
            f"level: {config.level!r} found, one of {list(levels)} allowed: a row of the "
            "predictions has no sequence_id, or every sample is a patient"
        )
    results: Results = {}
    for name in names:
        rows = frame[frame["learner"] == name]
        part = None if training is None else part_of(training, rows)
        results[str(name)] = {
            level: judge(rows, level, config, resamples, part) for level in levels
        }
    return results


def of_patients(results: Results) -> dict[str, Result]:
    """Learner → its judgements of patients."""
    return {name: found["patient"] for name, found in results.items()}


def on_common_images(results: Mapping[str, Result]) -> dict[str, Judged]:
    """Patient-level judgements of all learners, from the images that all of them judged."""
    samples = [set(one.rows["sample_id"]) for one in results.values()]
    common = set.intersection(*samples)
    if all(len(own) == len(common) for own in samples):
        return {name: one.judged for name, one in results.items()}
    kept = {name: one.rows[one.rows["sample_id"].isin(common)] for name, one in results.items()}
    return {name: at_level(rows, "patient") for name, rows in kept.items() if len(rows)}


def judge(
    rows: pd.DataFrame,
    level: Level,
    config: Settings,
    resamples: Resamples,
    part: pd.DataFrame | None = None,
) -> Result:
    """All metrics of one learner at one level, observed and in each resample.

    `part` is the training part of a learner that is judged in a single fold.
    """
    formed = at_level(rows, level)
    judged, chosen = with_calls(formed if part is None else with_training(formed, part))
    rounds = measure(judged, resamples.of(judged), config.prevalences)
    return Result(rows, judged, observed(judged, config.prevalences), rounds, chosen)


def report(result: Result, config: Settings, all_folds: set[int]) -> dict[str, Any]:
    """The metrics of one learner at one level with intervals, folds and warnings."""
    judged, values = result.judged, result.values
    intervals = bootstrap_intervals(judged, values, result.rounds, config)
    further, folds = further_intervals(judged), fold_values(judged, config.prevalences)
    made: dict[str, Any] = counts(judged) | {
        "called_by": BY_SCORE if judged.vote is None else BY_VOTE
    }
    for key, value in values.items():
        group, name = key
        entry = {"value": value, **asdict(intervals[key])}
        if key in further:
            entry["also"] = asdict(further[key])
        entry["folds"] = spread(folds.get(key, {}))
        made.setdefault(group, {})[name] = entry
    made["youden_thresholds"] = dict(result.thresholds)
    made["youden_from"] = source_of(judged, result.thresholds)
    made["warnings"] = warn(judged, intervals, folds, result.thresholds, config, all_folds)
    return made
