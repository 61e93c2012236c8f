"""What a statistic of each fold depends on, found by changing the rows of one fold at a time.

A record written from the intention of the code would repeat its mistakes. Here the statistic is
fitted again with the rows of one fold changed in several ways, and compared to the last bit. What
moves it, it has read; what none of the changes moves is taken as not read.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from osteon.measures import temperature, thresholds
from osteon.measures.discrimination import Bools, Floats, Ints

Fit = Callable[[Ints, Floats, Ints], Mapping[int, float]]
PULLS = (0.1, 0.3, 0.5, 0.7, 0.9)


def evaluated(predictions: pd.DataFrame) -> pd.DataFrame:
    """What the evaluator's own statistics, Youden's threshold and the temperature, were fitted on.

    Args, Returns: as for `traced`.
    """
    made = {"youden_threshold": thresholds.by_fold, "temperature": temperature.by_fold}
    parts = [traced(statistic, fit, predictions) for statistic, fit in made.items()]
    return pd.concat(parts, ignore_index=True)


def traced(statistic: str, fit: Fit, predictions: pd.DataFrame) -> pd.DataFrame:
    """The samples that each fold's statistic was fitted on, for each learner.

    Args:
        statistic: its name; fit: (label, score, fold) → fold → value, for instance
            `osteon.measures.thresholds.by_fold` or `osteon.measures.temperature.by_fold`.
        predictions: sample_id, learner, fold, label and prob_<class>, the positive class last.

    Returns:
        statistic, learner, fold (that the value serves to judge), sample_id (it depends on): the
        form that `osteon.measures.leaks.certify` takes. A fold without a value (NaN) has no row.
    """
    probabilities = [name for name in predictions.columns if str(name).startswith("prob_")]
    parts = [pd.DataFrame(columns=["statistic", "learner", "fold", "sample_id"])]
    for learner, rows in predictions.groupby("learner", sort=False):
        label = (rows["label"] == len(probabilities) - 1).to_numpy().astype(np.int64)
        score = rows[probabilities[-1]].to_numpy(dtype=np.float64)
        fold = rows["fold"].to_numpy(dtype=np.int64)
        for judged, read in dependencies(fit, label, score, fold).items():
            names = rows.loc[np.isin(fold, read), "sample_id"]
            part = pd.DataFrame({"fold": judged, "sample_id": names})
            parts.append(part.assign(statistic=statistic, learner=str(learner)))
    table = pd.concat(parts, ignore_index=True)
    return table.astype({"fold": np.int64})


def dependencies(fit: Fit, label: Ints, score: Floats, fold: Ints) -> dict[int, list[int]]:
    """Fold → the folds whose rows its value depends on."""
    before = fit(label, score, fold)
    found: dict[int, list[int]] = {int(judged): [] for judged in before}
    for changed in (int(value) for value in np.unique(fold)):
        rows = np.asarray(fold == changed)
        tried = [fit(*pair, fold) for pair in changes(label, score, rows)]
        for judged, value in before.items():
            if any(not np.array_equal(one[judged], value, equal_nan=True) for one in tried):
                found[int(judged)].append(changed)
    return found


def changes(label: Ints, score: Floats, rows: Bools) -> Iterator[tuple[Ints, Floats]]:
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
