"""From one patient's anatomy and lesions to the slices that a scanner stores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.cohorts.phantom.spine_anatomy import Field
from osteon.cohorts.phantom.spine_mr_anatomy import Points, SpineMrAnatomy
from osteon.cohorts.phantom.spine_mr_bones import paint_arches, paint_bodies, paint_canal
from osteon.cohorts.phantom.spine_mr_column import straightened
from osteon.cohorts.phantom.spine_mr_paint import (
    Canvas,
    blank,
    paint_back,
    paint_front,
    paint_head,
    paint_surroundings,
)
from osteon.cohorts.phantom.spine_mr_signal import (
    TISSUES,
    Maps,
    Protocol,
    Scanner,
    Tissue,
    signal,
)
from osteon.cohorts.phantom.spine_mr_tumour import Growth, paint_growth

Vector = NDArray[np.float64]
LARGEST = 4095  # scanners keep 12 bits of the 16

# Rows: along an image row, along an image column, in the patient's left-posterior-superior axes.
PLANES = {
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}


@dataclass(frozen=True)
class Stack:
    """How the technician placed the slices. Lengths in mm, vectors in the patient's LPS axes.

    Args:
        plane: sagittal, coronal or axial.
        slices: how many.
        side: rows and columns.
        spacing: mm a pixel.
        thickness: mm.
        between: mm from slice to slice.
        middle: the middle of the stack.
        row: cosines along an image row.
        column: cosines along an image column.
    """

    plane: str
    slices: int
    side: int
    spacing: float
    thickness: float
    between: float
    middle: Vector
    row: Vector
    column: Vector

    @property
    def normal(self) -> Vector:
        """Unit normal, along which slices are counted (PS3.3 C.7.6.2.1.1)."""
        return np.cross(self.row, self.column)

    def position(self, place: int) -> Vector:
        """ImagePositionPatient of slice `place`: the centre of its first pixel."""
        corner = -0.5 * (self.side - 1) * self.spacing * (self.row + self.column)
        along = (place - 0.5 * (self.slices - 1)) * self.between * self.normal
        return np.asarray(self.middle + along + corner, dtype=np.float64)


class Scene(NamedTuple):
    """Voxels of one stack: what they are made of, and lesions' masks (bool, one a lesion)."""

    maps: Maps
    masks: tuple[NDArray[np.bool_], ...]


def tilted(plane: str, yaw: float, roll: float) -> tuple[Vector, Vector]:
    """Row and column cosines of a plane turned by small angles (radians) about z and y."""
    turn_z = np.array(
        [[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1]]
    )
    turn_y = np.array(
        [[math.cos(roll), 0, math.sin(roll)], [0, 1, 0], [-math.sin(roll), 0, math.cos(roll)]]
    )
    row, column = (turn_z @ turn_y @ np.array(axis) for axis in PLANES[plane])
    return row, column


def points_of(anatomy: SpineMrAnatomy, stack: Stack) -> Points:
    """Coordinates of all voxels.

    The small tilt of a stack (some degrees) moves x, which is exact; y and z are those of the
    untilted plane, off by less than a tenth of a millimetre in a hundred.
    """
    line = (np.arange(stack.side, dtype=np.float64) - 0.5 * (stack.side - 1)) * stack.spacing
    rank = (np.arange(stack.slices) - 0.5 * (stack.slices - 1)) * stack.between
    plain_row, plain_column = (np.array(axis) for axis in PLANES[stack.plane])
    steps = (
        (line[None, None, :], stack.row, plain_row),
        (line[None, :, None], stack.column, plain_column),
        (rank[:, None, None], stack.normal, np.cross(plain_row, plain_column)),
    )
    x, y, z = (np.full((1, 1, 1), middle) for middle in stack.middle)
    for amount, true, plain in steps:
        x = x + amount * true[0]
        y = y + amount * plain[1] if plain[1] else y
        z = z + amount * plain[2] if plain[2] else z
    s, d = straightened(anatomy.column, y, z)
    flat = stack.plane == "sagittal"
    pixel = stack.spacing if flat else max(stack.spacing, 0.5 * stack.thickness)
    across = 0.8 * stack.thickness if flat else stack.spacing
    x, y, z = (axis.astype(np.float32) for axis in (x, y, z))
    return Points(s, d, x, y, z, pixel, max(across, 1.0))


def healthy(
    anatomy: SpineMrAnatomy, stack: Stack, tissues: Mapping[str, Tissue] = TISSUES
) -> Canvas:
    """The voxels of one stack with all that is normal in the patient, made of these tissues."""
    canvas = blank(anatomy, points_of(anatomy, stack), tissues)
    paint_back(canvas, anatomy)
    paint_front(canvas, anatomy)
    if stack.plane != "sagittal":
        paint_surroundings(canvas, anatomy)
    paint_head(canvas, anatomy)
    paint_bodies(canvas, anatomy)
    paint_arches(canvas, anatomy)
    paint_canal(canvas, anatomy)
    return canvas


def build(anatomy: SpineMrAnatomy, growths: tuple[Growth, ...], stack: Stack) -> Scene:
    """Paint the patient's tissues and tumours into the voxels of one stack."""
    canvas = healthy(anatomy, stack)
    masks = tuple(paint_growth(canvas, anatomy, growth) for growth in growths)
    np.clip(canvas.values[3], 0, 1, out=canvas.values[3])
    np.clip(canvas.values[0], 0, 1, out=canvas.values[0])
    return Scene(Maps(canvas.values), masks)


def moved(volume: Field, shift: tuple[float, float], order: int = 1) -> Field:
    """Slices with their content moved by (rows, columns) px: how a patient stirs between series."""
    return np.asarray(ndimage.shift(volume, (0, *shift), order=order, mode="nearest"))


def coil(stack: Stack, scanner: Scanner, rng: np.random.Generator) -> Field:
    """Relative sensitivity in the plane: falls off from the back, with a smooth irregularity."""
    side = stack.side
    line = np.linspace(-1, 1, side, dtype=np.float32)
    shape = np.ones((side, side), dtype=np.float32)
    tilt, wave = rng.normal(0, 0.08, size=2), rng.normal(0, 0.06, size=2)
    if stack.plane == "sagittal":
        front = np.clip(0.45 - line[None, :], 0, None)
        shape = np.exp(-scanner.coil * front) * (1 - 0.12 * line[:, None] ** 2)
        start = -0.52 + rng.normal(0, 0.06)
        band = 1 / (1 + np.exp((line[None, :] - start) / 0.035))
        shape = shape * (1 - scanner.band * band)
    ripple = tilt[0] * line[:, None] + tilt[1] * line[None, :]
    ripple = ripple + wave[0] * np.cos(3 * line[:, None]) + wave[1] * np.sin(2.5 * line[None, :])
    return (shape * (1 + ripple)).astype(np.float32)


def stored(
    scene: Scene,
    stack: Stack,
    scanner: Scanner,
    protocol: Protocol,
    shift: tuple[float, float],
    noise: float,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """One series as the scanner stores it: (slices, rows, columns), its own units.

    Args:
        scene: what the patient is made of.
        stack: where the slices lie.
        scanner: blur, coil, noise and units.
        protocol: the sequence.
        shift: how far the patient moved since the stack was planned, px (rows, columns).
        noise: relative to the scanner's own; Rician, as in magnitude images.
        rng: for coil and noise.
    """
    shown = moved(signal(scene.maps, protocol, scanner.tesla), shift)
    return digitised(shown, coil(stack, scanner, rng), stack, scanner, noise, rng)


def digitised(
    shown: Field,
    shading: Field,
    stack: Stack,
    scanner: Scanner,
    noise: float,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Blur, shade (`shading` broadcasts to `shown`), add noise, and store as 12 bits of 16."""
    sigma = scanner.blur / stack.spacing
    shown = ndimage.gaussian_filter(shown, (0, sigma, sigma), truncate=3)
    shown *= shading
    # A coarser voxel holds more signal for the same noise.
    coarse = (stack.spacing**2 * stack.thickness / (1.5**2 * 4)) ** 0.35
    level = scanner.noise * noise / coarse
    grain = rng.standard_normal((2, *shown.shape), dtype=np.float32) * np.float32(level)
    magnitude = np.hypot(shown + grain[0], grain[1]) * (scanner.gain * 2)
    return np.clip(np.rint(magnitude), 0, LARGEST).astype(np.uint16)
