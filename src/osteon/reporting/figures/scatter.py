"""Points that no line joins, coloured by a value, and the field between them; log axes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from osteon.reporting.figures.layout import Frame
from osteon.reporting.figures.spec import Chart, Series
from osteon.reporting.figures.style import GRID, INK, MUTED, SMALL, Look
from osteon.reporting.figures.ternary import COLOURS, ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LEVELS = 12
WHOLE: dict[str, Any] = {
    "nbins": "auto", "integer": True, "min_n_ticks": 1, "steps": [1, 2, 5, 10],
}  # fmt: skip
"""Ticks of counted things."""
LEAST = 4
"""Points that span a field: fewer triangles would show corners, no landscape."""
BAR, GAP = 0.13, 0.16
"""Inches: width of the colour scale, its distance from the axes."""


def scales(axes: "Axes", chart: Chart) -> None:
    """Logarithmic axes, and axes without fractions, where the chart asks for them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    for name, axis, turn in (
        ("x", axes.xaxis, axes.set_xscale),
        ("y", axes.yaxis, axes.set_yscale),
    ):
        if name in chart.logs:
            turn("log")
            axis.set_major_locator(LogLocator(subs=steps(decades(chart, name))))
            # Matplotlib's own labels are mathematics, which a page's text cannot show.
            axis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
            axis.set_minor_formatter(NullFormatter())
        elif name in chart.wholes and not (name == "x" and chart.x_labels):
            axis.set_major_locator(MaxNLocator(**WHOLE))


def steps(span: float) -> tuple[float, ...]:
    """Ticks in each power of ten: more of them, the fewer powers there are."""
    if span < 0.5:
        return (1, 1.5, 2, 3, 4, 5, 7)
    return (1, 2, 5) if span < 2 else (1,)


def decades(chart: Chart, axis: str) -> float:
    """Powers of ten between the least and the greatest value."""
    values = [one for series in chart.series for one in (series.x if axis == "x" else series.y)]
    values = [one for one in values if np.isfinite(one) and one > 0]
    return float(np.log10(max(values) / min(values))) if values else 0.0


def power(value: float) -> str:
    """`0.02`, or `10⁻⁵` of what would be a long row of zeros."""
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        return f"{value:g}"
    exponent = int(np.floor(np.log10(abs(value)) + 1e-9))
    factor = value / 10.0**exponent
    shown = "" if abs(factor - 1) < 1e-6 else f"{factor:g}·"
    return f"{shown}10{str(exponent).translate(RAISED)}"


def points(axes: "Axes", series: Series, look: Look, gid: str, rows: bool) -> None:
    """A mark a place, coloured by `lo` where it is given."""
    shown: dict[str, Any] = {
        "marker": look.marker,
        "s": 26,
        "linewidths": 0.9,
        "gid": f"{gid}~points",
    }
    if not series.lo:
        face = look.face or look.colour
        axes.scatter(
            series.x, series.y, color=face, edgecolors=look.colour, zorder=look.order, **shown
        )
        return
    low, high = ends(series)
    axes.scatter(
        series.x, series.y, c=series.lo, cmap=COLOURS, vmin=low, vmax=high, edgecolors="white",
        zorder=look.order, clip_on=False, **shown,
    )  # fmt: skip


def field(axes: "Axes", series: Series, look: Look, gid: str, rows: bool) -> None:
    """Colours between the points, linear over the triangles of Delaunay; none of points in line."""
    from matplotlib.tri import Triangulation

    x, y, value = (np.asarray(one, dtype=float) for one in (series.x, series.y, series.lo or ()))
    flat = [
        np.log10(one) if axis.get_scale() == "log" else one
        for one, axis in ((x, axes.xaxis), (y, axes.yaxis))
    ]
    flat = [(one - one.min()) / (np.ptp(one) or 1.0) for one in flat]
    places = np.unique(np.round(np.stack(flat), 9), axis=1, return_index=True)[1]
    if len(places) < LEAST:
        return
    try:
        # Triangles of what the eye sees, not of raw units that differ by powers of ten.
        triangles = Triangulation(flat[0][places], flat[1][places]).triangles
    except (RuntimeError, ValueError):  # all points lie on one line
        return
    low, high = ends(series)
    drawn = axes.tricontourf(
        Triangulation(x[places], y[places], triangles), value[places],
        levels=np.linspace(low, high, LEVELS + 1), cmap=COLOURS, alpha=0.55, zorder=1,
    )  # fmt: skip
    drawn.set_gid(f"{gid}~field")


def scale(axes: "Axes", chart: Chart, frame: Frame) -> None:
    """The colour scale at the right of the axes, its meaning over it."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.ticker import MaxNLocator

    coloured = [one for one in chart.series if one.kind in ("scatter", "field") and one.lo]
    if not coloured or not chart.colour:
        return
    left, bottom, width, height = frame.axes
    place = (left + width + GAP / frame.width, bottom, BAR / frame.width, 0.86 * height)
    whole = MaxNLocator(**WHOLE) if "colour" in chart.wholes else None
    box = axes.figure.add_axes(place)
    shown = ScalarMappable(Normalize(*ends(coloured[0])), COLOURS)
    bar = axes.figure.colorbar(shown, cax=box, ticks=whole)
    bar.outline.set(linewidth=0.6, edgecolor=MUTED)
    box.tick_params(labelsize=SMALL, length=3)
    box.grid(False)
    box.text(0, 1.04, chart.colour, transform=box.transAxes, size=SMALL, va="bottom", color=INK)


def marker(series: Series) -> dict[str, Any]:
    """The same marks for Plotly."""
    if not series.lo:
        return {}
    low, high = ends(series)
    scale = {"color": list(series.lo), "colorscale": "Viridis", "cmin": low, "cmax": high}
    return scale | {"line": {"color": GRID, "width": 1}}
