"""Lesions of the Gd-T1 spine phantom: at which level, how large, where in the vertebra, how bright.

A lesion is drawn in two steps, because a lesion may crush its vertebra and the anatomy has to know:
first a `Plan` (level, seat, diameter), then, in the patient's own spine, a `Lesion`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from osteon.cohorts.phantom.common import pick
from osteon.cohorts.phantom.spine_anatomy import Field, smooth_noise
from osteon.cohorts.phantom.spine_mr_anatomy import SpineMrAnatomy
from osteon.cohorts.phantom.spine_mr_column import LEVEL_REGIONS, NAMES, VERTEBRAE
from osteon.cohorts.phantom.spine_mr_lesions import LATTICE
from osteon.cohorts.phantom.spine_mr_paint import CANAL_DEPTH

Spot = tuple[float, float, float]

REGION_WEIGHTS = {"cervical": 0.26, "thoracic": 0.30, "lumbar": 0.38, "sacral": 0.06}
SEAT_WEIGHTS = {"body": 0.62, "arch": 0.13, "canal": 0.15, "flank": 0.10}
PATTERN_WEIGHTS = {"solid": 0.42, "patchy": 0.33, "rim": 0.25}
LOWEST = NAMES.index("S2")
"""The last level that a lesion may sit at."""
LEAST_RIM = 12.0  # mm: a smaller lesion has no room for a necrotic middle
LONGEST_CANAL = 32.0  # mm: a longer lesion does not stay inside the canal
UPTAKE = 1.15
"""Median rise of 1/T1 in a lesion, per second: relaxivity 4.5 per mM and second times 0.26 mM."""
LEAST_CRUSHING = 18.0  # mm
BULGE = 0.1
"""How far the uneven surface stands out at most, relative to the radius."""


@dataclass(frozen=True)
class Plan:
    """What is decided before the anatomy: level, seat (`SEAT_WEIGHTS`), diameter in mm."""

    level: int
    seat: str
    diameter: float


@dataclass(frozen=True)
class Lesion:
    """One lesion; lengths in mm, coordinates of the column, from the middle of its body.

    Args:
        plan: level, seat and diameter.
        centre: (s, d, x).
        radii: (s, d, x); the longest is half of the diameter.
        spill: how far it bulges into the canal.
        pattern: how contrast agent spreads in it: solid, patchy, rim (around a necrosis).
        uptake: rise of 1/T1 where it is taken up, per second, at an `enhancement` of 1.
        t1: of its water before contrast agent, ms at 1.5 T.
        t2: ms.
        margin: width of the edge.
        wall: thickness of an enhancing rim.
        outline: noise that dents the surface.
        grain: noise of the tissue inside.
    """

    plan: Plan
    centre: Spot
    radii: Spot
    spill: float
    pattern: str
    uptake: float
    t1: float
    t2: float
    margin: float
    wall: float
    outline: Field
    grain: Field


def draw_diameter(rng: np.random.Generator, least: float, most: float) -> float:
    """Log-uniform between the two, mm."""
    return float(math.exp(rng.uniform(math.log(least), math.log(most))))


def draw_plan(rng: np.random.Generator, level: int, sizes: tuple[float, float]) -> Plan:
    """A lesion of this level; the sacrum has no free arch."""
    diameter, seat = draw_diameter(rng, *sizes), pick(rng, SEAT_WEIGHTS)
    sacral = LEVEL_REGIONS[level] == "sacral"
    if (seat == "canal" and diameter > LONGEST_CANAL) or (sacral and seat in ("arch", "canal")):
        seat = "body"
    return Plan(level, seat, diameter)


def levels_of(region: str) -> list[int]:
    """Levels of a region that a lesion may sit at."""
    return [i for i, name in enumerate(LEVEL_REGIONS) if name == region and i <= LOWEST]


def draw_levels(rng: np.random.Generator, region: str, count: int, room: float) -> tuple[int, ...]:
    """`count` different levels, the first in `region`, fewer where `room` mm do not hold them."""
    first = int(rng.choice(levels_of(region)))
    tops = np.cumsum([0.0, *(vertebra.height + vertebra.disc for vertebra in VERTEBRAE)])
    near = [i for i in range(LOWEST + 1) if i != first and abs(tops[i] - tops[first]) < 0.5 * room]
    others = rng.permutation(near)[: count - 1]
    return (first, *(int(level) for level in others))


def draw_collapse(rng: np.random.Generator, plans: tuple[Plan, ...]) -> dict[int, float]:
    """Lost share of the height of crushed bodies, by level; neither C2 nor the sacrum gives way."""
    lost = {}
    for plan in plans:
        crushed, share = rng.random() < 0.3, float(rng.uniform(0.1, 0.45))
        firm = plan.level == 0 or LEVEL_REGIONS[plan.level] == "sacral"
        if crushed and plan.seat == "body" and plan.diameter > LEAST_CRUSHING and not firm:
            lost[plan.level] = share
    return lost


def _place(seat: str, sizes: Spot, scale: float, radius: float, draws: Spot) -> Spot:
    """Middle of a lesion, (s, d, x) in mm.

    Args:
        seat: of the plan.
        sizes: height, depth and half width of the vertebral body, mm.
        scale: of the patient.
        radius: half of the diameter, mm.
        draws: up and down, from front to back, from right to left; each -1..1.
    """
    (height, depth, half), (up, back, left) = sizes, draws
    side = math.copysign(1.0, left)
    if seat == "canal":
        canal = CANAL_DEPTH["lumbar"] * scale
        return 0.5 * up * height, 0.46 * canal, 2.5 * scale * left
    if seat == "arch":
        return (0.1 + 0.2 * up) * height, (25 + 4 * back) * scale, 9 * scale * left
    if seat == "flank":
        # In front, or beside: it rests on the cortex and eats into it.
        if back < 0.2:
            return 0.2 * up * height, -depth - 0.5 * radius, 0.4 * half * left
        return 0.2 * up * height, -0.5 * depth, side * (0.8 * half + 0.45 * radius)
    # A small one lies anywhere in the body, a large one in its middle.
    room = (max(0.5 * height - radius, 0.06 * height), max(0.5 * depth - radius, 0.12 * depth))
    across = max(half - radius, 0.15 * half)
    return up * room[0], -0.5 * depth + back * room[1], 0.8 * left * across


def _radii(seat: str, height: float, scale: float, radius: float, shares: Spot) -> Spot:
    """Half axes, (s, d, x) in mm, the longest one `radius`; `shares` of 0.65..1 for the others."""
    first, second, _ = shares
    if seat == "canal":
        # As long as it is large, as thick as the canal allows.
        return radius, min(first * radius, 6.2 * scale), min(second * radius, 8.5 * scale)
    if seat == "body" and 2 * radius > height:
        # End plates and discs hold it, so that it grows to the front and the back.
        return first * radius, radius, second * radius
    return radius, first * radius, second * radius


def draw_lesion(rng: np.random.Generator, plan: Plan, anatomy: SpineMrAnatomy) -> Lesion:
    """Where in this patient's vertebra a lesion sits, its shape, and how it takes up contrast."""
    column, level, scale = anatomy.column, plan.level, anatomy.scale
    height = min(float(column.heights[level]), 28.0 * scale)
    sizes = (height, float(column.depths[level]), float(column.halves[level]))
    radius = 0.5 * plan.diameter / (1 + 0.5 * BULGE)
    up, back, left = rng.uniform(-1, 1, size=3).tolist()
    first, second, third = rng.uniform(0.75, 1.0, size=3).tolist()
    pattern, spills = pick(rng, PATTERN_WEIGHTS), rng.random() < 0.5
    if pattern == "rim" and plan.diameter < LEAST_RIM:
        pattern = "solid"
    vary = rng.normal(size=3)
    return Lesion(
        plan=plan,
        centre=_place(plan.seat, sizes, scale, radius, (up, back, left)),
        radii=_radii(plan.seat, height, scale, radius, (first, second, third)),
        spill=float(rng.uniform(1, 8) * scale) if spills else 0.5,
        pattern=pattern,
        uptake=UPTAKE * math.exp(0.35 * float(vary[0])),
        t1=1080 * math.exp(0.1 * float(vary[1])),
        t2=72 * math.exp(0.15 * float(vary[2])),
        margin=float(rng.uniform(0.8, 3.5)),
        wall=float(rng.uniform(2.0, 3.5)) + 0.06 * plan.diameter,
        outline=smooth_noise(rng, (LATTICE,) * 3, (2.0,) * 3),
        grain=smooth_noise(rng, (LATTICE,) * 3, (1.3,) * 3),
    )
