"""BTXRD, the public set of bone-tumour X-rays, read as it is published.

Yao et al. 2025, Scientific Data 12:88: 3,746 radiographs in `images/`, LabelMe files in
`Annotations/`, and `dataset.csv` or `.xlsx` with one row an image. It names no patients, so
surrogate groups stand in for them: rows next to each other (by image number) that agree on centre,
age, sex, limb and tumour class. Two patients may fall into one group, which costs precision; one
patient in two groups would leak, so the site is compared by limb and not by bone, and not at all
for multiple osteochondromas, which sit in several bones of one patient.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from osteon.cohorts.cells import Cells, read_cells
from osteon.cohorts.columns import MAX_AGE, RowReader, resolve_columns
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError, Problems, listed
from osteon.cohorts.listing import Record, Row
from osteon.cohorts.scan import ANNOTATIONS, MASKS, inside, scan_folder
from osteon.cohorts.tables import CohortTables, files_frame, patients_frame, refused_frame

BONES = ("hand", "ulna", "radius", "humerus", "foot", "tibia", "fibula", "femur", "hip bone")
JOINTS = (
    "ankle-joint",
    "knee-joint",
    "hip-joint",
    "wrist-joint",
    "elbow-joint",
    "shoulder-joint",
)
SUBTYPES = (
    "osteochondroma",
    "multiple osteochondromas",
    "simple bone cyst",
    "giant cell tumor",
    "osteofibroma",
    "synovial osteochondroma",
    "other bt",
    "osteosarcoma",
    "other mt",
)
LIMBS = ("upper limb", "lower limb", "pelvis")
VIEWS = ("frontal", "lateral", "oblique")
TUMOUR = ("tumor", "benign", "malignant")
FLAGS = BONES + JOINTS + TUMOUR + SUBTYPES + LIMBS + VIEWS
COLUMNS = ("image_id", "center", "age", "gender", *FLAGS)

# Which tumour class of BTXRD, or which subtype, is which class of a task; others are left out.
TASKS: dict[tuple[str, ...], dict[str, str]] = {
    ("benign", "malignant"): {"benign": "benign", "malignant": "malignant"},
    ("normal", "benign", "malignant"): {
        "normal": "normal",
        "benign": "benign",
        "malignant": "malignant",
    },
    ("non_tumour", "osteosarcoma"): {"normal": "non_tumour", "osteosarcoma": "osteosarcoma"},
}

TABLES = ("dataset.csv", "dataset.xlsx")
DEFAULT_TABLE = "patients.csv"
NUMBER = re.compile(r"(\d+)\.[A-Za-z]+$")
MULTIFOCAL = "multiple osteochondromas"


def read_btxrd(root: Path, config: CohortConfig) -> CohortTables:
    """Read BTXRD's table, build surrogate patients, and find images and LabelMe files.

    Args:
        root: folder with dataset.csv or .xlsx (or what `tables.patients` names); images under
            `images/` or anywhere, LabelMe files under `Annotations/` or beside them.
        config: `classes` picks the task, one of `TASKS`. `columns`, `values` and `extra_columns`
            are not used: the published columns are read, any other is left unread.

    Raises:
        CohortError: no table, a missing column, a bad cell, or classes that BTXRD cannot give.
    """
    task = TASKS.get(tuple(config.classes))
    if task is None:
        choices = " or ".join(f"[{', '.join(classes)}]" for classes in TASKS)
        raise CohortError(
            f"cohort.classes is {listed(config.classes)}; BTXRD can give {choices} (last: positive)"
        )
    name = _table_name(root, config)
    cells = read_cells(root / name, name, COLUMNS)
    rows = _read_rows(cells, config, task)
    _name_groups(rows)
    scan = scan_folder(root, [name, *TABLES])
    return _assemble(rows, name, scan.images, scan.annotations, scan.masks, scan.refused)


def _table_name(root: Path, config: CohortConfig) -> str:
    if config.tables.patients != DEFAULT_TABLE:
        try:
            return inside(root, config.tables.patients)
        except ValueError as error:
            raise CohortError(f"cohort.tables.patients {error}") from None
    for name in TABLES:
        if (root / name).is_file():
            return name
    raise CohortError(
        f"no {' or '.join(TABLES)} in the folder of BTXRD; name the table in cohort.tables.patients"
    )


def _read_rows(cells: Cells, config: CohortConfig, task: dict[str, str]) -> list[Record]:
    plain = config.model_copy(update={"columns": {}, "values": {}, "extra_columns": "ignore"})
    positions = resolve_columns(cells, plain, COLUMNS, COLUMNS)
    problems = Problems(cells.file)
    reader = RowReader(cells, positions, plain, problems)
    rows = [_read_row(reader, number, row, task) for number, row in cells.rows]
    first: dict[object, int] = {}
    for (number, _), record in zip(cells.rows, rows, strict=True):
        image = record["image"]
        if image is not None and first.setdefault(image, number) != number:
            reader.problem(number, "image_id", f"the image of row {first[image]} again")
    problems.raise_if_any()
    # By image number, because the published order of rows says nothing.
    return sorted(rows, key=lambda record: record["order"])  # type: ignore[arg-type,return-value]


def _read_row(reader: RowReader, number: int, row: Row, task: dict[str, str]) -> Record:
    image = reader.raw(row, "image_id")
    if image is None or PurePosixPath(image).name != image or "\\" in image:
        reader.problem(number, "image_id", "not the name of an image file, as in IMG000001.jpeg")
        image = None
    on = {name for name in FLAGS if reader.choice(number, row, name, ("0", "1")) == "1"}
    kind = _kind(reader, number, on)
    wanted = task.get("osteosarcoma") if "osteosarcoma" in on else None
    found = NUMBER.search(image or "")
    return {
        "image": image,
        "order": (int(found[1]) if found else 0, image or ""),
        "kind": kind,
        "label": wanted or task.get(kind),
        "centre": reader.raw(row, "center"),
        "age": reader.number(number, row, "age", high=MAX_AGE),
        "sex": reader.choice(number, row, "gender", ("F", "M")),
        "site": _joined(on, BONES + JOINTS),
        "location": _joined(on, LIMBS),
        "subtype": _joined(on, SUBTYPES),
        "view": _joined(on, VIEWS),
    }


def _kind(reader: RowReader, number: int, on: set[str]) -> str:
    flags = ("tumor" in on, "benign" in on, "malignant" in on)
    kinds = {
        (False, False, False): "normal",
        (True, True, False): "benign",
        (True, False, True): "malignant",
    }
    if flags not in kinds:
        reader.problem(
            number, "tumor", "the flags tumor, benign, malignant must be 0 0 0, 1 1 0 or 1 0 1"
        )
    elif "osteosarcoma" in on and kinds[flags] != "malignant":
        reader.problem(number, "osteosarcoma", "is 1, but the row is not malignant")
    return kinds.get(flags, "normal")


def _joined(on: set[str], names: Iterable[str]) -> str | None:
    return "+".join(name for name in names if name in on) or None


def _name_groups(rows: list[Record]) -> None:
    """Give each row the name of its surrogate patient, `patient_id`, in image order."""
    group, before = 0, None
    for record in rows:
        multifocal = MULTIFOCAL in str(record["subtype"])
        limb = "any" if multifocal else record["location"]
        # The label is part of it: a group, like a patient, has one.
        now = (limb, *(record[name] for name in ("centre", "age", "sex", "kind", "label")))
        group += now != before
        before = now
        record["patient_id"] = f"group-{group:05d}"


def _assemble(
    rows: list[Record],
    table: str,
    images: list[str],
    annotations: list[str],
    masks: list[str],
    refused: list[tuple[str, str, str]],
) -> CohortTables:
    # Imported here: folder.py and this file are alternatives.
    from osteon.cohorts.folder import attach_companions

    by_name: dict[str, list[str]] = {}
    for file in images:
        by_name.setdefault(PurePosixPath(file).name, []).append(file)
    records: dict[str, Record] = {file: {"file": file} for file in images}
    refused = list(refused)
    for record in rows:
        files = by_name.get(str(record["image"]), [])
        for file in files:  # copies of one image are found by their pixels later
            records[file] |= {"patient_id": record["patient_id"], "view": record["view"]}
        if not files and record["label"] is not None:
            reason = f"an image of {table} that is not in the cohort folder"
            refused.append((str(record["image"]), "missing_file", reason))
    notes = _notes(rows)
    notes += attach_companions(records, images, annotations, ANNOTATIONS, "boxes")
    notes += attach_companions(records, images, masks, MASKS, "mask")
    used = [record for record in rows if record["label"] is not None]
    if not used:
        raise CohortError(f"{table}: no row has one of the classes that cohort.classes names")
    return CohortTables(
        patients=patients_frame(_merge_groups(used)),
        files=files_frame(list(records.values())),
        refused=refused_frame(refused),
        notes=tuple(notes),
        excluded=frozenset(str(r["patient_id"]) for r in rows if r["label"] is None),
    )


def _merge_groups(rows: list[Record]) -> list[Record]:
    groups: dict[object, Record] = {}
    for record in rows:
        known = groups.setdefault(record["patient_id"], dict(record))
        for name in ("site", "location", "subtype"):
            words = [*str(known[name] or "").split("+"), *str(record[name] or "").split("+")]
            known[name] = "+".join(dict.fromkeys(word for word in words if word)) or None
    return list(groups.values())


def _notes(rows: list[Record]) -> list[str]:
    used = [record for record in rows if record["label"] is not None]
    groups = len({record["patient_id"] for record in used})
    notes = [
        f"BTXRD names no patients: {len(used)} rows form {groups} surrogate groups of neighbouring "
        "images with the same centre, age, sex, limb and tumour class. A group stands for a "
        "patient in splits and intervals; real patients may be fewer or more"
    ]
    out = Counter(
        "osteosarcoma" if "osteosarcoma" in str(r["subtype"]).split("+") else str(r["kind"])
        for r in rows
        if r["label"] is None
    )
    if out:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(out.items()))
        notes.append(f"{sum(out.values())} rows are in none of the classes and left out: {counts}")
    return notes
