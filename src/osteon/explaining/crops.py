"""The part of an original that a network was given: a box of whole pixels, and its place on tiles.

NumPy only. A crop is (x0, y0, x1, y1) in kept pixels of the archive, half-open: the columns
`crop_x0` to `crop_y1` of the samples table.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

Crop = tuple[int, int, int, int]
COLUMNS = ("crop_x0", "crop_y0", "crop_x1", "crop_y1")


def checked(crop: Sequence[int], shape: tuple[int, int]) -> Crop:
    """The crop as whole numbers.

    Args:
        crop: x0, y0, x1, y1; shape: rows and columns of the original.

    Raises:
        ValueError: it holds no pixel, or reaches beyond the original.
    """
    x0, y0, x1, y1 = (int(value) for value in crop)
    if not (0 <= x0 < x1 <= shape[1] and 0 <= y0 < y1 <= shape[0]):
        raise ValueError(
            f"crop: {[x0, y0, x1, y1]} found, x0 < x1 from 0 to {shape[1]} and y0 < y1 from 0 to "
            f"{shape[0]} allowed"
        )
    return x0, y0, x1, y1


def cut(image: NDArray[Any], crop: Sequence[int]) -> NDArray[Any]:
    """The pixels of an original (H, W, ...) that lie in the crop: a view, nothing is copied.

    Raises:
        ValueError: as `checked`.
    """
    x0, y0, x1, y1 = checked(crop, (image.shape[0], image.shape[1]))
    return image[y0:y1, x0:x1]


def is_whole(crop: Sequence[int], shape: tuple[int, int]) -> bool:
    """Whether the crop is all of an original of this many rows and columns."""
    return tuple(int(value) for value in crop) == (0, 0, shape[1], shape[0])


def scaled(crop: Sequence[int], shape: tuple[int, int], at: tuple[int, int]) -> Crop:
    """The crop on a picture of the same original at another size, to the nearest pixel.

    Args:
        crop: on the original; shape: its rows and columns; at: those of the picture.

    Returns:
        x0, y0, x1, y1, one pixel or more; the crop itself where both sizes are the same.

    Raises:
        ValueError: as `checked`.
    """
    x0, y0, x1, y1 = checked(crop, shape)
    left, right = _ends(x0, x1, shape[1], at[1])
    top, bottom = _ends(y0, y1, shape[0], at[0])
    return left, top, right, bottom


def _ends(first: int, last: int, of: int, to: int) -> tuple[int, int]:
    start = min(round(first * to / of), to - 1)
    return start, max(start + 1, round(last * to / of))
