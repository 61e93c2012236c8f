"""A thigh as solids in millimetres, cut by the plane of an MR slice.

Axes of the bone: u lateral, y down the leg, z backwards. In the distal region the knee's joint
line is y = 0, in the proximal one the lesser trochanter, in the shaft its middle. Each solid is a
function of (u, y, z) that returns the depth below its surface in mm, negative outside, so that any
plane through it is a true section and neighbouring slices agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from osteon.cohorts.phantom.knee_anatomy import Field, join, ramp, unit_noise

LOCATIONS = ("distal", "shaft", "proximal")
TEXTURES = {"coarse": (7.0, 1.0), "middle": (3.6, 1.0), "fine": (1.3, 0.5)}  # sigma texels, mm each
TEXTURE_SIDE = 256
Window = tuple[slice, slice]
HEAD = (-42.0, -64.0, -6.0)  # centre of the femoral head, proximal region


@dataclass(frozen=True)
class Anatomy:
    """What all slices of one patient share. Lengths in mm for an adult of scale 1."""

    location: str
    scale: float
    right: bool
    bone: float
    cortex: float
    canal: float
    condyle: float
    girth: float
    fat: float
    red: float
    effusion: float
    worn: float
    bow: float
    spot: tuple[float, float]


@dataclass(frozen=True)
class Points:
    """Where the pixels of one slice lie: bone coordinates, and (p, q) in the plane, mm.

    p is (1, columns) and q (rows, 1): what depends on them alone is looked up cheaply.
    """

    u: Field
    y: Field
    z: Field
    p: Field
    q: Field

    def within(self, window: Window) -> Points:
        """The points of a window of the slice."""
        rows, columns = window
        u, y, z = self.u[window], self.y[window], self.z[window]
        return Points(u, y, z, self.p[:, columns], self.q[rows])


def draw_anatomy(rng: np.random.Generator, location: str, age: float, sex: str) -> Anatomy:
    """One patient's thigh, from that patient's own generator."""
    vary = rng.normal(size=9)
    old = float(np.clip((age - 40) / 45, 0, 1))
    adult = 0.93 if sex == "F" else 1.0
    grown = 0.8 + 0.2 * float(np.clip(age / 17, 0, 1))
    return Anatomy(
        location=location,
        scale=adult * grown * (1 + 0.04 * vary[0]),
        right=bool(rng.random() < 0.5),
        bone=1 + 0.06 * vary[1],
        cortex=5.2 * (1 + 0.12 * vary[2]) * (1 - 0.3 * old),
        canal=1 + 0.1 * vary[3],
        condyle=1 + 0.05 * vary[4],
        girth=float(np.clip(1 + 0.1 * vary[5], 0.8, 1.3)),
        fat=float(np.clip((10 if sex == "F" else 7) + 3.5 * vary[6], 3, 20)),
        red=float(np.clip(0.75 - 0.65 * old + 0.25 * vary[7], 0, 1)),
        effusion=float(rng.exponential(2.0 + 2 * old)),
        worn=old * float(rng.random()) * float(rng.random() < 0.5),
        bow=1 + 0.2 * vary[8],
        spot=(float(rng.uniform(0, 256)), float(rng.uniform(0, 256))),
    )


@cache
def texture(name: str) -> Field:
    """A periodic texture of standard deviation 1, the same in every run; patients differ by place.

    Drawing and smoothing one a patient would cost more than the rest of the picture.
    """
    sigma, _ = TEXTURES[name]
    rng = np.random.default_rng([2024, list(TEXTURES).index(name)])
    return unit_noise(rng, TEXTURE_SIDE, (sigma, sigma))


def at(name: str, anatomy: Anatomy, a: Field, b: Field) -> Field:
    """The patient's texture (rows, columns) at a (1, columns) and b (rows, 1), mm; it wraps."""
    texel = TEXTURES[name][1]
    columns = ((a.ravel() + anatomy.spot[0]) / texel).astype(np.intp) % TEXTURE_SIDE
    rows = ((b.ravel() + anatomy.spot[1]) / texel).astype(np.intp) % TEXTURE_SIDE
    return texture(name).take(rows, axis=0).take(columns, axis=1)


def ellipsoid(
    points: Points, centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> Field:
    """Depth below an ellipsoid's surface; exact at the surface to first order."""
    u, y, z = ((points.u - centre[0]), (points.y - centre[1]), (points.z - centre[2]))
    return _depth([(u, radii[0]), (y, radii[1]), (z, radii[2])])


def tube(
    points: Points, centre: tuple[Field | float, Field | float], radii: tuple[Field | float, ...]
) -> Field:
    """Depth below the surface of an elliptical tube along y; centre and radii may change with y."""
    return _depth([(points.u - centre[0], radii[0]), (points.z - centre[1], radii[1])])


def _depth(axes: list[tuple[Field, Field | float]]) -> Field:
    norm: Field | float = 1e-9
    slope: Field | float = 1e-9
    for offset, radius in axes:
        inverse = 1 / radius
        square = (offset * inverse) ** 2
        norm = norm + square
        slope = slope + square * inverse**2
    norm = np.sqrt(norm)
    return np.asarray(norm * (1 - norm) / np.sqrt(slope), dtype=np.float32)


def union(first: Field, second: Field, blend: float) -> Field:
    """Both solids, joined by a rounding of `blend` mm."""
    return -join(-first, -second, blend)


def femur(anatomy: Anatomy, points: Points) -> Field:
    """Depth inside the healthy femur, mm."""
    solid = {"distal": distal_femur, "shaft": shaft, "proximal": proximal_femur}
    return solid[anatomy.location](anatomy, points)


def distal_femur(anatomy: Anatomy, points: Points) -> Field:
    """Shaft, metaphyseal flare and the two condyles with the notch between them."""
    flare = ramp(points.y, -88, -20)
    wide = (14.0 + 20.5 * flare) * anatomy.bone
    deep = (14.0 + 8.5 * flare) * anatomy.bone
    stem = tube(points, (0.0, 2 * flare - 2), (wide, deep))
    roof = -15 - points.y - 0.55 * np.maximum(points.z + 6, 0)  # of the notch: rises backwards
    body = join(stem, roof, 7)
    size = anatomy.condyle * anatomy.bone
    for side, low in ((-1, 1.0), (1, 0.0)):
        centre = (side * 20.5 * anatomy.bone, -20.5 * size + low, 5.0)
        radii = (15.0 * size, 20.0 * size + low, 27.0 * size)
        body = union(body, ellipsoid(points, centre, radii), 6)
    return body


def shaft(anatomy: Anatomy, points: Points) -> Field:
    """The diaphysis, bowed forwards."""
    bow = 2.5e-4 * anatomy.bow * points.y**2
    return tube(points, (0.0, bow), (14.5 * anatomy.bone, 14.5 * anatomy.bone))


def proximal_femur(anatomy: Anatomy, points: Points) -> Field:
    """Shaft, both trochanters, neck and head."""
    widen = ramp(-points.y, 0, 38)
    radius = (15.5 + 5 * widen) * anatomy.bone
    body = np.minimum(tube(points, (-2 * widen, 0.0), (radius, radius)), points.y + 40)
    body = union(body, ellipsoid(points, (9, -41, 3), (15, 24, 19)), 8)
    body = union(body, ellipsoid(points, (-13, 0, 10), (8, 12, 8)), 6)
    body = union(body, capsule(points, (-2, -27, 0), HEAD, 14.5 * anatomy.bone), 8)
    return union(body, ellipsoid(points, HEAD, (23.5 * anatomy.condyle,) * 3), 4)


def capsule(
    points: Points, start: tuple[float, ...], end: tuple[float, ...], radius: float
) -> Field:
    """Depth inside a round bar from `start` to `end`."""
    axis = np.subtract(end, start).astype(np.float32)
    u, y, z = points.u - start[0], points.y - start[1], points.z - start[2]
    along = np.clip((u * axis[0] + y * axis[1] + z * axis[2]) / float(axis @ axis), 0, 1)
    off = (u - along * axis[0]) ** 2 + (y - along * axis[1]) ** 2 + (z - along * axis[2]) ** 2
    return radius - np.sqrt(off)


def cortex_mm(anatomy: Anatomy, points: Points) -> Field:
    """Thickness of the femur's cortex: a stout tube that thins out towards the joints."""
    if anatomy.location == "distal":
        near = ramp(points.y, -85, -30)
    elif anatomy.location == "proximal":
        near = ramp(-points.y, 5, 45)
    else:
        return np.float32(anatomy.cortex) * np.ones_like(points.y)
    return anatomy.cortex * (1 - near) + 1.3 * near


def other_bones(anatomy: Anatomy, points: Points) -> list[Field]:
    """Depths inside the neighbours of the femur that a slice may show."""
    if anatomy.location == "distal":
        return [tibia(anatomy, points), fibula(points), patella(anatomy, points)]
    return [pelvis(anatomy, points)] if anatomy.location == "proximal" else []


def tibia(anatomy: Anatomy, points: Points) -> Field:
    """Plateau and shaft below it."""
    flare = 1 - ramp(points.y, 8, 84)
    wide, deep = (13.5 + 22.5 * flare) * anatomy.bone, (14 + 11 * flare) * anatomy.bone
    stem = tube(points, (0.0, 4 + 2 * flare), (wide, deep))
    return join(stem, points.y - 4.6 + 0.03 * points.z, 7)


def fibula(points: Points) -> Field:
    """Head and shaft, beside and behind the tibia."""
    stem = np.minimum(tube(points, (34.0, 20.0), (6.0, 6.0)), points.y - 22)
    return union(stem, ellipsoid(points, (35, 26, 20), (9, 11, 9)), 4)


def patella(anatomy: Anatomy, points: Points) -> Field:
    """The kneecap in front of the condyles."""
    return ellipsoid(points, (0, -34, -37), (20 * anatomy.condyle, 20 * anatomy.condyle, 9))


def pelvis(anatomy: Anatomy, points: Points) -> Field:
    """Acetabulum and ischium around the head, as far as a slice of the hip shows them."""
    roof = ellipsoid(points, (-54, -86, -6), (30, 36, 24))
    body = union(roof, ellipsoid(points, (-66, -34, 8), (15, 27, 13)), 10)
    socket = ellipsoid(points, HEAD, (23.5 * anatomy.condyle + 4.2,) * 3)
    return np.minimum(body, -socket)


def leg(anatomy: Anatomy, points: Points) -> Field:
    """Depth below the skin, mm."""
    girth = anatomy.girth
    if anatomy.location == "proximal":  # the trunk goes on beyond the picture
        return tube(points, (-50.0, 6.0), (118 * girth, 86 * girth))
    if anatomy.location == "shaft":
        swell = 1 - 0.0012 * points.y
        return tube(points, (-8.0, 10.0), (70 * girth * swell, 68 * girth * swell))
    thigh, calf = ramp(-points.y, 10, 120), ramp(points.y, 15, 100)
    wide, deep = 53 + 15 * thigh + 1 * calf, 57 + 12 * thigh
    return tube(points, (-3.0, 5.0 + 5 * calf), (wide * girth, deep * girth))


def muscle_share(anatomy: Anatomy, points: Points) -> Field | float:
    """How much of the tissue below the skin's fat is muscle: at the knee most of it is not."""
    if anatomy.location != "distal":
        return 1.0
    above = ramp(-points.y, 38, 62) * ramp(np.abs(points.u) + 30 + points.z, 2, 10)
    behind = ramp(points.z, 24, 34) * ramp(np.abs(points.u), 6, 12)
    return np.maximum(above, behind)


def veins(anatomy: Anatomy, points: Points) -> list[tuple[Field, bool]]:
    """Depths inside the large vessels; True marks the artery, whose flow leaves no signal."""
    u, z = {"distal": (2.0, 36.0), "shaft": (-24.0, 8.0), "proximal": (-34.0, -42.0)}[
        anatomy.location
    ]
    drift = 0.12 * points.y if anatomy.location != "proximal" else 0.2 * points.y
    return [
        (tube(points, (u + drift, z), (3.2, 3.2)), True),
        (tube(points, (u - 7 + drift, z + 3), (4.2, 4.2)), False),
    ]
