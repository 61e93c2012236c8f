"""Does a map lie on the lesion? Scores against a mask or boxes; NaN without a lesion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Localisation:
    """Scores of one map, each 0..1, NaN where the image has no lesion.

    Attributes:
        pointing: share of the map's maxima inside the lesion: 1 or 0 for a single maximum; where
            several pixels tie, the chance that one of them, drawn blindly, lies inside (pointing
            game of Zhang et al. 2018, Int J Comput Vis 126:1084, without their tolerance).
        energy: share of the map's mass inside the lesion (Wang et al. 2020, CVPR Workshops).
        iou: intersection over union of lesion and most salient pixels; pixels that tie at the
            border of these count in part.
        lesion_share: area of the lesion over that of what the network was given: what a point drawn
            blindly reaches, and an even map in energy. A crop around the lesion raises it.
    """

    pointing: float
    energy: float
    iou: float
    lesion_share: float


NOWHERE = Localisation(np.nan, np.nan, np.nan, np.nan)


def localise(
    saliency: NDArray[Any], lesion: NDArray[np.bool_], top_share: float = 0.15
) -> Localisation:
    """Scores of one map; an empty map (nothing above 0) on an image with a lesion scores 0.

    Args:
        saliency: H × W; negative values count as 0.
        lesion: H × W bool.
        top_share: share of the pixels that count as most salient, above 0 and below 1.

    Raises:
        ValueError: shapes that differ, a value that is not finite, or a share out of range.
    """
    if saliency.shape != lesion.shape or not 0 < top_share < 1:
        raise ValueError(
            f"saliency has shape {saliency.shape}, lesion {lesion.shape}, top_share is "
            f"{top_share}; wanted equal shapes and a share between 0 and 1"
        )
    if not np.isfinite(saliency).all():
        raise ValueError("saliency: holds values that are not finite")
    if not lesion.any():
        return NOWHERE
    mass = np.clip(np.asarray(saliency, np.float64), 0, None)
    peak, share = mass.max(), float(lesion.mean())
    if peak == 0:
        return Localisation(0.0, 0.0, 0.0, share)
    pointing = float(lesion[mass == peak].mean())
    energy = float(mass[lesion].sum() / mass.sum())
    return Localisation(pointing, energy, _iou(mass, lesion, top_share), share)


def _iou(mass: NDArray[np.float64], lesion: NDArray[np.bool_], top_share: float) -> float:
    wanted = max(1, round(top_share * mass.size))
    border = np.partition(mass, mass.size - wanted, axis=None)[mass.size - wanted]
    above, tied = mass > border, mass == border
    inside = float((above & lesion).sum())
    inside += (wanted - above.sum()) * float(lesion[tied].mean())
    return float(inside / (wanted + lesion.sum() - inside))


def boxes_to_mask(boxes: Iterable[Sequence[Any]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Boxes [x0, y0, x1, y1, ...] in pixels, ends excluded, as a mask of rows × columns."""
    mask = np.zeros(shape, bool)
    for box in boxes:
        x0, y0, x1, y1 = (float(v) for v in box[:4])
        rows = slice(max(0, int(np.floor(y0))), max(0, int(np.ceil(y1))))
        mask[rows, max(0, int(np.floor(x0))) : max(0, int(np.ceil(x1)))] = True
    return mask
