"""The spine phantom's folder: tables, CT series, boxes and masks, patient by patient."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osteon.cohorts.phantom import common
from osteon.cohorts.phantom.common import PATIENT_FACTS, Row, generator, pick
from osteon.cohorts.phantom.slice_writer import SliceHeader, write_slice
from osteon.cohorts.phantom.spine import CLASSES, SpinePhantomConfig
from osteon.cohorts.phantom.spine_anatomy import LEVEL_WEIGHTS, SpineAnatomy, draw_anatomy
from osteon.cohorts.phantom.spine_lesions import SUBTYPES, Lesion, Look, draw_lesion, draw_look
from osteon.cohorts.phantom.spine_render import (
    SCANNERS,
    Scanner,
    Setup,
    Volume,
    draw_setup,
    scan,
    scout,
)

# Hospitals and their CT rooms (indices into SCANNERS).
CENTRES = {
    "Phantom County Hospital": (0, 1),
    "Phantom City Hospital": (2, 3),
    "Phantom University Hospital": (4,),
}
CENTRE_WEIGHTS = dict(zip(CENTRES, (0.6, 0.28, 0.12), strict=True))
OCCULT_CONTRAST = 0.12
YOUNGER = 15  # years, at full age effect


@dataclass(frozen=True)
class Patient:
    """One phantom patient: the row in patients.csv and what all slices share."""

    index: int
    row: Row
    anatomy: SpineAnatomy
    lesion: Lesion
    look: Look
    contrast: float
    scanner: Scanner
    setup: Setup
    syntax: str
    study_day: int


def is_osteosarcoma(config: SpinePhantomConfig, index: int) -> bool:
    """Classes in the asked proportion in every stretch of patients, not only on average."""
    return common.has_share(config.seed, config.osteosarcoma_fraction, index)


def draw_age(rng: np.random.Generator, label: str, effect: float) -> int:
    """The paper's odd ages for these tumours: 41 to 90, mean 61 (standard deviation about 14)."""
    age = 41 + 49 * rng.beta(0.8, 1.15)
    younger = YOUNGER * effect * float(rng.random() * 2) * (label == CLASSES[0])
    return int(np.clip(age - younger, 41, 90))


def draw_contrast(rng: np.random.Generator, config: SpinePhantomConfig) -> float:
    """How plainly the lesion shows: hidden in a share of patients, else about the median asked."""
    hidden, spread = rng.random() < config.occult_fraction, rng.normal()
    shown = config.lesion_visibility * math.exp(0.3 * spread)
    hint = min(OCCULT_CONTRAST, config.lesion_visibility)
    return hint if hidden else float(min(shown, 2.0))


def draw_patient(config: SpinePhantomConfig, index: int, label: str | None = None) -> Patient:
    """Everything about patient `index`; `label` overrules the class that the index stands for.

    Only the look of the lesion and, through `age_effect`, the age depend on the class.
    """
    label = CLASSES[is_osteosarcoma(config, index)] if label is None else label
    disease, person = generator(config.seed, index, 1), generator(config.seed, index, 2)
    subtype = pick(disease, SUBTYPES[label])
    look = draw_look(disease, label, subtype, bool(disease.random() < config.confusing_fraction))
    sex = "M" if person.random() < 252 / 300 else "F"
    level = pick(person, LEVEL_WEIGHTS)
    age = draw_age(person, label, config.age_effect)
    anatomy = draw_anatomy(generator(config.seed, index, 3), level, age, sex)
    visit = generator(config.seed, index, 4)
    centre = pick(visit, CENTRE_WEIGHTS)
    scanner = SCANNERS[int(visit.choice(CENTRES[centre]))]
    row = {
        "patient_id": common.patient_number(config.seed, index),
        "label": label,
        "age": age,
        "sex": sex,
        "site": "spine",
        "location": level,
        "subtype": subtype,
        "centre": centre,
    }
    return Patient(
        index,
        row,
        anatomy,
        draw_lesion(generator(config.seed, index, 5), anatomy),
        look,
        draw_contrast(generator(config.seed, index, 6), config),
        scanner,
        draw_setup(visit, anatomy, scanner, shape_of(config)),
        pick(visit, config.transfer_syntaxes),
        int(visit.integers(0, 730)),
    )


def shape_of(config: SpinePhantomConfig) -> tuple[int, int, float]:
    """Slices, rows and mm between slices."""
    return config.slices, config.image_size, config.slice_mm


def draw_volume(config: SpinePhantomConfig, patient: Patient) -> Volume:
    """The patient's slices, feet first."""
    return scan(
        generator(config.seed, patient.index, 7),
        patient.anatomy,
        patient.lesion,
        patient.look,
        patient.contrast,
        patient.setup,
        patient.scanner,
        shape_of(config),
        config.noise,
    )


def identity(config: SpinePhantomConfig, patient: Patient) -> dict[str, Any]:
    """What all headers of a patient share: whose they are, which visit, which machine."""
    name = f"osteon/spine/{config.seed}/{patient.index}"
    taken = date(2019, 1, 1) + timedelta(days=patient.study_day)
    born = taken - timedelta(days=int(patient.row["age"] * 365.25) + 40 + patient.index % 290)
    scanner = patient.scanner
    return {
        "patient_id": patient.row["patient_id"],
        "patient_name": f"Phantom^Spine{patient.index:05d}",
        "sex": patient.row["sex"],
        "age": patient.row["age"],
        "birth_date": born.strftime("%Y%m%d"),
        "study_date": taken.strftime("%Y%m%d"),
        "study_time": f"{8 + patient.index % 10:02d}{(7 * patient.index) % 60:02d}00",
        "study": f"{name}/study",
        "series": f"{name}/series/2",
        "frame_of_reference": f"{name}/space",
        "accession": f"ACC{config.seed % 1000:03d}{patient.index:06d}",
        "institution": patient.row["centre"],
        "physician": "Referring^Phantom",
        "manufacturer": scanner.manufacturer,
        "model": scanner.model,
        "station": scanner.station,
        "body_part": patient.anatomy.level.body_part,
        "transfer_syntax": patient.syntax,
        "intercept": scanner.intercept,
        "modality_tags": {"KVP": scanner.kvp, "ConvolutionKernel": scanner.kernel},
    }


def header(config: SpinePhantomConfig, patient: Patient, place: int) -> SliceHeader:
    """The header of slice `place` (from the feet, 0 first)."""
    setup = patient.setup
    corner = -0.5 * (config.image_size - 1) * setup.spacing
    # Tables stand at different heights: 0 mm is where the technician put it.
    zero = -600 - 2.0 * (patient.index % 50) + setup.start
    return SliceHeader(
        **identity(config, patient),
        modality="CT",
        instance=f"osteon/spine/{config.seed}/{patient.index}/image/{place}",
        number=config.slices - place if patient.scanner.descending else place + 1,
        series_number=2,
        series_description="Spine axial",
        study_description="CT spine",
        position=(
            corner + setup.middle[0],
            corner + setup.middle[1],
            zero + place * config.slice_mm,
        ),
        orientation=(1, 0, 0, 0, 1, 0),
        spacing=(setup.spacing, setup.spacing),
        thickness=config.slice_mm,
        between=config.slice_mm,
        window=(300, 1500),
    )


def write_scout(folder: Path, study: Path, image: SliceHeader, volume: Volume) -> Row:
    """Write the localizer as a series of its own; its row of images.csv."""
    series = study / "SE001"
    (folder / series).mkdir(parents=True)
    file = series / "IM00001"
    pixels = scout(volume)
    top = image.position[2] + image.between * (len(volume.hu) - 1)
    made = replace(
        image,
        series=f"{image.series}/scout",
        instance=f"{image.instance}/scout",
        number=1,
        series_number=1,
        series_description="Scout",
        position=(image.position[0], 0.0, top),
        orientation=(1, 0, 0, 0, 0, -1),
        spacing=(image.between / 4, image.spacing[1]),
        # JPEG 2000 wants 32 rows for its levels, and a short series has a scout of fewer.
        transfer_syntax="explicit_le",
        localizer=True,
    )
    write_slice(folder / file, made, pixels)
    return _row(file, image, "coronal")


def _row(file: Path, image: SliceHeader, view: str) -> Row:
    row: dict[str, Any] = {"file": file.as_posix(), "patient_id": image.patient_id}
    return row | {"sequence": "CT", "view": view, "mask": "", "boxes": ""}


def write_one(
    folder: Path, file: Path, image: SliceHeader, hu: NDArray[np.int16], mask: NDArray[np.uint8]
) -> Row:
    """Write one slice, with mask and boxes where it holds a lesion; its row of images.csv."""
    write_slice(folder / file, image, hu)
    row = _row(file, image, "axial")
    if not mask.any():
        return row
    study, _, name = file.parts[1:]
    picture, boxes = Path("masks") / f"{study}_{Path(name).stem}.png", file.with_suffix(".json")
    Image.fromarray(mask).save(folder / picture)
    return row | {"mask": picture.as_posix(), "boxes": boxes.as_posix()}


def write_patient(folder: Path, config: SpinePhantomConfig, index: int) -> tuple[Row, list[Row]]:
    """Write one patient's files; that patient's row and the rows of the images."""
    patient = draw_patient(config, index)
    volume = draw_volume(config, patient)
    study = Path("dicom") / f"ST{index:06d}"
    (folder / study / "SE002").mkdir(parents=True)
    # File names in no order: what puts the slices in order is their geometry.
    names = generator(config.seed, index, 8).permutation(config.slices) + 1
    rows = []
    if config.localizers and patient.scanner.scout:
        rows.append(write_scout(folder, study, header(config, patient, 0), volume))
    for place in np.argsort(names).tolist():
        file = study / "SE002" / f"IM{names[place]:05d}{patient.scanner.extension}"
        mask, image = volume.mask[place], header(config, patient, place)
        row = write_one(folder, file, image, volume.hu[place], mask)
        if row["boxes"]:
            label = str(patient.row["label"])
            common.write_boxes(folder / row["boxes"], file, mask, label)
        rows.append(row)
    return patient.row, rows


def write_cohort(folder: Path, config: SpinePhantomConfig, workers: int) -> None:
    """Write every patient, `workers` at a time (0 = all cores), then the two tables."""
    write = partial(write_patient, folder, config)
    common.write_cohort(folder, config.patients, write, PATIENT_FACTS, workers)
