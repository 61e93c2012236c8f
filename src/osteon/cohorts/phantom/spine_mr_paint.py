"""Paint a patient's healthy tissues into the voxels, back to front, as shares of 0..1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.cohorts.phantom.spine_anatomy import Field
from osteon.cohorts.phantom.spine_mr_anatomy import (
    COARSE_MM,
    FINE_MM,
    Points,
    SpineMrAnatomy,
    texture,
)
from osteon.cohorts.phantom.spine_mr_column import (
    LEVEL_REGIONS,
    NAMES,
    Places,
    places,
    smooth,
    sway,
)
from osteon.cohorts.phantom.spine_mr_signal import TISSUES, Tissue, channels
from osteon.cohorts.phantom.spine_shapes import fill

Real = NDArray[np.floating[Any]]

CORTEX_MM = 1.1
HIPS = NAMES.index("L4")
# Sizes by region, mm of scale 1: half width and depth of the canal, and how far the spinous
# process reaches behind the back wall of the body, its half height and its slant.
CANAL_HALF = {"cervical": 12.0, "thoracic": 9.5, "lumbar": 11.5, "sacral": 11.0, "coccyx": 2.0}
CANAL_DEPTH = {"cervical": 14.5, "thoracic": 14.5, "lumbar": 16.0, "sacral": 10.0, "coccyx": 1.0}
TRUNK_HALF = {
    "cervical": 66.0,
    "thoracic": 155.0,
    "lumbar": 160.0,
    "sacral": 175.0,
    "coccyx": 175.0,
}
SPINOUS = {"cervical": 34.0, "thoracic": 42.0, "lumbar": 50.0, "sacral": 24.0, "coccyx": 8.0}
SPINOUS_HALF = {"cervical": 4.5, "thoracic": 5.0, "lumbar": 9.0, "sacral": 8.0, "coccyx": 0.0}
SLANT = {"cervical": 0.35, "thoracic": 0.85, "lumbar": 0.2, "sacral": 0.3, "coccyx": 0.0}


class Canvas(NamedTuple):
    """Maps under the brush, the voxels they belong to, and what many layers need.

    Attributes:
        values: (4, slices, rows, columns), see `spine_mr_signal.Maps`.
        at: level of each point of the sagittal plane.
        x: mm to the left of the column's middle, scoliosis taken out.
        fine: texture of bone and muscle.
        coarse: texture of organs.
        canal: half width and depth of the canal.
        body: signed distance from the vertebral bodies, mm; set by `paint_bodies`.
        tissues: what the names given to `paint` are made of.
    """

    values: Field
    points: Points
    at: Places
    x: Field
    fine: Field
    coarse: Field
    canal: tuple[Field, Field]
    body: Field
    tissues: Mapping[str, Tissue] = TISSUES


def by_region(anatomy: SpineMrAnatomy, table: dict[str, float], s: Field) -> Field:
    """A size of this patient that changes smoothly from region to region."""
    values = tuple(anatomy.scale * table[region] for region in LEVEL_REGIONS)
    return smooth(anatomy.column, values, s)


def share_of(anatomy: SpineMrAnatomy, regions: tuple[str, ...], s: Field) -> Field:
    """1 inside these regions, 0 elsewhere, smooth between."""
    values = tuple(float(region in regions) for region in LEVEL_REGIONS)
    return smooth(anatomy.column, values, s)


def blank(
    anatomy: SpineMrAnatomy, points: Points, tissues: Mapping[str, Tissue] = TISSUES
) -> Canvas:
    """A canvas of air, to be painted with these tissues."""
    s = points.s
    return Canvas(
        np.zeros((4, *points.shape), dtype=np.float32)
        + channels(tissues["air"])[:, None, None, None],
        points,
        places(anatomy.column, s),
        points.x - sway(anatomy.column, s),
        texture(anatomy.fine, FINE_MM, points),
        texture(anatomy.coarse, COARSE_MM, points),
        (
            anatomy.canal * by_region(anatomy, CANAL_HALF, s),
            anatomy.canal * by_region(anatomy, CANAL_DEPTH, s),
        ),
        np.zeros(points.shape, dtype=np.float32),
        tissues,
    )


def paint(canvas: Canvas, share: Field, tissue: str | Tissue, fat: Field | None = None) -> None:
    """Blend a tissue into the voxels by `share` (0..1); `fat` is added to its share of fat."""
    tissue = canvas.tissues[tissue] if isinstance(tissue, str) else tissue
    share = np.broadcast_to(share, canvas.points.shape)
    where = np.flatnonzero(share.any(axis=(1, 2)))
    if not len(where):
        return
    span = slice(int(where[0]), int(where[-1]) + 1)
    part = share[span].astype(np.float32, copy=False)
    protons, *others = canvas.values[:, span]
    own, *wanted = channels(tissue)
    protons += part * (own - protons)
    # Relaxation and fat count by protons: a little cortex darkens a voxel and changes no T2.
    weight = part * own / np.maximum(protons, np.float32(1e-4))
    for channel, value in zip(others, wanted, strict=True):
        channel += weight * (value - channel)
    if fat is not None:
        others[2] += weight * np.broadcast_to(fat, canvas.points.shape)[span]


def inside(canvas: Canvas, distance: Real) -> Field:
    """Share of each voxel within a shape of the sagittal plane."""
    return fill(distance.astype(np.float32, copy=False), max(canvas.points.pixel, 0.8))


def between(canvas: Canvas, low: Field | float, high: Field | float) -> Field:
    """Share of each voxel whose |x| lies between two values."""
    x = np.abs(canvas.x)
    return fill(np.maximum(low - x, x - high), canvas.points.across)


def slab(value: Real, low: Real | float, high: Real | float) -> Field:
    """Distance, mm, from the range low..high; negative inside."""
    return np.asarray(np.maximum(low - value, value - high), dtype=np.float32)


def oval(u: Real, v: Real, wide: Real | float, high: Real | float) -> Field:
    """Distance, about mm, from an ellipse around 0."""
    mean = 0.5 * (wide + high)
    return np.asarray((np.hypot(u / wide, v / high) - 1) * mean, dtype=np.float32)


def reach(anatomy: SpineMrAnatomy, s: Field) -> Field:
    """d of the tips of the spinous processes."""
    return by_region(anatomy, SPINOUS, s)


def back_surface(anatomy: SpineMrAnatomy, z: Field) -> Field:
    """y of the skin of the back at each height: smooth, and to the buttocks never forward again."""
    column = anatomy.column
    tips = reach(anatomy, column.course) + anatomy.fat_mm
    y = column.path[:, 0] - tips * column.tangents[:, 1]
    down = -column.path[:, 1] - tips * column.tangents[:, 0]
    line = np.arange(down.min() - 60, down.max() + 60, 4.0, dtype=np.float32)
    order = np.argsort(down)
    found = np.interp(line, down[order], y[order])
    hips = line > np.interp(column.middles[HIPS], column.course, -column.path[:, 1])
    found = np.where(hips, np.maximum.accumulate(np.where(hips, found, -1e3)), found)
    soft = ndimage.gaussian_filter1d(found, 8.0, mode="nearest")
    surface = np.maximum(soft, ndimage.gaussian_filter1d(found, 3.0, mode="nearest") - 5) + 4
    return np.asarray(np.interp(-z, line, surface), dtype=np.float32)


def paint_back(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """Fat, skin, and the muscles behind the column."""
    s, d = canvas.points.s, canvas.points.d
    tips = reach(anatomy, s)
    wide = by_region(anatomy, TRUNK_HALF, s)
    # The back is round, and ends at the flanks.
    round_back = back_surface(anatomy, canvas.points.z) - 0.22 * canvas.x**2 / wide
    skin = np.maximum(canvas.points.y - round_back, np.abs(canvas.x) - wide)
    paint(canvas, inside(canvas, skin), "skin")
    paint(canvas, inside(canvas, skin + 2.2), "fat")
    _, deep = canvas.canal
    bulge = np.minimum(np.abs(canvas.x) * 0.35, 9.0)
    thick = share_of(anatomy, ("cervical", "thoracic", "lumbar"), s)
    muscles = inside(canvas, slab(d, deep - 2, tips - 2 + bulge * thick))
    streaks = np.clip(0.5 * canvas.fine + 1.4 * anatomy.muscle_fat - 0.75, 0, 0.9)
    paint(canvas, muscles * between(canvas, 2.0, 0.55 * wide), "muscle", streaks)
    # Between the spinous processes: ligament and fat.
    paint(canvas, muscles * between(canvas, -1.0, 2.5), Tissue(0.6, 900, 30, 0.4))
    line = inside(canvas, slab(d, tips - 1.0, tips + 1.0)) * thick
    paint(canvas, line * between(canvas, -1.0, 3.0), "ligament")


def paint_front(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """What lies in front and beside: neck, chest, belly, pelvis; only as good as a spine needs."""
    s, scale = canvas.points.s, anatomy.scale
    depth = smooth(anatomy.column, tuple(anatomy.column.depths.tolist()), s)
    ahead = -canvas.points.d - depth  # mm in front of the bodies
    front = inside(canvas, 3.0 - ahead)
    organs = np.clip(0.55 + 0.8 * (canvas.coarse - 0.1), 0.1, 0.95)
    paint(canvas, front * organs, "organ", np.clip(0.08 * canvas.fine, -0.05, 0.2))
    neck = share_of(anatomy, ("cervical",), s)
    chest = share_of(anatomy, ("thoracic",), s)
    belly = share_of(anatomy, ("lumbar",), s)
    pelvis = share_of(anatomy, ("sacral", "coccyx"), s)
    gas = np.clip(2.2 * (canvas.coarse - 1.25), 0, 1) * np.clip((ahead - 22) / 10, 0, 1)
    paint(canvas, front * (belly + pelvis) * gas, "flow")
    # Bladder and other fluid far in front in the pelvis.
    wet = np.clip(2.0 * (-canvas.coarse - 1.0), 0, 1) * np.clip((ahead - 40) / 12, 0, 1)
    paint(canvas, front * pelvis * wet, "fluid")
    _paint_neck(canvas, ahead, neck, scale)
    half = smooth(anatomy.column, tuple(anatomy.column.halves.tolist()), s)
    ribs = 0.88 * by_region(anatomy, TRUNK_HALF, s)
    lung = inside(canvas, slab(ahead, -0.8 * depth, 500)) * between(canvas, half * 1.1 + 4, ribs)
    mediastinum = np.clip((ahead - 26) / 8, 0, 1) * np.clip(0.8 - canvas.coarse, 0, 1)
    paint(canvas, chest * np.maximum(lung, mediastinum), Tissue(0.10, 1000, 30))
    heart = oval(s - anatomy.column.middles[13], ahead - 58, 48 * scale, 30 * scale)
    paint(canvas, inside(canvas, heart) * between(canvas, -1, 45), Tissue(0.35, 1100, 50))
    paint(canvas, chest * inside(canvas, oval(canvas.x - 2, ahead - 8, 6, 4)), "muscle")
    _paint_vessels(canvas, anatomy, ahead, chest, belly)
    psoas = slab(ahead, -depth - 4, 3)
    beside = between(canvas, half - 1, half + 32)
    paint(canvas, (belly + pelvis) * inside(canvas, psoas) * beside, "muscle")
    scalenes = np.clip(0.85 + 0.2 * canvas.fine, 0, 1) * between(canvas, half + 2, 90)
    paint(canvas, neck * inside(canvas, slab(ahead, -depth - 6, 9)) * scalenes, "muscle")


def paint_surroundings(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """Air beside the trunk, which only other planes than the sagittal one show."""
    wide = by_region(anatomy, TRUNK_HALF, canvas.points.s)
    paint(canvas, fill(wide - np.abs(canvas.x), canvas.points.across), "air")


def _paint_neck(canvas: Canvas, ahead: Field, neck: Field, scale: float) -> None:
    """Long muscles, gullet, airway and the skin of the throat."""
    muscles = inside(canvas, slab(ahead, 1.0, 6.5 * scale))
    paint(canvas, neck * muscles, "muscle")
    lowered = np.clip((canvas.points.s - 75 * scale) / 15, 0, 1)  # the gullet begins at C6
    start = (6.5 + 7 * lowered) * scale
    airway = inside(canvas, slab(ahead, start, start + 14 * scale)) * between(canvas, -1, 8 * scale)
    paint(canvas, neck * airway, "air")
    paint(canvas, neck * inside(canvas, 62 * scale - ahead), "skin")
    paint(canvas, neck * inside(canvas, 64 * scale - ahead), "air")


def _paint_vessels(
    canvas: Canvas, anatomy: SpineMrAnatomy, ahead: Field, chest: Field, belly: Field
) -> None:
    """Aorta on the left and vena cava on the right: flow voids."""
    side = canvas.x - np.where(chest > 0.5, 17.0, 9.0) * anatomy.scale
    aorta = oval(side, ahead - anatomy.aorta - 2, anatomy.aorta, anatomy.aorta)
    soft = fill(aorta, canvas.points.across)
    paint(canvas, np.maximum(belly, chest) * soft, "flow")
    cava = oval(canvas.x + 17 * anatomy.scale, ahead - 12, 11, 9)
    paint(canvas, belly * fill(cava, canvas.points.across), "flow")


def paint_head(canvas: Canvas, anatomy: SpineMrAnatomy) -> None:
    """Above the dens: brain stem, cerebellum, clivus and the back of the skull."""
    s, d, scale = canvas.points.s, canvas.points.d, anatomy.scale
    if not (s < 0).any():
        return
    skull = oval(s + 52 * scale, d - 24 * scale, 55 * scale, 52 * scale)
    near = between(canvas, -1, 60)
    for shrink, tissue in ((0.0, "cortex"), (1.5, "fat"), (5.0, "cortex"), (7.0, "csf")):
        paint(canvas, inside(canvas, skull + shrink) * near, tissue)
    cerebellum = oval(s + 36 * scale, d - 40 * scale, 31 * scale, 33 * scale)
    folia = np.clip(0.12 * np.sin(s / 1.9), -1, 1)
    paint(canvas, inside(canvas, cerebellum) * near * (0.85 + folia), "brain")
    pons = oval(s + 42 * scale, d - 4 * scale, 24 * scale, 13 * scale)
    paint(canvas, inside(canvas, pons) * between(canvas, -1, 16), "brain")
    brain = oval(s + 80 * scale, d - 22 * scale, 30 * scale, 48 * scale)
    paint(canvas, inside(canvas, brain) * near, "brain")
    clivus = np.maximum(np.abs(d + 13 * scale - 0.3 * (s + 20)) - 5, slab(s, -52 * scale, -4))
    mid = between(canvas, -1, 14)
    paint(canvas, inside(canvas, clivus) * mid, "cortex")
    paint(canvas, inside(canvas, clivus + 1.2) * mid, Tissue(0.85, 850, 52, 0.6))
