"""The part of an image that a network is shown: from a person's mask or box, else by Otsu.

Otsu's threshold (IEEE Trans. SMC 1979) parts the bright from the dark, and the largest bright
component is taken for the region. **That is the bright part of the image, which is not always the
tumour**: on CT it is often the body or the skeleton, on MRI whatever the sequence lets shine. A
lesion darker than what is around it is found only where it lies within bright tissue. So a mask or
a box that a person drew always wins, and every region says where it comes from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.colour import to_grey
from osteon.imaging.laying import Field, fits
from osteon.imaging.picture import Array

MODES = ("whole", "box_margin", "fixed")
THRESHOLDS = ("otsu", "li", "given")

Binary = NDArray[np.bool_]


class RegionSettings(Protocol):
    """What `find_region` reads; any object with these attributes will do.

    Attributes:
        mode: whole (nothing is cut), box_margin (box of what is found, widened) or fixed (a square
            around its centre).
        margin: px that the box is widened by on each side.
        threshold: otsu, li (Li and Tam, 1998) or given (only a person's mask or box is used).
        smoothing: sigma of the Gaussian before the threshold, px; 0: none.
        open_radius, close_radius: radii of the disks of opening and closing, px; 0: none.
        fixed_side: side of the square of `fixed`, px.
    """

    @property
    def mode(self) -> str: ...  # noqa: D102
    @property
    def margin(self) -> int: ...  # noqa: D102
    @property
    def threshold(self) -> str: ...  # noqa: D102
    @property
    def smoothing(self) -> float: ...  # noqa: D102
    @property
    def open_radius(self) -> int: ...  # noqa: D102
    @property
    def close_radius(self) -> int: ...  # noqa: D102
    @property
    def fixed_side(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels, half-open: x0 <= x < x1, y0 <= y < y1, never empty.

    Attributes:
        source: whole, mask, box, otsu, li, fixed or field (the middle of the whole image).
        note: what went otherwise than asked, in plain words; "" when nothing did.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    source: str
    note: str = ""

    def crop(self, image: Array) -> Array:
        """The rectangle of an (H, W) or (H, W, 3) image, as a view."""
        return image[self.y0 : self.y1, self.x0 : self.x1]


def find_region(
    pixels: Array,
    settings: RegionSettings,
    mask: Array | None = None,
    boxes: Iterable[Sequence[Any]] = (),
) -> Region:
    """The part of an image that is kept, widened by the margin and cut off at the border.

    A mask wins over boxes, and boxes win over the threshold. Where nothing is found, the whole
    image is kept and a note says why; no image makes this fail.

    Args:
        pixels: (H, W) uint8, uint16 or int16 (HU), or (H, W, 3) uint8.
        settings: see `RegionSettings`.
        mask: (H, W) label map, any label above 0 is lesion; an empty one counts as none.
        boxes: [x0, y0, x1, y1, ...] in pixels, drawn by a person; all of them are enclosed.

    Raises:
        ValueError: a mode, threshold or number that is not allowed, or shapes that do not match.
    """
    _check(pixels, settings, mask)
    rows, columns = pixels.shape[:2]
    if settings.mode == "whole":
        return Region(0, 0, columns, rows, "whole")
    found, source, note = _locate(pixels, settings, mask, boxes)
    if source == "whole":
        return Region(0, 0, columns, rows, source, note)
    ys, xs = (np.flatnonzero(found.any(axis=axis)) for axis in (1, 0))
    y, x = (int(ys[0]), int(ys[-1]) + 1), (int(xs[0]), int(xs[-1]) + 1)
    if settings.mode == "fixed":
        source = "fixed"
        y, x = (
            _centred(*pair, settings.fixed_side, end) for pair, end in ((y, rows), (x, columns))
        )
    else:
        y, x = (_widened(*pair, settings.margin, end) for pair, end in ((y, rows), (x, columns)))
    return Region(x[0], y[0], x[1], y[1], source, note)


def narrowed(region: Region, field: Field | None) -> Region:
    """A region that the field holds, cut about its own middle where it is larger.

    Args:
        region: of an image.
        field: rows and columns of the image's px that fill the square, None: whatever there is.

    Returns:
        the region itself where nothing is cut.
    """
    if field is None:
        return region
    rows, columns = fits(field)
    y0, y1 = _centred(region.y0, region.y1, min(rows, region.y1 - region.y0), region.y1)
    x0, x1 = _centred(region.x0, region.x1, min(columns, region.x1 - region.x0), region.x1)
    if (x0, y0, x1, y1) == (region.x0, region.y0, region.x1, region.y1):
        return region
    source = "field" if region.source == "whole" else region.source
    return Region(x0, y0, x1, y1, source, region.note)


def find_mask(
    pixels: Array,
    settings: RegionSettings,
    mask: Array | None = None,
    boxes: Iterable[Sequence[Any]] = (),
) -> Binary:
    """The pixels of the region itself, without margin: what stays when the rest is blacked out.

    Args:
        pixels, settings, mask, boxes: as in `find_region`; the mode is not looked at.

    Returns:
        (H, W) bool: the mask, the inside of the boxes, or the thresholded component; all True where
        nothing is found.

    Raises:
        ValueError: as `find_region`.
    """
    _check(pixels, settings, mask)
    return _locate(pixels, settings, mask, boxes)[0]


def _check(pixels: Array, settings: RegionSettings, mask: Array | None) -> None:
    if pixels.ndim not in (2, 3) or not pixels.size:
        raise ValueError(f"pixels: shape {pixels.shape} is not (H, W) or (H, W, 3) with pixels")
    if settings.mode not in MODES:
        raise ValueError(f"mode: {settings.mode!r} is not one of {', '.join(MODES)}")
    if settings.threshold not in THRESHOLDS:
        raise ValueError(f"threshold: {settings.threshold!r} is not one of {', '.join(THRESHOLDS)}")
    for name in ("margin", "smoothing", "open_radius", "close_radius"):
        if getattr(settings, name) < 0:
            raise ValueError(f"{name}: {getattr(settings, name)} is below 0")
    if settings.mode == "fixed" and settings.fixed_side < 1:
        raise ValueError(f"fixed_side: {settings.fixed_side} is below 1")
    if mask is not None and mask.shape != pixels.shape[:2]:
        raise ValueError(f"mask: shape {mask.shape} found, {pixels.shape[:2]} of the image allowed")


def _widened(start: int, stop: int, margin: int, end: int) -> tuple[int, int]:
    return max(0, start - margin), min(end, stop + margin)


def _centred(start: int, stop: int, side: int, end: int) -> tuple[int, int]:
    """`side` pixels about the middle, pushed back inside at the border; all where it is shorter."""
    side = min(side, end)
    first = min(max((start + stop - side) // 2, 0), end - side)
    return first, first + side


def _locate(
    pixels: Array,
    settings: RegionSettings,
    mask: Array | None,
    boxes: Iterable[Sequence[Any]],
) -> tuple[Binary, str, str]:
    """The region's pixels, where they come from, and a note."""
    if mask is not None and mask.any():
        return mask > 0, "mask", ""
    inside, note = _inside(boxes, pixels.shape[0], pixels.shape[1])
    if inside.any():
        return inside, "box", note
    if mask is not None and not note:
        note = "the mask is empty"
    if settings.threshold == "given":
        found, why = None, "neither mask nor box is given: the whole image is kept"
    else:
        found, why = _thresholded(to_grey(pixels), settings)
    note = "; ".join(text for text in (note, why) if text)
    if found is None:
        return np.ones(pixels.shape[:2], np.bool_), "whole", note
    return found, settings.threshold, note


def _inside(boxes: Iterable[Sequence[Any]], rows: int, columns: int) -> tuple[Binary, str]:
    """Pixels that boxes cover, also in part."""
    inside, note = np.zeros((rows, columns), np.bool_), ""
    for box in boxes:
        corners = [float(number) for number in box[:4]]
        if not all(map(math.isfinite, corners)):
            note = "a box without numbers is not used"
            continue
        x0, y0 = (max(0, math.floor(low)) for low in corners[:2])
        x1, y1 = (max(0, math.ceil(high)) for high in corners[2:])
        if x0 >= min(x1, columns) or y0 >= min(y1, rows):
            note = "a box outside the image is not used"
        inside[y0:y1, x0:x1] = True
    return inside, note


def _thresholded(grey: Array, settings: RegionSettings) -> tuple[Binary | None, str]:
    """The largest bright component, opened, closed and filled; None where there is none.

    Values are first spread over 0..1, so that neither brightness nor contrast changes the result.
    """
    # half a second that a cohort with masks or boxes need not wait
    from skimage.filters import gaussian, threshold_li, threshold_otsu

    values = grey.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return None, "the image is blank, one grey only: the whole image is kept"
    values = (values - low) / (high - low)
    if settings.smoothing > 0:
        values = gaussian(values, settings.smoothing)
    bright = values > (threshold_li if settings.threshold == "li" else threshold_otsu)(values)
    if not bright.any():
        return None, "no pixel lies above the threshold: the whole image is kept"
    return _cleaned(_largest(bright), settings)


def _cleaned(component: Binary, settings: RegionSettings) -> tuple[Binary, str]:
    """Opening, closing and hole filling, each with what is outside the image left unjudged."""
    from scipy.ndimage import binary_fill_holes
    from skimage.morphology import closing, disk, opening

    note = ""
    if settings.open_radius:
        opened = opening(component, disk(settings.open_radius))
        if opened.any():
            component = _largest(opened)
        else:
            note = "the region is smaller than the disk of the opening, which was left out"
    if settings.close_radius:
        component = closing(component, disk(settings.close_radius))
    return np.asarray(binary_fill_holes(component), np.bool_), note


def _largest(binary: Binary) -> Binary:
    """The largest component, pixels that touch at a corner included; of equal ones the first."""
    from skimage.measure import label

    labels = label(binary, connectivity=2)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    found: Binary = labels == sizes.argmax()
    return found
