"""Resize with antialiasing, by Pillow: the same result on every machine and in every process."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osteon.imaging.laying import MODES, Field, Laying
from osteon.imaging.picture import Array


def resize(
    image: Array, size: int, mode: str = "stretch", field: Field | None = None
) -> NDArray[np.uint8]:
    """An image as 8 bits on a square.

    Bilinear with support that grows with the reduction, which is what makes it antialiased.

    Args:
        image: (H, W) or (H, W, 3), uint8 or uint16 display values over the full range of the type.
            HU must pass a window first.
        size: side of the square, px, at least 1.
        mode: stretch (aspect not kept) or letterbox (aspect kept, centred, black bars).
        field: of a letterbox, rows and columns of this image's px that fill the square, see
            `osteon.imaging.laying.Laying.of`; None: its longer side does.

    Returns:
        (size, size) or (size, size, 3) uint8, 0..255.

    Raises:
        ValueError: a mode, size, shape, dtype or field that is not one of these.
    """
    _check(size, mode)
    return _on_square(to_uint8(image), size, mode, field, _scaled)


def resize_labels(
    labels: Array, size: int, mode: str = "stretch", field: Field | None = None
) -> NDArray[np.uint8]:
    """A label map on a square, where `resize` puts its image: each pixel its nearest neighbour's.

    Args:
        labels: (H, W) uint8 or bool.
        size: side of the square, px, at least 1.
        mode: stretch or letterbox; the bars of a letterbox are 0.
        field: as in `resize`.

    Returns:
        (size, size) uint8 with no value that `labels` has not (but 0 for the bars).

    Raises:
        ValueError: a mode, size, shape, dtype or field that is not one of these.
    """
    _check(size, mode)
    if labels.ndim != 2 or not labels.size:
        raise ValueError(f"labels: shape {labels.shape} is not (H, W) with pixels")
    if labels.dtype not in (np.uint8, np.bool_):
        raise ValueError(f"labels: dtype {labels.dtype} is not uint8 or bool")
    return _on_square(labels.astype(np.uint8), size, mode, field, shrink_mask)


def _check(size: int, mode: str) -> None:
    if mode not in MODES:
        raise ValueError(f"mode: {mode!r} is not one of {', '.join(MODES)}")
    if size < 1:
        raise ValueError(f"size: {size} is below 1")


def _on_square(
    image: NDArray[np.uint8],
    size: int,
    mode: str,
    field: Field | None,
    scaled: Callable[[NDArray[np.uint8], int, int], NDArray[np.uint8]],
) -> NDArray[np.uint8]:
    """An image as `scaled` brings it to rows × columns, filling the square or amid black bars."""
    rows, columns = image.shape[:2]
    x0, y0, x1, y1 = Laying.of(rows, columns, size, mode, field).picture(rows, columns)
    if (x0, y0, x1, y1) == (0, 0, size, size):
        return scaled(image, size, size)
    canvas = np.zeros((size, size, *image.shape[2:]), np.uint8)
    canvas[y0:y1, x0:x1] = scaled(image, y1 - y0, x1 - x0)
    return canvas


def to_uint8(image: Array) -> NDArray[np.uint8]:
    """Display values of 8 or 16 bits as 8 bits, rounded (65535 becomes 255).

    Raises:
        ValueError: another dtype or shape.
    """
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3) or not image.size:
        raise ValueError(f"image: shape {image.shape} is not (H, W) or (H, W, 3) with pixels")
    if image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    if image.dtype != np.uint16:
        raise ValueError(
            f"image: dtype {image.dtype} is not uint8 or uint16; HU must pass a window first"
        )
    return _ROUNDED[image]


# value / 257, rounded, for every 16-bit value: a look-up costs less than the division
_ROUNDED = np.rint(np.arange(65536) / 257.0).astype(np.uint8)


def _scaled(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image.copy()
    picture = Image.fromarray(image)
    return np.array(picture.resize((width, height), Image.Resampling.BILINEAR))


def kept_size(rows: int, columns: int, max_side: int | None) -> tuple[int, int]:
    """Rows and columns after `shrink`: the longer side is at most `max_side`, never enlarged."""
    if max_side is None or max(rows, columns) <= max_side:
        return rows, columns
    scale = max_side / max(rows, columns)
    return max(1, round(rows * scale)), max(1, round(columns * scale))


def shrink(image: Array, max_side: int | None) -> Array:
    """Reduce an image so that its longer side is at most `max_side`, keeping its dtype.

    Args:
        image: (H, W) uint16 or int16, or (H, W, 3) uint8.
        max_side: px; None keeps the size.
    """
    height, width = kept_size(image.shape[0], image.shape[1], max_side)
    if (height, width) == image.shape[:2]:
        return image
    if image.dtype == np.uint8:
        return _scaled(np.asarray(image, np.uint8), height, width)
    image = _block_means(image, min(image.shape[0] // height, image.shape[1] // width))
    if image.shape == (height, width):
        return image
    values = np.asarray(_as_float(image).resize((width, height), Image.Resampling.BILINEAR))
    limits = np.iinfo(image.dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(image.dtype)


def _block_means(image: Array, factor: int) -> Array:
    """Means of factor × factor blocks, rounded half up; the image itself where blocks do not fit.

    Averaging whole blocks first is how Pillow's `reducing_gap` shortens a large reduction; what is
    left for the resampling is less than a factor of two.
    """
    if factor < 2 or image.shape[0] % factor or image.shape[1] % factor:
        return image
    rows = sum((image[i::factor] for i in range(1, factor)), image[::factor].astype(np.int32))
    total = sum((rows[:, i::factor] for i in range(1, factor)), rows[:, ::factor])
    size = factor * factor
    return np.asarray((total + size // 2) // size, image.dtype)


def _as_float(image: Array) -> Image.Image:
    """The same values as a Pillow image of 32-bit floats."""
    if image.dtype == np.uint16 and image.flags.c_contiguous:
        # Pillow maps 16-bit arrays without a copy and widens them in one pass; a floating array
        # it would copy twice, which costs more than the resampling.
        return Image.fromarray(image).convert("F")
    return Image.fromarray(image.astype(np.float32))


def shrink_mask(mask: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """A label map at another size: each pixel takes its nearest neighbour's label."""
    if mask.shape == (rows, columns):
        return mask
    picture = Image.fromarray(np.ascontiguousarray(mask, np.uint8))
    return np.array(picture.resize((columns, rows), Image.Resampling.NEAREST))
