"""From images to sequences to patients: means, and the votes of the weighted fusion framework.

Liu et al. 2022 (Insights Imaging 13:87) call an image by its larger probability, a sequence by the
majority of its images, a patient by the majority of its sequences. The paper states no rule for
ties. Here: the side of 0.5 on which the mean probability lies; exactly 0.5 is positive, since a
tumour missed costs more than a second look. The score of a sequence is the mean over its images,
of a patient the mean over its sequences, so that a long sequence weighs no more than a short one.
"""

import numpy as np
import pandas as pd

from osteon.measures.discrimination import Bools, Floats, Ints
from osteon.measures.levels import PredictionsError
from osteon.measures.thresholds import FIXED

SEQUENCE = ("learner", "patient_id", "sequence_id")
PATIENT = ("learner", "patient_id")
KEPT = ("paper", "fold", "split", "label")


def majority(called: Bools, score: Floats, group: Ints) -> tuple[Bools, Floats]:
    """The vote of each group, and the share of its members that voted positive.

    Args:
        called: (n,) bool, votes; score: (n,) 0..1, for ties; group: (n,) int64, 0..groups - 1.

    Returns:
        (groups,) bool and (groups,) 0..1. On a tie the group's mean score decides: positive at 0.5
        and above.

    Raises:
        ValueError: lengths differ, a score is not within 0..1, or a group has no member.
    """
    if not len(called) == len(score) == len(group):
        raise ValueError(
            f"called, score, group: lengths {len(called)}, {len(score)}, {len(group)} found, one "
            "length needed"
        )
    if not ((score >= 0) & (score <= 1)).all():
        raise ValueError("score: values outside 0 to 1 or NaN found, probabilities needed")
    size = np.bincount(group)
    if (size == 0).any():
        raise ValueError(
            f"group: {int(np.argmin(size))} has no member, 0 to {len(size) - 1} needed"
        )
    positive = np.bincount(group, called.astype(np.float64))
    mean = np.bincount(group, score) / size
    # Sums of probabilities are rounded: 0.3 + 0.7 over 2 is a tie, whatever the last bit says.
    vote = np.where(2 * positive == size, mean >= FIXED - 1e-12, 2 * positive > size)
    return vote, positive / size


def to_sequences(predictions: pd.DataFrame, threshold: float = FIXED) -> pd.DataFrame:
    """One row a learner, patient and sequence, in the form of a predictions table.

    Args:
        predictions: one row a learner and image, as `osteon.measures.levels.checked` describes,
            with `sequence_id`; threshold: an image is called positive at and above it.

    Returns:
        `sample_id` (`<patient_id>/<sequence_id>`), patient_id, sequence_id, paper, learner, fold,
        split, label, the prob_ columns as means over the images, `vote` (bool), `vote_fraction`
        (share of images called positive) and `members` (number of images).

    Raises:
        PredictionsError: a column is missing, a value is NaN or out of range, or a sequence has two
            labels or folds.
    """
    frame, probabilities = fit(predictions, SEQUENCE)
    called = frame[probabilities[-1]].to_numpy(dtype=np.float64) >= threshold
    return grouped(frame, probabilities, SEQUENCE, called)


def to_patients(sequences: pd.DataFrame) -> pd.DataFrame:
    """One row a learner and patient from the rows of `to_sequences`, each sequence counted once.

    Returns:
        as `to_sequences`, with `sample_id` the patient_id, `vote` the majority of the sequences'
        votes, `vote_fraction` the share of them that are positive, `members` their number.

    Raises:
        PredictionsError: as `to_sequences`; a column `vote` is needed.
    """
    frame, probabilities = fit(sequences, (*PATIENT, "vote"))
    return grouped(frame, probabilities, PATIENT, frame["vote"].to_numpy(dtype=bool))


def fit(table: pd.DataFrame, needed: tuple[str, ...]) -> tuple[pd.DataFrame, list[str]]:
    """The table with a fresh index, and its prob_ columns, once fit to be grouped."""
    probabilities = [str(name) for name in table.columns if str(name).startswith("prob_")]
    absent = [name for name in (*needed, "fold", "label") if name not in table.columns]
    if absent or len(probabilities) < 2:
        raise PredictionsError(
            f"predictions: no columns {absent} and {len(probabilities)} prob_<class> columns found,"
            " all of them and at least 2 prob_<class> columns needed"
        )
    values = table[probabilities].to_numpy(dtype=np.float64)
    bad = ~((values >= 0) & (values <= 1)).all(axis=1)
    bad |= table[list(needed)].isna().any(axis=1).to_numpy()
    if bad.any() or table.empty:
        raise PredictionsError(
            f"predictions: {int(bad.sum())} of {len(table)} rows found with no"
            f" {' or '.join(needed)} or a probability outside 0 to 1; at least one row needed, all"
            " of them complete"
        )
    return table.reset_index(drop=True), probabilities


def grouped(
    frame: pd.DataFrame, probabilities: list[str], keys: tuple[str, ...], called: Bools
) -> pd.DataFrame:
    """One row a group, groups by first appearance: means, votes and what its members share."""
    by = frame.groupby(list(keys), sort=False)
    shared = [name for name in KEPT if name in frame]
    for name in shared:
        if (several := by[name].nunique() > 1).any():
            first = "/".join(str(part) for part in several.index[several][0])
            raise PredictionsError(f"predictions: {first} has more than one {name}, one needed")
    table = by[shared].first().join(by[probabilities].mean()).reset_index()
    score = frame[probabilities[-1]].to_numpy(dtype=np.float64)
    vote, fraction = majority(called, score, by.ngroup().to_numpy().astype(np.int64))
    names = table[list(keys[1:])].astype(str)
    table.insert(0, "sample_id", names.agg("/".join, axis=1))
    return table.assign(vote=vote, vote_fraction=fraction, members=by.size().to_numpy())
