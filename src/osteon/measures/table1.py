"""The late-fusion paper's Table 1 in its own layout, ours beside the printed numbers."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from osteon.measures.judging import FIXED
from osteon.measures.paper_table import PaperTable

ROWS = {
    "baseline": "Baseline",
    "gender": "Gender",
    "age": "Age",
    "gender_age": "Gender&Age",
    "ldh": "LDH",
    "alp": "ALP",
    "alp_ldh": "ALP&LDH",
    "all": "All",
}
COLUMNS = {
    "Accuracy": ("accuracy", "accuracy"),
    "Precision": ("precision", "precision"),
    "Recall": ("sensitivity", "recall"),
    "F1": ("f1", "f1"),
}


def printed(published: Mapping[str, Any], backbone: str) -> dict[str, dict[str, float]]:
    """Learner name → metric → printed value of `table1_<backbone>`; empty if none is printed."""
    table = published.get(f"table1_{backbone}", {})
    return {f"{backbone}_{row}": dict(values) for row, values in table.items()}


def table1(
    metrics: Mapping[str, Any], published: Mapping[str, Any], backbone: str = "resnet18"
) -> pd.DataFrame:
    """Eight rows of inputs; a block of columns for each of accuracy, precision, recall and F1.

    Args:
        metrics: `Evaluation.metrics`, learners named `<backbone>_<inputs>`; published: the block
            that `osteon.claims.published.read_published` gives; backbone: `resnet18` or `resnet50`.

    Returns:
        `Inputs`; for each metric its printed value (`Accuracy published`), ours as the paper counts
        (`Accuracy images`: mean of the folds at image level, with `SD`) and ours pooled by patient
        (`Accuracy patients`, `lo`, `hi`: 95 % interval); `Note` says why a row is empty.
    """
    theirs = printed(published, backbone)
    rows = []
    for key, name in ROWS.items():
        learner = f"{backbone}_{key}"
        levels = metrics["learners"].get(learner)
        row: dict[str, Any] = {"Inputs": name}
        for column, (metric, word) in COLUMNS.items():
            row[f"{column} published"] = theirs.get(learner, {}).get(word)
            row |= ours(column, metric, levels)
        row["Note"] = "" if levels else metrics["skipped"].get(learner, "not run")
        rows.append(row)
    table = pd.DataFrame(rows)
    numbers = [name for name in table.columns if name not in ("Inputs", "Note")]
    return table.astype(dict.fromkeys(numbers, "float64"))


def ours(column: str, metric: str, levels: Mapping[str, Any] | None) -> dict[str, float | None]:
    """One metric of one learner at the two levels; None where the learner did not run."""
    folds = levels["image"][FIXED][metric]["folds"] if levels else {}
    pooled = levels["patient"][FIXED][metric] if levels else {}
    return {
        f"{column} images": folds.get("mean"),
        f"{column} images SD": folds.get("sd"),
        f"{column} patients": pooled.get("value"),
        f"{column} patients lo": pooled.get("lo"),
        f"{column} patients hi": pooled.get("hi"),
    }


CAPTION = (
    "Each cell: printed value; ours at image level, mean of folds ± SD, as the paper counts; ours "
    "by patient, pooled, with its 95 % interval."
)


def to_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The table in the paper's layout: Inputs, the four metrics and Note, cells of ready text.

    Args:
        table: of `table1`.

    Returns:
        the same rows; a cell holds a line each for the printed value and our two readings.
    """
    rows = []
    for record in table.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        rows.append(
            {
                "Inputs": row["Inputs"],
                **{column: "\n".join(cell(column, row)) for column in COLUMNS},
                "Note": row["Note"],
            }
        )
    return pd.DataFrame(rows)


def to_paper_table(table: pd.DataFrame, title: str) -> PaperTable:
    """The table in the form that all papers' tables share.

    Args:
        table: of `table1`; title: over it.
    """
    cells = to_cells(table)
    rows = [[str(value) for value in row] for row in cells.itertuples(index=False)]
    return PaperTable(title, CAPTION, [str(name) for name in cells.columns], rows)


def cell(column: str, row: Mapping[str, Any]) -> list[str]:
    """The lines of one cell."""
    shown = {
        key: "–" if pd.isna(value) else f"{value:.4f}"
        for key, value in row.items()
        if key.startswith(column)
    }
    lines = [f"printed {shown[f'{column} published']}"]
    if row["Note"]:
        return lines
    return [
        *lines,
        f"images {shown[f'{column} images']} ± {shown[f'{column} images SD']}",
        f"patients {shown[f'{column} patients']} "
        f"[{shown[f'{column} patients lo']}, {shown[f'{column} patients hi']}]",
    ]
