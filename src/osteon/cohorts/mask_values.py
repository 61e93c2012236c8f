"""Which class a stored value of a label map stands for: `cohort.mask_classes` and `mask_values`.

Plain Python, because the configuration is checked with it before anything heavy is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from osteon.cohorts.errors import listed, suggestion

VALUES = 256
"""A label map holds whole numbers 0..255, see `imaging.masks`."""
UNKNOWN = -1
WORDS = re.compile(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", re.ASCII)


def mask_table(classes: Sequence[str], values: Mapping[str, str | None]) -> tuple[int, ...]:
    """The class of every stored value.

    A value that `values` does not name is the index of a class already, or unknown.

    Args:
        classes: names of the classes, index = value in the archive; the first is background.
        values: stored value ("3") or range with both ends ("1-9") -> class; None: background.

    Returns:
        256 indices into `classes`, `UNKNOWN` where nobody names the value; () without classes.

    Raises:
        ValueError: naming mask_classes or mask_values, what was found and what is allowed.
    """
    _check_classes(classes, values)
    if not classes:
        return ()
    table = [value if value < len(classes) else UNKNOWN for value in range(VALUES)]
    named: dict[int, str] = {}
    for words, name in values.items():
        index = _index_of(words, name, classes)
        for value in stored_values(words):
            if value in named:
                raise ValueError(f"mask_values names {value} twice: '{named[value]}' and '{words}'")
            named[value] = words
            table[value] = index
    if table[0] != 0:
        raise ValueError(
            f"mask_values maps 0 to '{classes[table[0]]}': 0 is always '{classes[0]}', the first "
            "of mask_classes"
        )
    return tuple(table)


def stored_values(words: str) -> range:
    """The values that a key of `mask_values` means: "3" or, with both ends, "1-9".

    Raises:
        ValueError: neither, or beyond 0..255.
    """
    found = WORDS.fullmatch(words)
    low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if low > high or high >= VALUES:
        raise ValueError(
            f"mask_values has the key '{words}'; allowed: a whole number 0..{VALUES - 1} or a "
            "rising range such as '1-9'"
        )
    return range(low, high + 1)


def _index_of(words: str, name: str | None, classes: Sequence[str]) -> int:
    if name is None:
        return 0
    if name not in classes:
        raise ValueError(
            f"mask_values maps '{words}' to '{name}', which is not one of mask_classes "
            f"{listed(classes)}{suggestion(name, classes)}; null is background"
        )
    return list(classes).index(name)


def _check_classes(classes: Sequence[str], values: Mapping[str, str | None]) -> None:
    if values and not classes:
        raise ValueError("mask_values is given and mask_classes is empty: name the classes first")
    if not classes:
        return
    if not 2 <= len(classes) <= VALUES or len(set(classes)) != len(classes) or not all(classes):
        raise ValueError(
            f"mask_classes is {listed(classes)}: give 2 to {VALUES} different, non-empty names, "
            "the background first"
        )
