"""Charts as matplotlib figures and inline SVG, without global state."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from osteon.reporting.figures import layout, scatter, ternary
from osteon.reporting.figures.cells import MARK, matrix
from osteon.reporting.figures.layout import Frame
from osteon.reporting.figures.sheet import blank, contact_sheet
from osteon.reporting.figures.spec import Chart, Rule, Series
from osteon.reporting.figures.style import FONT, INK, LOOKS, MUTED, SMALL, Look, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["contact_sheet", "figure", "svg"]

DIAGONAL: Any = {"color": MUTED, "linewidth": 0.9, "linestyle": (0, (1, 2)), "zorder": 1}


def figure(chart: Chart, heading: bool = True) -> "Figure":
    """A chart as a figure 6.4 inches wide (a confusion matrix is narrower).

    Args:
        heading: print title and note; without them the page's caption says both.
    """
    from matplotlib import style

    with style.context(["default", settings(chart.name)]):
        return _figure(chart, heading)


def svg(chart: Chart, heading: bool = False) -> str:
    """A chart as an SVG element to stand in a page, see `osteon.reporting.figures.vector`."""
    from osteon.reporting.figures.vector import inline

    return inline(chart, heading)


def _figure(chart: Chart, heading: bool) -> "Figure":
    frame = layout.frame(chart, heading)
    drawn = blank(frame.width, frame.height)
    axes = drawn.add_axes(frame.axes)
    if chart.triangle:
        ternary.triangle(axes, chart, frame)
    elif chart.matrix:
        matrix(axes, chart)
    else:
        _plain(axes, chart)
        scatter.scale(axes, chart, frame)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    if chart.rows:
        _rows(axes, chart, frame)
    elif chart.x_labels and not chart.matrix:
        _categories(axes, chart, frame.width - frame.left - frame.right)
    if not chart.triangle:
        _legend(axes, chart, frame)
    for place, line in enumerate(frame.title):
        drawn.text(
            0.1 / frame.width,
            1 - (0.1 + 0.22 * place) / frame.height,
            line,
            size=FONT + 1.5,
            weight="bold",
            va="top",
        )
    for place, line in enumerate(reversed(frame.note)):
        drawn.text(
            0.1 / frame.width,
            (0.07 + 0.16 * place) / frame.height,
            line,
            size=SMALL,
            color=MUTED,
            va="bottom",
        )
    return drawn


def _plain(axes: "Axes", chart: Chart) -> None:
    """Rules, the diagonal and every series but cells."""
    scatter.scales(axes, chart)
    if chart.x_range:
        axes.set_xlim(*_padded(chart, chart.x_range))
    if chart.y_range:
        axes.set_ylim(*_padded(chart, chart.y_range))
    if chart.counts:
        axes.locator_params(axis="y", integer=True)
    if chart.diagonal:
        axes.plot([0, 1], [0, 1], label=chart.diagonal_name, **DIAGONAL)
    for rule in chart.rules:
        _rule(axes, rule)
    if not chart.series:
        place: dict[str, Any] = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, "no data", color=MUTED, **place)
    painters = {"line": _line, "points": _points, "bars": _bars, "step": _step}
    painters |= {"scatter": scatter.points, "field": scatter.field}
    for index, series in enumerate(chart.series):
        look = LOOKS[series.role]
        if chart.rows and series.role == "other":
            look = Look(MUTED)
        painters[series.kind](axes, series, look, f"{MARK}{index}", chart.rows)


def _padded(chart: Chart, span: tuple[float, float]) -> tuple[float, float]:
    """A little air around unit squares, so that lines on the edge stay whole."""
    return (span[0] - 0.015, span[1] + 0.015) if chart.square else span


def _rule(axes: "Axes", rule: Rule) -> None:
    look: dict[str, Any] = {"color": MUTED, "linewidth": 1.0, "zorder": 1}
    if rule.axis == "y":
        axes.axhline(rule.at, **look)
        place = axes.get_yaxis_transform()
        axes.annotate(
            rule.name,
            (0.02, rule.at),
            xycoords=place,
            xytext=(0, -3),
            textcoords="offset points",
            va="top",
            size=SMALL,
            color=MUTED,
        )
    else:
        axes.axvline(rule.at, **look)
        place = axes.get_xaxis_transform()
        axes.text(
            rule.at, 1.0, rule.name, transform=place, ha="center", va="bottom", size=SMALL,
            color=MUTED,
        )  # fmt: skip


def _line(axes: "Axes", series: Series, look: Look, gid: str, rows: bool) -> None:
    if series.lo and series.hi and series.emphasis:
        axes.fill_between(
            series.x, series.lo, series.hi, color=look.colour, alpha=0.14, linewidth=0,
            zorder=look.order - 0.5, gid=f"{gid}~band",
        )  # fmt: skip
    axes.plot(
        series.x,
        series.y,
        color=look.colour,
        linestyle=look.line,
        linewidth=0.7 if series.thin else look.width,
        alpha=0.55 if series.thin else 1.0,
        zorder=look.order,
        gid=f"{gid}~line",
    )


def _points(axes: "Axes", series: Series, look: Look, gid: str, rows: bool) -> None:
    if series.lo and series.hi:
        _intervals(axes, series, look.colour, gid, rows, 1.3, look.order - 0.2)
    axes.plot(
        series.x,
        series.y,
        color=look.colour,
        linestyle="none" if rows or series.role == "printed" else look.line,
        linewidth=0.8,
        marker=look.marker,
        markersize=5.2 if rows else 4.8,
        markerfacecolor=look.face or look.colour,
        markeredgewidth=1.1,
        zorder=look.order,
        gid=f"{gid}~points",
    )


def _bars(axes: "Axes", series: Series, look: Look, gid: str, rows: bool) -> None:
    bars = axes.bar(
        series.x, np.nan_to_num(series.y), series.width, color=look.face, edgecolor=INK,
        linewidth=0.4, zorder=2,
    )  # fmt: skip
    for place, bar in enumerate(bars):
        bar.set_gid(f"{gid}~bar{place}")
    if series.lo and series.hi:
        _intervals(axes, series, INK, gid, False, 0.9, 7)


def _step(axes: "Axes", series: Series, look: Look, gid: str, rows: bool) -> None:
    heights = np.asarray(series.y[:-1])
    axes.stairs(
        heights, series.x, fill=True, color=look.colour, alpha=0.14, zorder=2, gid=f"{gid}~fill"
    )
    axes.stairs(
        heights, series.x, color=look.colour, linestyle=look.line, linewidth=1.6,
        zorder=look.order, gid=f"{gid}~line",
    )  # fmt: skip


def _intervals(
    axes: "Axes", series: Series, colour: str, gid: str, rows: bool, width: float, order: float
) -> None:
    """Bars from lo to hi; a bootstrap interval need not hold the value, so no error bars."""
    lo, hi = np.asarray(series.lo), np.asarray(series.hi)
    kept = np.isfinite(lo) & np.isfinite(hi)
    across = np.asarray(series.y if rows else series.x)[kept]
    draw = axes.hlines if rows else axes.vlines
    if kept.any():
        draw(
            across, lo[kept], hi[kept], color=colour, linewidth=width, zorder=order,
            gid=f"{gid}~interval",
        )  # fmt: skip


def _rows(axes: "Axes", chart: Chart, frame: Frame) -> None:
    """Names at the left, words at the right, the rows from top to bottom."""
    from matplotlib.transforms import blended_transform_factory

    axes.set_ylim(len(chart.y_labels) - 0.4, -0.6)
    axes.set_yticks([])
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    place = blended_transform_factory(axes.figure.transFigure, axes.transData)
    bold = {one.name for one in chart.series if one.role == "headline" and len(one.x) == 1}
    for row, label in enumerate(layout.shortened(chart.y_labels)):
        heading = row in chart.headings
        indent = 0.1 if heading or not chart.headings else 0.2
        strong = heading or chart.y_labels[row] in bold
        weight = "bold" if strong else "normal"
        ink = MUTED if heading else INK
        axes.text(
            indent / frame.width, row, label, transform=place, va="center", weight=weight, color=ink
        )
    right = frame.width - frame.right + 0.14
    for column, width in zip(chart.columns, frame.columns, strict=True):
        at = right / frame.width
        for row, words in enumerate(column.cells):
            axes.text(at, row, words, transform=place, va="center", size=SMALL + 0.5)
        axes.text(at, -0.65, column.title, transform=place, va="bottom", size=SMALL, color=MUTED)
        right += width


def _categories(axes: "Axes", chart: Chart, inside: float) -> None:
    labels, slanted = layout.slots(chart, inside)
    turn: dict[str, Any] = (
        {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    )
    axes.set_xticks(range(len(labels)), labels, **turn)
    axes.tick_params(axis="x", length=0)
    axes.grid(False, axis="x")


def _legend(axes: "Axes", chart: Chart, frame: Frame) -> None:
    """Beside a square chart, over any other; the pale learners share one entry."""
    names = layout.keyed(chart)
    if not names:
        return
    handles = [_handle(one, chart.rows) for one in layout.in_front(chart)]
    if len(names) > len(handles):
        pale = next(one for one in chart.series if not one.emphasis)
        handles.append(_handle(pale, chart.rows))
    if chart.diagonal:
        handles += axes.get_lines()[:1]
        names.append(chart.diagonal_name)
    if chart.inset:
        axes.legend(handles, names, loc="lower right", handlelength=2.2, fontsize=FONT - 0.5)
        return
    if chart.square:
        letters = int((frame.right - 0.5) / (0.95 * layout.LETTER))
        parts = [name.replace(", AU", "\nAU").split("\n") for name in names]
        words = ["\n".join(textwrap.fill(part, letters) for part in name) for name in parts]
        axes.legend(
            handles, words, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0,
            handlelength=2.2, labelspacing=0.7, fontsize=FONT - 0.5,
        )  # fmt: skip
        return
    axes.legend(
        handles,
        names,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0 + layout.named(chart) / (frame.height * frame.axes[3])),
        ncols=-(-len(names) // layout.legend_lines(chart)),
        borderaxespad=0.2,
        handlelength=2.2,
        columnspacing=1.4,
    )


def _handle(series: Series, rows: bool) -> Any:
    """A legend's sign of a series."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    look = LOOKS[series.role]
    if series.kind == "bars":
        return Patch(facecolor=look.face, edgecolor=INK, linewidth=0.4)
    points = series.kind in ("points", "scatter")
    bare = points and (rows or series.role == "printed" or series.kind == "scatter")
    return Line2D(
        [],
        [],
        color=look.colour,
        linestyle="none" if bare else look.line,
        linewidth=look.width,
        marker=look.marker if points else "none",
        markersize=5,
        markerfacecolor=look.face or look.colour,
    )
