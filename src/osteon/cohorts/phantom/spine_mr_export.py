"""The spine MR phantom's folder: tables, series, LabelMe boxes and readers, patient by patient."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.cohorts.phantom import common
from osteon.cohorts.phantom.common import PATIENT_FACTS, Row, generator
from osteon.cohorts.phantom.slice_writer import SliceHeader, write_slice
from osteon.cohorts.phantom.spine_mr import SpineMrPhantomConfig
from osteon.cohorts.phantom.spine_mr_column import BODY_PARTS
from osteon.cohorts.phantom.spine_mr_patient import Patient, Series, draw_patient
from osteon.cohorts.phantom.spine_mr_people import READER_COLUMNS, reader_rows
from osteon.cohorts.phantom.spine_mr_render import PLANES, Scene, Stack, build, stored, tilted

PATIENT_COLUMNS = (*PATIENT_FACTS, "split")
# No `sequence` and no `view`: they must be told from the headers.
IMAGE_COLUMNS = ("file", "patient_id", "boxes")
LEAST_MM2 = 25.0
"""A reader marks no speck of a tumour that is smaller than this on its slice."""

Masks = NDArray[np.bool_]
Pixels = NDArray[np.uint16]
Box = tuple[int, int, int, int]


def identity(config: SpineMrPhantomConfig, patient: Patient) -> dict[str, Any]:
    """What all headers of a patient share: whose they are, which visit, which machine."""
    index, row, scanner = patient.index, patient.row, patient.scanner
    number = str(row["patient_id"])
    taken = date(2006, 1, 1) + timedelta(days=patient.study_day)
    born = taken - timedelta(days=int(patient.age * 365.25) + 40 + int(number[-2:]))
    region = str(row["location"]).split("+")[0]
    return {
        "patient_id": number,
        # Neither name nor accession counts patients: classes come in a regular order.
        "patient_name": f"Phantom^Spine{number[2:]}",
        "sex": row["sex"],
        "age": patient.age,
        "birth_date": born.strftime("%Y%m%d"),
        "study_date": taken.strftime("%Y%m%d"),
        "study": f"osteon/spine_mr/{config.seed}/{index}/study",
        "accession": f"ACC{number[2:]}",
        "institution": row["centre"],
        "physician": "Referring^Phantom",
        "manufacturer": scanner.manufacturer,
        "model": scanner.model,
        "station": scanner.station,
        "body_part": BODY_PARTS[region],
        "study_description": "MR spine",
        "frame_of_reference": f"osteon/spine_mr/{config.seed}/{index}/space",
        "modality": "MR",
    }


def tags_of(patient: Patient, series: Series) -> dict[str, Any]:
    """What the scanner says about the sequence."""
    protocol = series.protocol
    facts = {
        "RepetitionTime": protocol.tr,
        "EchoTime": protocol.te,
        "EchoTrainLength": protocol.train,
        "MagneticFieldStrength": patient.scanner.tesla,
        **dict(protocol.tags),
    }
    return facts | ({"InversionTime": protocol.ti} if protocol.ti else {})


def header(
    config: SpineMrPhantomConfig, patient: Patient, series: Series, place: int, pixels: Pixels
) -> SliceHeader:
    """The header of slice `place` along the normal; `pixels` decide the window only."""
    stack, scanner, number = series.stack, patient.scanner, series.number
    name = f"osteon/spine_mr/{config.seed}/{patient.index}/series/{number}"
    low, high = np.percentile(pixels[::3, ::3], (2, 99.0))
    word = scanner.planes[list(PLANES).index(stack.plane)]
    hour, minute = divmod(540 + patient.study_day % 420 + 5 * number, 60)
    return SliceHeader(
        **identity(config, patient),
        study_time=f"{hour:02d}{minute:02d}{place % 60:02d}",
        series=name,
        instance=f"{name}/{place}",
        number=stack.slices - place if scanner.descending else place + 1,
        series_number=number,
        series_description=series.protocol.words.format(plane=word),
        position=tuple(stack.position(place).tolist()),
        orientation=(*stack.row.tolist(), *stack.column.tolist()),
        spacing=(stack.spacing, stack.spacing),
        thickness=stack.thickness,
        between=stack.between,
        window=(float(low + high) / 2, max(float(high - low), 16.0)),
        transfer_syntax=patient.syntax,
        localizer=number == 1,
        modality_tags=tags_of(patient, series),
    )


def boxes_of(
    mask: Masks, shift: tuple[float, float], spacing: float, rng: np.random.Generator
) -> Box | None:
    """A reader's rectangle (x0, y0, x1, y1) in px around a tumour on one slice; None if too small.

    Args:
        mask: of the slice, before the patient moved.
        shift: the movement, px (rows, columns).
        spacing: mm a pixel.
        rng: readers leave up to 2 mm of room on each side.
    """
    room = rng.uniform(0, 2.0, size=4) / spacing
    if mask.sum() * spacing**2 < LEAST_MM2:
        return None
    x0, y0, x1, y1 = common.bounding_box(mask.astype(np.uint8))
    height, width = mask.shape
    edges = (
        (x0 + shift[1] - room[0], width),
        (y0 + shift[0] - room[1], height),
        (x1 + shift[1] + room[2], width),
        (y1 + shift[0] + room[3], height),
    )
    x0, y0, x1, y1 = (int(np.clip(round(edge), 0, limit)) for edge, limit in edges)
    return (x0, y0, x1, y1) if x1 - x0 >= 2 and y1 - y0 >= 2 else None


def marks(
    config: SpineMrPhantomConfig, patient: Patient, series: Series, scene: Scene
) -> dict[int, list[Box]]:
    """What readers drew on a series: boxes by slice, one for each tumour that it shows.

    They overlook a share of the slices, but never the one with the largest box.
    """
    rng = generator(config.seed, patient.index, 200 + series.number)
    found: dict[int, list[Box]] = {}
    missed = rng.random(series.stack.slices) < config.unlabelled_share
    for place in range(series.stack.slices):
        spacing = series.stack.spacing
        drawn = [boxes_of(mask[place], series.shift, spacing, rng) for mask in scene.masks]
        if boxes := [box for box in drawn if box is not None]:
            found[place] = boxes
    largest = max(found, key=lambda place: max(map(_area, found[place])), default=None)
    return {place: boxes for place, boxes in found.items() if not missed[place] or place == largest}


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def write_marks(path: Path, image: Path, boxes: list[Box], side: int, label: str) -> None:
    """The rectangles of one slice, in the layout of LabelMe 5."""
    shapes: list[Row] = [
        {
            "label": label,
            "points": [[float(x0), float(y0)], [float(x1), float(y1)]],
            "group_id": None,
            "description": "",
            "shape_type": "rectangle",
            "flags": {},
            "mask": None,
        }
        for x0, y0, x1, y1 in boxes
    ]
    page: Row = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image.name,
        "imageData": None,
        "imageHeight": side,
        "imageWidth": side,
    }
    path.write_text(json.dumps(page, indent=2) + "\n", encoding="utf-8")


def write_series(
    folder: Path,
    study: Path,
    config: SpineMrPhantomConfig,
    patient: Patient,
    series: Series,
    scene: Scene,
) -> list[Row]:
    """Write one series with its boxes; the rows of images.csv."""
    rng = generator(config.seed, patient.index, 100 + series.number)
    names = rng.permutation(series.stack.slices) + 1
    volume = stored(
        scene, series.stack, patient.scanner, series.protocol, series.shift, config.noise, rng
    )
    drawn = marks(config, patient, series, scene) if series.marked else {}
    place_of = study / f"SE{series.number:03d}"
    (folder / place_of).mkdir(parents=True)
    rows = []
    for place in np.argsort(names).tolist():
        file = place_of / f"IM{names[place]:05d}{patient.scanner.extension}"
        made = header(config, patient, series, place, volume[place])
        write_slice(folder / file, made, volume[place])
        row: Row = {"file": file.as_posix(), "patient_id": patient.row["patient_id"], "boxes": ""}
        if place in drawn:
            boxes = file.with_suffix(".json")
            side = series.stack.side
            write_marks(folder / boxes, file, drawn[place], side, patient.label)
            row["boxes"] = boxes.as_posix()
        rows.append(row)
    return rows


def scout_of(config: SpineMrPhantomConfig, patient: Patient) -> Series:
    """The localizer: three coarse coronal slices."""
    first = patient.series[0]
    row, column = tilted("coronal", 0.0, 0.0)
    side = max(64, config.image_size // 2)
    spacing = 1.3 * first.stack.side * first.stack.spacing / side
    middle = first.stack.middle
    stack = Stack("coronal", 3, side, spacing, 8.0, 16.0, middle, row, column)
    return Series(
        1, stack, replace(patient.scanner.protocols[0], words="localizer"), (0.0, 0.0), False
    )


def write_patient(
    folder: Path, config: SpineMrPhantomConfig, index: int
) -> tuple[Row, list[Row], list[Row]]:
    """Write one patient's files; the rows of patients.csv, images.csv and readers.csv."""
    patient = draw_patient(config, index)
    code = hashlib.sha256(f"osteon/spine_mr/{config.seed}/{index}".encode()).hexdigest()
    study = Path("dicom") / f"ST{code[:10]}"
    scouted = config.localizers and patient.scanner.scout
    everything = [*([scout_of(config, patient)] if scouted else []), *patient.series]
    rows, stacks = [], {}
    for series in everything:
        key = id(series.stack)
        if key not in stacks:
            stacks[key] = build(patient.anatomy, patient.growths, series.stack)
        rows += write_series(folder, study, config, patient, series, stacks[key])
    calls: list[Row] = []
    if patient.row["split"] == "test":
        calls = reader_rows(config, index, str(patient.row["patient_id"]), patient.label)
    return patient.row, rows, calls


def write_cohort(folder: Path, config: SpineMrPhantomConfig, workers: int) -> None:
    """Write every patient, `workers` at a time (0 = all cores), then the three tables."""
    from joblib import Parallel, delayed

    write = partial(write_patient, folder, config)
    jobs = (delayed(write)(index) for index in range(config.patients))
    written = list(Parallel(n_jobs=workers or -1)(jobs))
    common.write_table(folder / "patients.csv", PATIENT_COLUMNS, (row for row, _, _ in written))
    images = (image for _, rows, _ in written for image in rows)
    common.write_table(folder / "images.csv", IMAGE_COLUMNS, images)
    calls = [call for _, _, rows in written for call in rows]
    if calls:
        common.write_table(folder / "readers.csv", READER_COLUMNS, calls)
