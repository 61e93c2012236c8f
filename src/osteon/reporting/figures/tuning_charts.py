"""Charts of a study from their JSON: trials as points, importance as rows, weights of three."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from osteon.reporting.figures.paper_charts import ternary
from osteon.reporting.figures.spec import (
    Chart,
    Kind,
    Row,
    Rule,
    Series,
    Values,
    forest,
    number,
    numbers,
)

NAME = "tuning_"
"""How the names of a study's charts begin."""
STYLES: dict[str, Kind] = {"scatter": "scatter", "line": "line", "field": "field"}


def tuning_charts(pictures: Sequence[Mapping[str, Any]]) -> dict[str, Chart]:
    """Charts by name, in the order of a report.

    Args:
        pictures: descriptions as `osteon.pipelines.tuning.figures` makes them; `kind` is
            `scatter`, `rows` or `ternary`.

    Raises:
        ValueError: an unknown kind or style, or columns of different lengths.
    """
    charts = [_chart(one) for one in pictures]
    return {chart.name: chart for chart in charts if chart is not None}


def scatter(one: Mapping[str, Any]) -> Chart:
    """Trials over one or two parameters.

    Args:
        one: name, title, note, x, y, `series` of name, x, y, role, style (scatter, line or field)
            and perhaps value (colours), text and thin; perhaps x_labels, logs (of x and y), wholes
            (of x, y and colour), colour (what the colours mean), half, x_range and y_range and
            `rules` of at, axis and name.

    Raises:
        ValueError: a style is unknown, or columns of a series differ in length.
    """
    labels = tuple(str(label) for label in one.get("x_labels") or ())
    return Chart(
        f"{NAME}{one['name']}",
        str(one["title"]),
        str(one.get("x") or ""),
        str(one.get("y") or ""),
        tuple(_series(one, given) for given in one["series"]),
        x_range=_span(one.get("x_range") or ((-0.5, len(labels) - 0.5) if labels else None)),
        y_range=_span(one.get("y_range")),
        note=str(one.get("note") or ""),
        x_labels=labels,
        rules=tuple(
            Rule(float(rule["at"]), rule.get("axis") or "y", str(rule.get("name") or ""))
            for rule in one.get("rules") or ()
        ),
        colour=str(one.get("colour") or ""),
        logs=frozenset(one.get("logs") or ()),
        wholes=frozenset(one.get("wholes") or ()),
        half=bool(one.get("half")),
    )


def rows(one: Mapping[str, Any]) -> Chart | None:
    """One value a row, largest first; None without a row.

    Args:
        one: name, title, note, x, `rows` of label, value and text, `column` (what the texts are).
    """
    nan = float("nan")
    made = [
        Row(
            str(row["label"]), "value", number(row["value"]), nan, nan, (str(row["text"]),), "first"
        )
        for row in one["rows"]
    ]
    return forest(
        f"{NAME}{one['name']}",
        str(one["title"]),
        str(one.get("x") or ""),
        {"": made},
        (str(one.get("column") or ""),),
        (Rule(0.0, "x", ""),),
        limits=(-0.02, 1.0),
        note=str(one.get("note") or ""),
    )


def triangle(one: Mapping[str, Any]) -> Chart:
    """Trials by three weights, see `osteon.reporting.figures.paper_charts.ternary`."""
    return ternary({**one, "name": f"{NAME}{one['name']}"})


KINDS: dict[str, Callable[[Mapping[str, Any]], Chart | None]] = {
    "scatter": scatter,
    "rows": rows,
    "ternary": triangle,
}


def _chart(one: Mapping[str, Any]) -> Chart | None:
    if one.get("kind") not in KINDS:
        raise ValueError(
            f"tuning_pictures: {one.get('name')!r}: kind {one.get('kind')!r} found, one of "
            f"{list(KINDS)} allowed"
        )
    return KINDS[one["kind"]](one)


def _series(one: Mapping[str, Any], given: Mapping[str, Any]) -> Series:
    style = str(given.get("style") or "scatter")
    x, y = numbers(given["x"]), numbers(given["y"])
    value: Values | None = numbers(given["value"]) if given.get("value") else None
    text = tuple(str(words) for words in given.get("text") or ())
    lengths = {len(x), len(y), *((len(value),) if value else ()), *((len(text),) if text else ())}
    if style not in STYLES or len(lengths) != 1:
        raise ValueError(
            f"tuning_pictures: {one['name']!r}: style {style!r} and columns of {sorted(lengths)} "
            f"found, one of {list(STYLES)} and equal lengths needed"
        )
    name = str(given["name"])
    return Series(
        name, name.lower().replace(" ", "_"), x, y, lo=value, kind=STYLES[style],
        role=given.get("role") or "first", text=text, thin=bool(given.get("thin")),
    )  # fmt: skip


def _span(ends: Sequence[Any] | None) -> tuple[float, float] | None:
    return (float(ends[0]), float(ends[1])) if ends else None
