"""Errors and error rates by vertebral location, of the framework and of each reader (Fig. 6).

A tumour may reach over several levels of the spine: 585 patients of the paper have 677 locations,
and Fig. 6 does not say what its rates are divided by. Here a patient counts once in every location
that he has, in the numerator as in the denominator, so that a rate is one of patients; the rates of
several locations do not add up to the overall one, and say so.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from osteon.measures.describing import plain
from osteon.measures.readers import MODES, proportion, reader_calls, verdicts
from osteon.measures.subgroups import LEAST_PATIENTS, OTHERS, UNKNOWN
from osteon.measures.trained import classes_of

ORDER = ("cervical", "thoracic", "lumbar", "sacral")
JOINT = "+"
FRAMEWORK = "framework"
STATEMENT = (
    "A patient counts once in every location he has; the rate of a location is errors among its "
    "patients, with a 95 % Wilson interval. A reader's denominators are the patients he called."
)


def locations_of(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a patient and location, by `location` with "+" between several.

    Args:
        predictions: patient_id and location (text or missing).

    Returns:
        patient_id, location: the four of the spine by name; `not recorded`; any other word, as
        fewer than five patients share it, under `all others`.
    """
    text = predictions["location"] if "location" in predictions else pd.Series(dtype=object)
    text = text.reindex(predictions.index).astype("string").str.lower().fillna("")
    table = pd.DataFrame(
        {"patient_id": predictions["patient_id"].astype(str), "location": text.str.split(JOINT)}
    ).explode("location")
    table["location"] = table["location"].str.strip().replace("", UNKNOWN)
    shared = table.groupby("location")["patient_id"].transform("nunique")
    named = table["location"].isin([*ORDER, UNKNOWN]) | (shared >= LEAST_PATIENTS)
    table["location"] = table["location"].where(named, OTHERS)
    return table.drop_duplicates().reset_index(drop=True)


def by_location(
    predictions: Mapping[str, pd.DataFrame], readers: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Errors by location of the framework and of each reader, in each mode.

    Args:
        predictions: "without age", "with age" → the framework's table, one row a patient, as for
            `osteon.measures.readers.verdicts`, with `location`.
        readers: as for `osteon.measures.readers.reader_calls`; None for the framework alone.

    Returns:
        JSON-able: statement, locations (in the order to print), patients, of_locations (the sum
        over the locations, more than the patients where some have several), numbers (location →
        patients) and `modes` → mode → `framework` or reader → location → errors, patients, and
        rate (value, lo, hi, count, of; None without a patient).

    Raises:
        ValueError: no mode is given or a table does not fit.
    """
    if not predictions or set(predictions) - set(MODES):
        raise ValueError(
            f"predictions: modes {list(predictions)} found, one or more of {list(MODES)} needed"
        )
    tables = list(predictions.values())
    placed = locations_of(pd.concat(tables).drop_duplicates("patient_id").reset_index(drop=True))
    found = set(placed["location"])
    names = [one for one in ORDER if one in found]
    names += sorted(found - {*ORDER, OTHERS, UNKNOWN})
    names += [one for one in (OTHERS, UNKNOWN) if one in found]
    framework = {mode: verdicts(table) for mode, table in predictions.items()}
    calls = None
    if readers is not None:
        truth = pd.concat(framework.values()).drop_duplicates("patient_id")
        calls = reader_calls(readers, truth, classes_of(tables[0]))
    return dict(
        plain(
            {
                "statement": STATEMENT,
                "locations": names,
                "patients": int(placed["patient_id"].nunique()),
                "of_locations": len(placed),
                "numbers": {one: int((placed["location"] == one).sum()) for one in names},
                "modes": {
                    mode: of_mode(mode, table, calls, placed, names)
                    for mode, table in framework.items()
                },
            }
        )
    )


def of_mode(
    mode: str,
    framework: pd.DataFrame,
    calls: pd.DataFrame | None,
    placed: pd.DataFrame,
    names: list[str],
) -> dict[str, Any]:
    """`framework` and each reader of one mode → location → errors, patients and rate."""
    judges = {FRAMEWORK: framework}
    if calls is not None:
        own = calls[calls["with_age"] == MODES[mode]]
        judges |= {str(name): rows for name, rows in own.groupby("reader", sort=False)}
    return {name: errors(rows, placed, names) for name, rows in judges.items()}


def errors(rows: pd.DataFrame, placed: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """Location → errors, patients and the rate with its interval.

    Args:
        rows: patient_id, right (bool), one a patient; placed: of `locations_of`.
    """
    table = rows.merge(placed, on="patient_id")
    found: dict[str, Any] = {}
    for name in names:
        right = table.loc[table["location"] == name, "right"].to_numpy(dtype=bool)
        wrong = int((~right).sum())
        found[name] = {
            "errors": wrong,
            "patients": len(right),
            "rate": proportion(wrong, len(right)),
        }
    return found
