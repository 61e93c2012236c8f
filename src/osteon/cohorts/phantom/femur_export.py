"""The femur phantom's folder: tables, MR slices, masks and boxes, patient by patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from PIL import Image

from osteon.cohorts.phantom import common
from osteon.cohorts.phantom.femur import FemurPhantomConfig
from osteon.cohorts.phantom.femur_anatomy import Anatomy, draw_anatomy
from osteon.cohorts.phantom.femur_lesions import Lesion, draw_kind, draw_lesion
from osteon.cohorts.phantom.femur_people import draw_age, draw_sex, label_of
from osteon.cohorts.phantom.femur_render import Picture, Stack, draw_stack, take_picture
from osteon.cohorts.phantom.femur_signal import SCANNERS, Protocol, Scanner
from osteon.cohorts.phantom.slice_writer import SliceHeader, write_slice

IMAGE_COLUMNS = ("file", "patient_id", "sequence", "view", "slice", "mask", "boxes")
# Hospitals and their scanners (indices into SCANNERS).
CENTRES = {
    "Phantom University Hospital": (0, 1),
    "Phantom City Hospital": (2, 3),
    "Phantom Rural Clinic": (4,),
}
CENTRE_SHARES = (0.45, 0.35, 0.2)
LOCATIONS = {"distal": 0.55, "shaft": 0.2, "proximal": 0.25}
VIEWS = {
    "distal": {"coronal": 0.45, "sagittal": 0.35, "axial": 0.2},
    "shaft": {"coronal": 0.5, "sagittal": 0.2, "axial": 0.3},
    "proximal": {"coronal": 0.75, "axial": 0.25},
}
SYNTAXES = {
    "explicit_le": 0.75,
    "implicit_le": 0.05,
    "rle": 0.08,
    "jpeg_ls": 0.07,
    "jpeg_2000": 0.05,
}


@dataclass(frozen=True)
class Patient:
    """One phantom patient: the row in patients.csv and what all of the slices share."""

    index: int
    row: dict[str, Any]
    anatomy: Anatomy
    lesion: Lesion
    scanner: Scanner
    protocol: Protocol
    stack: Stack
    study_day: int
    syntax: str
    outlined: bool
    boxed: bool


def draw_tumour(
    config: FemurPhantomConfig, index: int, label: str, anatomy: Anatomy, view: str
) -> Lesion:
    """The patient's tumour and, for an atypical one, the class it borrows signs from."""
    rng = common.generator(config.seed, index, 1)
    others = [name for name in config.class_names if name != label]
    kind, other = draw_kind(rng, label), draw_kind(rng, str(rng.choice(others)))
    return draw_lesion(rng, anatomy, view, kind, other, config.lesion_visibility, config.overlap)


def draw_patient(config: FemurPhantomConfig, index: int) -> Patient:
    """Everything about patient `index`; only tumour, subtype and age look at the label."""
    label = label_of(config, index)
    person = common.generator(config.seed, index, 2)
    age, sex = draw_age(person, config, label), draw_sex(person)
    visit = common.generator(config.seed, index, 4)
    location = common.pick(visit, LOCATIONS)
    view = common.pick(visit, VIEWS[location])
    centre = common.pick(visit, dict(zip(CENTRES, CENTRE_SHARES, strict=True)))
    scanner = SCANNERS[int(visit.choice(CENTRES[centre]))]
    protocol = scanner.protocols[int(visit.choice(len(scanner.weights), p=scanner.weights))]
    anatomy = draw_anatomy(common.generator(config.seed, index, 3), location, age, sex)
    lesion = draw_tumour(config, index, label, anatomy, view)
    row = {
        "patient_id": common.patient_number(config.seed, index),
        "label": label,
        "age": age,
        "sex": sex,
        "site": "femur",
        "location": location,
        "subtype": lesion.kind,
        "centre": centre,
    }
    outlined, boxed = visit.random(2) < (config.expert_masks_share, config.expert_boxes_share)
    return Patient(
        index,
        row,
        anatomy,
        lesion,
        scanner,
        protocol,
        stack=draw_stack(visit, view, anatomy, lesion),
        study_day=int(visit.integers(0, 930)),  # July 2020 to January 2023
        syntax=common.pick(visit, SYNTAXES),
        outlined=bool(outlined),
        boxed=bool(outlined and boxed),
    )


def identity(config: FemurPhantomConfig, patient: Patient, number: int) -> dict[str, Any]:
    """Whose image it is, of which visit, from which machine."""
    index, row, scanner = patient.index, patient.row, patient.scanner
    name = f"osteon/femur/{config.seed}/{index}"
    taken = date(2020, 7, 1) + timedelta(days=patient.study_day)
    born = taken - timedelta(days=int(row["age"] * 365.25) + 40 + index % 290)
    return {
        "patient_id": row["patient_id"],
        "patient_name": f"Phantom^Femur{index:05d}",
        "sex": row["sex"],
        "age": row["age"],
        "birth_date": born.strftime("%Y%m%d"),
        "study_date": taken.strftime("%Y%m%d"),
        "study_time": f"{8 + index % 10:02d}{(7 * index) % 60:02d}{number:02d}",
        "study": f"{name}/study",
        "series": f"{name}/series",
        "instance": f"{name}/image/{number}",
        "number": number,
        "accession": f"ACC{config.seed % 1000:03d}{index:06d}",
        "institution": row["centre"],
        "physician": "Referring^Phantom",
        "manufacturer": scanner.manufacturer,
        "model": scanner.model,
        "station": scanner.station,
    }


def header(
    config: FemurPhantomConfig, patient: Patient, number: int, picture: Picture
) -> SliceHeader:
    """The header of the patient's `number`-th slice."""
    stack, protocol, scanner = patient.stack, patient.protocol, patient.scanner
    low, high = np.percentile(picture.pixels[::3, ::3], (2, 99.3))
    return SliceHeader(
        **identity(config, patient, number),
        modality="MR",
        series_number=1,
        series_description=f"{protocol.sequence} {stack.view}",
        study_description="MR femur",
        body_part="FEMUR",
        frame_of_reference=f"osteon/femur/{config.seed}/{patient.index}/frame",
        position=tuple(picture.position.tolist()),
        orientation=(*stack.row.tolist(), *stack.column.tolist()),
        spacing=(picture.spacing, picture.spacing),
        thickness=stack.thickness,
        between=stack.between,
        window=(float(low + high) / 2, max(float(high - low), 16.0)),
        transfer_syntax=patient.syntax,
        modality_tags={
            "RepetitionTime": protocol.tr,
            "EchoTime": protocol.te,
            "EchoTrainLength": protocol.train,
            "MagneticFieldStrength": scanner.tesla,
            "ScanOptions": "FS" if protocol.saturates_fat else "",
            "Laterality": "R" if patient.anatomy.right else "L",
        },
    )


def write_image(
    folder: Path, config: FemurPhantomConfig, patient: Patient, number: int
) -> dict[str, Any]:
    """Write slice `number` (from 1) with its mask and boxes; its row of images.csv."""
    shift = (number - 1 - config.slices // 2) * patient.stack.between
    picture = take_picture(
        common.generator(config.seed, patient.index, 10 + number),
        patient.anatomy,
        patient.lesion,
        patient.scanner,
        patient.protocol,
        patient.stack,
        shift,
        config.image_size,
        config.noise,
    )
    series = Path("dicom") / f"ST{patient.index:06d}" / "SE001"
    (folder / series).mkdir(parents=True, exist_ok=True)
    stem = f"IM{number:05d}"
    file = series / f"{stem}{patient.scanner.extension}"
    write_slice(folder / file, header(config, patient, number, picture), picture.pixels)
    row = {"file": file.as_posix(), "patient_id": patient.row["patient_id"], "slice": number}
    row |= {"sequence": patient.protocol.sequence, "view": patient.stack.view}
    row |= {"mask": "", "boxes": ""}
    if patient.outlined and picture.mask.any():
        mask, boxes = Path("masks") / f"ST{patient.index:06d}_{stem}.png", series / f"{stem}.json"
        Image.fromarray(picture.mask).save(folder / mask)
        row["mask"] = mask.as_posix()
        if patient.boxed:
            label = str(patient.row["label"])
            common.write_boxes(folder / boxes, file, picture.mask, label)
            row["boxes"] = boxes.as_posix()
    return row


def write_patient(
    folder: Path, config: FemurPhantomConfig, index: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write one patient's files; that patient's row and the rows of the images."""
    patient = draw_patient(config, index)
    numbers = range(1, config.slices + 1)
    return patient.row, [write_image(folder, config, patient, number) for number in numbers]


def write_cohort(folder: Path, config: FemurPhantomConfig, workers: int) -> None:
    """Write every patient, `workers` at a time (0 = all cores), then the two tables."""
    (folder / "masks").mkdir()
    jobs = (delayed(write_patient)(folder, config, index) for index in range(config.patients))
    written = list(Parallel(n_jobs=workers or -1)(jobs))
    common.write_table(folder / "patients.csv", common.PATIENT_FACTS, (row for row, _ in written))
    images = (image for _, rows in written for image in rows)
    common.write_table(folder / "images.csv", IMAGE_COLUMNS, images)
