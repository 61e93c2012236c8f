"""What disease adds to a knee: osteosarcoma's radiographic signs, and injuries that imitate them.

Signs after the paper's description (spec `osteosarcoma_fusion`, sections 1 and 6): fluffy,
cloud-like new bone, sunburst spicules, a mixed lytic and permeative margin, Codman's triangle and
a soft-tissue mass, in the metaphysis of distal femur or proximal tibia.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from osteon.cohorts.phantom.knee_anatomy import Anatomy, Field, Part, look_up, ramp, unit_noise

MIMICS = ("callus", "enchondroma", "myositis", "effusion", "infarct")
CLOUD_SIDE, CLOUD_MM = 256, 0.5


@dataclass(frozen=True)
class Lesion:
    """One lesion in a bone's coordinates, the same in every view. Lengths in mm."""

    kind: str
    bone: str
    level: float
    around: float
    size: float
    contrast: float
    sclerosis: float
    lysis: float
    spicules: float
    mass: float
    rays: NDArray[np.float32]
    clouds: Field


class Change(NamedTuple):
    """What a lesion does to one view: added bone and soft tissue (mm), and where it lies."""

    bone: Field
    soft: Field
    where: NDArray[np.bool_]


def draw_osteosarcoma(rng: np.random.Generator, bone: str, subtype: str, contrast: float) -> Lesion:
    """A tumour of the given bone; the subtype decides between new bone and destruction."""
    sclerosis, lysis = {
        "osteoblastic": (1.0, 0.35),
        "chondroblastic": (0.75, 0.6),
        "fibroblastic": (0.45, 0.9),
        "telangiectatic": (0.25, 1.1),
    }[subtype]
    away = float(rng.uniform(36, 52))
    return Lesion(
        kind="osteosarcoma",
        bone=bone,
        level=-away if bone == "femur" else away - 4,
        around=float(rng.uniform(0, 2 * math.pi)),
        size=float(rng.uniform(14, 22)) * (0.8 + 0.25 * contrast),
        contrast=contrast,
        sclerosis=sclerosis * float(rng.uniform(0.8, 1.2)),
        lysis=lysis * float(rng.uniform(0.8, 1.2)),
        spicules=float(rng.uniform(0.6, 1.2)) * (0.4 + 0.6 * sclerosis),
        mass=float(rng.uniform(0.6, 1.1)),
        rays=rays(rng, 110),
        clouds=unit_noise(rng, CLOUD_SIDE, (5, 5)),
    )


def draw_mimic(rng: np.random.Generator, bone: str, kind: str, contrast: float) -> Lesion:
    """A harmless picture that a network may take for a tumour."""
    away = float(rng.uniform(34, 58))
    return Lesion(
        kind=kind,
        bone=bone,
        level=-away if bone == "femur" else away,
        around=float(rng.uniform(0, 2 * math.pi)),
        size=float(rng.uniform(11, 19)),
        contrast=contrast,
        sclerosis=float(rng.uniform(0.7, 1.1)),
        lysis=float(rng.uniform(0.2, 0.6)),
        spicules=0.0,
        mass=float(rng.uniform(0.5, 1.0)),
        rays=rays(rng, 90),
        clouds=unit_noise(rng, CLOUD_SIDE, (3.2, 3.2)),
    )


def rays(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Strength of the spicule at each of `count` angles: few strong ones, many faint."""
    return (rng.random(count) ** 2).astype(np.float32)


def window(
    u: Field,
    y: Field,
    centre: tuple[float, float],
    radii: tuple[float, float],
    rough: Field | float = 1.0,
) -> Field:
    """A soft ellipse: 1 in the middle, 0 from the rim on; `rough` pushes the rim in and out."""
    du, dy = (u - centre[0]) / radii[0], (y - centre[1]) / radii[1]
    return 1 - ramp(np.sqrt(du * du + dy * dy) * rough, 0.5, 1.0)


def sunburst(lesion: Lesion, u: Field, y: Field, at: tuple[float, float]) -> Field:
    """Spicules that stand out from `at`, 0..1: thin rays that fan and fade."""
    turn = np.arctan2(y - at[1], u - at[0]) * (len(lesion.rays) / (2 * math.pi))
    first = np.floor(turn).astype(np.int32)
    share = (turn - first).astype(np.float32)
    count = len(lesion.rays)
    low, high = lesion.rays[first % count], lesion.rays[(first + 1) % count]
    return low + (high - low) * share


def codman(part: Part, lesion: Lesion, side: float) -> Field:
    """Codman's triangle: periosteum lifted off the cortex at both ends of the tumour, 0..1."""
    off = side * part.u - part.half_width
    total = np.zeros_like(off)
    for end in (-1, 1):
        along = end * (part.y - lesion.level) / lesion.size
        lift = 0.34 * lesion.size * np.clip((1.75 - along) / 0.9, 0, 1)
        span = ramp(along, 0.75, 0.95) * (1 - ramp(along, 1.6, 1.8))
        line = np.exp(-(((off - lift) / 0.9) ** 2))
        fill = 0.3 * (off > 0) * (off < lift)
        total = np.maximum(total, (line + fill) * span)
    return total


def osteosarcoma(part: Part, anatomy: Anatomy, lesion: Lesion, angle: float) -> Change:
    """All signs of one tumour in one view; nothing is drawn outside `where`."""
    lean = math.cos(lesion.around - angle)
    side = 1.0 if lean >= 0 else -1.0
    edge = float(np.median(part.half_width[np.abs(part.y - lesion.level) < 4]))
    core_at, mass_at = (lean * edge * 0.45, lesion.level), (lean * (edge + 3), lesion.level)
    reach = lesion.size * (0.75 + 0.75 * lesion.mass)
    clouds = look_up(lesion.clouds, part.u, part.y, CLOUD_MM)
    rough = 1 + 0.16 * clouds  # no tumour has a drawn outline
    core = window(part.u, part.y, core_at, (lesion.size * 1.1, lesion.size * 1.5), rough)
    mass = window(part.u, part.y, mass_at, (reach, reach * 1.35), rough)
    within = ramp(part.inside, -0.5, 1.5)
    fluff = np.clip(0.45 + 0.55 * clouds, 0, None)
    holes = np.clip(0.4 - 0.8 * clouds, 0, 1.4)
    burst = sunburst(lesion, part.u, part.y, (0.75 * lean * edge, lesion.level))
    bone = core * within * (13 * lesion.sclerosis * fluff - 9 * lesion.lysis * holes)
    bone += mass * (1 - within) * (6 * lesion.sclerosis * fluff + 16 * lesion.spicules * burst)
    bone += mass * within * (1 - abs(lean)) * 7 * lesion.spicules * burst
    lifted = codman(part, lesion, side) * abs(lean) ** 2
    bone += 9 * lifted * (1 - within)
    soft = 26 * lesion.mass * mass
    where = (core * within > 0.06) | (mass > 0.06) | (lifted * (1 - within) > 0.25)
    return Change(lesion.contrast * bone * where, lesion.contrast * soft * where, where)


def callus(part: Part, lesion: Lesion) -> Change:
    """An old fracture: a dense band across the bone and smooth new bone along both cortices."""
    along = (part.y - lesion.level) / lesion.size
    bump = 5.5 * np.exp(-(along**2) * 1.6)
    off = np.abs(part.u) - part.half_width
    cuff = ramp(off, -3, 0) * (1 - ramp(off, bump - 1.5, bump + 1))
    tilt = along + 0.35 * math.sin(lesion.around) * part.u / lesion.size
    band = np.exp(-((tilt * 2.6) ** 2)) * ramp(part.inside, 0, 2)
    bone = (13 * cuff * (np.abs(along) < 1.7) + 11 * band) * lesion.sclerosis
    return Change(lesion.contrast * bone, 0 * bone, bone > 0.5)


def spots(part: Part, lesion: Lesion, angle: float) -> Change:
    """Calcification: rings and arcs (enchondroma), a serpentine rim (infarct), or in muscle."""
    lean = math.cos(lesion.around - angle)
    edge = float(np.median(part.half_width[np.abs(part.y - lesion.level) < 4]))
    beside = edge + 9 if lesion.kind == "myositis" else 0.35 * edge
    radii = (lesion.size * 0.8, lesion.size * 1.2)
    area = window(part.u, part.y, (lean * beside, lesion.level), radii)
    clouds = look_up(lesion.clouds, part.u, part.y, CLOUD_MM)
    if lesion.kind == "myositis":
        pattern = np.clip(0.3 + clouds, 0, None) * 11
    else:
        pattern = np.exp(-((clouds / 0.28) ** 2)) * 17 - 2 * lesion.lysis
        area = area * ramp(part.inside, 0, 3)
    if lesion.kind == "infarct":
        area = area * (1 - area) * 4
    bone = area * pattern * lesion.sclerosis
    return Change(lesion.contrast * bone, 0 * bone, area > 0.05)


def effusion(part: Part, lesion: Lesion, angle: float) -> Change:
    """Fluid in the suprapatellar pouch: soft-tissue density in front of the lower femur."""
    centre = (-26 * math.sin(angle), -46.0)
    pouch = window(part.u, part.y, centre, (12 + 22 * abs(math.cos(angle)), 30))
    soft = 17 * pouch * lesion.mass
    return Change(0 * soft, lesion.contrast * soft, pouch > 0.05)


def draw_lesion(part: Part, anatomy: Anatomy, lesion: Lesion, angle: float) -> Change:
    """The change that `lesion` makes to `part`'s view, mm of bone and of soft tissue."""
    if lesion.kind == "osteosarcoma":
        return osteosarcoma(part, anatomy, lesion, angle)
    if lesion.kind == "callus":
        return callus(part, lesion)
    if lesion.kind == "effusion":
        return effusion(part, lesion, angle)
    return spots(part, lesion, angle)
