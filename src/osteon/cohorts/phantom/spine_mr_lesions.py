"""Tumours of the spine by the MR signs of their class, where they grow, and how large.

Benign: haemangioma (fatty and full of slow blood: bright on T1 and T2, coarse trabeculae), nerve
sheath tumours (smooth, dumb-bell shaped through a foramen, bright on T2), aneurysmal bone cyst
(fluid levels), giant cell tumour and osteoblastoma (well defined, rimmed, not bright), fibrous
dysplasia, eosinophilic granuloma (flat vertebra, much oedema). Malignant: metastasis, myeloma,
lymphoma, sarcomas (dark on T1, grey and patchy on T2, ill defined, cortex lost, soft-tissue mass,
oedema, collapse), chordoma and chondrosarcoma (bright on T2 as well, with a large mass).

The means of T1 differ little between the classes and those of T2 much, see `spine_mr`. Which region
is affected does not depend on the class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from osteon.cohorts.phantom.common import pick
from osteon.cohorts.phantom.spine_anatomy import Field, smooth_noise
from osteon.cohorts.phantom.spine_mr_column import LEVEL_REGIONS, REGIONS, VERTEBRAE

LATTICE = 24


@dataclass(frozen=True)
class Look:
    """How a tumour shows. Shares of 0..1 unless said otherwise.

    Args:
        t1: of its water, ms.
        t2: of its water, ms.
        fat: share of fat.
        pd: proton density.
        patchy: share taken up by a second component.
        second: T2 of this component, ms: necrosis or cysts, or mineral.
        trabeculae: coarse upright struts.
        layers: fluid levels.
        rim: dark rim of sclerotic bone or capsule.
        margin: width of the edge, mm.
        oedema: of the marrow around.
        broken: cortex lost.
        mass: reach of the soft-tissue mass beyond the bone, relative to the tumour.
        swell: how far the bone is blown up, mm.
        collapse: lost height of the vertebra.
    """

    t1: float
    t2: float
    fat: float = 0.0
    pd: float = 0.95
    patchy: float = 0.1
    second: float = 200.0
    trabeculae: float = 0.0
    layers: float = 0.0
    rim: float = 0.1
    margin: float = 2.0
    oedema: float = 0.1
    broken: float = 0.1
    mass: float = 0.0
    swell: float = 0.0
    collapse: float = 0.0


@dataclass(frozen=True)
class Kind:
    """A histology: its share of its class, look, age (mean, SD in years), seats, several levels."""

    share: float
    look: Look
    age: tuple[float, float]
    arch: float = 0.1
    canal: float = 0.0
    several: float = 0.04


# fmt: off
BENIGN = {
    "haemangioma": Kind(0.26, Look(640, 210, 0.27, trabeculae=0.5, margin=1.5, rim=0.05, broken=0),
                        (53, 14), several=0.15),
    "schwannoma": Kind(0.29, Look(1320, 205, patchy=0.25, second=320, rim=0.3, margin=1.0),
                       (49, 15), 0.0, 1.0),
    "neurofibroma": Kind(0.09, Look(1300, 170, patchy=0.15, second=75, rim=0.3, margin=1.0),
                         (40, 15), 0.0, 1.0, 0.2),
    "giant_cell_tumour": Kind(0.13, Look(1000, 112, 0, 0.92, 0.25, 210, rim=0.5, margin=1.5,
                              oedema=0.15, broken=0.3, mass=0.15, swell=3.0), (35, 13), 0.15),
    "osteoblastoma": Kind(0.06, Look(1000, 84, 0, 0.75, 0.2, 45, rim=0.7, margin=2.0, oedema=0.5,
                          swell=2.0), (26, 10), 0.85),
    "aneurysmal_bone_cyst": Kind(0.08, Look(1500, 220, 0, 1.0, 0.2, 350, layers=0.6, rim=0.5,
                                 margin=1.2, broken=0.2, swell=4.0), (23, 11), 0.5),
    "fibrous_dysplasia": Kind(0.05, Look(1050, 100, 0, 0.85, 0.2, 180, rim=0.6, margin=1.5,
                              broken=0.0, swell=1.0), (38, 15), 0.2),
    "eosinophilic_granuloma": Kind(0.04, Look(1100, 115, margin=3.5, oedema=0.5, broken=0.4,
                                   mass=0.2, collapse=0.45), (16, 9)),
}
MALIGNANT = {
    "myeloma": Kind(0.33, Look(1000, 66, patchy=0.12, second=130, margin=3.5, oedema=0.3,
                    broken=0.5, mass=0.35, swell=1.0, collapse=0.2), (57, 12), several=0.35),
    "lymphoma": Kind(0.20, Look(980, 66, patchy=0.1, second=120, margin=4.5, oedema=0.4,
                     broken=0.4, mass=0.65, collapse=0.1), (48, 17), several=0.25),
    "chordoma": Kind(0.14, Look(1250, 140, patchy=0.3, second=55, rim=0.2, margin=2.0, broken=0.8,
                     mass=0.8, swell=1.5), (52, 15), several=0.1),
    "chondrosarcoma": Kind(0.10, Look(1220, 130, 0, 0.92, 0.35, 35, rim=0.2, margin=2.0, broken=0.7,
                           mass=0.7, swell=2.0), (45, 15), 0.3),
    "osteosarcoma": Kind(0.13, Look(1050, 68, 0, 0.8, 0.4, 28, margin=4.5, oedema=0.5, broken=0.8,
                         mass=0.7, collapse=0.1), (37, 18), 0.2),
    "ewing_sarcoma": Kind(0.10, Look(1000, 70, patchy=0.2, second=130, margin=4.0, oedema=0.5,
                          broken=0.6, mass=0.8), (24, 11), 0.2),
}
METASTASIS = Kind(1.0, Look(1000, 65, patchy=0.25, second=110, margin=4.5, oedema=0.5, broken=0.7,
                  mass=0.45, collapse=0.22), (57, 13), 0.12, several=0.5)
# fmt: on
METASTASES = 0.6
"""Share of metastases among malignant tumours where there may be any; ours, as none is printed."""
KINDS = {**BENIGN, **MALIGNANT, "metastasis": METASTASIS}
TYPICAL = {"benign": ("giant_cell_tumour", "schwannoma"), "malignant": ("metastasis", "myeloma")}
"""Histologies whose look a confusing tumour of the other class takes on."""
REGION_WEIGHTS = {"cervical": 297, "thoracic": 182, "lumbar": 174, "sacral": 24}
NEIGHBOURS = {
    "cervical": {"thoracic": 1.0},
    "thoracic": {"cervical": 0.5, "lumbar": 0.5},
    "lumbar": {"thoracic": 0.85, "sacral": 0.15},
    "sacral": {"lumbar": 1.0},
}
OTHER_REGION = 0.7
"""Share of tumours at two levels that lie in two regions: the paper counts 677 places in 585."""


def draw_kind(rng: np.random.Generator, label: str, metastases: bool) -> str:
    """A histology of this class; metastases only where the part may have them."""
    table = BENIGN if label == "benign" else MALIGNANT
    primary = pick(rng, {name: kind.share for name, kind in table.items()})
    spread = rng.random() < METASTASES
    return "metastasis" if label == "malignant" and metastases and spread else primary


def draw_look(
    rng: np.random.Generator, label: str, kind: str, confusing: float, plain: float
) -> Look:
    """The kind's look with each patient's own variation.

    Args:
        rng: the patient's own.
        label: class.
        kind: histology.
        confusing: chance that it takes on much of the other class's look.
        plain: above 1 the T2 moves away from that between the classes.
    """
    own = KINDS[kind].look
    other = KINDS[str(rng.choice(TYPICAL["malignant" if label == "benign" else "benign"]))].look
    much, little = rng.uniform(0.55, 0.95), rng.beta(1.0, 12)
    way = float(much if rng.random() < confusing else little)
    vary = rng.normal(size=len(fields(Look)))
    spread = {"t1": 0.12, "t2": 0.22, "second": 0.25, "pd": 0.06}
    values = {}
    for item, z in zip(fields(Look), vary, strict=True):
        first, second = getattr(own, item.name), getattr(other, item.name)
        middle = first * (1 - way) + second * way
        if item.name in ("t1", "t2", "second"):
            middle = first ** (1 - way) * second**way
        values[item.name] = float(middle * math.exp(spread.get(item.name, 0.2) * z))
    far = max(plain - 1, 0) * 0.6
    values["t2"] = values["t2"] * (values["t2"] / 105) ** far
    for name in ("fat", "pd", "patchy", "trabeculae", "layers", "rim", "oedema", "broken"):
        values[name] = min(values[name], 1.0)
    values["collapse"] = min(values["collapse"], 0.6)
    return Look(**values)


@dataclass(frozen=True)
class Growth:
    """One tumour at one level; lengths in mm, coordinates of the column, from the body's middle.

    Args:
        level: place in `VERTEBRAE`.
        seat: body, arch or canal.
        centre: (s, d, x).
        radii: (s, d, x).
        outline: noise that dents the surface.
        grain: noise that parts the components.
        mass: middle of the soft-tissue mass (s, d, x).
        side: -1 right, 1 left.
        look: how it shows.
        contrast: share of the look that is painted, 0..1.
    """

    level: int
    seat: str
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    outline: Field
    grain: Field
    mass: tuple[float, float, float]
    side: float
    look: Look
    contrast: float


def draw_levels(rng: np.random.Generator, several: float) -> tuple[int, ...]:
    """Levels of a patient's tumours, from the head down: one, or two, some in two regions."""
    region = pick(rng, REGION_WEIGHTS)
    other = pick(rng, NEIGHBOURS[region])
    if rng.random() >= several:
        return (int(rng.choice(_levels(region))),)
    if rng.random() < OTHER_REGION:
        upper, lower = sorted((region, other), key=REGIONS.index)
        return int(rng.choice(_levels(upper)[-3:])), int(rng.choice(_levels(lower)[:3]))
    pair = _levels(region)
    first = int(rng.integers(0, len(pair) - 2))
    second = int(rng.integers(first + 2, min(first + 5, len(pair))))
    return pair[first], pair[second]


def _levels(region: str) -> list[int]:
    """Levels of a region that a tumour may sit at: without the tail of the sacrum."""
    found = [place for place, name in enumerate(LEVEL_REGIONS) if name == region]
    return found[:3] if region == "sacral" else found


def location_of(levels: tuple[int, ...]) -> str:
    """Regions of these levels, from the head down, joined by +."""
    return "+".join(dict.fromkeys(LEVEL_REGIONS[level] for level in levels))


def _seat(rng: np.random.Generator, kind: str) -> str:
    """Where in the vertebra a tumour of this kind grows: body, arch or canal."""
    chance, known = rng.random(), KINDS[kind]
    if chance < known.canal:
        return "canal"
    return "arch" if chance < known.canal + known.arch else "body"


Spot = tuple[float, float, float]


def _place(seat: str, sizes: Spot, scale: float, side: float, draws: Spot) -> tuple[Spot, Spot]:
    """(centre, radii) of a tumour, (s, d, x) in mm.

    Args:
        seat: body, arch or canal.
        sizes: height, depth and half width of the vertebral body.
        scale: of the patient.
        side: -1 right, 1 left.
        draws: offset along s, mm; place from front to back and from the middle out, 0..1.
    """
    (height, depth, half), (s, deep, out) = sizes, draws
    if seat == "canal":
        centre = (0.5 * height + s, 6.5 * scale, side * 3 * scale)
        return centre, (18 * scale, 6.5 * scale, 10 * scale)
    if seat == "arch":
        centre = (0.3 * height + s, (23 + 3 * out) * scale, side * (4 + 8 * out) * scale)
        return centre, (14 * scale, 12 * scale, 15 * scale)
    centre = (s, (-0.75 + 0.45 * deep) * depth, side * 0.5 * out * half)
    return centre, (0.56 * height + 2, 0.56 * depth + 2, 0.78 * half + 3)


def draw_growth(
    rng: np.random.Generator, level: int, kind: str, scale: float, look: Look, contrast: float
) -> Growth:
    """Where in its vertebra a tumour sits and how large it is."""
    vertebra, seat = VERTEBRAE[level], _seat(rng, kind)
    depth, half = scale * vertebra.depth, scale * vertebra.half
    height = scale * min(vertebra.height, 28.0)
    side = -1.0 if rng.random() < 0.5 else 1.0
    shape = np.exp(0.13 * rng.normal(size=3) + 0.18 * rng.normal())
    s, deep, out = rng.normal(0, 0.12) * height, rng.random(), rng.random()
    centre, radii = _place(seat, (height, depth, half), scale, side, (s, deep, out))
    # The mass grows to the front, the flank or the canal.
    way = rng.random()
    front, flank = (-1.05 * depth, side * 0.3 * half), (-0.5 * depth, side * 1.05 * half)
    ahead = front if way < 0.3 else flank if way < 0.65 else (2.5, side * 0.15 * half)
    long, thick, wide = (
        float(radius * factor) for radius, factor in zip(radii, shape, strict=True)
    )
    return Growth(
        level=level,
        seat=seat,
        centre=centre,
        radii=(long, thick, wide),
        outline=smooth_noise(rng, (LATTICE,) * 3, (2.6,) * 3),
        grain=smooth_noise(rng, (LATTICE,) * 3, (1.3,) * 3),
        mass=(s, *ahead),
        side=side,
        look=replace(look, t2=look.t2 * math.exp(0.06 * float(rng.normal()))),
        contrast=contrast,
    )
