"""The six rows of the fusion with some of the sequences only: T1, T2 (with FS-T2), all (Fig. 7)."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures.describing import plain
from osteon.measures.levels import at_level, checked
from osteon.measures.paired import mcnemar
from osteon.measures.readers import figures, verdicts
from osteon.measures.subgroups import auroc

GROUPS = {"T1": "T1WI only", "T2": "T2WI and FS-T2WI only", "all": "all sequences"}
"""Group as a key → in words; the sequences of each are the terms' kinds."""
PAIRS = (("T2", "T1"), ("all", "T2"))
"""Which groups are compared: the paper says T2 is 3 to 8 points above T1, and all like T2."""
STATEMENT = (
    "Patients without a sequence of a group are left out of it, so that groups may differ in "
    "patients; differences are paired on the patients of both groups, McNemar, not adjusted: a "
    "description of Fig. 7, not a claim. Accuracy by vote with a 95 % Wilson interval, AUROC with "
    "DeLong's. Weights and models are those chosen and trained with all sequences."
)


def by_series_group(groups: Mapping[str, Mapping[str, pd.DataFrame]]) -> dict[str, Any]:
    """Accuracy and AUROC of each row of the fusion in each group of sequences.

    Args:
        groups: group (of `GROUPS`) → row (learner) → predictions, one row a patient, with `vote`.

    Returns:
        JSON-able: statement, groups (key → words), rows (names in order), `figures` → group → row →
        n, accuracy, sensitivity, specificity, auroc (value, lo, hi, method; None for one class);
        `differences` → "T2 - T1", "all - T2" → row → n, points (percentage points of accuracy) and
        McNemar's test (`only_first`: right in the first group only).

    Raises:
        ValueError: a group is unknown; PredictionsError: a table cannot be judged.
    """
    unknown = sorted(set(groups) - set(GROUPS))
    if unknown or not groups:
        raise ValueError(f"groups: {unknown} found, one or more of {list(GROUPS)} needed")
    rows = list(dict.fromkeys(row for tables in groups.values() for row in tables))
    found = {
        group: {row: judged(groups[group][row]) for row in rows if row in groups[group]}
        for group in GROUPS
        if group in groups
    }
    differences = {
        f"{first} - {second}": {
            row: paired(groups[first][row], groups[second][row])
            for row in rows
            if row in groups[first] and row in groups[second]
        }
        for first, second in PAIRS
        if first in groups and second in groups
    }
    return dict(
        plain(
            {
                "statement": STATEMENT,
                "groups": {group: GROUPS[group] for group in found},
                "rows": rows,
                "figures": found,
                "differences": differences,
            }
        )
    )


def judged(predictions: pd.DataFrame) -> dict[str, Any]:
    """Figures of one row of the fusion in one group."""
    if predictions.empty:
        return {"n": 0, "accuracy": None, "sensitivity": None, "specificity": None, "auroc": None}
    scores = at_level(checked(predictions), "patient")
    return {**figures(verdicts(predictions)), "auroc": auroc(scores)}


def paired(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, Any] | None:
    """Accuracy of the first less that of the second on common patients; None without any."""
    both = verdicts(first).merge(verdicts(second), on="patient_id", suffixes=("", "_second"))
    if both.empty:
        return None
    right, other = both["right"].to_numpy(), both["right_second"].to_numpy()
    points = 100 * float(np.mean(right) - np.mean(other))
    return {"n": len(both), "points": points, **asdict(mcnemar(right, other))}
