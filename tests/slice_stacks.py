"""Planes of slices at any angle, in any order, with gaps."""

import numpy as np

from osteon.imaging.slice_planes import SAGITTAL, SlicePlane

ROWS, COLUMNS = 12, 9


def oblique(seed: int) -> tuple[float, ...]:
    """Cosines of a row and a column at right angles, turned at random."""
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return tuple(axes.T[:2].ravel().tolist())


def stack(
    places: list[int],
    orientation: tuple[float, ...] = SAGITTAL,
    step: float = 3.3,
    shear: float = 0.0,
    rows: int = ROWS,
    columns: int = COLUMNS,
) -> list[SlicePlane]:
    """A plane a place, `step` mm apart along the normal and `shear` mm along the columns."""
    right, down = np.array(orientation).reshape(2, 3)
    start = np.array([-31.25, 12.5, 101.0])
    way = np.cross(right, down) * step + down * shear
    return [
        SlicePlane(rows, columns, tuple((start + at * way).tolist()), orientation, (0.7, 0.6))
        for at in places
    ]


def centre(plane: SlicePlane, row: int, column: int) -> np.ndarray:
    """Centre of a pixel in the patient, mm (PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1)."""
    right, down = np.array(plane.orientation).reshape(2, 3)
    place = np.array(plane.position)
    return place + right * plane.spacing[1] * column + down * plane.spacing[0] * row


def labels(count: int, seed: int = 0, most: int = 2) -> np.ndarray:
    """Label maps of a series, S × 12 × 9."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, most + 1, (count, ROWS, COLUMNS)).astype(np.uint8)
