"""From a thigh in millimetres to the slice that a scanner stores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.cohorts.phantom import femur_tumour as tumours
from osteon.cohorts.phantom.femur_anatomy import Anatomy, Points, cortex_mm, femur
from osteon.cohorts.phantom.femur_lesions import Lesion, grown
from osteon.cohorts.phantom.femur_paint import (
    canvas,
    paint_cartilage,
    paint_femur,
    paint_joint,
    paint_other_bones,
    paint_soft_tissue,
)
from osteon.cohorts.phantom.femur_signal import Protocol, Scanner
from osteon.cohorts.phantom.knee_anatomy import Field, ramp

Vector = NDArray[np.float64]

# Rows: along an image row, along an image column, in the patient's left-posterior-superior axes.
VIEWS = {
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}
MIDDLES = {"distal": (0.0, -36.0, 4.0), "shaft": (-6.0, 0.0, 9.0), "proximal": (-14.0, -42.0, 0.0)}
LARGEST = 4095  # scanners keep 12 bits of the 16


@dataclass(frozen=True)
class Stack:
    """How the technician placed the slices. Lengths in mm, vectors in the patient's LPS axes."""

    view: str
    middle: Vector
    row: Vector
    column: Vector
    field_mm: float
    thickness: float
    between: float
    coil: tuple[float, float]
    leak: tuple[float, float]

    @property
    def normal(self) -> Vector:
        """Unit normal of the slices, along which they are numbered (PS3.3 C.7.6.2)."""
        return np.cross(self.row, self.column)


class Picture(NamedTuple):
    """Stored pixels (uint16), the tumour's mask (uint8, 0 or 1), healthy femur, position in mm."""

    pixels: NDArray[np.uint16]
    mask: NDArray[np.uint8]
    bone: NDArray[np.bool_]
    position: Vector
    spacing: float


def to_patient(anatomy: Anatomy, spot: tuple[float, float, float]) -> Vector:
    """LPS coordinates in mm of a spot in the bone's coordinates (u lateral, y down, z back)."""
    side = -1.0 if anatomy.right else 1.0
    u, y, z = (value * anatomy.scale for value in spot)
    return np.array([side * (95 + u), z - 20, -y - 420])


def to_bone(anatomy: Anatomy, start: Vector, steps: list[tuple[Field, Vector]]) -> list[Field]:
    """Bone coordinates (u, y, z) of start + sum(steps), the inverse of `to_patient`."""
    side = -1.0 if anatomy.right else 1.0
    x, y, z = (
        origin + sum(amount * float(vector[axis]) for amount, vector in steps)
        for axis, origin in enumerate(start.astype(np.float32))
    )
    scale = np.float32(1 / anatomy.scale)
    return [(side * x - 95) * scale, (-z - 420) * scale, (y + 20) * scale]


def tilted(vectors: tuple[tuple[float, ...], ...], angles: Vector) -> Vector:
    """The two vectors turned by `angles` (radians) about the patient's three axes."""
    turned = np.array(vectors)
    for axis, angle in enumerate(angles):
        first, second = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = math.cos(angle)
        turn[first, second], turn[second, first] = math.sin(angle), -math.sin(angle)
        turned = turned @ turn
    return turned


def draw_stack(rng: np.random.Generator, view: str, anatomy: Anatomy, lesion: Lesion) -> Stack:
    """Slices through the tumour: the middle one of the stack shows most of it."""
    row, column = tilted(VIEWS[view], np.radians(rng.normal(0, 2, size=3)))
    middle = to_patient(anatomy, MIDDLES[anatomy.location]) + rng.normal(0, 5, size=3)
    normal = np.cross(row, column)
    miss = min(lesion.radii) * float(np.clip(rng.normal(0, 0.1), -0.25, 0.25))
    target = to_patient(anatomy, grown(lesion)) + normal * miss
    middle = middle + normal * float(normal @ (target - middle))
    wide = {"distal": (150, 180), "shaft": (160, 200), "proximal": (165, 200)}[anatomy.location]
    turn = rng.uniform(0, 2 * math.pi)
    return Stack(
        view=view,
        middle=middle,
        row=row,
        column=column,
        field_mm=float(rng.uniform(*wide)) * anatomy.scale,
        thickness=float(rng.choice([3.0, 3.5, 4.0])),
        between=float(rng.choice([4.4, 4.8, 5.2])),
        coil=(float(rng.normal(0, 0.35)), float(rng.normal(0, 0.35))),
        leak=(math.cos(turn), math.sin(turn)),
    )


def sample(anatomy: Anatomy, stack: Stack, shift: float, size: int) -> tuple[Points, Vector, float]:
    """(points of the slice `shift` mm along the normal, position of its first pixel, spacing)."""
    spacing = stack.field_mm / size
    line = (np.arange(size, dtype=np.float32) - (size - 1) / 2) * np.float32(spacing)
    down, along = line[:, None], line[None, :]
    centre = stack.middle + shift * stack.normal
    u, y, z = to_bone(anatomy, centre, [(along, stack.row), (down, stack.column)])
    position = centre + float(line[0]) * (stack.row + stack.column)
    # Textures move with the slice, so that neighbours resemble each other and differ.
    return Points(u, y, z, along + 1.7 * shift, down - 1.1 * shift), position, spacing


def kept_fat(protocol: Protocol, stack: Stack, points: Points) -> Field:
    """Share of fat signal left by saturation: it fails towards one edge, where the field bends."""
    reach = (points.p * stack.leak[0] + points.q * stack.leak[1]) / (stack.field_mm / 2)
    fails = ramp(reach, 0.75, 1.25)
    return protocol.kept_fat + 0.6 * (1 - protocol.kept_fat) * fails


def signal(
    anatomy: Anatomy,
    lesion: Lesion | None,
    protocol: Protocol,
    tesla: float,
    stack: Stack,
    points: Points,
    pixel: float,
) -> tuple[Field, Field, Field]:
    """Noise-free signal, the tumour's share of each pixel, and the healthy femur's depth in mm."""
    here = canvas(protocol, tesla, kept_fat(protocol, stack, points), pixel / anatomy.scale)
    skin = paint_soft_tissue(here, anatomy, points, stack.view == "axial")
    healthy, cortex = femur(anatomy, points), cortex_mm(anatomy, points)
    if anatomy.location == "distal":
        paint_joint(here, anatomy, points, healthy)
    paint_other_bones(here, anatomy, points)
    paint_cartilage(here, anatomy, points, healthy)
    if lesion is None:
        paint_femur(here, anatomy, points, healthy, cortex)
        return here.value, np.zeros_like(healthy), healthy
    window = tumours.window_of(lesion, points)
    spot, part = here.within(window), points.within(window)
    found = tumours.outline(lesion, anatomy, part, healthy[window])
    mass = tumours.paint_outside(spot, lesion, anatomy, found, skin[window])
    bone, share = healthy.copy(), np.zeros_like(healthy)
    bone[window] = found.bone
    cortex[window] = tumours.thinned(lesion, found, cortex[window])
    marrow = paint_femur(here, anatomy, points, bone, cortex)[window]
    share[window] = tumours.paint_inside(spot, lesion, anatomy, part, found, marrow, mass)
    return here.value, share, healthy


def stored(
    value: Field, stack: Stack, scanner: Scanner, noise: float, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """What the scanner stores: coil shading, blur, Rician noise, its own units."""
    size = value.shape[0]
    line = np.linspace(-1, 1, size, dtype=np.float32)
    away = (line[None, :] - stack.coil[0]) ** 2 + (line[:, None] - stack.coil[1]) ** 2
    shaded = value * (1 / (0.75 + 0.5 * scanner.shading * away))
    sharp = ndimage.gaussian_filter(shaded, scanner.blur * size / 160, truncate=3)
    grain = rng.standard_normal((2, size, size), dtype=np.float32) * (scanner.noise * noise)
    magnitude = np.hypot(sharp + grain[0], grain[1])
    return np.clip(np.rint(magnitude * scanner.gain), 0, LARGEST).astype(np.uint16)


def take_picture(
    rng: np.random.Generator,
    anatomy: Anatomy,
    lesion: Lesion | None,
    scanner: Scanner,
    protocol: Protocol,
    stack: Stack,
    shift: float,
    size: int,
    noise: float,
) -> Picture:
    """One slice of `size` x `size` px, `shift` mm from the stack's middle, with the truth."""
    points, position, spacing = sample(anatomy, stack, shift, size)
    value, share, bone = signal(anatomy, lesion, protocol, scanner.tesla, stack, points, spacing)
    pixels = stored(value, stack, scanner, noise, rng)
    return Picture(pixels, (share > 0.5).astype(np.uint8), bone > 0, position, spacing)
