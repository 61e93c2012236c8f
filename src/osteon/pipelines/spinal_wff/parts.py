"""Which patients a network of the framework is fitted on, and which it judges.

The final networks are fitted on the whole training part and judge the test part once. Those of the
inner folds exist for one end: what they say of the training patients that they have not seen is all
that λ, thresholds and temperatures are chosen on.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from osteon.cohorts.errors import CohortError
from osteon.pipelines.training.nodes import training_record

if TYPE_CHECKING:
    from osteon.learning.folds import FoldResult
    from osteon.learning.tasks import Division

TEST, INNER = "test", "cv"


def place(table: pd.DataFrame, splits: pd.DataFrame, inner: pd.DataFrame) -> pd.DataFrame:
    """A table with `fold` and `split` of each patient: its inner fold, or the test part's.

    Args:
        table: has patient_id.
        splits: train and test part.
        inner: folds of the training part.
    """
    judged = splits[splits["split"] == TEST]
    both = pd.concat([judged, inner])[["patient_id", "fold", "split"]].drop_duplicates()
    known = table.drop(columns=["fold", "split"], errors="ignore")
    return known.merge(both, on="patient_id", how="inner", validate="many_to_one")


def divisions(cases: pd.DataFrame) -> "list[Division]":
    """Inner folds, then the final one, as positions of a table of cases.

    Args:
        cases: fold, split, `fitted` (may be trained on) and `judged` (is asked for), one row a
            case in the order of the positions.

    Returns:
        divisions with something to fit and something to judge; the last is the final one, whose
        number is one above the last inner fold.

    Raises:
        CohortError: the final one has nothing to fit or nothing to judge. Without it the network of
            an inner fold would stand for it.
    """
    from osteon.learning.tasks import Division

    training, fitted, judged = cases["split"] == INNER, cases["fitted"], cases["judged"]
    folds = sorted(cases.loc[training, "fold"].unique().tolist())
    found = [
        (
            fold,
            training & fitted & (cases["fold"] != fold),
            training & judged & (cases["fold"] == fold),
        )
        for fold in folds
    ]
    final = (training & fitted, ~training & judged)
    if not all(part.any() for part in final):
        raise CohortError(
            f"splitting: {int(final[0].sum())} cases of the training part to fit on and "
            f"{int(final[1].sum())} of the test part to judge found, 1 or more of both needed"
        )
    found.append((max(folds) + 1, *final))
    return [
        Division(int(fold), train.to_numpy().nonzero()[0], test.to_numpy().nonzero()[0])
        for fold, train, test in found
        if train.any() and test.any()
    ]


def judged_rows(
    results: "Sequence[FoldResult]", cases: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame:
    """The judged cases of all divisions, in the order of the results' probabilities."""
    return pd.concat([cases.iloc[one.test][list(columns)] for one in results], ignore_index=True)


def fitted_rows(
    results: "Sequence[FoldResult]", cases: pd.DataFrame, members: pd.DataFrame, learner: str
) -> pd.DataFrame:
    """Every image that a network was fitted on, of each division.

    Args:
        results: of the divisions.
        cases: in the order of the positions, with `case`.
        members: `case`, sample_id, patient_id: the images of a case.
        learner: name.

    Returns:
        learner, fold (that is judged), split (of what is judged), sample_id, patient_id.
    """
    found = []
    for one in results:
        judged = cases.iloc[one.test[0]]
        rows = members[members["case"].isin(cases.iloc[one.train]["case"])]
        part = rows[["sample_id", "patient_id"]].drop_duplicates()
        found.append(part.assign(learner=learner, fold=judged["fold"], split=judged["split"]))
    return pd.concat(found, ignore_index=True)


def names_of(workspace: Path) -> tuple[str, str]:
    """Learner and paper: the catalog places the workspace in data/06_models/<paper>/<learner>."""
    return workspace.parent.name, workspace.parents[1].name


def record_of(
    recipe: Any, results: "Sequence[FoldResult]", hashes: dict[str, str]
) -> dict[str, Any]:
    """The training record of a network that makes no call of its own."""
    # Inner folds are for λ and thresholds: the artefact holds the final network alone.
    inner = [{"sha256": None} for _ in results[:-1]]
    return training_record(recipe, results, hashes, [*inner, {}])
