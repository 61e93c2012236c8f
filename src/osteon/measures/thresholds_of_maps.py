"""Pixels right and wrong at every threshold of a map: drawn, never chosen on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.discrimination import Bools
from osteon.measures.segmentation import COUNTS, overlap

LEVELS = np.arange(1, 20, dtype=np.float32) / np.float32(20)
"""0.05 to 0.95."""
NOTE = (
    "Mean over patients at each threshold, of maps on the image's own pixels before "
    "post-processing. Drawn only: the threshold is given, not chosen on these patients."
)


@dataclass
class ThresholdCounts:
    """Counts of one learner, gathered slice by slice; no pixel is kept."""

    of: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def add(self, patient: str, probability: NDArray[np.float32], reference: Bools) -> None:
        """Count one more slice.

        Args:
            patient: whose; probability: (H, W) in 0..1; reference: (H, W), what is drawn.
        """
        # Place k: k thresholds are at or below the pixel's value, which it is called at.
        place = np.searchsorted(LEVELS, probability.ravel(), side="right")
        drawn = reference.ravel()
        size = len(LEVELS) + 1
        right, wrong = (
            np.bincount(place[rows], minlength=size)[::-1].cumsum()[::-1]
            for rows in (drawn, ~drawn)
        )
        tp, fp = right[1:], wrong[1:]
        counts = np.stack([tp, fp, right[0] - tp, wrong[0] - fp], axis=1)
        self.of[patient] = self.of.get(patient, 0) + counts

    def table(self) -> pd.DataFrame:
        """One row a patient and threshold: patient_id, threshold, tp, fp, fn, tn (pixels)."""
        parts = [
            pd.DataFrame(counts, columns=list(COUNTS)).assign(
                patient_id=patient, threshold=np.round(LEVELS.astype(np.float64), 2)
            )
            for patient, counts in self.of.items()
        ]
        return pd.concat(parts, ignore_index=True)[["patient_id", "threshold", *COUNTS]]


def curve(counts: pd.DataFrame) -> dict[str, Any]:
    """Mean Dice and IoU over the patients at each threshold.

    Args:
        counts: of `ThresholdCounts.table`.

    Returns:
        threshold, dice and iou, a list each; n_patients, and `note`. Patients in whom nothing is
        drawn count where something is called, with 0.
    """
    scores = overlap(*(counts[name].to_numpy() for name in COUNTS[:3]))
    named = counts[["threshold"]].assign(dice=scores["dice"], iou=scores["iou"])
    means = named.groupby("threshold").mean()
    return {
        "threshold": means.index.tolist(),
        "dice": means["dice"].tolist(),
        "iou": means["iou"].tolist(),
        "n_patients": int(counts["patient_id"].nunique()),
        "note": NOTE,
    }
