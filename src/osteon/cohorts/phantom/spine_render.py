"""From one patient's anatomy and lesion to the slices that a CT scanner reconstructs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.cohorts.phantom import spine_growth as growth
from osteon.cohorts.phantom.spine_anatomy import Field, SpineAnatomy
from osteon.cohorts.phantom.spine_lesions import Lesion, Look
from osteon.cohorts.phantom.spine_shapes import Plane, paint, turned
from osteon.cohorts.phantom.spine_tissue import surroundings, table, trunk
from osteon.cohorts.phantom.spine_vertebra import build, density

LOWEST, HIGHEST = -1024, 3071
DISC = 78.0


@dataclass(frozen=True)
class Scanner:
    """One CT room: kernel, noise, what its files look like.

    Args:
        manufacturer: as in the header.
        model: as in the header.
        station: as in the header.
        kernel: Convolution Kernel, as in the header.
        blur_mm: standard deviation of the kernel in the plane.
        sharpen: edge enhancement of a bone kernel, 0 none.
        noise: HU in a pixel of 1 mm.
        intercept: RescaleIntercept.
        kvp: tube voltage.
        table: kind of patient table.
        field: size of the reconstructed field, relative to the level's own.
        descending: InstanceNumber counts from head to feet.
        scout: sends the localizer along.
        extension: of its files.
    """

    manufacturer: str
    model: str
    station: str
    kernel: str
    blur_mm: float
    sharpen: float
    noise: float
    intercept: int
    kvp: int
    table: int
    field: float
    descending: bool
    scout: bool
    extension: str


# fmt: off
SCANNERS = (
    Scanner("Phantom P", "Brilliance 64", "CT1", "YC", 0.65, 0.5, 17, -1024, 120, 0, 1.0, True,
            True, ".dcm"),
    Scanner("Phantom P", "Ingenuity", "CT2", "B", 0.95, 0.0, 9, -1024, 120, 0, 1.1, True,
            False, ""),
    Scanner("Phantom S", "Somatom", "CT3", "B60s", 0.55, 0.8, 24, -1024, 130, 1, 0.95, False,
            True, ".IMA"),
    Scanner("Phantom G", "Optima", "CT4", "STANDARD", 0.85, 0.15, 12, -1024, 140, 2, 1.15, False,
            False, ".dcm"),
    Scanner("Phantom T", "Aquilion", "CT5", "FC30", 0.6, 0.6, 20, 0, 120, 1, 1.0, True,
            False, ""),
)
# fmt: on


class Setup(NamedTuple):
    """How one scan was set up: mm a pixel, where the field's middle lies (mm), height of slice 0.

    `middle` is relative to the back wall of the vertebral body; `start` is relative to the middle
    of the vertebra of interest.
    """

    spacing: float
    middle: tuple[float, float]
    start: float


class Volume(NamedTuple):
    """Slices from feet to head: HU (int16) and the lesion's mask (uint8), both (S, rows, columns).

    The mask says where the lesion lies, also where it cannot be seen.
    """

    hu: NDArray[np.int16]
    mask: NDArray[np.uint8]


def draw_setup(
    rng: np.random.Generator,
    anatomy: SpineAnatomy,
    scanner: Scanner,
    shape: tuple[int, int, float],
) -> Setup:
    """Field and table position; `shape` is slices, rows and mm between slices."""
    slices, side, step = shape
    low, high = anatomy.level.view
    view = float(rng.uniform(low, high)) * scanner.field * anatomy.scale
    ahead = {"cervical": -6, "thoracic": -2, "lumbar": -2, "sacral": -6}[anatomy.name]
    middle = (float(rng.normal(0, 5)), float(rng.normal(ahead, 5)))
    start = anatomy.phase - 0.5 * (slices - 1) * step
    return Setup(view / side, middle, start)


def coordinates(
    anatomy: SpineAnatomy, setup: Setup, shape: tuple[int, int, float]
) -> tuple[Plane, Plane, Field]:
    """Scale-1 coordinates: of the scanner's axes, of the vertebra's axes, and heights (S, H, W)."""
    slices, side, step = shape
    line = (np.arange(side, dtype=np.float32) - (side - 1) / 2) * setup.spacing
    y, x = np.meshgrid(
        (line + setup.middle[1]) / anatomy.scale,
        (line + setup.middle[0]) / anatomy.scale,
        indexing="ij",
    )
    outer = Plane(x.astype(np.float32), y.astype(np.float32), setup.spacing / anatomy.scale)
    plane = turned(outer, anatomy.turn)
    heights = (setup.start + step * np.arange(slices, dtype=np.float32)) / anatomy.scale
    lean = np.float32(np.tan(anatomy.tilt))
    z = heights[:, None, None] + lean * (plane.y + 0.5 * anatomy.level.body[1])[None]
    return outer, plane, z.astype(np.float32)


def healthy(
    anatomy: SpineAnatomy, scanner: Scanner, outer: Plane, plane: Plane, z: Field, step: float
) -> tuple[Field, Field]:
    """(HU, share of bone) without lesion, both (S, H, W)."""
    flat = surroundings(anatomy, plane)
    ahead, deep = anatomy.level.trunk[2], anatomy.level.trunk[1]
    share, value = table(outer, deep * anatomy.girth - ahead, scanner.table)
    paint(flat, share * (trunk(anatomy, plane) > 0), value)
    bone = build(anatomy, plane, z, max(step / anatomy.scale, 1.0))
    hu = np.repeat(flat[None], len(z), axis=0)
    paint(hu, bone.disc, DISC)
    paint(hu, bone.whole, density(anatomy, plane, z, bone))
    return hu, bone.whole


def reconstruct(
    hu: Field, scanner: Scanner, spacing: float, noise: float, rng: np.random.Generator
) -> NDArray[np.int16]:
    """What the scanner stores: kernel, correlated noise, whole HU between -1024 and 3071."""
    sigma = scanner.blur_mm / spacing
    sharp = ndimage.gaussian_filter(hu, (0, sigma, sigma), truncate=3)
    grain = rng.standard_normal(hu.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, (0, 0.55, 0.55), truncate=3)
    # A coarser pixel averages over more photons; a thick patient lets fewer pass.
    level = scanner.noise * noise / max(spacing, 0.4) ** 0.7 / float(grain.std())
    picture = sharp + level * grain
    if scanner.sharpen:
        wide = ndimage.gaussian_filter(sharp, (0, 1.0, 1.0), truncate=3)
        picture += scanner.sharpen * (sharp - wide)
    return np.clip(np.rint(picture), LOWEST, HIGHEST).astype(np.int16)


def scan(
    rng: np.random.Generator,
    anatomy: SpineAnatomy,
    lesion: Lesion,
    look: Look,
    contrast: float,
    setup: Setup,
    scanner: Scanner,
    shape: tuple[int, int, float],
    noise: float,
) -> Volume:
    """All slices of one patient; `shape` is slices, rows (and columns), mm between slices."""
    outer, plane, z = coordinates(anatomy, setup, shape)
    hu, bone = healthy(anatomy, scanner, outer, plane, z, shape[2])
    mask = np.zeros(hu.shape, dtype=np.uint8)
    if crop := growth.crop_of(lesion, plane, z):
        points = growth.points_of(lesion, plane, z, crop)
        inside = trunk(anatomy, plane)[crop[1:]] < -2
        grown = growth.grow(hu[crop], bone[crop], lesion, look, contrast, points)
        hu[crop] += inside * (grown - hu[crop])
        mask[crop] = growth.visible(points, inside)
    return Volume(reconstruct(hu, scanner, setup.spacing, noise, rng), mask)


def scout(volume: Volume) -> NDArray[np.int16]:
    """A coronal scout of the scanned range, head up: mean HU along each ray from the front."""
    rays = volume.hu[::-1].mean(axis=1)
    return np.repeat(np.rint(rays), 4, axis=0).astype(np.int16)
