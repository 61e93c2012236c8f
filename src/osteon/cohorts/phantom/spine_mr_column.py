"""The column of vertebrae in the sagittal plane: its curve, its levels, and where a point lies.

A point has the coordinates of the straightened column: s along the back walls of the vertebral
bodies, from the head down; d to the back, from these walls; x to the patient's left. All in mm.
Sizes and angles are rounded textbook means of an adult.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from osteon.cohorts.phantom.spine_anatomy import Field

REGIONS = ("cervical", "thoracic", "lumbar", "sacral")
BODY_PARTS = {"cervical": "CSPINE", "thoracic": "TSPINE", "lumbar": "LSPINE", "sacral": "SSPINE"}


class Vertebra(NamedTuple):
    """One level: height of body and of the disc below, depth, half width, angle of the column.

    The angle, in degrees, is that of the way down: above 0 it leads to the back.
    """

    name: str
    region: str
    height: float
    disc: float
    depth: float
    half: float
    angle: float


def _thoracic(number: int) -> Vertebra:
    way = (number - 1) / 11
    angle = float(np.interp(number, (1, 4, 8, 12), (19, 12, -2, -13)))
    return Vertebra(
        f"T{number}",
        "thoracic",
        17 + 8 * way,
        4 + 2.5 * way,
        17.5 + 12.5 * way,
        14 + 7 * way,
        angle,
    )


# fmt: off
VERTEBRAE = (
    Vertebra("C2", "cervical", 35, 4, 13, 9, -10),
    Vertebra("C3", "cervical", 14, 5, 15, 11, -9),
    Vertebra("C4", "cervical", 14, 5, 15, 11.5, -5),
    Vertebra("C5", "cervical", 13.5, 5, 15.5, 12, 1),
    Vertebra("C6", "cervical", 13.5, 5.5, 16, 12.5, 8),
    Vertebra("C7", "cervical", 14.5, 5, 16.5, 13.5, 15),
    *(_thoracic(number) for number in range(1, 13)),
    Vertebra("L1", "lumbar", 26, 8.5, 31, 21, -15),
    Vertebra("L2", "lumbar", 26.5, 9.5, 32, 22, -11),
    Vertebra("L3", "lumbar", 27, 10.5, 33, 23, -2),
    Vertebra("L4", "lumbar", 27, 11.5, 33.5, 24.5, 9),
    Vertebra("L5", "lumbar", 26.5, 10.5, 34, 26, 24),
    Vertebra("S1", "sacral", 30, 3.5, 30, 27, 42),
    Vertebra("S2", "sacral", 25, 2.5, 21, 22, 47),
    Vertebra("S3", "sacral", 21, 2, 16, 18, 36),
    Vertebra("S4", "sacral", 18, 1.5, 12, 15, 18),
    Vertebra("S5", "sacral", 16, 2, 10, 12, -4),
    Vertebra("Co1", "coccyx", 12, 1.5, 8, 7, -26),
    Vertebra("Co2", "coccyx", 9, 1, 6, 4, -38),
    Vertebra("Co3", "coccyx", 8, 1, 4, 3, -45),
)
# fmt: on
NAMES = tuple(vertebra.name for vertebra in VERTEBRAE)
LEVEL_REGIONS = tuple(vertebra.region for vertebra in VERTEBRAE)
ABOVE, BELOW = 130.0, 90.0  # mm of straight course above C2 and below the coccyx
STEP = 2.0


@dataclass(frozen=True)
class Column:
    """One patient's column. Arrays of one value a level are in mm; `path` is (points, 2): y, z."""

    scoliosis: tuple[float, float]
    tops: Field
    heights: Field
    discs: Field
    depths: Field
    halves: Field
    course: Field
    path: Field
    tangents: Field

    @property
    def middles(self) -> Field:
        """s of the middle of each body."""
        return self.tops + 0.5 * self.heights

    def at(self, s: float) -> tuple[float, float]:
        """(y, z) of the back wall at s: y to the back, z to the head."""
        y = np.interp(s, self.course, self.path[:, 0])
        return float(y), float(np.interp(s, self.course, self.path[:, 1]))


def draw_column(rng: np.random.Generator, scale: float, collapsed: dict[int, float]) -> Column:
    """A column of this size; `collapsed`: lost share of the height of some bodies, by level."""
    vary = 1 + 0.04 * rng.normal(size=(4, len(VERTEBRAE))).clip(-2, 2)
    table = np.array([vertebra[2:] for vertebra in VERTEBRAE], dtype=float)
    heights, discs, depths, halves = (scale * table[:, :4].T) * vary
    for level, share in collapsed.items():
        heights[level] *= 1 - share
    tops = np.concatenate([[0], np.cumsum(heights + discs)[:-1]])
    # Lordosis and kyphosis differ between people; lying down flattens the neck.
    region = np.array([LEVEL_REGIONS[i] in ("cervical", "thoracic") for i in range(len(tops))])
    upper, lower = rng.uniform(0.4, 1.2), rng.uniform(0.75, 1.2)
    angles = np.radians(table[:, 4] * np.where(region, upper, lower)) + rng.normal(0, 0.03)
    course = np.arange(-ABOVE, tops[-1] + heights[-1] + BELOW, STEP)
    phi = np.interp(course, tops + heights / 2, angles)
    phi = np.convolve(np.pad(phi, 9, mode="edge"), np.ones(19) / 19, mode="valid")
    tangents = np.column_stack([np.sin(phi), -np.cos(phi)])
    path = np.cumsum(tangents * STEP, axis=0)
    sway = (float(rng.normal(0, 3)), float(rng.uniform(0, 2 * np.pi)))
    arrays = (tops, heights, discs, depths, halves, course, path, tangents)
    single = (array.astype(np.float32) for array in arrays)
    return Column(sway, *single)


def straightened(column: Column, y: Field, z: Field) -> tuple[Field, Field]:
    """(s, d) of points (y, z), arrays that broadcast against each other; the same shape."""
    y, z = np.broadcast_arrays(y, z)
    points = np.column_stack([y.ravel(), z.ravel()])
    _, near = cKDTree(column.path).query(points)
    offset = points - column.path[near]
    tangent = column.tangents[near]
    s = column.course[near] + (offset * tangent).sum(axis=1)
    d = -offset[:, 0] * tangent[:, 1] + offset[:, 1] * tangent[:, 0]
    return s.reshape(y.shape).astype(np.float32), d.reshape(y.shape).astype(np.float32)


def sway(column: Column, s: Field | float) -> Field:
    """How far the column lies to the left at s, mm: a slight scoliosis."""
    size, phase = column.scoliosis
    return np.asarray(size * np.sin(np.asarray(s) / 85.0 + phase), dtype=np.float32)


class Places(NamedTuple):
    """Where points lie within their level: its number, mm below its top, and the level's sizes."""

    level: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
    below: Field
    height: Field
    depth: Field
    half: Field


def places(column: Column, s: Field) -> Places:
    """The level of each s: a body and the disc below it; the uppermost one above all."""
    level = np.clip(np.searchsorted(column.tops, s, side="right") - 1, 0, len(NAMES) - 1)
    return Places(
        level,
        s - column.tops[level],
        column.heights[level],
        column.depths[level],
        column.halves[level],
    )


def smooth(column: Column, values: tuple[float, ...], s: Field) -> Field:
    """A size that changes from level to level without steps; `values` is one a level."""
    return np.asarray(np.interp(s, column.middles, values), dtype=np.float32)
