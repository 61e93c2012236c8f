"""The folder that a user brings: patients.csv, perhaps images.csv, and images at any depth.

See docs/cohort.md for what the tables may hold and what bad input gets.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from osteon.cohorts.cells import Cells, read_cells
from osteon.cohorts.columns import RowReader, require_mapped, resolve_columns
from osteon.cohorts.config import COLUMNS, PATIENT_COLUMNS, CohortConfig
from osteon.cohorts.errors import CohortError, Problems
from osteon.cohorts.facts import LABS, Patients, check_split_whole, read_facts, read_patients
from osteon.cohorts.listing import ImagesReader, Listing, Record
from osteon.cohorts.scan import ANNOTATIONS, MASKS, Scan, inside, match_companions, scan_folder
from osteon.cohorts.tables import CohortTables, files_frame, patients_frame, refused_frame

DEFAULT_IMAGES = "images.csv"


def read_folder(root: Path, config: CohortConfig) -> CohortTables:
    """Read a user's folder (or a phantom, which is written as one).

    Files that the images table does not list stay candidates: their patient is found from the
    DICOM header or the folder's name, or they are refused later with a code.

    Raises:
        CohortError: a table is wrong or a path leaves the folder.
    """
    patients_name, images_name = _table_names(root, config)
    patients_cells = _cells(root, patients_name, config)
    same = images_name == patients_name
    images_cells = None
    if images_name is not None:
        images_cells = patients_cells if same else _cells(root, images_name, config)
    tables = [name for name in (patients_name, images_name) if name is not None]
    scan = scan_folder(root, tables)
    if same:
        patients, listing = _one_table(root, patients_cells, config, scan)
    else:
        patients, listing = _two_tables(root, patients_cells, images_cells, config, scan)
    return _assemble(patients, listing, scan)


def _table_names(root: Path, config: CohortConfig) -> tuple[str, str | None]:
    names = []
    for key, name in (("patients", config.tables.patients), ("images", config.tables.images)):
        try:
            names.append(None if name is None else inside(root, name))
        except ValueError as error:
            raise CohortError(f"cohort.tables.{key} {error}") from None
    patients, images = names
    assert patients is not None
    # The usual name may be absent; a name that a user typed may not.
    if images == DEFAULT_IMAGES and not (root / images).exists():
        images = None
    return patients, images


def _cells(root: Path, name: str, config: CohortConfig) -> Cells:
    known = set(COLUMNS) | set(config.columns.values())
    return read_cells(root / name, name, known)


def _one_table(
    root: Path, cells: Cells, config: CohortConfig, scan: Scan
) -> tuple[Patients, Listing]:
    positions = resolve_columns(cells, config, COLUMNS, ("patient_id", "label", "file"))
    require_mapped(config, {cells.file: cells.header})
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
    root: Path, cells: Cells, images: Cells | None, config: CohortConfig, scan: Scan
) -> tuple[Patients, Listing]:
    other = images.header if images is not None else ()
    # A column that images.csv has instead may be missing here, all but these two.
    positions = resolve_columns(
        cells, config, PATIENT_COLUMNS, ("patient_id", "label"), elsewhere=other
    )
    image_positions: dict[str, int] = {}
    headers: dict[str, Iterable[str]] = {cells.file: cells.header}
    if images is not None:
        image_positions = resolve_columns(
            images, config, COLUMNS, ("file", "patient_id"), elsewhere=cells.header
        )
        headers[images.file] = images.header
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


def _assemble(patients: Patients, listing: Listing, scan: Scan) -> CohortTables:
    excluded = patients.excluded
    used = {p: facts for p, facts in patients.facts.items() if p not in excluded}
    if not used:
        raise CohortError("no patient is left: every label is mapped to null in cohort.labels")
    named = {str(r[k]) for r in listing.records.values() for k in ("mask", "boxes") if r.get(k)}
    gone = {file for file, _, _ in listing.refused} | named
    images = [file for file in scan.images if file not in gone]
    records: dict[str, Record] = {
        file: {"file": file, **listing.records.get(file, {})} for file in images
    }
    notes = exclusion_notes(excluded)
    for column, companions, folder in (
        ("boxes", scan.annotations, ANNOTATIONS),
        ("mask", scan.masks, MASKS),
    ):
        left = [item for item in companions if item not in named]
        notes += attach_companions(records, scan.images, left, folder, column)
    return CohortTables(
        patients=patients_frame([{"patient_id": p, **facts} for p, facts in used.items()]),
        files=files_frame(list(records.values())),
        refused=refused_frame([*scan.refused, *listing.refused]),
        notes=tuple(notes + _range_notes(used)),
        excluded=excluded,
    )


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
