"""Distances between the boundaries of two masks in mm: surface Dice and Hausdorff, 2-D and 3-D.

The boundary of a mask is the set of its pixels with a neighbour (4 in 2-D, 6 in 3-D) outside the
mask; beyond the image is outside. A distance runs between pixel centres. This is the convention of
MONAI without sub-voxels, which the tests compare with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from osteon.measures.discrimination import Bools, Floats

# Distances are square roots: 0.3 mm may come out as 0.30000000000000004.
SLACK = 1e-9


class MaskError(ValueError):
    """Masks or spacing that cannot be judged; names the argument, what was found, what may be."""


@dataclass(frozen=True)
class Surfaces:
    """Distances between the boundaries of a predicted and a reference mask.

    Attributes:
        from_prediction: (a,) mm, from each boundary pixel of the prediction to the nearest one of
            the reference; inf where the reference is empty.
        from_reference: (b,) mm, the other way round; inf where the prediction is empty.
        diagonal: mm, of the whole image: stands for inf in `hausdorff`.
    """

    from_prediction: Floats
    from_reference: Floats
    diagonal: float


def as_mask(name: str, mask: ArrayLike) -> Bools:
    """The mask as bool, (H, W) or (D, H, W).

    Raises:
        MaskError: neither 2-D nor 3-D, no pixel at all, or a value other than 0 and 1.
    """
    array = np.asarray(mask)
    if array.ndim not in (2, 3) or not array.size:
        raise MaskError(f"{name}: shape {array.shape} found, (H, W) or (D, H, W) allowed")
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "uif" or not np.isin(array, (0, 1)).all():
        odd = [value for value in np.unique(array)[-3:].tolist() if value not in (0, 1)]
        raise MaskError(f"{name}: {array.dtype} with {odd} found, only 0 and 1 or bool allowed")
    return array.astype(bool)


def as_pair(prediction: ArrayLike, reference: ArrayLike) -> tuple[Bools, Bools]:
    """Both masks as bool; raises MaskError where the shapes differ."""
    first, second = as_mask("prediction", prediction), as_mask("reference", reference)
    if first.shape != second.shape:
        raise MaskError(
            f"prediction: shape {first.shape} found, the shape of reference {second.shape} needed"
        )
    return first, second


def as_spacing(spacing: Sequence[float], axes: int) -> tuple[float, ...]:
    """Distance of neighbouring pixel centres along each array axis, mm.

    Raises:
        MaskError: not one positive, finite number an axis.
    """
    values = tuple(float(value) for value in spacing)
    if len(values) != axes or not all(np.isfinite(value) and value > 0 for value in values):
        raise MaskError(f"spacing: {values} found, {axes} positive numbers (mm, by axis) needed")
    return values


def boundary(mask: Bools) -> Bools:
    """Pixels of a mask that touch its outside, same shape."""
    return mask & ~ndimage.binary_erosion(mask)


def surface_distances(
    prediction: ArrayLike, reference: ArrayLike, spacing: Sequence[float]
) -> Surfaces:
    """Distances between the two boundaries, both ways.

    Args:
        prediction, reference: (H, W) or (D, H, W) of 0 and 1; spacing: mm along each axis.

    Raises:
        MaskError: shapes, values or spacing that cannot be judged.
    """
    first, second = as_pair(prediction, reference)
    step = as_spacing(spacing, first.ndim)
    diagonal = float(np.hypot.reduce(np.array(first.shape) * np.array(step)))
    box = ndimage.find_objects((first | second).astype(np.uint8))
    if not box:
        return Surfaces(np.empty(0), np.empty(0), diagonal)
    # Beyond the box both masks are 0, so that cutting changes neither boundary nor distance.
    edges, others = boundary(first[box[0]]), boundary(second[box[0]])
    return Surfaces(nearest(edges, others, step), nearest(others, edges, step), diagonal)


def nearest(start: Bools, goal: Bools, step: tuple[float, ...]) -> Floats:
    """From each True of `start` the distance to the nearest True of `goal`, inf without one."""
    if not goal.any():
        return np.full(int(start.sum()), np.inf)
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(~goal, sampling=step)
    return distance[start]


def surface_dice(surfaces: Sequence[Surfaces], tolerance: float) -> float:
    """Normalised surface Dice (NSD): share of both boundaries within `tolerance` of the other.

    Args:
        surfaces: of one patient, one entry an image or volume; their boundary pixels are pooled.
        tolerance: mm, 0 or more.

    Returns:
        0..1; NaN where all masks are empty. Nikolov et al. 2021 (J Med Internet Res 23:e26151),
        here with each boundary pixel counted once, as MONAI does, not weighted by its area.

    Raises:
        MaskError: the tolerance is negative or not a number.
    """
    if not np.isfinite(tolerance) or tolerance < 0:
        raise MaskError(f"tolerance: {tolerance} found, 0 mm or more needed")
    distances = [d for one in surfaces for d in (one.from_prediction, one.from_reference)]
    points = sum(len(d) for d in distances)
    within = sum(int(np.sum(d <= tolerance * (1 + SLACK))) for d in distances)
    return within / points if points else float("nan")


def hausdorff(surfaces: Sequence[Surfaces], percentile: float = 95.0) -> float:
    """Hausdorff distance: the larger of the two directed percentiles of the distances.

    Args:
        surfaces: as for `surface_dice`; percentile: 95 for HD95, 100 for the maximum.

    Returns:
        mm; NaN where all masks are empty. Where one of the two masks of an image is empty, its
        distances are the diagonal of the image, the worst there can be, as BraTS does (373.1 mm
        for 240 x 240 x 155 mm): an empty answer must not read better than a wrong one.
        Huttenlocher et al. 1993 (IEEE TPAMI 15:850).

    Raises:
        MaskError: the percentile is outside 0..100.
    """
    if not 0 <= percentile <= 100:
        raise MaskError(f"percentile: {percentile} found, 0 to 100 allowed")
    ends = []
    for side in ("from_prediction", "from_reference"):
        capped = [np.minimum(getattr(one, side), one.diagonal) for one in surfaces]
        distances = np.concatenate([np.empty(0), *capped])
        if len(distances):
            ends.append(float(np.percentile(distances, percentile)))
    return max(ends, default=float("nan"))
