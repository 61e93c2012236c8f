"""From a patient's spine and lesions to what the scanner stores and what the reader draws."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.cohorts.phantom.spine_anatomy import Field
from osteon.cohorts.phantom.spine_gd_lesions import Lesion
from osteon.cohorts.phantom.spine_gd_tumour import paint_lesion
from osteon.cohorts.phantom.spine_gd_uptake import (
    GD_TISSUES,
    Distractors,
    paint_distractors,
    paint_ribs,
    paint_side_walls,
    paint_thyroid,
)
from osteon.cohorts.phantom.spine_mr_anatomy import SpineMrAnatomy
from osteon.cohorts.phantom.spine_mr_bones import paint_arches
from osteon.cohorts.phantom.spine_mr_paint import Canvas, inside
from osteon.cohorts.phantom.spine_mr_render import Stack, coil, digitised, healthy, moved
from osteon.cohorts.phantom.spine_mr_signal import (
    TISSUES,
    Maps,
    Protocol,
    Scanner,
    Tissue,
    signal,
)

OTHER, TUMOUR, VERTEBRA = 0, 1, 2
HAND_MM = 14.0
"""Distance over which a reader's hand strays one way."""
BONE_ALONE = {name: Tissue(float(name == "cortex"), 1000, 50) for name in TISSUES}
"""Tissues of a canvas on which bone is 1 and everything else 0."""


class Scene(NamedTuple):
    """Voxels of one stack: what they are made of, and shares of 0..1 of tumour and of vertebra.

    `tumours` is (lesions, slices, rows, columns), `bone` (slices, rows, columns), float32.
    """

    maps: Maps
    tumours: Field
    bone: Field


def bone_share(canvas: Canvas, anatomy: SpineMrAnatomy) -> Field:
    """Share of each voxel in a vertebra: its body, or its arch by the brush that paints arches."""
    twin = canvas._replace(values=np.zeros_like(canvas.values), tissues=BONE_ALONE)
    paint_arches(twin, anatomy)
    return np.maximum(twin.values[0], inside(canvas, canvas.body))


def build(
    anatomy: SpineMrAnatomy,
    lesions: tuple[Lesion, ...],
    distractors: Distractors,
    enhancement: float,
    stack: Stack,
) -> Scene:
    """Paint all that one sagittal stack shows some minutes after contrast agent."""
    canvas = healthy(anatomy, stack, GD_TISSUES)
    bone = bone_share(canvas, anatomy)
    paint_side_walls(canvas, anatomy)
    paint_ribs(canvas, anatomy)
    paint_thyroid(canvas, anatomy)
    paint_distractors(canvas, anatomy, distractors)
    tumours = [
        paint_lesion(canvas, anatomy, lesion, enhancement, stack.thickness) for lesion in lesions
    ]
    for channel in (0, 3):
        np.clip(canvas.values[channel], 0, 1, out=canvas.values[channel])
    return Scene(Maps(canvas.values), np.stack(tumours), bone)


def pixels_of(
    scene: Scene,
    stack: Stack,
    scanner: Scanner,
    protocol: Protocol,
    shift: tuple[float, float],
    knobs: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """One series as the scanner stores it: (slices, rows, columns), its own units.

    Args:
        scene: what the patient is made of.
        stack: where the slices lie.
        scanner: blur, coil, noise and units.
        protocol: the sequence.
        shift: how far the patient moved since the stack was planned, px (rows, columns).
        knobs: noise and shading, relative to the scanner's own.
        rng: for coil and noise.
    """
    noise, bias = knobs
    shown = signal(scene.maps, protocol, scanner.tesla)
    shown = moved(shown, shift) if any(shift) else shown
    shading = coil(stack, scanner, rng) ** np.float32(bias)
    return digitised(shown, shading, stack, scanner, noise, rng)


def stray(stack: Stack, spread: float, rng: np.random.Generator) -> Field:
    """How far a reader's hand strays: (2, slices, side, side) px along rows and columns.

    `spread` is the standard deviation in mm; each slice is drawn anew.
    """
    side = stack.side
    knots = max(2, math.ceil(side * stack.spacing / HAND_MM) + 1)
    coarse = rng.standard_normal((2 * stack.slices, knots, knots), dtype=np.float32)
    # Interpolating linearly along two axes leaves two thirds of the spread, on average.
    coarse *= np.float32(1.5 * spread / stack.spacing)
    line = np.linspace(0, knots - 1, side, dtype=np.float32)
    low = np.minimum(line.astype(np.intp), knots - 2)
    part = line - low
    rows = coarse[:, low] * (1 - part)[:, None] + coarse[:, low + 1] * part[:, None]
    fine = rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part
    return np.asarray(fine.reshape(2, stack.slices, side, side), dtype=np.float32)


def label_maps(
    scene: Scene,
    stack: Stack,
    shift: tuple[float, float],
    spread: float,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """What a reader draws: (slices, rows, columns) of `OTHER`, `TUMOUR`, `VERTEBRA`.

    A voxel belongs to what fills at least half of it; the reader's edge strays by `spread` mm.
    However coarse the voxels, the first lesion, which the patient is here for, is found.
    """
    hand = stray(stack, spread, rng)
    line = np.arange(stack.side, dtype=np.float32)
    rows = line[:, None] + hand[0] - np.float32(shift[0])
    columns = line[None, :] + hand[1] - np.float32(shift[1])
    labels = np.zeros(scene.bone.shape, dtype=np.uint8)
    tumour = scene.tumours.max(axis=0)
    for place in range(stack.slices):
        spots = np.stack([rows[place], columns[place]])
        labels[place][_drawn(scene.bone[place], spots) >= 0.5] = VERTEBRA
        if tumour[place].any():
            labels[place][_drawn(tumour[place], spots) >= 0.5] = TUMOUR
    first = scene.tumours[0]
    if first.max() > 0 and not (labels == TUMOUR).any():
        labels[first == first.max()] = TUMOUR
    return labels


def _drawn(share: Field, spots: Field) -> Field:
    made = ndimage.map_coordinates(share, spots, order=1, mode="nearest", output=np.float32)
    return np.asarray(made)
