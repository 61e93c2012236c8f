"""What a statistic of each fold depends on, found by changing the rows of one fold at a time.

A record written from the intention of the code would repeat its mistakes. Here the evaluator's own
functions judge the predictions again with the rows of one fold changed in several ways, and what
they say they used is compared to the last bit. What moves it, it has read; what none of the changes
moves is taken as not read. That holds of these changes: it is a search, not a proof.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from osteon.measures import audit, evaluator, judging, temperature, thresholds
from osteon.measures.calibration import EDGE
from osteon.measures.columns import ALWAYS_TRAIN
from osteon.measures.discrimination import Bools, Floats, Ints
from osteon.measures.levels import (
    SEQUENCE,
    Judged,
    Level,
    at_level,
    checked,
    levels_of,
    with_sequences,
)
from osteon.measures.trained import part_of, usable, with_training

Fit = Callable[[Ints, Floats, Ints], Mapping[int, float]]
Use = Callable[[Judged], Mapping[int, float]]
Changes = Callable[[Ints, Floats, Bools], Iterator[tuple[Ints, Floats]]]
PULLS = (0.1, 0.3, 0.5, 0.7, 0.9)
SURE = 0.99
COLUMNS = ["statistic", "learner", "fold", "sample_id"]


def evaluated(predictions: pd.DataFrame, training: pd.DataFrame | None = None) -> pd.DataFrame:
    """What the thresholds and temperatures that the evaluator uses were fitted on, at each level.

    Traced through `with_calls`, under each name by which figures are made with it, and
    `osteon.measures.temperature.applied`, on judgements as the evaluator forms them.

    Args:
        predictions, training: as for `osteon.measures.evaluator.evaluate`. The training part of a
            learner that is judged in a single fold counts as one more fold that may be read.

    Returns:
        as `traced`, and the level.

    Raises:
        PredictionsError: the table cannot be judged. ValueError: calls or tempered scores do not
            follow from the thresholds or temperatures that are given beside them.
    """
    parts = [pd.DataFrame(columns=[*COLUMNS, "level"])]
    # Checked learner by learner: one of them may judge shuffled labels.
    frame = with_sequences(predictions.reset_index(drop=True))
    for learner, own in frame.groupby("learner", sort=False):
        rows = checked(own)
        levels = levels_of(rows)
        if rows["fold"].nunique() == 1:
            rows = with_part(rows, part_of(usable(training, rows), rows))
        for level in levels:
            for statistic, use, changes in uses():
                found = dependencies(at(level, use, rows), *columns_of(rows), changes)
                table = table_of(statistic, str(learner), rows, found)
                parts.append(table.assign(level=level))
    return pd.concat(parts, ignore_index=True).astype({"fold": np.int64})


def with_part(rows: pd.DataFrame, part: pd.DataFrame) -> pd.DataFrame:
    """Judged rows followed by those of their training part, whose fold is then ALWAYS_TRAIN."""
    if part.empty:
        return rows
    return pd.concat([rows, part.assign(fold=ALWAYS_TRAIN)], ignore_index=True)


def uses() -> list[tuple[str, Use, Changes]]:
    """Every function that a figure's threshold or temperature comes from, as it is now."""
    # A module that has a function of its own under this name is found out, too.
    named = [getattr(module, "with_calls", None) for module in (evaluator, audit, judging)]
    distinct = dict.fromkeys(one for one in named if one is not None)
    made: list[tuple[str, Use, Changes]] = [
        ("youden_threshold", chosen_by(one), pulled) for one in distinct
    ]
    return [*made, ("temperature", tempered, pushed)]


def chosen_by(with_calls: Callable[[Judged], tuple[Judged, Mapping[int, float]]]) -> Use:
    """Fold → the threshold that this function returns and calls by."""

    def use(judged: Judged) -> Mapping[int, float]:
        called, chosen = with_calls(judged)
        if chosen:
            own = np.array([chosen[int(fold)] for fold in judged.fold])
            wanted = thresholds.call(judged.score, own)
            agree("with_calls", "calls", np.array_equal(called.called[judging.YOUDEN], wanted))
        return chosen

    return use


def tempered(judged: Judged) -> Mapping[int, float]:
    """Fold → the temperature that `temperature.applied` returns and divides by."""
    cooled = temperature.applied(judged)
    if cooled.judged is not None:
        own = np.array([cooled.by_fold[int(fold)] for fold in judged.fold])
        wanted = expit(logit(np.clip(judged.score, EDGE, 1 - EDGE)) / own)
        agree("applied", "tempered scores", np.allclose(cooled.judged.score, wanted))
    return cooled.by_fold


def agree(name: str, what: str, right: bool) -> None:
    """Stop where what is applied is not what is returned: the trace would be of another value."""
    if not right:
        raise ValueError(f"{name}: {what} found that do not follow from the values it returns")


def at(level: Level, use: Use, rows: pd.DataFrame) -> Fit:
    """Labels and scores of one learner's checked rows → what is used to judge them at a level."""
    # Numbers for names: no name decides anything, and text is slow to sort.
    names = pd.factorize(rows["patient_id"])[0]
    kept = rows[["fold"]].assign(patient_order=names, patient_id=names)
    if level == "sequence":
        series = pd.factorize(rows[SEQUENCE])[0]
        kept = kept.assign(**{SEQUENCE: pd.Series(series, index=rows.index).where(series >= 0)})
    trained = (rows["fold"] == ALWAYS_TRAIN).to_numpy()

    def fit(label: Ints, score: Floats, _: Ints) -> Mapping[int, float]:
        given = kept.assign(positive=label, score=score)
        if not trained.any():
            return use(at_level(given, level))
        return use(with_training(at_level(given[~trained], level), given[trained]))

    return fit


def columns_of(rows: pd.DataFrame) -> tuple[Ints, Floats, Ints]:
    """Label, score and fold of checked rows."""
    return (
        rows["positive"].to_numpy(dtype=np.int64),
        rows["score"].to_numpy(dtype=np.float64),
        rows["fold"].to_numpy(dtype=np.int64),
    )


def traced(statistic: str, fit: Fit, predictions: pd.DataFrame) -> pd.DataFrame:
    """The samples that each fold's statistic was fitted on, for each learner, row by row.

    Args:
        statistic: its name; fit: (label, score, fold) → fold → value, for instance
            `osteon.measures.thresholds.by_fold` or `osteon.measures.temperature.by_fold`.
        predictions: sample_id, learner, fold, label and prob_<class>, the positive class last.

    Returns:
        statistic, learner, fold (that the value serves to judge), sample_id (it depends on): the
        form that `osteon.measures.leaks.certify` takes. A fold without a value (NaN) has no row.
    """
    probabilities = [name for name in predictions.columns if str(name).startswith("prob_")]
    positive = (predictions["label"] == len(probabilities) - 1).astype(np.int64)
    frame = predictions.assign(positive=positive, score=predictions[probabilities[-1]])
    parts = [pd.DataFrame(columns=COLUMNS)]
    for learner, rows in frame.groupby("learner", sort=False):
        found = dependencies(fit, *columns_of(rows))
        parts.append(table_of(statistic, str(learner), rows, found))
    return pd.concat(parts, ignore_index=True).astype({"fold": np.int64})


def table_of(
    statistic: str, learner: str, rows: pd.DataFrame, found: Mapping[int, list[int]]
) -> pd.DataFrame:
    """Fold → the folds it depends on, as rows of samples."""
    names, fold = rows["sample_id"].to_numpy(dtype=object), rows["fold"].to_numpy()
    parts = {judged: names[np.isin(fold, read)] for judged, read in found.items()}
    served = np.repeat(list(parts), [len(part) for part in parts.values()]).astype(np.int64)
    read = np.concatenate([names[:0], *parts.values()])
    table = pd.DataFrame({"statistic": statistic, "learner": learner, "fold": served})
    return table.assign(sample_id=read)[COLUMNS]


def pulled(label: Ints, score: Floats, rows: Bools) -> Iterator[tuple[Ints, Floats]]:
    """Labels and scores with those of `rows` changed, in ways that pull hard.

    Labels turned over, or all positive; scores turned over; and scores beside a value, the
    positives just above it and the negatives just below: a threshold chosen with them is drawn
    there. One change alone may leave a threshold where it was.
    """
    yield np.where(rows, 1 - label, label), score
    yield np.where(rows, 1, label), score
    yield label, np.where(rows, 1 - score, score)
    for value in PULLS:
        beside = np.where(label == 1, value + 0.01, value - 0.01)
        yield label, np.where(rows, beside, score)


def pushed(label: Ints, score: Floats, rows: Bools) -> Iterator[tuple[Ints, Floats]]:
    """Scores of `rows` surely right, or surely wrong: a temperature is a smooth function of all.

    Two directions, so that one of them leaves whatever end of its range the temperature is at.
    """
    for right in (SURE, 1 - SURE):
        yield label, np.where(rows, np.where(label == 1, right, 1 - right), score)


def dependencies(
    fit: Fit, label: Ints, score: Floats, fold: Ints, changes: Changes = pulled
) -> dict[int, list[int]]:
    """Fold → the folds whose rows its value depends on.

    A change after which nothing can be fitted any more (no value for any fold) tells nothing.
    """
    before = fit(label, score, fold)
    found: dict[int, list[int]] = {int(judged): [] for judged in before}
    if not before:
        return found
    for changed in (int(value) for value in np.unique(fold)):
        rows = np.asarray(fold == changed)
        tried = [one for pair in changes(label, score, rows) if (one := fit(*pair, fold))]
        for judged, value in before.items():
            now = [one.get(judged, np.nan) for one in tried]
            if any(not np.array_equal(one, value, equal_nan=True) for one in now):
                found[int(judged)].append(changed)
    return found
