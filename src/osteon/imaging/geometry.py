"""Where slices lie: their order along the normal, and what is wrong with a series.

Pure NumPy on header values. Positions and orientations are DICOM's (PS3.3 C.7.6.2): millimetres in
the patient's left-posterior-superior system. Not for projection radiographs, which have no slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ANGLE = 1.0
"""Degrees up to which two orientations count as the same."""
PLANES = ("sagittal", "coronal", "axial")

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeriesOrder:
    """A series put in order.

    Attributes:
        order: row numbers of the input, first slice first.
        positions: (N,) mm along the normal in that order; NaN without geometry.
        plane: sagittal, coronal, axial, oblique, mixed or unknown.
        spacing: median distance of neighbouring slices, mm; NaN for fewer than two positions.
        warnings: what was found, in plain words without identifiers; empty when all is well.
    """

    order: NDArray[np.int64]
    positions: Vector
    plane: str
    spacing: float
    warnings: tuple[str, ...] = ()


def normal_of(orientation: ArrayLike) -> Vector:
    """The unit normal of a slice: row cosines x column cosines.

    Args:
        orientation: (6,) or (N, 6) ImageOrientationPatient.

    Returns:
        (3,) or (N, 3).

    Raises:
        ValueError: not six numbers, or cosines that are parallel or zero.
    """
    cosines = np.asarray(orientation, np.float64)
    if cosines.shape[-1:] != (6,):
        raise ValueError(f"orientation: shape {cosines.shape} does not end in 6")
    normal = np.cross(cosines[..., :3], cosines[..., 3:])
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    if not np.all(length > 1e-6):
        raise ValueError("orientation: the row and column cosines are parallel or zero")
    return normal / length


def plane_of(orientation: ArrayLike, tolerance: float = 30.0) -> str:
    """The plane of a slice: sagittal, coronal, axial, or oblique.

    Args:
        orientation: (6,) ImageOrientationPatient.
        tolerance: degrees that the normal may lean away from the patient's axis. Knee and spine
            series are routinely angulated by 10 to 25 degrees and are still called sagittal.
    """
    lean = np.degrees(np.arccos(np.clip(np.abs(normal_of(orientation)), 0.0, 1.0)))
    nearest = int(np.argmin(lean))
    return PLANES[nearest] if lean[nearest] <= tolerance else "oblique"


def order_slices(
    positions: Sequence[Sequence[float] | None],
    orientations: Sequence[Sequence[float] | None],
    instances: Sequence[int | None],
    spacings: Sequence[tuple[float, float] | None] | None = None,
) -> SeriesOrder:
    """Order the slices of one series along their normal, and report what is wrong with it.

    Without position and orientation on every slice, or with mixed orientations (several stacks or a
    localizer in one series), the order falls back to InstanceNumber with a warning.

    Args:
        positions: N ImagePositionPatient, mm, or None.
        orientations: N ImageOrientationPatient, or None.
        instances: N InstanceNumber, or None.
        spacings: N pixel spacings, mm, or None.
    """
    warnings = _spacing_warnings(spacings or [])
    usable = [p is not None and _valid(o) for p, o in zip(positions, orientations, strict=True)]
    if not usable or not all(usable):
        missing = len(usable) - sum(usable)
        warnings.append(f"{missing} of {len(usable)} slices lack position or orientation")
        return _by_instance(instances, "unknown", warnings)
    normals = normal_of(np.array(orientations, np.float64))
    lean = np.degrees(np.arccos(np.clip(normals @ normals[0], -1.0, 1.0)))
    planes = {plane_of(o) for o in orientations if o is not None}
    if lean.max() > ANGLE:
        warnings.append(f"mixed orientation: slices lean up to {lean.max():.1f} degrees apart")
        return _by_instance(instances, planes.pop() if len(planes) == 1 else "mixed", warnings)
    points = np.array(positions, np.float64)
    along = points @ normals[0]
    order = np.lexsort((_instance_keys(instances), along))
    along = along[order]
    spacing = _check_steps(along, warnings)
    _check_tilt(points[order], normals[0], warnings)
    return SeriesOrder(order, along, planes.pop(), spacing, tuple(warnings))


def claimed_plane_warning(claimed: str, found: str) -> str | None:
    """What to say when a series is claimed to be in one plane and lies in another; else None."""
    claimed = claimed.strip().lower()
    if claimed not in PLANES or found in ("unknown", claimed):
        return None
    return f"claimed {claimed}, but the slices are {found}"


def _valid(orientation: Sequence[float] | None) -> bool:
    if orientation is None:
        return False
    try:
        normal_of(orientation)
    except ValueError:
        return False
    return True


def _instance_keys(instances: Sequence[int | None]) -> NDArray[np.int64]:
    last = np.iinfo(np.int64).max  # slices without a number come last
    return np.array([last if number is None else number for number in instances], np.int64)


def _by_instance(instances: Sequence[int | None], plane: str, warnings: list[str]) -> SeriesOrder:
    keys = _instance_keys(instances)
    order = np.argsort(keys, kind="stable")
    warnings.append("ordered by InstanceNumber")
    if len(set(keys.tolist())) < len(keys):
        warnings.append("InstanceNumber is missing or repeated")
    return SeriesOrder(order, np.full(len(keys), np.nan), plane, float("nan"), tuple(warnings))


def _check_steps(along: Vector, warnings: list[str]) -> float:
    """Distances of neighbours: repeated positions and gaps; returns the median distance."""
    steps = np.diff(along)
    if not steps.size:
        return float("nan")
    repeated = int((steps < 1e-3).sum())
    if repeated:
        warnings.append(f"{repeated} slices lie where another one lies")
    apart = steps[steps >= 1e-3]
    if not apart.size:
        return float("nan")
    spacing = float(np.median(apart))
    gaps = int((apart > 1.5 * spacing).sum())
    if gaps:
        warnings.append(f"{gaps} gaps: neighbours up to {apart.max():.2f} mm apart")
    uneven = int((np.abs(apart - spacing) > max(0.1 * spacing, 0.02)).sum()) - gaps
    if uneven > 0:
        warnings.append(f"uneven spacing: {uneven} steps differ from {spacing:.2f} mm")
    return spacing


def _check_tilt(points: Vector, normal: Vector, warnings: list[str]) -> None:
    """Whether the stack moves along its normal (a tilted gantry shears it, PS3.3 C.8.2.1)."""
    way = points[-1] - points[0]
    length = float(np.linalg.norm(way))
    if length < 1e-3:
        return
    lean = float(np.degrees(np.arccos(np.clip(abs(way @ normal) / length, 0.0, 1.0))))
    if lean > ANGLE:
        warnings.append(f"tilted: slices are stacked {lean:.1f} degrees off their normal")


def _spacing_warnings(spacings: Sequence[tuple[float, float] | None]) -> list[str]:
    known = np.array([pair for pair in spacings if pair is not None], np.float64)
    if len(known) and not np.allclose(known, known[0], rtol=1e-2, atol=0.0):
        return ["mixed pixel spacing"]
    return []
