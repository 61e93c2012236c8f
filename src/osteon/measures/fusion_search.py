"""Choosing the weights of Eq. 1 on out-of-fold patients, and what choosing on the test part adds.

Liu et al. 2022 (Insights Imaging 13:87) choose them by cross-validation. All weights on a grid are
tried: exact, since a search takes milliseconds. A finer optimum is not sought, for accuracy over a
few hundred patients is a step function with wide plateaus.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures.calibration import EDGE
from osteon.measures.discrimination import (
    Bools,
    Floats,
    Ints,
    chunks,
    confusion,
    from_confusion,
    ones,
    ratio,
)
from osteon.measures.fusion import NoBox, Terms, votes
from osteon.measures.fusion_terms import MALIGNANT, normalised

WEIGHTS = ["l1", "l2", "l3"]
PUBLISHED = (0.45, 0.45, 0.1)
Triple = tuple[float, float, float]


def search(terms: Terms, lambdas: Floats, no_box: NoBox = "skip") -> pd.DataFrame:
    """How good each row of weights is, at patient level, malignant positive.

    Args:
        lambdas, no_box: as for `osteon.measures.fusion.votes`.

    Returns:
        l1, l2, l3 (as given), accuracy, auroc, sensitivity, specificity, in 0..1, one row a row of
        `lambdas`; NaN where a class is absent. The votes decide all but the AUROC.

    Raises:
        ValueError: as `osteon.measures.fusion.votes`.
    """
    found = votes(terms, lambdas, no_box)
    table = pd.DataFrame(np.asarray(lambdas, dtype=np.float64), columns=WEIGHTS)
    malignant = terms.label == 1
    positives, negatives = float(malignant.sum()), float((~malignant).sum())
    true = np.count_nonzero(found.vote & malignant, axis=1).astype(np.float64)
    called = np.count_nonzero(found.vote, axis=1).astype(np.float64)
    cleared = negatives - (called - true)
    return table.assign(
        accuracy=(true + cleared) / (positives + negatives),
        auroc=aurocs(terms.label, found.score),
        sensitivity=ratio(true, np.full_like(true, positives)),
        specificity=ratio(cleared, np.full_like(true, negatives)),
    )


def aurocs(label: Ints, score: Floats) -> Floats:
    """AUROC of each row of scores (rows, n), ties as half a win; NaN where a class is absent."""
    rows, size = score.shape
    found = [wins(label, score[part]) for part in chunks(rows, 4 * size)]
    negatives = int((label == 0).sum())
    return ratio(np.concatenate(found), np.full(rows, 1.0 * negatives * (size - negatives)))


def wins(label: Ints, score: Floats) -> Floats:
    """Pairs of each row of (rows, n) in which the positive scores higher, ties as half, (rows,).

    Whole and half numbers, so that equal AUROCs are equal to the last bit.
    """
    rows, size = score.shape
    order = np.argsort(score, axis=1)
    rising = np.take_along_axis(score, order, axis=1)
    new = np.ones((rows, size), dtype=np.bool_)
    np.not_equal(rising[:, 1:], rising[:, :-1], out=new[:, 1:])
    start = np.flatnonzero(new)  # of groups of equal scores, which end with their row
    row = start // size
    benign = (label == 0)[order].ravel()
    negative = np.add.reduceat(benign, start, dtype=np.int64)
    positive = np.diff(start, append=rows * size) - negative
    below = np.cumsum(negative) - negative - row * int((label == 0).sum())
    beaten = np.bincount(row, positive * (below + 0.5 * negative), minlength=rows)
    return beaten.astype(np.float64)


def choose(found: pd.DataFrame, near: Sequence[float] = PUBLISHED, interior: bool = True) -> Triple:
    """The weights with the best accuracy; of equal ones the best AUROC, nearest to `near`, first.

    Args:
        found: as `search` returns; near: three weights of any scale, compared on the simplex.
        interior: all three weights above 0: a row that is named after three terms uses three.

    Raises:
        ValueError: no row is left to choose from, or `near` is no row of weights.
    """
    rows = candidates(found, interior)
    best = rows[rows["accuracy"] == rows["accuracy"].max()]
    auroc = best["auroc"].fillna(-1.0)
    best = best[auroc == auroc.max()]
    apart = normalised(best[WEIGHTS].to_numpy()) - normalised(np.array([near], dtype=np.float64))
    first = int(np.argmin(np.round((apart**2).sum(axis=1), 12)))
    l1, l2, l3 = best[WEIGHTS].iloc[first]
    return float(l1), float(l2), float(l3)


def candidates(found: pd.DataFrame, interior: bool) -> pd.DataFrame:
    """The rows that may be chosen."""
    rows = found[(found[WEIGHTS] > 0).all(axis=1)] if interior else found
    if rows.empty:
        raise ValueError(
            f"found: {len(found)} rows of weights, none with all three above 0, at least one needed"
        )
    return rows


def optimism(
    oof: Terms,
    test: Terms,
    lambdas: Floats,
    no_box: NoBox = "skip",
    near: Sequence[float] = PUBLISHED,
    interior: bool = True,
) -> dict[str, Any]:
    """What would be gained, in appearance only, by choosing the weights on the test part.

    Args:
        oof: training patients, terms out of fold; test: judged once. Others as for `choose`.

    Returns:
        `chosen` (on oof), `best_on_test` and `published` (`near`), each lambdas and accuracy and
        auroc on `oof` and `test`; `gap` (accuracy on test, best_on_test minus chosen, 0 or more);
        `ties` (weights of the best oof accuracy) and `ties_test_accuracy` (lowest and highest test
        accuracy among them); `tried` and numbers of `patients`. None for an absent AUROC.

    Raises:
        ValueError: as `search` and `choose`.
    """
    tables = {"oof": search(oof, lambdas, no_box), "test": search(test, lambdas, no_box)}
    named = np.array([near], dtype=np.float64)
    printed = {"oof": search(oof, named, no_box), "test": search(test, named, no_box)}
    chosen = choose(tables["oof"], near, interior)
    peeked = choose(tables["test"], near, interior)
    rows = candidates(tables["oof"], interior)
    tied = rows.index[rows["accuracy"] == rows["accuracy"].max()]
    accuracy = tables["test"].loc[tied, "accuracy"]
    judged = {
        "chosen": judged_at(tables, chosen),
        "best_on_test": judged_at(tables, peeked),
        "published": judged_at(printed, tuple(named[0])),
    }
    gap = judged["best_on_test"]["test"]["accuracy"] - judged["chosen"]["test"]["accuracy"]
    return judged | {
        "gap": gap,
        "ties": len(tied),
        "ties_test_accuracy": [float(accuracy.min()), float(accuracy.max())],
        "tried": len(rows),
        "patients": {"oof": len(oof.label), "test": len(test.label)},
    }


def judged_at(tables: dict[str, pd.DataFrame], lambdas: Sequence[float]) -> dict[str, Any]:
    """Accuracy and AUROC of one row of weights in each part."""
    found: dict[str, Any] = {"lambdas": [float(one) for one in lambdas]}
    for part, table in tables.items():
        row = table[(table[WEIGHTS] == list(lambdas)).all(axis=1)].iloc[0]
        found[part] = {name: plain(row[name]) for name in ("accuracy", "auroc")}
    return found


def plain(value: float) -> float | None:
    """A number for JSON, which has no NaN."""
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True)
class Stacked:
    """Scores by logistic stacking.

    Attributes:
        oof, test: (patients,) 0..1; oof is what the fit says of its own rows, so too good.
        weights: of the logits of D, M and A; intercept: of the regression.
    """

    oof: Floats
    test: Floats
    weights: Triple
    intercept: float


def stacking(oof: Terms, test: Terms) -> Stacked:
    """Logistic regression of malignancy on the logits of patient-level D, M and A.

    D of a patient is the mean over its sequences of the mean over their images with a box, M the
    mean over its sequences. What is absent stands at logit 0, no evidence either way. Penalty as
    scikit-learn has it (L2, C = 1), so that separable patients give finite weights.

    Args:
        oof: training patients, terms out of fold, fitted on; test: only predicted.

    Raises:
        ValueError: a class is absent from `oof`.
    """
    from sklearn.linear_model import LogisticRegression

    if len(classes := np.unique(oof.label)) < 2:
        raise ValueError(f"oof: labels {classes.tolist()} only found, 0 and 1 needed")
    model = LogisticRegression().fit(logits_of(oof), oof.label)
    seen, new = (model.predict_proba(logits_of(one))[:, 1] for one in (oof, test))
    l1, l2, l3 = (float(one) for one in model.coef_[0])
    return Stacked(seen, new, (l1, l2, l3), float(model.intercept_[0]))


def logits_of(terms: Terms) -> Floats:
    """(patients, 3) logits of patient-level D, M and A, 0 where absent, within logit(1 - 1e-6)."""
    d = mean_of(mean_of(terms.d, terms.sequence, len(terms.m)), terms.patient, len(terms.a))
    m = mean_of(terms.m, terms.patient, len(terms.a))
    p = np.clip(np.stack([d, m, terms.a], axis=1), EDGE, 1 - EDGE)
    return np.nan_to_num(np.log(p) - np.log1p(-p))


def mean_of(values: Floats, place: Ints, size: int) -> Floats:
    """The mean of each place's known values, (size,), NaN where none is known."""
    there = ~np.isnan(values)
    total = np.bincount(place[there], values[there], minlength=size).astype(np.float64)
    return ratio(total, np.bincount(place[there], minlength=size).astype(np.float64))


def aggregation(terms: Terms, lambdas: Sequence[float], no_box: NoBox = "skip") -> dict[str, Any]:
    """One row of weights by votes and by mean probability: the same scores, called otherwise.

    Returns:
        `vote` and `mean` (score at 0.5 and above), each accuracy, sensitivity, specificity;
        `auroc` of the score that they share, `otherwise`: number of patients on which they differ.

    Raises:
        ValueError: as `osteon.measures.fusion.votes`.
    """
    found = votes(terms, np.array([lambdas], dtype=np.float64), no_box)
    by_mean = found.score[0] >= MALIGNANT
    return {
        "vote": told(terms.label, found.vote[0]),
        "mean": told(terms.label, by_mean),
        "auroc": plain(aurocs(terms.label, found.score)[0]),
        "otherwise": int((found.vote[0] != by_mean).sum()),
    }


def told(label: Ints, called: Bools) -> dict[str, float | None]:
    """Accuracy, sensitivity and specificity of calls."""
    counts = confusion(ones(len(label)), label, called, np.arange(len(label)))
    metrics = from_confusion(counts)
    return {name: plain(metrics[name][0]) for name in ("accuracy", "sensitivity", "specificity")}
