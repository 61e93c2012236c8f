"""From millimetres of bone and muscle to the 12-bit picture that a scanner stores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.cohorts.phantom import knee_anatomy as knee
from osteon.cohorts.phantom.knee_anatomy import Anatomy, Field
from osteon.cohorts.phantom.knee_lesions import Lesion, draw_lesion

# Linear attenuation at about 60 kVp after filtration, 1/mm, rounded: only the contrast matters.
MUSCLE, BONE = 0.021, 0.047
LARGEST = 4095  # 12 bits stored


@dataclass(frozen=True)
class Scanner:
    """One X-ray room: how it maps exposure to grey values, and how sharp and noisy it is."""

    manufacturer: str
    model: str
    station: str
    monochrome: str
    gain: float
    offset: float
    blur_mm: float
    noise: float
    aspect: float
    extension: str
    kvp: int


# maker, model, station, photometric, gain, offset, blur, noise, width/height, suffix, kVp
# fmt: off
SCANNERS = (
    Scanner("Phantom A", "Ysio", "XR1", "MONOCHROME2", 900, 220, 0.25, 0.020, 0.82, ".dcm", 60),
    Scanner("Phantom B", "Diagnost", "XR2", "MONOCHROME2", 760, 380, 0.40, 0.014, 0.82, "", 66),
    Scanner("Phantom C", "D-EVO", "XR3", "MONOCHROME1", 1000, 150, 0.55, 0.026, 0.80, ".dcm", 58),
    Scanner("Phantom D", "Definium", "XR4", "MONOCHROME2", 840, 300, 0.30, 0.030, 1.0, "", 62),
    Scanner("Phantom E", "CXDI", "XR5", "MONOCHROME1", 700, 420, 0.70, 0.018, 0.82, ".dcm", 70),
)
# fmt: on


@dataclass(frozen=True)
class View:
    """One exposure: the projection and how the technician placed the leg. Angles in radians."""

    name: str
    angle: float
    flexion: float
    tilt: float
    shift: tuple[float, float]
    field_mm: float
    exposure: float
    collimation: tuple[float, float, float, float]


class Exam(NamedTuple):
    """What the views of one visit share: one technician sets exposure and collimator once.

    Nothing here depends on the diagnosis. A network that recognises it recognises the patient,
    which is one of the ways an image-level split leaks.
    """

    exposure: float
    margins: NDArray[np.float64]


class Picture(NamedTuple):
    """Stored pixels (uint16, 0..4095), the lesion mask (uint8, 0 or 1) and mm a pixel."""

    pixels: NDArray[np.uint16]
    mask: NDArray[np.uint8]
    spacing: float


ANGLES = {"AP": 0.0, "LAT": 90.0, "OBL": 42.0}


def draw_exam(rng: np.random.Generator) -> Exam:
    """One visit's settings; margins are shares of the picture: left, right, top, bottom."""
    return Exam(float(rng.normal(0, 0.08)), rng.uniform(0.0, 0.09, size=4))


def draw_view(rng: np.random.Generator, name: str, anatomy: Anatomy, exam: Exam) -> View:
    """How this exposure was made: never twice alike, even for one patient."""
    turn = ANGLES[name] * (1 if name != "OBL" or rng.random() < 0.5 else -1)
    margins = np.clip(exam.margins + rng.normal(0, 0.006, size=4), 0, 0.12).tolist()
    return View(
        name=name,
        angle=math.radians(turn + rng.normal(0, 5)),
        flexion=math.radians(rng.uniform(12, 32)),
        tilt=math.radians(rng.normal(0, 3)),
        shift=(float(rng.normal(0, 5)), float(rng.normal(0, 7))),
        field_mm=float(rng.uniform(188, 222) * (0.35 + 0.65 * anatomy.scale)),
        exposure=exam.exposure + float(rng.normal(0, 0.02)),
        collimation=(margins[0], margins[1], margins[2], margins[3]),
    )


def turned(u: Field, y: Field, angle: float) -> tuple[Field, Field]:
    """Coordinates of the same points in axes turned by `angle` radians."""
    cos, sin = math.cos(angle), math.sin(angle)
    return cos * u + sin * y, cos * y - sin * u


def grid(view: View, shape: tuple[int, int], anatomy: Anatomy) -> tuple[Field, Field, float]:
    """Knee coordinates (mm of a scale-1 knee) of each pixel, and mm a pixel at the detector."""
    spacing = view.field_mm / max(shape)
    rows = (np.arange(shape[0], dtype=np.float32) - (shape[0] - 1) / 2) * spacing - view.shift[1]
    columns = (np.arange(shape[1], dtype=np.float32) - (shape[1] - 1) / 2) * spacing - view.shift[0]
    if anatomy.right:  # seen from the front, a right knee's fibula is on the left of the film
        columns = -columns
    y, u = np.meshgrid(rows / anatomy.scale, columns / anatomy.scale, indexing="ij")
    u, y = turned(u, y, view.tilt)
    return u.astype(np.float32), y.astype(np.float32), spacing


def attenuation(
    anatomy: Anatomy, lesions: tuple[Lesion, ...], view: View, shape: tuple[int, int]
) -> tuple[Field, NDArray[np.bool_], float]:
    """Noise-free log signal (rows, columns), the tumours' mask and mm a pixel."""
    u, y, spacing = grid(view, shape, anatomy)
    bend = view.flexion * math.sin(view.angle) ** 2
    lean = math.radians(anatomy.valgus) * math.cos(view.angle)
    upper = turned(u, y, bend - lean)
    femur = knee.femur(anatomy, *upper, view.angle)
    tibia = knee.tibia(anatomy, u, y, view.angle)
    inside, soft = knee.leg(anatomy, u, y, view.angle)
    bone = knee.bone_mm(femur, anatomy) + knee.bone_mm(tibia, anatomy)
    extra = (
        knee.patella(anatomy, *upper, view.angle),
        knee.fibula(anatomy, u, y, view.angle),
    )
    for depth, radius in extra:
        bone += small_bone_mm(depth, radius, anatomy)
    mask = np.zeros(shape, dtype=bool)
    for lesion in lesions:
        part = femur if lesion.bone == "femur" else tibia
        change = draw_lesion(part, anatomy, lesion, view.angle)
        bone = bone + change.bone * (inside > 0)  # nothing grows through the skin
        soft = soft + change.soft * (inside > 0)
        if lesion.kind == "osteosarcoma":
            mask |= change.where & (inside > 0)
    signal = BONE * np.maximum(bone, 0) * anatomy.scale + MUSCLE * soft * anatomy.scale
    return signal.astype(np.float32), mask, spacing


def small_bone_mm(inside: Field, radius: float, anatomy: Anatomy) -> Field:
    """Patella and fibula: a thin shell over a spongy core, mm of compact bone."""
    core = knee.chord(inside - 2, radius - 2)
    return 0.75 * (knee.chord(inside, radius) - core) + 0.2 * anatomy.density * core


def stored(
    signal: Field,
    view: View,
    scanner: Scanner,
    spacing: float,
    noise: float,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """What the detector stores: scatter, blur, quantum noise, tone, 12 bits, collimator edges."""
    sharp = ndimage.gaussian_filter(signal, scanner.blur_mm / spacing + 0.35, truncate=3)
    rows, columns = signal.shape
    coarse = ndimage.gaussian_filter(signal[::8, ::8], 3)
    haze = ndimage.zoom(coarse, (rows / coarse.shape[0], columns / coarse.shape[1]), order=1)
    # Fewer photons pass where much is in the way: noise of the log signal grows as exp(signal / 2).
    grain = rng.standard_normal(signal.shape, dtype=np.float32) * np.exp(0.25 * sharp)
    value = 0.85 * sharp + 0.15 * haze + scanner.noise * noise * grain + view.exposure
    grey = scanner.offset + scanner.gain * value
    left, right, top, bottom = view.collimation
    grey[: int(top * rows)], grey[rows - int(bottom * rows) :] = 0, 0
    grey[:, : int(left * columns)], grey[:, columns - int(right * columns) :] = 0, 0
    whole = np.clip(np.rint(grey), 0, LARGEST).astype(np.uint16)
    return LARGEST - whole if scanner.monochrome == "MONOCHROME1" else whole


def take_picture(
    rng: np.random.Generator,
    anatomy: Anatomy,
    lesions: tuple[Lesion, ...],
    view: View,
    scanner: Scanner,
    shape: tuple[int, int],
    noise: float,
) -> Picture:
    """One radiograph of `shape` (rows, columns) with the mask of its tumours."""
    signal, mask, spacing = attenuation(anatomy, lesions, view, shape)
    pixels = stored(signal, view, scanner, spacing, noise, rng)
    return Picture(pixels, mask.astype(np.uint8), spacing)
