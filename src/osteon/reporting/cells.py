"""Counts and medians as the text of a table's cell; ages over 89 and rare values never show."""

from collections.abc import Iterable

import pandas as pd

NONE = "–"
OLDEST = 89  # an exact age above it identifies (HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i)(C))
RARE = 3  # patients; values that fewer have are counted together
SHOWN = 12  # values of one attribute that get a row each
NOT_STATED = "not stated"
OTHER = "other"
AGE_BANDS = ((0, 9), (10, 19), (20, 29), (30, 39), (40, 59), (60, 79))


def share(count: int, of: int) -> str:
    """`12 (34.3 %)`, or the bare count where there is nothing to divide by."""
    return f"{count} ({100 * count / of:.1f} %)" if of else f"{count}"


def out_of(count: int, of: int) -> str:
    """`12 of 35 (34.3 %)`."""
    return f"{count} of {of} ({100 * count / of:.1f} %)" if of else f"{count} of {of}"


def median(values: pd.Series, digits: int = 0) -> str:
    """`23 [16 to 44]`: median and quartiles of the values that are there."""
    known = values.dropna()
    if known.empty:
        return NONE
    low, middle, high = (f"{known.quantile(q):.{digits}f}" for q in (0.25, 0.5, 0.75))
    return f"{middle} [{low} to {high}]"


def median_age(ages: pd.Series) -> str:
    """Median and quartiles of ages in whole years; what lies above 89 is written `90+`."""
    known = ages.dropna()
    if known.empty:
        return NONE
    low, middle, high = (age_text(float(known.quantile(q))) for q in (0.25, 0.5, 0.75))
    return f"{middle} [{low} to {high}]"


def age_text(years: float) -> str:
    """Whole years, or `90+`."""
    return "90+" if years > OLDEST else f"{years:.0f}"


def age_band(ages: pd.Series) -> pd.Series:
    """`0-9` … `60-79`, `80+`; a missing age stays missing."""
    labels = [f"{low}-{high}" for low, high in AGE_BANDS] + ["80+"]
    edges = [float(low) for low, _ in AGE_BANDS] + [80.0, float("inf")]
    return pd.cut(ages, edges, right=False, labels=labels).astype("object")


def grouped(values: pd.Series, patients: pd.Series) -> pd.Series:
    """Values as text; those of fewer than RARE patients, and all beyond SHOWN, become `other`.

    Args:
        values: one a row, null for not stated.
        patients: whose row it is.

    Returns:
        a text a row: a value, `other (k values)` or `not stated`.
    """
    text = values.astype("object").where(values.notna(), None)
    text = text.map(lambda one: str(one).strip() if one is not None else "")
    stated = text[text != ""]
    by_patient = patients[stated.index].groupby(stated).nunique()
    common = by_patient[by_patient >= RARE].index
    counts = stated[stated.isin(common)].value_counts()
    kept = set(sorted(counts.index, key=lambda one: (-counts[one], one))[:SHOWN])
    rest = len(by_patient) - len(kept)
    other = f"{OTHER} ({rest} value{'s' if rest != 1 else ''})"
    return text.map(lambda one: NOT_STATED if one == "" else one if one in kept else other)


def in_order(values: pd.Series) -> list[str]:
    """Values of `grouped`, the most frequent first, `other` and `not stated` last."""
    counts = values.value_counts()

    def place(one: str) -> tuple[int, int, str]:
        last = 2 if one == NOT_STATED else 1 if one.startswith(f"{OTHER} (") else 0
        return last, -int(counts[one]), one

    return sorted(map(str, counts.index), key=place)


def row(name: str, values: dict[str, str]) -> dict[str, object]:
    """A table's row as it goes into JSON."""
    return {"name": name, "values": values}


def table(columns: Iterable[str], rows: list[dict[str, object]]) -> dict[str, object]:
    """A table as it goes into JSON."""
    return {"columns": list(columns), "rows": rows}
