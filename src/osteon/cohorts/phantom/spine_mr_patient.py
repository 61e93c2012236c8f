"""One phantom patient of spine MR: who it is, what grows, and which series were taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from osteon.cohorts.phantom import common
from osteon.cohorts.phantom.common import Row, generator, pick
from osteon.cohorts.phantom.spine_mr import SEQUENCES, SpineMrPhantomConfig
from osteon.cohorts.phantom.spine_mr_anatomy import SpineMrAnatomy, body_scale, draw_anatomy
from osteon.cohorts.phantom.spine_mr_column import LEVEL_REGIONS
from osteon.cohorts.phantom.spine_mr_lesions import (
    KINDS,
    Growth,
    Look,
    draw_growth,
    draw_levels,
    draw_look,
    location_of,
)
from osteon.cohorts.phantom.spine_mr_people import draw_age, draw_sex, draw_subtype, part_and_label
from osteon.cohorts.phantom.spine_mr_render import Stack, tilted
from osteon.cohorts.phantom.spine_mr_signal import SCANNERS, Protocol, Scanner

# Hospitals and their magnets (indices into SCANNERS).
CENTRES = {
    "Phantom University Hospital": (0, 1),
    "Phantom City Hospital": (2, 3),
    "Phantom Rural Clinic": (4,),
}
CENTRE_WEIGHTS = dict(zip(CENTRES, (0.5, 0.34, 0.16), strict=True))
ROOM_MM = 60.0
"""Length of the field beyond the tumours that lie farthest apart."""
# Least and largest field of view by region, mm of scale 1.
FIELDS = {
    "cervical": (210, 240),
    "thoracic": (275, 320),
    "lumbar": (255, 295),
    "sacral": (245, 285),
}
OCCULT_CONTRAST = 0.12
STIRS_MM = 0.7  # how far patients move between series


class Series(NamedTuple):
    """One series that was taken: where, how, and what the patient's stirring did to it.

    `shift` is in px (rows, columns); `number` is its SeriesNumber; `marked`: readers drew boxes.
    """

    number: int
    stack: Stack
    protocol: Protocol
    shift: tuple[float, float]
    marked: bool


@dataclass(frozen=True)
class Patient:
    """One phantom patient: the row in patients.csv and what all slices share."""

    index: int
    row: Row
    age: int
    label: str
    part: str
    anatomy: SpineMrAnatomy
    growths: tuple[Growth, ...]
    scanner: Scanner
    series: tuple[Series, ...]
    syntax: str
    study_day: int


def draw_contrast(rng: np.random.Generator, config: SpineMrPhantomConfig) -> float:
    """How plainly the lesion shows: hidden in a share of patients, else about the median asked."""
    hidden, spread = rng.random() < config.occult_fraction, rng.normal()
    shown = config.lesion_visibility * math.exp(0.15 * spread)
    hint = min(OCCULT_CONTRAST, config.lesion_visibility)
    return hint if hidden else float(min(shown, 2.0))


def draw_growths(
    config: SpineMrPhantomConfig, index: int, label: str, kind: str, scale: float
) -> tuple[tuple[Growth, ...], dict[int, float]]:
    """(tumours, lost share of the height of their vertebrae by level)."""
    rng = generator(config.seed, index, 5)
    contrast = draw_contrast(generator(config.seed, index, 6), config)
    look = draw_look(rng, label, kind, config.confusing_fraction, contrast)
    shown = min(contrast, 1.0)
    levels = draw_levels(generator(config.seed, index, 7), KINDS[kind].several)
    growths = tuple(draw_growth(rng, level, kind, scale, look, shown) for level in levels)
    return growths, _collapsed(rng, growths, look, shown)


def _collapsed(
    rng: np.random.Generator, growths: tuple[Growth, ...], look: Look, shown: float
) -> dict[int, float]:
    """Bodies that gave way; the sacrum and C2 do not."""
    lost = {}
    for growth in growths:
        share = look.collapse * float(rng.uniform(0, 2)) * shown
        firm = growth.level == 0 or LEVEL_REGIONS[growth.level] == "sacral"
        if growth.seat == "body" and not firm:
            lost[growth.level] = min(share, 0.6)
    return lost


def draw_stack(
    rng: np.random.Generator,
    config: SpineMrPhantomConfig,
    anatomy: SpineMrAnatomy,
    growths: tuple[Growth, ...],
) -> Stack:
    """The sagittal slices that all sequences of a patient share."""
    column = anatomy.column
    regions = [LEVEL_REGIONS[growth.level] for growth in growths]
    low, high = FIELDS[max(regions, key=lambda region: FIELDS[region][1])]
    usual = float(rng.uniform(low, high)) * max(anatomy.scale, 0.6)
    spots = [float(column.middles[growth.level]) for growth in growths]
    # However small the field, it holds all tumours.
    field = max(usual * config.field_of_view, min(usual, max(spots) - min(spots) + ROOM_MM))
    own = [i for i, region in enumerate(LEVEL_REGIONS) if region == regions[0]]
    home = float(column.middles[own[: 3 if regions[0] == "sacral" else None]].mean())
    to_home = 0.55 * min(1.0, max(0.0, (config.field_of_view - 0.4) / 0.6))
    alone = to_home * home + (1 - to_home) * spots[0]
    middle = float(np.mean(spots)) if len(spots) > 1 else alone
    slices = int(rng.integers(config.slices[0], config.slices[1] + 1))
    thin, thick = config.slice_mm
    thickness = round(thin + (thick - thin) * float(rng.beta(1.0, 3.5)), 1)
    between = round(thickness * 1.1, 2)
    side = float(np.mean([growth.centre[2] for growth in growths]))
    aim, spread = 0.35 * side + float(rng.normal(0, 2)), 0.35 * (slices - 1) * between
    x = float(np.clip(aim, side - spread, side + spread))
    # The neck is planned with room below, so that the skull does not fill the field.
    middle += 16 * anatomy.scale * (regions == ["cervical"]) + float(rng.normal(0, 6))
    y, z = column.at(middle)
    row, down = tilted("sagittal", *np.radians(rng.normal(0, 1.2, size=2)))
    place = np.array([x, y - float(rng.uniform(0.02, 0.10)) * field, z])
    size = config.image_size
    return Stack("sagittal", slices, size, field / size, thickness, between, place, row, down)


def other_plane(
    rng: np.random.Generator,
    config: SpineMrPhantomConfig,
    anatomy: SpineMrAnatomy,
    sagittal: Stack,
    growth: Growth,
) -> Stack:
    """A coronal or axial stack through the tumour."""
    plane = "axial" if rng.random() < 0.6 else "coronal"
    y, z = anatomy.column.at(float(anatomy.column.middles[growth.level]))
    field = sagittal.side * sagittal.spacing * (0.65 if plane == "axial" else 1.0)
    row, down = tilted(plane, 0.0, 0.0)
    return Stack(
        plane,
        min(9, config.slices[1]),
        config.image_size,
        field / config.image_size,
        sagittal.thickness,
        sagittal.between,
        np.array([growth.centre[2], y + growth.centre[1], z]),
        row,
        down,
    )


def draw_protocols(
    rng: np.random.Generator, config: SpineMrPhantomConfig, scanner: Scanner
) -> list[Protocol]:
    """What was run, in the order of the visit: T1 and T2 first of all, as the paper's patients."""
    count = int(rng.integers(config.sequences[0], config.sequences[1] + 1))
    weighted = ["T2WI", "FS-T2WI"]
    if rng.random() < 0.5:
        weighted.reverse()
    wanted = [str(rng.choice(SEQUENCES))] if count == 1 else ["T1WI", *weighted][:count]
    while len(wanted) < count:
        wanted.append(str(rng.choice(SEQUENCES, p=(0.25, 0.25, 0.5))))
    left: dict[str, list[Protocol]] = {}
    chosen = []
    for sequence in wanted:
        if not left.get(sequence):
            ways = [found for found in scanner.protocols if found.sequence == sequence]
            left[sequence] = [ways[place] for place in rng.permutation(len(ways))]
        chosen.append(left[sequence].pop())
    return [chosen[place] for place in rng.permutation(len(chosen))]


def draw_series(
    config: SpineMrPhantomConfig,
    index: int,
    anatomy: SpineMrAnatomy,
    growths: tuple[Growth, ...],
    scanner: Scanner,
) -> tuple[Series, ...]:
    """All series but the localizer: the sagittal ones, perhaps one in another plane."""
    rng = generator(config.seed, index, 4)
    sagittal = draw_stack(rng, config, anatomy, growths)
    stacks = [(protocol, sagittal) for protocol in draw_protocols(rng, config, scanner)]
    another, stack = rng.random(), other_plane(rng, config, anatomy, sagittal, growths[0])
    plain = [found for found in scanner.protocols if found.sequence != "FS-T2WI"]
    protocol = plain[int(rng.integers(len(plain)))]
    if another < config.off_plane:
        stacks.append((protocol, stack))
    return tuple(
        Series(
            number=place + 2,
            stack=stack,
            protocol=protocol,
            shift=_stirred(rng, stack),
            marked=stack.plane == "sagittal",
        )
        for place, (protocol, stack) in enumerate(stacks)
    )


def _stirred(rng: np.random.Generator, stack: Stack) -> tuple[float, float]:
    down, along = rng.normal(0, STIRS_MM, size=2).clip(-2, 2) / stack.spacing
    return float(down), float(along)


def draw_patient(config: SpineMrPhantomConfig, index: int, label: str | None = None) -> Patient:
    """Everything about patient `index`; `label` overrules the class that the index stands for."""
    part, own = part_and_label(config, index)
    label = own if label is None else label
    kind = draw_subtype(config, index, part, label)
    age = draw_age(config, index, kind)
    visit, person = generator(config.seed, index, 8), generator(config.seed, index, 3)
    sex = draw_sex(visit)
    scale = body_scale(age, sex, 0.0)
    growths, collapsed = draw_growths(config, index, label, kind, scale)
    anatomy = draw_anatomy(person, age, sex, collapsed)
    centre = pick(visit, CENTRE_WEIGHTS)
    scanner = SCANNERS[int(visit.choice(CENTRES[centre]))]
    unknown = visit.random() < config.missing_age
    row = {
        "patient_id": common.patient_number(config.seed, index),
        "label": label,
        "age": None if unknown else age,
        "sex": sex,
        "site": "spine",
        "location": location_of(tuple(growth.level for growth in growths)),
        "subtype": kind,
        "centre": centre,
        "split": part if config.test_share > 0 else None,
    }
    return Patient(
        index=index,
        row=row,
        age=age,
        label=label,
        part=part,
        anatomy=anatomy,
        growths=growths,
        scanner=scanner,
        series=draw_series(config, index, anatomy, growths, scanner),
        syntax=pick(visit, config.transfer_syntaxes),
        study_day=int(visit.integers(0, 5080)),  # January 2006 to November 2019
    )
