"""How much higher the papers' likely image-level split reads than an honest one."""

from typing import Any

import pandas as pd

from osteon.measures.describing import plain
from osteon.measures.judging import (
    ADVISED_ROUNDS,
    FIXED,
    SCORES,
    Key,
    Resamples,
    Settings,
    measure,
    observed,
    with_calls,
)
from osteon.measures.levels import Judged, at_level, checked, numbered, restrict
from osteon.measures.paired import bootstrap_difference

WARNING = (
    "Audit only: images of one patient lie in training and test folds here, so the figures of the "
    "image-level split are inflated by recognising patients: never quote them as performance."
)
SHOWN: tuple[Key, ...] = (
    (FIXED, "accuracy"),
    (FIXED, "balanced_accuracy"),
    (FIXED, "precision"),
    (FIXED, "sensitivity"),
    (FIXED, "specificity"),
    (FIXED, "f1"),
    (SCORES, "auroc"),
    (SCORES, "auprc"),
)


def split_gap(
    patient_split: pd.DataFrame, image_split: pd.DataFrame, config: Settings
) -> dict[str, Any]:
    """Image-level audit minus honest figure, for each learner that both tables hold.

    Args:
        patient_split: predictions held out by patient; image_split: the same learners' predictions
            held out by image, under the same learner names; config: an `EvaluationConfig`.

    Returns:
        JSON-able: `warning`, `rounds`, `learners` → metric → `audit` (image level, images divided),
        `honest` (patient level, patients whole), `gap` with paired bootstrap interval and p over
        patients, and `same_level`, the gap when both are read at image level, which is the
        leak alone without the change of level; `only_in_one` names learners without a twin.

    Raises:
        PredictionsError: a table cannot be judged. ValueError: no learner is in both.
    """
    honest, audit = numbered(checked(patient_split), checked(image_split))
    names, others = set(honest["learner"]), set(audit["learner"])
    if not names & others:
        raise ValueError(
            f"learners: {sorted(others)} audited, at least one of {sorted(names)} needed"
        )
    resamples = Resamples(config.rounds, config.seed)
    learners = {}
    for name in sorted(names & others):
        mine, twin = honest[honest["learner"] == name], audit[audit["learner"] == name]
        learners[name] = gap(mine, twin, resamples, config)
    found = {
        "warning": WARNING,
        "rounds": config.rounds,
        "trial_run": config.rounds < ADVISED_ROUNDS,
        "learners": learners,
        "only_in_one": sorted(names ^ others),
    }
    return dict(plain(found))


def gap(
    honest: pd.DataFrame, audit: pd.DataFrame, resamples: Resamples, config: Settings
) -> dict[str, Any]:
    """One learner's gap by metric, on the patients in both tables, drawn alike for both."""
    tables = {
        "audit": at_level(audit, "image"),
        "honest": at_level(honest, "patient"),
        "honest_images": at_level(honest, "image"),
    }
    common = set(tables["audit"].patients) & set(tables["honest"].patients)
    if not common:
        raise ValueError("patients: the audit and the patient-level predictions share none")
    judged = {name: with_calls(restrict(table, common))[0] for name, table in tables.items()}
    values = {name: observed(one, config.prevalences) for name, one in judged.items()}
    rounds = {name: drawn(one, resamples, config) for name, one in judged.items()}
    report: dict[str, Any] = {"n_patients": len(common)}
    for key in SHOWN:
        entry: dict[str, Any] = {name: values[name][key] for name in values}
        for label, base in (("gap", "honest"), ("same_level", "honest_images")):
            difference = values["audit"][key] - values[base][key]
            test = bootstrap_difference(difference, rounds["audit"][key], rounds[base][key])
            entry[label] = {"value": test.value, "lo": test.lo, "hi": test.hi, "p": test.p}
        report[key[1]] = entry
    return report


def drawn(judged: Judged, resamples: Resamples, config: Settings) -> dict[Key, Any]:
    """The rounds of one table."""
    return measure(judged, resamples.of(judged), config.prevalences)
