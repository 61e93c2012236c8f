"""A vertebra as a handful of flat shapes with a height range each, stacked level upon level."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from osteon.cohorts.phantom.spine_anatomy import TEXTURE, TEXTURE_MM, Field, SpineAnatomy
from osteon.cohorts.phantom.spine_shapes import Plane, bar, ellipse


class Part(NamedTuple):
    """One part of a vertebra: its outline, its range of heights, and its cortex (factor)."""

    outline: Field
    low: float
    high: float
    cortex: float = 1.35


class Bone(NamedTuple):
    """Bone in each voxel: share of bone and of its spongy core, share of disc, signed distance."""

    whole: Field
    core: Field
    disc: Field
    distance: Field


def canal(anatomy: SpineAnatomy, plane: Plane) -> Field:
    """The spinal canal: an ellipse, a rounded triangle in the sacrum."""
    wide, deep = (anatomy.canal * half for half in anatomy.level.canal)
    return ellipse(plane, (0, deep + 0.5), (wide, deep), 1.7 if anatomy.name == "sacral" else 2.2)


def body(anatomy: SpineAnatomy, plane: Plane) -> Field:
    """The vertebral body seen from above: a bean with a slightly hollow back wall."""
    wide, deep, _ = anatomy.level.body
    outline = ellipse(plane, (0, -deep), (wide * anatomy.width, deep), 2.5)
    hollow = 0.06 * deep * (1 - np.clip(plane.x / (0.6 * wide), -1, 1) ** 2)
    return np.asarray(np.maximum(outline, plane.y + hollow), dtype=np.float32)


def arch(anatomy: SpineAnatomy, plane: Plane) -> list[Part]:
    """Pedicles, joints, laminae and processes of a vertebra of scale 1."""
    level, half = anatomy.level, 0.5 * anatomy.period
    height, thick = level.body[2], level.pedicle
    wide, deep = (anatomy.canal * size for size in level.canal)
    side, back = wide + 0.8 * thick, 2 * deep
    parts = [
        Part(bar(plane, (side, -3), (side, deep), (thick, thick)), 0.02 * height, 0.42 * height),
        Part(bar(plane, (side, deep), (side, back), (thick, thick)), -0.3 * height, 0.35 * height),
        Part(ellipse(_mirror(plane), (wide - 0.5, back + 2.5), (4.2, 4.8)), -half, -0.12 * height),
        Part(bar(plane, (side + 2, back - 2), (side + 3, back + 4), (3.2, 3.6)), 0.05, half),
        Part(
            bar(plane, (side + 2, back - 2), (side + 3, back + 4), (3.2, 3.6)),
            -half,
            -0.34 * height,
        ),
        Part(
            bar(plane, (side, back + 1), (0, back + 7), (0.8 * thick, 3.2)),
            -0.5 * height,
            0.16 * height,
        ),
        Part(bar(plane, (0, back + 6), (0, level.spinous), (2.8, 3.9)), -half, -0.02 * height, 1.1),
        Part(
            bar(plane, (side, deep), level.transverse, (0.85 * thick, 2.8)),
            -0.06 * height,
            0.3 * height,
        ),
    ]
    return parts + _own_parts(anatomy, plane)


def _mirror(plane: Plane) -> Plane:
    return Plane(np.abs(plane.x), plane.y, plane.pixel)


def _own_parts(anatomy: SpineAnatomy, plane: Plane) -> list[Part]:
    """Ribs, sacral wings and hip bones."""
    level, half = anatomy.level, 0.5 * anatomy.period
    if anatomy.name == "thoracic":
        edge = level.body[0]
        neck = bar(plane, (edge + 2, -2), (37, 13), (4.2, 3.6))
        shaft = bar(plane, (37, 13), (82, 17), (3.8, 4.2))
        return [Part(neck, 0.1 * half, half, 1.2), Part(shaft, -0.75 * half, 0.35 * half, 1.2)]
    if anatomy.name == "sacral":
        wing = bar(plane, (20, -10), (47, -3), (12, 16))
        ilium = bar(plane, (74, -34), (63, 34), (5, 7))
        return [Part(wing, -2 * half, 2 * half), Part(ilium, -2 * half, 2 * half, 1.3)]
    return []


def build(anatomy: SpineAnatomy, plane: Plane, z: Field, edge_z: float) -> Bone:
    """Bone of all levels that the slices meet.

    Args:
        anatomy: the patient.
        plane: in-plane coordinates, vertebra axes, (rows, columns).
        z: (slices, rows, columns) mm along the vertebra's own axis; the slice plane may lean.
        edge_z: how thick a slice is, mm: a face along z is blurred over as much.
    """
    height, half = anatomy.level.body[2], 0.5 * anatomy.period
    local = (z + half) % anatomy.period - half
    outline, hole = body(anatomy, plane), canal(anatomy, plane)
    end = np.abs(local) - 0.5 * height
    lip = 4.5 * anatomy.osteophyte * np.clip(1 + end / 5, 0, 1)  # bony lips grow beside the discs
    flat = outline[None] - lip
    rim = anatomy.cortex_mm
    outer = np.maximum(flat / plane.pixel, end / edge_z)
    inner = np.maximum((flat + 0.75 * rim) / plane.pixel, (end + 0.75 * rim) / edge_z)
    for part in arch(anatomy, plane):
        middle, reach = 0.5 * (part.low + part.high), 0.5 * (part.high - part.low)
        along = (np.abs(local - middle) - reach) / edge_z
        np.minimum(outer, np.maximum(part.outline / plane.pixel, along), out=outer)
        core = (part.outline + rim * part.cortex) / plane.pixel
        np.minimum(inner, np.maximum(core, along), out=inner)
    np.maximum(outer, -hole / plane.pixel, out=outer)
    np.maximum(inner, (-hole + rim) / plane.pixel, out=inner)
    whole, core = np.clip(0.5 - outer, 0, 1), np.clip(0.5 - inner, 0, 1)
    disc = np.clip(0.5 - (outline - 1) / plane.pixel, 0, 1) * np.clip(0.5 + end / edge_z, 0, 1)
    return Bone(whole, core, disc.astype(np.float32), outer * plane.pixel)


def density(anatomy: SpineAnatomy, plane: Plane, z: Field, bone: Bone) -> Field:
    """HU of pure bone in each voxel: cortex, and spongy bone with its texture."""
    wrap = [side - 1 for side in TEXTURE]
    rows = (plane.y * (1 / TEXTURE_MM[1])).astype(np.int32) & wrap[1]
    columns = (plane.x * (1 / TEXTURE_MM[2])).astype(np.int32) & wrap[2]
    slices = (z[:, :1, :1] * (1 / TEXTURE_MM[0])).astype(np.int32) & wrap[0]
    grain = anatomy.texture[slices, rows[None], columns[None]]
    spongy = anatomy.cancellous + 38 * grain
    height, half = anatomy.level.body[2], 0.5 * anatomy.period
    local = (z + half) % anatomy.period - half
    spongy += 260 * anatomy.sclerosis * np.clip(1 - (0.5 * height - np.abs(local)) / 4, 0, 1)
    compact = anatomy.cortex * (1 + 0.1 * grain)
    return np.asarray(compact + bone.core * (spongy - compact), dtype=np.float32)
