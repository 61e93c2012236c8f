"""The sequence model: one tube a series, cut by a drawn box in training, by a found one after."""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon import imaging
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.datasets.store import Build, source_hash
from osteon.measures import tube_boxes
from osteon.measures.tube_boxes import BOX
from osteon.pipelines.spinal_wff import parts
from osteon.pipelines.spinal_wff.boxes import drawn_boxes, with_series
from osteon.pipelines.spinal_wff.detecting import wff
from osteon.pipelines.training.nodes import artefact_card, hash_table, write_folds
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_wff import SequenceLearner, SequenceRecipe, VotingConfig

if TYPE_CHECKING:
    from osteon.learning.folds import FoldResult
    from osteon.learning.tubes import TubeCases

logger = logging.getLogger(__name__)

SERIES = ["sequence_id", "patient_id", "sequence", "fold", "split", "label"]


def train_sequence(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    inner_splits: pd.DataFrame,
    detections: pd.DataFrame,
    archive: Any,
    workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    learner: SequenceLearner,
) -> tuple[pd.DataFrame, Build, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Classify every series by a model that was not fitted on its patient.

    Args:
        samples: one row a slice.
        splits: train and test part.
        inner_splits: folds of the training part.
        detections: found boxes, each by a detector that had not seen the patient.
        archive: pixels and drawn boxes.
        workspace: folder where unfinished folds are taken up again and finished ones reused.
        cohort: the two classes.
        preprocessing: goes into the artefact.
        recipe: the framework's.
        learner: what this sequence model has of its own, for instance N.

    Returns:
        one row a series with its probabilities (missing where no tube could be cut), the final
        model, learning curves, what each was fitted on, and the record.

    Raises:
        CohortError: no series of the training part, or none of the test part, has a box to be cut
            by.
    """
    full, (name, paper) = wff(recipe), parts.names_of(workspace)
    own = full.sequence.for_learner(learner).fitted_to(cohort.classes, preprocessing.size)
    table = with_series(parts.place(samples, splits, inner_splits))
    shapes = archive.index.loc[table["archive_row"], ["rows", "columns"]].to_numpy()
    table = table.assign(rows=shapes[:, 0], columns=shapes[:, 1])
    series = series_of(table)
    judged = judged_boxes(series, table, detections, full.boxes, full.voting)
    fitted = training_boxes(series, table, detections, archive, full.boxes, full.voting)
    refuse_without_boxes(fitted, judged, full.voting)
    cases = _cases(fitted, judged, _sizes(judged, table))
    tubes = tube_cases(cases, table, archive, own)
    results, hashes = _fit(cases, tubes, own, table, workspace)
    card = artefact_card(own, cohort, preprocessing, hashes)
    members = table.rename(columns={"sequence_id": "case"})[["case", "sample_id", "patient_id"]]
    seen = parts.fitted_rows(results, cases.assign(case=cases["sequence_id"]), members, name)
    return (
        _scores(series, judged, cases, results, cohort.classes).assign(learner=name, paper=paper),
        Build(hashes["data"], partial(write_folds, results=results[-1:], card=card)),
        pd.concat([pd.DataFrame(one.history).assign(fold=one.fold) for one in results]),
        seen,
        parts.record_of(own, results, hashes) | {"tubes": _origins(judged)},
    )


def refuse_without_boxes(fitted: pd.DataFrame, judged: pd.DataFrame, voting: VotingConfig) -> None:
    """Stop where nothing can be learnt, or where age alone would be left to call everybody.

    Args:
        fitted, judged: boxes of training and of judging, with `box_from` and split.
        voting: which boxes count.
    """
    for table, part, said in ((fitted, parts.INNER, "training"), (judged, parts.TEST, "test")):
        if (table.loc[table["split"] == part, "box_from"] == tube_boxes.NONE).all():
            raise CohortError(
                f"sequence model: no series of the {said} part has a box to be cut by. Of found "
                f"boxes those of recipe.voting.score {voting.score:g} or more count: lower it, "
                "train the detector longer, or set recipe.boxes to whole"
            )


def _cases(fitted: pd.DataFrame, judged: pd.DataFrame, sizes: np.ndarray) -> pd.DataFrame:
    """Tubes to be fitted on and tubes to be judged, one below the other.

    A series without a box is judged on its whole slices, so that every fold has something to judge;
    what the network says of it is not used.
    """
    known = fitted[fitted["box_from"] != tube_boxes.NONE].assign(judged=False)
    boxed = judged["box_from"] != tube_boxes.NONE
    filled = judged.where(boxed, tube_boxes.whole(judged, sizes)).assign(judged=True, fitted=False)
    return pd.concat([known, filled], ignore_index=True)


def series_of(table: pd.DataFrame) -> pd.DataFrame:
    """One row a series, in order of appearance."""
    return table.drop_duplicates("sequence_id")[SERIES].reset_index(drop=True)


def judged_boxes(
    series: pd.DataFrame,
    table: pd.DataFrame,
    detections: pd.DataFrame,
    source: str,
    voting: VotingConfig,
) -> pd.DataFrame:
    """The box that each series is cut by when it is judged: its largest detected one.

    Of each slice only the surest box counts, the same that speaks for the slice in Eq. 1. A series
    without any is cut at the place of the patient's largest box on another series, if so asked.

    Args:
        series: of `series_of`.
        table: the slices, with rows and columns of their originals.
        detections: found boxes.
        source: `boxes` of the recipe.
        voting: which boxes count.

    Returns:
        the series with x0 … y1, `sample_id` of the slice that the box was found on, `box_from` and
        `judged`.
    """
    if source == "whole":
        return tube_boxes.whole(series, _sizes(series, table)).assign(judged=True)
    sure = tube_boxes.surest(detections, voting.score)
    boxed = tube_boxes.largest(series, table, sure, tube_boxes.DETECTED)
    if voting.tube_without_box == "other_series":
        boxed = tube_boxes.borrowed(boxed, _sizes(boxed, table))
    return boxed.assign(judged=True)


def training_boxes(
    series: pd.DataFrame,
    table: pd.DataFrame,
    detections: pd.DataFrame,
    archive: Any,
    source: str,
    voting: VotingConfig,
) -> pd.DataFrame:
    """The box that each series is cut by in training: its largest drawn one.

    A user without drawn boxes trains on the boxes that the earlier detector found, or on whole
    slices.
    """
    if source != "labelled":
        found = judged_boxes(series, table, detections, source, voting)
        return found.drop(columns="judged").assign(fitted=True)
    drawn = tube_boxes.largest(series, table, drawn_boxes(table, archive), tube_boxes.LABELLED)
    return drawn.assign(fitted=True)


def _sizes(series: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """(series, 2) rows and columns of each series' first slice."""
    first = table.drop_duplicates("sequence_id").set_index("sequence_id")
    return np.asarray(first.loc[series["sequence_id"], ["rows", "columns"]].to_numpy(np.float64))


def tube_cases(
    cases: pd.DataFrame, table: pd.DataFrame, archive: Any, recipe: SequenceRecipe
) -> "TubeCases":
    """The tubes of some series.

    Args:
        cases: sequence_id, patient_id, label, x0 … y1, sample_id of the slice the box is on.
        table: the slices, with `sequence_id`.
        archive: pixels and drawn boxes.
        recipe: N, side, margin and the chances of training.
    """
    from osteon.learning.tubes import TubeCases

    ordered = table.sort_values(["sequence_id", "slice", "archive_row"], kind="stable")
    # Asked once for all slices: series by series this takes as long as training a small network.
    drawn = ordered["sample_id"].isin(drawn_boxes(table, archive)["sample_id"])
    slices = {name: own for name, own in ordered.assign(drawn=drawn).groupby("sequence_id")}
    rows, labelled, centres = [], [], []
    for series, sample in zip(cases["sequence_id"], cases["sample_id"], strict=True):
        own = slices[series]
        rows.append(own["archive_row"].to_numpy(np.int64))
        labelled.append(own["drawn"].to_numpy(bool))
        at = np.flatnonzero(own["sample_id"] == sample)
        centres.append(int(at[0]) if len(at) else len(own) // 2)
    return TubeCases(
        archive=archive.folder,
        slices=tuple(rows),
        labelled=tuple(labelled),
        boxes=cases[BOX].to_numpy(np.float64),
        centres=np.array(centres, np.int64),
        labels=cases["label"].to_numpy(np.int64),
        patients=cases["patient_id"].factorize()[0],
        samples=cases["sequence_id"].to_numpy(str),
        count=recipe.slices,
        side=recipe.side,
        margin=recipe.margin,
        labelled_share=recipe.labelled_share,
        hflip=recipe.hflip,
        shift=recipe.shift,
    )


def _fit(
    cases: pd.DataFrame,
    tubes: "TubeCases",
    recipe: SequenceRecipe,
    table: pd.DataFrame,
    workspace: Path,
) -> "tuple[list[FoldResult], dict[str, str]]":
    from osteon.learning.folds import fold_tasks, run_folds

    hashes = {
        "data": content_of(table),
        "split": hash_table(table[["sample_id", "patient_id", "fold", "split"]]),
    }
    tasks = fold_tasks(
        recipe,
        tubes,
        parts.divisions(cases),
        data_hash=hashes["data"],
        split_hash=hashes["split"],
        work=workspace,
    )
    return run_folds(tasks), hashes


def content_of(table: pd.DataFrame) -> str:
    """Hash of slices, labels and pixels, and of the code that cuts tubes out of them."""
    return hash_table(table[["sample_id", "label", "content_hash"]], source_hash(imaging))


def _scores(
    series: pd.DataFrame,
    judged: pd.DataFrame,
    cases: pd.DataFrame,
    results: "list[FoldResult]",
    classes: tuple[str, ...],
) -> pd.DataFrame:
    """One row a series, judged or not, with the labels that were learnt."""
    said = parts.judged_rows(results, cases, ["sequence_id"])
    for column, name in enumerate(classes):
        given = [one.probabilities[:, column] for one in results]
        said[f"prob_{name}"] = np.concatenate(given)
    said["learnt"] = np.concatenate([one.labels for one in results])
    where = judged[["sequence_id", *BOX, "sample_id", "box_from"]]
    table = series.merge(where, on="sequence_id").merge(said, on="sequence_id", how="left")
    names = [f"prob_{name}" for name in classes]
    table.loc[table["box_from"] == tube_boxes.NONE, names] = np.nan
    # A permuted control is judged by the labels that it learnt; a patient's series share them.
    of_patient = table.groupby("patient_id")["learnt"].transform("max")
    label = of_patient.fillna(table["label"]).astype("int64")
    return table.assign(label=label).drop(columns="learnt")


def _origins(judged: pd.DataFrame) -> dict[str, int]:
    """How many series were cut by which kind of box."""
    counted = judged["box_from"].value_counts()
    return {name: int(counted[name]) for name in tube_boxes.FROM if name in counted}
