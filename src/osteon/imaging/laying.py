"""Where a point of an original lies on the square that a network is shown, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Field = tuple[float, float]
"""Rows and columns of an original that fill the square, px, not rounded."""
MODES = ("stretch", "letterbox")
ROUNDING = 1e-6
"""By how much of a pixel a field may fall short of whole pixels, as 0.15 mm / 0.05 mm does of 3."""


@dataclass(frozen=True, slots=True)
class Laying:
    """How `osteon.imaging.resize.resize` lays an original on a square.

    Attributes:
        scale: square px an original px, along x and along y.
        offset: of the original's corner on the square, px, along x and along y.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]

    @classmethod
    def of(
        cls, rows: int, columns: int, size: int, mode: str = "stretch", field: Field | None = None
    ) -> Laying:
        """The laying of an original.

        Args:
            rows, columns: of the original.
            size: side of the square, px.
            mode: stretch or letterbox, see `osteon.imaging.resize.resize`.
            field: rows and columns that would fill the square, for a letterbox whose pixels have
                the same size in every image; None: the original's longer side fills it.

        Raises:
            ValueError: another mode, a size or side below 1, or a field with `stretch`, without
                extent, or smaller than the original.
        """
        if mode not in MODES:
            raise ValueError(f"mode: {mode!r} is not one of {', '.join(MODES)}")
        if min(rows, columns, size) < 1:
            raise ValueError(
                f"rows, columns, size: {(rows, columns, size)} found, 1 or more needed"
            )
        if field is not None:
            _check_field(field, rows, columns, mode)
        if mode == "stretch":
            return cls((size / columns, size / rows), (0.0, 0.0))
        longest = max(rows, columns)
        tall, wide = (longest, longest) if field is None else field
        height = min(size, max(1, round(rows * (size / tall))))
        width = min(size, max(1, round(columns * (size / wide))))
        place = ((size - width) // 2, (size - height) // 2)
        return cls((width / columns, height / rows), (float(place[0]), float(place[1])))

    def picture(self, rows: int, columns: int) -> tuple[int, int, int, int]:
        """Where an original of this size lies: x0, y0, x1, y1 in whole px, the bars left out."""
        corners = self.to_square(np.array([0.0, 0.0, columns, rows]))
        x0, y0, x1, y1 = (int(one) for one in np.rint(corners))
        return x0, y0, x1, y1

    def to_square(self, boxes: NDArray[np.floating]) -> Floats:
        """Boxes (..., 4), x0, y0, x1, y1 in px of the original → in px of the square."""
        return np.asarray(boxes, np.float64) * (self.scale * 2) + (self.offset * 2)

    def to_original(self, boxes: NDArray[np.floating]) -> Floats:
        """Boxes (..., 4) in px of the square → in px of the original, not cut at its border."""
        return (np.asarray(boxes, np.float64) - (self.offset * 2)) / (self.scale * 2)


def fits(field: Field) -> tuple[int, int]:
    """The most rows and columns of whole px that a field holds, at least 1."""
    rows, columns = (max(1, math.floor(side + ROUNDING)) for side in field)
    return rows, columns


def _check_field(field: Field, rows: int, columns: int, mode: str) -> None:
    if mode != "letterbox":
        raise ValueError(f"field: given with mode {mode}; it needs letterbox")
    if not (np.isfinite(field).all() and min(field) > 0):
        raise ValueError(f"field: {field} px found, two positive numbers needed")
    most = fits(field)
    if rows > most[0] or columns > most[1]:
        raise ValueError(
            f"rows, columns: {(rows, columns)} found, at most {most} allowed, which the field holds"
        )


def found_on_originals(
    numbers: NDArray[np.floating], laid: Sequence[Laying], shapes: NDArray[np.integer]
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """What a detector found on squares, on the originals and cut at their borders.

    Args:
        numbers: N × top × 6, x0, y0, x1, y1 in px of the square and two probabilities; NaN for no
            box.
        laid: how each original lies on its square.
        shapes: N × 2, rows and columns of the originals.

    Returns:
        of each box its original's place (B,), its corners B × 4 and its probabilities B × 2. A box
        of which nothing lies on the original is left out.
    """
    at, rank = np.nonzero(np.isfinite(numbers[..., 0]))
    own = np.asarray(numbers[at, rank], np.float64)
    # All boxes at once: box by box it takes as long as a small network.
    offset, scale = (
        np.reshape([values * 2 for values in how], (-1, 4))[at]
        for how in ([one.offset for one in laid], [one.scale for one in laid])
    )
    limits = np.asarray(shapes)[at][:, [1, 0, 1, 0]]
    boxes = np.clip((own[:, :4] - offset) / scale, 0, limits)
    kept = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return at[kept].astype(np.int64), boxes[kept], own[kept, 4:6]
