"""The images table: which file each row means, whose it is, and what is refused already here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from osteon.cohorts.cells import Cells
from osteon.cohorts.columns import RowReader
from osteon.cohorts.facts import EXCLUDED, Patients
from osteon.cohorts.scan import Scan, inside

Record = dict[str, object]
Row = tuple[str, ...]


@dataclass
class Listing:
    """What the images table says.

    Attributes:
        records: by file on disk: patient_id, sequence, view, slice, mask, boxes.
        rows: by file, the row that names it.
        refused: (file, code, reason).
    """

    records: dict[str, Record] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


class ImagesReader:
    """Reads the image columns of a table. Problems are noted; refused files become rows."""

    def __init__(self, root: Path, reader: RowReader, patients: Patients, scan: Scan) -> None:
        self._reader = reader
        self._patients = patients
        self._find = FileFinder(root, scan)
        self._scan = scan
        self._listing = Listing()

    def read(self, cells: Cells) -> Listing:
        """Read every row."""
        reader = self._reader
        images = _by_name(self._scan.images)
        companions = {
            "mask": _by_name([*self._scan.masks, *self._scan.images]),
            "boxes": _by_name(self._scan.annotations),
        }
        for number, row in cells.rows:
            record: Record = {
                "patient_id": reader.raw(row, "patient_id"),
                "sequence": reader.sequence(number, row),
                "view": reader.text(number, row, "view"),
                "slice": reader.slice_number(number, row),
            }
            for name, among in companions.items():
                record[name] = self._companion(number, row, name, among)
            file = self._file(number, row, "file", images)
            if file is None and reader.raw(row, "file") is None:
                reader.problem(number, "file", "is empty; every row needs a file")
            if file is not None:
                self._list(number, file, record)
        return self._listing

    def _file(self, number: int, row: Row, name: str, among: dict[str, list[str]]) -> str | None:
        text = self._reader.raw(row, name)
        if text is None:
            return None
        try:
            return self._find(text, among)
        except ValueError as error:
            self._reader.problem(number, name, str(error))
            return None

    def _companion(
        self, number: int, row: Row, name: str, among: dict[str, list[str]]
    ) -> str | None:
        file = self._file(number, row, name, among)
        if file is None or file in self._find.known:
            return file
        reason = (
            f"row {number} of {self._reader.problems.file}, column '{name}', names a file that is "
            f"not in the cohort folder; the image is kept without {name}"
        )
        self._listing.refused.append((file, "missing_file", reason))
        return None

    def _list(self, number: int, file: str, record: Record) -> None:
        listing = self._listing
        if file in listing.rows:
            self._reader.problem(number, "file", f"the file of row {listing.rows[file]} again")
            return
        listing.rows[file] = number
        place = f"row {number} of {self._reader.problems.file}"
        patient = record["patient_id"]
        facts = None if patient is None else self._patients.facts.get(str(patient))
        if patient is not None and facts is None:
            reason = f"{place} names a patient who is not in the patients table"
            listing.refused.append((file, "not_in_patients_csv", reason))
        elif file not in self._find.images:
            if facts is not None and facts.get("label") is EXCLUDED:
                return
            reason = f"{place} names a file that is not among the images of the cohort folder"
            listing.refused.append((file, "missing_file", reason))
        else:
            listing.records[file] = record


class FileFinder:
    """Finds the file that a cell means: a path under the root, or a bare name that is unique."""

    def __init__(self, root: Path, scan: Scan) -> None:
        self._root = root.resolve()
        self.images = frozenset(scan.images)
        self.known = frozenset([*scan.images, *scan.masks, *scan.annotations])

    def __call__(self, text: str, by_name: dict[str, list[str]]) -> str:
        """Return the path under the root, of a file that may not exist.

        Raises:
            ValueError: the path leaves the root, or a bare name is ambiguous; without the path.
        """
        file = inside(self._root, text)
        if file in self.known:
            return file
        found = by_name.get(file, [])
        if len(found) > 1:
            raise ValueError(
                f"is a bare name that {len(found)} files have; give the path from the cohort folder"
            )
        if found:
            return found[0]
        # A path through a link inside the folder: the file is listed at its own place.
        target = (self._root / file).resolve().relative_to(self._root).as_posix()
        return target if target in self.known else file


def _by_name(files: Iterable[str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for file in files:
        names[PurePosixPath(file).name].append(file)
    return dict(names)
