"""Boxes found: overlap, matching, average precision and FROC, for many resamples at once.

Conventions:

- A box is x0, y0, x1, y1 in pixels, continuous: width is x1 - x0, without the + 1 of old code.
- Matching is COCO's: in an image, by falling score, each detection takes the free reference with
  the greatest IoU, if that is at least the threshold. Another detection of a lesion already found
  is a false positive. It does not depend on who is drawn, so it is done once.
- AP is COCO's, interpolated at 101 recalls, with detections of equal score taken together: the
  order of rows decides nothing. Where scores differ it follows pycocotools, float64 included, for
  a recall that lies on one of the 101.
- FROC: sensitivity is lesions found / lesions, false positives are those of all images, with or
  without a lesion, per image. At a fixed rate it is the sensitivity of the lowest threshold whose
  rate does not exceed it: a working point that exists, not a line between two.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from osteon.measures.discrimination import Bools, Floats, Ints, chunks, ratio

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives per image of LUNA16 (Setio et al. 2017, Med Image Anal 42:1)."""
RECALLS = np.linspace(0.0, 1.0, 101)
SLACK = 1e-9


class DetectionError(ValueError):
    """Boxes or tables of them that cannot be judged."""


@dataclass(frozen=True)
class Found:
    """All detections of a learner, matched, with what they are counted against.

    Attributes:
        score: (n,) any finite numbers, higher is surer; hit: (n,) bool, took a free reference.
        unit: (n,) int64, the patient (column of a weights matrix) of each detection.
        lesions, images: (patients,) int64, reference boxes and judged images of each patient.
    """

    score: Floats
    hit: Bools
    unit: Ints
    lesions: Ints
    images: Ints


@dataclass(frozen=True)
class Curve:
    """Working points by falling threshold, one for each distinct score; each (rounds, points).

    Attributes:
        threshold: (points,) score at and above which a detection counts.
        true, called: weighted detections that hit, and all; lesions, images: (rounds,).
    """

    threshold: Floats
    true: Floats
    called: Floats
    lesions: Floats
    images: Floats

    @cached_property
    def sensitivity(self) -> Floats:
        """Lesions found / lesions, NaN without a lesion."""
        return ratio(self.true, np.broadcast_to(self.lesions[:, None], self.true.shape))

    @cached_property
    def false_positives(self) -> Floats:
        """False positives per image."""
        false = self.called - self.true
        return ratio(false, np.broadcast_to(self.images[:, None], false.shape))


def as_boxes(name: str, boxes: ArrayLike) -> Floats:
    """Boxes as (n, 4) float64.

    Raises:
        DetectionError: another shape, NaN or infinity, or x1 <= x0 or y1 <= y0.
    """
    array = np.asarray(boxes, dtype=np.float64)
    array = array.reshape(0, 4) if not array.size else array
    if array.ndim != 2 or array.shape[1] != 4:
        raise DetectionError(f"{name}: shape {array.shape} found, (n, 4) allowed: x0, y0, x1, y1")
    bad = ~np.isfinite(array).all(axis=1) | (array[:, 2:] <= array[:, :2]).any(axis=1)
    if bad.any():
        raise DetectionError(
            f"{name}: {array[bad][0].tolist()} found, finite x0 < x1 and y0 < y1 needed"
        )
    return array


def box_iou(first: ArrayLike, second: ArrayLike) -> Floats:
    """Intersection over union of each pair of boxes, (n, 4) and (m, 4) → (n, m), 0..1."""
    a, b = as_boxes("first", first), as_boxes("second", second)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    areas = [(box[:, 2:] - box[:, :2]).prod(axis=1) for box in (a, b)]
    return shared / (areas[0][:, None] + areas[1][None, :] - shared)


def match(
    boxes: ArrayLike, scores: ArrayLike, references: ArrayLike, threshold: float = 0.5
) -> Ints:
    """Which reference each detection of one image takes.

    Args:
        boxes: (n, 4) detections; scores: (n,); references: (m, 4); threshold: least IoU, (0, 1].

    Returns:
        (n,) int64, the row of the reference, -1 for a false positive. Equal scores go by row; of
        references with equal IoU the last one is taken, as pycocotools does.

    Raises:
        DetectionError: boxes, scores or threshold that cannot be judged.
    """
    score = np.asarray(scores, dtype=np.float64)
    iou = box_iou(boxes, references)
    if score.shape != iou.shape[:1] or not np.isfinite(score).all():
        raise DetectionError(
            f"scores: shape {score.shape} found, {iou.shape[0]} finite numbers needed"
        )
    if not 0 < threshold <= 1:
        raise DetectionError(f"threshold: {threshold} found, above 0 to 1 allowed")
    taken = np.full(len(score), -1, dtype=np.int64)
    free = np.ones(iou.shape[1], dtype=bool)
    for k in np.argsort(-score, kind="stable"):
        open_to = np.where(free, iou[k], -1.0)
        if not len(open_to) or open_to.max() < min(threshold, 1 - 1e-10):
            continue
        best = len(open_to) - 1 - int(np.argmax(open_to[::-1]))
        taken[k], free[best] = best, False
    return taken


def curve(found: Found, weights: NDArray[np.generic]) -> Curve:
    """Working points of each round; weights: (rounds, patients), how often each was drawn."""
    order = np.argsort(-found.score, kind="stable")
    falling = found.score[order]
    last = np.flatnonzero(np.diff(falling, append=-np.inf))
    drawn = weights.astype(np.float64)
    each = drawn[:, found.unit[order]]
    called = np.cumsum(each, axis=1)[:, last]
    true = np.cumsum(each * found.hit[order], axis=1)[:, last]
    return Curve(falling[last], true, called, drawn @ found.lesions, drawn @ found.images)


def average_precision(points: Curve) -> Floats:
    """COCO's 101-point average precision of each round, 0..1; NaN without a lesion.

    Lin et al. 2014 (ECCV, COCO). Precision at a recall is the greatest at that recall or above.
    """
    precision = ratio(points.true, points.called, 0.0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    padded = np.concatenate([envelope, np.zeros((len(envelope), 1))], axis=1)
    recall = points.sensitivity
    found = np.full(len(recall), np.nan)
    for k in np.flatnonzero(points.lesions > 0):
        found[k] = padded[k, np.searchsorted(recall[k], RECALLS, side="left")].mean()
    return found


def sensitivity_at(points: Curve, rate: float) -> Floats:
    """Sensitivity of each round at no more than `rate` false positives per image.

    NaN without a lesion or an image; 0 where even the surest detections exceed the rate.
    """
    # Both rise as the threshold falls, so the last point allowed is the best.
    allowed = (points.false_positives <= rate * (1 + SLACK)).sum(axis=1)
    padded = np.concatenate([np.zeros((len(allowed), 1)), points.sensitivity], axis=1)
    best = padded[np.arange(len(allowed)), allowed]
    return np.where((points.lesions > 0) & (points.images > 0), best, np.nan)


def measure(found: Found, weights: NDArray[np.generic]) -> dict[str, Floats]:
    """All metrics of each round, each (rounds,).

    Returns:
        `ap`, `recall` (all detections kept), `sensitivity_at_<rate>` for each of RATES and
        `froc_mean`, their mean (the CPM of LUNA16).
    """
    rounds = weights.shape[0]
    names = ["ap", "recall", *(f"sensitivity_at_{rate:g}" for rate in RATES)]
    values = {name: np.empty(rounds) for name in names}
    for part in chunks(rounds, max(len(found.score), weights.shape[1])):
        points = curve(found, weights[part])
        values["ap"][part] = average_precision(points)
        values["recall"][part] = sensitivity_at(points, np.inf)
        for rate in RATES:
            values[f"sensitivity_at_{rate:g}"][part] = sensitivity_at(points, rate)
    at_rates = [values[f"sensitivity_at_{rate:g}"] for rate in RATES]
    return values | {"froc_mean": np.mean(at_rates, axis=0)}


def froc(found: Found) -> dict[str, list[float]]:
    """The FROC curve of the data as they are, from the surest detections to all of them.

    Returns:
        `threshold`, `false_positives` (per image) and `sensitivity`, one number a distinct score;
        Bunch et al. 1978 (Proc SPIE 0127:124), thresholded at each score.
    """
    points = curve(found, np.ones((1, len(found.images))))
    return {
        "threshold": points.threshold.tolist(),
        "false_positives": points.false_positives[0].tolist(),
        "sensitivity": points.sensitivity[0].tolist(),
    }
