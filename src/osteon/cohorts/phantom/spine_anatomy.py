"""The healthy spine of one phantom patient: four regions, and how patients differ.

Coordinates are those of a vertebra, in mm: x to the patient's left, y to the back, z to the head;
the origin is the middle of the back wall of the vertebral body. Sizes are rounded textbook means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]

TEXTURE = (32, 64, 64)
"""Texels of the bone texture: slices, rows, columns; powers of two, so that `and` wraps."""
TEXTURE_MM = (2.0, 0.8, 0.8)


@dataclass(frozen=True)
class Level:
    """One region of the spine; lengths in mm of a patient of scale 1.

    Args:
        body: half width, half depth and height of the vertebral body.
        disc: height of the disc below.
        canal: half width and half depth of the spinal canal.
        transverse: reach of the transverse process, and how far back it points.
        spinous: reach of the spinous process behind the body.
        pedicle: radius.
        trunk: half width and half depth of the trunk or neck, and how far its middle lies in front.
        view: diameters of the reconstructed field, least and largest.
        body_part: DICOM Body Part Examined.
    """

    body: tuple[float, float, float]
    disc: float
    canal: tuple[float, float]
    transverse: tuple[float, float]
    spinous: float
    pedicle: float
    trunk: tuple[float, float, float]
    view: tuple[float, float]
    body_part: str


LEVELS = {
    "cervical": Level(
        (12.5, 8.5, 14), 5, (12, 7), (25, -3), 36, 3.2, (64, 60, 8), (135, 165), "CSPINE"
    ),
    "thoracic": Level(
        (16, 14, 21), 5, (8.5, 8), (31, 16), 41, 3.8, (155, 108, 52), (170, 220), "TSPINE"
    ),
    "lumbar": Level(
        (23.5, 16.5, 28), 10, (12, 8.5), (43, 7), 52, 5.0, (158, 106, 40), (170, 230), "LSPINE"
    ),
    "sacral": Level(
        (27, 15, 28), 3, (15, 7.5), (46, 2), 32, 7.0, (172, 105, 28), (190, 245), "SSPINE"
    ),
}
LEVEL_WEIGHTS = {"cervical": 0.17, "thoracic": 0.3, "lumbar": 0.33, "sacral": 0.2}


@dataclass(frozen=True)
class SpineAnatomy:
    """One patient's spine. Lengths in mm, angles in radians, densities in HU."""

    name: str
    level: Level
    scale: float
    width: float
    depth: float
    turn: float
    tilt: float
    phase: float
    canal: float
    cancellous: float
    cortex: float
    cortex_mm: float
    osteophyte: float
    sclerosis: float
    fat_mm: float
    girth: float
    muscle: float
    atrophy: float
    calcified: float
    contrast: float
    gas: float
    streaks: Field
    texture: Field

    @property
    def period(self) -> float:
        """From one vertebra to the next, mm of scale 1."""
        return self.level.body[2] + self.level.disc


def draw_anatomy(rng: np.random.Generator, name: str, age: int, sex: str) -> SpineAnatomy:
    """A spine of this region, age and sex; the diagnosis plays no part."""
    vary = rng.normal(size=16).clip(-2.2, 2.2)
    spread = rng.random(6)
    old = float(np.clip((age - 40) / 50, 0, 1))
    return SpineAnatomy(
        name=name,
        level=LEVELS[name],
        scale=float((1.0 if sex == "M" else 0.92) * (1 + 0.05 * vary[0])),
        width=float(1 + 0.06 * vary[1]),
        depth=float(1 + 0.06 * vary[2]),
        turn=math.radians(4 * vary[3]),
        tilt=math.radians(5 * vary[4] + (25 if name == "sacral" else 0)),
        phase=float(4 * vary[5]),
        canal=float(1 + 0.08 * vary[6]),
        cancellous=float(225 - 95 * old + 22 * vary[7]),
        cortex=float(880 - 110 * old + 90 * vary[8]),
        cortex_mm=float(1.5 * (1 + 0.15 * vary[9])),
        osteophyte=float(old * spread[0]),
        sclerosis=float(old * spread[1]),
        fat_mm=float(np.clip(17 + 8 * vary[10], 5, 36)),
        girth=float(1.03 + 0.06 * vary[11]),
        muscle=float(56 + 5 * vary[12]),
        atrophy=float(np.clip(0.15 + 0.5 * old * spread[2] + 0.08 * vary[13], 0, 0.8)),
        calcified=float(old * spread[3]),
        contrast=float(110 * (spread[4] < 0.3)),
        gas=float(spread[5]),
        streaks=smooth_noise(rng, (128, 128), (1.0, 2.2)),
        texture=smooth_noise(rng, TEXTURE, (0.6, 0.9, 0.9)),
    )


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, ...], sigma: tuple[float, ...]
) -> Field:
    """Smooth periodic noise of standard deviation 1; `sigma` in texels, axis by axis."""
    white = rng.standard_normal(shape, dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, sigma, mode="wrap", truncate=3)
    return np.asarray(smooth / smooth.std(), dtype=np.float32)
