"""Grids of cells, drawn with matplotlib."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from osteon.reporting.figures import layout
from osteon.reporting.figures.spec import Chart
from osteon.reporting.figures.style import FONT, GRID, INK, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARK = "series~"
"""How the ids of drawn parts begin, before their series' number."""


def matrix(axes: "Axes", chart: Chart) -> None:
    """The cells of a chart, tinted by share; a cell without text is grey."""
    from matplotlib.patches import Rectangle

    series, rows, columns = chart.series[0], len(chart.y_labels), len(chart.x_labels)
    across = axes.get_window_extent().width / axes.figure.dpi / columns
    shares = np.nan_to_num(series.lo or ())
    for place, (x, y, share) in enumerate(zip(series.x, series.y, shares, strict=True)):
        tint = [1 - share * (1 - part) for part in (0.0, 0.447, 0.698)]
        face = tint if series.text[place] else GRID
        box = Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="white", linewidth=2)
        box.set_gid(f"{MARK}0~cell{place}")
        axes.add_patch(box)
        ink = "white" if share > 0.55 else INK
        _cell(axes, (x, y), series.text[place], ink, across)
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.set_xticks(range(columns), layout.headed(chart, across))
    axes.set_yticks(range(rows), [textwrap.fill(word, 13) for word in chart.y_labels])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)


def _cell(axes: "Axes", at: tuple[float, float], text: str, ink: str, across: float) -> None:
    """A count over its share, or one number; as large as `across` inches allow."""
    (x, y), (first, _, second) = at, text.partition("\n")
    centred: dict[str, Any] = {"ha": "center", "va": "center", "color": ink}
    if not second:
        axes.text(x, y, first, size=min(FONT, 24 * across), **centred)
        return
    axes.text(x, y - 0.06, first, size=min(14, 12 * across), weight="bold", **centred)
    axes.text(x, y + 0.2, second, size=SMALL, **centred)
