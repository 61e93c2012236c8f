"""One learner in parts of the cohort, by patient: sex, age band, site, centre, scanner, ..."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures import delong
from osteon.measures.intervals import Interval, wilson
from osteon.measures.judging import CONFIDENCE, SCORES, Settings, proportions, without_spread
from osteon.measures.levels import Judged, at_level
from osteon.measures.thresholds import FIXED, call

BANDS = {
    "0-9": (0, 10),
    "10-19": (10, 20),
    "20-29": (20, 30),
    "30-39": (30, 40),
    "40-59": (40, 60),
    "60-79": (60, 80),
    "80+": (80, np.inf),
}
UNKNOWN, OTHERS = "not recorded", "all others"
MOST_VALUES = 12
# Fewer patients than this could be known by what was typed of them; free text may hold a name.
LEAST_PATIENTS = 5
CLOSED = ("sex", "age")
SHOWN = ("accuracy", "sensitivity", "specificity")


def subgroups(rows: pd.DataFrame, config: Settings) -> list[dict[str, Any]]:
    """Figures of one learner in each value of each subgroup column that the table has.

    Args:
        rows: checked rows of one learner; config: which columns, and the small sample.

    Returns:
        one entry a value: variable, value, n_patients, positive_patients, n_images, auroc (DeLong),
        accuracy, sensitivity, specificity (threshold 0.5 or by vote, Wilson; None without a patient
        of the class) and warnings. A patient's score is the mean over the images with that value,
        so that a patient with images of two views counts in both.
    """
    found = []
    for variable in config.subgroups:
        if variable in rows and rows[variable].notna().any():
            values = pooled(variable, named(variable, rows[variable]), rows["patient_id"])
            for value in ordered(values):
                part = rows[(values == value).to_numpy()]
                found.append({"variable": variable, "value": value, **figures(part, config)})
    return found


def years(ages: pd.Series) -> pd.Series:
    """Ages as float years, NaN where unknown; `90+` counts as 90."""
    text = ages.astype("string").str.strip().str.removesuffix("+")
    return pd.to_numeric(text, errors="coerce").astype("float64")


def named(variable: str, values: pd.Series) -> pd.Series:
    """The values as text: ages in bands, missing ones said so."""
    if variable != "age":
        text = values.astype("string").str.strip()
        return text.mask(text.isna() | (text == ""), UNKNOWN)
    age, found = years(values), pd.Series(UNKNOWN, index=values.index, dtype="string")
    for name, (low, high) in BANDS.items():
        found = found.mask(((age >= low) & (age < high)).to_numpy(), name)
    return found


def pooled(variable: str, values: pd.Series, patients: pd.Series) -> pd.Series:
    """The values, of which at most twelve are named; rare ones become `all others`.

    Sex and age bands are closed lists. Any other variable is text that somebody typed or a machine
    wrote: a value that fewer than five patients share is never printed.
    """
    counts = patients.groupby(values.to_numpy()).nunique().drop(UNKNOWN, errors="ignore")
    ranked = sorted(counts.index, key=lambda value: (-int(counts[value]), value))
    shown = ranked
    if variable not in CLOSED:
        shown = [value for value in ranked if counts[value] >= LEAST_PATIENTS]
    if len(ranked) > MOST_VALUES or len(shown) < len(ranked):
        shown = shown[: MOST_VALUES - 1]
    rare = ~values.isin([*shown, UNKNOWN])
    return values.mask(rare.to_numpy(), OTHERS)


def ordered(values: pd.Series) -> list[str]:
    """The values in the order to print: bands and names rising, the rest last."""
    last = (OTHERS, UNKNOWN)
    return sorted(
        set(values), key=lambda value: (last.index(value) + 1 if value in last else 0, value)
    )


def figures(part: pd.DataFrame, config: Settings) -> dict[str, Any]:
    """Numbers of patients, figures with intervals and warnings of one subgroup."""
    judged = at_level(part, "patient")
    positives, patients = int(judged.label.sum()), len(judged.label)
    called = call(judged.score, FIXED) if judged.vote is None else judged.vote
    report: dict[str, Any] = {
        "n_patients": patients,
        "positive_patients": positives,
        "n_images": int(judged.images.sum()) or None,
        "auroc": auroc(judged),
    }
    for name, (right, trials) in proportions(judged.label, called).items():
        if name in SHOWN:
            ends = asdict(wilson(right, trials, CONFIDENCE))
            report[name] = {"value": right / trials, **ends} if trials else None
    return {**report, "warnings": warnings(positives, patients - positives, config.small_sample)}


def auroc(judged: Judged) -> dict[str, Any] | None:
    """AUROC with DeLong's interval; Wilson's where DeLong's has no width; None for one class."""
    if not 0 < judged.label.sum() < len(judged.label):
        return None
    value = float(delong.covariance(judged.label, judged.score[None])[0][0])
    ends: Interval = delong.interval(judged.label, judged.score, CONFIDENCE)
    if value in (0.0, 1.0) or ends.lo == ends.hi:
        ends = without_spread(judged, (SCORES, "auroc"), value)
    return {"value": value, **asdict(ends)}


def warnings(positives: int, negatives: int, small: int) -> list[str]:
    """What to say beside the figures of a subgroup."""
    said = []
    for count, what in ((positives, "positive"), (negatives, "negative")):
        if count == 0:
            said.append(f"no {what} patient: no AUROC")
        elif count < small:
            said.append(f"small sample: {count} {what} patients, fewer than {small}")
    return said
