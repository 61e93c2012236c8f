"""Splits: which fold judges which sample."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from osteon.measures.columns import ALWAYS_TRAIN
from osteon.schemas.patients import text

PARTS = ("train", "test", "cv")


def _fold_fits_part(table: pd.DataFrame) -> pd.Series:
    return (table["fold"] == ALWAYS_TRAIN) == (table["split"] == "train")


def _one_fold(table: pd.DataFrame) -> pd.Series:
    return table.groupby("patient_id")["fold"].transform("nunique") <= 1


schema = pa.DataFrameSchema(
    {
        "sample_id": text(False, unique=True),
        "patient_id": text(False),
        "fold": pa.Column(int, pa.Check.ge(ALWAYS_TRAIN), coerce=True),
        "split": text(False, checks=pa.Check.isin(PARTS)),
    },
    checks=pa.Check(_fold_fits_part, name="fold -1 is the train part and nothing else is"),
    strict=False,
    name="splits",
)
"""One row a sample, for any unit of splitting: the image-level audit divides patients."""

patient_schema = pa.DataFrameSchema(
    schema.columns,
    checks=[*schema.checks, pa.Check(_one_fold, name="one fold a patient")],
    strict=False,
    name="patient splits",
)
"""As `schema`, and no patient lies in two folds: for every split but the image-level audit's."""
