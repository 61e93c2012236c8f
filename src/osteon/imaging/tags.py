"""Reading single DICOM elements without trusting them: wrong or absent values become None or ""."""

import math
import re
from functools import cache
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

_NOT_CODE = re.compile(r"[^A-Z0-9 _]")
_NOT_MAKER = re.compile(r"[^A-Za-z0-9 .,_/()+-]")


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(keyword)


def value(dataset: Dataset, keyword: str) -> Any:
    """The element's value, or None when it is absent, empty or cannot be converted."""
    # By tag: pydicom's own look-up by keyword costs ten times as much for an absent element.
    tag = _tag(keyword)
    if tag not in dataset:
        return None
    try:
        return dataset[tag].value
    except Exception:  # conversion of a damaged element may fail in many ways
        return None


def text(dataset: Dataset, keyword: str) -> str:
    """The value as stripped text, the first of several; "" when there is none."""
    found = value(dataset, keyword)
    if found is None:
        return ""
    if not isinstance(found, str) and hasattr(found, "__len__") and hasattr(found, "__getitem__"):
        found = found[0] if len(found) else ""
    return str(found).strip(" \0\t\r\n")


def code(dataset: Dataset, keyword: str) -> str:
    """A code string (PS3.5 6.2, CS): capitals, digits, space, underscore; "" if it is not one.

    Free text that was typed into such a tag may name a person, so it is dropped, not cleaned.
    """
    found = text(dataset, keyword).upper()
    return "" if len(found) > 16 or _NOT_CODE.search(found) else found


def codes(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values of a multi-valued code string in capitals; they are compared, never kept."""
    found = value(dataset, keyword)
    if found is None:
        return ()
    parts = [found] if isinstance(found, str) or not hasattr(found, "__iter__") else list(found)
    return tuple(text for part in parts if (text := str(part).strip(" \0").upper()))


def listed(dataset: Dataset, keyword: str, allowed: frozenset[str]) -> str:
    """A code string that is one of the allowed terms; "" otherwise, so that no name slips in."""
    found = code(dataset, keyword)
    return found if found in allowed else ""


def maker(dataset: Dataset, keyword: str) -> str:
    """Manufacturer or model name: printable ASCII, at most 64 characters."""
    return _NOT_MAKER.sub("", text(dataset, keyword))[:64].strip()


def numbers(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly `count` finite numbers, or None."""
    found = value(dataset, keyword)
    if found is None:
        return None
    items = found if isinstance(found, list | tuple) or hasattr(found, "__iter__") else [found]
    try:
        values = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first number of an element, or None."""
    found = value(dataset, keyword)
    if isinstance(found, list | tuple) or (
        hasattr(found, "__iter__") and not isinstance(found, str)
    ):
        found = next(iter(found), None)
    try:
        result = float(found)
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """The value as an integer, or None."""
    found = number(dataset, keyword)
    return None if found is None else int(found)


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; an empty list when it is absent or damaged."""
    found = value(dataset, keyword)
    try:
        return [item for item in found if isinstance(item, Dataset)] if found else []
    except Exception:  # lazily parsed items may fail here
        return []
