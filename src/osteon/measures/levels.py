"""From a predictions table to what is judged: images, or patients as the mean over their images."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.discrimination import Bools, Floats, Ints

Level = Literal["image", "patient"]
LEVELS: tuple[Level, ...] = ("patient", "image")
DIVIDED = -2
NEEDED = ("sample_id", "patient_id", "learner", "fold", "label")


@dataclass(frozen=True)
class Judged:
    """What one learner said of n images or patients.

    Attributes:
        level: what a row is.
        patients: patient_id of each column of a weights matrix, in the order of the table that was
            `checked`, never of their names; strata: their labels, 0/1.
        unit: (n,) int64, the patient (its place in `patients`) of each row.
        label: (n,) int64, 1 for the positive class; score: (n,) its probability, 0..1.
        fold: (n,) int64, where the row was held out; DIVIDED (-2) for one held out in several.
        images: (patients,) int64, number of images of each patient.
        called: threshold name → (n,) bool, the rows called positive.
    """

    level: Level
    patients: tuple[str, ...]
    strata: Ints
    unit: Ints
    label: Ints
    score: Floats
    fold: Ints
    images: Ints
    called: Mapping[str, Bools]

    @property
    def divided(self) -> bool:
        """Whether a patient was held out in more than one fold."""
        return bool(np.any(self.fold == DIVIDED))


class PredictionsError(ValueError):
    """A predictions table that cannot be judged; names learner, samples and what is allowed."""


def checked(predictions: pd.DataFrame) -> pd.DataFrame:
    """The table with columns `score`, `positive` and `patient_order`, once fit to be judged.

    Args:
        predictions: sample_id, patient_id, learner, fold, label and prob_<class> for each class in
            the order of the classes; the last class is the positive one, all others are negative.

    Raises:
        PredictionsError: a column, probability or label is missing or out of range, rows do not sum
            to 1, a sample is judged twice by a learner, a patient has two labels, or rows of the
            training part are present.
    """
    probabilities = [name for name in predictions.columns if str(name).startswith("prob_")]
    absent = [name for name in NEEDED if name not in predictions.columns]
    if absent or len(probabilities) < 2:
        raise PredictionsError(
            f"predictions: columns {absent} and {len(probabilities)} prob_<class> columns found, "
            f"{list(NEEDED)} and at least 2 prob_<class> columns needed"
        )
    if predictions.empty:
        raise PredictionsError("predictions: no row found, at least one held-out sample needed")
    frame = predictions.reset_index(drop=True)
    refuse(frame, frame[list(NEEDED)].isna().any(axis=1).to_numpy(), f"no {' or '.join(NEEDED)}")
    values = frame[probabilities].to_numpy(dtype=np.float64)
    refuse(frame, ~np.isfinite(values).all(axis=1), "a probability that is not a number")
    refuse(frame, ((values < 0) | (values > 1)).any(axis=1), "a probability outside 0 to 1")
    refuse(frame, np.abs(values.sum(axis=1) - 1) > 1e-3, "probabilities that do not sum to 1")
    classes = range(len(probabilities))
    refuse(frame, ~frame["label"].isin(classes).to_numpy(), f"a label outside {list(classes)}")
    twice = frame.duplicated(["learner", "sample_id"]).to_numpy()
    refuse(frame, twice, "a second prediction of the same learner for the sample")
    if "split" in frame:
        refuse(frame, (frame["split"] == "train").to_numpy(), "a row of the training part")
    labels = frame.groupby("patient_id")["label"].transform("nunique")
    refuse(frame, (labels > 1).to_numpy(), "a patient with more than one label")
    positive = (frame["label"] == classes[-1]).astype(np.int64)
    names = frame["patient_id"].astype(str)
    return numbered(frame.assign(patient_id=names, score=values[:, -1], positive=positive))[0]


def numbered(*frames: pd.DataFrame) -> list[pd.DataFrame]:
    """The tables with each patient's place by first appearance, one numbering for all of them.

    Pseudonyms depend on a secret key, so that an order by name would draw other patients on another
    machine. Tables judged in pairs must be numbered together: they share the draws.
    """
    place = pd.factorize(pd.concat([frame["patient_id"] for frame in frames]))[0]
    parts = np.split(place, np.cumsum([len(frame) for frame in frames])[:-1])
    return [frame.assign(patient_order=part) for frame, part in zip(frames, parts, strict=True)]


def refuse(frame: pd.DataFrame, bad: NDArray[np.bool_] | np.bool_, what: str) -> None:
    """Stop, naming learners and the first samples, where any row is bad."""
    if not bad.any():
        return
    rows = frame[bad]
    learners = ", ".join(sorted({str(name) for name in rows["learner"]}))
    first = ", ".join(rows["sample_id"].astype(str).head(5))
    raise PredictionsError(
        f"predictions of {learners}: {len(rows)} row(s) with {what} (first samples: {first})"
    )


def at_level(frame: pd.DataFrame, level: Level) -> Judged:
    """One learner's checked rows at a level; a patient's score is the mean over the images.

    Args:
        frame: rows of one learner from `checked`; level: `image` or `patient`.
    """
    ordered = frame.sort_values("patient_order", kind="stable")
    places, first, unit = np.unique(
        ordered["patient_order"].to_numpy(), return_index=True, return_inverse=True
    )
    label = ordered["positive"].to_numpy(dtype=np.int64)
    score = ordered["score"].to_numpy(dtype=np.float64)
    fold = ordered["fold"].to_numpy(dtype=np.int64)
    images = np.bincount(unit)
    strata = label[first]
    if level == "patient":
        score = np.bincount(unit, score) / images
        least, most = np.minimum.reduceat(fold, first), np.maximum.reduceat(fold, first)
        fold = np.where(least == most, least, DIVIDED)
        label, unit = strata, np.arange(len(places))
    patients = tuple(ordered["patient_id"].iloc[first])
    return Judged(level, patients, strata, unit, label, score, fold, images, {})


def restrict(judged: Judged, patients: Collection[str]) -> Judged:
    """The same judgements for some of the patients only, thresholds left as they were chosen."""
    wanted = set(patients)
    kept = np.array([name in wanted for name in judged.patients])
    rows = kept[judged.unit]
    return replace(
        judged,
        patients=tuple(name for name in judged.patients if name in wanted),
        strata=judged.strata[kept],
        unit=(np.cumsum(kept) - 1)[judged.unit[rows]],
        label=judged.label[rows],
        score=judged.score[rows],
        fold=judged.fold[rows],
        images=judged.images[kept],
        called={name: called[rows] for name, called in judged.called.items()},
    )
