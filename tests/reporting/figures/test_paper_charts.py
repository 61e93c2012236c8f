"""A paper's own lines, bars and triangles of shares, in all renderings."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from osteon.reporting.figures import draw, interactive
from osteon.reporting.figures.grid_charts import paper_figures
from osteon.reporting.figures.spec import Series
from osteon.reporting.figures.style import LOOKS
from osteon.reporting.figures.ternary import flat, spacing, unflat

GRID = [(i / 20, j / 20, (20 - i - j) / 20) for i in range(21) for j in range(21 - i)]
WORDS = {"title": "Title", "note": "n", "x": "Age", "y": "Share"}


def lines(**changed):
    series = [
        {"name": "malignant", "x": [0, 1], "y": [0.1, None], "lo": [0.0, None], "hi": [0.2, None]},
        {"name": "as used", "x": [0, 1], "y": [0.2, 0.4], "role": "context"},
        {"name": "seen", "x": [0, 1], "y": [0.3, 0.4], "style": "points"},
    ]
    return {"kind": "lines", "name": "age", "series": series} | WORDS | changed


def bars(count=3, **changed):
    series = [
        {"name": f"R{k}", "y": [3, None], "lo": [1, None], "hi": [5, None]} for k in range(count)
    ]
    shown = {"x_labels": ["cervical", "lumbar"], "series": series}
    return {"kind": "bars", "name": "errors"} | WORDS | shown | changed


def ternary(**changed):
    marks = [
        {"name": "chosen", "at": [0.5, 0.4, 0.1], "detail": "0.5/0.4/0.1; accuracy 0.8"},
        {"name": "printed", "at": [0.45, 0.45, 0.1]},
    ]
    shown = {"corners": ["Det", "Seq", "Age"], "points": GRID, "marks": marks}
    values = {"values": [0.5 + 0.3 * one[1] for one in GRID], "value": "Accuracy"}
    text = {"text": [f"point {k}" for k in range(len(GRID))]}
    return {"kind": "ternary", "name": "weights"} | WORDS | shown | values | text | changed


def one(description):
    (chart,) = paper_figures([description])
    return chart


def test_each_kind_has_its_name_and_cells_are_the_default():
    cells = {"name": "grid", "values": [[0.5]], "x_labels": ["a"], "y_labels": ["b"]} | WORDS
    made = paper_figures([cells, cells | {"kind": "cells"}, lines(), bars(), ternary()])
    names = ["paper_grid", "paper_grid", "paper_age", "paper_errors", "paper_weights"]
    assert [chart.name for chart in made] == names
    assert made[0] == made[1] and made[0].matrix
    with pytest.raises(ValueError, match="kind 'pie' found"):
        paper_figures([cells | {"kind": "pie"}])


def test_lines_keep_their_numbers_bands_and_gaps():
    first, second, third = one(lines()).series
    assert first.y[0] == 0.1 and np.isnan(first.y[1]) and np.isnan(first.hi[1])
    assert (first.role, second.role, third.role) == ("headline", "context", "reference")
    assert third.kind == "points"
    drawn = draw.svg(one(lines(rules=[{"at": 0.5, "name": "half"}])))
    assert "half" in drawn and drawn.count('class="series"') == 4, "three series and one band"


def test_bars_stand_side_by_side_within_their_group():
    chart = one(bars(4))
    places = np.array([series.x for series in chart.series])
    assert np.all(np.abs(places - [0, 1]) < 0.45)
    gaps = np.diff(places[:, 0])
    assert np.all(gaps >= chart.series[0].width)
    assert len({LOOKS[series.role].face for series in chart.series}) == 4
    assert chart.y_range == (0.0, pytest.approx(1.12 * 5))


def test_eight_series_of_bars_have_eight_colours_and_nine_are_refused():
    assert len({LOOKS[series.role].face for series in one(bars(8)).series}) == 8
    with pytest.raises(ValueError, match="9 series found, 8 can be told apart"):
        one(bars(9))


def test_numbers_of_patients_have_whole_ticks():
    series = [{"name": "patients", "y": [3, 1]}]
    whole = draw.figure(one(bars(series=series)))
    ticks = whole.axes[0].get_yticks()
    assert np.all(ticks == np.round(ticks))
    assert one(bars(series=series)).counts and not one(bars()).counts and not one(lines()).counts


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lines(series=[{"name": "a", "x": [0, 1], "y": [1]}]), "'a' has {'y': 1} values, 2"),
        (lines(series=[{"name": "a", "x": [0], "y": [1], "style": "dots"}]), "style 'dots' found"),
        (lines(series=[{"name": "a", "x": [0], "y": [1]}] * 5), "5 series found, 4"),
        (bars(x_labels=["one"]), "'R0' has"),
        (bars(series=[]), "2 group.s. of 0 series"),
        (ternary(corners=["a", "b"]), "2 corners"),
        (ternary(values=[0.1]), "1 values found"),
        (ternary(text=["a"]), "1 texts of 231 points"),
        (ternary(points=[[0, 0, 0]], values=[1], text=[]), "no row of zeros"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused_by_name(wrong, said):
    with pytest.raises(ValueError, match=said):
        one(wrong)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (7, 3), elements=st.floats(0.01, 10)))
def test_shares_are_found_again_from_their_places(shares):
    x, y = flat(shares).T
    series = Series("s", "s", tuple(x), tuple(y), kind="ternary")
    wanted = shares / shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(unflat(series), wanted, atol=1e-12)


def test_corners_and_sides_lie_where_they_are_named():
    left, right, upper, middle = flat(np.array([[1, 0, 0], [0, 2, 0], [0, 0, 1], [1, 1, 1]]))
    np.testing.assert_allclose(left, [0, 0])
    np.testing.assert_allclose(right, [1, 0])
    np.testing.assert_allclose(upper, [0.5, np.sqrt(3) / 2])
    np.testing.assert_allclose(middle, [0.5, np.sqrt(3) / 6])


def test_a_triangle_has_a_cell_a_point_that_says_its_value():
    chart = one(ternary())
    drawn = draw.svg(chart)
    root = ElementTree.fromstring(drawn)
    cells = [at for at in root.iter() if "~cell" in at.get("id", "") or "-cell" in at.get("id", "")]
    assert len(cells) == len(GRID) == 231
    titles = [at.find("{http://www.w3.org/2000/svg}title").text for at in cells]
    assert titles[7].endswith("point 7")
    assert len(drawn.encode()) < 150_000 and draw.MARK not in drawn
    for word in (">Det<", ">Seq<", ">Age<", ">chosen<", ">printed<", ">Accuracy<"):
        assert word in drawn
    assert draw.svg(chart) == drawn, "the same bytes each time"


def test_the_cells_of_a_triangle_touch_without_a_gap():
    x, y = flat(np.array(GRID)).T
    series = Series("s", "s", tuple(x), tuple(y), kind="ternary")
    assert spacing(series) == pytest.approx(0.05)
    drawn = draw.figure(one(ternary()))
    patches = drawn.axes[0].patches
    assert len(patches) == 231
    assert {round(patch.radius, 6) for patch in patches} == {round(0.05 / np.sqrt(3), 6)}


def test_colours_follow_the_values_and_the_scale_says_which():
    drawn = draw.figure(one(ternary()))
    patches, values = drawn.axes[0].patches, np.array(ternary()["values"])
    light = [np.dot(patch.get_facecolor()[:3], (0.299, 0.587, 0.114)) for patch in patches]
    order = np.argsort(values)
    assert np.all(np.diff(np.array(light)[order]) >= -0.02), "lighter where the value is higher"
    scale = drawn.axes[1]
    assert scale.get_ylim() == (pytest.approx(values.min()), pytest.approx(values.max()))


def test_words_of_a_triangle_stay_inside_the_picture():
    for heading in (True, False):
        drawn = draw.figure(one(ternary()), heading)
        drawn.canvas.draw()
        wide, high = drawn.canvas.get_width_height()
        for axes in drawn.axes:
            for text in axes.texts:
                box = text.get_window_extent()
                assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= wide and box.y1 <= high, text
        legend = drawn.axes[0].get_legend().get_window_extent()
        assert legend.x1 <= wide and legend.y0 >= drawn.axes[1].get_window_extent().y1


def test_equal_values_and_a_lone_point_can_be_drawn():
    flatland = ternary(points=[[1, 0, 0]], values=[0.5], text=[], marks=[])
    draw.svg(one(flatland))
    interactive.figure(one(flatland))


def test_the_interactive_triangle_has_the_same_points_and_values():
    chart = one(ternary())
    cells, chosen, printed = interactive.figure(chart).data
    np.testing.assert_allclose(np.stack([cells.b, cells.c, cells.a], 1), GRID, atol=1e-12)
    assert list(cells.marker.color) == ternary()["values"] and cells.text[3] == "point 3"
    assert (round(chosen.b[0], 3), round(chosen.c[0], 3)) == (0.5, 0.4)
    assert [one.showlegend for one in (cells, chosen, printed)] == [False, True, True]


def test_lines_and_bars_are_interactive_with_their_intervals():
    names = [trace.name for trace in interactive.figure(one(lines())).data]
    assert names[:2] == ["malignant, 95 % interval", "malignant"]
    shown = interactive.figure(one(bars(2))).data
    assert [trace.type for trace in shown] == ["bar", "scatter", "bar", "scatter"]


def test_a_line_break_in_a_label_is_kept():
    chart = one(lines(x_labels=["0-9\nn=7", "10-19\nn=38"]))
    labels = [label.get_text() for label in draw.figure(chart).axes[0].get_xticklabels()]
    assert labels == ["0-9\nn=7", "10-19\nn=38"]
    assert "0-9" in re.sub(r"<[^>]*>", " ", draw.svg(chart))


def test_learners_of_bars_carry_their_names_in_print():
    named = bars(series=[{"name": name, "y": [1, 2]} for name in ("penn_conv", "R1")])
    assert [series.name for series in one(named).series] == ["PENN-conv", "R1"]
