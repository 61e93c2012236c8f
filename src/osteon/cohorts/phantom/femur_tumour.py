"""A tumour in one slice: its outline, what it does to bone and marrow, and what it is made of."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from osteon.cohorts.phantom.femur_anatomy import Anatomy, Points, Window, at, ellipsoid, union
from osteon.cohorts.phantom.femur_lesions import KINDS, Lesion, grown
from osteon.cohorts.phantom.femur_paint import Canvas
from osteon.cohorts.phantom.knee_anatomy import Field

OEDEMA_MM = 13.0
LIFT_MM = 2.8  # of the periosteum


class Outline(NamedTuple):
    """Depths in mm, positive inside: the tumour's core, its soft-tissue mass, the femur with it.

    `eaten` is 0..1: how far the core has replaced what was there.
    """

    core: Field
    mass: Field
    bone: Field
    eaten: Field


def window_of(lesion: Lesion, points: Points) -> Window:
    """Rows and columns beyond which the tumour changes nothing: painting less takes less time."""
    u, y, z = grown(lesion)
    away = (points.u - u) ** 2 + (points.y - y) ** 2 + (points.z - z) ** 2
    row, column = divmod(int(away.argmin()), away.shape[1])
    reach = 1.4 * max(lesion.radii) + OEDEMA_MM
    if lesion.signs.mass > 0:
        reach += math.dist((u, y, z), lesion.surface)
    pixel = math.dist(
        (points.u[0, 0], points.y[0, 0], points.z[0, 0]),
        (points.u[0, 1], points.y[0, 1], points.z[0, 1]),
    )
    span = math.ceil(reach / pixel) + 1
    return slice(max(row - span, 0), row + span), slice(max(column - span, 0), column + span)


def outline(lesion: Lesion, anatomy: Anatomy, points: Points, bone: Field) -> Outline:
    """Where the tumour is; `bone` is the healthy femur's depth."""
    signs = lesion.signs
    shrink = 1 - 0.36 * min(signs.mass, 1.0)  # the mass counts towards the tumour's size
    a, b, c = (radius * shrink for radius in lesion.radii)
    smooth = ellipsoid(points, grown(lesion), (a, b, c))
    wide = at("coarse", anatomy, points.p + 60, points.q + 31)
    bumpy = at("middle", anatomy, points.p + 17, points.q + 90)
    rough = 0.7 * wide + signs.permeative * (1.8 * wide + 2.8 * bumpy)
    rough += 1.6 * signs.lobules * (0.8 - np.abs(bumpy))
    least = min(a, b, c)
    core = smooth + np.clip(rough * min(1.0, least / 9), -0.3 * least, 0.4 * least)
    if signs.expansion > 0.05:
        bone = union(bone, core + 1.5 - 9 * (1 - min(signs.expansion, 1.0)), 3)
    mass = mass_depth(lesion, points) + 0.8 * rough
    eaten = np.clip(0.5 + core / (1.2 + 5 * signs.blur), 0, 1)
    return Outline(core, mass, bone, eaten)


def mass_depth(lesion: Lesion, points: Points) -> Field:
    """Depth inside the soft-tissue mass that sits where the tumour broke out; none: far below 0."""
    radius = 0.64 * max(lesion.radii) * min(lesion.signs.mass, 1.0)
    if radius < 2:
        return np.full_like(points.u, -99.0)
    u, y, z = (
        point + 0.2 * radius * part
        for point, part in zip(lesion.surface, lesion.outwards, strict=True)
    )
    return ellipsoid(points, (u, y, z), (radius, 1.5 * radius, radius))


def thinned(lesion: Lesion, found: Outline, cortex: Field) -> Field:
    """The cortex's thickness after endosteal erosion, mm."""
    signs = lesion.signs
    lost = min(0.3 * lesion.contrast + 0.5 * signs.breach + 0.4 * signs.expansion, 0.9)
    return np.maximum(cortex * (1 - lost * found.eaten), 0.7)


def paint_outside(
    canvas: Canvas, lesion: Lesion, anatomy: Anatomy, found: Outline, skin: Field
) -> Field:
    """Oedema, mass and periosteal reaction around the bone; returns the mass's share, 0..1."""
    signs = lesion.signs
    deep = canvas.cover(skin - anatomy.fat * 0.5)
    near = np.clip(1 + np.maximum(found.core, found.mass) / 10, 0, 1)
    canvas.paint("oedema", 0.7 * min(signs.oedema * max(signs.breach, signs.mass), 1) * near * deep)
    mass = canvas.cover(found.mass) * deep
    canvas.paint(KINDS[lesion.kind].tissue, lesion.contrast * mass)
    if signs.periosteum > 0.05:
        along = np.clip((found.core + 11) / 5, 0, 1) * min(signs.periosteum, 1)
        lifted = canvas.cover(found.bone + LIFT_MM)
        canvas.paint("oedema", 0.7 * along * lifted)
        canvas.paint("cortex", along * np.exp(-(((found.bone + LIFT_MM) / 0.8) ** 2)))
    return mass


def paint_inside(
    canvas: Canvas,
    lesion: Lesion,
    anatomy: Anatomy,
    points: Points,
    found: Outline,
    marrow: Field,
    mass: Field,
) -> Field:
    """Marrow oedema, rim and the tumour itself; returns the tumour's share of each pixel, 0..1."""
    signs = lesion.signs
    wide = at("coarse", anatomy, points.p + 140, points.q + 77)
    halo = np.clip(1 + found.core / OEDEMA_MM, 0, 1) * np.clip(0.8 + 0.4 * wide, 0, 1)
    canvas.paint("oedema", min(signs.oedema, 1) * halo * marrow)
    holes = np.clip(0.5 + 1.5 * at("middle", anatomy, points.p + 33, points.q), 0, 1)
    within = canvas.cover(found.bone)
    broken = np.maximum(marrow, min(signs.breach, 1) * within * holes)
    core = found.eaten * broken
    canvas.paint("cortex", 0.9 * min(signs.rim, 1) * marrow * np.exp(-((found.core / 1.5) ** 2)))
    canvas.paint(KINDS[lesion.kind].tissue, lesion.contrast * core * rim_free(lesion, found))
    share = np.maximum(core, mass * (1 - within))
    paint_texture(canvas, lesion, anatomy, points, found, share)
    return np.maximum(found.eaten * within, mass * (1 - within))


def rim_free(lesion: Lesion, found: Outline) -> Field:
    """What a sclerotic rim leaves to the tumour at its edge, 0..1."""
    return 1 - 0.9 * min(lesion.signs.rim, 1) * np.exp(-((found.core / 1.5) ** 2))


def paint_texture(
    canvas: Canvas,
    lesion: Lesion,
    anatomy: Anatomy,
    points: Points,
    found: Outline,
    share: Field,
) -> None:
    """Second tissue, necrosis, septa and grain inside the tumour's `share` of each pixel."""
    signs, kind = lesion.signs, KINDS[lesion.kind]
    wide = at("coarse", anatomy, points.p * 1.5 + 11, points.q * 1.5 + 200)
    small = at("middle", anatomy, points.p * 1.3 + 71, points.q * 1.3 + 9)
    share = share * lesion.contrast
    canvas.paint(kind.second, 0.9 * min(signs.mixed, 1) * share * np.clip(0.9 * small, 0, 1))
    centre = np.clip(np.maximum(found.core, found.mass) / 4, 0, 1)
    dead = np.clip(1.2 * (wide + 0.2), 0, 1) * centre
    canvas.paint("necrosis", min(signs.necrosis, 1) * share * dead)
    septa = np.exp(-((small / 0.14) ** 2))
    canvas.paint("tendon", 0.65 * min(signs.lobules, 1) * share * septa)
    grain = at("fine", anatomy, points.p, points.q)
    canvas.value *= 1 + share * (0.04 + 0.12 * signs.mixed) * grain
