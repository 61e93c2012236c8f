"""The interactive figures hold the same data as the printed ones and fetch nothing."""

import json

import numpy as np
import pytest

from osteon.reporting.figures import interactive
from osteon.reporting.figures.charts import Chart, Series, build_charts
from tests.reporting import chart_samples as made


@pytest.fixture(scope="module")
def charts() -> dict[str, Chart]:
    return build_charts(
        made.metrics(),
        made.curves(),
        made.comparison(skipped="resnet18_new"),
        made.histories(),
        made.explanations(),
        made.printed(),
        made.predictions(),
    )


def test_every_chart_becomes_a_figure_of_plain_json(charts) -> None:
    for name, chart in charts.items():
        read = json.loads(interactive.figure(chart).to_json())
        assert read["layout"]["title"]["text"] == chart.title, name
        assert "http" not in json.dumps(read["layout"] | {"template": None})


def test_lines_points_and_bars_hold_the_values_of_the_chart(charts) -> None:
    for chart in charts.values():
        traces = [
            trace
            for trace in interactive.figure(chart).data
            if trace.type != "heatmap" and trace.hovertemplate
        ]
        assert len(traces) == len([one for one in chart.series if one.kind != "cells"])
        for trace, series in zip(traces, chart.series, strict=False):
            assert np.array_equal(np.asarray(trace.x, float), series.x, equal_nan=True)
            assert np.array_equal(np.asarray(trace.y, float), series.y, equal_nan=True)


def test_hovering_tells_name_value_and_interval(charts) -> None:
    trace = next(
        one
        for one in interactive.figure(charts["roc"]).data
        if one.name == "all inputs" and one.hovertemplate
    )
    series = charts["roc"].series[-1]
    words = trace.customdata[50]
    assert words.startswith("all inputs<br>1 − specificity: 0.50<br>")
    assert f"{series.y[50]:.3f} [{series.lo[50]:.3f}, {series.hi[50]:.3f}]" in words


def test_bands_and_interval_bars_end_where_the_intervals_end() -> None:
    nan = float("nan")
    band = Series("a", "a", (0.0, 0.5, 1.0), (0.2, 0.3, 0.4), (0.1, nan, 0.3), (0.3, nan, 0.6),
                  role="headline")  # fmt: skip
    first, _ = interactive.figure(Chart("c", "", "x", "y", (band,))).data
    assert list(first.x) == [0.0, 1.0, 1.0, 0.0]
    assert list(first.y) == [0.3, 0.6, 0.3, 0.1]
    row = Series("a", "a", (0.5,), (0.0,), (0.6,), (0.7,), "points", "headline")
    _, bar = interactive.figure(Chart("r", "", "x", "", (row,), y_labels=("a",))).data
    assert (list(bar.x), list(bar.y)) == ([0.6, 0.7, None], [0.0, 0.0, None])


def test_one_entry_of_the_legend_a_learner(charts) -> None:
    shown = [
        one.name for one in interactive.figure(charts["learning_curves"]).data if one.showlegend
    ]
    assert len(shown) == len(set(shown)) == len(made.names())


def test_rows_read_from_the_top_with_their_words_beside(charts) -> None:
    chart = charts["forest"]
    drawn = interactive.figure(chart)
    low, high = drawn.layout.yaxis.range
    assert low > high
    words = [note.text for note in drawn.layout.annotations]
    assert "skipped" in words and "p (Holm)" in words


def test_a_chart_without_series_is_an_empty_figure() -> None:
    assert len(interactive.figure(Chart("none", "None", "", "", ())).data) == 0
