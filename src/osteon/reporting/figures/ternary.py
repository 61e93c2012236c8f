"""A triangle of three shares that add up to one, its points coloured by a value; both renderers.

Colours are viridis: even steps to the eye, rising in lightness, told apart by colour-blind readers.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from osteon.reporting.figures.cells import MARK
from osteon.reporting.figures.layout import HEIGHT, TRIANGLE, Frame
from osteon.reporting.figures.spec import Chart, Series
from osteon.reporting.figures.style import CSS_FAMILY, GRID, INK, LOOKS, MUTED, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from plotly.graph_objects import Figure

COLOURS = "viridis"
TICKS = (0.2, 0.4, 0.6, 0.8)
TURN = 60
DOT = 0.035
"""Side of a hexagon that stands alone, the triangle's being 1."""
BAR, GAP = 0.16, 0.3
"""Inches: width of the colour scale, its distance from the triangle."""


def flat(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places of shares in a triangle with sides of 1.

    Args:
        shares: (n, 3) of the left, right and upper corner, not negative; rows are divided by their
            sums.

    Returns:
        (n, 2): x from 0 to 1, y from 0 to 0.866.

    Raises:
        ValueError: another shape, a negative share or a row of zeros.
    """
    shares = np.asarray(shares, dtype=np.float64)
    if shares.ndim != 2 or shares.shape[1] != 3 or (shares < 0).any() or not shares.sum(1).all():
        raise ValueError(
            f"shares: shape {shares.shape} found, (n, 3) of shares that are not negative needed, "
            "no row of zeros"
        )
    shares = shares / shares.sum(axis=1, keepdims=True)
    return np.stack([shares[:, 1] + shares[:, 2] / 2, HEIGHT * shares[:, 2]], axis=1)


def unflat(series: Series) -> NDArray[np.float64]:
    """(n, 3) shares of a series' places, the inverse of `flat`."""
    upper = np.asarray(series.y) / HEIGHT
    right = np.asarray(series.x) - upper / 2
    return np.clip(np.stack([1 - right - upper, right, upper], axis=1), 0, 1)


def spacing(series: Series) -> float:
    """The least distance between two points, the side of a grid; `DOT` of points on no grid."""
    points = np.stack([series.x, series.y], axis=1)
    apart = np.linalg.norm(points[1:] - points[:-1], axis=1)
    apart = apart[apart > 1e-9]
    # Neighbours in a list are neighbours on a grid, but not among points drawn at random.
    on_grid = len(apart) and apart.min() > 0.6 * np.median(apart)
    return float(apart.min()) if on_grid else DOT


def ends(series: Series) -> tuple[float, float]:
    """Lowest and highest value, a little apart where all are equal."""
    values = np.asarray(series.lo)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low, high) if high - low > 1e-9 else (low - 0.005, high + 0.005)


def triangle(axes: "Axes", chart: Chart, frame: Frame) -> None:
    """The points as hexagons, marks over them, the weights along the sides, the colour scale."""
    cells = [one for one in chart.series if one.kind == "ternary"]
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, HEIGHT)
    for one in cells:
        _hexagons(axes, chart, one)
    _sides(axes, chart)
    marks = [(place, one) for place, one in enumerate(chart.series) if one.kind == "points"]
    for number, (place, one) in enumerate(marks):
        _mark(axes, one, place, number)
    if cells:
        _scale(axes, chart, cells[0], frame)
    if marks:
        _legend(axes, [one for _, one in marks], frame)


def _hexagons(axes: "Axes", chart: Chart, series: Series) -> None:
    """A hexagon a point: on a grid of equal steps they fill the triangle without a gap."""
    from matplotlib import colormaps
    from matplotlib.patches import RegularPolygon

    low, high = ends(series)
    size = spacing(series) / np.sqrt(3)
    colours = colormaps[COLOURS]
    index = chart.series.index(series)
    for place, (x, y, value) in enumerate(zip(series.x, series.y, series.lo or (), strict=True)):
        face = colours((value - low) / (high - low)) if np.isfinite(value) else GRID
        patch = RegularPolygon((x, y), 6, radius=size, facecolor=face, edgecolor=face)
        patch.set(linewidth=0.3, clip_on=False, zorder=2, gid=f"{MARK}{index}~cell{place}")
        axes.add_patch(patch)


def _sides(axes: "Axes", chart: Chart) -> None:
    """The outline, and along each side the weight of the corner it leads to."""
    axes.plot([0, 1, 0.5, 0], [0, 0, HEIGHT, 0], color=INK, linewidth=0.9, zorder=4, clip_on=False)
    _corners(axes, chart)
    left, right, upper = chart.corners
    base, tip = (np.array(one) for one in ((0.0, 0.0), (0.5, HEIGHT)))
    far = np.array((1.0, 0.0))
    # Corner the side leads to, start and end of the side, where its numbers stand, its turn.
    for name, start, end, away, turn in (
        (right, base, far, (0.0, -11.0), 0),
        (upper, far, tip, (15.0, 4.0), -TURN),
        (left, tip, base, (-15.0, 4.0), TURN),
    ):
        for share in (*TICKS, 0.5):
            x, y = (1 - share) * start + share * end
            title = share == 0.5
            shown = (2.3 * away[0], 2.3 * away[1]) if title else away
            arrow = f"← {name}" if turn else f"{name} →"  # turned words begin at the corner
            axes.annotate(
                arrow if title else f"{share:g}", (x, y), shown, textcoords="offset points",
                ha="center", va="center", size=SMALL, color=MUTED, rotation=turn if title else 0,
                clip_on=False, zorder=5,
            )  # fmt: skip


def _corners(axes: "Axes", chart: Chart) -> None:
    """The names of the corners, outside."""
    left, right, upper = chart.corners
    for name, at, shift in (
        (left, (0, 0), (-18, -16)),
        (right, (1, 0), (18, -16)),
        (upper, (0.5, HEIGHT), (0, 16)),
    ):
        axes.annotate(
            name, at, shift, textcoords="offset points", ha="center", va="center", weight="bold",
            clip_on=False, zorder=5,
        )  # fmt: skip


def _mark(axes: "Axes", series: Series, place: int, number: int) -> None:
    """A named point, its word beside it on white: the first at the left, others at the right."""
    look = LOOKS[series.role]
    axes.plot(
        series.x, series.y, marker=look.marker, linestyle="none", markersize=9, color=look.colour,
        markerfacecolor="white", markeredgewidth=2.2, zorder=8, clip_on=False,
        gid=f"{MARK}{place}~points",
    )  # fmt: skip
    side = -1 if number % 2 == 0 else 1
    axes.annotate(
        series.name, (series.x[0], series.y[0]), (9 * side, 13), textcoords="offset points",
        ha="right" if side < 0 else "left", va="center", size=SMALL + 0.5, weight="bold",
        zorder=9, clip_on=False,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.9},
    )  # fmt: skip


def _scale(axes: "Axes", chart: Chart, series: Series, frame: Frame) -> None:
    """The colour scale at the right of the triangle, its meaning over it."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    across = frame.left + TRIANGLE / HEIGHT + GAP
    place = (across / frame.width, frame.bottom / frame.height)
    size = (BAR / frame.width, 0.55 * TRIANGLE / frame.height)
    box = axes.figure.add_axes((*place, *size))
    shown = ScalarMappable(Normalize(*ends(series)), COLOURS)
    bar = axes.figure.colorbar(shown, cax=box)
    bar.outline.set(linewidth=0.6, edgecolor=MUTED)
    box.tick_params(labelsize=SMALL, length=3)
    box.text(0, 1.04, chart.colour, transform=box.transAxes, size=SMALL, va="bottom", color=INK)


def _legend(axes: "Axes", marks: list[Series], frame: Frame) -> None:
    """What the marks are, in words, over the colour scale."""
    from matplotlib.lines import Line2D

    handles = []
    for one in marks:
        look = LOOKS[one.role]
        handles.append(
            Line2D(
                [], [], linestyle="none", marker=look.marker, markersize=7, color=look.colour,
                markerfacecolor="white", markeredgewidth=1.8,
            )
        )  # fmt: skip
    words = ["\n".join([one.name, *one.detail.split("; ")]) for one in marks]
    at = ((frame.left + TRIANGLE / HEIGHT + 0.02) / frame.width, 1 - frame.top / frame.height)
    axes.legend(
        handles, words, loc="upper left", bbox_to_anchor=at,
        bbox_transform=axes.figure.transFigure, borderaxespad=0, fontsize=SMALL + 0.5,
        handlelength=1.2, labelspacing=0.8,
    )  # fmt: skip


def interactive(chart: Chart) -> "Figure":
    """The same for Plotly, values on hovering."""
    from plotly.graph_objects import Figure

    drawn = Figure()
    for series in chart.series:
        left, right, upper = unflat(series).T
        trace: dict[str, Any] = {
            "type": "scatterternary",
            "a": upper.tolist(),
            "b": left.tolist(),
            "c": right.tolist(),
            "mode": "markers",
            "name": series.name,
            "text": list(series.text) or [series.detail or series.name] * len(left),
            "hovertemplate": "%{text}<extra></extra>",
            "cliponaxis": False,
        }
        drawn.add_trace(trace | _look(chart, series))
    axis = {"min": 0, "linewidth": 1, "gridcolor": GRID, "ticks": "outside", "tickvals": TICKS}
    left, right, upper = chart.corners
    drawn.update_layout(
        template="simple_white",
        title={"text": chart.title, "x": 0.01, "font": {"size": 16},
               "subtitle": {"text": chart.note, "font": {"size": 12, "color": MUTED}}},
        font={"family": CSS_FAMILY, "size": 13, "color": INK},
        width=760,
        height=640,
        margin={"l": 70, "r": 30, "t": 120, "b": 70},
        legend={"orientation": "h", "x": 0, "y": -0.08},
        ternary={
            "sum": 1,
            "aaxis": {**axis, "title": {"text": upper}},
            "baxis": {**axis, "title": {"text": left}},
            "caxis": {**axis, "title": {"text": right}},
        },
        meta={"note": chart.note, "name": chart.name},
    )  # fmt: skip
    return drawn


def _look(chart: Chart, series: Series) -> dict[str, Any]:
    """Marker and legend of the coloured points, or of a mark."""
    if series.kind != "ternary":
        look = LOOKS[series.role]
        marker = {"symbol": look.symbol, "size": 13, "color": "white"}
        return {"marker": marker | {"line": {"color": look.colour, "width": 3}}, "showlegend": True}
    low, high = ends(series)
    marker = {
        "symbol": "hexagon",
        "size": 600 * spacing(series) * 0.95,
        "color": list(series.lo or ()),
        "colorscale": "Viridis",
        "cmin": low,
        "cmax": high,
        "colorbar": {"title": {"text": chart.colour}, "len": 0.7},
    }
    return {"marker": marker, "showlegend": False}
