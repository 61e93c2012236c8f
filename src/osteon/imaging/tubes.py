"""Tubes: one square of several slices of a series, for a sequence classifier. NumPy and Pillow.

Paper: Liu H. et al., Insights into Imaging 2022, doi 10.1186/s13244-022-01227-2, on the second
stage. A tube is cut by one box, the largest of the series, of the same size and at the same place
on all slices. Which slices: with equal chances N of those with a tumour label, or by their DICOM
order; "extraction was repeated" where there are fewer than N.

Boxes are x0, y0, x1, y1 in pixels, continuous, ends excluded: pixel (0, 0) reaches from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

Box = tuple[float, float, float, float]
Rows = NDArray[np.int64]


def choose_labelled(labelled: ArrayLike, n: int, rng: np.random.Generator) -> Rows:
    """Slices of a tube out of the labelled ones.

    Args:
        labelled: (S,) bool, in the order along the normal.
        n: slices of the tube, 1 or more.
        rng: drawn from only where there are more than n labelled slices.

    Returns:
        (n,) places in the series. n or more labelled: drawn without replacement, sorted. Fewer: all
        of them, repeated cyclically in their order (a, b, c, a, b, ...).

    Raises:
        ValueError: no slice is labelled, another shape, or n is below 1.
    """
    labelled = _series(labelled)
    _check_count(n)
    places = np.flatnonzero(labelled).astype(np.int64)
    if not len(places):
        raise ValueError(f"labelled: none of {len(labelled)} slices is, one or more needed")
    if len(places) > n:
        return np.sort(rng.choice(places, n, replace=False))
    return places[np.arange(n) % len(places)]


def choose_by_index(count: int, centre: int, n: int) -> Rows:
    """n consecutive slices around one; beyond the ends of the series its last slice is repeated.

    Args:
        count: slices of the series; centre: place of the slice with the box, 0 to count - 1.
        n: slices of the tube, 1 or more; if even, there is one more behind the centre than before.

    Returns:
        (n,) places in the series, never falling; the same input always gives the same.

    Raises:
        ValueError: `centre` is not in the series, or n is below 1.
    """
    _check_count(n)
    if not 0 <= centre < count:
        raise ValueError(f"centre: {centre} found, 0 to {count - 1} allowed ({count} slices)")
    first = centre - (n - 1) // 2
    return np.clip(np.arange(first, first + n, dtype=np.int64), 0, count - 1)


def choose_in_training(
    labelled: ArrayLike,
    centre: int,
    n: int,
    rng: np.random.Generator,
    labelled_share: float = 0.5,
) -> Rows:
    """Slices of a training tube: of the labelled ones or by index, as chance has it.

    Args:
        labelled, n, rng: as in `choose_labelled`; centre: as in `choose_by_index`.
        labelled_share: probability of the labelled ones, 0..1; a series without a label is always
            read by index.

    Returns:
        (n,) places in the series.

    Raises:
        ValueError: as the two, or a share out of range.
    """
    if not 0 <= labelled_share <= 1:
        raise ValueError(f"labelled_share: {labelled_share} found, 0 to 1 allowed")
    labelled = _series(labelled)
    # Drawn in any case: what comes after it from `rng` is then the same with and without labels.
    drawn = rng.random() < labelled_share
    if drawn and labelled.any():
        return choose_labelled(labelled, n, rng)
    return choose_by_index(len(labelled), centre, n)


def largest(boxes: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """The box with the largest area; of equal ones that on the first slice, then the first.

    Args:
        boxes: each (slice, x0, y0, x1, y1, ...), all in one frame.

    Raises:
        ValueError: there is none.
    """
    if not boxes:
        raise ValueError("boxes: none found, one or more needed")
    return min(boxes, key=lambda box: (-_area(box[1:5]), box[0]))


def tube_box(box: Sequence[float], height: int, width: int, margin: float = 0.1) -> Box:
    """The square that a tube is cut by: the box's centre, its longer side and a margin.

    It may reach beyond the image; `cut_tube` continues the image's border there.

    Args:
        box: x0, y0, x1, y1 on an image of `height` rows and `width` columns.
        margin: added on each side, as a share of the longer side, 0 or more.

    Returns:
        x0, y0, x1, y1, of equal sides.

    Raises:
        ValueError: a box without area or wholly outside the image, or a negative margin.
    """
    x0, y0, x1, y1 = (float(value) for value in box[:4])
    if not (x0 < x1 and y0 < y1 and x0 < width and y0 < height and x1 > 0 and y1 > 0):
        raise ValueError(
            f"box: {[x0, y0, x1, y1]} found, x0 < x1 and y0 < y1 allowed, with a part of it inside "
            f"{width} columns × {height} rows"
        )
    if not margin >= 0:
        raise ValueError(f"margin: {margin} found, 0 or more allowed")
    half = max(x1 - x0, y1 - y0) * (0.5 + margin)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - half, y - half, x + half, y + half


def cut_tube(
    slices: Sequence[NDArray[Any]],
    box: Sequence[float],
    side: int,
    *,
    shape: tuple[int, int] | None = None,
) -> NDArray[np.float32]:
    """The box of all slices, at one size.

    Bilinear with support that grows with the reduction, which is what makes it antialiased. Outside
    an image its border pixels are continued: zeros would draw an edge that no patient has.

    Args:
        slices: N images H × W (or H × W × 3, whose channels are averaged) of any dtype with finite
            values; one of another size than the first is cut at the same part of its sides.
        box: x0, y0, x1, y1, as a rule of `tube_box`; side: of the squares, px.
        shape: rows and columns of the image that the box is on; None = those of the first slice.

    Returns:
        (N, side, side) float32, in the values of the slices.

    Raises:
        ValueError: no slice, a slice of another shape, a box without area, or a side below 1.
    """
    if not len(slices) or side < 1:
        raise ValueError(f"slices: {len(slices)} with side {side} found, 1 or more of both allowed")
    frame = shape or (slices[0].shape[0], slices[0].shape[1])
    tube = np.empty((len(slices), side, side), np.float32)
    for place, pixels in enumerate(slices):
        if place and pixels is slices[place - 1]:  # the last of a series, repeated: cut once
            tube[place] = tube[place - 1]
        else:
            tube[place] = _cut(pixels, scale_box(box, frame, pixels.shape[:2]), side)
    return tube


def scale_box(box: Sequence[float], shape: Sequence[int], to: Sequence[int]) -> Box:
    """A box of an image with this many rows and columns, on the same image at another size.

    Args:
        box: x0, y0, x1, y1; shape, to: rows and columns.
    """
    x0, y0, x1, y1 = (float(value) for value in box[:4])
    down, across = to[0] / shape[0], to[1] / shape[1]
    return x0 * across, y0 * down, x1 * across, y1 * down


def standardise(tube: NDArray[Any]) -> NDArray[np.float32]:
    """A tube of mean 0 and deviation 1 over all its pixels; a constant one becomes 0 throughout.

    Args:
        tube: N × side × side, finite.

    Returns:
        float32 of the same shape.
    """
    mean = tube.mean(dtype=np.float64)
    centred = tube - mean
    deviation = np.sqrt(np.square(centred).mean())
    # What rounding leaves of a constant tube must not be blown up to noise.
    if not deviation > 1e-6 * max(1e-6, abs(mean)):
        return np.zeros(tube.shape, np.float32)
    return (centred / deviation).astype(np.float32)


def project(boxes: Sequence[Sequence[float]], box: Sequence[float], side: int) -> list[Box]:
    """Boxes of one slice as they lie on its square of the tube.

    Args:
        boxes: each x0, y0, x1, y1, ... in the frame of `box`.
        box: of the tube, x0, y0, x1, y1; side: of its squares, px.

    Returns:
        x0, y0, x1, y1 in px of the square, cut off at its border (0 to side); boxes that lie wholly
        outside are left out.
    """
    left, top, right, bottom = (float(value) for value in box[:4])
    width, height = right - left, bottom - top
    found = []
    for one in boxes:
        x0, x1 = (min(max((float(x) - left) / width, 0.0), 1.0) * side for x in (one[0], one[2]))
        y0, y1 = (min(max((float(y) - top) / height, 0.0), 1.0) * side for y in (one[1], one[3]))
        if x0 < x1 and y0 < y1:
            found.append((x0, y0, x1, y1))
    return found


def _cut(pixels: NDArray[Any], box: Box, side: int) -> NDArray[np.float32]:
    """One slice's square. Only what the resampling reads is touched: the rest costs nothing."""
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or not pixels.size:
        raise ValueError(f"slices: shape {pixels.shape} found, H × W or H × W × 3 allowed")
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise ValueError(f"box: {list(box)} found, x0 < x1 and y0 < y1 allowed")
    rows, columns = _reach(y0, y1, side), _reach(x0, x1, side)
    part = np.asarray(_window(pixels, rows, columns), np.float32)
    part = part.mean(axis=2) if part.ndim == 3 else part
    at = (x0 - columns.start, y0 - rows.start, x1 - columns.start, y1 - rows.start)
    picture = Image.fromarray(np.ascontiguousarray(part))
    return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR, box=at))


def _reach(low: float, high: float, side: int) -> range:
    """Pixels that the resampling of low..high to `side` pixels reads, and one more at each end."""
    support = int(np.ceil(max(1.0, (high - low) / side))) + 1
    return range(int(np.floor(low)) - support, int(np.ceil(high)) + support)


def _window(pixels: NDArray[Any], rows: range, columns: range) -> NDArray[Any]:
    """Some rows and columns of an image, its border pixels continued beyond it."""
    height, width = pixels.shape[:2]
    if min(rows.start, columns.start) >= 0 and rows.stop <= height and columns.stop <= width:
        return pixels[rows.start : rows.stop, columns.start : columns.stop]
    inside = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    return np.asarray(pixels[inside[0][:, None], inside[1]])


def _area(box: Sequence[Any]) -> float:
    return (float(box[2]) - float(box[0])) * (float(box[3]) - float(box[1]))


def _series(labelled: ArrayLike) -> NDArray[np.bool_]:
    found = np.asarray(labelled)
    if found.ndim != 1 or found.dtype != np.bool_:
        raise ValueError(
            f"labelled: shape {found.shape} of {found.dtype} found, (slices,) of bool allowed"
        )
    return found


def _check_count(n: int) -> None:
    if n < 1:
        raise ValueError(f"n: {n} found, 1 or more allowed")
