"""Where the pixels of single slices lie in the patient, and the grid that slices make together.

Coordinates are DICOM's (PS3.3 C.7.6.2.1.1): millimetres, left-posterior-superior, and a slice's
position is the centre of its first pixel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.geometry import ANGLE, normal_of
from osteon.imaging.resize import shrink_mask

SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
"""Rows run to the back, columns to the feet."""
SHARE = 0.05
"""Of the distance of two slices, by which a slice may lie off an even grid."""
TOUCHING = 1e-3
"""Distance in mm below which two slices lie at the same place."""

Masks = NDArray[np.uint8]
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SlicePlane:
    """The pixels of one slice as its file has them.

    Attributes:
        rows, columns: of the file, not of an image that was reduced from it.
        position: centre of the first pixel, mm.
        orientation: cosines of the rows' direction, then of the columns'.
        spacing: of rows, then of columns, mm (PixelSpacing, PS3.3 10.7.1.3).

    Raises:
        ValueError: a size or spacing that is not above 0, or numbers that are no place.
    """

    rows: int
    columns: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, float]

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 1:
            raise ValueError(f"rows, columns: {self.rows} x {self.columns} found, 1 or more")
        if len(self.position) != 3 or not np.isfinite(self.position).all():
            raise ValueError(f"position: {self.position} found, three numbers allowed")
        if not (np.isfinite(self.spacing).all() and min(self.spacing) > 0):
            raise ValueError(f"spacing: {self.spacing} found, two numbers above 0 allowed")
        normal_of(self.orientation)


@dataclass(frozen=True, slots=True)
class SliceGrid:
    """The even grid on which slices lie, perhaps with gaps.

    Attributes:
        places: (S,) number of each slice on the grid, 0 for the first along the normal.
        affine: 4 × 4, (column, row, place) → mm, left-posterior-superior.
        sheared: slices are stacked off their normal, as a tilted gantry stacks them.
    """

    places: NDArray[np.int64]
    affine: Vector
    sheared: bool

    @property
    def depth(self) -> int:
        """Places from the first slice to the last, gaps included."""
        return int(self.places.max()) + 1


def has_planes(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every record of the archive's index says where its slice lies."""
    needed = ("image_position", "image_orientation", "pixel_spacing_mm")
    return all(record[name] for record in records for name in needed)


def planes_of(records: Sequence[Mapping[str, Any]]) -> list[SlicePlane]:
    """The planes of slices, from rows of the archive's index.

    Args:
        records: with the columns `image_position`, `image_orientation`, `pixel_spacing_mm`, `rows`,
            `columns`, `native_rows` and `native_columns`, see `osteon.cohorts.archive.INDEX`.

    Raises:
        ValueError: a slice without position, orientation or spacing; `assumed_planes` helps.
    """
    lacking = sum(not has_planes([record]) for record in records)
    if lacking:
        raise ValueError(
            f"records: {lacking} of {len(records)} lack image_position, image_orientation or "
            "pixel_spacing_mm; without them nobody knows where the slices lie"
        )
    return [_plane(record) for record in records]


def assumed_planes(records: Sequence[Mapping[str, Any]], step: float = 1.0) -> list[SlicePlane]:
    """Sagittal planes for slices whose files do not say where they lie, one beside the other.

    What is written with them can be looked at, and says nothing of where in the patient it is.

    Args:
        records: as in `planes_of`, in their order; those without a spacing have 1 mm a kept pixel.
        step: from one slice to the next, mm.

    Raises:
        ValueError: a step that is not above 0.
    """
    if not step > 0:
        raise ValueError(f"step: {step} found, above 0 mm allowed")
    place = {"image_orientation": json.dumps(SAGITTAL)}
    return [
        _plane(
            {**record, **place, "image_position": json.dumps([at * step, 0.0, 0.0])}
            | {"pixel_spacing_mm": record["pixel_spacing_mm"] or "[1.0, 1.0]"}
        )
        for at, record in enumerate(records)
    ]


def check_parallel(planes: Sequence[SlicePlane]) -> None:
    """Refuse slices of which one could not be laid on another by moving it.

    Raises:
        ValueError: no slice, or other sizes, spacings or orientations than the first one's.
    """
    if not planes:
        raise ValueError("planes: none found, one or more needed")
    first = planes[0]
    for at, plane in enumerate(planes):
        if (plane.rows, plane.columns) != (first.rows, first.columns):
            found = f"{plane.rows} x {plane.columns} px, the first {first.rows} x {first.columns}"
            raise ValueError(f"planes: slice {at} has {found}; one size allowed")
        if not np.allclose(plane.spacing, first.spacing, rtol=1e-3, atol=0):
            raise ValueError(
                f"planes: slice {at} has a spacing of {plane.spacing} mm, the first "
                f"{first.spacing} mm; one spacing allowed"
            )
        lean = max(map(_angle, _axes(plane), _axes(first)))
        if lean > ANGLE:
            raise ValueError(
                f"planes: slice {at} leans {lean:.1f} degrees off the first; {ANGLE} allowed"
            )


def same_place(planes: Sequence[SlicePlane]) -> tuple[int, int] | None:
    """The first two slices whose first pixels lie within `TOUCHING` of each other; None: no two."""
    points = np.array([plane.position for plane in planes], np.float64)
    for at, point in enumerate(points[1:], start=1):
        near = np.flatnonzero(np.linalg.norm(points[:at] - point, axis=1) < TOUCHING)
        if len(near):
            return int(near[0]), at
    return None


def check_maps(masks: Masks, planes: Sequence[SlicePlane]) -> None:
    """Refuse what is no label map a slice.

    Raises:
        ValueError: another dtype than uint8, another shape than (S, H, W), or not S planes.
    """
    if masks.dtype != np.uint8 or masks.ndim != 3 or not masks.size:
        found = f"{masks.dtype} of shape {masks.shape}"
        raise ValueError(f"masks: {found} found, uint8 (S, H, W) with pixels allowed")
    if len(masks) != len(planes):
        raise ValueError(f"planes: {len(planes)} found for {len(masks)} masks")


def maps_of_files(masks: Masks, planes: Sequence[SlicePlane]) -> Masks:
    """Label maps at the size of their files: of another size, each pixel its nearest neighbour's.

    Args:
        masks: (S, H, W) label values.
        planes: S, all of one size.

    Returns:
        (S, rows, columns).
    """
    rows, columns = planes[0].rows, planes[0].columns
    if masks.shape[1:] == (rows, columns):
        return masks
    return np.stack([shrink_mask(mask, rows, columns) for mask in masks])


def grid_of(planes: Sequence[SlicePlane]) -> SliceGrid:
    """The even grid of some slices in any order.

    The distance of two places is the smallest one of two neighbours; a larger one must be a
    multiple of it, a gap. A slice alone has a depth of 1 mm, which nothing hangs on.

    Args:
        planes: S slices of one series.

    Raises:
        ValueError: slices that are not parallel (`check_parallel`), two at one place, or steps that
            make no even grid.
    """
    check_parallel(planes)
    first, points = planes[0], np.array([plane.position for plane in planes], np.float64)
    normal = normal_of(first.orientation)
    along = points @ normal
    order = np.argsort(along)
    steps = np.diff(along[order])
    if len(steps) and steps.min() < TOUCHING:
        raise ValueError("planes: two slices lie at the same place; each place has one")
    smallest = float(steps.min()) if len(steps) else 1.0
    places = np.zeros(len(planes), np.int64)
    places[order[1:]] = np.cumsum(np.rint(steps / smallest).astype(np.int64))
    start, end = points[order[0]], points[order[-1]]
    step = (end - start) / places.max() if len(steps) else normal
    off = np.linalg.norm(start + places[:, None] * step - points, axis=1).max()
    if off > SHARE * smallest:
        raise ValueError(
            f"planes: slices lie up to {off:.3f} mm off an even grid of {smallest:.3f} mm; "
            f"{SHARE * smallest:.3f} mm allowed"
        )
    affine = np.eye(4)
    right, down = _axes(first)
    affine[:3, 0], affine[:3, 1] = right * first.spacing[1], down * first.spacing[0]
    affine[:3, 2], affine[:3, 3] = step, start
    return SliceGrid(places, affine, _angle(step, normal) > ANGLE / 10)


def _plane(record: Mapping[str, Any]) -> SlicePlane:
    rows, columns = int(record["native_rows"]), int(record["native_columns"])
    down, right = json.loads(record["pixel_spacing_mm"])  # of the kept pixels
    return SlicePlane(
        rows,
        columns,
        tuple(json.loads(record["image_position"])),
        tuple(json.loads(record["image_orientation"])),
        (down * int(record["rows"]) / rows, right * int(record["columns"]) / columns),
    )


def _axes(plane: SlicePlane) -> Vector:
    """Unit vectors along a row and down a column, (2, 3)."""
    axes = np.array(plane.orientation, np.float64).reshape(2, 3)
    return axes / np.linalg.norm(axes, axis=1, keepdims=True)


def _angle(one: Vector, other: Vector) -> float:
    """Degrees between two directions."""
    cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
