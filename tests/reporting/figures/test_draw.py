"""Pictures of charts: repeatable, readable without colour, without traces in matplotlib's state."""

import io
import re
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from osteon.reporting.figures import draw, layout
from osteon.reporting.figures.charts import Chart, Series, build_charts
from osteon.reporting.figures.style import LOOKS
from tests.reporting import chart_samples as made

LEARNERS = [*made.names(("resnet18", "resnet50")), "resnet34_all"]


def build(learners: list[str]) -> dict[str, Chart]:
    return build_charts(
        made.metrics(learners),
        made.curves(learners),
        made.comparison(learners),
        made.histories(learners),
        made.explanations(),
        made.printed(),
        made.predictions(learners),
    )


@pytest.fixture(scope="module")
def charts() -> dict[str, Chart]:
    return build(made.names())


@pytest.fixture(scope="module")
def drawings(charts) -> dict[str, str]:
    return {name: draw.svg(chart) for name, chart in charts.items()}


def ids(text: str) -> list[str]:
    return re.findall(r'\bid="([^"]*)"', text)


def test_svg_is_one_element_without_header_date_or_foreign_styles(drawings) -> None:
    for text in drawings.values():
        root = ElementTree.fromstring(text)
        assert text.startswith("<svg") and root.attrib["role"] == "img"
        for word in ("<?xml", "DOCTYPE", "<metadata", "<style", "<!--", "dc:date", "DejaVu"):
            assert word not in text


def test_svg_says_its_name_and_what_it_shows(charts, drawings) -> None:
    space = "{http://www.w3.org/2000/svg}"
    for name, text in drawings.items():
        first, second = list(ElementTree.fromstring(text))[:2]
        assert (first.tag, first.text) == (f"{space}title", charts[name].title)
        assert second.tag == f"{space}desc" and charts[name].x in second.text


def test_svg_is_the_same_each_time(charts, drawings) -> None:
    for name in ("roc", "bars", "confusion"):
        assert draw.svg(charts[name]) == drawings[name]


def test_no_two_drawings_of_a_page_share_an_id(drawings) -> None:
    found = [one for text in drawings.values() for one in ids(text)]
    assert len(found) == len(set(found))


def test_every_reference_inside_a_drawing_has_its_target(drawings) -> None:
    for text in drawings.values():
        wanted = re.findall(r'(?:href="#|url\(#)([^")]*)', text)
        assert wanted and set(wanted) <= set(ids(text))


def test_text_stays_text(drawings) -> None:
    assert ">Sensitivity</text>" in drawings["roc"]
    assert ">clinical only: ALP + LDH</text>" in drawings["roc"]


def test_every_series_is_a_named_group(charts, drawings) -> None:
    for name, chart in charts.items():
        marked = re.findall(r'class="series" data-series="([^"]*)"', drawings[name])
        drawn = {one.key for one in chart.series if np.isfinite(one.x).any()}
        assert drawn <= set(marked), name
        assert draw.MARK not in drawings[name]


def test_names_with_signs_of_markup_are_escaped() -> None:
    series = Series('a<b & "c"', 'k<"&', (0.0, 1.0), (0.0, 1.0), role="headline")
    chart = Chart("odd", "1 < 2 & 3 $x_1$", "x & y", "y", (series,))
    root = ElementTree.fromstring(draw.svg(chart))
    group = next(one for one in root.iter() if one.attrib.get("class") == "series")
    assert group.attrib["data-series"] == 'k<"&'
    assert group.attrib["data-label"] == 'a<b & "c"'


def test_seventeen_learners_fit_in_150_kb_a_drawing() -> None:
    for name, chart in build(LEARNERS).items():
        assert len(draw.svg(chart).encode()) < 150_000, name


def test_one_learner_draws_every_chart() -> None:
    for chart in build(LEARNERS[:1]).values():
        draw.svg(chart)


def test_a_chart_without_series_says_that_there_are_no_data() -> None:
    assert ">no data</text>" in draw.svg(Chart("none", "None", "", "", ()))


def test_figures_leave_no_trace_in_the_settings(charts) -> None:
    before = dict(matplotlib.rcParams)
    draw.svg(charts["roc"])
    draw.figure(charts["bars"])
    assert dict(matplotlib.rcParams) == before


def test_settings_of_the_caller_do_not_change_a_drawing(charts, drawings) -> None:
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert draw.svg(charts["roc"]) == drawings["roc"]


def test_pyplot_is_not_loaded() -> None:
    code = (
        "import sys; from osteon.reporting.figures import draw;"
        "from osteon.reporting.figures.charts import Chart;"
        "light = 'matplotlib' not in sys.modules; draw.svg(Chart('a', 'a', '', '', ()));"
        "print(light, 'matplotlib.pyplot' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["True", "False"]


def test_roc_is_square_and_nothing_lies_over_the_curves(charts) -> None:
    drawn = draw.figure(charts["roc"])
    (axes,) = drawn.axes
    drawn.canvas.draw()
    box = axes.get_window_extent()
    assert box.width == pytest.approx(box.height)
    assert axes.get_legend().get_window_extent().x0 >= box.x1


@pytest.mark.parametrize("learners", [made.names(), LEARNERS], ids=["8", "17"])
def test_words_stay_inside_the_picture_and_legends_off_the_axes(learners) -> None:
    for name, chart in build(learners).items():
        drawn = draw.figure(chart)
        drawn.canvas.draw()
        (axes,) = drawn.axes
        outer, inner = drawn.bbox, axes.get_window_extent()
        words = [*drawn.texts, *axes.texts, axes.xaxis.label, axes.yaxis.label]
        legend = axes.get_legend()
        if legend is not None:
            box = legend.get_window_extent()
            assert box.x0 >= inner.x1 - 1 or box.y0 >= inner.y1 - 1, name
            words += legend.get_texts()
        words += axes.get_xticklabels() if chart.x_labels else []
        for text in words:
            if not text.get_text():
                continue
            box = text.get_window_extent()
            inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= outer.x1 + 1
            assert inside and box.y1 <= outer.y1 + 1, (name, text.get_text())


def test_intervals_that_do_not_hold_the_value_are_drawn() -> None:
    series = Series("a", "a", (0.5,), (0.0,), (0.6,), (0.7,), "points", "headline")
    text = draw.svg(Chart("odd", "", "x", "", (series,), y_labels=("a",)))
    assert text.count('data-series="a"') == 2


def test_undefined_intervals_and_values_are_left_out() -> None:
    nan = float("nan")
    bars = Series("a", "a", (0.0, 1.0), (0.5, nan), (nan, nan), (nan, nan), "bars", "first")
    text = draw.svg(Chart("odd", "", "", "y", (bars,), x_labels=("p", "q")))
    assert "interval" not in text and "nan" not in text.lower()


def test_those_in_front_differ_without_colour() -> None:
    front = [LOOKS[role] for role in ("headline", "reference", "control")]
    assert len({str(look.line) for look in front}) == len({look.marker for look in front}) == 3
    luminance = [
        np.dot([int(LOOKS[role].face[at : at + 2], 16) for at in (1, 3, 5)], [0.21, 0.72, 0.07])
        for role in ("first", "second", "third", "fourth")
    ]
    assert (np.diff(luminance) > 20).all()


def test_slanted_labels_of_many_bars_stay_inside() -> None:
    names = tuple(f"a learner of a long name {place}" for place in range(17))
    bars = Series("a", "a", tuple(map(float, range(17))), (0.5,) * 17, None, None, "bars", "first")
    drawn = draw.figure(Chart("many", "", "", "y", (bars,), (-0.6, 16.6), x_labels=names))
    drawn.canvas.draw()
    boxes = [text.get_window_extent() for text in drawn.axes[0].get_xticklabels()]
    assert min(box.x0 for box in boxes) >= 0 and min(box.y0 for box in boxes) >= 0


def test_a_long_title_and_note_are_broken_into_lines() -> None:
    chart = Chart("long", "word " * 40, "x", "y", (), note="word " * 60)
    frame = layout.frame(chart, heading=True)
    assert len(frame.title) > 1 and len(frame.note) > 1


def test_png_is_1280_pixels_wide(charts) -> None:
    buffer = io.BytesIO()
    draw.figure(charts["roc"]).savefig(buffer, format="png")
    assert int.from_bytes(buffer.getvalue()[16:20], "big") == 1280


def test_contact_sheet_shows_each_tile_as_it_is() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    colour = np.dstack([grey, grey, grey])
    cases = [
        {"caption": "case 1", "tiles": [("original", grey), ("all inputs", colour)]},
        {"caption": "case 2", "tiles": [("original", grey)]},
    ]
    sheet = draw.contact_sheet(cases, "Right")
    images = [axes.images[0] for axes in sheet.axes]
    assert len(images) == 3
    assert (images[0].get_clim()) == (0, 255)  # no stretching of contrast tile by tile
    assert np.array_equal(images[1].get_array(), colour)
    words = {text.get_text() for text in sheet.texts}
    assert {"Right", "case 1", "case 2", "original", "all inputs"} <= words


def test_names_of_narrow_tiles_do_not_run_into_each_other() -> None:
    tile = ("integrated gradients, all inputs", np.zeros((9, 7), dtype=np.uint8))
    sheet = draw.contact_sheet([{"caption": "case", "tiles": [tile] * 6}] * 2, "Right")
    sheet.canvas.draw()
    boxes = [text.get_window_extent() for text in sheet.texts if "integ" in text.get_text()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes[:6]))
    assert min(box.y0 for box in boxes) >= 0


def test_contact_sheet_without_a_case_says_so() -> None:
    sheet = draw.contact_sheet([], "Worst")
    assert any("No case" in text.get_text() for text in sheet.texts)


def test_contact_sheet_refuses_what_is_no_picture() -> None:
    with pytest.raises(ValueError, match="one without a tile found"):
        draw.contact_sheet([{"caption": "a", "tiles": []}], "empty")
    with pytest.raises(ValueError, match=r"tile 'x' of shape \(4,\) found"):
        draw.contact_sheet([{"caption": "a", "tiles": [("x", np.zeros(4))]}], "flat")
