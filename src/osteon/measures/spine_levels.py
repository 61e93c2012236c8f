"""Vertebral levels in what was typed of a patient: `L3`, `T2+T3`, `Th12`, `L3-L5`."""

import re
from collections.abc import Callable

import pandas as pd

from osteon.measures.locations import ORDER
from osteon.measures.subgroups import OTHERS, UNKNOWN

COUNTS = {"C": 7, "T": 12, "L": 5, "S": 5}
SPINE = tuple(f"{part}{number}" for part, most in COUNTS.items() for number in range(1, most + 1))
"""All levels from the head down; the coccyx is none of them."""
REGIONS = dict(zip(COUNTS, ORDER, strict=True))
HARD: dict[str, tuple[str, ...]] = {"T1 to T3": ("T1", "T2", "T3"), "L5": ("L5",)}
"""Where the PENN paper says that its outlines are worse: beside the ribs, and at the last level."""
REST = "other levels"
_LEVEL = r"(C|TH|T|L|S)\s*(\d{1,2})"
_RANGE = re.compile(rf"{_LEVEL}\s*(?:-|–|TO)\s*(C|TH|T|L|S)?\s*(\d{{1,2}})(?!\d)")
_ONE = re.compile(rf"(?<![A-Z]){_LEVEL}(?!\d)")


def levels_in(text: str | None) -> tuple[str, ...]:
    """The levels that a text names, from the head down.

    Args:
        text: as typed; several in any order, ranges with a hyphen, `Th` for `T`; what is no level
            of seven cervical, twelve thoracic, five lumbar and five sacral ones is passed over.

    Returns:
        names out of `SPINE`, each once; empty where none is named.
    """
    if not isinstance(text, str):
        return ()
    rest, found = text.upper(), set()
    for match in _RANGE.finditer(rest):
        part, number, other, last = match.groups()
        ends = [_named(part, number), _named(other or part, last)]
        if all(end in SPINE for end in ends):
            first, second = sorted(SPINE.index(end) for end in ends)
            found |= set(SPINE[first : second + 1])
    found |= {_named(*match.groups()) for match in _ONE.finditer(rest)}
    return tuple(level for level in SPINE if level in found)


def _named(part: str, number: str) -> str:
    return f"{part[0]}{int(number)}"


def level_groups(patients: pd.DataFrame) -> pd.DataFrame:
    """One row a patient and level; a patient counts once at every level that is named.

    Args:
        patients: patient_id and location; further rows of a patient repeat the same.

    Returns:
        patient_id, stratum: a level; the region by name where only that was typed; `all others` for
        other words, `not recorded` for none.
    """
    return _grouped(patients, _of_level)


def hard_groups(patients: pd.DataFrame) -> pd.DataFrame:
    """One row a patient and group of `HARD`; `other levels` for those with no such level.

    Args:
        patients: as for `level_groups`.

    Returns:
        patient_id, stratum; patients of whom no level is known are `not recorded`.
    """
    return _grouped(patients, _of_hard)


def _grouped(
    patients: pd.DataFrame, naming: Callable[[str | None], tuple[str, ...]]
) -> pd.DataFrame:
    once = patients.drop_duplicates("patient_id")
    texts = once["location"] if "location" in once else pd.Series(None, once.index, object)
    rows = [
        (str(patient), stratum)
        for patient, text in zip(once["patient_id"], texts, strict=True)
        for stratum in naming(text)
    ]
    return pd.DataFrame(rows, columns=["patient_id", "stratum"])


def _of_level(text: str | None) -> tuple[str, ...]:
    if levels := levels_in(text):
        return levels
    if not isinstance(text, str) or not text.strip():
        return (UNKNOWN,)
    words = text.lower()
    return tuple(region for region in ORDER if region in words) or (OTHERS,)


def _of_hard(text: str | None) -> tuple[str, ...]:
    levels = levels_in(text)
    if not levels:
        return (UNKNOWN,)
    found = [name for name, group in HARD.items() if set(group) & set(levels)]
    return tuple(found) or (REST,)


LEVEL_ORDER = (*SPINE, *ORDER, OTHERS, UNKNOWN)
"""The order to print the strata of `level_groups` in."""
HARD_ORDER = (*HARD, REST, UNKNOWN)
"""The same of `hard_groups`."""
