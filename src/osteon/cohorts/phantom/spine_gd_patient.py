"""One phantom patient of Gd-T1 spine MR: who it is, what grows, and which series were taken."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from osteon.cohorts.phantom import common
from osteon.cohorts.phantom.common import Row, generator, pick
from osteon.cohorts.phantom.spine_gd import SpineGdPhantomConfig
from osteon.cohorts.phantom.spine_gd_lesions import (
    REGION_WEIGHTS,
    Lesion,
    Plan,
    draw_collapse,
    draw_lesion,
    draw_levels,
    draw_plan,
)
from osteon.cohorts.phantom.spine_gd_uptake import Distractors, draw_distractors
from osteon.cohorts.phantom.spine_mr_anatomy import SpineMrAnatomy, draw_anatomy
from osteon.cohorts.phantom.spine_mr_column import NAMES
from osteon.cohorts.phantom.spine_mr_render import Stack, tilted
from osteon.cohorts.phantom.spine_mr_signal import FATSAT, SCANNERS, TSE, Protocol, Scanner

YOUNGEST, OLDEST = 16, 42  # years, as in the paper
MEN = 0.55
GAP = 1.1
"""From slice to slice, relative to the thickness."""
ROOM = 0.55
"""Share of the field that a patient's lesions may span."""
OUTERMOST = 0.36
"""How far from its middle, relative to the field, the technician leaves a lesion."""
HIGHEST, LOWEST = NAMES.index("C4"), NAMES.index("L4")
"""The middle of a field lies between these levels: neither the skull nor the thighs fill it."""
STIRS_MM = 0.7  # how far patients move between series

# The paper's sequence: TR 774, TE 8.7, flip angle 160 degrees, two averages (spec 1).
TR, TE, TRAIN = 774, 8.7, 3
AGENT = (
    ("ContrastBolusAgent", "GADOLINIUM CHELATE"),
    ("ContrastBolusRoute", "IV"),
    ("FlipAngle", 160),
    ("NumberOfAverages", 2),
)


def _protocols(saturated: str, plain: str) -> tuple[Protocol, Protocol]:
    """With and without fat suppression, by their words."""
    name = (("SequenceName", "*tse2d1_3"),)
    return (
        Protocol("Gd-T1WI", saturated, TR, TE, TRAIN, 0.08, tags=(*FATSAT, *name, *AGENT)),
        Protocol("Gd-T1WI", plain, TR, TE, TRAIN, tags=(*TSE, *name, *AGENT)),
    )


# The second one's technicians do not write of the contrast agent; its own element does.
GD_SCANNERS = {
    "Phantom University Hospital": replace(
        SCANNERS[1],
        model="Skyra",
        station="MR7",
        noise=0.011,
        scout=True,
        protocols=_protocols("t1_tse_fs_{plane}_Gd", "t1_tse_{plane}_Gd"),
    ),
    "Phantom City Hospital": replace(
        SCANNERS[1],
        model="Prisma",
        station="MR8",
        gain=1400,
        noise=0.009,
        coil=0.7,
        band=0.55,
        descending=True,
        protocols=_protocols("t1_tse_{plane}_fs", "t1_tse_{plane}"),
    ),
}
CENTRE_WEIGHTS = dict(zip(GD_SCANNERS, (0.75, 0.25), strict=True))


class Series(NamedTuple):
    """One series that was taken.

    `lesions` are all of the patient's, first the one that it was taken for; `shift` says how far
    the patient stirred, px (rows, columns); `number` is its SeriesNumber.
    """

    number: int
    stack: Stack
    protocol: Protocol
    shift: tuple[float, float]
    lesions: tuple[Lesion, ...]


@dataclass(frozen=True)
class Patient:
    """One phantom patient: the row in patients.csv and what all slices share."""

    index: int
    row: Row
    anatomy: SpineMrAnatomy
    lesions: tuple[Lesion, ...]
    distractors: Distractors
    scanner: Scanner
    series: tuple[Series, ...]
    syntax: str
    study_day: int


def draw_plans(
    rng: np.random.Generator, config: SpineGdPhantomConfig, two_regions: bool
) -> tuple[Plan, ...]:
    """Lesions by level and size, the first (and with two regions the second) one's own series."""
    region = pick(rng, REGION_WEIGHTS)
    other = pick(rng, {name: share for name, share in REGION_WEIGHTS.items() if name != region})
    several = rng.random() < config.several_share
    count = int(rng.integers(2, 4)) if several else 1
    levels = draw_levels(rng, region, count, ROOM * config.field_of_view)
    far = draw_levels(rng, other, 1, 0.0)
    if two_regions:
        levels = tuple(dict.fromkeys((levels[0], *far, *levels[1:])))
    return tuple(draw_plan(rng, level, config.lesion_mm) for level in levels)


def draw_stack(
    rng: np.random.Generator, config: SpineGdPhantomConfig, anatomy: SpineMrAnatomy, lesion: Lesion
) -> Stack:
    """Sagittal slices through this lesion, as the technician plans them."""
    column, field = anatomy.column, config.field_of_view
    home = float(column.middles[lesion.plan.level])
    _, z = column.at(home + lesion.centre[0])
    top, bottom = (column.at(float(column.middles[level]))[1] for level in (HIGHEST, LOWEST))
    middle = float(np.clip(z + rng.uniform(-0.2, 0.2) * field, bottom, top))
    middle = float(np.clip(middle, z - OUTERMOST * field, z + OUTERMOST * field))
    cut, upwards = rng.random() < config.border_share, rng.random() < 0.5
    if cut:
        # Away from the ends of the spine, so that the rest of the field shows some of it.
        sign = 1.0 if z < bottom else -1.0 if z > top else math.copysign(1.0, upwards - 0.5)
        middle = z + sign * (0.5 * field - 0.15 * lesion.plan.diameter)
    s = float(np.interp(-middle, -column.path[:, 1], column.course))
    between = round(config.slice_mm * GAP, 2)
    spread = 0.35 * (config.slices - 1) * between
    aim = 0.35 * lesion.centre[2] + float(rng.normal(0, 2))
    x = float(np.clip(aim, lesion.centre[2] - spread, lesion.centre[2] + spread))
    row, down = tilted("sagittal", *np.radians(rng.normal(0, 1.2, size=2)))
    place = np.array([x, column.at(s)[0] - float(rng.uniform(0.02, 0.10)) * field, middle])
    size = config.image_size
    return Stack(
        "sagittal", config.slices, size, field / size, config.slice_mm, between, place, row, down
    )


def draw_series(
    rng: np.random.Generator,
    config: SpineGdPhantomConfig,
    anatomy: SpineMrAnatomy,
    lesions: tuple[Lesion, ...],
    scanner: Scanner,
    second: str,
) -> tuple[Series, ...]:
    """All series but the localizer; `second`: another region's, the other fat's, or none."""
    saturated, plain = scanner.protocols
    usual = saturated if rng.random() < config.fat_saturated else plain
    first = draw_stack(rng, config, anatomy, lesions[0])
    # Lesions are in the patient's order: the first one of each series is that of its region.
    taken = [Series(2, first, usual, (0.0, 0.0), lesions)]
    stirred = rng.normal(0, STIRS_MM, size=2).clip(-2, 2) / first.spacing
    if second == "region":
        turned = (lesions[1], lesions[0], *lesions[2:])
        stack = draw_stack(rng, config, anatomy, turned[0])
        taken.append(Series(3, stack, usual, (0.0, 0.0), turned))
    elif second == "fat":
        other = plain if usual is saturated else saturated
        taken.append(Series(3, first, other, (float(stirred[0]), float(stirred[1])), lesions))
    return tuple(taken)


def _second(rng: np.random.Generator, share: float) -> str:
    """Which second series a patient has: of another region, with the other fat, or none ("")."""
    chance, way = rng.random(), rng.random()
    return "" if chance >= share else "region" if way < 0.5 else "fat"


def draw_patient(config: SpineGdPhantomConfig, index: int) -> Patient:
    """Everything about patient `index`."""
    person, disease = generator(config.seed, index, 1), generator(config.seed, index, 2)
    age = int(person.integers(YOUNGEST, OLDEST + 1))
    sex = pick(person, {"M": MEN, "F": 1 - MEN})
    second = _second(generator(config.seed, index, 4), config.second_series)
    plans = draw_plans(disease, config, second == "region")
    anatomy = draw_anatomy(person, age, sex, draw_collapse(disease, plans))
    lesions = tuple(draw_lesion(disease, plan, anatomy) for plan in plans)
    visit = generator(config.seed, index, 5)
    centre = pick(visit, CENTRE_WEIGHTS)
    scanner = GD_SCANNERS[centre]
    largest = max(plans, key=lambda plan: plan.diameter)
    tested = common.has_share(config.seed, config.test_share, index)
    return Patient(
        index=index,
        row={
            "patient_id": common.patient_number(config.seed, index),
            "age": age,
            "sex": sex,
            "site": "spine",
            "location": NAMES[largest.level],
            "centre": centre,
            "split": "test" if tested else "train",
        },
        anatomy=anatomy,
        lesions=lesions,
        distractors=draw_distractors(generator(config.seed, index, 6), anatomy, config.distractors),
        scanner=scanner,
        series=draw_series(visit, config, anatomy, lesions, scanner, second),
        syntax=pick(visit, config.transfer_syntaxes),
        study_day=int(visit.integers(0, 5300)),  # January 2010 to June 2024
    )
