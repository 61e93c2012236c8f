"""The healthy thigh in one slice, painted from the skin inwards, tissue over tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteon.cohorts.phantom import femur_anatomy as solids
from osteon.cohorts.phantom.femur_anatomy import Anatomy, Points, Window, at, ellipsoid
from osteon.cohorts.phantom.femur_signal import Protocol, signals
from osteon.cohorts.phantom.knee_anatomy import Field, ramp


@dataclass
class Canvas:
    """Signal painted so far (rows, columns), what each tissue gives here, and mm a pixel."""

    value: Field
    levels: dict[str, Field | float]
    pixel: float

    def cover(self, depth: Field) -> Field:
        """How much of each pixel lies deeper than 0 mm, 0..1."""
        return np.clip(0.5 + depth * (1 / self.pixel), 0, 1)

    def paint(self, tissue: str, share: Field) -> None:
        """Replace `share` (0..1) of what each pixel shows by `tissue`."""
        self.value += share * (self.levels[tissue] - self.value)

    def within(self, window: Window) -> Canvas:
        """A window of the canvas; what is painted there is painted here."""
        levels = {
            name: level[window] if isinstance(level, np.ndarray) else level
            for name, level in self.levels.items()
        }
        return Canvas(self.value[window], levels, self.pixel)


def canvas(protocol: Protocol, tesla: float, kept_fat: Field, pixel: float) -> Canvas:
    """An empty canvas; `kept_fat` is the share of fat signal that saturation leaves, by pixel."""
    levels: dict[str, Field | float] = {}
    for name, (water, fat) in signals(protocol, tesla).items():
        if protocol.saturates_fat and fat > 0.01:
            levels[name] = water + fat * kept_fat
        else:
            levels[name] = water + fat
    return Canvas(np.zeros_like(kept_fat), levels, pixel)


def paint_soft_tissue(canvas: Canvas, anatomy: Anatomy, points: Points, axial: bool) -> Field:
    """Skin, fat, muscle with its septa and vessels; returns the depth below the skin."""
    skin = solids.leg(anatomy, points)
    canvas.paint("fat", canvas.cover(skin))
    canvas.value *= 1 + 0.05 * at("middle", anatomy, points.p, points.q)
    flesh = canvas.cover(skin - anatomy.fat * (1 + 0.1 * np.sin(points.q * 0.05)))
    flesh = flesh * solids.muscle_share(anatomy, points)
    canvas.paint("muscle", flesh)
    fibres = at("fine", anatomy, points.p, points.q * (1.0 if axial else 0.12))
    canvas.value *= 1 + 0.1 * flesh * fibres
    # Compartments run down the leg and drift as they go; fat lies between them.
    a, b = anatomy.spot
    bend = np.sin(0.045 * points.z + 0.008 * points.y + b)
    between = np.sin(0.07 * points.u + 1.3 * bend + a)
    between += 0.9 * np.sin(0.06 * points.z - 0.014 * points.y - 1.1 * between + b)
    canvas.paint("fat", 0.75 * flesh * np.exp(-((between / 0.07) ** 2)))
    canvas.paint("muscle", canvas.cover(skin) - canvas.cover(skin - 1.4))
    for depth, artery in solids.veins(anatomy, points):
        canvas.paint("cortex" if artery else "blood", 0.9 * canvas.cover(depth))
    return skin


def paint_joint(canvas: Canvas, anatomy: Anatomy, points: Points, above: Field) -> None:
    """Cartilage, menisci, tendons and the fluid of a knee; the bones are painted over them.

    `above` is the depth inside the femur, mm.
    """
    below = solids.tibia(anatomy, points)
    gap = canvas.cover(np.minimum(above, below) + 5)
    canvas.paint("cartilage", gap)
    rim = solids.tube(points, (0.0, 5.0), (26.0 * anatomy.bone, 16.0 * anatomy.bone))
    canvas.paint("tendon", gap * canvas.cover(-rim))
    for start, end, radius in (
        ((0, -115, -36), (0, -50, -43), 4.5),
        ((0, -18, -42), (0, 44, -30), 3.6),
        ((6, -14, 10), (-4, 8, -6), 4.0),
    ):
        canvas.paint("tendon", canvas.cover(solids.capsule(points, start, end, radius)))
    thick = min(0.8 + 0.7 * anatomy.effusion, 8.0)
    pouch = ellipsoid(points, (0, -60, -29), (20, 22, thick))
    recess = ellipsoid(points, (-30, -16, 0), (5 + thick, 17, 8 + thick))
    canvas.paint("fluid", canvas.cover(np.maximum(pouch, recess if thick > 4 else pouch)))


def paint_other_bones(canvas: Canvas, anatomy: Anatomy, points: Points) -> None:
    """Tibia, fibula, patella or pelvis: a thin dark cortex around marrow."""
    grain = at("fine", anatomy, points.p, points.q)
    clouds = at("coarse", anatomy, points.p, points.q)
    for depth in solids.other_bones(anatomy, points):
        canvas.paint("cortex", canvas.cover(depth))
        inner = canvas.cover(depth - 1.7)
        canvas.paint("marrow", inner)
        canvas.value *= 1 + inner * (0.06 * grain + 0.05 * clouds)


def paint_cartilage(canvas: Canvas, anatomy: Anatomy, points: Points, bone: Field) -> None:
    """The cartilage that covers the condyles or the femoral head, under the bone to be painted."""
    if anatomy.location == "shaft":
        return
    level, sign = (-24, 1) if anatomy.location == "distal" else (-62, -1)
    joint = ramp(sign * (points.y - level), 0, 8)
    if anatomy.location == "proximal":
        joint = joint * (points.u < -24)
    canvas.paint("cartilage", joint * canvas.cover(bone + 2.3))


def paint_femur(
    canvas: Canvas, anatomy: Anatomy, points: Points, bone: Field, cortex: Field
) -> Field:
    """Cortex and marrow; returns the share of each pixel that is marrow.

    Args:
        canvas: painted in place.
        anatomy: the patient's.
        points: of the slice.
        bone: depth inside the femur, mm.
        cortex: its thickness, mm, where the slice cuts it.
    """
    canvas.paint("cortex", canvas.cover(bone))
    inner = canvas.cover(bone - cortex)
    canvas.paint("marrow", inner)
    patches = at("coarse", anatomy, points.p * 0.8, points.q * 0.6)
    red = anatomy.red * np.clip(0.35 + 0.5 * patches, 0, 1)
    canvas.paint("red_marrow", inner * red)
    canvas.value *= 1 + 0.05 * inner * at("fine", anatomy, points.p, points.q)
    if anatomy.location == "distal":
        scar = points.y + 27 - 1.6 * np.cos(points.u / 7)
        canvas.paint("cortex", 0.45 * inner * np.exp(-((scar / 0.8) ** 2)))
        if anatomy.worn > 0:
            side = 20.0 if anatomy.spot[0] > 128 else -20.0
            worn = ellipsoid(points, (side, -5.0, 2.0), (11.0, 8.0, 12.0))
            canvas.paint("oedema", anatomy.worn * inner * np.clip(worn / 5, 0, 1))
    return inner
