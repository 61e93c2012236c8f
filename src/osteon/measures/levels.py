"""From a predictions table to what is judged: images, or sequences and patients as their means."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures import voting
from osteon.measures.discrimination import Bools, Floats, Ints

Level = Literal["image", "sequence", "patient"]
LEVELS: tuple[Level, ...] = ("patient", "image")
WITH_SEQUENCES: tuple[Level, ...] = ("patient", "sequence", "image")
PATIENTS_ONLY: tuple[Level, ...] = ("patient",)
IMAGES = "image_rows"
SEQUENCE = "sequence_id"
DIVIDED = -2
SAME = 1e-12  # Scores nearer to each other than this differ by rounding only.
NEEDED = ("sample_id", "patient_id", "learner", "fold", "label")


@dataclass(frozen=True)
class Trained:
    """What a fold's network says of the samples it was fitted on: resubstitution, unless said.

    Never a performance estimate. Under one hold-out it is all that a threshold or a temperature can
    be chosen on without looking at what is judged.

    Attributes:
        label: (n,) int64, 1 for the positive class; score: (n,) its probability, 0..1.
        out_of_fold: the scores come from networks that had not seen the sample, by an inner
            cross-validation of the training part: no resubstitution.
    """

    label: Ints
    score: Floats
    out_of_fold: bool = False


@dataclass(frozen=True)
class Judged:
    """What one learner said of n images, sequences or patients.

    Attributes:
        level: what a row is.
        patients: patient_id of each column of a weights matrix, in the order of the table that was
            `checked`, never of their names; strata: their labels, 0/1.
        unit: (n,) int64, the patient (its place in `patients`) of each row.
        label: (n,) int64, 1 for the positive class; score: (n,) its probability, 0..1.
        fold: (n,) int64, where the row was held out; DIVIDED (-2) for one held out in several.
        images: (patients,) int64, number of images of each patient; 0 where every sample of the
            table is a patient.
        called: threshold name → (n,) bool, the rows called positive.
        training: the training part of the only fold, at the same level; None with several folds.
        vote: (n,) bool, what the learner itself calls; None where it does not say, or where the
            votes are of finer rows: `pooled_votes` then.
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
    training: Trained | None = None
    vote: Bools | None = None
    pooled_votes: bool = False

    @property
    def divided(self) -> bool:
        """Whether a patient was held out in more than one fold."""
        return bool(np.any(self.fold == DIVIDED))

    @property
    def constant(self) -> bool:
        """Whether all rows of a fold have one score, in every fold: nothing told them apart.

        Folds of one row each (fewer than two rows a fold on average) say nothing of that.
        """
        folds, place = np.unique(self.fold, return_inverse=True)
        least, most = np.full(len(folds), np.inf), np.full(len(folds), -np.inf)
        np.minimum.at(least, place, self.score)
        np.maximum.at(most, place, self.score)
        return len(self.fold) >= 2 * len(folds) and bool(np.all(most - least < SAME))


class PredictionsError(ValueError):
    """A predictions table that cannot be judged; names learner, samples and what is allowed."""


def checked(predictions: pd.DataFrame) -> pd.DataFrame:
    """The table with columns `score`, `positive` and `patient_order`, once fit to be judged.

    Args:
        predictions: sample_id, patient_id, learner, fold, label and prob_<class> for each class in
            the order of the classes; the last class is the positive one, all others are negative.
            `vote` (bool), where a learner has one in all its rows, is whom it calls positive.

    Raises:
        PredictionsError: a column, probability or label is missing or out of range, rows do not sum
            to 1, a sample is judged twice by a learner, a patient has two labels, a learner votes
            in some of its rows only or votes neither true nor false, or rows of the training part
            are present.
    """
    probabilities = probabilities_of(predictions)
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
    frame = frame.assign(patient_id=names, score=values[:, -1], positive=positive)
    whole = bool((frame["sample_id"].astype(str) == names).all())
    frame = frame.assign(**{IMAGES: 0 if whole else 1})
    return numbered(with_votes(with_sequences(frame)))[0]


def with_votes(frame: pd.DataFrame) -> pd.DataFrame:
    """The column `vote` as 1.0, 0.0 or NaN and what a voting row is; as it is without votes.

    Raises:
        PredictionsError: a learner votes in some of its rows only, or neither true nor false.
    """
    if voting.VOTE not in frame:
        return frame
    votes, odd = voting.as_votes(frame[voting.VOTE])
    refuse(frame, odd, "a vote that is neither true nor false")
    known = pd.Series(~np.isnan(votes), index=frame.index)
    some = known.groupby(frame["learner"], sort=False).transform("any")
    refuse(frame, (some & ~known).to_numpy(), "no vote, where the learner's other rows have one")
    frame = frame.assign(**{voting.VOTE: votes})
    return frame.assign(**{voting.VOTED: voting.voted_units(frame, SEQUENCE)})


def probabilities_of(table: pd.DataFrame) -> list[str]:
    """The columns prob_<class>, in the order of the classes."""
    return [str(name) for name in table.columns if str(name).startswith("prob_")]


def levels_of(frame: pd.DataFrame) -> tuple[Level, ...]:
    """The levels at which a checked table can be judged.

    Sequences only if all rows name theirs; patients alone where every sample is a patient: such a
    row is no image, and a level of images would say the same twice under a wrong name.
    """
    if IMAGES in frame and not frame[IMAGES].any():
        return PATIENTS_ONLY
    named = SEQUENCE in frame and bool(frame[SEQUENCE].notna().all())
    return WITH_SEQUENCES if named else LEVELS


def with_sequences(frame: pd.DataFrame) -> pd.DataFrame:
    """A missing `sequence_id` filled in from another learner's row of the same sample.

    Controls know nothing of sequences; they judge the same samples.

    Raises:
        PredictionsError: images of two patients in one sequence.
    """
    if SEQUENCE not in frame or frame[SEQUENCE].isna().all():
        return frame
    rows = frame.dropna(subset=[SEQUENCE]).drop_duplicates("sample_id")
    known = pd.Series(rows[SEQUENCE].to_numpy(), index=rows["sample_id"])
    frame = frame.assign(sequence_id=frame[SEQUENCE].fillna(frame["sample_id"].map(known)))
    patients = frame.groupby(SEQUENCE)["patient_id"].transform("nunique")
    refuse(frame, (patients > 1).to_numpy(), "a sequence of more than one patient")
    return frame


def one_vs_rest(predictions: pd.DataFrame, class_name: str) -> pd.DataFrame:
    """A table of several classes as a binary one: `prob_rest` and, positive, `prob_<class_name>`.

    Args:
        predictions: label (place of a prob_ column) and two or more prob_<class>.
        class_name: which class is to be the positive one. Votes for the last class are kept for
            it; of two classes the other one has those that did not vote so; else they say nothing.

    Raises:
        PredictionsError: the table has no such class.
    """
    columns = probabilities_of(predictions)
    wanted = f"prob_{class_name}"
    if wanted not in columns:
        known = [name.removeprefix("prob_") for name in columns]
        raise PredictionsError(f"class_name: {class_name!r} found, one of {known} allowed")
    label = (predictions["label"] == columns.index(wanted)).astype(np.int64)
    positive = predictions[wanted]
    kept = predictions.drop(columns=columns).assign(label=label, prob_rest=1 - positive)
    if voting.VOTE in kept and wanted != columns[-1]:
        against = 1 - voting.as_votes(kept[voting.VOTE])[0] if len(columns) == 2 else np.nan
        kept = kept.assign(**{voting.VOTE: against})
    return kept.assign(**{wanted: positive})


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
    """One learner's checked rows at a level; a patient's score is the mean over all images.

    Votes are taken over where a row is one unit of the level; means of votes are none.

    Args:
        frame: rows of one learner from `checked`; level: `image`, `sequence` or `patient`.
    """
    ordered = frame.sort_values("patient_order", kind="stable")
    _, first, unit = np.unique(
        ordered["patient_order"].to_numpy(), return_index=True, return_inverse=True
    )
    label = ordered["positive"].to_numpy(dtype=np.int64)
    score = ordered["score"].to_numpy(dtype=np.float64)
    fold = ordered["fold"].to_numpy(dtype=np.int64)
    images = np.bincount(unit, ordered.get(IMAGES)).astype(np.int64)
    strata = label[first]
    voted = voting.given(ordered)
    fit = voted and voting.fits(ordered, level)
    vote = ordered[voting.VOTE].to_numpy(dtype=np.float64) == 1 if fit else None
    if level != "image":
        group = unit
        if level == "sequence":
            group = pd.factorize(ordered[SEQUENCE])[0]
        _, start = np.unique(group, return_index=True)
        score = means(group, score, score[start])
        least, most = np.full((2, len(start)), fold[start])
        np.minimum.at(least, group, fold)
        np.maximum.at(most, group, fold)
        fold = np.where(least == most, least, DIVIDED)
        label, unit = label[start], unit[start]
        vote = None if vote is None else vote[start]
    patients = tuple(ordered["patient_id"].iloc[first])
    found = Judged(level, patients, strata, unit, label, score, fold, images, {})
    return replace(found, vote=vote, pooled_votes=voted and not fit)


def means(group: Ints, score: Floats, first: Floats) -> Floats:
    """Mean score of each group; equal scores give that score to the last bit, so that ties stay.

    Args:
        group: (n,) place of each row's group; score: (n,); first: (groups,) a score of each group.
    """
    varied = np.bincount(group, score != first[group]) > 0
    return np.where(varied, np.bincount(group, score) / np.bincount(group), first)


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
        vote=None if judged.vote is None else judged.vote[rows],
    )
