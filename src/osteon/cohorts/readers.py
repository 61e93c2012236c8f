"""The readers table: what doctors called each patient, with and without knowing the age.

A reader's name identifies, so that it becomes R1, R2, ... here, by first appearance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osteon.cohorts.cells import Cells
from osteon.cohorts.columns import RowReader
from osteon.cohorts.config import READER_COLUMNS, CohortConfig
from osteon.cohorts.errors import listed, suggestion
from osteon.cohorts.facts import Patients

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("reader", "patient_id", "call", "with_age")
ABOUT_READER = ("role", "experience_years")
MODES = ("yes", "no")
MAX_EXPERIENCE = 80.0

Row = tuple[str, ...]
Record = dict[str, object]


@dataclass
class _Reader:
    """One reader: pseudonym, facts with the row that gave each, and the calls made so far."""

    name: str
    facts: Record = field(default_factory=dict)
    origin: dict[str, int] = field(default_factory=dict)
    calls: dict[tuple[str, str], int] = field(default_factory=dict)


class CallsReader:
    """Reads the table of calls. Problems are noted, never raised.

    Args:
        reader: of the table's cells.
        config: `labels` maps the words of a call as it maps those of a label.
        patients: of the patients table.
    """

    def __init__(self, reader: RowReader, config: CohortConfig, patients: Patients) -> None:
        self._cells = reader
        self._config = config
        self._patients = patients
        self._excluded = patients.excluded
        self._readers: dict[str, _Reader] = {}
        self._left_out = 0

    def read(self, cells: Cells) -> tuple[list[Record], list[str]]:
        """Rows of `READER_COLUMNS` with raw patient ids, and notes for the report."""
        found = []
        for number, row in cells.rows:
            record = self._row(number, row)
            if record is None:
                continue
            if record["patient_id"] in self._excluded:
                self._left_out += 1
            else:
                found.append(record)
        by_name = {reader.name: reader.facts for reader in self._readers.values()}
        for record in found:
            record.update(by_name[str(record["reader"])])
        notes = []
        if self._left_out:
            notes.append(f"{self._left_out} readers' calls of patients who are left out on purpose")
        return found, notes

    def _row(self, number: int, row: Row) -> Record | None:
        """One call; None where the row has no reader, patient or mode to hang it on."""
        cells = self._cells
        patient, mode = self._patient(number, row), self._mode(number, row)
        call, seconds = self._call(number, row), cells.number(number, row, "seconds")
        reader = self._reader(number, row)
        if reader is None or patient is None or mode is None:
            return None
        first = reader.calls.setdefault((patient, mode), number)
        if first != number:
            cells.problem(
                number,
                "patient_id",
                f"the reader of row {first} calls this patient again, with_age '{mode}' both "
                "times; one row a reader, patient and mode",
            )
        return {
            "reader": reader.name,
            "patient_id": patient,
            "call": call,
            "with_age": mode == "yes",
            "seconds": seconds,
        }

    def _reader(self, number: int, row: Row) -> _Reader | None:
        cells = self._cells
        name = cells.raw(row, "reader")
        facts: Record = {
            "role": cells.text(number, row, "role"),
            "experience_years": cells.number(number, row, "experience_years", MAX_EXPERIENCE),
        }
        if name is None:
            cells.problem(number, "reader", "is empty; every row needs a reader")
            return None
        reader = self._readers.setdefault(name, _Reader(f"R{len(self._readers) + 1}"))
        for column, value in facts.items():
            if value is None:
                continue
            known = reader.facts.setdefault(column, value)
            origin = reader.origin.setdefault(column, number)
            if known != value:
                cells.problem(number, column, f"differs from row {origin}, the same reader")
        return reader

    def _patient(self, number: int, row: Row) -> str | None:
        patient = self._cells.raw(row, "patient_id")
        if patient is None:
            self._cells.problem(number, "patient_id", "is empty; every row needs a patient")
        elif patient not in self._patients.facts:
            self._cells.problem(number, "patient_id", "not a patient of the patients table")
            return None
        return patient

    def _mode(self, number: int, row: Row) -> str | None:
        if self._cells.raw(row, "with_age") is None:
            self._cells.problem(
                number, "with_age", f"is empty; allowed: {listed(MODES)}: did the reader know it?"
            )
            return None
        return self._cells.choice(number, row, "with_age", MODES)

    def _call(self, number: int, row: Row) -> str | None:
        config = self._config
        word = self._cells.raw(row, "call")
        mapped = config.labels.get(word, word) if word is not None else None
        if mapped in config.classes:
            return mapped
        named = [name for name, label in config.labels.items() if label is not None]
        allowed = [*named, *(name for name in config.classes if name not in named)]
        found = "is empty" if word is None else f"not a known class{suggestion(word, allowed)}"
        if word is not None and word in config.labels:
            found = "cohort.labels maps it to null, and a call without a class cannot be scored"
        self._cells.problem(
            number,
            "call",
            f"{found}; allowed: {listed(allowed)}; map yours in cohort.labels or "
            "cohort.values.call",
        )
        return None


def readers_frame(records: list[Record]) -> pd.DataFrame:
    """The table of calls with all its columns, sorted by nothing: in the user's order.

    Returns:
        reader, role, patient_id, call: str (role may be missing); experience_years, seconds:
        float64, missing = NaN; with_age: bool.
    """
    import pandas as pd

    kinds = dict.fromkeys(READER_COLUMNS, "str")
    kinds |= {"experience_years": "float64", "seconds": "float64", "with_age": "bool"}
    frame = pd.DataFrame(records, columns=list(READER_COLUMNS))
    return frame.astype(kinds)
