"""Slices of a volume in the patient's coordinates: which axis they lie across, and where.

A volume here has the axes left, posterior, superior (LPS), as DICOM counts them; a slice is shown
with the patient's right on the image's left and the head or the front at the top.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.picture import Array

PLANES = ("SAGITTAL", "CORONAL", "AXIAL")
"""Views of slices across the left, posterior and superior axis."""
SKEW = 1e-3
"""Cosine between rows and columns of a slice, beyond which it has no ImageOrientationPatient."""

Affine = tuple[tuple[float, ...], ...]
Vector = tuple[float, ...]


class Place(NamedTuple):
    """Where a slice lies (PS3.3 C.7.6.2.1.1).

    Attributes:
        position: (3,) ImagePositionPatient: centre of the first pixel, mm.
        orientation: (6,) ImageOrientationPatient: unit vectors along a row and down a column.
    """

    position: Vector
    orientation: Vector


def axes_of(view: str) -> tuple[int, int, int]:
    """LPS axes across the slices, down a column and along a row of a view of `PLANES`."""
    across = PLANES.index(view)
    return across, (1 if across == 2 else 2), (1 if across == 0 else 0)


def cut(volume: Array, view: str) -> Array:
    """The slices of a volume, time after time, rows running down the image; nothing is copied
    before the last step.

    Args:
        volume: (left, posterior, superior, time) or, in colour, with a fifth axis.
        view: one of `PLANES`.

    Returns:
        (frames, rows, columns[, colours]).
    """
    across, down, over = axes_of(view)
    if down == 2:
        volume = volume[:, :, ::-1]  # head at the top
    stack = np.transpose(volume, (3, across, down, over, *range(4, volume.ndim)))
    return stack.reshape(-1, *stack.shape[2:])


def slice_affine(affine: NDArray[np.float64], superior: int, view: str) -> Affine:
    """The map from (column, row, slice, 1) of `cut` to mm in LPS.

    Args:
        affine: (4, 4), from indices (left, posterior, superior, 1) to mm in RAS, as NIfTI writes.
        superior: length of the superior axis.
        view: one of `PLANES`.

    Returns:
        three rows of four numbers; () where the matrix is not finite or flattens an axis.
    """
    if not np.isfinite(affine).all():
        return ()
    across, down, over = axes_of(view)
    turn = np.zeros((4, 4))
    turn[over, 0] = turn[across, 2] = turn[3, 3] = 1.0
    turn[down, 1] = -1.0 if down == 2 else 1.0
    if down == 2:
        turn[2, 3] = superior - 1.0
    found = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine @ turn
    if min(np.linalg.norm(found[:3, :3], axis=0)) < 1e-6:
        return ()
    return tuple(tuple(row) for row in found[:3].tolist())


def places_of(affine: Affine, slices: int) -> tuple[Place, ...] | None:
    """Where the slices of a volume lie; None if nothing says so or DICOM could not.

    Args:
        affine: from `slice_affine`.
        slices: how many there are.
    """
    if not affine:
        return None
    over, down, across, origin = np.asarray(affine).T
    sides = np.concatenate([over / np.linalg.norm(over), down / np.linalg.norm(down)])
    if abs(float(sides[:3] @ sides[3:])) > SKEW:
        return None
    orientation = tuple(sides.tolist())
    return tuple(Place(tuple((origin + k * across).tolist()), orientation) for k in range(slices))
