"""What networks say of their training part: resubstitution, or out of fold where a table says so.

It serves two ends. Under one hold-out there is no other fold on which a threshold or a temperature
could be chosen: they are chosen on the training part, which is optimistic about that part and
honest about the judged one. And the ROC of the training part stands beside the held-out one, so
that a reader sees how far a network has learnt its patients by heart.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from osteon.measures.discrimination import Floats, Ints
from osteon.measures.levels import (
    NEEDED,
    SEQUENCE,
    Judged,
    Level,
    Trained,
    means,
    probabilities_of,
    refuse,
)

RESUBSTITUTION = "training part, resubstitution"
OUT_OF_FOLD = "training part, out of fold"
INNER = "out_of_fold"
CROSS_FITTED = "held-out predictions of the other folds, cross-fitted"


def usable(training: pd.DataFrame | None, predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `fitted` table that say what a network gave, with `score` and `positive`.

    Args:
        training: learner, fold, sample_id and, of the learners that predicted what they were fitted
            on, patient_id, label and prob_<class>, and perhaps `out_of_fold` (bool). None or a
            table without them: no rows.
        predictions: the held-out rows, which name the classes in their order.

    Raises:
        PredictionsError: a probability that is not a number within 0 to 1, rows that do not sum
            to 1, or a label that is no class.
    """
    columns = probabilities_of(predictions)
    if training is None or not {*NEEDED, *columns} <= set(training.columns):
        names = [*NEEDED, *columns, "score", "positive"]
        return pd.DataFrame(columns=names).astype({"fold": np.int64})
    rows = training[training[columns].notna().any(axis=1)]
    rows = rows.drop_duplicates(["learner", "fold", "sample_id"]).reset_index(drop=True)
    values = rows[columns].to_numpy(dtype=np.float64)
    outside = ~np.isfinite(values).all(axis=1) | ((values < 0) | (values > 1)).any(axis=1)
    refuse(rows, outside, "a probability of the training part outside 0 to 1")
    refuse(rows, np.abs(values.sum(axis=1) - 1) > 1e-3, "probabilities that do not sum to 1")
    places = list(range(len(columns)))
    refuse(rows, ~rows["label"].isin(places).to_numpy(), f"a label outside {places}")
    positive = (rows["label"] == places[-1]).astype(np.int64)
    return rows.assign(
        patient_id=rows["patient_id"].astype(str), score=values[:, -1], positive=positive
    )


def part_of(training: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The training part of the only fold in which a learner is judged; no rows with several folds.

    Args:
        training: of `usable`; rows: checked held-out rows of one learner.
    """
    folds = rows["fold"].unique()
    if len(folds) != 1:
        return training.iloc[:0]
    own = training["learner"] == rows["learner"].iloc[0]
    return training[own & (training["fold"] == folds[0])]


def with_training(judged: Judged, part: pd.DataFrame) -> Judged:
    """The judgements with their training part at the same level; as they are for an empty part.

    Args:
        judged: of one fold; part: of `part_of`. A patient's score is the mean over its images; a
            sequence that the part does not name is taken for its patient.
    """
    if part.empty:
        return judged
    return replace(judged, training=replace(pooled(part, judged.level), out_of_fold=inner(part)))


def inner(part: pd.DataFrame) -> bool:
    """Whether all rows of a training part say that they are out of fold; one that does not spoils.

    Args:
        part: rows of one learner; missing values in `out_of_fold` count as resubstitution.
    """
    return INNER in part and len(part) > 0 and bool(part[INNER].eq(True).all())


def pooled(part: pd.DataFrame, level: Level) -> Trained:
    """Labels and scores of a training part, one row an image, sequence or patient."""
    label = part["positive"].to_numpy(dtype=np.int64)
    score = part["score"].to_numpy(dtype=np.float64)
    if level == "image":
        return Trained(label, score)
    named = level == "sequence" and SEQUENCE in part and bool(part[SEQUENCE].notna().all())
    group = pd.factorize(part[SEQUENCE if named else "patient_id"])[0]
    _, first = np.unique(group, return_index=True)
    return Trained(label[first], means(group, score, score[first]))


def everywhere(
    fit: Callable[[Ints, Floats], float], training: Trained, fold: Ints
) -> dict[int, float]:
    """Judged fold → what `fit` finds on the training part; NaN where that lacks a class.

    Args:
        fit: (label, score) → value; training: of the only fold; fold: (n,) of the judged rows.
    """
    both = len(np.unique(training.label)) == 2
    value = fit(training.label, training.score) if both else float("nan")
    return dict.fromkeys((int(one) for one in np.unique(fold)), value)


def classes_of(predictions: pd.DataFrame) -> list[str]:
    """Names of the classes in their order, the positive one last."""
    return [name.removeprefix("prob_") for name in probabilities_of(predictions)]


def source_of(judged: Judged, chosen: Mapping[int, float]) -> str | None:
    """What Youden's threshold was chosen on, in words; None where there is none."""
    if not chosen:
        return None
    return CROSS_FITTED if judged.training is None else part_source(judged.training)


def part_source(training: Trained) -> str:
    """What a training part is, in words."""
    return OUT_OF_FOLD if training.out_of_fold else RESUBSTITUTION
