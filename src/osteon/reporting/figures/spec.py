"""What a figure shows, whichever library draws it: `Chart` and its parts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from osteon.reporting.figures.style import Role

Kind = Literal["line", "points", "bars", "step", "cells", "ternary", "scatter", "field"]
Values = tuple[float, ...]


@dataclass(frozen=True)
class Series:
    """One learner, class or metric in a chart.

    Args:
        name: as the reader sees it; key: as the page finds it (the learner's name).
        x, y: places; for `step` the last is the right edge; for `cells` x and y are the column and
            the row and `lo` is the share (0..1) that colours the cell; for `ternary` x and y are
            those of `osteon.reporting.figures.ternary.flat` and `lo` is the value that colours, as
            it is for `scatter`, points that no line joins, and `field`, the colours between them.
        lo, hi: ends of the interval at each place, NaN where undefined: a band around a line, bars
            at points and bars; along x in a chart of rows, along y in every other.
        text: words for each place, shown on hovering and in a cell; detail: words beside the name.
        thin: drawn lightly and left out of the legend (one fold of several); width: of a bar.
    """

    name: str
    key: str
    x: Values
    y: Values
    lo: Values | None = None
    hi: Values | None = None
    kind: Kind = "line"
    role: Role = "other"
    text: tuple[str, ...] = ()
    detail: str = ""
    thin: bool = False
    width: float = 0.8

    @property
    def emphasis(self) -> bool:
        """Whether it stands out from the pale rest."""
        return self.role != "other"


@dataclass(frozen=True)
class Rule:
    """A straight line across the chart at one value of `axis`, named beside it."""

    at: float
    axis: Literal["x", "y"]
    name: str = ""


@dataclass(frozen=True)
class Column:
    """Words at the right of a chart of rows, one a row."""

    title: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """A figure.

    Args:
        name: its key, also the prefix of ids in the SVG; title, note: for people.
        x, y: axis titles with units; x_range, y_range: (low, high), None for automatic.
        diagonal: draw y = x; diagonal_name: what it means; square: equal sides; inset: the legend
            of a square chart stands in its lower right corner, not beside it.
        x_labels: words at x = 0, 1, ...; y_labels: words at y = 0, 1, ... counted from the top,
            which makes it a chart of rows; headings: rows of `y_labels` that only name a group.
        columns: words beside the rows; rules: straight lines.
        corners: names of the left, right and upper corner, which make it a triangle of three
            shares; colour: what its colours mean; logs: which axes are logarithmic, of x and y;
            wholes: which of x, y and colour are whole numbers, without ticks between them;
            half: small enough for two beside each other.
    """

    name: str
    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    diagonal: bool = False
    note: str = ""
    diagonal_name: str = ""
    square: bool = False
    inset: bool = False
    x_labels: tuple[str, ...] = ()
    y_labels: tuple[str, ...] = ()
    headings: frozenset[int] = frozenset()
    columns: tuple[Column, ...] = ()
    rules: tuple[Rule, ...] = ()
    corners: tuple[str, ...] = ()
    colour: str = ""
    logs: frozenset[str] = frozenset()
    wholes: frozenset[str] = frozenset()
    half: bool = False

    @property
    def counts(self) -> bool:
        """Whether it shows numbers of things, above one: half a patient is no place on its axis."""
        values = [y for one in self.series if one.kind == "bars" and not one.lo for y in one.y]
        bare = all(one.kind == "bars" and not one.lo for one in self.series)
        whole = np.asarray(values)[np.isfinite(values)]
        return bare and bool(len(whole)) and bool(np.all(whole % 1 == 0) and whole.max() > 1)

    @property
    def triangle(self) -> bool:
        """Whether its places are three shares of one."""
        return bool(self.corners)

    @property
    def matrix(self) -> bool:
        """Whether it is a grid of cells."""
        return any(series.kind == "cells" for series in self.series)

    @property
    def rows(self) -> bool:
        """Whether its places lie in named rows, with intervals along x."""
        return bool(self.y_labels) and not self.matrix


@dataclass(frozen=True)
class Row:
    """One line of a forest plot: label, value with interval, words for the columns."""

    label: str
    key: str
    value: float
    lo: float
    hi: float
    cells: tuple[str, ...]
    role: Role = "other"


def numbers(values: Iterable[Any] | None) -> Values:
    """Floats, NaN for null; () for None."""
    return tuple(number(value) for value in values) if values is not None else ()


def number(value: Any) -> float:
    """A float, NaN for null."""
    return float("nan") if value is None else float(value)


def defined(*columns: Sequence[float]) -> bool:
    """Whether every column has a number in it."""
    return all(len(column) and np.isfinite(column).any() for column in columns)


def in_words(value: float, lo: float, hi: float, sign: str = "") -> str:
    """`0.940 [0.905, 0.967]`, without brackets where the interval is undefined."""
    if not np.isfinite(value):
        return "undefined"
    shown = f"{value:{sign}.3f}".replace("-", "−")
    if not np.isfinite([lo, hi]).all():
        return shown
    ends = ", ".join(f"{end:.3f}".replace("-", "−") for end in (lo, hi))
    return f"{shown} [{ends}]"


def figure_of(value: Any) -> tuple[float, float, float]:
    """(value, lo, hi) of a metric `{"value", "lo", "hi"}`, a bare number or null."""
    if isinstance(value, dict):
        return number(value.get("value")), number(value.get("lo")), number(value.get("hi"))
    return number(value), float("nan"), float("nan")


def forest(
    name: str,
    title: str,
    x: str,
    groups: dict[str, list[Row]],
    columns: tuple[str, ...],
    rules: tuple[Rule, ...] = (),
    limits: tuple[float, float] = (float("-inf"), float("inf")),
    note: str = "",
) -> Chart | None:
    """A chart of rows under group headings, or None without a single value.

    Args:
        groups: heading → rows, heading "" for none; columns: titles of the rows' `cells`; limits:
            the axis never reaches beyond these.
    """
    labels: list[str] = []
    headings: set[int] = set()
    cells: list[tuple[str, ...]] = []
    series = []
    for heading, rows in groups.items():
        if heading and rows:
            headings.add(len(labels))
            labels.append(heading)
            cells.append(("",) * len(columns))
        for row in rows:
            series.append(_point(row, len(labels), columns))
            labels.append(row.label)
            cells.append(row.cells)
    span = extent(series, rules, limits)
    if span is None:
        return None
    return Chart(
        name,
        title,
        x,
        "",
        tuple(series),
        x_range=span,
        note=note,
        y_labels=tuple(labels),
        headings=frozenset(headings),
        columns=tuple(
            Column(title, tuple(row[place] for row in cells)) for place, title in enumerate(columns)
        ),
        rules=rules,
    )


def _point(row: Row, place: int, columns: tuple[str, ...]) -> Series:
    """A row's value with its interval."""
    words = "<br>".join(" ".join(pair) for pair in zip(columns, row.cells, strict=True))
    at = ((row.value,), (float(place),), (row.lo,), (row.hi,))
    return Series(row.label, row.key, *at, "points", row.role, (words,))


def extent(
    series: Iterable[Series],
    rules: Iterable[Rule] = (),
    limits: tuple[float, float] = (float("-inf"), float("inf")),
) -> tuple[float, float] | None:
    """The range of x that shows all values, intervals and rules, or None without a value."""
    parts = list(series)
    values = [value for one in parts for value in one.x]
    if not defined(values):
        return None
    ends = [end for one in parts for end in (*(one.lo or ()), *(one.hi or ()))]
    found = np.array([*values, *ends, *(rule.at for rule in rules if rule.axis == "x")])
    found = found[np.isfinite(found)]
    low, high = float(found.min()), float(found.max())
    margin = 0.06 * (high - low) or 0.05
    return max(low - margin, limits[0]), min(high + margin, limits[1])
