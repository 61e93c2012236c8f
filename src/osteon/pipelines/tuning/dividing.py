"""What a study may see: the training part, and folds of it; steps of the pipeline."""

from typing import Any

import numpy as np
import pandas as pd

from osteon.cohorts.errors import CohortError
from osteon.measures.columns import ALWAYS_TRAIN
from osteon.pipelines.splitting.nodes import split_patients
from osteon.recipes.splitting import SplittingConfig
from osteon.recipes.tuning import TuningConfig

NAMES = ["sample_id", "patient_id"]


def take_training_part(
    samples: pd.DataFrame, splits: pd.DataFrame, tuning: TuningConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide the cohort: what trials are given, and the names of what they are not.

    Args:
        samples: one row a sample.
        splits: the row's own folds, or its train and test part.
        tuning: which fold is held out.

    Returns:
        the samples of the training part, all columns; and the outer part, sample_id and patient_id
        alone.

    Raises:
        CohortError: there is no such fold, or nothing is left beside it.
    """
    outer = outer_rows(splits, tuning)
    held = splits.loc[outer, NAMES].reset_index(drop=True)
    known = samples["sample_id"].isin(splits.loc[~outer, "sample_id"])
    inside = samples[known].reset_index(drop=True)
    if inside.empty:
        raise CohortError(f"tuning.held_out: {tuning.held_out} leaves no sample to tune on")
    return inside, held


def outer_rows(splits: pd.DataFrame, tuning: TuningConfig) -> "pd.Series[bool]":
    """True for the rows of a splits table that no trial may see.

    Raises:
        CohortError: there is no such fold.
    """
    if set(splits["split"]) <= {"train", "test"}:
        allowed, outer = [0], (splits["split"] == "test") & (tuning.held_out == 0)
    else:
        allowed = sorted(int(one) for one in splits["fold"].unique() if one != ALWAYS_TRAIN)
        outer = (splits["fold"] == tuning.held_out) & (splits["fold"] != ALWAYS_TRAIN)
    if not outer.any():
        raise CohortError(
            f"tuning.held_out: fold {tuning.held_out} found, the splits have {allowed}"
        )
    return outer


def divide_training_part(
    tuning_samples: pd.DataFrame, near_duplicates: pd.DataFrame, tuning: TuningConfig
) -> pd.DataFrame:
    """Inner folds: stratified, no patient divided, patients with the same picture kept together.

    Args:
        tuning_samples: of the training part.
        near_duplicates: pairs of images that show the same picture.
        tuning: number of inner folds and their seed.

    Returns:
        as the splits of the row: sample_id, patient_id, fold, split.

    Raises:
        CohortError: fewer patients of a class than inner folds.
    """
    inner = SplittingConfig.model_validate(tuning.inner.model_dump() | {"near_duplicates": "group"})
    try:
        # A train or test part that the cohort fixes has had its say: it made the outer part.
        return split_patients(tuning_samples.assign(split=None), near_duplicates, inner)
    except CohortError as error:
        raise CohortError(f"tuning.inner, folds of the training part: {error}") from error


def outer_division(splits: pd.DataFrame, tuning: TuningConfig) -> pd.DataFrame:
    """The division in which the chosen setting is judged: everything else trains, once.

    Args:
        splits: the row's own folds, or its train and test part.
        tuning: which fold is held out.

    Returns:
        as a hold-out reads: fold 0 and `test` for the outer part, -1 and `train` for the rest.
    """
    outer = outer_rows(splits, tuning).to_numpy()
    parts: dict[str, Any] = {
        "fold": np.where(outer, 0, ALWAYS_TRAIN).astype("int64"),
        "split": np.where(outer, "test", "train"),
    }
    return splits.assign(**parts)
