"""What the tables say about patients: facts checked, and gathered from every row that has them."""

from __future__ import annotations

from dataclasses import dataclass, field

from osteon.cohorts.cells import Cells
from osteon.cohorts.columns import MAX_AGE, SEXES, SPLITS, RowReader
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import Problems, listed, suggestion

LABS = ("alp", "ldh")
EXCLUDED = object()  # the label of a patient whom the configuration leaves out
Facts = dict[str, object]


@dataclass
class Patients:
    """Facts by raw patient id, in the order of first appearance, and where each was read."""

    facts: dict[str, Facts] = field(default_factory=dict)
    origin: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    @property
    def excluded(self) -> frozenset[str]:
        """Patients whose label is mapped to null."""
        return frozenset(p for p, facts in self.facts.items() if facts.get("label") is EXCLUDED)

    def add(self, patient: str, facts: Facts, number: int, reader: RowReader) -> None:
        """Add one row's facts; a fact that contradicts an earlier row's is a problem."""
        known = self.facts.setdefault(patient, {})
        self.origin.setdefault((patient, "patient_id"), (reader.problems.file, number))
        for name, value in facts.items():
            if value is None or value == "unknown":
                continue
            if name not in known:
                known[name] = value
                self.origin[patient, name] = (reader.problems.file, number)
            elif known[name] != value:
                file, row = self.origin[patient, name]
                place = f"row {row}" if file == reader.problems.file else f"row {row} of {file}"
                reader.problem(number, name, f"differs from {place}, which is the same patient")


def read_facts(reader: RowReader, number: int, row: tuple[str, ...], config: CohortConfig) -> Facts:
    """Read and check the patient columns of one row; absent or bad ones are None."""
    facts: Facts = {
        "label": _label(reader, number, row, config),
        "age": reader.number(number, row, "age", high=MAX_AGE),
        "sex": reader.choice(number, row, "sex", SEXES),
        "split": reader.choice(number, row, "split", SPLITS),
        "centre": reader.raw(row, "centre"),
    }
    for name in ("site", "location", "subtype"):
        facts[name] = reader.text(number, row, name)
    for lab in LABS:
        facts.update(_lab(reader, number, row, lab, config))
    return facts


def _label(
    reader: RowReader, number: int, row: tuple[str, ...], config: CohortConfig
) -> object | None:
    if "label" not in reader.positions:
        return None
    word = row[reader.positions["label"]]
    if not word and config.labelled_by == "masks":
        return None
    mapped = config.labels.get(word, word)
    if mapped is None:
        return EXCLUDED
    if mapped in config.classes:
        return mapped
    allowed = [*config.labels, *(name for name in config.classes if name not in config.labels)]
    found = "is empty" if not word else f"not a known label{suggestion(word, allowed)}"
    reader.problem(
        number,
        "label",
        f"{found}; allowed: {listed(allowed)}; map yours in cohort.labels (null leaves out)",
    )
    return None


def _lab(
    reader: RowReader, number: int, row: tuple[str, ...], lab: str, config: CohortConfig
) -> Facts:
    """A value in U/L with both ends of the kit's range, or with none where that is allowed."""
    before = len(reader.problems.lines)
    value, low, high = (
        reader.number(number, row, name) for name in (lab, f"{lab}_low", f"{lab}_high")
    )
    if len(reader.problems.lines) == before:
        if (low is None) != (high is None):
            one, other = ("low", "high") if high is None else ("high", "low")
            reader.problem(
                number,
                f"{lab}_{other}",
                f"the range has {lab}_{one} but no {lab}_{other}; give both, or neither",
            )
        elif low is not None and high is not None and high <= low:
            reader.problem(
                number,
                f"{lab}_high",
                f"reversed or empty range: {lab}_low must be below {lab}_high",
            )
        elif value is not None and low is None and config.missing_range == "refuse":
            reader.problem(
                number,
                f"{lab}_low",
                f"{lab} has no reference range of its kit; give {lab}_low and {lab}_high, or set "
                "cohort.missing_range: fallback to take a general adult range",
            )
    return {lab: value, f"{lab}_low": low, f"{lab}_high": high}


def read_patients(reader: RowReader, cells: Cells, config: CohortConfig) -> Patients:
    """Read a table of one row a patient.

    Notes problems of single cells, patients without an id, and patients given twice.
    """
    patients = Patients()
    first: dict[str, int] = {}
    for number, row in cells.rows:
        patient = reader.raw(row, "patient_id")
        facts = read_facts(reader, number, row, config)
        if patient is None:
            reader.problem(number, "patient_id", "is empty; every row needs a patient")
        elif patient in first:
            reader.problem(
                number,
                "patient_id",
                f"the patient of row {first[patient]} again; if the table has one row an image, "
                "name it as cohort.tables.images too",
            )
        else:
            first[patient] = number
            patients.add(patient, facts, number, reader)
    return patients


def check_split_whole(patients: Patients, problems: Problems) -> None:
    """Note every patient without a part where others have one: a fixed split must be whole."""
    used = {p: facts for p, facts in patients.facts.items() if facts.get("label") is not EXCLUDED}
    without = [patient for patient, facts in used.items() if "split" not in facts]
    if not without or len(without) == len(used):
        return
    for patient in without:
        problems.add(
            patients.origin[patient, "patient_id"][1],
            "split",
            f"is empty while other patients have one; allowed: {listed(SPLITS)} for all, or no "
            "such column",
        )
