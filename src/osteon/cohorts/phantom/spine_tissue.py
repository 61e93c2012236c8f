"""What surrounds the spine in an axial slice: skin, fat, muscle, vessels, lungs, bowel, table."""

from __future__ import annotations

import numpy as np

from osteon.cohorts.phantom.spine_anatomy import Field, SpineAnatomy
from osteon.cohorts.phantom.spine_shapes import Plane, bar, ellipse, fill, paint

AIR, LUNG, FAT, GAS = -1000.0, -860.0, -105.0, -900.0
BLOOD, ORGAN, FLUID, CORD = 42.0, 55.0, 12.0, 38.0


class Canvas:
    """A slice of soft tissue in the making: shapes are blended over what lies below."""

    def __init__(self, anatomy: SpineAnatomy, plane: Plane) -> None:
        self.anatomy, self.plane = anatomy, plane
        self.hu: Field = np.full(plane.x.shape, AIR, dtype=np.float32)

    def shape(self, distance: Field, value: Field | float, soft: float = 0.0) -> None:
        """Blend a shape in; its edge is a pixel wide, or `soft` mm."""
        paint(self.hu, fill(distance, max(self.plane.pixel, soft)), value)

    def oval(
        self, x: float, y: float, a: float, b: float, value: Field | float, both: bool = False
    ) -> None:
        """Blend an ellipse in at (x, y) with half axes a and b; `both`: on either side."""
        plane = Plane(np.abs(self.plane.x), self.plane.y, self.plane.pixel) if both else self.plane
        self.shape(ellipse(plane, (x, y), (a, b)), value)


def trunk(anatomy: SpineAnatomy, plane: Plane) -> Field:
    """Distance from the skin, mm, negative inside."""
    wide, deep, ahead = anatomy.level.trunk
    girth = anatomy.girth
    return ellipse(plane, (0, -ahead), (wide * girth, deep * girth), 2.3)


def surroundings(anatomy: SpineAnatomy, plane: Plane) -> Field:
    """HU of one slice without bones, (rows, columns)."""
    canvas = Canvas(anatomy, plane)
    skin = trunk(anatomy, plane)
    canvas.shape(skin, 20.0)
    canvas.shape(skin + 2.0, FAT)
    streak = _streaks(anatomy, plane)
    meat = anatomy.muscle - 150 * anatomy.atrophy * np.clip(streak - 0.4, 0, 1)
    _back(canvas, meat)
    {"cervical": _neck, "thoracic": _chest, "lumbar": _abdomen, "sacral": _pelvis}[anatomy.name](
        canvas, meat, skin
    )
    _vertebral_canal(canvas)
    return canvas.hu


def _streaks(anatomy: SpineAnatomy, plane: Plane) -> Field:
    """Fat between muscle fibres, 1.2 mm a texel."""
    side = anatomy.streaks.shape[0] - 1
    rows = (plane.y * (1 / 1.2)).astype(np.int32) & side
    columns = (plane.x * (1 / 1.2)).astype(np.int32) & side
    return anatomy.streaks[rows, columns]


def _back(canvas: Canvas, meat: Field) -> None:
    """The erector muscles on either side of the spinous processes, below the fat of the back."""
    anatomy, level = canvas.anatomy, canvas.anatomy.level
    _, deep, ahead = level.trunk
    skin_y = deep * anatomy.girth - ahead
    rear = max(skin_y - anatomy.fat_mm, level.spinous * 0.8)
    front = 1.6 * level.canal[1]
    middle, half = 0.5 * (front + rear), 0.5 * (rear - front) + 2
    reach = {"cervical": 17, "thoracic": 24, "lumbar": 29, "sacral": 27}[anatomy.name]
    canvas.oval(reach * 0.98, middle - 1, reach * 0.95, half, meat, both=True)
    canvas.oval(0.45 * reach, middle - 4, 0.42 * reach, half, meat, both=True)


def _vertebral_canal(canvas: Canvas) -> None:
    """Epidural fat, dural sac, and the cord above the lumbar spine."""
    wide, deep = (canvas.anatomy.canal * half for half in canvas.anatomy.level.canal)
    canvas.oval(0, deep + 0.5, wide, deep, -60.0)
    if canvas.anatomy.name == "sacral":
        canvas.oval(0.45 * wide, deep, 0.25 * wide, 0.4 * deep, 30.0, both=True)
        return
    canvas.oval(0, deep + 0.2, 0.8 * wide, 0.85 * deep, FLUID)
    if canvas.anatomy.name in ("cervical", "thoracic"):
        canvas.oval(0, deep, 0.52 * wide, 0.45 * deep, CORD)


def _vessel(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """An artery, with a plaque in its wall in old age."""
    anatomy = canvas.anatomy
    canvas.oval(x, y, radius, radius, BLOOD + anatomy.contrast)
    if anatomy.calcified > 0.3:
        plaque = (x - 0.6 * radius, y + 0.75 * radius)
        size = 1 + 1.6 * anatomy.calcified
        canvas.oval(*plaque, size * 1.5, size, 520.0 * anatomy.calcified)


def _neck(canvas: Canvas, meat: Field, skin: Field) -> None:
    front = -2 * canvas.anatomy.level.body[1]
    canvas.shape(skin + 3 + 0.35 * canvas.anatomy.fat_mm, meat)
    for x, y, a, b in ((24, 22, 2.2, 26), (45, 8, 16, 2.0), (33, -5, 2.5, 15)):
        canvas.oval(x, y, a, b, -70.0, both=True)
    canvas.shape(ellipse(canvas.plane, (0, front - 12), (36, 20)), -60.0)
    canvas.oval(9, front - 3, 8, 3.4, meat, both=True)
    canvas.oval(40, front - 4, 11, 19, meat, both=True)
    canvas.oval(34, 10, 13, 12, meat, both=True)
    canvas.oval(15, front - 20, 9, 13, 95.0, both=True)
    _vessel(canvas, 25, front - 9, 3.6)
    _vessel(canvas, -25, front - 9, 3.6)
    canvas.oval(30, front - 11, 5.5, 4.2, BLOOD, both=True)
    canvas.oval(0, front - 21, 11, 11.5, 80.0)
    canvas.oval(0, front - 21, 8.5, 9.5, AIR)
    canvas.oval(2, front - 7, 7, 3.6, 40.0)


def _chest(canvas: Canvas, meat: Field, skin: Field) -> None:
    front = -2 * canvas.anatomy.level.body[1]
    canvas.shape(skin + canvas.anatomy.fat_mm * 0.7, meat)
    lung = LUNG + 35 * np.clip(_streaks(canvas.anatomy, canvas.plane) - 1.0, 0, 2)
    canvas.oval(68, -42, 50, 56, lung, both=True)
    canvas.oval(-30, front - 20, 17, 30, lung)
    canvas.shape(ellipse(canvas.plane, (6, front - 30), (24, 27)), -80.0)
    canvas.oval(14, front - 52, 40, 26, BLOOD + 0.6 * canvas.anatomy.contrast)
    _vessel(canvas, 17, front - 2, 12.5)
    canvas.oval(-3, front - 9, 8, 5, 38.0)
    canvas.oval(-2, front - 9, 2.5, 1.4, -600.0 * canvas.anatomy.gas)


def _abdomen(canvas: Canvas, meat: Field, skin: Field) -> None:
    anatomy = canvas.anatomy
    front = -2 * anatomy.level.body[1]
    wall = skin + 0.9 * anatomy.fat_mm
    canvas.shape(wall, meat)
    canvas.shape(ellipse(canvas.plane, (0, -58), (118 * anatomy.girth, 56)), -102.0)
    canvas.oval(38, -12, 15, 19, meat, both=True)
    canvas.oval(62, 12, 19, 13, meat, both=True)
    canvas.oval(70, -28, 25, 21, 34 + anatomy.contrast, both=True)
    canvas.oval(68, -30, 9, 6, -70.0, both=True)
    _vessel(canvas, 10, front - 9, 9.5)
    canvas.oval(-14, front - 7, 11, 8, BLOOD + 0.7 * anatomy.contrast)
    for x, y, size in ((-52, -72, 18), (34, -74, 15), (0, -84, 17), (-88, -56, 20), (92, -52, 17)):
        canvas.oval(x, y, size, 0.8 * size, ORGAN)
        canvas.oval(x + 3, y - 3, 0.62 * size, 0.42 * size, GAS if anatomy.gas > 0.4 else 15.0)


def _pelvis(canvas: Canvas, meat: Field, skin: Field) -> None:
    anatomy = canvas.anatomy
    canvas.shape(skin + 1.2 * anatomy.fat_mm, -98.0)
    canvas.shape(bar(canvas.plane, (96, -6), (60, 58), (24, 20)), meat)
    canvas.shape(bar(canvas.plane, (88, -60), (76, -12), (19, 12)), meat)
    canvas.oval(45, -44, 14, 15, meat, both=True)
    _vessel(canvas, 26, -46, 6.0)
    _vessel(canvas, -26, -46, 6.0)
    canvas.oval(31, -36, 7, 6, BLOOD, both=True)
    canvas.oval(4, -66, 24, 18, ORGAN)
    canvas.oval(6, -69, 13, 8, GAS if anatomy.gas > 0.5 else 10.0)


def table(plane: Plane, skin_y: float, kind: int) -> tuple[Field, Field]:
    """The patient table below: share of each pixel, and HU. Kinds: curved, flat, thick pad."""
    curve = (520.0, 900.0, 360.0)[kind]
    y = plane.y - skin_y - (4.0, 9.0, 14.0)[kind] + plane.x * plane.x / (2 * curve)
    shell = fill(np.abs(y - 1).astype(np.float32) - 1.2, plane.pixel)
    foam = fill(np.abs(y - 12).astype(np.float32) - 9.5, plane.pixel)
    return np.maximum(shell, foam), np.where(shell > foam, -150.0, -930.0).astype(np.float32)
