"""Tables of the report: how numbers are written, and cells that a template only has to print."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

MISSING = "–"
MINUS = "−"
TONES = ("", "good", "bad", "warn", "quiet")
SHORT = 12
WORD = re.compile(r"[^\W\d_]{4}")
UNDEFINED = "not defined on these data, or not computed"


@dataclass(frozen=True)
class Cell:
    """One cell: `minor` is the interval or unit below the text, `why` the reason of a missing one.

    `sort` orders the column when a reader asks for it; `tone` is one of `TONES`; `head` makes the
    cell a row heading, over `rows` rows.
    """

    text: str
    minor: str = ""
    sort: float | None = None
    why: str = ""
    tone: str = ""
    head: bool = False
    rows: int = 1


@dataclass(frozen=True)
class Group:
    """Rows under one heading; the heading may be empty."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Table:
    """A table with caption, column heads, groups of rows and a note below.

    `figures`: columns from the second on hold numbers and are set right-aligned.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    note: str = ""
    figures: bool = True
    sortable: bool = True
    compact: bool = False

    @property
    def texts(self) -> frozenset[int]:
        """Columns of words, counted from the right: -1 is the last; they are set left-aligned."""
        found = set()
        for row in (row for group in self.groups for row in group.rows):
            for place, cell in enumerate(row):
                if cell.sort is None and not cell.head and worded(cell.text):
                    found.add(place - len(row))
        return frozenset(found)

    @property
    def short(self) -> bool:
        """Few enough rows to stand on one printed page."""
        return sum(len(group.rows) for group in self.groups) <= SHORT

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why cells are missing, each reason once."""
        cells = (cell for group in self.groups for row in group.rows for cell in row)
        return tuple(dict.fromkeys(cell.why for cell in cells if cell.why))


def worded(text: str) -> bool:
    """Is it words rather than a number with its unit or range?"""
    if text[:1].isdigit() or text[:1] in (MINUS, MISSING, "<"):
        return WORD.search(text) is not None
    return bool(text)


def absent(value: Any) -> bool:
    """Nothing to print: None, NaN, an infinity, NaT, an empty string or the word `nan`."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, str):
        return value.strip().lower() in ("", "nan", "none", "nat")
    if isinstance(value, (bool, list, tuple, dict, set)):
        return False
    try:
        return not math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def number(value: Any, digits: int = 3) -> str:
    """A number with fixed decimals, a true minus, no negative zero; `–` if there is none."""
    if absent(value):
        return MISSING
    written = f"{float(value):,.{digits}f}"
    if float(written.replace(",", "")) == 0:
        written = written.lstrip("-")
    return written.replace("-", MINUS)


def count(value: Any) -> str:
    """A count with separators of thousands."""
    return number(value, 0)


def interval(lo: Any, hi: Any, digits: int = 3) -> str:
    """`[lo, hi]`; empty where an end is missing."""
    if absent(lo) or absent(hi):
        return ""
    return f"[{number(lo, digits)}, {number(hi, digits)}]"


def p_text(value: Any) -> str:
    """A p value: `<0.001`, or three decimals."""
    if absent(value):
        return MISSING
    return "<0.001" if float(value) < 0.001 else number(value)


def equals(value: Any) -> str:
    """A p value in a sentence: `p < 0.001` or `p = 0.031`."""
    written = p_text(value)
    return f"p < {written[1:]}" if written.startswith("<") else f"p = {written}"


def seconds(value: Any) -> str:
    """A time: seconds with a decimal below two minutes, then minutes, then hours."""
    if absent(value):
        return MISSING
    total = float(value)
    if total < 120:
        return f"{total:.1f} s"
    if total < 7200:
        return f"{int(total // 60)} min {int(total % 60)} s"
    return f"{int(total // 3600)} h {int(total % 3600 // 60)} min"


def written(value: Any) -> str:
    """Any setting as a person writes it: lists with commas, no exponents, yes and no."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {written(one)}" for key, one in value.items()) or MISSING
    if isinstance(value, (list, tuple, set)):
        return ", ".join(written(one) for one in value) or MISSING
    if absent(value):
        return MISSING
    if isinstance(value, int):
        return str(value).replace("-", MINUS)
    if isinstance(value, float):
        short = f"{value:.6f}".rstrip("0").rstrip(".")
        return "0" if short in ("-0", "0") else short.replace("-", MINUS)
    # A number and its per cent sign stay on one line.
    return str(value).replace(" %", "\N{NO-BREAK SPACE}%")


def parts_of(value: Any) -> tuple[Any, Any, Any]:
    """Value and ends of an estimate: `{value, lo, hi}`, a bare number, or nothing."""
    if isinstance(value, Mapping):
        return value.get("value"), value.get("lo"), value.get("hi")
    return value, None, None


def estimate(value: Any, why: str = UNDEFINED, digits: int = 3) -> Cell:
    """A cell `0.779` over `[0.717, 0.840]`; `–` with the reason if there is no value."""
    middle, lo, hi = parts_of(value)
    method = str(value.get("method") or "") if isinstance(value, Mapping) else ""
    reason = method.removeprefix("none").lstrip(": ") if method.startswith("none") else ""
    if absent(middle):
        given = value.get("note") if isinstance(value, Mapping) else None
        return Cell(MISSING, why=str(given or reason or why), tone="quiet")
    made = Cell(number(middle, digits), interval(lo, hi, digits), sort=float(middle))
    if not made.minor and method.startswith("none"):
        reason = reason or "not defined"
        return replace(made, minor=f"[{MISSING}]", why=f"no interval, {reason}")
    return made


def spoken(value: Any, digits: int = 3) -> str:
    """An estimate in running text: `0.779 [0.717, 0.840]`."""
    cell = estimate(value, digits=digits)
    return f"{cell.text} {cell.minor}".strip()


def spread(value: Any, digits: int = 3) -> Cell:
    """Mean ± SD of the folds of a metric."""
    folds = (value or {}).get("folds") or {}
    if absent(folds.get("mean")):
        return Cell(MISSING, why="not judged fold by fold", tone="quiet")
    width = "" if absent(folds.get("sd")) else f"± {number(folds['sd'], digits)}"
    return Cell(number(folds["mean"], digits), width, sort=float(folds["mean"]))


def p_cell(value: Any, why: str = "test not made") -> Cell:
    """A cell with a p value."""
    if absent(value):
        return Cell(MISSING, why=why, tone="quiet")
    return Cell(p_text(value), sort=float(value))


def whole(value: Any, why: str = UNDEFINED) -> Cell:
    """A cell with a count."""
    if absent(value):
        return Cell(MISSING, why=why, tone="quiet")
    return Cell(count(value), sort=float(value))


def words(value: Any, minor: str = "", tone: str = "") -> Cell:
    """A cell with text as it comes."""
    return Cell(written(value), minor, tone=tone)


def head(value: Any, minor: str = "", rows: int = 1) -> Cell:
    """A row heading."""
    return Cell(written(value), minor, head=True, rows=rows)


def flat(rows: Iterable[Sequence[Cell]], title: str = "") -> tuple[Group, ...]:
    """One group of rows; none if there are no rows."""
    kept = tuple(tuple(row) for row in rows)
    return (Group(title, kept),) if kept else ()


def free(value: Any) -> Cell:
    """A cell of a table whose content is not known beforehand."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return words(value)
    if absent(value):
        return Cell(MISSING, tone="quiet")
    if isinstance(value, int) or float(value).is_integer():
        return whole(value)
    return Cell(number(value), sort=float(value))


def any_table(data: Any, caption: str, note: str = "") -> Table | None:
    """A table of any of the shapes in which ready tables come; None if it has no rows.

    Args:
        data: a DataFrame; `{"columns": [...], "rows": [...]}`; or the rows. A row is
            `{"name", "values": {column: text}}`, a plain mapping, or a sequence.
    """
    if data is None or len(data) == 0:
        return None
    columns, rows = shape(data)
    body = [[head(plain(row[0])), *(free(value) for value in row[1:])] for row in rows]
    if not body:
        return None
    names = tuple(plain(name) for name in columns)
    return Table(caption, names, flat(body), note, sortable=len(body) > 3)


def plain(name: Any) -> str:
    """A name in code as words."""
    return str(name).replace("_", " ")


def shape(data: Any) -> tuple[list[str], list[list[Any]]]:
    """Column names and rows of a ready table, whatever shape it has."""
    if isinstance(data, pd.DataFrame):
        return [str(name) for name in data.columns], data.to_numpy(dtype=object).tolist()
    given: list[str] = []
    rows = data
    if isinstance(data, Mapping):
        rows = (
            data["rows"] if "rows" in data else [{"name": k, "value": v} for k, v in data.items()]
        )
        given = [str(name) for name in data.get("columns", [])] if "rows" in data else []
    if rows and isinstance(rows[0], Mapping) and "values" in rows[0]:
        names = given or list(dict.fromkeys(key for row in rows for key in row["values"]))
        return ["", *names], [
            [row.get("name"), *(row["values"].get(name) for name in names)] for row in rows
        ]
    if rows and isinstance(rows[0], Mapping):
        names = list(dict.fromkeys(key for row in rows for key in row))
        return names, [[row.get(name) for name in names] for row in rows]
    return given, [list(row) for row in rows]
