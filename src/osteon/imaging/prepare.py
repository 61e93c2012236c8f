"""From an image of the archive to the square that a network is shown, in one fixed order.

Crop, then grey or colour, then blacking out, then the size: windows before resampling, so that
metal outside a window does not bleed into its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.colour import to_grey
from osteon.imaging.picture import Array
from osteon.imaging.region import Region
from osteon.imaging.resize import resize as to_square
from osteon.imaging.resize import to_uint8
from osteon.imaging.windows import WINDOWS, Window, composite, show_window

COLOURS = ("grey", "window_composite", "adjacent", "as_is")
PERCENTILES = (1.0, 99.0)
"""What becomes black and white where greys are stretched: MR has no unit of its own."""


def refuse_reason(dtype: np.dtype | str, channels: int, colour: str) -> str | None:
    """Why an image cannot be prepared in a colour, told from its row of the index; None: it can.

    Args:
        dtype: of the archive's pixels: int16 (HU), uint16 or uint8.
        channels: 1 or 3.
        colour: one of `COLOURS`.

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
    return None


def prepare(
    pixels: Array,
    *,
    region: Region,
    colour: str,
    windows: Sequence[Window] = WINDOWS,
    size: int,
    resize: str = "stretch",
    neighbours: tuple[Array | None, Array | None] = (None, None),
    mask: Array | None = None,
    intensity: str = "display",
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
        size: side of the square, px.
        resize: stretch or letterbox.
        neighbours: the slices before and after, whole like `pixels`; only for adjacent.
        mask: (H, W); what is 0 there becomes black. None keeps everything in the region.
        intensity: `display`, greys as the file shows them; `percentile`, the crop's own 1st to 99th
            percentile from black to white, for grey only.

    Returns:
        (size, size) uint8 for grey, (size, size, 3) for the others.

    Raises:
        ValueError: the image cannot be prepared so (see `refuse_reason`), or a wrong argument.
    """
    channels = 3 if pixels.ndim == 3 else 1
    if reason := refuse_reason(pixels.dtype, channels, colour):
        raise ValueError(f"pixels: {reason}")
    if not len(windows):
        raise ValueError("windows: none found, at least one allowed")
    if mask is not None and mask.shape != pixels.shape[:2]:
        raise ValueError(f"mask: shape {mask.shape} found, {pixels.shape[:2]} of the image allowed")
    image = region.crop(pixels)
    if colour == "grey":
        shown = stretched(image) if intensity == "percentile" else _grey(image, windows[0])
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
    return to_square(shown, size, resize)


def stretched(image: Array) -> NDArray[np.uint8]:
    """Greys from the image's 1st percentile (0) to its 99th (255); one grey alone becomes black.

    Args:
        image: (H, W) of any dtype, or (H, W, 3) uint8.
    """
    grey = to_grey(image).astype(np.float32)
    low, high = np.percentile(grey, PERCENTILES)
    scaled = (grey - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.rint(255 * np.clip(scaled, 0, 1)).astype(np.uint8)


def _grey(image: Array, window: Window) -> NDArray[np.uint8]:
    return show_window(image, window) if image.dtype == np.int16 else to_uint8(to_grey(image))


def _like(pixels: Array, other: Array | None) -> Array:
    """The neighbour, or the slice itself where the neighbour cannot be laid over it."""
    if other is None or other.shape != pixels.shape or other.dtype != pixels.dtype:
        return pixels
    return other
