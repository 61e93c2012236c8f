"""Flat shapes as signed distances (mm, negative inside), and how soft their edges become."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from osteon.cohorts.phantom.spine_anatomy import Field


class Plane(NamedTuple):
    """Coordinates of the pixels of a slice, (rows, columns) each, mm, and mm a pixel."""

    x: Field
    y: Field
    pixel: float


def ellipse(
    plane: Plane, centre: tuple[float, float], radii: tuple[float, float], power: float = 2.0
) -> Field:
    """Distance from an ellipse, exact at its axes; a `power` above 2 squares its shoulders."""
    u, v = np.abs(plane.x - centre[0]) / radii[0], np.abs(plane.y - centre[1]) / radii[1]
    k = np.sqrt(u * u + v * v) if power == 2.0 else (u**power + v**power) ** (1 / power)
    steep = np.hypot(u / radii[0], v / radii[1]) / np.maximum(np.hypot(u, v), 1e-3)
    return np.asarray((k - 1) / np.maximum(steep, 1e-6), dtype=np.float32)


def bar(
    plane: Plane,
    start: tuple[float, float],
    end: tuple[float, float],
    radii: tuple[float, float],
    mirrored: bool = True,
) -> Field:
    """Distance from a bar with round ends, `radii` at start and end; `mirrored`: both sides."""
    x = np.abs(plane.x) if mirrored else plane.x
    along = (end[0] - start[0], end[1] - start[1])
    length2 = along[0] ** 2 + along[1] ** 2
    u, v = x - start[0], plane.y - start[1]
    share = np.clip((u * along[0] + v * along[1]) / length2, 0, 1)
    away = np.hypot(u - share * along[0], v - share * along[1])
    return np.asarray(away - (radii[0] + (radii[1] - radii[0]) * share), dtype=np.float32)


def fill(distance: Field, edge: float) -> Field:
    """How much of each pixel lies inside, 0..1, for an edge that is `edge` mm wide."""
    return np.clip(0.5 - distance / edge, 0, 1).astype(np.float32)


def paint(canvas: Field, share: Field, value: Field | float) -> None:
    """Blend `value` into `canvas`, in place."""
    canvas += share * (value - canvas)


def turned(plane: Plane, angle: float) -> Plane:
    """The same pixels in axes turned by `angle` radians."""
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return Plane(cos * plane.x + sin * plane.y, cos * plane.y - sin * plane.x, plane.pixel)
