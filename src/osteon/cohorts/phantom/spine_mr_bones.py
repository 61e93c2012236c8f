"""Paint vertebrae, discs and the contents of the spinal canal."""

from __future__ import annotations

import numpy as np

from osteon.cohorts.phantom.spine_anatomy import Field
from osteon.cohorts.phantom.spine_mr_anatomy import SpineMrAnatomy
from osteon.cohorts.phantom.spine_mr_column import LEVEL_REGIONS, NAMES, places
from osteon.cohorts.phantom.spine_mr_paint import (
    CORTEX_MM,
    SLANT,
    SPINOUS_HALF,
    Canvas,
    between,
    by_region,
    inside,
    oval,
    paint,
    reach,
    share_of,
    slab,
)
from osteon.cohorts.phantom.spine_mr_signal import Tissue
from osteon.cohorts.phantom.spine_shapes import fill

CONUS = NAMES.index("L1")
SAC_END = NAMES.index("S2")
FUSED = tuple(region in ("sacral", "coccyx") for region in LEVEL_REGIONS)


def marrow(anatomy: SpineMrAnatomy, fat: float = 0.0) -> Tissue:
    """Marrow of this patient; its water is that of red marrow."""
    return Tissue(0.84, 820, 52, float(np.clip(anatomy.marrow_fat + fat, 0, 0.95)))


def body_distance(canvas: Canvas) -> Field:
    """Signed distance from the vertebral bodies, mm: blocks with a waist and hollow end plates."""
    at, d = canvas.at, canvas.points.d
    half = 0.5 * at.depth
    u = (at.below - 0.5 * at.height) / (0.5 * at.height)
    v = (d + half) / half
    hollow = 0.07 * at.height * np.clip(1 - v * v, 0, 1)
    along = np.abs(at.below - 0.5 * at.height) - 0.5 * at.height + np.where(at.level > 0, hollow, 0)
    dens = np.where(at.level == 0, np.clip(0.55 - at.below / at.height, 0, 0.6), 0)
    waist = 1 - 0.10 * np.clip(1 - u * u, 0, 1) - dens
    flat = np.abs(v) / waist
    side = np.abs(canvas.x) / (at.half * waist)
    # A rounded rectangle seen from above: fourth powers without calling pow.
    around = np.sqrt(np.sqrt((flat * flat) ** 2 + (side * side) ** 2)) - 1
    return np.asarray(np.maximum(around * half, along), dtype=np.float32)


def paint_bodies(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """Discs, then bodies of cortex and marrow, their veins, and the long ligaments."""
    at, d = canvas.at, canvas.points.d
    canvas.body[...] = body_distance(canvas)
    half = 0.5 * at.depth
    column = np.sqrt(np.sqrt(((d + half) / half) ** 4 + (canvas.x / at.half) ** 4)) - 1
    column = column * half
    discs = fill(column - 1.0, canvas.points.pixel) * (canvas.points.s > 0)
    paint(canvas, discs, "annulus")
    worn = anatomy.worn[at.level]
    gap = anatomy.column.discs[at.level]
    depth = slab(at.below, at.height + 0.5, at.height + gap - 0.5)
    core = inside(canvas, np.maximum(column + 0.2 * at.depth, depth))
    fresh = np.clip(1.15 - worn, 0.1, 1) * np.where(np.array(FUSED)[at.level], 0.2, 1)
    paint(canvas, core * fresh, "nucleus")
    long_ligaments = inside(canvas, np.abs(column) - 0.7) * between(canvas, -1, 0.6 * at.half)
    paint(canvas, long_ligaments * (canvas.points.s > 0), "ligament")
    _bone(canvas, anatomy, canvas.body)
    vein = oval(at.below - 0.5 * at.height, d + 2.5, 1.8, 4.0)
    open_ = fill(vein, canvas.points.pixel) * between(canvas, -1, 3.5) * (at.level > 0)
    paint(canvas, 0.6 * open_ * ~np.array(FUSED)[at.level], Tissue(0.9, 1300, 140, 0.2))


def _bone(canvas: Canvas, anatomy: SpineMrAnatomy, distance: Field, fat: float = 0.0) -> None:
    """Cortex with marrow inside."""
    edge = max(canvas.points.pixel, 0.8)
    paint(canvas, fill(distance, edge), "cortex")
    mottle = 0.055 * canvas.fine + 0.03 * canvas.coarse
    paint(canvas, fill(distance + CORTEX_MM, edge), marrow(anatomy, fat), mottle)


def paint_arches(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """Foramina with their roots, pedicles, joint pillars, laminae and spinous processes."""
    at, points, scale = canvas.at, canvas.points, anatomy.scale
    d, s = points.d, points.s
    half, deep = canvas.canal
    on = (s > 0) * share_of(anatomy, ("cervical", "thoracic", "lumbar", "sacral"), s)
    root_zone = between(canvas, half - 1, half + 10 * scale) * on
    paint(canvas, inside(canvas, slab(d, -1.0, deep + 2)) * root_zone, "fat")
    root = oval(at.below - 0.86 * at.height, d - 0.35 * deep, 2.4 * scale, 2.6 * scale)
    paint(canvas, inside(canvas, root) * root_zone, "root")
    pedicle = np.maximum(
        np.abs(at.below - 0.33 * at.height) - 0.26 * at.height, slab(d, -3.0, deep + 3)
    )
    ring = (at.level > 0) & ~np.array(FUSED)[at.level]
    _lateral(canvas, anatomy, pedicle, (half - 0.5, half + 7 * scale), on * ring)
    # Joint lines slant, so that each pillar overlaps the one below like a roof's tiles.
    tile = places(anatomy.column, s + 0.75 * (d - deep))
    pillar = np.maximum(slab(d, 0.65 * deep, deep + 11 * scale), 0.9 - tile.below)
    _lateral(canvas, anatomy, pillar, (half - 1.5, half + 10 * scale), on * (s > 8))
    roof = np.maximum(
        slab(d, deep, deep + 5.5 * scale), slab(at.below, 0.3 * at.height, 0.95 * at.height)
    )
    _lateral(canvas, anatomy, roof, (-1.0, half + 1), on)
    _paint_spinous(canvas, anatomy, deep, on)


def _lateral(
    canvas: Canvas,
    anatomy: SpineMrAnatomy,
    flat: Field,
    span: tuple[Field | float, Field | float],
    on: Field,
) -> None:
    """A bone of this outline in the sagittal plane, over a range of |x|."""
    beside = between(canvas, *span) * on
    paint(canvas, inside(canvas, flat) * beside, "cortex")
    core = inside(canvas, flat + CORTEX_MM) * beside
    paint(canvas, core, marrow(anatomy, 0.06), 0.05 * canvas.fine)


def _paint_spinous(canvas: Canvas, anatomy: SpineMrAnatomy, deep: Field, on: Field) -> None:
    d, s = canvas.points.d, canvas.points.s
    slant = by_region(anatomy, SLANT, s) / anatomy.scale
    leaning = places(anatomy.column, s - slant * (d - deep))
    tall = by_region(anatomy, SPINOUS_HALF, s)
    process = np.maximum(
        np.abs(leaning.below - 0.62 * leaning.height) - tall,
        slab(d, deep + 3, reach(anatomy, s) - 1.5),
    )
    _lateral(canvas, anatomy, process, (-1.0, 3.4 * anatomy.scale), on * (s > 12))


def paint_canal(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """Fat behind the sac, fluid in it, and the cord or, below L1, the roots of the tail."""
    column, s, d, scale = anatomy.column, canvas.points.s, canvas.points.d, anatomy.scale
    half, deep = canvas.canal
    across = max(canvas.points.across * 0.7, canvas.points.pixel)
    top = inside(canvas, -(s + 4))
    hole = oval(canvas.x, d - 0.5 * deep - 0.6, half, 0.5 * deep)
    paint(canvas, fill(hole, across) * top * (deep > 2.5), "fat")
    end = float(column.middles[SAC_END])
    taper = np.clip((end - s) / (45 * scale), 0, 1) ** 0.7
    lumbar = share_of(anatomy, ("lumbar", "sacral"), s)
    radius = np.maximum((0.5 * deep - 0.7 - 0.9 * lumbar) * taper, 0.01)
    middle = 0.5 * deep + 0.4 - 0.9 * lumbar
    sac = oval(canvas.x, d - middle, (half - 1) * np.maximum(taper, 0.05), radius)
    paint(canvas, fill(sac + 0.2, across) * top * (s < end), "ligament")
    paint(canvas, fill(sac + 0.9, across) * top * (s < end), "csf")
    conus = float(column.middles[CONUS])
    thin = np.clip((conus - s) / (30 * scale), 0, 1)
    neck = share_of(anatomy, ("cervical",), s)
    size = (3.4 + 0.8 * neck) * scale * np.maximum(thin, 0.01)
    # The cord takes the short way: to the back in a lordosis, to the front in the kyphosis.
    chest = share_of(anatomy, ("thoracic",), s)
    cord = oval(canvas.x, d - middle + 1.0 * chest, 1.45 * size, size)
    paint(canvas, fill(cord, across) * top * (s < conus), "cord")
    threads = np.clip(0.42 + 0.22 * np.sin(1.5 * d + 0.6 * canvas.x + 0.8 * canvas.fine), 0, 1)
    low = np.clip((s - conus + 25) / 12, 0, 1) * np.clip((end - 12 - s) / 40, 0, 1)
    behind = np.clip((d - middle + 0.35 * radius) / 2.0, 0, 1)
    paint(canvas, fill(sac + 1.6, across) * low * behind * threads, "root")
