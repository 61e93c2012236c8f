"""What a learner itself calls: the optional column `vote` of a predictions table.

A framework that decides by majority (Liu et al. 2022, Insights Imaging 13:87) may call a patient
malignant whose mean probability lies below one half, or the other way round. Where a learner says
how it votes, its accuracy, sensitivity and specificity are those of its votes; the probability
still ranks the patients. Nothing here makes a vote: pooling rows needs a rule that only the learner
has (`osteon.measures.sequences`, `osteon.measures.fusion`).
"""

from typing import Literal

import numpy as np
import pandas as pd

from osteon.measures.discrimination import Bools, Floats

VOTE, VOTED = "vote", "vote_of"
Unit = Literal["image", "sequence", "patient"]
COARSER: dict[Unit, tuple[Unit, ...]] = {
    "image": ("image", "sequence", "patient"),
    "sequence": ("sequence", "patient"),
    "patient": ("patient",),
}
"""Level → what the rows may be for their votes to be votes at that level."""
BY_VOTE, BY_SCORE = "vote", "probability of at least 0.5"
POOLED = (
    "the votes are of single rows and no rule pools them at this level: called by the mean "
    "probability of at least 0.5"
)


def as_votes(column: pd.Series) -> tuple[Floats, Bools]:
    """(n,) 1.0, 0.0 or NaN for none, and (n,) bool, the rows that hold something else.

    Args:
        column: bool, a nullable bool, or True, False and missing values in a column of objects.
    """
    said = column.astype(object).map({True: 1.0, False: 0.0})
    votes: Floats = np.asarray(said, dtype=np.float64)
    return votes, np.asarray(np.isnan(votes) & column.notna().to_numpy())


def voted_units(frame: pd.DataFrame, sequence: str) -> pd.Series:
    """What a row of each learner is: the coarsest unit of which the learner has one row each.

    Args:
        frame: learner, patient_id and perhaps the column named by `sequence`.
    """
    found = pd.Series("image", index=frame.index)
    for column, unit in ((sequence, "sequence"), ("patient_id", "patient")):
        if column in frame:
            by = frame.groupby("learner", sort=False)
            named = frame[column].notna().groupby(frame["learner"], sort=False).transform("all")
            single = by[column].transform("nunique") == by["learner"].transform("size")
            found = found.mask((named & single).to_numpy(), unit)
    return found


def given(rows: pd.DataFrame) -> bool:
    """Whether one learner's rows all say how they vote."""
    return VOTE in rows and len(rows) > 0 and bool(rows[VOTE].notna().all())


def fits(rows: pd.DataFrame, level: Unit) -> bool:
    """Whether the votes of one learner's rows are votes at a level; of rows not checked, no."""
    return VOTED in rows and rows[VOTED].iloc[0] in COARSER[level]


def voters(frame: pd.DataFrame) -> list[str]:
    """The learners of a table that say how they vote, in the order of the table."""
    if VOTE not in frame:
        return []
    known = frame[VOTE].notna().groupby(frame["learner"], sort=False).all()
    return [str(name) for name in known.index[known]]
