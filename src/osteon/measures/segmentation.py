"""How well lesions are outlined, patient by patient; pixels and patches are never mixed.

Rules:

- A patient's images are judged as one: pixel counts are summed, boundary pixels pooled.
- The headline of a metric is the mean over patients. `pixel_pooled` sums the pixels of all
  patients first, so that large lesions weigh more; papers print either, often without saying which.
- Empty masks. Both empty: nothing to outline and nothing outlined; Dice, IoU, precision, recall,
  NSD and HD95 are not defined (NaN), the patient is counted and left out of the means. Scored as 1,
  each patient without a lesion would lift the mean. One empty: Dice, IoU and NSD are 0, HD95 is the
  diagonal of the image (see `osteon.measures.surfaces.hausdorff`). Precision is 0 where only the
  prediction is not empty, recall 0 where only the reference is not; a share of nothing, precision
  without a prediction and recall without a reference, is NaN here as everywhere else
  (`osteon.measures.discrimination`). What was missed altogether counts in Dice and recall.
- A paired difference is taken on patients in whom both learners have the metric.
- A patch is one sample of a classifier: its counts give accuracy, precision, recall and F1 in a
  table of their own. F1 of patches is not the Dice of pixels.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from osteon.measures.discrimination import Floats, ratio
from osteon.measures.surfaces import (
    Surfaces,
    as_pair,
    hausdorff,
    surface_dice,
    surface_distances,
)

COUNTS = ("tp", "fp", "fn", "tn")
OVERLAPS = ("dice", "iou", "precision", "recall")
METRICS = (*OVERLAPS, "nsd", "hd95_mm")
NAMES = ("paper", "learner", "patient_id", "fold", "split")
EMPTY = ("neither", "prediction", "reference", "both")


class SegmentationError(ValueError):
    """A table of segmentation scores that cannot be judged."""


@dataclass(frozen=True)
class Case:
    """What one learner outlined in one image or volume.

    Attributes:
        paper, learner, patient_id, fold, split: as in the predictions table.
        prediction, reference: (H, W) or (D, H, W) of 0 and 1.
        spacing: mm along each array axis.
    """

    paper: str
    learner: str
    patient_id: str
    fold: int
    split: str
    prediction: ArrayLike
    reference: ArrayLike
    spacing: tuple[float, ...]


@dataclass
class Tally:
    """What is kept of a patient's images: counts and distances, no pixels."""

    images: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    surfaces: list[Surfaces] = field(default_factory=list)

    def add(self, case: Case) -> None:
        """Judge one more image of the patient."""
        self.images += 1
        for name, number in count(case.prediction, case.reference).items():
            self.counts[name] += number
        self.surfaces.append(surface_distances(case.prediction, case.reference, case.spacing))

    def row(self, tolerance: float) -> dict[str, Any]:
        """The patient's columns of the table; tolerance of the NSD in mm."""
        tp, fp, fn = (self.counts[name] for name in ("tp", "fp", "fn"))
        scores = overlap(np.array([tp]), np.array([fp]), np.array([fn]))
        return {
            "images": self.images,
            **self.counts,
            "empty": EMPTY[(tp + fp == 0) + 2 * (tp + fn == 0)],
            **{name: float(value[0]) for name, value in scores.items()},
            "tolerance_mm": float(tolerance),
            "nsd": surface_dice(self.surfaces, tolerance),
            "hd95_mm": hausdorff(self.surfaces, 95.0),
        }


def count(prediction: ArrayLike, reference: ArrayLike) -> dict[str, int]:
    """Pixels tp, fp, fn and tn of two masks of the same shape; raises MaskError otherwise."""
    said, true = as_pair(prediction, reference)
    tp, called, positive = (int(np.sum(mask)) for mask in (said & true, said, true))
    fp, fn = called - tp, positive - tp
    return {"tp": tp, "fp": fp, "fn": fn, "tn": said.size - tp - fp - fn}


def overlap(tp: NDArray[Any], fp: NDArray[Any], fn: NDArray[Any]) -> dict[str, Floats]:
    """Dice, IoU, precision and recall of counts of any one shape, 0..1.

    All NaN where nothing is positive in either mask, precision without a prediction, recall without
    a reference: a share of nothing is none, as in `osteon.measures.discrimination`.
    """
    tp, fp, fn = (np.asarray(value, dtype=np.float64) for value in (tp, fp, fn))
    return {
        "dice": ratio(2 * tp, 2 * tp + fp + fn),
        "iou": ratio(tp, tp + fp + fn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
    }


def score(cases: Iterable[Case], tolerance: float) -> pd.DataFrame:
    """The tidy table: one row a learner and patient, see `osteon.schemas.segmentations`.

    Args:
        cases: images or volumes in any order, read one by one; tolerance: of the NSD, mm.

    Raises:
        MaskError: masks, spacing or tolerance that cannot be judged, naming patient and learner.
        SegmentationError: no case at all.
    """
    tallies: dict[tuple[Any, ...], Tally] = {}
    for case in cases:
        key = tuple(getattr(case, name) for name in NAMES)
        try:
            tallies.setdefault(key, Tally()).add(case)
        except ValueError as error:
            message = f"patient {case.patient_id}, learner {case.learner}: {error}"
            raise type(error)(message) from error
    if not tallies:
        raise SegmentationError("cases: none found, at least one judged image needed")
    rows = [dict(zip(NAMES, key, strict=True)) | t.row(tolerance) for key, t in tallies.items()]
    return pd.DataFrame(rows)


def count_patches(patches: pd.DataFrame) -> pd.DataFrame:
    """Patches counted: one row a learner and patient with tp, fp, fn and tn in patches.

    Args:
        patches: one row a patch: learner, patient_id, fold, label and called, both 0 or 1.

    Raises:
        SegmentationError: a column is missing or a label or call is neither 0 nor 1.
    """
    demand_columns(patches, ("learner", "patient_id", "fold", "label", "called"), "patches")
    for name in ("label", "called"):
        if not patches[name].isin((0, 1)).all():
            found = patches.loc[~patches[name].isin((0, 1)), name].iloc[0]
            raise SegmentationError(f"patches, column {name}: {found} found, 0 or 1 allowed")
    true, said = patches["label"].astype(bool), patches["called"].astype(bool)
    cells = {"tp": true & said, "fp": ~true & said, "fn": true & ~said, "tn": ~true & ~said}
    keys = ["learner", "patient_id", "fold"]
    counted = patches[keys].assign(**{name: cell.astype(np.int64) for name, cell in cells.items()})
    return counted.groupby(keys, sort=False, as_index=False).sum()


def demand_columns(table: pd.DataFrame, names: Iterable[str], what: str) -> None:
    """Raise SegmentationError unless the table has rows and all these columns."""
    absent = [name for name in names if name not in table.columns]
    if absent or table.empty:
        raise SegmentationError(f"{what}: {len(table)} rows found, without columns {absent}")
