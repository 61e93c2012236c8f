"""Square patches of a slice on a fixed stride: where they lie, what they are called, which stay.

The patch-extraction and balancing steps of PENN (docs/papers/spinal_penn.md), in NumPy alone. A
patch is named by its top-left pixel (y, x) and is never copied: labels are counted with integral
images (Crow, SIGGRAPH 1984).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RULES = ("fraction", "centre")

Labels = NDArray[np.int8]


def grid_shape(side_y: int, side_x: int, patch: int, stride: int) -> tuple[int, int]:
    """How many patches lie wholly inside an image, down and across.

    Args:
        side_y, side_x: rows and columns of the image, px.
        patch: side of a patch, px.
        stride: from one patch to the next, px, down and across.

    Raises:
        ValueError: the image is smaller than a patch, or a number is below 1.
    """
    if patch < 1 or stride < 1:
        raise ValueError(f"patch, stride: {patch} and {stride} px found, 1 or more allowed")
    if min(side_y, side_x) < patch:
        raise ValueError(
            f"image: {side_y} x {side_x} px found, which is smaller than a patch of "
            f"{patch} x {patch} px"
        )
    return (side_y - patch) // stride + 1, (side_x - patch) // stride + 1


def positions(side_y: int, side_x: int, patch: int, stride: int) -> NDArray[np.int32]:
    """Top-left pixels of the patches that lie wholly inside an image.

    What is left at the right and lower border, less than a stride, is not covered.

    Args:
        side_y, side_x, patch, stride: as in `grid_shape`.

    Returns:
        P × 2, (y, x), row by row: reshaped to (gy, gx, 2) it is the grid of `patch_labels`.

    Raises:
        ValueError: as `grid_shape`.
    """
    down, across = grid_shape(side_y, side_x, patch, stride)
    y, x = np.indices((down, across), np.int32).reshape(2, -1) * np.int32(stride)
    return np.stack([y, x], axis=1)


def least_pixels(patch: int, fraction: float) -> int:
    """The fewest pixels that are at least a share of a patch: 615 of 32 × 32 for 0.6.

    The share is taken as it is written (0.55 of 10 × 10 px is 55, not the 56 of binary floats).

    Raises:
        ValueError: a fraction that is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction: {fraction} found, above 0 and at most 1 allowed")
    return math.ceil(Fraction(str(fraction)) * patch * patch)


def patch_labels(
    mask: NDArray[Any],
    patch: int,
    stride: int,
    *,
    target: int,
    others: tuple[int, ...] = (),
    rule: str = "fraction",
    fraction: float = 0.6,
    classes: int = 2,
) -> Labels:
    """What each patch of a label map is called.

    - fraction: 1 where at least `fraction` of the pixels are target; else 2 where target and other
      tissue together are at least that much (a vertebra with a lesion too small for a 1 is still
      bone, not background); else 0.
    - centre: the value of one pixel, (patch // 2, patch // 2) from the top left. Of an even patch,
      which has no pixel in its middle, that is the lower right of the four around it.

    A patch of 32 px needs 615 px of target under 0.6: at 0.68 mm/px a lesion that is round and
    smaller than 19 mm never has a patch of its own, whatever the stride; under `centre` any does.

    Args:
        mask: (H, W) whole numbers, a label map.
        patch, stride: as in `grid_shape`.
        target: the value that makes a 1.
        others: the values that make a 2; used with three classes only, which need one or more.
        rule: one of `RULES`.
        fraction: share of a patch's pixels, above 0 and at most 1; used by that rule only.
        classes: 2 (0 and 1) or 3.

    Returns:
        (gy, gx) int8 of 0, 1, 2, on the grid of `positions`.

    Raises:
        ValueError: as `grid_shape`, or an argument that is not as above.
    """
    rows, columns = _image_shape(mask)
    down, across = grid_shape(rows, columns, patch, stride)
    _check(mask, target, others, rule, classes)
    need = least_pixels(patch, fraction)
    tissue = (target, *others)
    if rule == "centre":
        middle = slice(patch // 2, None, stride)
        centres = mask[middle, middle][:down, :across]
        hit, near = centres == target, np.isin(centres, tissue)
    else:
        hit = _counts(mask == target, patch, stride) >= need
        near = hit if classes == 2 else _counts(np.isin(mask, tissue), patch, stride) >= need
    labels = np.zeros((down, across), np.int8)
    if classes == 3:
        labels[near] = 2
    labels[hit] = 1
    return labels


def undersample(labels: ArrayLike, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Patches that stay when the many are thinned out to balance the few.

    All patches of the target stay, and of the rest, drawn without replacement, as many as make
    `share` of what is kept. From 0.94 of rest to 0.6: 9.57 % of the rest stay, 15 % of all. Where
    the rest is no more than `share` already, none is dropped. For training patches only.

    Args:
        labels: (P,) whole numbers, 1 is the target, whatever else is the rest.
        share: of the rest in what is kept, above 0 and below 1.
        rng: drawn from only where something is dropped.

    Returns:
        positions in `labels` that stay, sorted.

    Raises:
        ValueError: a share out of range, another shape, or patches of which none is the target.
    """
    if not 0 < share < 1:
        raise ValueError(f"share: {share} found, above 0 and below 1 allowed")
    found = np.asarray(labels)
    if found.ndim != 1:
        raise ValueError(f"labels: shape {found.shape} found, (P,) allowed")
    is_target = found == 1
    target, rest = (np.flatnonzero(one).astype(np.int64) for one in (is_target, ~is_target))
    if len(found) and not len(target):
        raise ValueError(f"labels: no 1 among {len(found)}; without a target nothing can balance")
    wanted = round(len(target) * share / (1 - share))
    if wanted < len(rest):
        rest = rng.choice(rest, wanted, replace=False, shuffle=False)
    return np.sort(np.concatenate([target, rest]))


def _image_shape(image: NDArray[Any]) -> tuple[int, int]:
    if image.ndim != 2:
        raise ValueError(f"image or mask: shape {image.shape} found, (H, W) allowed")
    return image.shape[0], image.shape[1]


def _check(
    mask: NDArray[Any], target: int, others: tuple[int, ...], rule: str, classes: int
) -> None:
    if mask.dtype.kind not in "bui":
        raise ValueError(f"mask: dtype {mask.dtype} found, whole numbers allowed")
    if rule not in RULES:
        raise ValueError(f"rule: {rule!r} is not one of {', '.join(RULES)}")
    if classes not in (2, 3):
        raise ValueError(f"classes: {classes} found, 2 or 3 allowed")
    if classes == 3 and not others:
        raise ValueError("others: none found, three classes need one value or more")
    if target in others:
        raise ValueError(f"others: {others} found, which holds the target {target}")


def _counts(binary: NDArray[np.bool_], patch: int, stride: int) -> NDArray[np.uint32]:
    """True pixels of each patch, (gy, gx), by an integral image: four look-ups a patch."""
    # Unsigned sums may run over; the difference of four corners is right all the same.
    total = np.zeros((binary.shape[0] + 1, binary.shape[1] + 1), np.uint32)
    np.cumsum(binary, axis=0, dtype=np.uint32, out=total[1:, 1:])
    np.cumsum(total[1:, 1:], axis=1, out=total[1:, 1:])
    start_y, start_x = (slice(0, length - patch + 1, stride) for length in binary.shape)
    end_y, end_x = (slice(patch, None, stride) for _ in range(2))
    return (
        total[end_y, end_x]
        - total[start_y, end_x]
        - total[end_y, start_x]
        + total[start_y, start_x]
    )
