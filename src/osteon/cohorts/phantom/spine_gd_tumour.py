"""Paint an enhancing lesion into the voxels, and say how much of each voxel it fills."""

from __future__ import annotations

import numpy as np

from osteon.cohorts.phantom.spine_anatomy import Field
from osteon.cohorts.phantom.spine_gd_lesions import BULGE, Lesion
from osteon.cohorts.phantom.spine_gd_uptake import enhanced, footprint
from osteon.cohorts.phantom.spine_mr_anatomy import SpineMrAnatomy
from osteon.cohorts.phantom.spine_mr_column import places
from osteon.cohorts.phantom.spine_mr_paint import Canvas, inside, paint
from osteon.cohorts.phantom.spine_mr_signal import Tissue
from osteon.cohorts.phantom.spine_mr_tumour import (
    GRAIN_MM,
    OUTLINE_MM,
    Spot,
    ball,
    noise_at,
    spot_of,
)
from osteon.cohorts.phantom.spine_shapes import fill

LAYERS = (-1 / 3, 0.0, 1 / 3)
"""Where within its thickness a slice is sampled: an edge that slants through it is averaged."""
NECROSIS = Tissue(0.97, 1700, 160)
CANAL_SIDE = 11.0  # mm from the midline: beyond, nothing keeps a lesion out of the foramina
# How uneven the surface is and how deep its dents are at most, relative to the radius.
ROUGH, DENT = 0.15, 0.35


def shape_of(spot: Spot, anatomy: SpineMrAnatomy, lesion: Lesion) -> Field:
    """Signed distance from the lesion, mm, negative inside; discs and other bodies are spared."""
    plan, scale = lesion.plan, anatomy.scale
    dents = np.clip(ROUGH * noise_at(lesion.outline, OUTLINE_MM, spot), -BULGE, DENT)
    core = ball(spot, lesion.centre, lesion.radii) + 0.5 * plan.diameter * dents
    half = 0.5 * float(anatomy.column.heights[plan.level])
    if plan.seat == "canal":
        wide, deep = spot.canvas.canal
        walls = np.maximum(np.abs(spot.x) - wide + 1.0, np.abs(spot.d - 0.5 * deep) - 0.5 * deep)
        return np.asarray(np.maximum(np.maximum(core, walls), 0.4 - spot.canvas.body))
    at = places(anatomy.column, spot.canvas.points.s)
    spared = np.maximum(footprint(at, spot.d, spot.x) - 0.5, half + 0.3 - np.abs(spot.s))
    core = np.maximum(core, -spared)
    central = np.abs(spot.x) < CANAL_SIDE * scale
    if plan.seat == "arch":
        # The dura keeps it off the front of the canal.
        wall = np.maximum(1.0 - spot.canvas.body, (14 * scale - lesion.spill) - spot.d)
    else:
        wall = spot.d - lesion.spill
    return np.asarray(np.where(central, np.maximum(core, wall), core), dtype=np.float32)


def _pattern(spot: Spot, lesion: Lesion, distance: Field) -> Field:
    """Share of the full uptake at each voxel, 0..1."""
    grain = noise_at(lesion.grain, GRAIN_MM, spot)
    if lesion.pattern == "patchy":
        return np.clip(0.6 + 0.45 * grain, 0.0, 1.0)
    solid = np.clip(0.88 + 0.14 * grain, 0.0, 1.0)
    if lesion.pattern == "solid":
        return solid
    middle = fill(distance + np.float32(lesion.wall) * (1 + 0.35 * grain), 2.5)
    return np.asarray(solid * (1 - middle), dtype=np.float32)


def paint_lesion(
    canvas: Canvas, anatomy: SpineMrAnatomy, lesion: Lesion, enhancement: float, thickness: float
) -> Field:
    """Paint one lesion.

    Args:
        canvas: painted with all that is normal; changed in place.
        anatomy: the patient's.
        lesion: what to paint.
        enhancement: contrast agent, relative to the usual.
        thickness: of a slice, mm.

    Returns:
        (slices, rows, columns) share of each voxel that the lesion fills, 0..1, whether or not it
        can be seen.
    """
    share = np.zeros(canvas.points.shape, dtype=np.float32)
    spot = spot_of(canvas, anatomy, lesion.plan.level)
    if spot is None:
        return share
    edge = float(spot.canvas.points.pixel)
    layers = [
        shape_of(spot._replace(x=spot.x + np.float32(at * thickness)), anatomy, lesion)
        for at in LAYERS
    ]
    filled = _averaged(layers, max(lesion.margin, edge))
    _paint_tissue(spot, lesion, filled, layers[len(LAYERS) // 2], enhancement)
    share[spot.window] = _averaged(layers, edge)
    return share


def _averaged(layers: list[Field], edge: float) -> Field:
    """Share of each voxel inside, over the layers of its slice."""
    shares = [fill(layer, edge) for layer in layers]
    return np.asarray(np.mean(shares, axis=0), dtype=np.float32)


def _paint_tissue(
    spot: Spot, lesion: Lesion, filled: Field, distance: Field, enhancement: float
) -> None:
    """Oedema of the marrow around, the lesion's tissue, its necrosis, and what it takes up."""
    cut = spot.canvas
    halo = 0.45 * np.exp(-np.clip(distance, 0, None) / 4)
    paint(cut, np.asarray(halo * inside(cut, cut.body), dtype=np.float32), "oedema")
    tissue = Tissue(0.93, lesion.t1, lesion.t2)
    paint(cut, filled, tissue)
    taken = _pattern(spot, lesion, distance)
    if lesion.pattern == "rim":
        paint(cut, filled * (1 - taken), NECROSIS)
    paint(cut, filled * taken, enhanced(tissue, enhancement * lesion.uptake))
