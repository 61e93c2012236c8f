"""A chart as SVG to stand in a page with others: repeatable, small, its series named."""

import io
import re
from xml.sax.saxutils import escape, quoteattr

from osteon.reporting.figures import draw, layout
from osteon.reporting.figures.spec import Chart, Series
from osteon.reporting.figures.style import CSS_FAMILY, settings

POINTS = 100 / 72
"""Pixels a point: a figure of 6.4 inches is 640 pixels wide."""


def inline(chart: Chart, heading: bool = False) -> str:
    """The chart as one `<svg>` element, the same bytes each time.

    Ids begin with the chart's name, so that charts do not clash on a page. Each drawn part of a
    series is a `<g class="series" data-series="..." data-role="...">` with a `<title>`.

    Args:
        heading: draw title and note as text; they are always in `<title>` and `<desc>`.
    """
    from matplotlib import style

    with style.context(["default", settings(chart.name)]):
        buffer = io.StringIO()
        drawn = draw.figure(chart, heading)
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        drawn.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    body = text[text.index(">", text.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;\"]*; ", "", body)
    body = re.sub(r' transform="rotate\(-?0 [^"]*"', "", body)
    body = re.sub(rf'<g id="{draw.MARK}(\d+)~(\w+)">', lambda found: _group(chart, found), body)
    body = _prefixed(body, chart.name)
    return _opening(chart, heading) + re.sub(r"\n\s*", "\n", body).strip() + "\n"


def _opening(chart: Chart, heading: bool) -> str:
    """The element's start, its name and its description."""
    frame = layout.frame(chart, heading)
    width, height = frame.width * 72, frame.height * 72
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'class="drawn" role="img" font-family="{CSS_FAMILY}" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width * POINTS:.0f}" '
        f'height="{height * POINTS:.0f}" style="max-width: 100%; height: auto" '
        f'stroke-linejoin="round" stroke-linecap="butt">\n'
        f"<title>{escape(chart.title)}</title>\n"
        f"<desc>{escape(_described(chart))}</desc>\n"
    )


def _described(chart: Chart) -> str:
    names = "; ".join(layout.entry(one) for one in chart.series if not one.thin)
    axes = " against ".join(words for words in (chart.y, chart.x) if words)
    return f"{axes}: {names}. {chart.note}".strip()


def _group(chart: Chart, found: re.Match[str]) -> str:
    """The start of one part of a series, with the words shown on hovering."""
    series = chart.series[int(found[1])]
    words = layout.entry(series)
    part = re.fullmatch(r"(?:bar|cell)(\d+)", found[2])
    if part and series.text:
        words = f"{words}: {series.text[int(part[1])]}"
    elif len(series.text) == 1:
        words = f"{words}: {series.text[0]}"
    words = words.replace("<br>", ", ").replace("\n", ", ")
    return (
        f'<g id="series-{found[1]}-{found[2]}" class="series" '
        f"data-series={quoteattr(series.key)} data-role={quoteattr(series.role)} "
        f"data-label={quoteattr(_label(chart, series))}>"
        f"<title>{escape(words)}</title>"
    )


def _label(chart: Chart, series: Series) -> str:
    """What to call all series of one key: the name of the first that is not thin."""
    named = [one.name for one in chart.series if one.key == series.key and not one.thin]
    return named[0] if named else series.name


def _prefixed(body: str, name: str) -> str:
    """Every id and every reference to one, with the chart's name before it."""
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = body.replace('href="#', f'href="#{name}-')
    return body.replace("url(#", f"url(#{name}-")
