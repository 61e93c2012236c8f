"""Patients as ingestion leaves them: pseudonym, label, clinical facts with units."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

SEXES = ("F", "M", "unknown")
SPLITS = ("train", "test")
MAX_AGE = 120.0
LABS = ("alp", "ldh")
# A pseudonym, so that a hospital's own number cannot pass: osteon.cohorts.pseudonym.
PSEUDONYM = r"^P[0-9a-f]{16}$"


def text(nullable: bool = True, checks: pa.Check | None = None, unique: bool = False) -> pa.Column:
    """A column of words; null is allowed unless said otherwise."""
    return pa.Column(str, checks, nullable=nullable, unique=unique, coerce=True)


def number(low: float = 0.0, high: float | None = None) -> pa.Column:
    """A column of float64 from low to high, or null; infinity is refused."""
    checks = [
        pa.Check.ge(low),
        pa.Check.le(high) if high is not None else pa.Check.lt(float("inf")),
    ]
    return pa.Column(float, checks, nullable=True, coerce=True)


def _rising(lab: str) -> pa.Check:
    """Both bounds (U/L) with low < high, or neither."""
    low, high = f"{lab}_low", f"{lab}_high"

    def rises(table: pd.DataFrame) -> pd.Series:
        absent = table[low].isna() & table[high].isna()
        return absent | (table[low] < table[high])

    return pa.Check(rises, name=f"{low} below {high}, or both absent")


schema = pa.DataFrameSchema(
    {
        "patient_id": text(False, checks=pa.Check.str_matches(PSEUDONYM), unique=True),
        "label": text(False, checks=pa.Check.str_length(min_value=1)),
        "age": number(0.0, MAX_AGE),
        "sex": text(False, checks=pa.Check.isin(SEXES)),
        "site": text(),
        "location": text(),
        "subtype": text(),
        "centre": text(checks=pa.Check.str_matches(r"^C\d+$")),
        "split": text(checks=pa.Check.isin(SPLITS)),
        **{f"{lab}{end}": number() for lab in LABS for end in ("", "_low", "_high")},
    },
    checks=[_rising(lab) for lab in LABS],
    strict=True,
    name="patients",
)
"""One row a patient; no column beyond these may be there, so no identifier slips through."""
