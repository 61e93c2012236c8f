"""Every learner against the reference, on the images and patients both have judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.measures import delong
from osteon.measures.discrimination import Floats
from osteon.measures.judging import (
    SCORES,
    Key,
    Resamples,
    Settings,
    measure,
    observed,
    with_thresholds,
)
from osteon.measures.levels import Judged, Level, at_level
from osteon.measures.paired import bootstrap_difference, holm, mcnemar

if TYPE_CHECKING:
    from osteon.measures.evaluator import Result


def against(
    results: Mapping[str, Mapping[Level, Result]],
    reference: str,
    resamples: Resamples,
    config: Settings,
) -> dict[str, dict[str, Any]]:
    """Paired differences and tests of each learner with the reference, Holm-adjusted.

    Returns:
        learner → level → what `pair` gives, with `p_holm` beside each `p`; empty without reference.
    """
    if reference not in results:
        return {}
    compared: dict[str, dict[str, Any]] = {}
    judged_at = list(results[reference])
    for name, levels in results.items():
        if name != reference:
            compared[name] = {
                level: pair(levels[level], results[reference][level], resamples, config)
                for level in judged_at
            }
    for level in judged_at:
        for kind in (True, False):
            names = [name for name in compared if is_control(name) == kind]
            adjust([compared[name][level] for name in names], config.alpha)
    return compared


def is_control(name: str) -> bool:
    """Whether a learner is there to be beaten; controls are a family of tests of their own.

    Counted with the paper's learners they would make every adjusted p value larger.
    """
    return name.startswith("control_") or name.endswith("_permuted")


def pair(one: Result, other: Result, resamples: Resamples, config: Settings) -> dict[str, Any]:
    """Difference one - other of every metric, with DeLong and McNemar at patient level.

    Only images that both judged count, so that a patient's mean is over the same images for both.

    Returns:
        n_patients, note (what was left out; samples held out in other folds) and tests.
    """
    folds = pd.Series(one.rows["fold"].to_numpy(), index=one.rows["sample_id"])
    theirs = pd.Series(other.rows["fold"].to_numpy(), index=other.rows["sample_id"])
    common = folds.index.intersection(theirs.index)
    notes = []
    if len(common) < max(len(folds), len(theirs)):
        if not len(common):
            shared = set(one.judged.patients) & set(other.judged.patients)
            what = "image" if shared else "patient"
            return {"n_patients": 0, "note": f"no {what} judged by both learners", "tests": []}
        one = restricted(one, common, resamples, config)
        other = restricted(other, common, resamples, config)
        notes.append(
            f"on the {len(common)} images of {len(one.judged.patients)} patients that both "
            "learners judged"
        )
    if moved := int((folds[common].to_numpy() != theirs[common].to_numpy()).sum()):
        notes.append(
            f"{moved} of {len(common)} images were held out in another fold by the other learner, "
            "whose model had other training patients"
        )
    tests = differences(one.values, other.values, one.rounds, other.rounds)
    if one.judged.level == "patient":
        tests += patient_tests(one.judged, other.judged)
    return {"n_patients": len(one.judged.patients), "note": "; ".join(notes), "tests": tests}


def restricted(result: Result, samples: pd.Index, resamples: Resamples, config: Settings) -> Result:
    """The same learner on some samples only, thresholds left as they were chosen."""
    rows = result.rows[result.rows["sample_id"].isin(samples)]
    judged = with_thresholds(at_level(rows, result.judged.level), result.thresholds)
    rounds = measure(judged, resamples.of(judged), config.prevalences)
    values = observed(judged, config.prevalences)
    return replace(result, rows=rows, judged=judged, values=values, rounds=rounds)


def differences(
    values: Mapping[Key, float],
    base: Mapping[Key, float],
    rounds: Mapping[Key, Floats],
    base_rounds: Mapping[Key, Floats],
) -> list[dict[str, Any]]:
    """The paired bootstrap of every metric that both learners have."""
    found = []
    for key in values:
        if key in base:
            difference = bootstrap_difference(
                values[key] - base[key], rounds[key], base_rounds[key]
            )
            found.append(
                {"test": "bootstrap", "at": key[0], "metric": key[1], **asdict(difference)}
            )
    return found


def patient_tests(first: Judged, second: Judged) -> list[dict[str, Any]]:
    """DeLong's test of the AUROCs and McNemar's of who is judged rightly, one score a patient."""
    tests: list[dict[str, Any]] = []
    if 0 < first.label.sum() < len(first.label):
        auroc = delong.compare(first.label, first.score, second.score)
        tests.append({"test": "delong", "at": SCORES, "metric": "auroc", **asdict(auroc)})
        tests[-1]["method"] = "DeLong, correlated AUROCs"
    truth = first.label == 1
    for group in first.called:
        if group in second.called:
            result = mcnemar(first.called[group] == truth, second.called[group] == truth)
            tests.append({"test": "mcnemar", "at": group, "metric": "accuracy", **asdict(result)})
    return tests


def adjust(pairs: list[dict[str, Any]], alpha: float) -> None:
    """Write `p_holm`, `significant` and the family's size into all tests of one level."""
    families: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for compared in pairs:
        for test in compared["tests"]:
            families.setdefault((test["test"], test["at"], test["metric"]), []).append(test)
    for tests in families.values():
        for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
            test["p_holm"] = p
            test["significant"] = bool(np.isfinite(p) and p < alpha)
            test["family"] = len(tests)
