"""The leak certificate: nothing judged was seen before, checked on the tables of a run.

A check that could not be made, because a table or a column is absent, is listed as not checked. It
has neither passed nor failed.
"""

from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

from osteon.measures.columns import ALWAYS_TRAIN
from osteon.measures.leak_checks import (
    Check,
    LeakFound,
    Pairs,
    Unit,
    check_altered,
    check_derived,
    check_fitted,
    check_identical,
    check_near_duplicates,
    check_patients,
    check_samples,
    check_statistics,
    told,
)

__all__ = ["LeakFound", "certify", "check_near_duplicates", "refuse_leaks"]


def certify(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    fitted: pd.DataFrame,
    unit: Unit = "patient",
    near_duplicates: Pairs | None = None,
    statistics: pd.DataFrame | None = None,
    altered: Pairs | None = None,
    networks: Collection[str] = (),
) -> dict[str, Any]:
    """All checks, as the content of `leak_certificate.json`; raises nothing about leaks.

    Args:
        samples: sample_id, patient_id, optionally `content_hash` (of the pixels) and `parent`
            (sample_id an image was derived from).
        splits: sample_id, patient_id, fold (-1: only trained on), optionally split.
        fitted: learner, fold, sample_id: all that a learner's fold was fitted on, early stopping
            and controls included. What is chosen afterwards stands in `statistics`.
        unit: what the split keeps whole; `image` is the audit.
        near_duplicates: frame with `sample_a`, `sample_b` (or the first two columns), or tuples;
            empty if the search found nothing, None if there was none.
        statistics: statistic, learner, fold, sample_id: what thresholds and temperatures were
            fitted on; what is not in it is not checked. 0.5 is fitted on nothing. Those of a fold
            come from the other folds' held-out predictions, by models that were trained on the
            judged fold: cross-fitted. Under one hold-out: from what is said of the training part.
        altered: pairs like `near_duplicates` of which one is the other mirrored, turned or
            recoloured.
        networks: learners are made of them: recorded like these, but without any threshold.

    Returns:
        `passed` (nothing found in what was checked; also False for an audit), `leak` (a failure not
        by design; `refuse_leaks` raises), `checks` (those made), `not_checked` (name, statement,
        status, reason), `complete` (nothing is left unchecked).
    """
    made = [
        check_samples(samples, splits),
        check_patients(splits, unit),
        check_near_duplicates(splits, near_duplicates, unit),
        check_identical(samples, splits, unit),
        check_altered(splits, altered, unit),
        check_fitted(splits, fitted, "patient", audit=unit == "image"),
        check_fitted(splits, fitted, "image"),
        check_statistics(splits, statistics, unit),
        check_derived(samples, splits),
    ]
    folds = sorted(int(fold) for fold in splits["fold"].unique() if fold != ALWAYS_TRAIN)
    absent = not_checked(made) + without_record(fitted, statistics, folds, networks)
    return {
        "passed": all(check.passed for check in made if not check.lacking),
        "leak": any(check.status == "failed" for check in made),
        "complete": not absent,
        "unit": unit,
        "samples": len(samples),
        "patients": int(samples["patient_id"].nunique()),
        "folds": folds,
        "learners_checked": sorted(map(str, fitted["learner"].unique())),
        "statistics_checked": [] if statistics is None else sorted(set(statistics["statistic"])),
        "checks": [check.report() for check in made if not check.lacking],
        "not_checked": absent,
    }


def not_checked(made: Iterable[Check]) -> list[dict[str, str]]:
    """What could not be checked at all, with the reason."""
    return [
        {
            "name": one.name,
            "statement": one.statement,
            "status": one.status,
            "reason": one.lacking,
        }
        for one in made
        if one.lacking
    ]


def without_record(
    fitted: pd.DataFrame,
    statistics: pd.DataFrame | None,
    folds: list[int],
    networks: Collection[str] = (),
) -> list[dict[str, str]]:
    """Learners of which a record is absent or lacks a judged fold: nothing there was checked."""
    found = []
    calling = {str(name) for name in fitted["learner"].unique()} - set(networks)
    tables = {"fitted_apart": (fitted, sorted(calling | set(networks)))}
    if statistics is not None:
        tables["statistics_apart"] = (statistics, sorted(calling))
    for name, (table, learners) in tables.items():
        have = set(zip(table["learner"].astype(str), table["fold"], strict=True))
        lacking = {one: [fold for fold in folds if (one, fold) not in have] for one in learners}
        lacking = {one: missing for one, missing in lacking.items() if missing}
        if lacking:
            told_of = "; ".join(f"{one}: fold(s) {missing}" for one, missing in lacking.items())
            found.append(
                {
                    "name": name,
                    "statement": "what every judged fold was fitted on is recorded",
                    "status": "not checked",
                    "reason": f"no record for {told_of}",
                }
            )
    return found


def refuse_leaks(certificate: dict[str, Any]) -> None:
    """Raise LeakFound naming the pairs of every failed check, unless expected of an audit."""
    failed = [one for one in certificate["checks"] if not one["passed"] and not one["note"]]
    if failed:
        raise LeakFound("leak: " + " | ".join(f"{one['name']}: {told(one)}" for one in failed))
