"""Charts as Plotly figures: the same data as in `draw`, intervals on hovering."""

from typing import TYPE_CHECKING, Any

import numpy as np

from osteon.reporting.figures import layout, scatter, ternary
from osteon.reporting.figures.spec import Chart, Series, in_words
from osteon.reporting.figures.style import CSS_FAMILY, GRID, INK, LOOKS, MUTED, Look

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PIXELS = 100
"""Pixels an inch."""
BELOW = 70
LINES = {"color": MUTED, "width": 1}


def figure(chart: Chart) -> "Figure":
    """A chart as an interactive figure; what the browser's own fonts can draw, nothing fetched."""
    from plotly.graph_objects import Figure

    if chart.triangle:
        return ternary.interactive(chart)
    drawn = Figure()
    for series in chart.series:
        look = LOOKS[series.role]
        if chart.rows and series.role == "other":
            look = Look(MUTED)
        for trace in _traces(chart, series, look):
            legend = trace.pop("legend_entry", False) and bool(layout.keyed(chart))
            group = f"{series.key}-{series.role}"
            drawn.add_trace(trace | {"legendgroup": group, "showlegend": legend})
    drawn.update_layout(**_layout(chart))
    drawn.update_xaxes(**_axis(chart.x, chart.x_range, chart, "x"))
    drawn.update_yaxes(**_axis(chart.y, chart.y_range, chart, "y"))
    _straight_lines(drawn, chart)
    _columns(drawn, chart)
    return drawn


def _traces(chart: Chart, series: Series, look: Look) -> list[dict[str, Any]]:
    """A band below its line, or one trace."""
    if series.kind == "cells":
        return [_cells(chart, series)]
    if series.kind == "field":  # the points that span it carry its values
        return []
    bare = chart.rows or series.role == "printed" or series.kind == "scatter"
    trace: dict[str, Any] = {
        "type": "bar" if series.kind == "bars" else "scatter",
        "x": list(series.x),
        "y": list(series.y),
        "name": series.name,
        "legend_entry": not series.thin and (not chart.rows or len(series.x) > 1),
        "customdata": _words(chart, series),
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    if series.kind == "bars":
        trace |= {"width": series.width, "marker": {"color": look.face}}
    elif series.kind in ("points", "scatter"):
        marks = _marker(look) | (scatter.marker(series) if series.kind == "scatter" else {})
        trace |= {"mode": "markers" if bare else "lines+markers", "marker": marks}
        trace["line"] = {"color": look.colour, "dash": look.dash, "width": 1}
    else:
        width = 0.8 if series.thin else look.width
        trace |= {"mode": "lines", "line": {"color": look.colour, "dash": look.dash}}
        trace["line"]["width"] = width
        trace["opacity"] = 0.55 if series.thin else 1.0
    if series.kind == "step":
        trace["line"]["shape"] = "hv"
        trace |= {"fill": "tozeroy", "fillcolor": _faint(look.colour)}
    if series.lo and series.hi and series.kind in ("points", "bars"):
        return [trace, _intervals(chart, series, look)]
    if series.lo and series.hi and series.kind == "line" and series.emphasis:
        return [_band(series, look), trace]
    return [trace]


def _marker(look: Look) -> dict[str, Any]:
    return {
        "symbol": look.symbol.removesuffix("-open"),
        "size": 8,
        "color": look.face or look.colour,
        "line": {"color": look.colour, "width": 1.4},
    }


def _band(series: Series, look: Look) -> dict[str, Any]:
    """The interval around a line, as one closed shape over the defined places."""
    lo, hi = np.asarray(series.lo), np.asarray(series.hi)
    kept = np.isfinite(lo) & np.isfinite(hi)
    x = np.asarray(series.x)[kept]
    return {
        "type": "scatter",
        "x": [*x, *x[::-1]],
        "y": [*hi[kept], *lo[kept][::-1]],
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": _faint(look.colour),
        "hoverinfo": "skip",
        "name": f"{series.name}, 95 % interval",
    }


def _intervals(chart: Chart, series: Series, look: Look) -> dict[str, Any]:
    """Bars from lo to hi as a broken line: an interval need not hold the value."""
    along: list[float | None] = []
    across: list[float | None] = []
    places = series.y if chart.rows else series.x
    for place, lo, hi in zip(places, series.lo or (), series.hi or (), strict=True):
        if np.isfinite([lo, hi]).all():
            along += [lo, hi, None]
            across += [place, place, None]
    return {
        "type": "scatter",
        "x": along if chart.rows else across,
        "y": across if chart.rows else along,
        "mode": "lines",
        "line": {"color": INK if series.kind == "bars" else look.colour, "width": 1.6},
        "hoverinfo": "skip",
        "name": f"{series.name}, 95 % interval",
    }


def _cells(chart: Chart, series: Series) -> dict[str, Any]:
    """A grid of cells, tinted by share."""
    across = len(chart.x_labels)
    shares = np.asarray(series.lo).reshape(-1, across)
    words = [text.replace("\n", "<br>") for text in series.text]
    return {
        "type": "heatmap",
        "x": list(range(across)),
        "y": list(range(len(chart.y_labels))),
        "z": np.where(np.isfinite(shares), shares, 0.0).tolist(),
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "white"], [1, LOOKS["headline"].colour]],
        "showscale": False,
        "text": np.asarray(words).reshape(-1, across).tolist(),
        "texttemplate": "%{text}",
        "hovertemplate": "%{text}<extra></extra>",
        "xgap": 2,
        "ygap": 2,
        "name": series.name,
    }


def _words(chart: Chart, series: Series) -> list[str]:
    """What hovering says at each place: name, value with its interval, further words."""
    values = series.x if chart.rows else series.y
    empty = (float("nan"),) * len(values)
    words = []
    for place, ends in enumerate(zip(values, series.lo or empty, series.hi or empty, strict=True)):
        parts = [series.name]
        if chart.rows and len(series.x) > 1:
            parts.append(chart.y_labels[round(series.y[place])])
        elif chart.x_labels:
            parts.append(chart.x_labels[round(series.x[place])])
        elif not chart.rows:
            parts.append(f"{chart.x}: {series.x[place]:.2f}")
        parts.append(in_words(*ends))
        parts += [series.detail] if series.detail else []
        parts += [series.text[place]] if series.text else []
        words.append("<br>".join(parts))
    return words


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.14)"


def _layout(chart: Chart) -> dict[str, Any]:
    frame = layout.frame(chart, heading=False)
    beside = sum(frame.columns) * PIXELS
    keyed = chart.rows and bool(layout.keyed(chart))
    inside = int(PIXELS * frame.height * frame.axes[3])
    top = 120 if keyed else 90
    bars = any(series.kind == "bars" for series in chart.series)
    order = {"traceorder": "normal" if bars else "reversed", "font": {"size": 12}}
    over = {"orientation": "h", "x": 0, "y": 1 + 22 / inside, "yanchor": "bottom"}
    return {
        "template": "simple_white",
        "title": {
            "text": chart.title,
            "x": 0.01,
            "y": 1 - 22 / (inside + top + BELOW),
            "font": {"size": 16},
            "subtitle": {"text": chart.note, "font": {"size": 12, "color": MUTED}},
        },
        "font": {"family": CSS_FAMILY, "size": 13, "color": INK},
        "height": inside + top + BELOW + (80 if not chart.rows else 0),
        "width": 760,
        "margin": {"l": 70, "r": 30 + int(1.1 * beside), "t": top, "b": BELOW},
        "legend": over if keyed else order,
        "hovermode": "closest",
        "barmode": "overlay",
        "meta": {"note": chart.note, "name": chart.name},
    }


def _axis(title: str, span: tuple[float, float] | None, chart: Chart, which: str) -> dict[str, Any]:
    """Title, range, ticks; names in place of numbers where places are named."""
    labels = chart.x_labels if which == "x" else chart.y_labels
    named = bool(labels)
    axis: dict[str, Any] = {
        "title": {"text": title},
        "showgrid": not named,
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
    }
    if which in chart.logs:
        axis["type"] = "log"
    if span is not None:
        axis["range"] = [span[0] - 0.01, span[1] + 0.01] if chart.square else list(span)
    if named:
        if which == "x" and not chart.matrix:
            wrapped, slanted = layout.slots(chart, 4.6)
            labels = tuple(label.replace("\n", "<br>") for label in wrapped)
            axis["tickangle"] = 40 if slanted else 0
        words = [
            f"<b>{label}</b>" if which == "y" and place in chart.headings else label
            for place, label in enumerate(labels)
        ]
        axis |= {"tickmode": "array", "tickvals": list(range(len(labels))), "ticktext": words}
        axis["ticks"] = ""
    if which == "y" and named:
        axis["range"] = [len(labels) - 0.5, -0.5]
    if chart.square and not chart.matrix:
        axis |= {"constrain": "domain"} | ({"scaleanchor": "x"} if which == "y" else {})
    return axis


def _straight_lines(drawn: "Figure", chart: Chart) -> None:
    """Rules with their names, and the diagonal."""
    for rule in chart.rules:
        add = drawn.add_hline if rule.axis == "y" else drawn.add_vline
        place = "bottom left" if rule.axis == "y" else "top"
        add(rule.at, line=LINES, annotation_text=rule.name, annotation_position=place)
    if chart.diagonal:
        drawn.add_trace(
            {
                "type": "scatter",
                "x": [0, 1],
                "y": [0, 1],
                "mode": "lines",
                "line": LINES | {"dash": "dot"},
                "name": chart.diagonal_name,
                "hoverinfo": "skip",
            }
        )


def _columns(drawn: "Figure", chart: Chart) -> None:
    """The words beside the rows."""
    right = 0.0
    for column, width in zip(chart.columns, layout.column_widths(chart), strict=True):
        at = {"xref": "paper", "x": 1, "xshift": 10 + right, "xanchor": "left"}
        look: dict[str, Any] = {"showarrow": False, "align": "left"}
        for row, words in enumerate(column.cells):
            drawn.add_annotation(text=words, yref="y", y=row, **at, **look)
        above = {"yref": "paper", "y": 1, "yanchor": "bottom", "font": {"color": MUTED}}
        drawn.add_annotation(text=column.title, **above, **at, **look)
        right += 1.1 * PIXELS * width
