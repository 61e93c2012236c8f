"""The certificate of a study: what its trials recorded, held against the outer part."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from osteon.measures.leaks import LeakFound, certify, refuse_leaks
from osteon.pipelines.splitting.nodes import UNCHANGED
from osteon.pipelines.tuning.dividing import outer_division, outer_rows
from osteon.pipelines.tuning.seen import SEEN, Fold, read_seen
from osteon.recipes.tuning import TuningConfig

if TYPE_CHECKING:
    import optuna

TRIALS = "trials of the study"
"""What stands for a learner in the certificate: all trials together, whatever became of them."""


def certify_tuning(
    tuning_study: Any,
    tuning_workspace: Path,
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    tuning_inner: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    tuning: TuningConfig,
) -> dict[str, Any]:
    """Check what trials recorded, pruned and failed ones too, before the outer part is looked at.

    Args:
        tuning_study: the finished study.
        tuning_workspace: where the study's records lie.
        samples: of the whole cohort.
        splits: the row's own folds.
        tuning_inner: folds of the training part.
        near_duplicates: pairs of images that show the same picture, as it is or altered.
        tuning: which fold is held out.

    Returns:
        `passed`, `complete`, `trials` and `records`, and two certificates: `outer` (no trial was
        fitted on or judged by a sample of the outer part, its patient or its copy) and `inner` (no
        fold of a trial judged a patient that it was fitted on).

    Raises:
        LeakFound: names what a trial saw; or a trial has no record of what it saw.
    """
    from osteon.pipelines.tuning.studying import finished, name_of

    trials, name = finished(tuning_study), name_of(tuning_study)
    records = read_seen(tuning_workspace / name / SEEN)
    _refuse_gaps(trials, records)
    given = set(tuning_inner["sample_id"])
    outer = _outer_certificate(_all_of(records) | given, samples, splits, near_duplicates, tuning)
    refuse_leaks(outer)
    inner = _inner_certificate(records, samples, tuning_inner, near_duplicates)
    refuse_leaks(inner)
    both = (outer, inner)
    return {
        "passed": all(one["passed"] for one in both),
        "complete": all(one["complete"] for one in both),
        "study": name,
        "trials": len(trials),
        "records": len(records),
        "outer": outer,
        "inner": inner,
    }


def _refuse_gaps(
    trials: "Iterable[optuna.trial.FrozenTrial]", records: Mapping[str, Iterable[Fold]]
) -> None:
    """A finished trial without a record was not checked, and may not be chosen."""
    gaps = [
        number
        for number, trial in enumerate(trials)
        if trial.state.name == "COMPLETE" and str(trial.user_attrs.get("seen")) not in records
    ]
    if gaps:
        raise LeakFound(
            f"leak (tuning): no record of what trial(s) {gaps} saw; records of a study from "
            f"several machines lie in each one's folder {SEEN}: copy them together"
        )


def _all_of(records: Mapping[str, Iterable[Fold]]) -> set[str]:
    """Every sample that a trial was fitted on or judged by."""
    return {
        str(name)
        for folds in records.values()
        for fold in folds
        for name in [*fold["fitted"], *fold["judged"]]
    }


def _outer_certificate(
    seen: set[str],
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    near_duplicates: pd.DataFrame,
    tuning: TuningConfig,
) -> dict[str, Any]:
    """The outer part against what any trial was given or saw; what none saw is in neither."""
    held = set(splits.loc[outer_rows(splits, tuning), "sample_id"])
    division = outer_division(splits, tuning)
    division = division[division["sample_id"].isin(seen | held)]
    return _certified(samples, division, _table({0: seen}), near_duplicates)


def _inner_certificate(
    records: Mapping[str, Iterable[Fold]],
    samples: pd.DataFrame,
    inner: pd.DataFrame,
    near_duplicates: pd.DataFrame,
) -> dict[str, Any]:
    """Each inner fold against what its trials were fitted on."""
    fitted: dict[int, set[str]] = {}
    for folds in records.values():
        for fold in folds:
            fitted.setdefault(int(fold["fold"]), set()).update(fold["fitted"])
    return _certified(samples, inner, _table(fitted), near_duplicates)


def _table(fitted: Mapping[int, set[str]]) -> pd.DataFrame:
    rows = [(TRIALS, fold, name) for fold, names in fitted.items() for name in sorted(names)]
    return pd.DataFrame(rows, columns=["learner", "fold", "sample_id"])


def _certified(
    samples: pd.DataFrame,
    division: pd.DataFrame,
    fitted: pd.DataFrame,
    near_duplicates: pd.DataFrame,
) -> dict[str, Any]:
    altered = near_duplicates["change"] != UNCHANGED
    return certify(
        samples[samples["sample_id"].isin(division["sample_id"])],
        division,
        fitted,
        near_duplicates=near_duplicates[~altered],
        # Trials choose values, no threshold: nothing else is fitted on what they judge.
        statistics=pd.DataFrame(columns=["statistic", "learner", "fold", "sample_id"]),
        altered=near_duplicates[altered],
        networks=[TRIALS],
    )
