"""Charts of cells: confusion over all classes; and all that a paper's own pipeline hands over."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from osteon.reporting.figures.cast import Cast
from osteon.reporting.figures.paper_charts import KINDS
from osteon.reporting.figures.spec import Chart, Series, number
from osteon.reporting.figures.style import readable

PAPER = "paper_"
"""How the names of a paper's own figures begin."""


def class_confusion(cast: Cast, metrics: Mapping[str, Any]) -> Chart | None:
    """The headline's calls of the most likely class, for three classes or more."""
    found = (metrics.get("multiclass") or {}).get(cast.headline) or {}
    classes = [readable(str(name)) for name in found.get("classes") or ()]
    if cast.headline is None or len(classes) < 3:
        return None
    grid = np.array(found["confusion"], dtype=float)
    totals = grid.sum(axis=1, keepdims=True)
    shares = np.divide(grid, totals, out=np.full_like(grid, np.nan), where=totals > 0)
    text = [
        f"{int(count)}\n{100 * share:.0f} %" if np.isfinite(share) else f"{int(count)}\n–"
        for count, share in zip(grid.ravel(), shares.ravel(), strict=True)
    ]
    return Chart(
        "confusion_classes",
        f"Confusion matrix of all classes: {cast.label(cast.headline)}",
        "Most likely class",
        "Truth",
        (_cells(cast.label(cast.headline), cast.headline, shares, text),),
        square=True,
        x_labels=tuple(classes),
        y_labels=tuple(classes),
        note=f"{cast.counted} Shares are of each true class.",
    )


def paper_figures(figures: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Charts as a paper's own pipeline describes them.

    Args:
        figures: name, title, note and `kind`: `cells` (without a kind as well) with x, y, x_labels,
            y_labels and `values`, shares in 0..1 row by row, null where there is none; `lines`,
            `bars` and `ternary` as in `osteon.reporting.figures.paper_charts`.

    Raises:
        ValueError: `values` has not one row a label of y and one number a label of x, another
            description does not fit, or the kind is unknown.
    """
    return [_own(one) for one in figures]


def _own(one: Mapping[str, Any]) -> Chart:
    kind = one.get("kind") or "cells"
    if kind == "cells":
        return _grid(one)
    if kind not in KINDS:
        allowed = ["cells", *KINDS]
        raise ValueError(f"paper_figures: {one['name']!r}: kind {kind!r} found, {allowed} allowed")
    chart = KINDS[kind](one)
    return replace(chart, name=f"{PAPER}{chart.name}")


def _grid(one: Mapping[str, Any]) -> Chart:
    rows, columns = len(one["y_labels"]), len(one["x_labels"])
    if not rows or not columns or [len(row) for row in one["values"]] != [columns] * rows:
        found = [len(row) for row in one["values"]]
        raise ValueError(
            f"paper_figures: {one['name']!r} has rows of {found} values; {rows} row(s) of "
            f"{columns} are needed, at least one of each"
        )
    values = np.array([[number(value) for value in row] for row in one["values"]])
    text = ["" if np.isnan(value) else f"{value:.2f}" for value in values.ravel()]
    return Chart(
        f"{PAPER}{one['name']}",
        str(one["title"]),
        str(one.get("x") or ""),
        str(one.get("y") or ""),
        (_cells(str(one["title"]), str(one["name"]), values, text),),
        square=True,
        note=str(one.get("note") or ""),
        x_labels=tuple(str(label) for label in one["x_labels"]),
        y_labels=tuple(str(label) for label in one["y_labels"]),
    )


def _cells(name: str, key: str, shares: np.ndarray, text: list[str]) -> Series:
    """A grid as a series: columns along x, rows along y from the top."""
    rows, columns = shares.shape
    places = [(float(x), float(y)) for y in range(rows) for x in range(columns)]
    x, y = (tuple(along) for along in zip(*places, strict=True))
    tint = tuple(shares.ravel().tolist())
    return Series(name, key, x, y, lo=tint, kind="cells", role="headline", text=tuple(text))
