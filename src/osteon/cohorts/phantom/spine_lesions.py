"""Two tumours of the spine by the CT signs of their class, and what lies between them.

Giant cell tumour: lytic, well defined, expansile, a thin shell, soap-bubble septa, eccentric.
Osteosarcoma: cloudy new bone or permeative lysis, ill defined, cortex broken, a soft-tissue mass
that mineralises. Telangiectatic osteosarcomas and ossified giant cell tumours look like the other
class. Place, size and outline come from one draw for both classes, so that nothing but the
contrast of the lesion tells them apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from osteon.cohorts.phantom.spine_anatomy import Field, SpineAnatomy, smooth_noise

LATTICE, LATTICE_MM = 32, 2.0


@dataclass(frozen=True)
class Look:
    """How a lesion shows. Shares of 0..1 except `fluid` (HU) and `margin` (mm).

    Args:
        lysis: how much of the bone is lost.
        fluid: HU of what replaces it.
        patchy: 0 an even hole, 1 moth-eaten.
        matrix: cloudy new bone.
        septa: soap-bubble walls.
        shell: thin bony shell outside the old bone.
        rim: sclerotic rim inside the bone.
        margin: width of the edge.
    """

    lysis: float
    fluid: float
    patchy: float
    matrix: float
    septa: float
    shell: float
    rim: float
    margin: float


LOOKS = {
    "conventional": Look(0.97, 50, 0.05, 0.04, 0.5, 0.7, 0.15, 2.0),
    "aneurysmal_bone_cyst": Look(0.98, 26, 0.05, 0.03, 0.75, 0.8, 0.2, 2.0),
    "sclerotic_margin": Look(0.92, 55, 0.1, 0.1, 0.4, 0.75, 0.8, 3.0),
    "osteoblastic": Look(0.4, 62, 0.6, 0.9, 0.0, 0.05, 0.0, 9.0),
    "chondroblastic": Look(0.6, 48, 0.5, 0.68, 0.1, 0.1, 0.05, 7.0),
    "fibroblastic": Look(0.75, 58, 0.75, 0.38, 0.05, 0.1, 0.0, 8.0),
    "telangiectatic": Look(0.9, 32, 0.25, 0.18, 0.4, 0.35, 0.1, 4.0),
}
SUBTYPES = {
    "giant_cell_tumor": {
        "conventional": 0.62,
        "aneurysmal_bone_cyst": 0.18,
        "sclerotic_margin": 0.2,
    },
    "osteosarcoma": {
        "osteoblastic": 0.58,
        "chondroblastic": 0.24,
        "fibroblastic": 0.1,
        "telangiectatic": 0.08,
    },
}
TYPICAL = {"giant_cell_tumor": "osteoblastic", "osteosarcoma": "conventional"}
"""For each class, the look of the other class that a confusing lesion takes on."""


@dataclass(frozen=True)
class Lesion:
    """One lesion in vertebra coordinates; centre and radii (x, y, z) in mm of scale 1."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    outline: Field
    clouds: Field
    holes: Field
    cells: Field


def draw_lesion(rng: np.random.Generator, anatomy: SpineAnatomy) -> Lesion:
    """Where a lesion sits and how large it is, whatever its class: in body or arch, off centre."""
    wide, deep, height = anatomy.level.body
    side = -1.0 if rng.random() < 0.5 else 1.0
    size = (0.85 * deep + 5.5) * math.exp(0.22 * float(rng.normal()))
    x, y = (0.2 + 0.5 * rng.random()) * wide, -deep * rng.uniform(0.35, 1.1)
    if rng.random() < 0.25:
        x, y = anatomy.level.canal[0] + rng.uniform(1, 6), rng.uniform(2, 12)
    shape = np.exp(0.14 * rng.normal(size=3))
    spread = rng.uniform(-1, 1, size=(14, 3)) * 1.1 * size
    return Lesion(
        centre=(side * float(x), float(y), float(rng.normal(0, 0.14 * height))),
        radii=tuple(float(size * factor) for factor in shape),  # type: ignore[arg-type]
        outline=_lattice(rng, 3.0),
        clouds=_lattice(rng, 1.25),
        holes=_lattice(rng, 0.8),
        cells=spread.astype(np.float32),
    )


def _lattice(rng: np.random.Generator, sigma: float) -> Field:
    return smooth_noise(rng, (LATTICE,) * 3, (sigma,) * 3)


def draw_look(rng: np.random.Generator, label: str, subtype: str, confusing: bool) -> Look:
    """The subtype's look with each patient's own variation, part of the way to the other class."""
    own, other = LOOKS[subtype], LOOKS[TYPICAL[label]]
    way = float(rng.uniform(0.5, 0.9)) if confusing else float(rng.beta(1.2, 10))
    vary = rng.normal(size=len(fields(Look)))
    values = {}
    for item, z in zip(fields(Look), vary, strict=True):
        middle = getattr(own, item.name) * (1 - way) + getattr(other, item.name) * way
        top = {"fluid": 90.0, "margin": 14.0}.get(item.name, 1.0)
        values[item.name] = float(min(middle * math.exp(0.18 * z), top))
    return Look(**values)
