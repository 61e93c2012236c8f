"""How one row of weights came to its call of each patient: every image, sequence and vote.

Written image by image, apart from `osteon.measures.fusion.votes`, which looks at no image twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from osteon.measures.discrimination import Bools, Floats, Ints, ratio
from osteon.measures.fusion_terms import (
    DECIMALS,
    MALIGNANT,
    Names,
    NoBox,
    Terms,
    filled,
    normalised,
)
from osteon.measures.thresholds import FIXED

MAJORITY, TIE = "majority", "mean of a tie"
NO_BOX, ABSTAINS = "sequence model and age: no box", "abstains"
AGE_ALONE, UNDECIDED = "age alone: no box", "undecided: called malignant"


@dataclass(frozen=True)
class Explained:
    """The votes of one row of weights, one table a level, rows in the order of the terms.

    Attributes:
        images: patient_id, sequence_id, sample_id, d (NaN: no box), p, part_det, part_seq, part_age
            (they sum to p; all NaN without a vote), counted, vote (bool).
        sequences: patient_id, sequence_id, sequence, m, images, counted, malignant (numbers of
            images: all, voting, voting malignant), score (NaN if it abstains), vote, decided_by.
        patients: patient_id, label, a, sequences, counted, malignant (numbers of sequences), score,
            vote, decided_by.
    """

    images: pd.DataFrame
    sequences: pd.DataFrame
    patients: pd.DataFrame


def explain(terms: Terms, lambdas: Sequence[float] | Floats, no_box: NoBox = "skip") -> Explained:
    """The votes of one row of weights in full; the same calls as `osteon.measures.fusion.votes`.

    Args:
        lambdas: three weights of D, M and A; no_box: as for `votes`.

    Raises:
        ValueError: as for `votes`.
    """
    given = np.asarray(lambdas, dtype=np.float64)
    if given.shape != (3,):
        raise ValueError(f"lambdas: shape {given.shape} found, (3,) needed")
    weights = normalised(given[None])[0]
    d = filled(terms, no_box)
    voting = ~np.isnan(d) & (weights[0] > 0)
    boxed = np.bincount(terms.sequence, voting) > 0
    images = image_table(terms, weights, d, np.where(boxed[terms.sequence], voting, True))
    sequences = sequence_table(terms, images, ~boxed & (weights[0] > 0))
    return Explained(images, sequences, patient_table(terms, weights, sequences))


def image_table(terms: Terms, weights: Floats, d: Floats, asked: Bools) -> pd.DataFrame:
    """Eq. 1 of each image that is `asked`; without boxes all images of a sequence have one P."""
    owner = terms.patient[terms.sequence]
    values = np.stack([d, terms.m[terms.sequence], terms.a[owner]], axis=1)
    used = np.where(np.isnan(values), 0.0, weights)
    age_alone = weights[0] == 0 and weights[1] == 0
    counted = asked & ((used[:, :2] > 0).any(axis=1) | (age_alone & (used[:, 2] > 0)))
    total = np.where(counted, used.sum(axis=1), 0.0)
    parts = ratio(np.nan_to_num(values) * used, np.repeat(total[:, None], 3, axis=1))
    p = parts.sum(axis=1)
    columns = {
        "patient_id": terms.patient_ids[owner],
        "sequence_id": terms.sequence_ids[terms.sequence],
        "sample_id": terms.image_ids,
        "d": terms.d,
        "p": p,
        "part_det": parts[:, 0],
        "part_seq": parts[:, 1],
        "part_age": parts[:, 2],
        "counted": counted,
        "vote": counted & (p >= MALIGNANT),
    }
    return pd.DataFrame(columns)


def sequence_table(terms: Terms, images: pd.DataFrame, unboxed: Bools) -> pd.DataFrame:
    """The votes of the images, counted by sequence; `unboxed`: D was asked for and never there."""
    size, malignant, score = counts(terms.sequence, images, "p", len(terms.m))
    vote, words = decided(size, malignant, score)
    words = np.where(unboxed, NO_BOX, words)
    columns = {
        "patient_id": terms.patient_ids[terms.patient],
        "sequence_id": terms.sequence_ids,
        "sequence": terms.kinds,
        "m": terms.m,
        "images": np.bincount(terms.sequence),
        "counted": size,
        "malignant": malignant,
        "score": score,
        "vote": vote & (size > 0),
        "decided_by": np.where(size == 0, ABSTAINS, words),
    }
    return pd.DataFrame(columns)


def patient_table(terms: Terms, weights: Floats, sequences: pd.DataFrame) -> pd.DataFrame:
    """The votes of the sequences, counted by patient."""
    voting = sequences.assign(counted=sequences["counted"] > 0)
    size, malignant, score = counts(terms.patient, voting, "score", len(terms.a))
    by_age = (weights[2] > 0) & ~np.isnan(terms.a)
    score = np.where(size > 0, score, np.where(by_age, terms.a, FIXED))
    vote, words = decided(size, malignant, score)
    columns = {
        "patient_id": terms.patient_ids,
        "label": terms.label,
        "a": terms.a,
        "sequences": np.bincount(terms.patient),
        "counted": size,
        "malignant": malignant,
        "score": np.round(score, DECIMALS),
        "vote": vote,
        "decided_by": np.where(size > 0, words, np.where(by_age, AGE_ALONE, UNDECIDED)),
    }
    return pd.DataFrame(columns)


def counts(place: Ints, members: pd.DataFrame, score: str, size: int) -> tuple[Ints, Ints, Floats]:
    """Voters of each place, how many of them vote malignant, and the mean of their scores."""
    counted, vote = members["counted"].to_numpy(bool), members["vote"].to_numpy(bool)
    voters = np.bincount(place[counted], minlength=size)
    malignant = np.bincount(place[counted & vote], minlength=size)
    total = np.bincount(place[counted], members[score].to_numpy()[counted], minlength=size)
    mean = ratio(total.astype(np.float64), voters.astype(np.float64))
    return voters, malignant, mean


def decided(size: Ints, malignant: Ints, score: Floats) -> tuple[Bools, Names]:
    """The majority, or on a tie the side of the mean score; and which of the two it was."""
    tie = 2 * malignant == size
    vote = np.where(tie, score >= MALIGNANT, 2 * malignant > size)
    return vote, np.where(tie, TIE, MAJORITY)
