"""The comparison table: one row a learner, read off the metrics."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from osteon.measures.judging import FIXED, SCORES

# Column name → where the metrics keep it, and the test whose p value stands beside it at patient
# level. Recall is the papers' word for sensitivity.
COLUMNS = {
    "accuracy": (FIXED, "accuracy", "mcnemar"),
    "precision": (FIXED, "precision", "bootstrap"),
    "recall": (FIXED, "sensitivity", "bootstrap"),
    "f1": (FIXED, "f1", "bootstrap"),
    "auroc": (SCORES, "auroc", "delong"),
}


def tabulate(
    metrics: Mapping[str, Any], published: Mapping[str, Mapping[str, float]] | None = None
) -> pd.DataFrame:
    """One row a learner, skipped ones last with the reason.

    Args:
        metrics: `Evaluation.metrics`; published: learner → column name → printed value.

    Returns:
        learner, level, n_patients, n_images, skipped, warnings; and for each of accuracy,
        precision, recall, f1 (threshold 0.5) and auroc: the value at the headline level with `_lo`
        and `_hi`, `_image`, `_image_lo`, `_image_hi` the image-level value, `_fold_mean` and
        `_fold_sd` over the folds at image level (at the headline level where there is no image),
        `_difference` from the reference with `_lo` and `_hi`, `_p`, `_p_holm` and `_test`, and
        `_published` where there is a printed value.
    """
    level = metrics["settings"]["level"]
    rows: list[dict[str, Any]] = []
    for name, levels in metrics["learners"].items():
        row = {"learner": name, "level": level, "skipped": None}
        row |= {key: levels[level][key] for key in ("n_patients", "n_images")}
        row["warnings"] = "; ".join(levels[level]["warnings"])
        compared = metrics["comparisons"].get(name, {}).get(level, {})
        row["compared_on"] = compared.get("note") or None
        for column, (group, metric, test) in COLUMNS.items():
            image = levels["image"][group][metric] if "image" in levels else None
            row |= figures(column, levels[level][group][metric], image)
            row |= contrast(column, compared.get("tests", []), group, metric, test)
        rows.append(row)
    rows += [{"learner": name, "skipped": why} for name, why in metrics["skipped"].items()]
    table = numeric(pd.DataFrame(rows))
    for name, values in (published or {}).items():
        for column, value in values.items():
            table.loc[table["learner"] == name, f"{column}_published"] = value
    return table


def numeric(table: pd.DataFrame) -> pd.DataFrame:
    """The table with NaN for figures that no learner has, so that their columns stay numbers."""
    empty = [
        name
        for name in table
        if table[name].isna().all()
        and str(name).startswith(tuple(COLUMNS))
        and not str(name).endswith("_test")
    ]
    return table.astype(dict.fromkeys(empty, "float64"))


def figures(
    column: str, headline: Mapping[str, Any], image: Mapping[str, Any] | None
) -> dict[str, float | None]:
    """A metric's own columns; without images those of images are empty, folds the headline's."""
    folds = (headline if image is None else image)["folds"]
    image = image or dict.fromkeys(("value", "lo", "hi"))
    return {
        column: headline["value"],
        f"{column}_lo": headline["lo"],
        f"{column}_hi": headline["hi"],
        f"{column}_image": image["value"],
        f"{column}_image_lo": image["lo"],
        f"{column}_image_hi": image["hi"],
        f"{column}_fold_mean": folds["mean"],
        f"{column}_fold_sd": folds["sd"],
    }


def contrast(
    column: str, tests: list[Mapping[str, Any]], group: str, metric: str, preferred: str
) -> dict[str, Any]:
    """A metric's difference from the reference: bootstrap interval, p value of the preferred test.

    Where the preferred test was not made (image level) the p value is the bootstrap's.
    """
    found = {
        test["test"]: test for test in tests if test["at"] == group and test["metric"] == metric
    }
    if "bootstrap" not in found:
        return {}
    difference = found["bootstrap"]
    chosen = found.get(preferred, difference)
    return {
        f"{column}_difference": difference["value"],
        f"{column}_difference_lo": difference["lo"],
        f"{column}_difference_hi": difference["hi"],
        f"{column}_p": chosen["p"],
        f"{column}_p_holm": chosen["p_holm"],
        f"{column}_test": chosen["method"],
    }
