"""Errors that stop a run because a cohort's tables cannot be trusted.

A message names file, row, column and what is allowed. It never prints a patient's identifier or the
text of a cell: logs and trackers keep messages, and a wrongly mapped column can hold a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 20


class CohortError(ValueError):
    """A cohort's table, path or configuration is wrong; the run stops before pixels are read."""


class Problems:
    """All problems of one table, so that a user mends them in one go and not one a run."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: list[tuple[int, str]] = []

    def add(self, row: int, column: str | None, message: str) -> None:
        """Note one problem; `row` counts as a spreadsheet does, header = row 1."""
        place = f"row {row}" if column is None else f"row {row}, column '{column}'"
        self.lines.append((row, f"{place}: {message}"))

    def raise_if_any(self) -> None:
        """Raise one CohortError with the first 20 problems in row order and a count of the rest."""
        if not self.lines:
            return
        lines = [text for _, text in sorted(self.lines, key=lambda line: line[0])]
        more = len(lines) - SHOWN
        shown = "\n".join(f"  {line}" for line in lines[:SHOWN])
        rest = f"\n  ... and {more} more" if more > 0 else ""
        noun = "problem" if len(lines) == 1 else "problems"
        raise CohortError(f"{self.file}: {len(lines)} {noun}\n{shown}{rest}")


def suggestion(found: str, allowed: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the closest allowed word, or "" when none is close.

    Only an allowed word is ever printed, never what was found.
    """
    words = list(allowed)
    folded = {word.casefold(): word for word in reversed(words)}
    close = get_close_matches(found.strip().casefold(), list(folded), n=1, cutoff=0.6)
    return f" (did you mean '{folded[close[0]]}'?)" if close else ""


def listed(words: Iterable[str]) -> str:
    """Return words as a quoted list for a message: 'a', 'b', 'c'."""
    return ", ".join(f"'{word}'" for word in words)
