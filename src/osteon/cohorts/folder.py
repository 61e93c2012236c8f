"""The folder that a user brings: patients.csv, perhaps images.csv, and images at any depth.

See docs/cohort.md for what the tables may hold and what bad input gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from osteon.cohorts.cells import Cells, read_cells
from osteon.cohorts.columns import RowReader, require_mapped, resolve_columns
from osteon.cohorts.config import COLUMNS, PATIENT_COLUMNS, READER_COLUMNS, CohortConfig
from osteon.cohorts.errors import CohortError, Problems
from osteon.cohorts.facts import LABS, Facts, Patients, check_split_whole, read_facts, read_patients
from osteon.cohorts.labelme import is_labelme
from osteon.cohorts.listing import ImagesReader, Listing, Record
from osteon.cohorts.readers import REQUIRED, CallsReader, readers_frame
from osteon.cohorts.scan import ANNOTATIONS, MASKS, Scan, inside, match_companions, scan_folder
from osteon.cohorts.tables import (
    WITHOUT_IMAGE,
    CohortTables,
    files_frame,
    patients_frame,
    refused_frame,
)

DEFAULT_IMAGES, DEFAULT_READERS = "images.csv", "readers.csv"

Headers = Mapping[str, tuple[str, ...]]
Refused = tuple[str, str, str]


def read_folder(root: Path, config: CohortConfig) -> CohortTables:
    """Read a user's folder (or a phantom, which is written as one).

    Files that the images table does not list stay candidates: their patient is found from the
    DICOM header or the folder's name, or they are refused later with a code.

    Raises:
        CohortError: a table is wrong or a path leaves the folder.
    """
    patients_name, images_name, readers_name = _table_names(root, config)
    patients_cells = _cells(root, patients_name, config)
    same = images_name == patients_name
    images_cells = None
    if images_name is not None:
        images_cells = patients_cells if same else _cells(root, images_name, config)
    readers_cells = None if readers_name is None else _cells(root, readers_name, config)
    headers: Headers = {
        cells.file: cells.header
        for cells in (patients_cells, images_cells, readers_cells)
        if cells is not None
    }
    scan = scan_folder(root, headers)
    if same:
        patients, listing = _one_table(root, patients_cells, headers, config, scan)
    else:
        patients, listing = _two_tables(root, patients_cells, images_cells, headers, config, scan)
    calls, notes = _read_calls(readers_cells, headers, config, patients)
    tables = _assemble(root, patients, listing, scan, config)
    return replace(tables, readers=readers_frame(calls), notes=(*tables.notes, *notes))


def _table_names(root: Path, config: CohortConfig) -> tuple[str, str | None, str | None]:
    tables = config.tables
    patients = _table_name(root, "patients", tables.patients)
    assert patients is not None
    images = _table_name(root, "images", tables.images, DEFAULT_IMAGES)
    return patients, images, _table_name(root, "readers", tables.readers, DEFAULT_READERS)


def _table_name(root: Path, key: str, name: str | None, usual: str = "") -> str | None:
    """A table's path under the root; None without one."""
    if name is None:
        return None
    try:
        file = inside(root, name)
    except ValueError as error:
        raise CohortError(f"cohort.tables.{key} {error}") from None
    # The usual name may be absent; a name that a user typed may not.
    return None if file == usual and not (root / file).exists() else file


def _cells(root: Path, name: str, config: CohortConfig) -> Cells:
    known = {*COLUMNS, *READER_COLUMNS, *config.columns.values()}
    return read_cells(root / name, name, known)


def _read_calls(
    cells: Cells | None, headers: Headers, config: CohortConfig, patients: Patients
) -> tuple[list[Record], list[str]]:
    """The readers table: one row a reader's call of a patient; notes for the report."""
    if cells is None:
        return [], []
    other = [name for file, header in headers.items() if file != cells.file for name in header]
    positions = resolve_columns(cells, config, READER_COLUMNS, REQUIRED, elsewhere=other)
    problems = Problems(cells.file)
    reader = RowReader(cells, positions, config, problems)
    found = CallsReader(reader, config, patients).read(cells)
    problems.raise_if_any()
    return found


def _one_table(
    root: Path, cells: Cells, headers: Headers, config: CohortConfig, scan: Scan
) -> tuple[Patients, Listing]:
    positions = resolve_columns(cells, config, COLUMNS, (*_of_patient(config), "file"))
    require_mapped(config, headers)
    problems = Problems(cells.file)
    reader = RowReader(cells, positions, config, problems)
    patients = Patients()
    for number, row in cells.rows:
        patient = reader.raw(row, "patient_id")
        facts = read_facts(reader, number, row, config)
        if patient is None:
            reader.problem(number, "patient_id", "is empty; every row needs a patient")
        else:
            patients.add(patient, facts, number, reader)
    check_split_whole(patients, problems)
    listing = ImagesReader(root, reader, patients, scan).read(cells)
    problems.raise_if_any()
    return patients, listing


def _two_tables(
    root: Path,
    cells: Cells,
    images: Cells | None,
    headers: Headers,
    config: CohortConfig,
    scan: Scan,
) -> tuple[Patients, Listing]:
    other = images.header if images is not None else ()
    # A column that images.csv has instead may be missing here, all but these.
    positions = resolve_columns(
        cells, config, PATIENT_COLUMNS, _of_patient(config), elsewhere=other
    )
    image_positions: dict[str, int] = {}
    if images is not None:
        image_positions = resolve_columns(
            images, config, COLUMNS, ("file", "patient_id"), elsewhere=cells.header
        )
    require_mapped(config, headers)
    problems = Problems(cells.file)
    patients = read_patients(RowReader(cells, positions, config, problems), cells, config)
    if "split" in positions:
        check_split_whole(patients, problems)
    problems.raise_if_any()
    if images is None:
        return patients, Listing()
    problems = Problems(images.file)
    reader = RowReader(images, image_positions, config, problems)
    for number, row in images.rows:
        patient = reader.raw(row, "patient_id")
        facts = read_facts(reader, number, row, config)
        if patient in patients.facts:
            patients.add(str(patient), facts, number, reader)
    listing = ImagesReader(root, reader, patients, scan).read(images)
    problems.raise_if_any()
    return patients, listing


def _of_patient(config: CohortConfig) -> tuple[str, ...]:
    """Columns that the patients table must have; masks may say what `label` would."""
    return ("patient_id",) if config.labelled_by == "masks" else ("patient_id", "label")


def _assemble(
    root: Path, patients: Patients, listing: Listing, scan: Scan, config: CohortConfig
) -> CohortTables:
    excluded = patients.excluded
    default: Facts = {"label": config.classes[-1]} if config.labelled_by == "masks" else {}
    used = {p: default | facts for p, facts in patients.facts.items() if p not in excluded}
    if not used:
        raise CohortError("no patient is left: every label is mapped to null in cohort.labels")
    named = {str(r[k]) for r in listing.records.values() for k in ("mask", "boxes") if r.get(k)}
    gone = {file for file, _, _ in listing.refused} | named
    images = [file for file in scan.images if file not in gone]
    records: dict[str, Record] = {
        file: {"file": file, **listing.records.get(file, {})} for file in images
    }
    notes = exclusion_notes(excluded)
    matched, orphans = _with_image(root, [f for f in scan.annotations if f not in named], scan)
    for column, left, folder in (
        ("boxes", matched, ANNOTATIONS),
        ("mask", [item for item in scan.masks if item not in named], MASKS),
    ):
        notes += attach_companions(records, scan.images, left, folder, column)
    return CohortTables(
        patients=patients_frame([{"patient_id": p, **facts} for p, facts in used.items()]),
        files=files_frame(list(records.values())),
        refused=refused_frame([*scan.refused, *listing.refused, *orphans]),
        notes=tuple(notes + _range_notes(used)),
        excluded=excluded,
        sidecars=frozenset(matched),
    )


def _with_image(root: Path, files: list[str], scan: Scan) -> tuple[list[str], list[Refused]]:
    """JSON files that fit images by name, and LabelMe files that fit none, as refused.

    Any other JSON without an image of its own is not about boxes: it is passed over.
    """
    found = match_companions(files, scan.images, ANNOTATIONS)
    drawn = {file for file in files if len(found[file]) != 1 and is_labelme(root / file)}
    alone = [file for file in files if not found[file] and file in drawn]
    reason = "a LabelMe file that fits no image of the cohort folder by name"
    matched = [file for file in files if len(found[file]) == 1 or (found[file] and file in drawn)]
    return matched, [(file, WITHOUT_IMAGE, reason) for file in alone]


def attach_companions(
    records: dict[str, Record], images: list[str], companions: list[str], folder: str, column: str
) -> list[str]:
    """Give each image the companion of its name; return notes on those that fit none or several."""
    none, several = 0, 0
    for item, found in match_companions(companions, images, folder).items():
        if len(found) != 1:
            none += not found
            several += bool(found)
        elif found[0] in records:
            if records[found[0]].get(column) is None:
                records[found[0]][column] = item
            else:
                several += 1
    kind = "LabelMe files" if column == "boxes" else "label maps"
    notes = [f"{none} {kind} match no image by name and are not used"] if none else []
    if several:
        notes.append(
            f"{several} {kind} match several images, or an image that has one already, and are "
            f"not used; name them in column {column} of the images table"
        )
    return notes


def exclusion_notes(excluded: frozenset[str]) -> list[str]:
    """Say how many patients the configuration leaves out; ingestion counts their files."""
    if not excluded:
        return []
    return [
        f"{len(excluded)} patients are left out on purpose: cohort.labels maps their label to null"
    ]


def _range_notes(used: dict[str, Record]) -> list[str]:
    notes = []
    for lab in LABS:
        values = [facts for facts in used.values() if facts.get(lab) is not None]
        without = sum(facts.get(f"{lab}_low") is None for facts in values)
        if without:
            notes.append(
                f"{without} of {len(values)} {lab.upper()} values have no reference range of their "
                "own: a general adult range is taken"
            )
    return notes
