"""A paper's own table as ready text: printed numbers and ours, cell by cell.

A cell holds a line for each reading, `word value [lo, hi]`; the words are the same in all cells of
a table, so that a page can set the lines under each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DASH = "–"
NOTE = "Note"


@dataclass(frozen=True)
class PaperTable:
    """A table of text.

    Attributes:
        title: which table of the paper; note: what its cells hold.
        columns: names; rows: a text a column, lines of a cell apart by newlines.
    """

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_json(self) -> dict[str, Any]:
        """The form that a report reads: title, note, columns, rows."""
        return {
            "title": self.title,
            "note": self.note,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
        }

    def as_markdown(self) -> str:
        """The rows as a Markdown table, with the note under it."""
        lines = ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        for row in self.rows:
            cells = [cell.replace("|", r"\|").replace("\n", "<br>") for cell in row]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join([*lines, "", self.note]) + "\n"


def published(
    tables: Sequence[PaperTable], statement: str, title: str
) -> tuple[list[dict[str, Any]], str]:
    """The tables for a report, and a Markdown page of all of them under what the data are.

    Args:
        tables: in the order to print; statement: where the patients come from; title: of the page.
    """
    page = [f"# {title}", statement]
    for table in tables:
        page += [f"## {table.title}", table.as_markdown().rstrip("\n")]
    return [table.as_json() for table in tables], "\n\n".join(page) + "\n"


def cell(lines: Mapping[str, str | None]) -> str:
    """`word text` lines of a cell; None leaves a line out."""
    return "\n".join(f"{word} {text}" for word, text in lines.items() if text is not None)


def number(value: float | None, digits: int, scale: float = 1.0) -> str:
    """A number times `scale`, a dash for none."""
    if value is None or not np.isfinite(value):
        return DASH
    return f"{value * scale:.{digits}f}"


def with_interval(entry: Mapping[str, Any] | None, digits: int, scale: float = 1.0) -> str:
    """`value [lo, hi]`; only the value where it has no interval."""
    found = entry or {}
    value = number(found.get("value"), digits, scale)
    ends = [number(found.get(end), digits, scale) for end in ("lo", "hi")]
    return value if DASH in (value, *ends) else f"{value} [{', '.join(ends)}]"


def with_spread(entry: Mapping[str, Any] | None, digits: int, scale: float = 1.0) -> str | None:
    """`mean ± SD` over the folds; None where there are not at least two."""
    folds = (entry or {}).get("folds") or {}
    if (folds.get("n") or 0) < 2:
        return None
    return f"{number(folds['mean'], digits, scale)} ± {number(folds['sd'], digits, scale)}"


def p_value(value: float | None) -> str:
    """A p value of three decimals, `< 0.001` below."""
    if value is None or not np.isfinite(value):
        return DASH
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def at(tree: Any, *keys: str) -> Any:
    """What lies under the keys of nested mappings; None where one is absent."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def chosen(
    metrics: Mapping[str, Any], learner: str, test: str, group: str, metric: str
) -> Mapping[str, Any]:
    """One test of a learner against the reference, by patient; empty where there is none."""
    tests = at(metrics, "comparisons", learner, "patient", "tests") or []
    wanted = {"test": test, "at": group, "metric": metric}
    return next((one for one in tests if wanted.items() <= one.items()), {})


def why_absent(metrics: Mapping[str, Any], learner: str) -> str:
    """Why a learner has no figures; empty where it has."""
    if learner in metrics["learners"]:
        return ""
    return str(metrics["skipped"].get(learner, "not run"))
