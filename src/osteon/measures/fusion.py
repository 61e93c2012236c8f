"""Eq. 1 of the weighted fusion framework, and its votes from image to sequence to patient.

Liu et al. 2022 (Insights Imaging 13:87): P = l1 D + l2 M + l3 A for each image, an image is called
by its P, a sequence by the majority of its images, a patient by the majority of its sequences. The
paper is silent on what follows, decided here:

- P is divided by the weights of the terms that are there: a missing M or A drops out.
- An image without a box has no vote while another image of its sequence has one (`skip`), or
  D = 0.5 (`uniform`). A sequence without any box is called by M and A; without M in use, by nothing
  (it abstains): age says nothing of a sequence. Without l1 and l2, every sequence is called by A.
- P of 0.5 is malignant. A tie of votes goes by the mean P, again malignant at 0.5, since a tumour
  missed costs more than a second look; as in `osteon.measures.sequences`.
- The score of a sequence is the mean P of its voting images, of a patient the mean score of its
  voting sequences. If all abstain, A alone calls the patient, or 0.5 and malignant (undecided).
"""

from dataclasses import dataclass

import numpy as np

from osteon.measures.discrimination import Bools, Floats, Ints, chunks
from osteon.measures.fusion_explain import Explained, explain
from osteon.measures.fusion_terms import (
    DECIMALS,
    MALIGNANT,
    NoBox,
    Terms,
    filled,
    normalised,
    of_patients,
    subset,
    terms_of,
)
from osteon.measures.thresholds import FIXED

__all__ = [
    "Explained",
    "NoBox",
    "Terms",
    "Votes",
    "explain",
    "grid",
    "of_patients",
    "subset",
    "terms_of",
    "votes",
]

# Row k: whether D, M, A are there, as the bits of k.
PATTERNS = np.array([[k & 1, k >> 1 & 1, k >> 2 & 1] for k in range(8)], dtype=np.float64)


@dataclass(frozen=True)
class Votes:
    """What each row of weights calls each patient.

    Attributes:
        vote: (rows of lambdas, patients) bool, malignant; score: the same shape, float64 0..1,
            rounded to 12 decimals.
    """

    vote: Bools
    score: Floats


@dataclass(frozen=True)
class Summary:
    """All that the votes need of the images of each sequence, so that none is looked at again.

    P rises with D, so that the two middle values of D decide the majority: more than half of the
    images are malignant if the lower median is, half of them if only the upper one is. And the mean
    of P is P at the mean of D. Which terms are there is one of eight patterns.

    Attributes:
        pattern: (sequences,) int64, row of PATTERNS; members: (8, patients), sequences of each.
        lower, upper, mean: (sequences,) of D; m, a: M and A of the sequence; 0 where absent.
        start: (patients,) first sequence of each.
    """

    pattern: Ints
    members: Floats
    lower: Floats
    upper: Floats
    mean: Floats
    m: Floats
    a: Floats
    start: Ints


def votes(terms: Terms, lambdas: Floats, no_box: NoBox = "skip") -> Votes:
    """The votes and scores of all patients for each row of weights.

    Args:
        lambdas: (L, 3) float64, weights of D, M and A, none negative, any scale.
        no_box: what an image without a box does: `skip` (no vote) or `uniform` (D = 0.5).

    Raises:
        ValueError: `lambdas` has another shape, a negative value or a row of zeros, or `no_box` is
            neither word.
    """
    weights = normalised(lambdas)
    summary = summary_of(terms, no_box)
    shape = (len(weights), len(terms.a))
    vote, score = np.empty(shape, dtype=np.bool_), np.empty(shape)
    # A quarter of a chunk an array: a dozen of them are in use at once.
    for part in chunks(len(weights), 4 * len(terms.m)):
        vote[part], score[part] = of_rows(terms, summary, weights[part])
    return Votes(vote, score)


def summary_of(terms: Terms, no_box: NoBox) -> Summary:
    """Medians and mean of D of each sequence, and the terms that it has."""
    d = filled(terms, no_box)
    rising = d[np.lexsort((d, terms.sequence))]  # NaN last within its sequence
    first = np.searchsorted(terms.sequence, np.arange(len(terms.m)))
    there = ~np.isnan(d)
    size = np.bincount(terms.sequence, there).astype(np.int64)
    boxed = size > 0
    total = np.bincount(terms.sequence, np.where(there, d, 0.0))
    a = terms.a[terms.patient]
    pattern = boxed + 2 * ~np.isnan(terms.m) + 4 * ~np.isnan(a)
    patients = len(terms.a)
    members = np.bincount(pattern * patients + terms.patient, minlength=8 * patients)
    return Summary(
        pattern=pattern,
        members=members.reshape(8, patients).astype(np.float64),
        lower=np.where(boxed, rising[first + np.maximum(size - 1, 0) // 2], 0.0),
        upper=np.where(boxed, rising[first + size // 2 * boxed], 0.0),
        mean=total / np.maximum(size, 1),
        m=np.nan_to_num(terms.m),
        a=np.nan_to_num(a),
        start=np.searchsorted(terms.patient, np.arange(patients)),
    )


def shares(weights: Floats) -> tuple[Floats, Bools]:
    """Each term's share in P, (rows, 8, 3), and whether there is a P, (rows, 8), by pattern.

    Shares sum to 1 where there is a P, and are all 0 where the sequence abstains.
    """
    used = weights[:, None] * PATTERNS
    l1, l2, _ = (weights[:, None, k] > 0 for k in range(3))
    heard = (used[..., :2] > 0).any(axis=2) | (~l1 & ~l2 & (used[..., 2] > 0))
    total = np.where(heard, used.sum(axis=2), np.inf)
    return used / total[..., None], heard


def of_rows(terms: Terms, summary: Summary, weights: Floats) -> tuple[Bools, Floats]:
    """Votes and scores, (rows, patients), of normalised weights (rows, 3)."""
    share, heard = shares(weights)
    of_d, of_m, of_a = (share[..., k].take(summary.pattern, axis=1) for k in range(3))
    of_m *= summary.m
    of_a *= summary.a
    rest = of_m + of_a
    score = of_d * summary.mean + rest  # of each sequence; 0, so not malignant, if it abstains
    most = of_d * summary.upper + rest >= MALIGNANT  # at least half
    most &= score >= MALIGNANT
    most |= of_d * summary.lower + rest >= MALIGNANT  # more than half
    malignant = np.add.reduceat(most, summary.start, axis=1, dtype=np.int64)
    total = np.add.reduceat(score, summary.start, axis=1)
    count = heard @ summary.members
    alone = np.where((weights[:, 2:] > 0) & ~np.isnan(terms.a), terms.a, FIXED)
    mean = np.divide(total, count, out=alone, where=count > 0)
    vote = (2 * malignant > count) | ((2 * malignant == count) & (mean >= MALIGNANT))
    return vote, np.asarray(np.round(mean, DECIMALS), dtype=np.float64)


def grid(step: float = 0.05) -> Floats:
    """All weights on the simplex that are multiples of `step`: (231, 3) float64 for 0.05.

    Raises:
        ValueError: 1 is no multiple of `step`.
    """
    parts = round(1 / step) if step > 0 else 0
    if parts < 1 or abs(parts * step - 1) > 1e-9:
        raise ValueError(f"step: {step} found, a positive value that divides 1 needed")
    rows = [(i, j, parts - i - j) for i in range(parts + 1) for j in range(parts + 1 - i)]
    return np.array(rows, dtype=np.float64) / parts
