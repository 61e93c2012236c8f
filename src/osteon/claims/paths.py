"""Paths into a run's nested results: `metrics/learners/resnet50_*/image/at_0.5/accuracy`.

Parts are separated by `/`, because keys such as `at_0.5` hold dots. A part may be a shell pattern
over keys (`*` also walks a list) or, in a list of mappings, conditions `key=value&key=value`.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any


def look(tree: Any, path: str) -> list[tuple[str, Any]]:
    """All things found at a path, each with the path it was found at; empty if there are none."""
    found: list[tuple[str, Any]] = [("", tree)]
    for part in path.split("/"):
        found = [
            (f"{where}/{name}".lstrip("/"), value)
            for where, here in found
            for name, value in _step(here, part)
        ]
    return found


def _step(here: Any, part: str) -> Iterator[tuple[str, Any]]:
    if isinstance(here, Mapping):
        yield from ((name, value) for name, value in here.items() if fnmatchcase(str(name), part))
    elif isinstance(here, Sequence) and not isinstance(here, str):
        yield from ((str(index), one) for index, one in enumerate(here) if _fits(one, part))


def _fits(one: Any, part: str) -> bool:
    if part == "*":
        return True
    if not isinstance(one, Mapping) or "=" not in part:
        return False
    wanted = dict(condition.split("=", 1) for condition in part.split("&"))
    return all(str(one.get(key)) == value for key, value in wanted.items())


def distinct(values: Sequence[Any]) -> list[Any]:
    """The different ones among some JSON values, in order of appearance."""
    seen: list[Any] = []
    for value in values:
        if value not in seen:
            seen.append(value)
    return seen
