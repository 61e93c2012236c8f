"""Which column of a user's table is which of ours, and what its cells mean.

Every check adds to the table's `Problems` and goes on, so that all of them are reported together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from osteon.cohorts.cells import Cells
from osteon.cohorts.config import SEQUENCES, CohortConfig
from osteon.cohorts.errors import CohortError, Problems, listed, suggestion

SEXES = ("F", "M", "unknown")
SPLITS = ("train", "test")
MAX_AGE = 120.0
MAX_TEXT = 64
# A date, a telephone or a record number: a word for a site or a view needs no six digits.
IDENTIFYING = re.compile(r"\d{6}|\d[./-]\d{1,2}[./-]\d|@")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,(\d{1,2}|\d{4,})")


def resolve_columns(
    cells: Cells,
    config: CohortConfig,
    allowed: Iterable[str],
    required: Iterable[str],
    elsewhere: Iterable[str] = (),
) -> dict[str, int]:
    """Return the position of each of our columns in a table's header.

    Args:
        cells: the table.
        config: `columns` renames ours to the user's; where the user's name is not in this table
            but in the other one, our own name is looked for.
        allowed: our columns that this table may have.
        required: our columns that it must have.
        elsewhere: header of the cohort's other table.

    Raises:
        CohortError: a column is missing or unknown; the message names file, found and allowed.
    """
    allowed, elsewhere = tuple(allowed), tuple(elsewhere)
    positions: dict[str, int] = {}
    wanted = {}
    for name in allowed:
        theirs = config.columns.get(name, name)
        if theirs not in cells.header and theirs in elsewhere:
            theirs = name
        wanted[name] = theirs
        if theirs in cells.header:
            positions[name] = cells.header.index(theirs)
    missing = [name for name in required if name not in positions]
    if missing:
        raise CohortError(_missing(cells, wanted, missing, bool(positions)))
    if config.extra_columns == "error":
        _check_extra(cells, wanted)
    return positions


def _missing(cells: Cells, wanted: dict[str, str], missing: list[str], any_known: bool) -> str:
    if not any_known:
        # The first row may be a patient: print none of it.
        return (
            f"{cells.file}: row 1 holds none of the expected columns {listed(wanted.values())}; "
            "is there a header row, and are cells separated by comma or semicolon?"
        )
    lines = [f"  no column '{wanted[name]}'{_for(name, wanted)}" for name in missing]
    hints = [suggestion(wanted[name], cells.header) for name in missing]
    body = "\n".join(line + hint for line, hint in zip(lines, hints, strict=True))
    return (
        f"{cells.file}: {len(missing)} missing column(s)\n{body}\n  found: {listed(cells.header)}\n"
        "  map your names in cohort.columns, as in {patient_id: case}"
    )


def _for(name: str, wanted: dict[str, str]) -> str:
    return "" if wanted[name] == name else f" (cohort.columns: {name})"


def _check_extra(cells: Cells, wanted: dict[str, str]) -> None:
    known = set(wanted.values())
    extra = [(i, name) for i, name in enumerate(cells.header, start=1) if name not in known]
    if not extra:
        return
    lines = [
        f"  column {i}, '{name}'{suggestion(name, sorted(known))}"
        if name
        else f"  column {i}: no name"
        for i, name in extra
    ]
    raise CohortError(
        f"{cells.file}: {len(extra)} unknown column(s)\n"
        + "\n".join(lines)
        + f"\n  allowed: {listed(wanted.values())}\n"
        "  map them in cohort.columns, or set cohort.extra_columns: ignore to leave them unread"
    )


class RowReader:
    """Reads one row's cells into our values; None is unknown. Problems are noted, never raised."""

    def __init__(
        self, cells: Cells, positions: dict[str, int], config: CohortConfig, problems: Problems
    ) -> None:
        self.positions = positions
        self.problems = problems
        self._config = config
        self._theirs = {name: cells.header[i] for name, i in positions.items()}
        self._comma = cells.decimal_comma

    def raw(self, row: tuple[str, ...], name: str) -> str | None:
        """The cell after `values`; None when empty, mapped to null, or without such a column."""
        if name not in self.positions:
            return None
        cell = row[self.positions[name]]
        mapping = self._config.values.get(name, {})
        return mapping.get(cell, cell) or None

    def problem(self, number: int, name: str, message: str) -> None:
        """Note a problem of a cell under the user's own name of the column."""
        self.problems.add(number, self._theirs.get(name, name), message)

    def choice(
        self, number: int, row: tuple[str, ...], name: str, allowed: Iterable[str]
    ) -> str | None:
        """A word out of a fixed list."""
        word = self.raw(row, name)
        if word is None or word in allowed:
            return word
        hint = suggestion(word, allowed)
        self.problem(
            number,
            name,
            f"not an allowed value{hint}; allowed: {listed(allowed)} or empty; map yours in "
            f"cohort.values.{name}",
        )
        return None

    def number(
        self, number: int, row: tuple[str, ...], name: str, high: float = math.inf
    ) -> float | None:
        """A finite number from 0 to `high`."""
        word = self.raw(row, name)
        if word is None:
            return None
        value = self._parse(word)
        if value is None:
            self.problem(
                number,
                name,
                f"not a number; leave unknown values empty, or map them to null in "
                f"cohort.values.{name}",
            )
        elif not math.isfinite(value):
            self.problem(number, name, "not a finite number; leave unknown values empty")
        elif value < 0 or value > high:
            allowed = "0 or more" if math.isinf(high) else f"0 to {high:g}"
            # A number this short is no date of birth and no telephone number.
            found = f" {value:g}" if abs(value) < 1000 else ""
            self.problem(number, name, f"found{found}, allowed is {allowed}")
        else:
            return value
        return None

    def _parse(self, word: str) -> float | None:
        if self._comma and DECIMAL_COMMA.fullmatch(word):
            word = word.replace(",", ".")
        # float() alone would take 1_000 and digits of other scripts, which nobody means
        if "_" in word or not word.isascii():
            return None
        try:
            return float(word)
        except ValueError:
            return None

    def text(self, number: int, row: tuple[str, ...], name: str) -> str | None:
        """A short word such as a site; long text and anything like a date or number is refused."""
        word = self.raw(row, name)
        if word is not None and (len(word) > MAX_TEXT or IDENTIFYING.search(word)):
            self.problem(
                number,
                name,
                f"free text, or something like a date, number or address; allowed is a term of up "
                f"to {MAX_TEXT} characters, because this column is kept after pseudonymisation",
            )
            return None
        return word

    def slice_number(self, number: int, row: tuple[str, ...]) -> int | None:
        """A whole number of 0 or more."""
        value = self.number(number, row, "slice", high=1e6)
        if value is not None and not value.is_integer():
            self.problem(number, "slice", "not a whole number")
            return None
        return None if value is None else int(value)

    def sequence(self, number: int, row: tuple[str, ...]) -> str | None:
        """One of the sequences of config.SEQUENCES."""
        return self.choice(number, row, "sequence", tuple(SEQUENCES))


def require_mapped(config: CohortConfig, headers: Mapping[str, Iterable[str]]) -> None:
    """Check that every column that `columns` names stands in some table.

    Raises:
        CohortError: a mapped column is in none; a silent gap would read as missing values.
    """
    found = [name for header in headers.values() for name in header]
    for ours, theirs in config.columns.items():
        if theirs not in found:
            raise CohortError(
                f"cohort.columns maps {ours} to '{theirs}'{suggestion(theirs, found)}, which is in "
                f"no table: {', '.join(headers)} have {listed(dict.fromkeys(found))}"
            )
