"""How the spines, backs and bellies of phantom patients differ; the diagnosis plays no part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from osteon.cohorts.phantom.spine_anatomy import Field, smooth_noise
from osteon.cohorts.phantom.spine_mr_column import VERTEBRAE, Column, draw_column

FINE_MM, COARSE_MM = 1.6, 7.0
FINE_SHAPE, COARSE_SHAPE = (32, 96, 96), (16, 32, 32)
ADULT = 17  # years


@dataclass(frozen=True)
class SpineMrAnatomy:
    """One patient. Lengths in mm; textures are periodic noise of standard deviation 1.

    Args:
        column: curve and levels.
        scale: size, 1 an adult man.
        marrow_fat: share of fat in the marrow of the bodies.
        worn: degeneration of each disc, 0..1.
        canal: width of the spinal canal, relative.
        fat_mm: fat under the skin of the back.
        muscle_fat: fatty streaks in the muscles of the back, 0..1.
        aorta: radius.
        fine: texture of bone and muscle, (x, y, z) at 1.6 mm.
        coarse: where organs lie, (x, y, z) at 7 mm.
    """

    column: Column
    scale: float
    marrow_fat: float
    worn: Field
    canal: float
    fat_mm: float
    muscle_fat: float
    aorta: float
    fine: Field
    coarse: Field


class Points(NamedTuple):
    """Voxels: their coordinates in the column (s, d, x) and in the room (y, z), mm.

    The arrays broadcast to one shape of (slices, rows, columns). `pixel` is the width of an edge in
    the sagittal plane, `across` that of an edge from left to right, mm.
    """

    s: Field
    d: Field
    x: Field
    y: Field
    z: Field
    pixel: float
    across: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Slices, rows, columns."""
        return np.broadcast_shapes(self.s.shape, self.x.shape)


def body_scale(age: int, sex: str, vary: float) -> float:
    """Size relative to an adult man's."""
    grown = min(1.0, 0.5 + 0.5 * age / ADULT)
    return (1.0 if sex == "M" else 0.92) * grown * (1 + 0.04 * vary)


def draw_anatomy(
    rng: np.random.Generator, age: int, sex: str, collapsed: dict[int, float]
) -> SpineMrAnatomy:
    """A spine of this age and sex; `collapsed`: lost share of the height of a body, by level."""
    vary = rng.normal(size=8).clip(-2, 2)
    scale = body_scale(age, sex, float(vary[0]))
    old = float(np.clip((age - 20) / 60, 0, 1))
    worn = np.clip(0.9 * old + 0.25 * rng.normal(size=len(VERTEBRAE)) - 0.05, 0, 1)
    return SpineMrAnatomy(
        column=draw_column(rng, scale, collapsed),
        scale=scale,
        marrow_fat=float(np.clip(0.24 + 0.005 * age + 0.05 * vary[1], 0.15, 0.75)),
        worn=worn.astype(np.float32),
        canal=float(1 + 0.07 * vary[2]),
        fat_mm=float(np.clip(17 + 9 * vary[3], 4, 42)) * min(scale, 1.0),
        muscle_fat=float(np.clip(0.12 + 0.4 * old + 0.1 * vary[4], 0, 0.8)),
        aorta=float(9.5 + 2.5 * old + 0.6 * vary[5]) * scale,
        fine=smooth_noise(rng, FINE_SHAPE, (0.7, 0.8, 1.0)),
        coarse=smooth_noise(rng, COARSE_SHAPE, (1.1, 1.1, 1.3)),
    )


def texture(lattice: Field, mm: float, points: Points) -> Field:
    """The lattice's value at each voxel, by linear interpolation."""
    spots = [axis / np.float32(mm) for axis in (points.x, points.y, points.z)]
    grid = np.stack([np.broadcast_to(axis, points.shape) for axis in spots])
    made = ndimage.map_coordinates(lattice, grid, order=1, mode="grid-wrap", output=np.float32)
    return np.asarray(made)
