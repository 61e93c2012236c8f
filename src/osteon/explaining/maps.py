"""Maps between three frames: a layer's grid, the network's square input, the original image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from osteon.explaining.crops import checked, scaled
from osteon.imaging.laying import Field, Laying

Map = NDArray[np.float32]


def upsample(maps: Tensor, size: int | tuple[int, int]) -> Tensor:
    """N × h × w maps at another size, N × H × W: bilinear, borders continued."""
    sides = (size, size) if isinstance(size, int) else size
    scaled = functional.interpolate(
        maps[:, None].float(), sides, mode="bilinear", align_corners=False
    )
    return scaled[:, 0]


def normalise(maps: Tensor) -> Tensor:
    """N × h × w maps, each stretched to 0..1; a constant map becomes 0 throughout."""
    low = maps.amin((1, 2), keepdim=True)
    span = maps.amax((1, 2), keepdim=True) - low
    return torch.where(span > 0, (maps - low) / torch.where(span > 0, span, 1), 0)


def compact(maps: Tensor, side: int = 32) -> NDArray[np.float16]:
    """N × h × w maps to be kept: maximum 1 (an empty map stays 0), at most side × side, float16.

    Larger maps are averaged over blocks, so that what is kept does not grow with the image.
    """
    if max(maps.shape[1:]) > side:
        maps = functional.adaptive_avg_pool2d(maps[:, None].float(), side)[:, 0]
    peak = maps.abs().amax((1, 2), keepdim=True)
    return (maps / torch.where(peak > 0, peak, 1)).cpu().numpy().astype(np.float16)


def placement(
    shape: tuple[int, int], size: int, mode: str, field: Field | None = None
) -> tuple[slice, slice]:
    """Rows and columns of the network's square input that show the image.

    Args:
        shape: rows and columns of what was laid on the square, the original or its crop; size:
            side of the square; mode and field: as in `osteon.imaging.laying.Laying.of`.

    Raises:
        ValueError: as there.
    """
    x0, y0, x1, y1 = Laying.of(*shape, size, mode, field).picture(*shape)
    return slice(y0, y1), slice(x0, x1)


def to_original(
    one: NDArray[Any] | Tensor,
    shape: tuple[int, int],
    mode: str = "stretch",
    size: int = 224,
    *,
    crop: Sequence[int] | None = None,
    at: tuple[int, int] | None = None,
    field: Field | None = None,
) -> Map:
    """A map as it lies on the original image.

    Args:
        one: h × w, a layer's grid or the network's input frame; shape: rows and columns of the
            original; mode: how the image was laid on the network's square; size: its side.
        crop: x0, y0, x1, y1, the part of the original that the square shows; None = all of it.
        at: rows and columns of the result, where the original is drawn at another size; None =
            those of the original.
        field: rows and columns of the original that fill the square, see `placement`.

    Returns:
        rows × columns float32, bilinear; bars of a letterbox are cut off, and outside the crop,
        of which the network says nothing, it is 0.
    """
    seen = checked((0, 0, shape[1], shape[0]) if crop is None else crop, shape)
    drawn = shape if at is None else at
    framed = upsample(torch.as_tensor(np.asarray(one, np.float32))[None], size)
    rows, columns = placement((seen[3] - seen[1], seen[2] - seen[0]), size, mode, field)
    x0, y0, x1, y1 = scaled(seen, shape, drawn)
    laid = np.zeros(drawn, np.float32)
    laid[y0:y1, x0:x1] = upsample(framed[:, rows, columns], (y1 - y0, x1 - x0))[0].numpy()
    return laid


def to_input(
    lesion: NDArray[Any], size: int, mode: str = "stretch", field: Field | None = None
) -> NDArray[np.bool_]:
    """A lesion of an image in the part of the network's input that shows the image.

    Args:
        lesion: H × W of what was laid on the square, the original or its crop, not 0 inside; size,
            mode and field: as in `to_original`.

    Returns:
        bool of the size of `placement`; True where half of a pixel or more is lesion, or, for a
        lesion thinner than that, where its share is largest. A lesion is never lost.
    """
    inside = np.ascontiguousarray(np.asarray(lesion) != 0)
    rows, columns = placement((inside.shape[0], inside.shape[1]), size, mode, field)
    wanted = (rows.stop - rows.start, columns.stop - columns.start)
    share = functional.adaptive_avg_pool2d(torch.from_numpy(inside).float()[None, None], wanted)
    covered = share[0, 0].numpy()
    return covered >= min(0.5, covered.max()) if inside.any() else np.zeros(wanted, bool)
