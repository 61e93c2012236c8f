"""How well targets are outlined in parts of the cohort: by size, by level of the spine."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from osteon.measures.describing import plain
from osteon.measures.judging import Settings
from osteon.measures.resampling import entries
from osteon.measures.segmentation import METRICS, SegmentationError
from osteon.measures.segmentation_evaluator import PIXEL, checked, prepare

SHOWN = ("dice", "iou", "recall", "precision", "nsd", "hd95_mm")
LEAST = 5
"""Fewer patients than this are no group of their own, and their mean has no interval."""
SMALL = "small groups together"
FEW = f"none: fewer than {LEAST} patients"


def by_stratum(
    table: pd.DataFrame,
    groups: pd.DataFrame,
    order: Sequence[str],
    settings: Settings,
) -> list[dict[str, Any]]:
    """Means over the patients of each stratum, for every learner.

    What is found at a level of one patient is that patient's: strata of fewer than `LEAST` are
    taken together as `SMALL`, the last one, with the smallest of the others where they still are
    fewer: what is left out could be had by subtraction.

    Args:
        table: segmentations of all learners, one row a learner and patient.
        groups: patient_id and stratum; a patient may stand in several.
        order: of the strata; those without a patient are left out.
        settings: resampling.

    Returns:
        JSON-able, one entry a learner and stratum: learner, stratum, n_patients, n_images, joined
        (the strata in it), and metric → value, lo, hi, method, n_patients (in whom it is defined),
        on pixels. Empty where all are taken together.

    Raises:
        SegmentationError: the table cannot be judged, a patient is in no stratum, or a stratum is
            not in the order, or twice in it.
    """
    if len(set(order)) < len(order):
        raise SegmentationError(f"order: {list(order)} found, every stratum once needed")
    frame = checked(table, METRICS, "segmentations")
    known = groups.assign(patient_id=groups["patient_id"].astype(str)).drop_duplicates()
    if lost := sorted(set(frame["patient_id"]) - set(known["patient_id"])):
        raise SegmentationError(f"groups: {len(lost)} patient(s) of none (first: {lost[0]})")
    if odd := sorted(set(known["stratum"]) - set(order)):
        raise SegmentationError(f"groups, stratum: {odd} found, only {list(order)} allowed")
    known = known[known["patient_id"].isin(frame["patient_id"])]
    shown = _large_enough(known, order)
    found = []
    for learner in frame["learner"].drop_duplicates():
        own = frame[frame["learner"] == learner]
        for stratum, parts in shown.items():
            members = known.loc[known["stratum"].isin(parts), "patient_id"]
            part = own[own["patient_id"].isin(members)]
            if len(part):
                said = {"learner": str(learner), "stratum": stratum, "joined": parts}
                found.append(said | _figures(part.reset_index(drop=True), settings))
    return list(plain(found))


def _large_enough(known: pd.DataFrame, order: Sequence[str]) -> dict[str, list[str]]:
    """What is shown → the strata in it; empty where that would be everybody together."""
    sizes = known.groupby("stratum")["patient_id"].nunique().to_dict()
    there = [name for name in order if name in sizes]
    together = [name for name in there if sizes[name] < LEAST]
    rest = sorted((name for name in there if sizes[name] >= LEAST), key=sizes.__getitem__)
    while together and rest and _people(known, together) < LEAST:
        together.append(rest.pop(0))
    shown = {name: [name] for name in there if name in rest}
    joined = [name for name in there if name in together]
    return shown | ({SMALL: joined} if shown and joined else {})


def _people(known: pd.DataFrame, strata: Sequence[str]) -> int:
    return int(known.loc[known["stratum"].isin(strata), "patient_id"].nunique())


def _figures(part: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    """Counts and means of one learner in one stratum."""
    judged: Mapping[str, Any] = entries(prepare(part, None, ()), settings)[PIXEL]
    figures: dict[str, Any] = {
        "n_patients": len(part),
        "n_images": int(part["images"].sum()) if "images" in part else None,
    }
    for name in SHOWN:
        defined = int(part[name].notna().sum())
        entry = {**judged[name], "n_patients": defined}
        if 0 < defined < LEAST:
            entry |= {"lo": None, "hi": None, "method": FEW}
        figures[name] = entry
    return figures
