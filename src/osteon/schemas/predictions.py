"""Out-of-fold predictions: the one table that evaluation reads."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from osteon.schemas.patients import text

TOLERANCE = 1e-6
PREFIX = "prob_"


def _probabilities(table: pd.DataFrame) -> pd.DataFrame:
    return table[[name for name in table.columns if str(name).startswith(PREFIX)]]


def _two_classes(table: pd.DataFrame) -> bool:
    return _probabilities(table).shape[1] >= 2


def _sum_to_one(table: pd.DataFrame) -> pd.Series:
    # skipna=False: a missing probability must not count as 0
    return (_probabilities(table).sum(axis=1, skipna=False) - 1.0).abs() <= TOLERANCE


def _label_has_column(table: pd.DataFrame) -> pd.Series:
    return table["label"] < _probabilities(table).shape[1]


def _judged_once(table: pd.DataFrame) -> pd.Series:
    return ~table.duplicated(["learner", "sample_id", "fold"], keep=False)


schema = pa.DataFrameSchema(
    {
        "sample_id": text(False),
        "patient_id": text(False),
        "paper": text(False),
        "learner": text(False),
        "fold": pa.Column(int, pa.Check.ge(0), coerce=True),
        "split": text(False, checks=pa.Check.isin(("test", "cv"))),
        "label": pa.Column(int, pa.Check.ge(0), coerce=True),
        f"^{PREFIX}.+$": pa.Column(
            float, [pa.Check.ge(0.0), pa.Check.le(1.0)], regex=True, coerce=True
        ),
    },
    checks=[
        pa.Check(_two_classes, name="two or more prob_ columns"),
        pa.Check(_sum_to_one, name="probabilities of a row sum to 1"),
        pa.Check(_label_has_column, name="label is the position of a prob_ column"),
        pa.Check(_judged_once, name="a learner judges a sample once a fold"),
    ],
    # Subgroup columns (sex, age, site, ...) come along unchecked; they were checked as samples.
    strict=False,
    name="predictions",
)
"""One row a learner, fold and judged sample; a skipped learner's table has no rows."""
