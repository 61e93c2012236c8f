"""Draws a lesion into a volume of HU."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.cohorts.phantom.spine_anatomy import Field
from osteon.cohorts.phantom.spine_lesions import LATTICE_MM, Lesion, Look
from osteon.cohorts.phantom.spine_shapes import Plane

NEW_BONE, DENSEST = 1050.0, 1700.0
Crop = tuple[slice, slice, slice]


class Points(NamedTuple):
    """Voxels about a lesion: place (mm of scale 1), distance from its outline, mm a pixel."""

    x: Field
    y: Field
    z: Field
    distance: Field
    pixel: float


def crop_of(lesion: Lesion, plane: Plane, z: Field) -> Crop | None:
    """The voxels that a lesion can change; None where it meets no slice.

    Args:
        lesion: the lesion.
        plane: in-plane vertebra coordinates, (rows, columns).
        z: (slices, rows, columns) mm.
    """
    reach = 1.35 * max(lesion.radii) + 10
    near = np.hypot(plane.x - lesion.centre[0], plane.y - lesion.centre[1]) < reach
    if not near.any():
        return None
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    area = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    away = np.abs(z[(slice(None), *area)] - lesion.centre[2]).min(axis=(1, 2))
    slices = np.flatnonzero(away < reach)
    if not len(slices):
        return None
    return slice(slices[0], slices[-1] + 1), area[0], area[1]


def points_of(lesion: Lesion, plane: Plane, z: Field, crop: Crop) -> Points:
    """Coordinates within the crop, and the distance from the uneven outline."""
    shape = z[crop].shape
    x = np.broadcast_to(plane.x[crop[1:]], shape)
    y = np.broadcast_to(plane.y[crop[1:]], shape)
    parts = zip((x, y, z[crop]), lesion.centre, lesion.radii, strict=True)
    square = sum(((axis - middle) / radius) ** 2 for axis, middle, radius in parts)
    size = float(np.mean(lesion.radii))
    even = np.asarray(np.sqrt(square) * size - size, dtype=np.float32)
    points = Points(x, y, z[crop], even, plane.pixel)
    rough = look_up(lesion.outline, points)
    depth = np.asarray(points.distance + 0.13 * size * rough, dtype=np.float32)
    return points._replace(distance=depth)


def look_up(lattice: Field, points: Points) -> Field:
    """Noise at each voxel, trilinear and periodic, so that every resolution shows the same."""
    places = np.stack([points.z, points.y, points.x]) / LATTICE_MM
    found = ndimage.map_coordinates(lattice, places, order=1, mode="grid-wrap")
    return np.asarray(found, dtype=np.float32)


def septa(lesion: Lesion, points: Points) -> Field:
    """Walls between the cells of a soap bubble, 0..1: voxels as far from two centres."""
    first = np.full(points.x.shape, np.inf, dtype=np.float32)
    second = first.copy()
    for cell in lesion.cells:
        x, y, z = (cell[axis] + lesion.centre[axis] for axis in range(3))
        away = np.sqrt((points.x - x) ** 2 + (points.y - y) ** 2 + (points.z - z) ** 2)
        np.minimum(second, np.maximum(first, away), out=second)
        np.minimum(first, away, out=first)
    return np.exp(-(((second - first) / max(2.0, 1.2 * points.pixel)) ** 2)).astype(np.float32)


def grow(
    hu: Field, bone: Field, lesion: Lesion, look: Look, contrast: float, points: Points
) -> Field:
    """HU with the lesion in it.

    Args:
        hu: the healthy crop, HU.
        bone: share of bone in each voxel, 0..1.
        lesion: its place and texture.
        look: its signs.
        contrast: 0 leaves `hu` as it is; 0.6 shows all lysis; new bone grows on, up to 2.
        points: the crop's voxels.
    """
    depth, shown = points.distance, min(1.6 * contrast, 1.0)
    within = np.clip(0.5 - depth / max(look.margin, points.pixel), 0, 1)
    eaten = 1 - look.patchy * np.clip(0.5 + 0.8 * look_up(lesion.holes, points), 0, 1)
    lost = within * shown * (bone * look.lysis * eaten + (1 - bone))
    value = hu + lost * (look.fluid - hu)
    rough = look_up(lesion.clouds, points)
    clouds = np.clip(0.35 + 0.55 * rough + 0.8 * (look.matrix - 0.45), 0, 1)
    value += contrast * NEW_BONE * look.matrix * within * clouds * (0.55 + 0.45 * bone)
    thin = max(1.1, 0.75 * points.pixel)
    edge = np.exp(-(((depth + thin) / thin) ** 2))
    broken = np.clip(0.75 + 0.6 * look_up(lesion.outline, points), 0, 1)
    shell = shown * look.shell * edge * broken * (1 - bone)
    value += shell * np.maximum(620 - value, 0)
    value += min(contrast, 1.0) * look.rim * 280 * np.exp(-(((depth - 1.5) / 2.4) ** 2)) * bone
    if look.septa > 0.02:
        value += shown * look.septa * 230 * septa(lesion, points) * within
    return np.minimum(value, np.maximum(hu, DENSEST)).astype(np.float32)


def visible(points: Points, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The lesion's mask in its crop: within its outline and under the skin."""
    return np.asarray((points.distance < 0) & inside)
