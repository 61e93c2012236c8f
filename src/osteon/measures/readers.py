"""Readers beside the framework on the same patients, with and without the patient's age (Table 4).

Liu et al. 2022 (Insights Imaging 13:87) print three doctors' accuracy, sensitivity and specificity
beside those of the framework and say that it is better; a test is not made there. Here every reader
is paired with the framework on the patients he called, and with himself without the age.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures.describing import plain
from osteon.measures.discrimination import Bools, Ints
from osteon.measures.intervals import wilson
from osteon.measures.judging import CONFIDENCE, proportions
from osteon.measures.levels import probabilities_of
from osteon.measures.paired import holm, mcnemar
from osteon.measures.thresholds import FIXED
from osteon.measures.trained import classes_of
from osteon.measures.voting import VOTE, as_votes

MODES: Mapping[str, bool] = {"without age": False, "with age": True}
"""Mode → whether the reader (or the framework) was given the age."""
COLUMNS = ("reader", "patient_id", "call", "with_age")
SHOWN = ("accuracy", "sensitivity", "specificity")
STATEMENT = (
    "Each reader on the patients he called, against the framework of the same mode on the same "
    "patients: McNemar, exact below 25 discordant pairs; Holm over the readers of a mode. "
    "Proportions with 95 % Wilson intervals. Patients a reader did not call are left out and "
    "counted."
)


def verdicts(predictions: pd.DataFrame) -> pd.DataFrame:
    """What the framework calls each patient, one row a patient.

    Args:
        predictions: patient_id, label, prob_<class> with the positive class last and, if it votes,
            `vote` (bool) in all rows; else a probability of at least 0.5 is a call.

    Returns:
        patient_id, positive (bool, the truth), called (bool), right (bool).

    Raises:
        ValueError: a patient has two rows, a vote is neither true nor false, or there is no class.
    """
    columns = probabilities_of(predictions)
    if len(columns) < 2 or predictions["patient_id"].duplicated().any():
        raise ValueError(
            f"predictions: {len(columns)} prob_<class> columns and "
            f"{int(predictions['patient_id'].duplicated().sum())} repeated patients found, at "
            "least 2 columns and one row a patient needed"
        )
    called = predictions[columns[-1]].to_numpy(dtype=np.float64) >= FIXED
    if VOTE in predictions and predictions[VOTE].notna().any():
        votes, odd = as_votes(predictions[VOTE])
        if odd.any() or np.isnan(votes).any():
            raise ValueError("predictions: vote must be true or false in all rows or in none")
        called = votes == 1
    positive = predictions["label"].to_numpy() == len(columns) - 1
    patients = predictions["patient_id"].astype(str).to_numpy()
    return pd.DataFrame({"patient_id": patients, "positive": positive, "called": called}).assign(
        right=called == positive
    )


def reader_calls(
    readers: pd.DataFrame, truth: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    """The readers' calls of patients whose truth is known, one row a reader, mode and patient.

    Args:
        readers: reader, patient_id, call (name of a class; missing: not called), with_age (bool)
            and, where known, seconds (float), role, experience_years.
        truth: patient_id, positive; classes: the positive one last, all others are negative.

    Returns:
        the rows with a call and a truth, with positive, called and right (bool).

    Raises:
        ValueError: a column is missing, a call is no class, with_age is neither true nor false, or
            a reader calls a patient twice in one mode.
    """
    absent = [name for name in COLUMNS if name not in readers.columns]
    if absent:
        raise ValueError(f"readers: no columns {absent} found, {list(COLUMNS)} needed")
    table = readers.assign(patient_id=readers["patient_id"].astype(str))
    age, odd = as_votes(table["with_age"])
    if odd.any() or np.isnan(age).any():
        raise ValueError("readers: with_age must be true or false in every row")
    unknown = sorted({str(one) for one in table["call"].dropna()} - set(classes))
    if unknown:
        raise ValueError(f"readers: calls {unknown} found, {list(classes)} allowed")
    table = table.assign(with_age=age == 1)
    twice = table.duplicated(["reader", "with_age", "patient_id"])
    if twice.any():
        raise ValueError(
            f"readers: {int(twice.sum())} second call(s) of a patient by the same reader in the "
            "same mode found, one allowed"
        )
    table = table[table["call"].notna()].merge(truth[["patient_id", "positive"]], on="patient_id")
    called = (table["call"].astype(str) == classes[-1]).to_numpy()
    return table.assign(called=called, right=called == table["positive"].to_numpy(dtype=bool))


def compare_readers(
    readers: pd.DataFrame, predictions: Mapping[str, pd.DataFrame], alpha: float = 0.05
) -> dict[str, Any]:
    """Every reader in every mode, beside and against the framework on the same patients.

    Args:
        readers: as for `reader_calls`.
        predictions: "without age" and "with age" → the framework's table, one row a patient, see
            `verdicts`; a mode that is absent is reported without a test.
        alpha: family-wise error of the Holm-adjusted tests.

    Returns:
        JSON-able: statement, alpha, classes, `modes` → mode → patients (whose truth is known),
        framework (figures on all of them, or None) and `readers` → reader → role,
        experience_years, n, not_called, unknown_patients, accuracy, sensitivity, specificity,
        seconds (n, mean, median; None without), framework (figures on the same patients) and
        mcnemar (`only_first`: only the framework is right); and `age` → reader → the reader with
        age against himself without (`only_first`: right with age only).

    Raises:
        ValueError: a mode is unknown or none is given, tables do not fit, see `reader_calls`.
    """
    unknown = sorted(set(predictions) - set(MODES))
    if unknown or not predictions:
        raise ValueError(f"predictions: modes {unknown} found, one or more of {list(MODES)} needed")
    classes = classes_of(next(iter(predictions.values())))
    framework = {mode: verdicts(table) for mode, table in predictions.items()}
    truth = pd.concat(framework.values()).drop_duplicates("patient_id")
    calls = reader_calls(readers, truth, classes)
    found: dict[str, Any] = {
        "statement": STATEMENT,
        "alpha": alpha,
        "classes": classes,
        "modes": {
            mode: of_mode(mode, readers, calls, truth, framework.get(mode), alpha)
            for mode in MODES
            if mode in framework or (calls["with_age"] == MODES[mode]).any()
        },
        "age": with_against_without(calls, alpha),
    }
    return dict(plain(found))


def of_mode(
    mode: str,
    readers: pd.DataFrame,
    calls: pd.DataFrame,
    truth: pd.DataFrame,
    framework: pd.DataFrame | None,
    alpha: float,
) -> dict[str, Any]:
    """The readers of one mode and the framework, figures and tests."""
    given, _ = as_votes(readers["with_age"])
    listed = readers[given == MODES[mode]]
    own = calls[calls["with_age"] == MODES[mode]]
    entries: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(listed["reader"].astype(str)):
        asked = listed[listed["reader"].astype(str) == name]
        rows = own[own["reader"].astype(str) == name]
        known = asked["patient_id"].astype(str).isin(truth["patient_id"])
        entries[name] = {
            **person(asked),
            "not_called": int(len(truth) - len(rows)),
            "unknown_patients": int((asked["call"].notna() & ~known).sum()),
            **figures(rows),
            "seconds": seconds(rows),
            **against(rows, framework),
        }
    adjust([one["mcnemar"] for one in entries.values() if one["mcnemar"]], alpha)
    whole = None if framework is None else figures(framework)
    return {"patients": len(truth), "framework": whole, "readers": entries}


def person(rows: pd.DataFrame) -> dict[str, Any]:
    """Role and experience of one reader, None where not told."""
    found: dict[str, Any] = {}
    for column in ("role", "experience_years"):
        told = rows[column].dropna() if column in rows else rows.iloc[:0, 0]
        found[column] = None if told.empty else told.iloc[0]
    return found


def figures(rows: pd.DataFrame) -> dict[str, Any]:
    """n and the three proportions with Wilson intervals; None without a patient of the class."""
    label: Ints = rows["positive"].to_numpy(dtype=np.int64)
    called: Bools = rows["called"].to_numpy(dtype=bool)
    found: dict[str, Any] = {"n": len(rows)}
    for name, (right, trials) in proportions(label, called).items():
        if name in SHOWN:
            found[name] = proportion(right, trials)
    return found


def proportion(successes: int, trials: int) -> dict[str, Any] | None:
    """Value, ends of Wilson's interval and the counts; None for no trial."""
    if not trials:
        return None
    ends = asdict(wilson(successes, trials, CONFIDENCE))
    return {"value": successes / trials, **ends, "count": successes, "of": trials}


def seconds(rows: pd.DataFrame) -> dict[str, Any] | None:
    """How long the reader took for a patient: n, mean and median; None where nobody timed him."""
    if "seconds" not in rows:
        return None
    told = pd.to_numeric(rows["seconds"], errors="coerce").dropna()
    if told.empty:
        return None
    return {"n": len(told), "mean": float(told.mean()), "median": float(told.median())}


def against(rows: pd.DataFrame, framework: pd.DataFrame | None) -> dict[str, Any]:
    """The framework on a reader's patients, and McNemar's test of the two."""
    if framework is None:
        return {"framework": None, "mcnemar": None}
    common = rows.merge(framework, on="patient_id", suffixes=("_reader", ""))
    if common.empty:
        return {"framework": None, "mcnemar": None}
    test = mcnemar(common["right"].to_numpy(), common["right_reader"].to_numpy())
    return {"framework": figures(common), "mcnemar": {"n": len(common), **asdict(test)}}


def with_against_without(calls: pd.DataFrame, alpha: float) -> dict[str, Any]:
    """Each reader with the age against himself without, on patients called in both modes."""
    found: dict[str, Any] = {}
    for name, rows in calls.groupby(calls["reader"].astype(str), sort=False):
        first, second = (rows[rows["with_age"] == given] for given in (True, False))
        both = first.merge(second, on="patient_id", suffixes=("", "_without"))
        if len(both):
            test = mcnemar(both["right"].to_numpy(), both["right_without"].to_numpy())
            gain = float(both["right"].mean() - both["right_without"].mean())
            found[str(name)] = {"n": len(both), "difference": gain, **asdict(test)}
    adjust(list(found.values()), alpha)
    return found


def adjust(tests: Sequence[dict[str, Any]], alpha: float) -> None:
    """Write `p_holm`, `significant` and the family's size into the tests of one family."""
    for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test |= {"p_holm": p, "significant": p < alpha, "family": len(tests)}


def from_counts(
    tp: int,
    tn: int,
    positives: int,
    negatives: int,
    *,
    name: str = "R1",
    with_age: bool = False,
    seconds: float | None = None,
    classes: tuple[str, str] = ("benign", "malignant"),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reader's table, and the same calls as a framework's predictions, from printed counts.

    Args:
        tp, tn: positives and negatives called rightly; positives, negatives: of the test set.
        name: of the reader and learner; with_age: the mode; seconds: mean time a patient.
        classes: the positive one last.

    Returns:
        a readers table and a predictions table over patients P0001 ... (positives first). Which
        patients are right is made up (the first of each class): figures are those of the counts,
        but a test between two such tables would be of nothing.

    Raises:
        ValueError: more right than there are.
    """
    if not (0 <= tp <= positives and 0 <= tn <= negatives):
        raise ValueError(
            f"tp, tn: {tp}, {tn} found, 0 to positives={positives} and 0 to negatives={negatives} "
            "allowed"
        )
    label = np.repeat([1, 0], [positives, negatives])
    called = np.repeat([1, 0, 0, 1], [tp, positives - tp, tn, negatives - tn])
    patients = [f"P{place:04d}" for place in range(1, len(label) + 1)]
    said = pd.DataFrame(
        {
            "reader": name,
            "role": None,
            "experience_years": None,
            "patient_id": patients,
            "call": np.asarray(classes)[called],
            "with_age": with_age,
            "seconds": seconds,
        }
    )
    score = np.where(called == 1, 0.75, 0.25)
    predictions = pd.DataFrame({"sample_id": patients, "patient_id": patients, "paper": ""})
    predictions = predictions.assign(
        learner=name, fold=0, split="test", label=label, vote=called == 1
    )
    return said, predictions.assign(
        **{f"prob_{classes[0]}": 1 - score, f"prob_{classes[1]}": score}
    )
