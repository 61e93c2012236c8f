"""Where a point of an original lies on the square that a network is shown, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
    def of(cls, rows: int, columns: int, size: int, mode: str = "stretch") -> Laying:
        """The laying of an original.

        Args:
            rows, columns: of the original.
            size: side of the square, px.
            mode: stretch or letterbox, see `osteon.imaging.resize.resize`.

        Raises:
            ValueError: another mode, or a size or side below 1.
        """
        if mode not in ("stretch", "letterbox"):
            raise ValueError(f"mode: {mode!r} is not one of stretch, letterbox")
        if min(rows, columns, size) < 1:
            raise ValueError(
                f"rows, columns, size: {(rows, columns, size)} found, 1 or more needed"
            )
        if mode == "stretch":
            return cls((size / columns, size / rows), (0.0, 0.0))
        scale = size / max(rows, columns)
        height, width = max(1, round(rows * scale)), max(1, round(columns * scale))
        place = ((size - width) // 2, (size - height) // 2)
        return cls((width / columns, height / rows), (float(place[0]), float(place[1])))

    def to_square(self, boxes: NDArray[np.floating]) -> Floats:
        """Boxes (..., 4), x0, y0, x1, y1 in px of the original → in px of the square."""
        return np.asarray(boxes, np.float64) * (self.scale * 2) + (self.offset * 2)

    def to_original(self, boxes: NDArray[np.floating]) -> Floats:
        """Boxes (..., 4) in px of the square → in px of the original, not cut at its border."""
        return (np.asarray(boxes, np.float64) - (self.offset * 2)) / (self.scale * 2)
