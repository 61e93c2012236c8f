"""Explained votes of made-up patients, by Eq. 1 written out once more, and their pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from osteon.reporting.patients.building import case_of
from osteon.reporting.patients.cases import PatientCase

WEIGHTS = (0.45, 0.45, 0.1)
NONE = float("nan")
AGE_TABLE: dict[str, Any] = {
    "edges": [0, 10, 20, 30, 40, 50, 60, 70, 80, None],
    "probability": [0.1, 0.15, 0.2, 0.35, 0.5, 0.62, 0.71, 0.8, 0.95],
    "benign": [20, 18, 25, 24, 22, 18, 12, 6, 0],
    "malignant": [1, 2, 5, 12, 22, 29, 31, 26, 18],
}


@dataclass(frozen=True)
class Tables:
    """What `osteon.measures.fusion.explain` gives."""

    images: pd.DataFrame
    sequences: pd.DataFrame
    patients: pd.DataFrame


def eq1(d: float, m: float, a: float, weights: Sequence[float]) -> tuple[float, ...]:
    """P and the three contributions; a missing term drops out."""
    pairs = [(weight, value) for weight, value in zip(weights, (d, m, a), strict=True)]
    total = sum(weight for weight, value in pairs if not np.isnan(value))
    parts = [0.0 if np.isnan(value) else weight * value / total for weight, value in pairs]
    return sum(parts), *parts


def explained(
    sequences: Mapping[str, tuple[Sequence[float], float]],
    a: float = 0.62,
    label: int = 1,
    weights: Sequence[float] = WEIGHTS,
    patient: str = "p1",
) -> Tables:
    """One patient: name of a sequence → D of its images and its M."""
    images, series = [], []
    for name, (ds, m) in sequences.items():
        boxed, ident = [d for d in ds if not np.isnan(d)], f"{patient}-{name}"
        silent = not boxed and np.isnan(m)
        votes = []
        for k, d in enumerate(ds, 1):
            p, *parts = eq1(d, m, a, weights)
            counted = not silent and (not boxed or not np.isnan(d))
            votes += [p] if counted else []
            images.append(
                [patient, ident, f"{ident}-{k}", d, p, *parts, counted, counted and p >= 0.5]
            )
        series.append([patient, ident, name, m, *_vote(votes), _how(votes, bool(boxed))])
    scores = [row[4] for row in series if not np.isnan(row[4])]
    called = [row[5] for row in series if not np.isnan(row[4])]
    vote = _majority(called, scores)
    how = "majority" if 2 * sum(called) != len(called) else "mean of a tie"
    score = float(np.mean(scores)) if scores else a
    if not scores:
        vote, how = a >= 0.5, "age alone: no box"
    return Tables(
        pd.DataFrame(images, columns=COLUMNS.split()),
        pd.DataFrame(
            series,
            columns=["patient_id", "sequence_id", "sequence", "m", "score", "vote", "decided_by"],
        ),
        pd.DataFrame(
            [[patient, label, a, score, vote, how]],
            columns=["patient_id", "label", "a", "score", "vote", "decided_by"],
        ),
    )


COLUMNS = "patient_id sequence_id sample_id d p part_det part_seq part_age counted vote"


def _vote(votes: Sequence[float]) -> tuple[float, bool]:
    called = [p >= 0.5 for p in votes]
    return (float(np.mean(votes)), _majority(called, votes)) if votes else (NONE, False)


def _majority(called: Sequence[bool], scores: Sequence[float]) -> bool:
    lead = 2 * sum(called) - len(called)
    return lead > 0 or (lead == 0 and bool(scores) and float(np.mean(scores)) >= 0.5)


def _how(votes: Sequence[float], boxed: bool) -> str:
    if not votes:
        return "abstains"
    if not boxed:
        return "sequence model and age: no box"
    return "mean of a tie" if 2 * sum(p >= 0.5 for p in votes) == len(votes) else "majority"


def samples(tables: Tables, age: float = 57, location: str = "cervical+thoracic") -> pd.DataFrame:
    """Age, slice, view and location of the images."""
    made = tables.images[["sample_id"]].copy()
    made["slice"] = made["sample_id"].str.rsplit("-", n=1).str[-1].astype("Int64")
    return made.assign(age=age, view="SAGITTAL", location=location)


def case(
    tables: Tables, age: float = 57, pictures: bool = True, side: int = 24, **changed: Any
) -> PatientCase:
    """The patient of `explained`, with noise for pictures."""
    draw = np.random.default_rng(0)
    ids = tables.images["sample_id"] if pictures else ()
    shown = {one: draw.integers(0, 255, (side, side, 3), dtype=np.uint8) for one in ids}
    patient = str(tables.patients["patient_id"].iloc[0])
    given = {"name": "P-7f3a", "reason": "drawn at random"} | changed
    return case_of(patient, tables, samples(tables, age), pictures=shown, **given)


USUAL = {
    "T1WI": ([0.83, 0.9, 0.2, NONE, 0.7], 0.71),
    "T2WI": ([0.1, 0.3, NONE], 0.2),
    "FS-T2WI": ([0.9, 0.8], 0.8),
}
"""Two of three sequences say malignant; two images have no box."""
