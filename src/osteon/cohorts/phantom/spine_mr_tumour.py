"""Paint a tumour into the voxels: its shape, what it is made of, and what it does to bone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.cohorts.phantom.spine_anatomy import Field
from osteon.cohorts.phantom.spine_mr_anatomy import Points, SpineMrAnatomy
from osteon.cohorts.phantom.spine_mr_column import sway
from osteon.cohorts.phantom.spine_mr_lesions import LATTICE, Growth
from osteon.cohorts.phantom.spine_mr_paint import Canvas, paint
from osteon.cohorts.phantom.spine_mr_signal import Tissue
from osteon.cohorts.phantom.spine_shapes import fill

OUTLINE_MM, GRAIN_MM = 2.2, 1.7
FAR = 40.0  # mm: beyond this from its middle a tumour does nothing, and nothing is computed


class Spot(NamedTuple):
    """The part of a canvas around one level, with mm from the middle of its vertebral body."""

    canvas: Canvas
    window: tuple[slice, slice, slice]
    s: Field
    d: Field
    x: Field


def spot_of(canvas: Canvas, anatomy: SpineMrAnatomy, level: int) -> Spot | None:
    """Cut the neighbourhood of a level out of a canvas; None where the slices miss it."""
    points = canvas.points
    middle = anatomy.column.middles[level]
    here = (np.abs(points.s - middle) < FAR) & (np.abs(points.d) < 1.6 * FAR)
    here = here & (np.abs(canvas.x) < 1.4 * FAR)
    if not here.any():
        return None
    window = tuple(
        slice(int(found[0]), int(found[-1]) + 1)
        for axis in range(3)
        for found in [np.flatnonzero(here.any(axis=tuple({0, 1, 2} - {axis})))]
    )
    s, d, x, y, z = (_cut(axis, window) for axis in points[:5])
    cut = canvas._replace(
        values=canvas.values[(slice(None), *window)],
        points=Points(s, d, x, y, z, points.pixel, points.across),
        x=_cut(canvas.x, window),
        body=canvas.body[window],
        canal=(_cut(canvas.canal[0], window), _cut(canvas.canal[1], window)),
    )
    straight = cut.x + sway(anatomy.column, cut.points.s) - sway(anatomy.column, float(middle))
    return Spot(cut, window, cut.points.s - middle, cut.points.d, straight)  # type: ignore[arg-type]


def _cut(axis: Field, window: tuple[slice, ...]) -> Field:
    """The window of an array that broadcasts."""
    sides = zip(window, axis.shape, strict=True)
    return axis[tuple(side if size > 1 else slice(None) for side, size in sides)]


def noise_at(lattice: Field, mm: float, spot: Spot) -> Field:
    """The lattice's value at each voxel of a spot; its middle lies in the vertebral body's."""
    grid = np.stack(
        [np.broadcast_to(axis / np.float32(mm), spot.canvas.points.shape) for axis in spot[2:]]
    )
    grid += np.float32(0.5 * LATTICE)
    made = ndimage.map_coordinates(lattice, grid, order=1, mode="grid-wrap", output=np.float32)
    return np.asarray(made)


def ball(spot: Spot, centre: tuple[float, float, float], radii: tuple[float, ...]) -> Field:
    """Distance from an ellipsoid, about mm; `centre` and `radii` are (s, d, x)."""
    parts = [
        (axis - middle) / radius
        for axis, middle, radius in zip(spot[2:], centre, radii, strict=True)
    ]
    k = np.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2)
    return np.asarray((k - 1) * (sum(radii) / 3), dtype=np.float32)


def shape_of(spot: Spot, anatomy: SpineMrAnatomy, growth: Growth) -> Field:
    """Signed distance from the tumour, mm, negative inside."""
    look, size = growth.look, sum(growth.radii) / 3
    dents = noise_at(growth.outline, OUTLINE_MM, spot)
    # Nerve sheath tumours are smooth.
    rough = (0.05 if growth.seat == "canal" else 0.10 + 0.015 * look.margin) * size * dents
    body = spot.canvas.body
    if growth.seat == "canal":
        return _dumb_bell(spot, anatomy, growth) + rough
    core = ball(spot, growth.centre, growth.radii) + rough
    half = 0.5 * anatomy.column.heights[growth.level]
    if growth.seat == "body":
        core = np.maximum(core, np.maximum(body - look.swell, np.abs(spot.s) - half - 1))
    else:
        # The ring of the vertebra keeps it out of the front half of the canal.
        core = np.maximum(core, np.maximum(1.5 - body, 8 * anatomy.scale - spot.d))
    if look.mass < 0.12:
        return np.asarray(core, dtype=np.float32)
    reach = size * (0.5 + 0.6 * look.mass)
    if growth.seat == "arch":
        middle = (growth.centre[0], growth.centre[1] + 0.6 * reach, growth.centre[2])
    else:
        middle = growth.mass
    mass = ball(spot, middle, (1.25 * reach, 0.8 * reach, 1.1 * reach)) + rough
    # It pushes the neighbouring bodies' cortex but stays outside of them.
    own = np.abs(spot.s) < half
    mass = np.where(own, mass, np.maximum(mass, 0.8 - body))
    return np.asarray(np.minimum(core, mass), dtype=np.float32)


def _dumb_bell(spot: Spot, anatomy: SpineMrAnatomy, growth: Growth) -> Field:
    """One ball in the canal, one outside, and the waist that the foramen leaves."""
    s, d, x = growth.centre
    long, deep, wide = growth.radii
    outer = x + growth.side * 17 * anatomy.scale
    within = ball(spot, growth.centre, growth.radii)
    neck = ball(spot, (s, d - 1, 0.5 * (x + outer)), (0.42 * long, 0.8 * deep, wide))
    beyond = ball(spot, (s, d - 2, outer), (0.8 * long, 1.7 * deep, 1.1 * wide))
    whole = np.minimum(np.minimum(within, neck), beyond)
    return np.asarray(np.maximum(whole, 0.3 - spot.canvas.body), dtype=np.float32)


def paint_growth(canvas: Canvas, anatomy: SpineMrAnatomy, growth: Growth) -> NDArray[np.bool_]:
    """Paint one tumour; its mask (slices, rows, columns), also where the tumour cannot be seen."""
    mask = np.zeros(canvas.points.shape, dtype=np.bool_)
    spot = spot_of(canvas, anatomy, growth.level)
    if spot is None:
        return mask
    distance = shape_of(spot, anatomy, growth)
    look, cut = growth.look, spot.canvas
    edge = max(cut.points.pixel, 0.8)
    share = fill(distance, max(look.margin, edge)) * np.float32(growth.contrast)
    bone = fill(cut.body, edge)
    if growth.seat == "arch":
        bone = np.ones_like(bone)
    halo = look.oedema * np.exp(-np.clip(distance, 0, None) / 7) * bone
    paint(cut, np.clip(growth.contrast * halo, 0, 1), "oedema")
    _paint_inside(spot, growth, distance, share)
    if growth.seat == "body":
        wall = fill(np.abs(cut.body + np.float32(0.3)) - np.float32(0.4), edge) * (distance < 1.5)
        paint(cut, wall * growth.contrast * (1 - look.broken) * 0.8, "cortex")
    ring = fill(np.abs(distance) - np.float32(0.5), edge) * look.rim
    paint(cut, ring * growth.contrast, Tissue(0.15, 900, 22))
    mask[spot.window] = distance < 0
    return mask


def _paint_inside(spot: Spot, growth: Growth, distance: Field, share: Field) -> None:
    """The tumour's tissue, its second component, struts and fluid levels."""
    look, cut = growth.look, spot.canvas
    grain = noise_at(growth.grain, GRAIN_MM, spot)
    paint(cut, share, Tissue(look.pd, look.t1, look.t2, look.fat), 0.02 * grain * look.fat)
    patches = np.clip(0.5 + 1.5 * (grain - 1.3 + 2.2 * look.patchy), 0, 0.7)
    dark = look.second < look.t2
    second = Tissue(
        0.5 if look.second < 50 else look.pd, look.t1 * (1.0 if dark else 1.3), look.second
    )
    paint(cut, share * patches * (distance < 0), second)
    if look.trabeculae > 0.2:
        struts = np.cos(spot.d * 1.25) * np.cos(spot.x * 1.25 + 0.5) + 0.25 * grain
        paint(cut, share * look.trabeculae * np.clip(2.0 * (struts - 0.4), 0, 0.9), "cortex")
    if look.layers > 0.2:
        # Supine, cells sink to the back of each chamber.
        deep = np.clip(0.5 + 0.5 * (np.mod(spot.d + 5 * grain, 11) - 5.5), 0, 1)
        paint(cut, share * look.layers * deep, Tissue(0.95, 800, 75))
