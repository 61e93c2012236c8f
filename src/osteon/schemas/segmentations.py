"""Segmentation scores: one row a learner and patient, pixels and patches in tables of their own."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from osteon.schemas.images import whole
from osteon.schemas.patients import text

EMPTY = ("neither", "prediction", "reference", "both")
COUNTS = ("tp", "fp", "fn", "tn")


def share() -> pa.Column:
    """A score from 0 to 1, or null where it is not defined."""
    return pa.Column(float, [pa.Check.ge(0.0), pa.Check.le(1.0)], nullable=True, coerce=True)


def _judged_once(table: pd.DataFrame) -> pd.Series:
    return ~table.duplicated(["learner", "patient_id"], keep=False)


def _empty_fits_counts(table: pd.DataFrame) -> pd.Series:
    """The word for which mask is empty says what the counts say."""
    code = (table["tp"] + table["fp"] == 0) + 2 * (table["tp"] + table["fn"] == 0)
    return table["empty"] == code.map(dict(enumerate(EMPTY)))


def _undefined_where_both_empty(table: pd.DataFrame) -> pd.Series:
    """Dice, IoU, NSD and HD95 are absent where both masks are empty, and there only."""
    absent = table[["dice", "iou", "nsd", "hd95_mm"]].isna()
    both = table["empty"] == "both"
    return absent.all(axis=1).where(both, ~absent.any(axis=1))


_names = {
    "patient_id": text(False),
    "learner": text(False),
    "fold": whole(0),
}
_once = pa.Check(_judged_once, name="a learner judges a patient once")

schema = pa.DataFrameSchema(
    {
        **_names,
        "paper": text(False),
        "split": text(False, checks=pa.Check.isin(("test", "cv"))),
        "images": whole(1),
        **{name: whole(0) for name in COUNTS},
        "empty": text(False, checks=pa.Check.isin(EMPTY)),
        **{name: share() for name in ("dice", "iou", "precision", "recall", "nsd")},
        "tolerance_mm": pa.Column(
            float, [pa.Check.ge(0.0), pa.Check.lt(float("inf"))], coerce=True
        ),
        "hd95_mm": pa.Column(
            float, [pa.Check.ge(0.0), pa.Check.lt(float("inf"))], nullable=True, coerce=True
        ),
    },
    checks=[
        _once,
        pa.Check(_empty_fits_counts, name="empty says what the counts say"),
        pa.Check(_undefined_where_both_empty, name="null scores where both masks are empty only"),
    ],
    # Subgroup columns come along unchecked.
    strict=False,
    name="segmentations",
)
"""Counts are pixels of all of a patient's images; distances are in mm."""

patch_schema = pa.DataFrameSchema(
    {**_names, **{name: whole(0) for name in COUNTS}},
    checks=_once,
    strict=False,
    name="patches",
)
"""Counts are patches: samples of a classifier, never pixels."""
