"""The comparison table of learners that outline: one row a learner, read off the metrics."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from osteon.measures.segmentation import METRICS
from osteon.measures.segmentation_evaluator import PATCH, PIXEL

ON_PATCHES = ("accuracy", "precision", "recall", "specificity", "f1")
COLUMNS: dict[str, tuple[str, str]] = {
    **{name: (PIXEL, name) for name in METRICS},
    **{f"patch_{name}": (PATCH, name) for name in ON_PATCHES},
}
"""Column → where the metrics keep it. Pixels and patches never share a column."""
TESTED = ("dice", "iou", "nsd", "hd95_mm", "patch_f1")


def tabulate(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """One row a learner, skipped ones last with the reason.

    Args:
        metrics: `learners`, `comparisons` and `skipped` as the evaluation of a row leaves them.

    Returns:
        learner, kind (`learner`), n_patients, n_images, skipped, warnings, compared_on; for each of
        `COLUMNS` the value with `_lo` and `_hi`, and `_fold_mean` and `_fold_sd`; and for each of
        `TESTED` the difference from the reference `_difference` with `_lo`, `_hi`, `_p`, `_p_holm`.
        Numbers that nobody has are NaN.
    """
    rows: list[dict[str, Any]] = []
    for name, levels in metrics["learners"].items():
        one = levels["patient"]
        compared = metrics["comparisons"].get(name, {}).get("patient", {})
        row = {"learner": name, "kind": "learner", "skipped": None}
        row |= {key: one[key] for key in ("n_patients", "n_images")}
        row |= {"warnings": "; ".join(one["warnings"]), "compared_on": compared.get("note") or None}
        for column, (group, metric) in COLUMNS.items():
            row |= _figures(column, one.get(group, {}).get(metric))
        for column in TESTED:
            row |= _contrast(column, compared.get("tests", ()))
        rows.append(row)
    skipped = metrics.get("skipped", {}).items()
    rows += [{"learner": name, "kind": "learner", "skipped": why} for name, why in skipped]
    table = pd.DataFrame(rows)
    numbers = [name for name in table if str(name).startswith(tuple(COLUMNS))]
    return table.astype(dict.fromkeys(numbers, "float64"))


def _figures(column: str, entry: Mapping[str, Any] | None) -> dict[str, float | None]:
    """A metric's own columns."""
    found, folds = entry or {}, (entry or {}).get("folds") or {}
    return {
        column: found.get("value"),
        f"{column}_lo": found.get("lo"),
        f"{column}_hi": found.get("hi"),
        f"{column}_fold_mean": folds.get("mean"),
        f"{column}_fold_sd": folds.get("sd"),
    }


def _contrast(column: str, tests: Any) -> dict[str, float | None]:
    """A metric's difference from the reference; empty for the reference itself."""
    wanted = COLUMNS[column]
    found: Mapping[str, Any] = next(
        (one for one in tests if (one["at"], one["metric"]) == wanted), {}
    )
    return {
        f"{column}_difference": found.get("value"),
        f"{column}_difference_lo": found.get("lo"),
        f"{column}_difference_hi": found.get("hi"),
        f"{column}_p": found.get("p"),
        f"{column}_p_holm": found.get("p_holm"),
    }


def summary(comparison: pd.DataFrame) -> str:
    """The comparison in a few columns, for the end of a run.

    Args:
        comparison: of `tabulate`.

    Returns:
        a text table: patients, Dice and HD95 with intervals, difference of Dice from the reference.
    """
    rows = []
    for row in comparison.to_dict("records"):
        if isinstance(row.get("skipped"), str):
            rows.append({"learner": row["learner"], "Dice": f"skipped: {row['skipped']}"})
            continue
        shown = {"learner": row["learner"], "patients": str(int(row["n_patients"]))}
        for title, name, digits in (
            ("Dice", "dice", 3),
            ("HD95, mm", "hd95_mm", 1),
            ("Dice - reference", "dice_difference", 3),
        ):
            value, low, high = (row.get(key) for key in (name, f"{name}_lo", f"{name}_hi"))
            if pd.notna(value):
                ends = f" [{low:.{digits}f}, {high:.{digits}f}]" if pd.notna(low) else ""
                shown[title] = f"{value:.{digits}f}{ends}"
        rows.append(shown)
    return pd.DataFrame(rows).fillna("").to_string(index=False)
