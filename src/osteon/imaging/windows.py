"""CT numbers to greys and colours: one window, or three of them as red, green and blue.

A window is (width, level) in HU, as radiologists say it, and it maps by DICOM's LINEAR_EXACT
(PS3.3 C.11.2.1.3.2): black at level - width / 2, white at level + width / 2. DICOM's default LINEAR
(C.11.2.1.2.1) takes 0.5 off the centre and 1 off the width, because it counts whole stored values;
HU are a physical scale, so the exact ramp is the one that W 1500, L 300 speaks of. The two differ
by at most 1 HU. Three windows keep bone and soft tissue apart as hue, which a grey image replicated
to three channels cannot (there hue and saturation are zero).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.greyscale import apply_window
from osteon.imaging.picture import Array
from osteon.imaging.resize import to_uint8

Window = tuple[float, float]
BONE: Window = (1500.0, 300.0)
SOFT: Window = (400.0, 40.0)
WIDE: Window = (2500.0, 500.0)
WINDOWS: tuple[Window, Window, Window] = (BONE, SOFT, WIDE)
"""Red, green and blue of a composite: bone, soft tissue, wide."""


def show_window(hu: Array, window: Window = BONE) -> NDArray[np.uint8]:
    """HU through one window.

    Args:
        hu: int16 CT numbers, any shape.
        window: (width, level), HU.

    Returns:
        uint8 of the same shape: 0 at or below level - width / 2, 255 at or above
        level + width / 2.

    Raises:
        ValueError: pixels that are not int16, or a width that is not above 0.
    """
    if hu.dtype != np.int16:
        raise ValueError(f"hu: dtype {hu.dtype} found, int16 HU allowed")
    width, level = float(window[0]), float(window[1])
    shown: NDArray[np.uint8] = _table(width, level)[hu.view(np.uint16)]
    return shown


@cache
def _table(width: float, level: float) -> NDArray[np.uint8]:
    """The grey of every int16, in the order of its bits read as uint16: looked up, not computed."""
    hu = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.float64)
    return np.rint(255.0 * apply_window(hu, level, width, "LINEAR_EXACT")).astype(np.uint8)


def composite(hu: Array, windows: Sequence[Window] = WINDOWS) -> NDArray[np.uint8]:
    """HU through three windows, side by side as red, green and blue.

    Args:
        hu: (H, W) int16 CT numbers.
        windows: three of (width, level), HU.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: another number of windows, shape or dtype, or a width that is not above 0.
    """
    if len(windows) != 3:
        raise ValueError(f"windows: {len(windows)} found, 3 allowed (red, green, blue)")
    if hu.ndim != 2:
        raise ValueError(f"hu: shape {hu.shape} found, (H, W) allowed")
    return np.stack([show_window(hu, window) for window in windows], axis=-1)


def share_without_hue(rgb: Array) -> float:
    """Share of pixels whose three channels are equal, 0..1: they have neither hue nor saturation.

    Args:
        rgb: (..., 3) of any whole-number dtype, with pixels.

    Raises:
        ValueError: no three channels, or no pixels.
    """
    if rgb.shape[-1:] != (3,) or not rgb.size:
        raise ValueError(f"rgb: shape {rgb.shape} found, (..., 3) with pixels allowed")
    return float((rgb.max(axis=-1) == rgb.min(axis=-1)).mean())


def display(pixels: Array) -> NDArray[np.uint8]:
    """What a figure shows of any image of the archive: HU in the bone window, the rest as it is.

    Args:
        pixels: (H, W) int16 HU, (H, W) uint8 or uint16 display values, or (H, W, 3) uint8.

    Returns:
        (H, W) or (H, W, 3) uint8.

    Raises:
        ValueError: another shape or dtype.
    """
    return show_window(pixels) if pixels.dtype == np.int16 else to_uint8(pixels)
