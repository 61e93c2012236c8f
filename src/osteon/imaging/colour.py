"""Colour to grey, the same in preprocessing and wherever a saved learner is used."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def to_grey(image: NDArray[Any]) -> NDArray[Any]:
    """An image as one channel.

    Args:
        image: (H, W), returned as it is, or (H, W, 3) RGB, of any whole-number dtype.

    Returns:
        (H, W) of the same dtype and range.

    Raises:
        ValueError: another shape.
    """
    if image.ndim == 2:
        return image
    if image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image: shape {image.shape} found, (H, W) or (H, W, 3) allowed")
    return np.rint(image @ LUMA).astype(image.dtype)
