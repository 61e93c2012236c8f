"""Tumours of the femur: what they are made of, and the signs by which their class is told.

Benign: sharp and geographic with a sclerotic rim, homogeneous or lobulated, kept within the bone.
Malignant: permeative, heterogeneous with necrosis, through the cortex into the soft tissue, with
oedema and periosteal reaction. Intermediate (as giant cell tumour): sharp but expansile and
eccentric, without a rim. Each sign is a number from 0 (absent) to 1 (plain), so that signs can
fade with visibility and be borrowed from another class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from osteon.cohorts.phantom.femur_anatomy import HEAD, Anatomy, Points, femur

SMALLEST_MM, LARGEST_MM = 7.0, 38.0  # with an uneven outline the paper's 0.7 to 3.9 cm
BORROWED = (0.15, 0.7)  # chance that an atypical tumour borrows each of its signs


@dataclass(frozen=True)
class Signs:
    """How plain each sign is, 0..1."""

    rim: float = 0.0
    blur: float = 0.0
    permeative: float = 0.0
    lobules: float = 0.0
    mixed: float = 0.0
    necrosis: float = 0.0
    breach: float = 0.0
    mass: float = 0.0
    oedema: float = 0.0
    periosteum: float = 0.0
    expansion: float = 0.0


@dataclass(frozen=True)
class Kind:
    """One tumour: its class, how common it is there, its tissue, what is mixed in, its signs."""

    label: str
    weight: float
    tissue: str
    second: str
    signs: Signs


# fmt: off
KINDS = {
    "enchondroma": Kind("benign", 0.36, "chondroid", "osteoid",
        Signs(rim=0.55, lobules=0.9, mixed=0.3, blur=0.05)),
    "fibrous_dysplasia": Kind("benign", 0.2, "fibrous", "cyst",
        Signs(rim=0.9, mixed=0.15, expansion=0.2, blur=0.1)),
    "non_ossifying_fibroma": Kind("benign", 0.12, "fibrous", "osteoid",
        Signs(rim=1.0, lobules=0.5, mixed=0.2)),
    "bone_cyst": Kind("benign", 0.24, "cyst", "fluid",
        Signs(rim=0.7, expansion=0.3)),
    "lipoma": Kind("benign", 0.08, "lipoma", "cyst",
        Signs(rim=0.8, mixed=0.1)),
    "giant_cell_tumor": Kind("intermediate", 0.6, "giant_cell", "cyst",
        Signs(expansion=0.9, mixed=0.5, necrosis=0.3, breach=0.3, oedema=0.25, blur=0.1)),
    "atypical_cartilaginous_tumor": Kind("intermediate", 0.25, "chondroid", "osteoid",
        Signs(expansion=0.5, lobules=0.9, mixed=0.4, breach=0.2, rim=0.1, oedema=0.1)),
    "desmoplastic_fibroma": Kind("intermediate", 0.15, "fibrous", "tumour",
        Signs(expansion=0.8, lobules=0.3, mixed=0.3, breach=0.3, rim=0.15)),
    "osteosarcoma": Kind("malignant", 0.4, "tumour", "osteoid",
        Signs(blur=0.7, permeative=0.9, mixed=0.8, necrosis=0.5, breach=0.9, mass=0.8,
              oedema=0.7, periosteum=0.9)),
    "chondrosarcoma": Kind("malignant", 0.3, "chondroid", "osteoid",
        Signs(blur=0.3, permeative=0.4, lobules=0.8, mixed=0.6, necrosis=0.2, breach=0.7,
              mass=0.5, oedema=0.4, periosteum=0.3, expansion=0.2)),
    "undifferentiated_sarcoma": Kind("malignant", 0.2, "tumour", "fibrous",
        Signs(blur=0.6, permeative=0.7, mixed=0.7, necrosis=0.9, breach=0.8, mass=0.8,
              oedema=0.6, periosteum=0.3)),
    "lymphoma": Kind("malignant", 0.1, "tumour", "fibrous",
        Signs(blur=0.9, permeative=0.9, mixed=0.2, breach=0.4, mass=0.8, oedema=0.7,
              periosteum=0.2)),
}
# fmt: on


@dataclass(frozen=True)
class Lesion:
    """One tumour in the bone's coordinates, mm, the same in every slice.

    `contrast` fades the tumour, 0..1; `signs` are already scaled. `outwards` is a unit vector from
    the tumour to the nearest cortex and `surface` where it meets it.
    """

    kind: str
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    outwards: tuple[float, float, float]
    surface: tuple[float, float, float]
    contrast: float
    signs: Signs


def draw_kind(rng: np.random.Generator, label: str) -> str:
    """A tumour of the class, as common as it is."""
    names = [name for name, kind in KINDS.items() if kind.label == label]
    weights = np.array([KINDS[name].weight for name in names])
    return str(rng.choice(names, p=weights / weights.sum()))


def draw_signs(rng: np.random.Generator, kind: str, other: str, overlap: float) -> Signs:
    """The tumour's signs; an atypical one borrows some of those of the `other` kind."""
    names = [field.name for field in fields(Signs)]
    atypical = rng.random() < overlap
    borrowed = rng.random(len(names)) < rng.uniform(*BORROWED)
    vary = rng.uniform(0.55, 1.25, size=len(names))
    values = {
        name: getattr(KINDS[other if atypical and take else kind].signs, name) * factor
        for name, take, factor in zip(names, borrowed, vary, strict=True)
    }
    return Signs(**{name: min(float(value), 1.2) for name, value in values.items()})


def draw_size(rng: np.random.Generator) -> float:
    """Largest diameter in mm: 32 on average and skewed to the left, as the printed range asks."""
    return float(np.clip(LARGEST_MM - rng.gamma(1.0, 4.6), SMALLEST_MM, LARGEST_MM))


def draw_centre(
    rng: np.random.Generator, anatomy: Anatomy, view: str
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """(centre, direction towards the cortex), the direction near the plane of `view`."""
    turn = {"coronal": 0.0, "sagittal": math.pi / 2, "axial": rng.uniform(0, math.pi)}[view]
    turn += rng.normal(0, 0.3) + math.pi * int(rng.integers(2))
    out = (math.cos(turn), float(rng.normal(0, 0.15)), math.sin(turn))
    if anatomy.location == "distal":
        level = float(rng.uniform(-70, -16))
        away = float(rng.uniform(0.1, 0.5)) * (14 + 18 * max(0.0, 1 + level / 85))
        beside = float(rng.uniform(-22, 22)) * max(0.25, 1 + level / 110) * abs(out[2])
        return (out[0] * away + beside, level, out[2] * away * 0.6), unit(out)
    if anatomy.location == "shaft":
        away = float(rng.uniform(0, 4))
        return (out[0] * away, float(rng.uniform(-22, 22)), out[2] * away), unit(out)
    site = np.array([HEAD, (-20.0, -44.0, -3.0), (2.0, -28.0, 0.0)][int(rng.integers(3))])
    u, y, z = (float(value) for value in site + rng.uniform(-5, 5, size=3))
    return (u, y, z), unit(out)


def unit(vector: tuple[float, float, float]) -> tuple[float, float, float]:
    """The vector at length 1."""
    length = math.hypot(*vector)
    return (vector[0] / length, vector[1] / length, vector[2] / length)


def exit_point(
    anatomy: Anatomy, centre: tuple[float, float, float], out: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Where a ray from `centre` along `out` leaves the bone, to the millimetre."""
    steps = np.arange(60, dtype=np.float32)
    u, y, z = (start + steps * part for start, part in zip(centre, out, strict=True))
    outside = np.flatnonzero(femur(anatomy, Points(u, y, z, u, y)) < 0)
    first = int(outside[0]) if len(outside) else len(steps) - 1
    return float(u[first]), float(y[first]), float(z[first])


def draw_lesion(
    rng: np.random.Generator,
    anatomy: Anatomy,
    view: str,
    kind: str,
    other: str,
    visibility: float,
    overlap: float,
) -> Lesion:
    """A patient's only tumour. Size and place are drawn alike for every class.

    Args:
        rng: the patient's own generator.
        anatomy: the patient's.
        view: coronal, sagittal or axial; a reader's slice shows where a tumour breaks out.
        kind: a key of `KINDS`.
        other: a kind of another class, from which an atypical tumour borrows.
        visibility: median contrast, 0..2.
        overlap: share of atypical tumours.
    """
    size = draw_size(rng)
    centre, out = draw_centre(rng, anatomy, view)
    slim = rng.uniform(0.68, 1.0, size=2)
    shown = visibility * math.exp(0.3 * rng.normal())
    signs = draw_signs(rng, kind, other, overlap)
    lesion = Lesion(
        kind=kind,
        centre=centre,
        radii=(size / 2 * float(slim[0]), size / 2, size / 2 * float(slim[1])),
        outwards=out,
        surface=exit_point(anatomy, centre, out),
        contrast=1.0,
        signs=signs,
    )
    return faded(lesion, shown)


def faded(lesion: Lesion, shown: float) -> Lesion:
    """The same tumour less or more plain: at 0 neither it nor the shape of its mask tells."""
    scale = min(shown, 1.3)
    signs = Signs(**{each.name: getattr(lesion.signs, each.name) * scale for each in fields(Signs)})
    return replace(lesion, contrast=min(shown, 1.0), signs=signs)


def grown(lesion: Lesion) -> tuple[float, float, float]:
    """Where the tumour's middle lies once it has grown towards the cortex, mm.

    An expansile tumour is eccentric, and one that breaks out lies against the cortex.
    """
    signs, least = lesion.signs, min(lesion.radii)
    gap = max(math.dist(lesion.centre, lesion.surface) - 0.8 * least, 0.0)
    shift = 0.35 * signs.expansion * least + min(signs.mass, 1.0) * gap
    u, y, z = (
        centre + shift * part for centre, part in zip(lesion.centre, lesion.outwards, strict=True)
    )
    return u, y, z
