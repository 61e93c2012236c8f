"""Charts of a paper's own pipeline from their JSON: lines, bars and a triangle of three shares."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from osteon.reporting.figures.names import known
from osteon.reporting.figures.spec import Chart, Kind, Rule, Series, Values, number, numbers
from osteon.reporting.figures.style import LONG_CYCLE, Role
from osteon.reporting.figures.ternary import flat

LINE_ROLES: tuple[Role, ...] = ("headline", "reference", "control", "context")
MARK_ROLES: tuple[Role, ...] = ("reference", "printed", "control")
STYLES: dict[str, Kind] = {"line": "line", "points": "points", "step": "step"}
AIR = 1.12


def lines(one: Mapping[str, Any]) -> Chart:
    """Several series over one axis, with bands.

    Args:
        one: name, title, note, x, y, `series` of name, x, y, perhaps lo, hi, text, style (line,
            points or step) and role; perhaps x_labels (words at x = 0, 1, ...), x_range, y_range
            and `rules` of at, axis and name. At most four series without a role of their own.

    Raises:
        ValueError: a series' lists differ in length, a style is unknown, or series are too many.
    """
    series = []
    roles = _roles(one, LINE_ROLES)
    for given, role in zip(one["series"], roles, strict=True):
        style = str(given.get("style") or "line")
        if style not in STYLES:
            raise _wrong(one, f"style {style!r} found, one of {list(STYLES)} allowed")
        x = numbers(given["x"])
        y, lo, hi, text = _columns(one, given, len(x))
        name = str(given["name"])
        series.append(Series(name, _key(name), x, y, lo, hi, STYLES[style], role, text))
    labels = tuple(str(label) for label in one.get("x_labels") or ())
    span = one.get("x_range") or ((-0.4, len(labels) - 0.6) if labels else None)
    return _chart(one, series, x_labels=labels, x_range=_span(span))


def bars(one: Mapping[str, Any]) -> Chart:
    """Bars beside each other in named groups, with intervals.

    Args:
        one: name, title, note, x, y, x_labels (names of the groups), `series` of name (that of a
            learner is put in print) and y (one a group, null for none), perhaps lo, hi and text;
            perhaps y_range and `rules`. At most eight series.

    Raises:
        ValueError: a series has not one value a group, or series are too many.
    """
    labels = tuple(str(label) for label in one["x_labels"])
    count = len(one["series"])
    if not labels or not count:
        raise _wrong(one, f"{len(labels)} group(s) of {count} series found, one of each needed")
    width = 0.8 / max(count, 2)
    series, highest = [], 0.0
    for place, (given, role) in enumerate(zip(one["series"], _roles(one, LONG_CYCLE), strict=True)):
        y, lo, hi, text = _columns(one, given, len(labels))
        shift = (place - (count - 1) / 2) * width
        x = tuple(group + shift for group in range(len(labels)))
        name = known(str(given["name"])) or str(given["name"])
        series.append(
            Series(name, _key(name), x, y, lo, hi, "bars", role, text, width=0.92 * width)
        )
        found = np.array([*y, *(hi or ())])
        highest = max([highest, *found[np.isfinite(found)].tolist()])
    span = one.get("y_range") or (0.0, AIR * highest or 1.0)
    frame = (-0.6, len(labels) - 0.4)
    return _chart({**one, "y_range": span}, series, x_labels=labels, x_range=frame)


def ternary(one: Mapping[str, Any]) -> Chart:
    """Points in a triangle of three shares, coloured by a value, some of them marked.

    Args:
        one: name, title, note, `corners` (names of the left, right and upper one), `points` (three
            weights each, any sum), `values` (one a point, null for none), `value` (what the colours
            mean), perhaps `text` (one a point) and `marks` of name, at (three weights) and detail.

    Raises:
        ValueError: not three corners, not one value a point, no point, or weights that are none.
    """
    points, values = list(one["points"]), [number(value) for value in one["values"]]
    corners = tuple(str(name) for name in one["corners"])
    if len(corners) != 3 or not points or len(points) != len(values):
        raise _wrong(
            one,
            f"{len(corners)} corners, {len(points)} points and {len(values)} values found, three "
            "corners and one value a point needed",
        )
    words = tuple(str(text) for text in one.get("text") or ())
    if words and len(words) != len(points):
        raise _wrong(one, f"{len(words)} texts of {len(points)} points found, one each needed")
    x, y = flat(np.asarray(points, dtype=np.float64)).T
    cells = Series(
        str(one.get("value") or "value"), "value", tuple(x), tuple(y), lo=tuple(values),
        kind="ternary", text=words, thin=True,
    )  # fmt: skip
    marks = []
    for mark, role in zip(one.get("marks") or (), MARK_ROLES, strict=False):
        (at,) = flat(np.asarray([mark["at"]], dtype=np.float64))
        name, detail = str(mark["name"]), str(mark.get("detail") or "")
        marks.append(
            Series(name, _key(name), (float(at[0]),), (float(at[1]),), kind="points", role=role,
                   text=(f"{name}; {detail}" if detail else name,), detail=detail)
        )  # fmt: skip
    return _chart(one, [cells, *marks], corners=corners, colour=str(one.get("value") or ""))


KINDS = {"lines": lines, "bars": bars, "ternary": ternary}
"""`kind` of a description → what makes its chart; `cells` are in `grid_charts`."""


def _chart(one: Mapping[str, Any], series: Sequence[Series], **more: Any) -> Chart:
    """The parts that all kinds share."""
    rules = tuple(
        Rule(float(rule["at"]), rule.get("axis") or "y", str(rule.get("name") or ""))
        for rule in one.get("rules") or ()
    )
    return Chart(
        str(one["name"]),
        str(one["title"]),
        str(one.get("x") or ""),
        str(one.get("y") or ""),
        tuple(series),
        y_range=_span(one.get("y_range")),
        note=str(one.get("note") or ""),
        rules=rules,
        **more,
    )


def _roles(one: Mapping[str, Any], cycle: tuple[Role, ...]) -> list[Role]:
    """The looks of the series: their own, or one each out of a cycle."""
    free = [given for given in one["series"] if not given.get("role")]
    if len(free) > len(cycle):
        raise _wrong(one, f"{len(free)} series found, {len(cycle)} can be told apart")
    rest = iter(cycle)
    return [given.get("role") or next(rest) for given in one["series"]]


def _columns(
    one: Mapping[str, Any], given: Mapping[str, Any], count: int
) -> tuple[Values, Values | None, Values | None, tuple[str, ...]]:
    """y, lo, hi and text of a series, each as long as its places."""
    found = {key: numbers(given[key]) for key in ("y", "lo", "hi") if given.get(key) is not None}
    text = tuple(str(word) for word in given.get("text") or ())
    lengths = {key: len(values) for key, values in found.items()} | (
        {"text": len(text)} if text else {}
    )
    if any(length != count for length in lengths.values()):
        raise _wrong(one, f"series {given['name']!r} has {lengths} values, {count} needed of each")
    return found["y"], found.get("lo"), found.get("hi"), text


def _span(ends: Any) -> tuple[float, float] | None:
    return None if ends is None else (float(ends[0]), float(ends[1]))


def _key(name: str) -> str:
    return name.lower().replace(" ", "_")


def _wrong(one: Mapping[str, Any], what: str) -> ValueError:
    return ValueError(f"paper_figures: {one['name']!r}: {what}")
