"""What takes up contrast agent without being a tumour: tissues, veins, end plates, joints, nodes.

Gadolinium shortens T1 in proportion to its concentration: 1/T1 rises by relaxivity times mM. The
rises here are rough values some minutes after a usual dose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteon.cohorts.phantom.spine_anatomy import Field
from osteon.cohorts.phantom.spine_mr_anatomy import SpineMrAnatomy
from osteon.cohorts.phantom.spine_mr_bones import marrow
from osteon.cohorts.phantom.spine_mr_column import LEVEL_REGIONS, NAMES, Places, places
from osteon.cohorts.phantom.spine_mr_paint import (
    CORTEX_MM,
    Canvas,
    between,
    inside,
    oval,
    paint,
    share_of,
)
from osteon.cohorts.phantom.spine_mr_signal import TISSUES, Tissue
from osteon.cohorts.phantom.spine_mr_tumour import Spot, ball, spot_of
from osteon.cohorts.phantom.spine_shapes import fill

FREE = tuple(i for i, region in enumerate(LEVEL_REGIONS) if region not in ("sacral", "coccyx"))
"""Levels that are not fused."""
UPPER_RIBS = (NAMES.index("T1"), NAMES.index("T3"))
THYROID = NAMES.index("C7")


def enhanced(tissue: Tissue, uptake: float) -> Tissue:
    """The tissue with contrast agent; `uptake` is the rise of 1/T1 of its water, per second."""
    return tissue._replace(t1=1e3 / (1e3 / tissue.t1 + uptake))


UPTAKE = {
    "muscle": 0.18,
    "organ": 0.55,
    "skin": 0.4,
    "root": 0.4,
    "ligament": 0.2,
    "annulus": 0.05,
    "oedema": 0.6,
}
"""Rise of 1/T1 in healthy tissue, per second; what is missing takes up nothing."""
GD_TISSUES = TISSUES | {name: enhanced(TISSUES[name], rise) for name, rise in UPTAKE.items()}
BLOOD = enhanced(Tissue(0.9, 1400, 110), 2.6)
"""Slow venous blood; where it runs fast it is a flow void."""
GRANULATION = enhanced(Tissue(0.9, 1050, 80, 0.08), 1.3)
"""Vascular tissue of worn end plates and inflamed joints."""
THYROID_GLAND = enhanced(Tissue(0.85, 1000, 60), 2.0)


@dataclass(frozen=True)
class Blob:
    """A small bright thing; centre and radii are (s, d, x) mm from the middle of its body."""

    level: int
    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    tissue: Tissue
    share: float
    within: bool


@dataclass(frozen=True)
class Distractors:
    """What enhances in one patient beside the tumour.

    Args:
        plexus: filling of the veins behind the bodies, 0..1.
        veins: how far the vein of each body reaches forward from its back wall, mm, by level.
        vessels: filling of the small vessels beside the bodies, 0..1.
        blobs: worn end plates, islands of fat, inflamed joints.
    """

    plexus: float
    veins: Field
    vessels: float
    blobs: tuple[Blob, ...]


def draw_distractors(
    rng: np.random.Generator, anatomy: SpineMrAnatomy, amount: float
) -> Distractors:
    """The patient's own; `amount` 0 gives none, 1 the usual."""
    reach = rng.uniform(2, 14, size=len(NAMES)).astype(np.float32) * anatomy.scale
    counts = rng.poisson(np.array([2.2, 1.5, 2.5]) * amount)
    draws = (_end_plate, _island, _joint)
    blobs = [
        draw(rng, anatomy)
        for draw, count in zip(draws, counts.tolist(), strict=True)
        for _ in range(count)
    ]
    plexus, vessels = rng.uniform(0.3, 0.9, size=2).tolist()
    return Distractors(
        plexus=min(plexus * amount, 1.0),
        veins=reach * np.float32(min(amount, 1.5)),
        vessels=min(vessels * amount, 1.0),
        blobs=tuple(blobs),
    )


def _end_plate(rng: np.random.Generator, anatomy: SpineMrAnatomy) -> Blob:
    """A worn end plate, flat, or a node of disc sunk into it, round."""
    level = int(rng.choice(FREE[1:]))
    height, depth = float(anatomy.column.heights[level]), float(anatomy.column.depths[level])
    where, flat = float(rng.choice((-0.5, 0.5))), rng.random() < 0.65
    wide = float(rng.uniform(0.22, 0.5)) * depth
    high = float(rng.uniform(2.0, 4.5)) if flat else float(rng.uniform(3.0, 5.0))
    centre = (where * height, -0.5 * depth + float(rng.uniform(-0.3, 0.3)) * depth, _across(rng))
    radii = (high, wide if flat else high, float(rng.uniform(6, 14)))
    return Blob(level, centre, radii, GRANULATION, float(rng.uniform(0.35, 0.85)), True)


def _island(rng: np.random.Generator, anatomy: SpineMrAnatomy) -> Blob:
    """Fatty marrow, or a small haemangioma, that keeps its signal."""
    level = int(rng.choice(FREE))
    depth = float(anatomy.column.depths[level])
    radius = float(rng.uniform(2.5, 5.0))
    centre = (float(rng.normal(0, 3)), -0.5 * depth + float(rng.normal(0, 4)), _across(rng))
    fat = Tissue(0.9, 600, 110, float(rng.uniform(0.4, 0.85)))
    return Blob(level, centre, (radius,) * 3, fat, float(rng.uniform(0.4, 0.8)), True)


def _joint(rng: np.random.Generator, anatomy: SpineMrAnatomy) -> Blob:
    """An inflamed facet joint or an inflamed ligament between spinous processes."""
    level = int(rng.choice(FREE[1:]))
    scale, below = anatomy.scale, 0.6 * float(anatomy.column.heights[level])
    midline = rng.random() < 0.4
    behind = float(rng.uniform(28, 36) if midline else rng.uniform(15, 22)) * scale
    x = float(rng.normal(0, 1.5)) if midline else float(rng.choice((-1, 1))) * 13 * scale
    radii = (float(rng.uniform(2.5, 5.5)), float(rng.uniform(2, 4)), float(rng.uniform(2.5, 5)))
    share = float(rng.uniform(0.4, 0.9))
    return Blob(level, (below, behind, x), radii, GRANULATION, share, False)


def _across(rng: np.random.Generator) -> float:
    return float(rng.uniform(-14, 14))


def paint_distractors(canvas: Canvas, anatomy: SpineMrAnatomy, found: Distractors) -> None:
    """Paint all of them into a canvas that holds what is normal."""
    _paint_veins(canvas, anatomy, found)
    for blob in found.blobs:
        spot = spot_of(canvas, anatomy, blob.level)
        if spot is not None:
            _paint_blob(spot, blob)


def _paint_blob(spot: Spot, blob: Blob) -> None:
    cut = spot.canvas
    distance = ball(spot, blob.centre, blob.radii)
    if blob.within:
        distance = np.maximum(distance, cut.body + np.float32(0.5))
    paint(cut, blob.share * fill(distance, max(cut.points.pixel, 2.0)), blob.tissue)


def _paint_veins(canvas: Canvas, anatomy: SpineMrAnatomy, found: Distractors) -> None:
    """Veins in the bodies, the plexus behind them, and vessels at the waist of each body."""
    at, d, scale = canvas.at, canvas.points.d, anatomy.scale
    free = np.isin(at.level, FREE[1:])
    below = at.below - 0.5 * at.height
    reach = np.maximum(found.veins[at.level], np.float32(0.1))
    vein = fill(oval(below, d + reach, 1.3 * scale, reach), canvas.points.pixel)
    open_ = min(1.0, found.plexus + 0.1) * (found.plexus > 0)
    paint(canvas, open_ * vein * between(canvas, -1, 3.5) * free, BLOOD)
    # Two cords behind each body, joined at its waist and thin at the discs.
    plump = 1.7 * scale * (0.55 + 0.45 * np.cos(np.pi * np.clip(below / at.height, -1, 1)))
    cords = fill(np.abs(d - 1.4 * scale) - plump, canvas.points.pixel)
    uneven = np.clip(0.75 + 0.35 * canvas.fine, 0, 1)
    paint(canvas, found.plexus * cords * between(canvas, 2, 8.5 * scale) * free * uneven, BLOOD)
    beside = oval(below, d + 0.45 * at.depth, 1.8 * scale, 2.2 * scale)
    spots = fill(beside, canvas.points.pixel) * between(canvas, at.half + 0.5, at.half + 9)
    paint(canvas, found.vessels * spots * free, BLOOD)


def footprint(at: Places, d: Field, x: Field) -> Field:
    """Distance from the column of bodies and discs seen from above, mm, negative inside.

    Args:
        at: level of each point.
        d: mm behind the back wall.
        x: mm to the left of the column's middle.
    """
    half = 0.5 * at.depth
    flat, side = (d + half) / half, x / at.half
    around = np.sqrt(np.sqrt((flat * flat) ** 2 + (side * side) ** 2)) - 1
    return np.asarray(around * half, dtype=np.float32)


def paint_side_walls(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """Give marrow back to voxels that a body's side wall crosses at a small angle.

    The cortex is thin against the slice, so that a slice along the wall shows both.
    """
    at, d = canvas.at, canvas.points.d
    half = 0.5 * at.depth
    side, flat = (canvas.x / at.half) ** 4, ((d + half) / half) ** 4
    sideways = side / (side + flat + np.float32(1e-3))
    wall = footprint(at, d, canvas.x) > canvas.body - 2.0
    share = fill(canvas.body + np.float32(0.5 * CORTEX_MM), canvas.points.across) * sideways * wall
    paint(canvas, share, marrow(anatomy), 0.05 * canvas.fine)


def paint_ribs(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """Heads and necks of the ribs beside the chest's vertebrae; the upper ones broad and vascular.

    They run from the joint at the upper end plate to the side and the back. Around T1 to T3 muscles
    and great veins of the shoulder girdle lie on them.
    """
    s, d, scale = canvas.points.s, canvas.points.d, anatomy.scale
    chest = share_of(anatomy, ("thoracic",), s)
    tile = places(anatomy.column, s + 4 * scale)
    out = np.clip(np.abs(canvas.x) - canvas.at.half, 0, None)
    upper = (tile.level >= UPPER_RIBS[0]) & (tile.level <= UPPER_RIBS[1])
    broad = np.where(upper, 1.35, 1.0).astype(np.float32)
    middle = -5 * scale + 0.8 * out
    rib = oval(tile.below - 4.5 * scale, d - middle, 4.2 * scale * broad, 5.2 * scale * broad)
    zone = chest * between(canvas, canvas.at.half + 0.5, 70) * (tile.level > THYROID)
    girdle = inside(canvas, rib - 4.0 * broad) * upper
    paint(canvas, zone * girdle * np.clip(0.7 + 0.3 * canvas.coarse, 0, 1), "muscle")
    paint(canvas, zone * inside(canvas, rib), "cortex")
    paint(canvas, zone * inside(canvas, rib + CORTEX_MM), marrow(anatomy), 0.05 * canvas.fine)
    veins = oval(tile.below - 13 * scale, d - middle + 11 * scale, 3.0 * scale, 4.5 * scale)
    paint(canvas, 0.9 * zone * inside(canvas, veins) * upper, BLOOD)


def paint_thyroid(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """The gland before the lower neck, which takes up much."""
    scale, middle = anatomy.scale, float(anatomy.column.middles[THYROID])
    ahead = -canvas.points.d - canvas.at.depth
    gland = oval(canvas.points.s - middle, ahead - 26 * scale, 17 * scale, 7 * scale)
    lobes = between(canvas, 7 * scale, 24 * scale)
    paint(canvas, inside(canvas, gland) * lobes, THYROID_GLAND)
