"""A knee as a few solids in millimetres, projected as an X-ray tube would.

Axes: x towards the fibula (lateral), y down the leg, z backwards; the joint line is y = 0. A view
turns the knee by an angle about y, so that every view of a patient shows the same solids: 0 is AP,
90 degrees lateral, the rest oblique. Each solid has elliptical cross-sections, for which the
projected half-width is exact: sqrt((a cos)^2 + (b sin)^2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.floating]  # float32 in fact: twice the speed of float64

COARSE_MM, FINE_MM = 1.0, 0.5  # size of a texel
TEXTURE_MM = 256  # a texture's period: more than a knee shows


@dataclass(frozen=True)
class Anatomy:
    """What one patient's images share. Lengths in mm for an adult of scale 1."""

    scale: float
    femur_width: float
    femur_flare: float
    tibia_width: float
    condyle: float
    cortex: float
    density: float
    valgus: float
    physis: float
    joint_gap: float
    arthrosis: float
    patella: float
    fibula: float
    leg: float
    fat: float
    right: bool
    coarse: Field
    fine: Field


class Part(NamedTuple):
    """One bone in one view: image fields in the bone's own coordinates, mm."""

    name: str
    u: Field
    y: Field
    inside: Field
    radius: Field
    cortex: Field
    density: Field
    half_width: Field


def bone_scale(age: float, sex: str) -> float:
    """Size of the knee against an adult man's: grows until about 16 (F) or 18 (M) years."""
    adult = 0.92 if sex == "F" else 1.0
    grown = 16.0 if sex == "F" else 18.0
    return adult * (0.62 + 0.38 * float(np.clip(age / grown, 0, 1)) ** 0.8)


def physis_openness(age: float, sex: str, closing: float) -> float:
    """How open the growth plate is, 0..1; closes at about 14.5 (F) or 16.5 (M) years."""
    middle = (14.5 if sex == "F" else 16.5) + closing
    return float(1 / (1 + np.exp((age - middle) / 0.8)))


def draw_anatomy(rng: np.random.Generator, age: float, sex: str) -> Anatomy:
    """One patient's knee, from that patient's own generator."""
    vary = [float(value) for value in rng.normal(size=14)]
    scale = bone_scale(age, sex) * (1 + 0.05 * vary[0])
    wide, narrow = round(TEXTURE_MM / COARSE_MM), round(TEXTURE_MM / FINE_MM)
    old = float(np.clip((age - 45) / 35, 0, 1))
    return Anatomy(
        scale=scale,
        femur_width=14.0 * (1 + 0.08 * vary[1]),
        femur_flare=35.5 * (1 + 0.06 * vary[2]),
        tibia_width=36.5 * (1 + 0.05 * vary[3]),
        condyle=18.5 * (1 + 0.06 * vary[4]),
        cortex=4.6 * (1 + 0.12 * vary[5]) * (1 - 0.3 * old),
        density=(1 + 0.14 * vary[6]) * (1 - 0.3 * old),
        valgus=6 + 2.5 * vary[7],
        physis=physis_openness(age, sex, 0.7 * vary[8]),
        joint_gap=4.6 * (1 + 0.12 * vary[9]) * (1 - 0.35 * old * float(rng.random())),
        arthrosis=old * float(rng.random()),
        patella=1 + 0.07 * vary[10],
        fibula=5.8 * (1 + 0.1 * vary[11]),
        leg=(1 + 0.1 * vary[12]) * (0.92 if age < 13 else 1.0),
        fat=float(np.clip(9 + 4 * vary[13], 3, 20)),
        right=bool(rng.random() < 0.5),
        coarse=unit_noise(rng, wide, (7, 7)),
        fine=unit_noise(rng, narrow, (3.5, 1.1)),
    )


def unit_noise(rng: np.random.Generator, side: int, sigma: tuple[float, float]) -> Field:
    """Smooth noise (side, side), standard deviation 1, periodic; `sigma` in texels, rows first."""
    white = rng.standard_normal((side, side), dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, sigma, mode="wrap", truncate=3)
    return np.asarray(smooth / smooth.std(), dtype=np.float32)


def look_up(texture: Field, u: Field, y: Field, texel_mm: float) -> Field:
    """The texture at (u, y) mm, nearest texel, wrapped: the same spot of bone looks the same."""
    wrap = texture.shape[0] - 1  # sides are powers of two: `and` wraps, below zero as well
    rows = (y * (1 / texel_mm)).astype(np.int32) & wrap
    columns = (u * (1 / texel_mm)).astype(np.int32) & wrap
    return texture[rows, columns]


def project(a: float, b: float, angle: float) -> float:
    """Half-width of an ellipse with half-axes a (x) and b (z) seen under `angle` radians."""
    return math.hypot(a * math.cos(angle), b * math.sin(angle))


def ellipse(u: Field, y: Field, centre: tuple[float, float], radii: tuple[float, float]) -> Field:
    """Signed distance to an ellipse, mm, negative inside; good to first order at the edge."""
    du, dy = (u - centre[0]) / radii[0], (y - centre[1]) / radii[1]
    return (np.sqrt(du * du + dy * dy) - 1) * min(radii)


def join(first: Field, second: Field, blend: float) -> Field:
    """Smooth union of two signed distances, rounded over `blend` mm."""
    mix = np.clip(0.5 + 0.5 * (second - first) / blend, 0, 1)
    return second + (first - second) * mix - blend * mix * (1 - mix)


def ramp(y: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((y - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def chord(inside: Field, radius: Field | float) -> Field:
    """Path through a round bar of `radius` at `inside` mm from its edge (0 outside), mm."""
    depth = np.clip(inside, 0, radius)
    return 2 * np.sqrt(depth * (2 * radius - depth))


def femur(anatomy: Anatomy, u: Field, y: Field, angle: float) -> Part:
    """The lower femur: shaft, metaphyseal flare, two condyles and the notch between them."""
    flare = ramp(y, -84, -20)
    wide = anatomy.femur_width + (anatomy.femur_flare - anatomy.femur_width) * flare
    deep = 14.5 + 9 * flare
    cos, sin = math.cos(angle), math.sin(angle)
    width = np.sqrt((wide * cos) ** 2 + (deep * sin) ** 2)
    bow = sin * (6 * flare - 3 + 0.01 * np.clip(-y - 40, 0, None))
    body = np.maximum(np.abs(u - bow) - width, y + 13)
    shape = body
    for side, low in ((-1, 1.0), (1, 0.0)):
        centre = side * 18.5 * cos + (10 + low) * sin
        radii = (project(anatomy.condyle - 1, 25, angle), anatomy.condyle - 1 + low)
        shape = join(shape, ellipse(u, y, (centre, -anatomy.condyle - 1.5), radii), 5)
    if abs(cos) > 0.6:
        notch = ellipse(u, y, (4 * sin, 1), (7.5 * abs(cos), 15 * abs(cos)))
        shape = -join(-shape, notch, 4)
    end = ramp(y, -62, -18)
    return Part(
        "femur",
        u - bow,
        y,
        -shape,
        radius=np.maximum(width * 0.9, 12),
        cortex=anatomy.cortex * (1 - 0.72 * end),
        density=0.06 + 0.2 * ramp(y, -75, -25),
        half_width=width,
    )


def tibia(anatomy: Anatomy, u: Field, y: Field, angle: float) -> Part:
    """The upper tibia: plateau, spines, tuberosity and shaft."""
    gap = anatomy.joint_gap
    flare = 1 - ramp(y, gap + 4, gap + 84)
    wide = 13.5 + (anatomy.tibia_width - 13.5) * flare
    deep = 14.5 + 10.5 * flare
    cos, sin = math.cos(angle), math.sin(angle)
    width = np.sqrt((wide * cos) ** 2 + (deep * sin) ** 2)
    shift = sin * 8 * flare
    top = gap + 1.2 * np.cos((u - shift) / 5.5) * np.exp(-(((u - shift) / 26) ** 2))
    corner = np.abs(u - shift) - width + 3, top + 3 - y
    box = np.hypot(np.maximum(corner[0], 0), np.maximum(corner[1], 0))
    shape = box + np.minimum(np.maximum(corner[0], corner[1]), 0) - 3
    for side in (-1, 1):
        spine = ellipse(u, y, (side * 5 * cos + 2 * sin, gap + 3), (3.2, 6.5))
        shape = join(shape, spine, 3)
    knob = ellipse(u, y, (2 * cos - 17 * sin, 36), (project(9, 7, angle), 15))
    shape = join(shape, knob, 6)
    return Part(
        "tibia",
        u - shift,
        y,
        -shape,
        radius=np.maximum(width * 0.9, 12),
        cortex=anatomy.cortex * (0.26 + 0.66 * ramp(y, 16, 66)),
        density=0.06 + 0.2 * (1 - ramp(y, 22, 75)),
        half_width=width,
    )


def fibula(anatomy: Anatomy, u: Field, y: Field, angle: float) -> tuple[Field, float]:
    """The fibula's head and shaft: (depth inside, chord radius)."""
    cos, sin = math.cos(angle), math.sin(angle)
    line = 33 * cos + 22 * sin - np.clip(y - 20, 0, 60) * (0.10 * cos + 0.08 * sin)
    shaft = np.maximum(np.abs(u - line) - anatomy.fibula, 20 - y)
    head = ellipse(u, y, (34 * cos + 22 * sin, 25), (9, 11))
    return -join(shaft, head, 6), anatomy.fibula


def patella(anatomy: Anatomy, u: Field, y: Field, angle: float) -> tuple[Field, float]:
    """The kneecap, which moves with the femur: (depth inside, chord radius)."""
    size = anatomy.patella
    centre = (1 * math.cos(angle) - 30 * math.sin(angle), -31.0)
    radii = (project(20 * size, 9 * size, angle), 20 * size)
    return -ellipse(u, y, centre, radii), project(9.0, 15.0, angle)


def growth_plate(part: Part, anatomy: Anatomy, level: float) -> Field:
    """Factor on the bone: a wavy lucent line where the plate is still open, dense beside it."""
    if anatomy.physis < 0.02:
        return np.ones((1, 1), dtype=np.float32)
    wave = level + 2.2 * np.cos(part.u / 7.5) + 1e-3 * part.u**2 * math.copysign(1, level)
    off = (part.y - wave) / 1.5
    beside = np.exp(-((np.abs(off) - 2.2) ** 2))
    factor = 1 + anatomy.physis * (0.22 * beside - 0.72 * np.exp(-(off**2)))
    return np.asarray(factor, dtype=np.float32)


def worn_joint(part: Part, anatomy: Anatomy) -> Field:
    """Factor on the bone: denser under the cartilage where the joint is arthrotic."""
    surface = anatomy.joint_gap + 2 if part.name == "tibia" else -3.0
    near = np.exp(-(((part.y - surface) / 3) ** 2))
    return np.asarray(1 + 0.5 * anatomy.arthrosis * near, dtype=np.float32)


def bone_mm(part: Part, anatomy: Anatomy) -> Field:
    """Mineral in the beam's path as mm of compact bone: a cortical shell and a spongy core."""
    outer = chord(part.inside, part.radius)
    inner = chord(part.inside - part.cortex, np.maximum(part.radius - part.cortex, 1))
    fine = look_up(anatomy.fine, part.u, part.y, FINE_MM)
    coarse = look_up(anatomy.coarse, part.u, part.y, COARSE_MM)
    sponge = part.density * anatomy.density * (1 + 0.22 * fine + 0.2 * coarse)
    shell = (outer - inner) * (0.72 + 0.06 * coarse)
    level = -27.0 if part.name == "femur" else 20.0
    factor = growth_plate(part, anatomy, level) * worn_joint(part, anatomy)
    return np.asarray((shell + inner * np.maximum(sponge, 0)) * factor, dtype=np.float32)


def leg(anatomy: Anatomy, u: Field, y: Field, angle: float) -> tuple[Field, Field]:
    """(Depth inside the skin, soft tissue in the beam's path as mm of muscle)."""
    thigh, calf = ramp(-y, 5, 120), ramp(y, 20, 110)
    wide = (52 + 16 * thigh - 1 * calf) * anatomy.leg
    deep = (56 + 14 * thigh + 2 * calf) * anatomy.leg
    width = np.sqrt((wide * math.cos(angle)) ** 2 + (deep * math.sin(angle)) ** 2)
    centre = math.sin(angle) * (4 + 8 * calf + 4 * thigh)
    inside = width - np.abs(u - centre)
    skin = chord(inside, width)
    muscle = chord(inside - anatomy.fat, np.maximum(width - anatomy.fat, 1))
    lumps = look_up(anatomy.coarse, u * 0.6 + 90, y * 0.35, COARSE_MM)
    return inside, 0.8 * skin + 0.2 * muscle * (1 + 0.12 * lumps)
