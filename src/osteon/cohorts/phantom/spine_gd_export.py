"""The Gd-T1 spine phantom's folder: tables, series and label maps, patient by patient."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osteon.cohorts.phantom import common
from osteon.cohorts.phantom.common import Row, generator
from osteon.cohorts.phantom.slice_writer import SliceHeader, write_slice
from osteon.cohorts.phantom.spine_gd import SpineGdPhantomConfig
from osteon.cohorts.phantom.spine_gd_patient import AGENT, Patient, Series, draw_patient
from osteon.cohorts.phantom.spine_gd_render import Scene, build, label_maps, pixels_of
from osteon.cohorts.phantom.spine_mr_column import BODY_PARTS, LEVEL_REGIONS
from osteon.cohorts.phantom.spine_mr_render import PLANES, Stack, tilted

PATIENT_COLUMNS = ("patient_id", "age", "sex", "site", "location", "centre")
# No `sequence` and no `view`: they must be told from the headers.
IMAGE_COLUMNS = ("file", "patient_id", "mask")
SCOUT, SCOUT_SLICES = 1, 3
"""SeriesNumber of the localizer, and its slices."""

Pixels = NDArray[np.uint16]


def identity(config: SpineGdPhantomConfig, patient: Patient, series: Series) -> dict[str, Any]:
    """What the headers of a patient share: whose they are, which visit, which machine."""
    index, row, scanner = patient.index, patient.row, patient.scanner
    number, age = str(row["patient_id"]), int(row["age"])
    taken = date(2010, 1, 1) + timedelta(days=patient.study_day)
    born = taken - timedelta(days=int(age * 365.25) + 40 + int(number[-2:]))
    name = f"osteon/spine_gd/{config.seed}/{index}"
    return {
        "patient_id": number,
        "patient_name": f"Phantom^Spine{number[2:]}",
        "sex": row["sex"],
        "age": age,
        "birth_date": born.strftime("%Y%m%d"),
        "study_date": taken.strftime("%Y%m%d"),
        "study": f"{name}/study",
        "accession": f"ACC{number[2:]}",
        "institution": row["centre"],
        "physician": "Referring^Phantom",
        "manufacturer": scanner.manufacturer,
        "model": scanner.model,
        "station": scanner.station,
        "body_part": BODY_PARTS[LEVEL_REGIONS[series.lesions[0].plan.level]],
        "study_description": "MR spine with contrast",
        "frame_of_reference": f"{name}/space",
        "modality": "MR",
    }


def header(
    config: SpineGdPhantomConfig, patient: Patient, series: Series, place: int, pixels: Pixels
) -> SliceHeader:
    """The header of slice `place` along the normal; `pixels` decide the window only."""
    stack, scanner, number = series.stack, patient.scanner, series.number
    protocol = series.protocol
    name = f"osteon/spine_gd/{config.seed}/{patient.index}/series/{number}"
    low, high = np.percentile(pixels[::3, ::3], (2, 99.0))
    hour, minute = divmod(540 + patient.study_day % 420 + 5 * number, 60)
    return SliceHeader(
        **identity(config, patient, series),
        study_time=f"{hour:02d}{minute:02d}{place % 60:02d}",
        series=name,
        instance=f"{name}/{place}",
        number=stack.slices - place if scanner.descending else place + 1,
        series_number=number,
        series_description=protocol.words.format(
            plane=scanner.planes[list(PLANES).index(stack.plane)]
        ),
        position=tuple(stack.position(place).tolist()),
        orientation=(*stack.row.tolist(), *stack.column.tolist()),
        spacing=(stack.spacing, stack.spacing),
        thickness=stack.thickness,
        between=stack.between,
        window=(float(low + high) / 2, max(float(high - low), 16.0)),
        transfer_syntax=patient.syntax,
        localizer=number == SCOUT,
        modality_tags={
            "RepetitionTime": protocol.tr,
            "EchoTime": protocol.te,
            "EchoTrainLength": protocol.train,
            "MagneticFieldStrength": scanner.tesla,
            **dict(protocol.tags),
        },
    )


def write_series(
    folder: Path,
    study: Path,
    config: SpineGdPhantomConfig,
    patient: Patient,
    series: Series,
    scene: Scene,
) -> list[Row]:
    """Write one series, a label map a slice unless it is the localizer; the rows of images.csv."""
    rng = generator(config.seed, patient.index, 100 + series.number)
    names = rng.permutation(series.stack.slices) + 1
    volume = pixels_of(
        scene,
        series.stack,
        patient.scanner,
        series.protocol,
        series.shift,
        (config.noise, config.bias),
        rng,
    )
    reader = generator(config.seed, patient.index, 200 + series.number)
    labels = label_maps(scene, series.stack, series.shift, config.label_noise, reader)
    place_of = study / f"SE{series.number:03d}"
    (folder / place_of).mkdir(parents=True)
    rows = []
    for place in np.argsort(names).tolist():
        file = place_of / f"IM{names[place]:05d}{patient.scanner.extension}"
        made = header(config, patient, series, place, volume[place])
        write_slice(folder / file, made, volume[place])
        row: Row = {"file": file.as_posix(), "patient_id": patient.row["patient_id"], "mask": ""}
        if not made.localizer:
            mask = Path("masks") / f"{study.name}_{place_of.name}_IM{names[place]:05d}.png"
            Image.fromarray(labels[place]).save(folder / mask)
            row["mask"] = mask.as_posix()
        rows.append(row)
    return rows


def scout_of(config: SpineGdPhantomConfig, patient: Patient) -> Series:
    """The localizer: three coarse coronal slices, taken before the contrast agent."""
    first = patient.series[0]
    row, column = tilted("coronal", 0.0, 0.0)
    side = max(64, config.image_size // 2)
    spacing = 1.3 * first.stack.side * first.stack.spacing / side
    middle = first.stack.middle
    stack = Stack("coronal", SCOUT_SLICES, side, spacing, 8.0, 16.0, middle, row, column)
    plain = patient.scanner.protocols[1]
    tags = tuple(tag for tag in plain.tags if tag not in AGENT)
    protocol = replace(plain, words="localizer", tags=tags)
    return Series(SCOUT, stack, protocol, (0.0, 0.0), first.lesions)


def write_patient(folder: Path, config: SpineGdPhantomConfig, index: int) -> tuple[Row, list[Row]]:
    """Write one patient's files; the rows of patients.csv and images.csv."""
    patient = draw_patient(config, index)
    code = hashlib.sha256(f"osteon/spine_gd/{config.seed}/{index}".encode()).hexdigest()
    study = Path("dicom") / f"ST{code[:10]}"
    scouted = config.localizers and patient.scanner.scout
    everything = [*([scout_of(config, patient)] if scouted else []), *patient.series]
    rows: list[Row] = []
    scenes: dict[int, Scene] = {}
    for series in everything:
        key = id(series.stack)
        if key not in scenes:
            scenes[key] = build(
                patient.anatomy,
                series.lesions,
                patient.distractors,
                config.enhancement,
                series.stack,
            )
        rows += write_series(folder, study, config, patient, series, scenes[key])
    return patient.row, rows


def write_cohort(folder: Path, config: SpineGdPhantomConfig, workers: int) -> None:
    """Write every patient, `workers` at a time (0 = all cores), then the two tables."""
    from joblib import Parallel, delayed

    (folder / "masks").mkdir()
    write = partial(write_patient, folder, config)
    jobs = (delayed(write)(index) for index in range(config.patients))
    written = list(Parallel(n_jobs=workers or -1)(jobs))
    columns = (*PATIENT_COLUMNS, "split") if config.test_share > 0 else PATIENT_COLUMNS
    people = ({name: row[name] for name in columns} for row, _ in written)
    common.write_table(folder / "patients.csv", columns, people)
    images = (image for _, rows in written for image in rows)
    common.write_table(folder / "images.csv", IMAGE_COLUMNS, images)
