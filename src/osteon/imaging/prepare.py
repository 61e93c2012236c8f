"""From an image of the archive to the square that a network is shown, in one fixed order.

Crop, then grey or colour, then blacking out, then the size: windows before resampling, so that
metal outside a window does not bleed into its neighbours. Greys that are stretched by percentiles
may lose their background and be smoothed before (`osteon.imaging.intensity`): on the original's
pixels, after the crop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.colour import to_grey
from osteon.imaging.intensity import PLAIN, Stretch, stretched
from osteon.imaging.laying import Field
from osteon.imaging.picture import Array
from osteon.imaging.region import Region
from osteon.imaging.resize import resize as to_square
from osteon.imaging.resize import resize_labels, to_uint8
from osteon.imaging.windows import WINDOWS, Window, composite, show_window

__all__ = ["COLOURS", "prepare", "prepare_mask", "refuse_reason", "stretched"]

COLOURS = ("grey", "window_composite", "adjacent", "as_is")


def refuse_reason(
    dtype: np.dtype | str, channels: int, colour: str, background: str = "none"
) -> str | None:
    """Why an image cannot be prepared in a colour, told from its row of the index; None: it can.

    Args:
        dtype: of the archive's pixels: int16 (HU), uint16 or uint8.
        channels: 1 or 3.
        colour: one of `COLOURS`.
        background: how it is removed, see `osteon.imaging.intensity.Stretch`.

    Raises:
        ValueError: an unknown colour.
    """
    if colour not in COLOURS:
        raise ValueError(f"colour: {colour!r} is not one of {', '.join(COLOURS)}")
    hounsfield = np.dtype(dtype).newbyteorder("=") == np.int16
    found = "colours" if channels == 3 else "HU" if hounsfield else "display greys, not HU"
    if colour == "window_composite" and not hounsfield:
        return f"its pixels are {found}; windows in HU need a CT with its rescale tags"
    if colour == "adjacent" and channels == 3:
        return f"its pixels are {found}; three slices side by side must be grey"
    if colour == "as_is" and hounsfield:
        return f"its pixels are {found}, which are no greys before they pass a window"
    if background != "none" and hounsfield:
        return f"its pixels are {found}, whose 0 is water; a background is removed from greys"
    return None


def prepare(
    pixels: Array,
    *,
    region: Region,
    colour: str,
    windows: Sequence[Window] = WINDOWS,
    size: int,
    resize: str = "stretch",
    field: Field | None = None,
    neighbours: tuple[Array | None, Array | None] = (None, None),
    mask: Array | None = None,
    intensity: str = "display",
    stretch: Stretch = PLAIN,
) -> NDArray[np.uint8]:
    """Crop, colour and resize one image.

    - grey: one channel; HU through the first window, colours by their luminance.
    - window_composite: HU through three windows as red, green, blue.
    - adjacent: the slice before, the slice itself and the slice after, each as grey. At the ends of
      a series, and where a neighbour has another size or kind, the slice stands in for it.
    - as_is: the colours that the image has; a grey one three times.

    Args:
        pixels: (H, W) int16 HU, (H, W) uint8 or uint16 display values, or (H, W, 3) uint8.
        region: what is kept of it, from `find_region`.
        colour: one of `COLOURS`.
        windows: (width, level) in HU; three for window_composite, else only the first is used.
        size: side of the square, px; resize: stretch or letterbox.
        field: rows and columns of the image's px that fill the square, where a prepared pixel has
            the same size in every image; it must hold the region. None: the region fills it.
        neighbours: the slices before and after, whole like `pixels`; only for adjacent.
        mask: (H, W); what is 0 there becomes black. None keeps everything in the region.
        intensity: `display`, greys as the file shows them; `percentile`, the crop's own greys from
            one percentile (black) to another (white), for grey only.
        stretch: of `percentile`: which ones, and background and smoothing before them.

    Returns:
        (size, size) uint8 for grey, (size, size, 3) for the others.

    Raises:
        ValueError: the image cannot be prepared so (see `refuse_reason`), or a wrong argument.
    """
    _check(pixels, colour, stretch.background if intensity == "percentile" else "none", mask)
    if not len(windows):
        raise ValueError("windows: none found, at least one allowed")
    image = region.crop(pixels)
    if colour == "grey":
        shown = stretched(image, stretch) if intensity == "percentile" else _grey(image, windows[0])
    elif colour == "window_composite":
        shown = composite(image, windows)
    elif colour == "adjacent":
        around = [_like(pixels, other) for other in (neighbours[0], pixels, neighbours[1])]
        shown = np.stack([_grey(region.crop(one), windows[0]) for one in around], axis=-1)
    else:
        shown = to_uint8(image)
        shown = shown if shown.ndim == 3 else np.stack([shown] * 3, axis=-1)
    if mask is not None:
        inside = region.crop(mask) > 0
        shown = np.where(inside if shown.ndim == 2 else inside[..., None], shown, np.uint8(0))
    return to_square(shown, size, resize, field)


def _check(pixels: Array, colour: str, background: str, mask: Array | None) -> None:
    if reason := refuse_reason(pixels.dtype, 3 if pixels.ndim == 3 else 1, colour, background):
        raise ValueError(f"pixels: {reason}")
    if mask is not None and mask.shape != pixels.shape[:2]:
        raise ValueError(f"mask: shape {mask.shape} found, {pixels.shape[:2]} of the image allowed")


def prepare_mask(
    mask: Array,
    *,
    region: Region,
    size: int,
    resize: str = "stretch",
    field: Field | None = None,
) -> NDArray[np.uint8]:
    """Crop and resize a label map as `prepare` does its image: pixel by pixel they belong together.

    Args:
        mask: (H, W) label values 0..255.
        region, size, resize, field: those of the image.

    Returns:
        (size, size) uint8; each pixel has its nearest neighbour's label, the bars of a letterbox 0.

    Raises:
        ValueError: another shape, labels that are not bytes, or a wrong size or mode.
    """
    return resize_labels(region.crop(mask), size, resize, field)


def _grey(image: Array, window: Window) -> NDArray[np.uint8]:
    return show_window(image, window) if image.dtype == np.int16 else to_uint8(to_grey(image))


def _like(pixels: Array, other: Array | None) -> Array:
    """The neighbour, or the slice itself where the neighbour cannot be laid over it."""
    if other is None or other.shape != pixels.shape or other.dtype != pixels.dtype:
        return pixels
    return other
