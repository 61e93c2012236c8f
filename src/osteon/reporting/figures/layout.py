"""Where the parts of a drawn figure lie, in inches, from the length of its words."""

import textwrap
from dataclasses import dataclass

from osteon.reporting.figures.spec import Chart, Series
from osteon.reporting.figures.style import LONG_CYCLE, WIDTH, Role

LETTER = 0.07
"""Generous width of a letter of 9 points, in inches."""
HEAVY = 0.09
"""The same of the title's bold letters."""
LINE = 0.185
ROW = 0.235
SIDE = 3.45
MATRIX = 2.5
LOWEST = 0.42
PLOT = 2.9
LONGEST = 34
HALF = 4.3
"""Width of a chart that stands beside another, in inches."""
SCALE = 0.85
"""Room of a colour scale beside the axes, with its numbers."""
TRIANGLE, HEIGHT = 3.3, 0.8660254
"""Height of a triangle of shares in inches; the height of one whose sides are 1."""


@dataclass(frozen=True)
class Frame:
    """Outer size and the margins of the axes, in inches; `legend` lines above the axes."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    title: tuple[str, ...]
    note: tuple[str, ...]
    columns: tuple[float, ...] = ()

    @property
    def axes(self) -> tuple[float, float, float, float]:
        """left, bottom, width and height as shares of the figure."""
        return (
            self.left / self.width,
            self.bottom / self.height,
            (self.width - self.left - self.right) / self.width,
            (self.height - self.top - self.bottom) / self.height,
        )


def frame(chart: Chart, heading: bool) -> Frame:
    """The places of a chart's parts.

    Args:
        heading: leave room for title and note.
    """
    if chart.matrix:
        left = 0.5 + LETTER * min(max(len(label) for label in chart.y_labels), 13)
        across, high = cell(chart, WIDTH - left - 0.2)
        right, inside = 0.2, high * len(chart.y_labels)
        width = left + 0.2 + across * len(chart.x_labels)
    elif chart.rows:
        left = 0.3 + max(
            LETTER * (1.1 if row in chart.headings else 1.0) * len(label)
            for row, label in enumerate(shortened(chart.y_labels))
        )
        right, inside, width = 0.2 + sum(column_widths(chart)), 0.0, WIDTH
        inside = ROW * len(chart.y_labels) + 0.1
    elif chart.triangle:
        left, inside, width = 0.62, TRIANGLE, WIDTH
        right = width - left - TRIANGLE / HEIGHT
    elif chart.square:
        left, inside, width = 0.62, SIDE, WIDTH
        right = width - left - SIDE
        if chart.inset:
            right, width = 0.15, left + SIDE + 0.15
    else:
        left, right, inside, width = 0.68, 0.15 + SCALE * bool(chart.colour), PLOT, WIDTH
        inside, width = (0.8 * PLOT, HALF) if chart.half else (inside, width)
        left = max(left, slant(chart, width - left - right))
    title = tuple(textwrap.wrap(chart.title, int(width / HEAVY))) if heading else ()
    note = tuple(textwrap.wrap(chart.note, int(width / 0.066))) if heading else ()
    top = 0.14 + 0.22 * len(title) + above(chart)
    top += 0.26 if chart.triangle else 0.0
    bottom = 0.24 + (0.24 if chart.x else 0.0) + 0.16 * len(note) + (0.06 if note else 0)
    bottom += 0.26 if chart.triangle else 0.0
    bottom += category_depth(chart, width - left - right)
    height = top + inside + bottom
    return Frame(width, height, left, right, top, bottom, title, note, column_widths(chart))


def above(chart: Chart) -> float:
    """Room over the axes for the legend and names."""
    return LINE * legend_lines(chart) + named(chart)


def named(chart: Chart) -> float:
    """Room over the axes for the names of columns and upright rules."""
    upright = any(rule.axis == "x" and rule.name for rule in chart.rules)
    return LINE if upright or chart.columns else 0.0


def legend_lines(chart: Chart) -> int:
    """Lines of the legend over the axes; none beside a square chart or where rows name all.

    The fewest whose columns, filled from the top, fit side by side.
    """
    widths = [0.5 + 0.9 * LETTER * len(name) for name in keyed(chart)]
    if chart.square or chart.triangle or not widths:
        return 0
    for lines in range(1, len(widths)):
        columns = [widths[start : start + lines] for start in range(0, len(widths), lines)]
        if sum(max(column) for column in columns) < WIDTH - 0.8:
            return lines
    return len(widths)


def keyed(chart: Chart) -> list[str]:
    """Names in the legend; empty where one is not needed."""
    own = [one for one in chart.series if one.kind != "field"]  # a scale tells its colours
    lone = not chart.diagonal and len(own) == 1 and not own[0].detail
    if chart.matrix or lone or (chart.rows and all(len(one.x) == 1 for one in chart.series)):
        return []
    names = [entry(one) for one in in_front(chart)]
    pale = [one for one in chart.series if not one.emphasis and not one.thin]
    if pale:
        names.append(pale[0].name if len(pale) == 1 else f"{len(pale)} other learners")
    return names


def in_front(chart: Chart) -> list[Series]:
    """Series with a legend entry of their own, the headline first."""
    rank: dict[Role, int] = {"headline": 0, "after": 1, "reference": 2, "control": 3}
    rank |= {role: 4 + place for place, role in enumerate(LONG_CYCLE)}
    rank |= {"printed": 20, "context": 21}
    shown = [one for one in chart.series if one.emphasis and not one.thin]
    return sorted(shown, key=lambda one: rank[one.role])


def entry(series: Series) -> str:
    """A name and, if there are any, the words beside it."""
    return f"{series.name}, {series.detail}" if series.detail else series.name


def shortened(labels: tuple[str, ...]) -> list[str]:
    """Labels of at most `LONGEST` letters."""
    return [label if len(label) <= LONGEST else label[: LONGEST - 1] + "…" for label in labels]


def column_widths(chart: Chart) -> tuple[float, ...]:
    """Width of each column of words, in inches."""
    return tuple(
        0.16 + 0.064 * max(len(words) for words in (column.title, *column.cells))
        for column in chart.columns
    )


def cell(chart: Chart, inside: float) -> tuple[float, float]:
    """Width and height of a matrix's cell; many columns share the width there is."""
    high = max(MATRIX / max(len(chart.y_labels), 2), LOWEST)
    return min(1.35 * high, inside / len(chart.x_labels)), high


def headed(chart: Chart, across: float) -> list[str]:
    """The names of a matrix's columns, in lines no wider than a cell."""
    letters = min(max(int(across / LETTER), 3), 20)
    return [textwrap.fill(label, letters) for label in chart.x_labels]


def slots(chart: Chart, inside: float) -> tuple[list[str], bool]:
    """Labels below the bars, broken into lines, or whole and slanted where words do not fit.

    A line break in a label is kept, where it is not slanted.
    """
    letters = max(int(inside / max(len(chart.x_labels), 1) / LETTER), 1)
    if max(len(word) for label in chart.x_labels for word in label.split()) > letters:
        whole = tuple(label.replace("\n", " ") for label in chart.x_labels)
        return shortened(whole), True
    broken = [
        [line for part in label.split("\n") for line in textwrap.wrap(part, letters)]
        for label in chart.x_labels
    ]
    return ["\n".join(lines) for lines in broken], False


def slant(chart: Chart, inside: float) -> float:
    """How far the first of slanted labels reaches to the left of the first group's middle."""
    if not chart.x_labels:
        return 0.0
    labels, slanted = slots(chart, inside)
    return 0.77 * LETTER * len(labels[0]) if slanted else 0.0


def category_depth(chart: Chart, inside: float) -> float:
    """Room below the axes for the labels of categories beyond their first line."""
    if not chart.x_labels:
        return 0.0
    if chart.matrix:
        lines = headed(chart, inside / len(chart.x_labels))
        return 0.16 * max(label.count("\n") for label in lines)
    labels, slanted = slots(chart, inside)
    if slanted:
        return 0.2 + 0.7 * LETTER * max(len(label) for label in labels)
    return 0.16 * max(label.count("\n") for label in labels)
