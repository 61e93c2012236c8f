"""Controls: what can be had without looking at an image.

Prevalence only, age only, and logistic regressions on each subset of the clinical inputs. A learner
that does not beat them has not shown that it reads the image. Osteosarcoma peaks in adolescence and
knee injuries in adults, and who gets a blood test depends on the diagnosis: age alone, or the mere
absence of a laboratory value, may carry most of a reported gain.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from osteon.measures.columns import SUBGROUPS
from osteon.measures.discrimination import Bools, Floats, Ints

# Input → its normalised column, and the column that flags a value as not measured.
FEATURES = {
    "gender": ("gender", None),
    "age": ("age_norm", "age_missing"),
    "alp": ("alp_norm", "alp_missing"),
    "ldh": ("ldh_norm", "ldh_missing"),
}
SUBSETS: Mapping[str, tuple[str, ...]] = {
    "control_age": ("age",),
    "control_clinical_gender": ("gender",),
    "control_clinical_gender_age": ("gender", "age"),
    "control_clinical_ldh": ("ldh",),
    "control_clinical_alp": ("alp",),
    "control_clinical_alp_ldh": ("alp", "ldh"),
    "control_clinical_all": ("gender", "age", "alp", "ldh"),
}
KNOWN = ["learner", "fold", "sample_id", "patient_id", "label"]
PREVALENCE = "control_prevalence"
MISSINGNESS = "control_missingness"


@dataclass(frozen=True)
class Controls:
    """Predictions like any learner's, what each fit saw, and why some controls were not fitted."""

    predictions: pd.DataFrame
    fitted: pd.DataFrame
    skipped: dict[str, str]


def controls(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    classes: Sequence[str],
    paper: str = "",
    subsets: Mapping[str, Sequence[str]] = SUBSETS,
) -> Controls:
    """Predict every sample by controls fitted on the other folds' patients, one row a patient.

    Args:
        samples: sample_id, patient_id, label (int, place in `classes`) and the normalised clinical
            columns gender, age_norm, alp_norm, ldh_norm with age_missing, alp_missing, ldh_missing.
        splits: sample_id, fold, split; fold -1 is trained on and never judged.
        classes: two or more names, the positive class last; paper: goes into the table.
        subsets: control name → inputs out of gender, age, alp, ldh.

    Returns:
        predictions (one row a judged sample, patient values repeated), fitted (learner, fold,
        sample_id, patient_id, label and prob_<class>: what the fit says of its own training
        samples) and skipped (control → reason: no value measured in the cohort).

    Raises:
        ValueError: fewer than two classes, a label that is no place in them, or a subset names an
            unknown input.
    """
    if len(classes) < 2:
        raise ValueError(
            f"classes: {list(classes)} found, two or more needed (the positive one last)"
        )
    if not samples["label"].isin(range(len(classes))).all():
        raise ValueError(
            f"label: {sorted(set(samples['label']))} found, 0 to {len(classes) - 1} allowed"
        )
    unknown = {one for inputs in subsets.values() for one in inputs} - set(FEATURES)
    if unknown:
        raise ValueError(f"subsets: inputs {sorted(unknown)} found, {sorted(FEATURES)} allowed")
    placed = splits[["sample_id", "fold", "split"]]
    joined = samples.drop(columns=["fold", "split"], errors="ignore").merge(
        placed, on="sample_id", validate="one_to_one"
    )
    designs, skipped = design(joined, subsets)
    made, fitted = [], []
    for fold, judged, trained in parts(joined):
        for name, columns in designs.items():
            shares = predict(joined, columns, trained, len(classes))
            said = as_predictions(joined, shares, name, fold, classes, paper)
            made.append(said[judged])
            fitted.append(said.loc[trained, [*KNOWN, *(f"prob_{one}" for one in classes)]])
    return Controls(
        pd.concat(made, ignore_index=True), pd.concat(fitted, ignore_index=True), skipped
    )


def design(
    joined: pd.DataFrame, subsets: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Floats], dict[str, str]]:
    """The inputs of each control, (rows, inputs) with NaN where not measured; and who is skipped.

    A value that the samples table already filled in is taken out again where its flag says that it
    was missing: the filling must come from the training folds.
    """
    measured: dict[str, Floats] = {}
    for name, (column, flag) in FEATURES.items():
        if column in joined.columns:
            values = np.array(joined[column], dtype=np.float64)
            if flag in joined.columns:
                values[joined[flag].fillna(True).astype(bool).to_numpy()] = np.nan
            measured[name] = values
    designs: dict[str, Floats] = {PREVALENCE: np.empty((len(joined), 0))}
    skipped = {}
    for control, inputs in subsets.items():
        absent = [one for one in inputs if one not in measured or np.isnan(measured[one]).all()]
        if absent:
            skipped[control] = f"{', '.join(absent)}: no value in this cohort"
        else:
            designs[control] = np.stack([measured[one] for one in inputs], axis=1)
    gaps = [np.isnan(values) for values in measured.values()]
    varied = [gap.astype(np.float64) for gap in gaps if 0 < gap.sum() < len(gap)]
    if varied:
        designs[MISSINGNESS] = np.stack(varied, axis=1)
    return designs, skipped


def parts(joined: pd.DataFrame) -> Iterator[tuple[int, Bools, Bools]]:
    """(fold, judged rows, training rows) of each judged fold."""
    fold = joined["fold"].to_numpy()
    for value in np.unique(fold[fold >= 0]):
        yield int(value), fold == value, fold != value


def predict(joined: pd.DataFrame, columns: Floats, trained: Bools, classes: int) -> Floats:
    """(rows, classes) probabilities for all rows; fitted on one training row a patient."""
    first = ~joined.loc[trained].duplicated("patient_id").to_numpy()
    rows = np.flatnonzero(trained)[first]
    label = joined["label"].to_numpy(dtype=np.int64)[rows]
    if columns.shape[1] == 0 or len(np.unique(label)) < 2:
        shares = np.bincount(label, minlength=classes) / len(label)
        found = np.tile(shares, (len(joined), 1))
    else:
        found = regress(columns[rows], label, columns, classes)
    found[:, 0] = np.maximum(1 - found[:, 1:].sum(axis=1), 0)  # the sum is 1, rounding apart
    return found


def regress(inputs: Floats, label: Ints, wanted: Floats, classes: int) -> Floats:
    """Median-filled, standardised logistic regression: (n, d), (n,), (m, d) → (m, classes).

    L2 with C = 1, multinomial for more than two classes; a class that the labels lack gets 0.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # An input without any value in these folds becomes a constant, which weighs nothing.
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    model = make_pipeline(fill, StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(inputs, label)
    found = np.zeros((len(wanted), classes))
    found[:, model.classes_] = model.predict_proba(wanted)
    return found


def as_predictions(
    rows: pd.DataFrame,
    shares: Floats,
    learner: str,
    fold: int,
    classes: Sequence[str],
    paper: str,
) -> pd.DataFrame:
    """The rows in the predictions table's columns; shares: (rows, classes)."""
    table = rows[["sample_id", "patient_id"]].copy()
    table["paper"], table["learner"], table["fold"] = paper, learner, fold
    table["split"] = rows["split"]
    table["label"] = rows["label"].astype("int64")
    for place, name in enumerate(classes):
        table[f"prob_{name}"] = shares[:, place]
    for column in SUBGROUPS:
        if column in rows.columns:
            table[column] = rows[column]
    return table
