"""From a network's map on its square to an outline on the image's own pixels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osteon.imaging.laying import Field, Laying
from osteon.measures.discrimination import Bools
from osteon.measures.surfaces import MaskError, as_mask

Map = NDArray[np.float32]
Corners = tuple[int, int, int, int]
HIGHEST = 255
EIGHT = np.ones((3, 3), dtype=np.int64)
"""Pixels that touch at a corner are connected; holes, the complement, are then 4-connected."""


def as_map(name: str, values: ArrayLike) -> Map:
    """A map of probabilities, (H, W) float32 in 0..1, from uint8 in steps of 1/255 or from floats.

    Raises:
        MaskError: another shape or dtype, no pixel, or a value outside 0..1.
    """
    array = np.asarray(values)
    if array.ndim != 2 or not array.size:
        raise MaskError(f"{name}: shape {array.shape} found, (H, W) with pixels needed")
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(HIGHEST)
    if array.dtype.kind != "f":
        raise MaskError(f"{name}: dtype {array.dtype} found, uint8 or a float needed")
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise MaskError(
            f"{name}: values from {array.min()} to {array.max()} found, 0 to 1 allowed, none "
            "missing"
        )
    return array.astype(np.float32)


def laid_back(
    values: ArrayLike,
    rows: int,
    columns: int,
    size: int,
    resize: str = "stretch",
    field: Field | None = None,
) -> Map:
    """A map on the pixels of the image it belongs to.

    Undoes `osteon.imaging.resize.resize`: the bars of a letterbox are cut off first, so that they
    cannot bleed into the picture's border, then the rest is resized by the same bilinear filter
    (antialiased where the image is smaller than the map, as there).

    Args:
        values: (size, size) uint8 in steps of 1/255, or floats in 0..1.
        rows, columns: of the image.
        size: side of the square, px; resize: stretch or letterbox; field: as there.

    Returns:
        (rows, columns) float32 in 0..1.

    Raises:
        MaskError: values that are no map of this size. ValueError: sizes below 1, another mode.
    """
    found = as_map("values", values)
    if found.shape != (size, size):
        raise MaskError(f"values: shape {found.shape} found, size {size} needs {(size, size)}")
    laid = Laying.of(rows, columns, size, resize, field)
    x0, y0, x1, y1 = laid.picture(rows, columns)
    return at_size(found[y0:y1, x0:x1], rows, columns)


def at_size(probability: Map, rows: int, columns: int) -> Map:
    """A map at another size, by the same bilinear filter.

    Args:
        probability: (H, W) float32 in 0..1.

    Returns:
        (rows, columns) float32 in 0..1.
    """
    from PIL import Image

    if probability.shape == (rows, columns):
        return probability.copy()
    picture = Image.fromarray(np.ascontiguousarray(probability))
    resized = picture.resize((columns, rows), Image.Resampling.BILINEAR)
    return np.clip(np.asarray(resized, np.float32), 0, 1)


def on_image(
    values: ArrayLike,
    shape: tuple[int, int],
    crop: Corners,
    size: int,
    resize: str = "stretch",
    field: Field | None = None,
) -> Map:
    """As `laid_back`, for a square that shows a part of the image: nothing is outlined elsewhere.

    Args:
        values, size, resize, field: as there.
        shape: rows and columns of the image; crop: x0, y0, x1, y1 of the part, px.

    Returns:
        shape float32 in 0..1, 0 outside the part.

    Raises:
        MaskError: the part has no pixel or does not lie in the image, or as `laid_back`.
    """
    x0, y0, x1, y1 = crop
    if not (0 <= x0 < x1 <= shape[1] and 0 <= y0 < y1 <= shape[0]):
        raise MaskError(f"crop: {crop} found, a part of {shape[0]} x {shape[1]} px needed")
    whole = np.zeros(shape, np.float32)
    whole[y0:y1, x0:x1] = laid_back(values, y1 - y0, x1 - x0, size, resize, field)
    return whole


def clean(mask: ArrayLike, least_px: int, fill_holes: bool) -> Bools:
    """An outline without crumbs and holes.

    Args:
        mask: (H, W) of 0 and 1.
        least_px: 8-connected parts of fewer pixels are dropped, before holes are filled: a thin
            ring is judged by what was drawn of it, not by what it encloses.
        fill_holes: 4-connected background that does not reach the border becomes part of the mask.

    Returns:
        (H, W) bool; applied twice it changes nothing more.

    Raises:
        MaskError: no 2-D mask of 0 and 1, or a negative number of pixels.
    """
    from scipy import ndimage

    found = as_mask("mask", mask)
    if found.ndim != 2:
        raise MaskError(f"mask: shape {found.shape} found, (H, W) needed")
    if least_px < 0:
        raise MaskError(f"least_px: {least_px} found, 0 or more needed")
    if least_px > 1 and found.any():
        parts, count = ndimage.label(found, EIGHT)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        kept = sizes >= least_px
        kept[0] = False
        found = kept[parts]
    if fill_holes and found.any():
        found = ndimage.binary_fill_holes(found)
    return np.asarray(found, dtype=np.bool_)


def outlined(probability: Map, threshold: float, least_px: int, fill_holes: bool) -> Bools:
    """The outline of a map: called from `threshold` on, then `clean`.

    Args:
        probability: (H, W) in 0..1; the rest as in `osteon.recipes.segmenting.PostprocessConfig`.
    """
    return clean(probability >= threshold, least_px, fill_holes)
