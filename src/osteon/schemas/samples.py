"""Samples: one row an image that can be learnt from, with label and normalised clinical values."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from osteon.schemas.images import whole
from osteon.schemas.patients import MAX_AGE, PSEUDONYM, SEXES, SPLITS, number, text

CROP_SOURCES = ("whole", "mask", "box", "otsu", "li", "fixed", "field")


def _crop_has_pixels(table: pd.DataFrame) -> pd.Series:
    wide = table["crop_x0"] < table["crop_x1"]
    return wide & (table["crop_y0"] < table["crop_y1"])


def finite() -> pa.Column:
    """A float column without missing values: what a network reads."""
    checks = [pa.Check.gt(float("-inf")), pa.Check.lt(float("inf"))]
    return pa.Column(float, checks, coerce=True)


def _one_each(of: str) -> pa.Check:
    """A patient's samples agree on a fact of the patient."""

    def agree(table: pd.DataFrame) -> pd.Series:
        return table.groupby("patient_id")[of].transform("nunique", dropna=False) <= 1

    return pa.Check(agree, name=f"one {of} a patient")


schema = pa.DataFrameSchema(
    {
        "sample_id": text(False, unique=True),
        "patient_id": text(False, checks=pa.Check.str_matches(PSEUDONYM)),
        "row": pa.Column(int, pa.Check.ge(0), unique=True, coerce=True),
        "archive_row": pa.Column(int, pa.Check.ge(0), unique=True, coerce=True),
        **{f"crop_{corner}": whole(0) for corner in ("x0", "y0", "x1", "y1")},
        "crop_source": text(False, checks=pa.Check.isin(CROP_SOURCES)),
        "label": whole(0),
        "class": text(False),
        "age": number(0.0, MAX_AGE),
        "sex": text(checks=pa.Check.isin(SEXES)),
        **{name: text() for name in ("site", "location", "centre", "sequence", "view", "scanner")},
        "split": text(checks=pa.Check.isin(SPLITS)),
        "parent": text(),
        "gender": pa.Column(float, pa.Check.isin((-0.5, 0.0, 0.5)), coerce=True),
        **{name: finite() for name in ("age_norm", "alp_norm", "ldh_norm")},
        **{
            name: pa.Column(bool, coerce=True)
            for name in ("age_missing", "alp_missing", "ldh_missing")
        },
    },
    checks=[
        *(_one_each(fact) for fact in ("label", "class", "split")),
        pa.Check(_crop_has_pixels, name="a crop holds a pixel"),
    ],
    strict=False,
    name="samples",
)
"""One row a sample; clinical inputs are finite, and a patient has one label and one part."""
