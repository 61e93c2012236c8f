"""Cells of a user's CSV or XLSX table as stripped text, with the row numbers that a person sees.

Nothing is guessed about types here. A message names file, row and byte, never a cell's text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from osteon.cohorts.errors import CohortError, Problems

DELIMITERS = (",", ";")
# A cell longer than this is no fact about a patient; csv's own default limit is the same.
MAX_CELL = 131_072
LONE_RETURN = re.compile(r"\r(?!\n)")


@dataclass(frozen=True)
class Cells:
    """A table as text: header, and rows as (row number, cells); blank rows are left out.

    Rows are numbered as in a spreadsheet, header = row 1.
    Every row has as many cells as the header; "" is an empty cell. `decimal_comma` is true for a
    CSV with semicolons, in which spreadsheets of many countries write 12,5 for twelve and a half.
    """

    file: str
    header: tuple[str, ...]
    rows: list[tuple[int, tuple[str, ...]]]
    decimal_comma: bool = False


def read_cells(path: Path, file: str, known: Iterable[str]) -> Cells:
    """Read a CSV (UTF-8 with or without BOM; comma or semicolon) or XLSX table (first sheet).

    Args:
        path: the file.
        file: how messages name it.
        known: column names to expect; they decide between comma and semicolon.

    Raises:
        CohortError: not there, not UTF-8 (naming the byte), broken quoting, rows longer
            than the header, a repeated or no header, or no XLSX workbook.
    """
    if not path.is_file():
        raise CohortError(f"{file}: no such file in the cohort folder; `tables` names the tables")
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        return _table(file, _xlsx_rows(path, file), decimal_comma=False)
    if suffix not in {".csv", ".txt"}:
        raise CohortError(f"{file}: a table must end in .csv or .xlsx; save it as one of these")
    text = _decode(path.read_bytes(), file)
    delimiter = _delimiter(text, set(known))
    return _table(file, _csv_rows(text, file, delimiter), decimal_comma=delimiter == ";")


def _decode(data: bytes, file: str) -> str:
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
        # Where rows end in \n, a \r of its own came into a cell with pasted text and ends no row.
        return LONE_RETURN.sub(" ", text) if "\n" in text else text
    except UnicodeDecodeError as error:
        # `from None`: the decoder's own error carries the whole file
        raise CohortError(
            f"{file}: not UTF-8 at byte offset {error.start}; save it again with encoding UTF-8 "
            "(in a spreadsheet: Save as, CSV UTF-8)"
        ) from None


def _csv_rows(text: str, file: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            rows.append(row)
    except csv.Error as error:
        limit = f" (or a cell longer than {MAX_CELL} characters)" if "limit" in str(error) else ""
        raise CohortError(
            f"{file}: row {len(rows) + 1} cannot be split into cells: a quotation mark is opened "
            f'but not closed, or stands inside a cell{limit}; double it ("") or remove it'
        ) from None
    return rows


def _delimiter(text: str, known: set[str]) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")

    def score(delimiter: str) -> tuple[int, int]:
        names = [name.strip().strip('"').strip() for name in first.split(delimiter)]
        return sum(name in known for name in names), len(names)

    # max keeps the first of equals, so a table of one column reads as comma-separated
    return max(DELIMITERS, key=score)


def _xlsx_rows(path: Path, file: str) -> list[list[str]]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            # Some programs write a wrong size into the sheet; then cells would be lost unseen.
            sheet.reset_dimensions()
            return [[_cell_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
        finally:
            book.close()
    # A broken workbook raises nearly anything (zip, XML, key and type errors).
    except Exception as error:
        raise CohortError(
            f"{file}: cannot be read as an XLSX workbook ({type(error).__name__}); open it in a "
            "spreadsheet and save it again, or save it as CSV UTF-8"
        ) from None


def _cell_text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # spreadsheets store 101 as 101.0
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell)


def _table(file: str, raw: list[list[str]], decimal_comma: bool) -> Cells:
    rows = [(number, [cell.strip() for cell in row]) for number, row in enumerate(raw, start=1)]
    filled = [(number, row) for number, row in rows if any(row)]
    if not filled or filled[0][0] != 1:
        raise CohortError(f"{file}: the first row is empty; put the column names there")
    header = filled[0][1]
    while header and not header[-1]:
        header.pop()
    _check_header(file, header)
    problems = Problems(file)
    body: list[tuple[int, tuple[str, ...]]] = []
    for number, row in filled[1:]:
        width = max(index + 1 for index, cell in enumerate(row) if cell)
        if width > len(header):
            problems.add(number, None, f"has {width} cells, the header has {len(header)}")
        cells = row[: len(header)] + [""] * (len(header) - len(row))
        body.append((number, tuple(cells)))
    problems.raise_if_any()
    if not body:
        raise CohortError(f"{file}: has a header but no rows")
    return Cells(file, tuple(header), body, decimal_comma)


def _check_header(file: str, header: list[str]) -> None:
    for index, name in enumerate(header):
        if name and name in header[:index]:
            raise CohortError(
                f"{file}: column {index + 1} of the header repeats the name of column "
                f"{header.index(name) + 1}; every column needs a name of its own"
            )
