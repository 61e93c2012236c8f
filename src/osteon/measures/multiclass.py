"""All classes at once: the class of greatest probability, and the mean of one-vs-rest AUROCs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.describing import plain
from osteon.measures.discrimination import Bools, Floats, Ints, ones, ranked, ratio, sums
from osteon.measures.intervals import (
    UNDEFINED,
    WITHOUT_SPREAD,
    Interval,
    bca,
    draws,
    flat,
    leave_one_out,
    percentile,
    wilson,
)
from osteon.measures.judging import CONFIDENCE, Settings
from osteon.measures.levels import at_level, checked, means, probabilities_of
from osteon.measures.trained import classes_of

VOTED = "the learner's own votes"
CALLS = "the class of greatest mean probability over a patient's images; of equal ones the first"


@dataclass(frozen=True)
class Patients:
    """One learner's patients: `label` (patients,) and `score` (patients, classes), rows sum 1.

    `vote`: (patients,) whom a learner of two classes calls positive; None without votes.
    """

    label: Ints
    score: Floats
    vote: Bools | None = None

    @property
    def called(self) -> Ints:
        """(patients,) place of the class of greatest probability, or of the one voted for."""
        if self.vote is not None:
            return self.vote.astype(np.int64)
        return np.asarray(self.score.argmax(axis=1), dtype=np.int64)


def multiclass(predictions: pd.DataFrame, config: Settings) -> dict[str, Any]:
    """Confusion, accuracy, balanced accuracy and macro AUROC of every learner, by patient.

    Args:
        predictions: as for `osteon.measures.evaluator.evaluate`, of two or more classes.
        config: resampling.

    Returns:
        JSON-able, learner → level, classes, calls (how a class is chosen), n_patients, confusion
        (one row a true class, one column a called one), and accuracy, balanced_accuracy (mean of
        the classes' sensitivities), macro_auroc (plain mean of one class against the rest):
        value, lo, hi, method. Not defined (None) where a class has no patient.
    """
    frame, classes = checked(predictions), classes_of(predictions)
    found: dict[str, Any] = {}
    for name, rows in frame.groupby("learner", sort=False):
        patients = patients_of(rows)
        found[str(name)] = {
            "level": "patient",
            "classes": classes,
            "calls": CALLS if patients.vote is None else VOTED,
            "n_patients": len(patients.label),
            "confusion": confusion(patients, len(classes)).tolist(),
            **entries(patients, config),
        }
    return dict(plain(found))


def patients_of(rows: pd.DataFrame) -> Patients:
    """Mean probabilities of each patient, and votes of two classes; in the order of the table."""
    group = pd.factorize(rows["patient_order"], sort=True)[0]
    _, first = np.unique(group, return_index=True)
    values = rows[probabilities_of(rows)].to_numpy(dtype=np.float64)
    score = np.stack([means(group, column, column[first]) for column in values.T], axis=1)
    vote = at_level(rows, "patient").vote if score.shape[1] == 2 else None
    return Patients(rows["label"].to_numpy(dtype=np.int64)[first], score, vote)


def confusion(patients: Patients, classes: int) -> NDArray[np.int64]:
    """(classes, classes) numbers of patients: true class by called class."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (patients.label, patients.called), 1)
    return table


def measure(patients: Patients, weights: NDArray[np.generic]) -> dict[str, Floats]:
    """The three figures on a matrix of weights (rounds, patients), each (rounds,)."""
    classes = patients.score.shape[1]
    own = patients.label[:, None] == np.arange(classes)
    right = own & (patients.called == patients.label)[:, None]
    hits, sizes = (sums(weights, one.astype(np.float64)) for one in (right, own))
    unit = np.arange(len(patients.label))
    areas = [
        ranked(weights, own[:, k].astype(np.int64), patients.score[:, k], unit)["auroc"]
        for k in range(classes)
    ]
    return {
        "accuracy": ratio(hits.sum(axis=1), sizes.sum(axis=1)),
        "balanced_accuracy": ratio(hits, sizes).mean(axis=1),
        "macro_auroc": np.mean(areas, axis=0),
    }


def entries(patients: Patients, config: Settings) -> dict[str, dict[str, Any]]:
    """The three figures with 95 % intervals by bootstrap over patients.

    Accuracy is drawn whatever the class, as it depends on the classes' shares; the two others keep
    the number of each class.
    """
    size = len(patients.label)
    drawn = draws(patients.label, config.rounds, config.seed)
    observed = measure(patients, ones(size))
    jackknife = measure(patients, leave_one_out(size))
    rounds = measure(patients, drawn.by_class) | {
        "accuracy": measure(patients, drawn.whole)["accuracy"]
    }
    found = {}
    for name, values in observed.items():
        value = float(values[0])
        strata = None if name == "accuracy" else patients.label
        ends = interval(value, rounds[name], jackknife[name], strata, config)
        if ends.method == WITHOUT_SPREAD and name == "accuracy":
            ends = wilson(round(value * size), size, CONFIDENCE)
        found[name] = {"value": value, **asdict(ends)}
    return found


def interval(
    value: float, rounds: Floats, jackknife: Floats, strata: Ints | None, config: Settings
) -> Interval:
    """The bootstrap interval that the settings name; none for a figure that is not defined."""
    if not np.isfinite(value):
        return Interval(np.nan, np.nan, UNDEFINED)
    if config.interval == "percentile" or flat(rounds[np.isfinite(rounds)]):
        return percentile(rounds, CONFIDENCE)
    return bca(value, rounds, jackknife, strata, CONFIDENCE)
