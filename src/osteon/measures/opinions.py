"""What the parts of the framework say, as terms of Eq. 1: per image, per series, per patient."""

from typing import Literal

import numpy as np
import pandas as pd

from osteon.measures.tube_boxes import columns

Aggregate = Literal["max", "mean", "noisy_or"]


def image_opinions(
    detections: pd.DataFrame,
    samples: pd.DataFrame,
    classes: tuple[str, str],
    score: float = 0.0,
    aggregate: Aggregate = "max",
) -> pd.DataFrame:
    """D of Eq. 1: what the detector says of each image (Liu et al. 2022; sheet, W3).

    Args:
        detections: one row a box: sample_id, score and prob_<class> of both classes, whose rest is
            the background's.
        samples: one row an image, sample_id; an image without a box has no opinion.
        classes: names, the positive one last.
        score: boxes below this are not looked at.
        aggregate: `max`, the surest box speaks; `mean`, the mean over the boxes of both
            probabilities; `noisy_or`, a class is absent if it is absent in every box.

    Returns:
        the samples with `d`, the positive class's share of the foreground, 0..1, NaN without a box.

    Raises:
        ValueError: another aggregate.
    """
    if aggregate not in ("max", "mean", "noisy_or"):
        raise ValueError(f"aggregate: {aggregate!r} found; allowed are max, mean, noisy_or")
    kept = np.flatnonzero(detections["score"].to_numpy(np.float64) >= score)
    # Places in place of joins, which for one patient would take longer than a small network.
    image = pd.Index(samples["sample_id"]).get_indexer(
        pd.Index(detections["sample_id"].to_numpy()[kept])
    )
    kept, image = kept[image >= 0], image[image >= 0]
    names = [f"prob_{name}" for name in classes]
    given = columns(detections, names)[kept]
    sure = detections["score"].to_numpy(np.float64)[kept]
    both = np.full((len(samples), 2), np.nan)
    boxed = np.bincount(image, minlength=len(samples))
    there = boxed > 0
    if aggregate == "max":
        order = np.argsort(-sure, kind="stable")
        place, first = np.unique(image[order], return_index=True)
        both[place] = given[order[first]]
    elif aggregate == "mean":
        both[there] = (_sums(image, given, len(samples)) / np.maximum(boxed, 1)[:, None])[there]
    else:
        absent = np.log1p(-np.minimum(given, 1 - 1e-12))
        both[there] = 1 - np.exp(_sums(image, absent, len(samples))[there])
    with np.errstate(invalid="ignore"):  # 0 of 0: a box that speaks for neither class
        return samples.assign(d=both[:, 1] / both.sum(axis=1))


def _sums(image: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """(size, 2) sums of the boxes' values by image."""
    return np.stack([np.bincount(image, one, minlength=size) for one in values.T], axis=1)
