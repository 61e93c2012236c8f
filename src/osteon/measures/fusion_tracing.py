"""What the weights of the fusion and its age table depend on, found by changing rows.

As in `osteon.measures.tracing`: the very functions that a run fits with are called again, on whole
tables that hold the test part, with the rows of one part changed in several ways. What moves the
result, to the last bit, was read. That holds of these changes: it is a search, not a proof.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures.age_table import AgeTable
from osteon.measures.discrimination import Bools
from osteon.measures.fusion_fits import TEST, fit_age, fit_age_by_fold, fit_lambdas, tested
from osteon.measures.tracing import COLUMNS, SURE

__all__ = [
    "fit_age",
    "fit_age_by_fold",
    "fit_lambdas",
    "of_samples",
    "traced_age",
    "traced_age_by_fold",
    "traced_lambda",
]

FINAL = 0
"""The fold in which a fixed test part is judged."""

Tables = tuple[pd.DataFrame, ...]
Fit = Callable[..., Mapping[int, bytes]]
Changes = Callable[[Tables, Bools], Iterator[Tables]]


def traced_lambda(
    fit: Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], Sequence[float]],
    images: pd.DataFrame,
    sequences: pd.DataFrame,
    patients: pd.DataFrame,
    learner: str = "fusion",
    fold: int = FINAL,
) -> pd.DataFrame:
    """The patients that the weights chosen by `fit` depend on.

    Args:
        fit: called with whole tables like these, for instance `fit_lambdas`.
        images, sequences, patients: as for `fit_lambdas`, the test part included.
        learner: name in the result; fold: the one that the weights serve to judge.

    Returns:
        statistic (`lambda`), learner, fold, sample_id (a patient_id), a row for each patient of a
        part (training, test) that moved it: the form that `osteon.measures.leaks.certify` takes
        beside a split with a row a patient; see `of_samples` for any other.

    Raises:
        ValueError: no `split`, or `fit` refuses the tables as they are.
    """

    def use(*tables: pd.DataFrame) -> Mapping[int, bytes]:
        return {fold: np.array(fit(*tables), dtype=np.float64).tobytes()}

    tables = (images, sequences, patients)
    return traced("lambda", learner, use, tables, halves(patients), changed_terms)


def traced_age(
    fit: Callable[[pd.DataFrame], AgeTable],
    patients: pd.DataFrame,
    learner: str = "age",
    fold: int = FINAL,
) -> pd.DataFrame:
    """The patients that the age table by `fit` (for instance `fit_age`) depends on.

    Args and returns as for `traced_lambda`, the statistic being `age_table`.
    """

    def use(given: pd.DataFrame) -> Mapping[int, bytes]:
        return {fold: written(fit(given))}

    return traced("age_table", learner, use, (patients,), halves(patients), changed_ages)


def traced_age_by_fold(
    fit: Callable[[pd.DataFrame], Mapping[int, AgeTable]],
    patients: pd.DataFrame,
    learner: str = "age",
) -> pd.DataFrame:
    """The patients that the age table of each inner fold depends on, part by part.

    Args:
        fit: for instance `fit_age_by_fold`; patients: as for it, the test part included.

    Returns:
        as `traced_age`, to be certified beside the split into these folds.
    """
    parts = {
        f"fold {fold}": ((patients["fold"] == fold) & ~tested(patients)).to_numpy(dtype=np.bool_)
        for fold in sorted(patients.loc[~tested(patients), "fold"].unique())
    }

    def use(given: pd.DataFrame) -> Mapping[int, bytes]:
        return {int(fold): written(table) for fold, table in fit(given).items()}

    every = parts | {TEST: tested(patients)}
    return traced("age_table", learner, use, (patients,), every, changed_ages)


def of_samples(found: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Rows of patients as rows of their samples, for a split with a row a sample.

    Args:
        found: as `traced_lambda` returns; samples: sample_id, patient_id. A patient without samples
            keeps its own name, which a certificate then reports as in no part.
    """
    named = samples[["patient_id", "sample_id"]]
    wide = found.rename(columns={"sample_id": "patient_id"}).merge(named, "left", "patient_id")
    return wide.assign(sample_id=wide["sample_id"].fillna(wide["patient_id"]))[COLUMNS]


def halves(patients: pd.DataFrame) -> dict[str, Bools]:
    """The training part and the test part, as rows of patients."""
    return {"training": ~tested(patients), TEST: tested(patients)}


def written(table: AgeTable) -> bytes:
    """An age table to the last bit."""
    return json.dumps(table.as_json()).encode()


def traced(
    statistic: str,
    learner: str,
    fit: Fit,
    tables: Tables,
    parts: Mapping[str, Bools],
    changes: Changes,
) -> pd.DataFrame:
    """Each judged fold with the patients of the parts that moved its value; patients table last."""
    names = tables[-1]["patient_id"].to_numpy(dtype=object)
    before = fit(*tables)
    found: list[tuple[str, str, int, Any]] = []
    for rows in parts.values():
        moved = moved_by(fit, before, changes(tables, rows)) if rows.any() else []
        found += [(statistic, learner, fold, name) for fold in moved for name in names[rows]]
    return pd.DataFrame(found, columns=COLUMNS).astype({"fold": np.int64})


def moved_by(fit: Fit, before: Mapping[int, bytes], changed: Iterator[Tables]) -> list[int]:
    """The folds whose value one of the changes moves.

    A change that `fit` refuses has been read. A fold that has gone with its rows tells nothing.
    """
    still = list(before)
    for tables in changed:
        try:
            now = fit(*tables)
        except ValueError:
            return list(before)
        still = [fold for fold in still if now.get(fold, before[fold]) == before[fold]]
        if not still:
            break
    return [fold for fold in before if fold not in still]


def changed_terms(tables: Tables, rows: Bools) -> Iterator[Tables]:
    """Images, sequences and patients with those of `rows` (of patients) changed.

    Labels turned over, all or some; each term turned over, absent, or alone right while the others
    are wrong, which pulls the weights to it; A dealt out anew; the rows gone.
    """
    images, sequences, patients = tables
    names = patients.loc[rows, "patient_id"]
    label = patients.set_index("patient_id")["label"]
    columns = {"d": images, "m": sequences, "a": patients}
    own = {name: table["patient_id"].isin(names) for name, table in columns.items()}
    right = {
        name: table["patient_id"].map(label).map({0: 1 - SURE, 1: SURE}).astype(np.float64)
        for name, table in columns.items()
    }

    def put(**values: Any) -> Tables:
        return tuple(
            table.assign(**{name: table[name].mask(own[name], values[name])})
            if name in values
            else table
            for name, table in columns.items()
        )

    for value in labels_of(patients, rows):
        yield images, sequences, patients.assign(label=value)
    for name, table in columns.items():
        yield put(**{name: 1 - table[name]})
        yield put(**{name: np.nan})
        yield put(**{one: right[one] if one == name else 1 - right[one] for one in columns})
    yield put(a=dealt(patients["a"], rows))
    yield tuple(table[~own[name]] for name, table in columns.items())


def changed_ages(tables: Tables, rows: Bools) -> Iterator[Tables]:
    """Patients with those of `rows` changed: labels as above, ages dealt out anew, absent, gone."""
    (patients,) = tables
    for value in labels_of(patients, rows):
        yield (patients.assign(label=value),)
    age = patients["age"]
    alike = (pd.Series(years, age.index) for years in (np.nan, 5.0, 85.0))
    for years in (*alike, age + 10, dealt(age, rows)):
        yield (patients.assign(age=age.mask(rows, years)),)
    yield (patients[~rows],)


def labels_of(patients: pd.DataFrame, rows: Bools) -> Iterator[pd.Series]:
    """Labels with those of `rows` turned over: all of them, those of a class, every other one.

    Half of a class as well, since the share of malignant may be even and the same the other way.
    """
    label = patients["label"]
    for chosen in ((0, 1), (0,), (1,)):
        turned = rows & label.isin(chosen).to_numpy()
        yield label.mask(turned, 1 - label)
        if len(chosen) == 1:
            yield label.mask(turned & (np.cumsum(turned) % 2 == 1), 1 - label)


def dealt(column: pd.Series, rows: Bools) -> pd.Series:
    """The values of `rows` in another order among them, the same at each call."""
    order = np.random.default_rng(0).permutation(np.flatnonzero(rows))
    changed = column.copy()
    changed.iloc[np.flatnonzero(rows)] = column.iloc[order].to_numpy()
    return changed
