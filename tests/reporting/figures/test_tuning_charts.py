"""Pictures of a study: every kind is drawn, log axes are readable, bad descriptions are named."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from osteon.reporting.figures import draw, interactive, layout, scatter
from osteon.reporting.figures.spec import Chart, Series
from osteon.reporting.figures.ternary import DOT, flat, spacing
from osteon.reporting.figures.tuning_charts import tuning_charts
from tests.reporting import tuning_sample as made


@pytest.fixture(scope="module")
def charts() -> dict[str, Chart]:
    # As they come out of the catalog.
    return tuning_charts(json.loads(json.dumps(made.pictures())))


def test_names_begin_alike_and_keep_their_order(charts) -> None:
    assert list(charts) == [
        *("tuning_history", "tuning_importance", "tuning_weights"),
        *("tuning_slice_training_lr", "tuning_slice_backbone", "tuning_contour_lr_dropout"),
    ]


def test_every_kind_is_drawn_by_both_renderers(charts) -> None:
    for name, chart in charts.items():
        text = draw.svg(chart)
        ElementTree.fromstring(text)
        assert "mathdefault" not in text, name
        assert draw.svg(chart) == text, name
        assert len(interactive.figure(chart).data) >= 1


def test_a_field_lies_under_points_of_the_same_colours(charts) -> None:
    text = draw.svg(charts["tuning_contour_lr_dropout"])
    assert 'id="tuning_contour_lr_dropout-series-0-field"' in text
    assert 'id="tuning_contour_lr_dropout-series-1-points"' in text
    drawn = interactive.figure(charts["tuning_contour_lr_dropout"])
    assert len(drawn.data) == 1 and drawn.layout.xaxis.type == "log"
    assert drawn.data[0].mode == "markers"


@pytest.mark.parametrize("y", [(0.1, 0.1, 0.1, 0.1, 0.1), (0.1, 0.2, 0.3, 0.4, 0.5)])
def test_points_on_a_line_or_too_few_span_no_field(y) -> None:
    x = (0.1, 0.2, 0.3, 0.4, 0.5)
    for count in (5, 3):
        one = Series("a", "a", x[:count], y[:count], lo=x[:count], kind="field")
        assert "-field" not in draw.svg(Chart("c", "t", "x", "y", (one,), colour="AUROC"))


def test_repeated_places_do_not_hinder_a_field() -> None:
    x, y = (0.0, 0.0, 1.0, 1.0, 0.5, 0.5), (0.0, 0.0, 0.0, 1.0, 1.0, 0.2)
    one = Series("a", "a", x, y, lo=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), kind="field")
    assert "-field" in draw.svg(Chart("c", "t", "x", "y", (one,), colour="AUROC"))


def test_log_axes_are_told_in_plain_numbers() -> None:
    assert [scatter.power(one) for one in (0.001, 0.02, 1.0, 1e-5, 2e-5, 1e6)] == [
        *("0.001", "0.02", "1", "10⁻⁵", "2·10⁻⁵", "10⁶")
    ]


def ticks(chart: Chart, name: str = "x") -> list[str]:
    """Words at the ticks inside an axis, or at those of the colour scale."""
    drawn = draw.figure(chart)
    drawn.canvas.draw()
    axes = drawn.axes[1 if name == "colour" else 0]
    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    return [one.label1.get_text() for one in axis.get_major_ticks() if low <= one.get_loc() <= high]


def test_counted_things_have_no_fractions_on_their_axes() -> None:
    one = Series("a", "a", (3.0, 4.0), (0.5, 0.6), lo=(0.0, 1.0), kind="scatter")
    given = {"colour": "trial", "wholes": frozenset({"x", "colour"})}
    chart = Chart("c", "t", "x", "y", (one,), **given)
    assert ticks(chart) == ["3", "4"] and ticks(chart, "colour") == ["0", "1"]


@pytest.mark.parametrize("x", [(0.003, 0.0045), (0.003, 0.02), (1e-6, 1e-2)])
def test_a_log_axis_has_a_few_ticks_however_short_it_is(x) -> None:
    one = Series("a", "a", x, (0.5, 0.6), lo=(0.0, 1.0), kind="scatter")
    found = ticks(Chart("c", "t", "x", "y", (one,), logs=frozenset({"x"}), half=True))
    assert 2 <= len(found) <= 6, found


def test_a_lone_series_over_its_field_needs_no_legend(charts) -> None:
    assert layout.keyed(charts["tuning_contour_lr_dropout"]) == []


def test_a_long_title_is_broken_before_the_edge() -> None:
    title = "Contour: network.layers and network.sparsity.beta"
    one = Series("a", "a", (1.0,), (1.0,), kind="scatter")
    drawn = draw.figure(Chart("c", title, "x", "y", (one,), half=True))
    lines = [text for text in drawn.texts if text.get_weight() == "bold"]
    assert len(lines) == 2
    for line in lines:
        assert line.get_window_extent().x1 <= drawn.bbox.x1


def test_two_charts_fit_beside_each_other(charts) -> None:
    assert layout.frame(charts["tuning_slice_training_lr"], False).width == layout.HALF


def test_equal_scores_have_colours_too() -> None:
    one = Series("a", "a", (0.0, 1.0), (0.5, 0.5), lo=(0.5, 0.5), kind="scatter")
    assert draw.svg(Chart("c", "t", "x", "y", (one,), colour="AUROC"))


def test_hexagons_of_a_grid_touch_and_others_keep_their_size() -> None:
    steps = [(a, b, 10 - a - b) for a in range(11) for b in range(11 - a)]
    random = np.random.default_rng(0).dirichlet([1, 1, 1], 60)
    for weights, side in ((np.array(steps) / 10, 0.1), (random, DOT)):
        x, y = flat(weights).T
        one = Series("a", "a", tuple(x), tuple(y), lo=tuple(x), kind="ternary")
        assert spacing(one) == pytest.approx(side)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "pie"}, "kind 'pie' found, one of"),
        ({"series": [{"name": "a", "x": [1, 2], "y": [1]}]}, r"columns of \[1, 2\]"),
        ({"series": [{"name": "a", "x": [1], "y": [1], "style": "dash"}]}, "style 'dash'"),
    ],
)
def test_bad_descriptions_are_named(change, words) -> None:
    with pytest.raises(ValueError, match=words) as found:
        tuning_charts([made.pictures()[0] | change])
    assert "'history'" in str(found.value)


def test_no_importance_no_chart() -> None:
    empty = {"kind": "rows", "name": "importance", "title": "t", "rows": []}
    assert tuning_charts([empty]) == {}
