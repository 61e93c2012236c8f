"""What the parts of the framework say, as terms of Eq. 1: per image, per series, per patient."""

from typing import Literal

import numpy as np
import pandas as pd

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
    names = [f"prob_{name}" for name in classes]
    kept = detections[detections["score"] >= score].sort_values(
        "score", ascending=False, kind="stable"
    )
    if aggregate == "max":
        both = kept.drop_duplicates("sample_id").set_index("sample_id")[names]
    elif aggregate == "mean":
        both = kept.groupby("sample_id")[names].mean()
    else:
        absent = kept.assign(
            **{name: np.log1p(-kept[name].clip(upper=1 - 1e-12)) for name in names}
        )
        both = 1 - absent.groupby("sample_id")[names].sum().apply(np.exp)
    share = both[names[-1]] / both.sum(axis=1)
    return samples.assign(d=samples["sample_id"].map(share))
