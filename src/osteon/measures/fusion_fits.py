"""The weights and the age tables of the fusion, fitted on the training part and on nothing else.

Each takes whole tables, the test part included, and leaves that part aside itself, so that
`osteon.measures.fusion_tracing` can try whether it does.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from osteon.measures.age_table import AgeTable, fit_age_table
from osteon.measures.discrimination import Bools, Floats
from osteon.measures.fusion import NoBox, grid, terms_of
from osteon.measures.fusion_search import PUBLISHED, Triple, choose, search
from osteon.measures.fusion_terms import floats, labels

TEST = "test"
SPLITS = ("train", "cv", TEST)


def fit_lambdas(
    images: pd.DataFrame,
    sequences: pd.DataFrame,
    patients: pd.DataFrame,
    lambdas: Floats | None = None,
    no_box: NoBox = "skip",
    near: Sequence[float] = PUBLISHED,
    interior: bool = True,
) -> Triple:
    """The weights that are best for the training part, whose terms must be out of fold.

    Args:
        images, sequences, patients: as for `osteon.measures.fusion.terms_of`, patients with `split`
            (train, cv or test); rows of the test part are left aside.
        lambdas: (L, 3) tried, None for the grid of 0.05; the others as for `search` and `choose`.

    Raises:
        ValueError: no `split`, no patient of the training part, or as for the functions named.
    """
    kept = training_part(patients)
    images, sequences = (
        table[table["patient_id"].isin(kept["patient_id"])] for table in (images, sequences)
    )
    terms = terms_of(images, sequences, kept)
    found = search(terms, grid() if lambdas is None else lambdas, no_box)
    return choose(found, near, interior)


def fit_age(patients: pd.DataFrame, **options: Any) -> AgeTable:
    """The age table of the training part, for the test part.

    Args:
        patients: age (years or NaN), label, split; options: of `fit_age_table`.
    """
    rows = training_part(patients, "age", "label")
    return fit_age_table(floats(rows["age"]), labels(rows["label"]), **options)


def fit_age_by_fold(patients: pd.DataFrame, **options: Any) -> dict[int, AgeTable]:
    """Fold → the age table for its patients, fitted on the training part's other folds.

    Args:
        patients: as for `fit_age`, with `fold` (0, 1, ...; below 0: in every table, judged by
            none); options: of `fit_age_table`.
    """
    rows = training_part(patients, "age", "label", "fold")
    judged = sorted(int(fold) for fold in rows["fold"].unique() if fold >= 0)
    others = {fold: rows[rows["fold"] != fold] for fold in judged}
    return {
        fold: fit_age_table(floats(own["age"]), labels(own["label"]), **options)
        for fold, own in others.items()
    }


def training_part(patients: pd.DataFrame, *needed: str) -> pd.DataFrame:
    """The rows whose split is not test; ValueError without any, a split or a needed column."""
    if absent := [name for name in needed if name not in patients]:
        raise ValueError(f"patients: no columns {absent} found, {list(needed)} needed")
    rows = patients[~tested(patients)]
    if rows.empty:
        raise ValueError(f"patients: 0 of {len(patients)} in the training part, 1 or more needed")
    return rows


def tested(patients: pd.DataFrame) -> Bools:
    """(patients,) bool, in the test part; ValueError without a split or with another word."""
    if "split" not in patients:
        raise ValueError(f"patients: no column split found, one of {SPLITS} for each row needed")
    if (odd := ~patients["split"].isin(SPLITS)).any():
        first = patients.loc[odd, "split"].iloc[0]
        raise ValueError(f"patients: split {first!r} found, one of {SPLITS} needed")
    return (patients["split"] == TEST).to_numpy(dtype=bool)
