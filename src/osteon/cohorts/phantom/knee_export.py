"""The knee phantom's folder: tables, radiographs, boxes and masks, patient by patient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from osteon.cohorts.phantom import common
from osteon.cohorts.phantom import knee_labs as labs
from osteon.cohorts.phantom.common import (
    PATIENT_FACTS,
    has_share,
    patient_number,
    pick,
    write_boxes,
)
from osteon.cohorts.phantom.dicom_writer import Radiograph, write_radiograph
from osteon.cohorts.phantom.knee import CLASSES, KneePhantomConfig
from osteon.cohorts.phantom.knee_anatomy import Anatomy, draw_anatomy
from osteon.cohorts.phantom.knee_lesions import MIMICS, Lesion, draw_mimic, draw_osteosarcoma
from osteon.cohorts.phantom.knee_render import (
    SCANNERS,
    Picture,
    Scanner,
    draw_exam,
    draw_view,
    take_picture,
)

LABS = ("alp", "alp_low", "alp_high", "ldh", "ldh_low", "ldh_high")
OSTEOSARCOMAS = ("osteoblastic", "chondroblastic", "fibroblastic", "telangiectatic")
OSTEOSARCOMA_WEIGHTS = (0.55, 0.2, 0.17, 0.08)
INJURIES = ("meniscal_injury", "ligament_tear", "inflammation")
# Hospitals and their X-ray rooms (indices into SCANNERS).
CENTRES = {"Phantom People's Hospital": (0, 1, 2), "Phantom County Hospital": (3, 4)}
# A lesion too early to be seen still changes the film by this part of a florid one.
OCCULT_CONTRAST = 0.02


@dataclass(frozen=True)
class Patient:
    """One phantom patient: the row in patients.csv and what all of the X-rays share."""

    index: int
    row: dict[str, Any]
    anatomy: Anatomy
    lesions: tuple[Lesion, ...]
    scanner: Scanner
    views: tuple[str, ...]
    study_day: int


def generator(config: KneePhantomConfig, index: int, stream: int) -> np.random.Generator:
    """Patient `index`'s own randomness, so that no patient depends on how many others there are."""
    return common.generator(config.seed, index, stream)


def is_tumour(config: KneePhantomConfig, index: int) -> bool:
    """Classes in the asked proportion in every stretch of patients, not only on average."""
    return has_share(config.seed, config.osteosarcoma_fraction, index)


def draw_contrast(rng: np.random.Generator, config: KneePhantomConfig) -> float:
    """How plainly a tumour shows: hidden in a share of patients, else about the median asked."""
    hidden, spread = rng.random() < config.occult_fraction, rng.normal()
    shown = config.lesion_visibility * math.exp(0.4 * spread)
    return OCCULT_CONTRAST if hidden else float(np.clip(shown, OCCULT_CONTRAST, 2.0))


def draw_disease(
    rng: np.random.Generator, config: KneePhantomConfig, tumour: bool
) -> tuple[str, str, tuple[Lesion, ...]]:
    """(bone, subtype, lesions): a tumour, or an injury that may look like one."""
    bone = "femur" if rng.random() < 0.6 else "tibia"
    contrast, confuse = draw_contrast(rng, config), rng.random() < config.confusing_fraction
    if tumour:
        subtype = str(rng.choice(OSTEOSARCOMAS, p=OSTEOSARCOMA_WEIGHTS))
        return bone, subtype, (draw_osteosarcoma(rng, bone, subtype, contrast),)
    subtype, kind = str(rng.choice(INJURIES)), str(rng.choice(MIMICS))
    if not confuse:
        return bone, subtype, ()
    shown = float(np.clip(config.lesion_visibility * rng.uniform(0.4, 1.2), 0, 2))
    return bone, subtype, (draw_mimic(rng, bone, kind, shown),)


def draw_person(
    rng: np.random.Generator, config: KneePhantomConfig, tumour: bool, burden: float
) -> dict[str, Any]:
    """Age, sex and labs as in patients.csv; None where a test was not done."""
    sex = labs.draw_sex(rng, tumour)
    age = labs.draw_age(rng, tumour and rng.random() < config.age_effect, sex)
    values = labs.draw_labs(rng, tumour, age, sex, burden, config.lab_effect)
    missing = config.missing_labs_osteosarcoma if tumour else config.missing_labs_non_tumour
    alp_missing, ldh_missing, alone = rng.random(), rng.random(), rng.random()
    # Both are ordered together as a rule; the second roll is LDH forgotten on its own.
    lost = {"alp": alp_missing < missing}
    lost["ldh"] = lost["alp"] if alone < 0.8 else ldh_missing < missing
    kept = {name: None if lost[name[:3]] else value for name, value in values.items()}
    return {"age": age, "sex": sex, **kept}


def draw_patient(config: KneePhantomConfig, index: int) -> Patient:
    """Everything about patient `index`."""
    tumour = is_tumour(config, index)
    disease = generator(config, index, 1)
    bone, subtype, lesions = draw_disease(disease, config, tumour)
    burden = float(lesions[0].contrast) if tumour and lesions else 0.0
    person = draw_person(generator(config, index, 2), config, tumour, min(burden, 1.0))
    anatomy = draw_anatomy(generator(config, index, 3), person["age"], person["sex"])
    visit = generator(config, index, 4)
    centre = str(visit.choice(list(CENTRES), p=(0.7, 0.3)))
    scanner = SCANNERS[int(visit.choice(CENTRES[centre]))]
    count = int(visit.integers(config.views_min, config.views_max + 1))
    views = ("AP", "LAT", *(str(view) for view in visit.choice(["OBL", "AP", "LAT"], size=2)))
    row = {
        "patient_id": patient_number(config.seed, index),
        "label": CLASSES[tumour],
        "site": bone,
        "location": "right_knee" if anatomy.right else "left_knee",
        "subtype": subtype,
        "centre": centre,
        **person,
    }
    day = int(visit.integers(0, 3650))
    return Patient(index, row, anatomy, lesions, scanner, views[:count], day)


def radiograph(
    config: KneePhantomConfig, patient: Patient, number: int, picture: Picture, syntax: str
) -> Radiograph:
    """The header of the patient's `number`-th X-ray."""
    name = f"osteon/knee/{config.seed}/{patient.index}"
    taken = date(2014, 1, 1) + timedelta(days=patient.study_day)
    born = taken - timedelta(days=int(patient.row["age"] * 365.25) + 40 + patient.index % 290)
    low, high = np.percentile(picture.pixels[8:-8:3, 8:-8:3], (2, 99.8))
    scanner = patient.scanner
    return Radiograph(
        patient_id=patient.row["patient_id"],
        patient_name=f"Phantom^Knee{patient.index:05d}",
        sex=patient.row["sex"],
        age=patient.row["age"],
        birth_date=born.strftime("%Y%m%d"),
        study_date=taken.strftime("%Y%m%d"),
        study_time=f"{8 + patient.index % 10:02d}{(7 * patient.index) % 60:02d}{number:02d}",
        study=f"{name}/study",
        series=f"{name}/series/{number}",
        instance=f"{name}/image/{number}",
        number=number,
        accession=f"ACC{config.seed % 1000:03d}{patient.index:06d}",
        institution=patient.row["centre"],
        physician="Referring^Phantom",
        manufacturer=scanner.manufacturer,
        model=scanner.model,
        station=scanner.station,
        kvp=scanner.kvp,
        view=patient.views[number - 1],
        right=patient.anatomy.right,
        body_part="KNEE",
        spacing=picture.spacing,
        photometric=scanner.monochrome,
        window=(round((low + high) / 2), max(round(high - low), 16)),
        transfer_syntax=syntax,
    )


def write_image(
    folder: Path, config: KneePhantomConfig, patient: Patient, number: int
) -> dict[str, Any]:
    """Write one X-ray with its mask and boxes; its row of images.csv."""
    rng = generator(config, patient.index, 10 + number)
    name = patient.views[number - 1]
    view = draw_view(rng, name, patient.anatomy, draw_exam(generator(config, patient.index, 5)))
    size: tuple[int, int] = (config.image_size, round(config.image_size * patient.scanner.aspect))
    picture = take_picture(
        rng, patient.anatomy, patient.lesions, view, patient.scanner, size, config.noise
    )
    syntax = pick(rng, config.transfer_syntaxes)
    study = Path("dicom") / f"ST{patient.index:06d}" / f"SE{number:03d}"
    (folder / study).mkdir(parents=True)
    stem = f"IM{number:05d}"
    file = study / f"{stem}{patient.scanner.extension}"
    header = radiograph(config, patient, number, picture, syntax)
    write_radiograph(folder / file, header, picture.pixels)
    row = {"file": file.as_posix(), "patient_id": patient.row["patient_id"], "sequence": "XR"}
    row |= {"view": name, "mask": "", "boxes": ""}
    if picture.mask.any():
        mask, boxes = Path("masks") / f"ST{patient.index:06d}_{stem}.png", study / f"{stem}.json"
        Image.fromarray(picture.mask).save(folder / mask)
        write_boxes(folder / boxes, file, picture.mask, str(patient.row["label"]))
        row |= {"mask": mask.as_posix(), "boxes": boxes.as_posix()}
    return row


def write_patient(
    folder: Path, config: KneePhantomConfig, index: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write one patient's files; that patient's row and the rows of the images."""
    patient = draw_patient(config, index)
    numbers = range(1, len(patient.views) + 1)
    return patient.row, [write_image(folder, config, patient, number) for number in numbers]


def write_cohort(folder: Path, config: KneePhantomConfig, workers: int) -> None:
    """Write every patient, `workers` at a time (0 = all cores), then the two tables."""
    write = partial(write_patient, folder, config)
    common.write_cohort(folder, config.patients, write, PATIENT_FACTS + LABS, workers)
