"""By which box a series is cut into a tube: tables in, tables out.

Liu et al. 2022: in training the largest labelled region of the series, in testing the largest
detected one; the same place on all slices.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BOX = ["x0", "y0", "x1", "y1"]
DETECTED, OTHER, WHOLE, LABELLED, NONE = "detected", "other_series", "whole", "labelled", "none"
FROM = (DETECTED, OTHER, WHOLE, LABELLED, NONE)
"""Where a tube's box is from; `none`: there is no box, so no tube."""


def columns(table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Some columns as (rows, names) float64; one by one, ten times as fast for few rows."""
    return np.stack([table[name].to_numpy(np.float64) for name in names], axis=1)


def surest(detections: pd.DataFrame, score: float) -> pd.DataFrame:
    """The surest box of each slice, of those that reach a score: the one that speaks in Eq. 1."""
    given = detections["score"].to_numpy(np.float64)
    order = np.argsort(-given, kind="stable")
    order = order[given[order] >= score]
    ordered = detections.take(order)
    return ordered[~ordered["sample_id"].duplicated().to_numpy()]


def largest(
    series: pd.DataFrame, slices: pd.DataFrame, boxes: pd.DataFrame, source: str
) -> pd.DataFrame:
    """Each series with the largest of some boxes on its slices; of equal ones the first slice's.

    Args:
        series: sequence_id, one row a series.
        slices: sample_id, sequence_id, slice.
        boxes: sample_id and x0 … y1, any number a slice.
        source: what `box_from` says of a series that has one.

    Returns:
        the series with `sample_id` (of the slice), x0 … y1 and `box_from`; missing and `none` for
        a series without a box.
    """
    # Places in place of joins, which for one patient would take longer than a small network.
    slice_at = pd.Index(slices["sample_id"]).get_indexer(pd.Index(boxes["sample_id"]))
    owner = slices["sequence_id"].to_numpy()[slice_at]
    series_at = np.where(slice_at < 0, -1, pd.Index(series["sequence_id"]).get_indexer(owner))
    corners = columns(boxes, BOX)
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    order = np.lexsort((slices["slice"].to_numpy()[slice_at], -area))
    order = order[series_at[order] >= 0]
    place, first = np.unique(series_at[order], return_index=True)
    best = order[first]
    chosen, names = np.full((len(series), 4), np.nan), np.full(len(series), None, dtype=object)
    chosen[place], names[place] = corners[best], boxes["sample_id"].to_numpy()[best]
    box_from = np.where(np.isnan(chosen[:, 0]), NONE, source)
    own = dict(series.reset_index(drop=True))  # a new table, where `assign` would copy one a column
    corner = dict(zip(BOX, chosen.T, strict=True))
    return pd.DataFrame({**own, "sample_id": names, **corner, "box_from": box_from})


def borrowed(boxed: pd.DataFrame, sizes: np.ndarray) -> pd.DataFrame:
    """Series without a box take the patient's largest one, at the same share of their slices.

    Args:
        boxed: as from `largest`, with patient_id.
        sizes: (series, 2) rows and columns of their slices.
    """
    size = np.asarray(sizes, np.float64)[:, [1, 0, 1, 0]]
    share = columns(boxed, BOX) / size
    area = (share[:, 2] - share[:, 0]) * (share[:, 3] - share[:, 1])
    if not np.isnan(area).any():
        return boxed
    corners = columns(boxed, BOX)
    source = boxed["box_from"].to_numpy(object, copy=True)
    patient = boxed["patient_id"].factorize()[0]
    for place in range(patient.max(initial=-1) + 1):
        own = np.flatnonzero(patient == place)
        lacking = own[np.isnan(area[own])]
        if 0 < len(lacking) < len(own):
            best = own[np.nanargmax(area[own])]
            corners[lacking] = share[best] * size[lacking]
            source[lacking] = OTHER
    return boxed.assign(box_from=source, **dict(zip(BOX, corners.T, strict=True)))


def whole(series: pd.DataFrame, sizes: np.ndarray) -> pd.DataFrame:
    """Each series with all of its slices as the box.

    Args:
        series: one row a series; sizes: (series, 2) rows and columns of their slices.
    """
    found = series.assign(sample_id=None, box_from=WHOLE, x0=0.0, y0=0.0)
    return found.assign(x1=sizes[:, 1].astype(float), y1=sizes[:, 0].astype(float))
