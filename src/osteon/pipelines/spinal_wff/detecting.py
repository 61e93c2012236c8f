"""The detector: trained on drawn boxes, asked about every slice of patients it has not seen."""

import logging
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.datasets.store import DIGEST_FILE, Build
from osteon.imaging.slices import choose_slices
from osteon.measures.tube_boxes import BOX
from osteon.pipelines.spinal_wff import parts
from osteon.pipelines.spinal_wff.boxes import (
    corridors,
    drawn_boxes,
    found_boxes,
    layings,
    padded_boxes,
    refuse_field,
    with_series,
)
from osteon.pipelines.training.nodes import artefact_card, hash_table, write_folds, write_reason
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_wff import DetectorRecipe, WFFRecipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from osteon.imaging.laying import Laying
    from osteon.learning.detection import DetectionCases
    from osteon.learning.folds import FoldResult

logger = logging.getLogger(__name__)

CARRIED = ["sample_id", "patient_id", "fold", "split"]
KEPT = [*CARRIED, "learner", "paper", "score", *BOX, "class"]
FITTED = ["learner", "fold", "split", "sample_id", "patient_id"]
LAID = ("size", "resize", "colour", "intensity")
"""Of the preprocessing: what a detector's slices must share with those it was trained on."""
NO_BOXES = (
    "no lesion is drawn in the training part: set recipe.boxes to artefact and name an earlier "
    "run's detector in recipe.artefact, or to whole"
)
WHOLE = "recipe.boxes is whole: no detector, each tube is the whole slice"
Trained = tuple[pd.DataFrame, Build, pd.DataFrame, pd.DataFrame, dict[str, Any]]


def train_detector(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    inner_splits: pd.DataFrame,
    prepared: Path,
    archive: Any,
    workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
) -> Trained:
    """Find tumours on every slice, each by a detector that was not fitted on its patient.

    Args:
        samples: one row a slice.
        splits: train and test part.
        inner_splits: folds of the training part.
        prepared: folder of the image store.
        archive: drawn boxes, in its own pixels.
        workspace: folder where unfinished folds are taken up again and finished ones reused.
        cohort: the two classes.
        preprocessing: how slices were laid on the store's squares.
        recipe: the framework's.

    Returns:
        boxes (of inner folds and of the test part), the final detector, learning curves, what each
        was fitted on, and the record. With `boxes: whole` there are no boxes, and the record says
        why; with `boxes: artefact` the earlier detector finds them and nothing is fitted.

    Raises:
        CohortError: no box is drawn in the training part, or preprocessing has a field in mm.
    """
    refuse_field(preprocessing)
    full, (name, paper) = wff(recipe), parts.names_of(workspace)
    table = with_series(parts.place(samples, splits, inner_splits))
    table = table.sort_values("row").reset_index(drop=True)
    if full.boxes == "whole":
        return _without(full, WHOLE, cohort)
    laid = layings(table, archive, preprocessing)
    shapes = archive.index.loc[table["archive_row"], ["rows", "columns"]].to_numpy(np.int64)
    padded = padded_boxes(table, drawn_boxes(table, archive), laid)
    detector = full.detector.fitted_to(cohort.classes, preprocessing.size)
    cases = _cases(table, prepared, padded, preprocessing.size, detector)
    named = {"learner": name, "paper": paper}
    if full.boxes == "artefact":
        numbers = _ask(_earlier(str(full.artefact), cohort, preprocessing), cases)
        boxes = found_boxes(table[CARRIED], numbers, laid, shapes, cohort.classes)
        return _as_before(boxes.assign(**named), full, cohort)
    table = _roles(table, padded, detector)
    if not table["fitted"].any():
        raise CohortError(NO_BOXES)
    results, hashes = _fit(table, cases, detector, prepared, workspace)
    card = artefact_card(detector, cohort, preprocessing, hashes)
    return (
        _found(results, table, laid, shapes, cohort).assign(**named),
        Build(hashes["data"], partial(write_folds, results=results[-1:], card=card)),
        _history(results),
        parts.fitted_rows(results, table, table, name),
        parts.record_of(detector, results, hashes) | {"boxes": full.boxes},
    )


def _found(
    results: "list[FoldResult]",
    table: pd.DataFrame,
    laid: "list[Laying]",
    shapes: "NDArray[np.int64]",
    cohort: CohortConfig,
) -> pd.DataFrame:
    """The boxes of all divisions, each on slices of patients that its detector had not seen."""
    found = [
        found_boxes(
            table.iloc[one.test][CARRIED],
            one.probabilities,
            [laid[at] for at in one.test],
            shapes[one.test],
            cohort.classes,
        )
        for one in results
    ]
    return pd.concat(found, ignore_index=True)


def wff(recipe: Recipe) -> WFFRecipe:
    """The framework's recipe.

    Raises:
        ValueError: the parameters hold another kind.
    """
    if not isinstance(recipe.root, WFFRecipe):
        raise ValueError(f"recipe.kind: {recipe.root.kind} found, weighted_fusion allowed")
    return recipe.root


def _cases(
    table: pd.DataFrame,
    prepared: Path,
    padded: "NDArray[np.float32]",
    size: int,
    detector: DetectorRecipe,
) -> "DetectionCases":
    from osteon.learning.detection import DetectionCases

    return DetectionCases(
        images=prepared / "images.npy",
        rows=table["row"].to_numpy(np.int64),
        boxes=padded,
        corridors=corridors(table, padded, size),
        labels=table["label"].to_numpy(np.int64),
        patients=table["patient_id"].factorize()[0],
        samples=table["sample_id"].to_numpy(str),
        hflip=detector.hflip,
    )


def _roles(
    table: pd.DataFrame, padded: "NDArray[np.float32]", detector: DetectorRecipe
) -> pd.DataFrame:
    """Which slices may be fitted on: those with a box, and a share as many without one."""
    drawn = np.isfinite(padded[..., 0]).any(axis=1)
    training = (table["split"] == parts.INNER).to_numpy()
    fitted = training & drawn
    if detector.per_series is not None:
        fitted = _spread(table, fitted, detector.per_series)
    empty = np.flatnonzero(training & ~drawn)
    wanted = min(len(empty), round(detector.negatives * int(fitted.sum())))
    rng = np.random.default_rng([detector.training.seed, 0x2E6])
    fitted[rng.permutation(empty)[:wanted]] = True
    return table.assign(fitted=fitted, judged=True, case=np.arange(len(table)))


def _spread(table: pd.DataFrame, shown: "NDArray[np.bool_]", count: int) -> "NDArray[np.bool_]":
    """Of the slices that show a lesion at most `count` a series, evenly spread over it."""
    kept = np.zeros(len(table), bool)
    order = table["slice"].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    for own in table.groupby("sequence_id").indices.values():
        rows = choose_slices(order[own], shown[own], "lesion", count).rows
        kept[own[rows]] = True
    return kept & shown


def _fit(
    table: pd.DataFrame,
    cases: "DetectionCases",
    detector: DetectorRecipe,
    prepared: Path,
    workspace: Path,
) -> "tuple[list[FoldResult], dict[str, str]]":
    from osteon.learning.folds import fold_tasks, run_folds

    pixels = (prepared / DIGEST_FILE).read_text()
    hashes = {
        "data": hash_table(table[["sample_id", "label"]], pixels),
        "split": hash_table(table[["sample_id", "patient_id", "fold", "split"]]),
    }
    tasks = fold_tasks(
        detector,
        cases,
        parts.divisions(table),
        data_hash=hashes["data"],
        split_hash=hashes["split"],
        work=workspace,
    )
    return run_folds(tasks), hashes


def _history(results: "list[FoldResult]") -> pd.DataFrame:
    """Learning curves; in training a detector knows its losses, no accuracy."""
    curves = [pd.DataFrame(one.history).assign(fold=one.fold) for one in results]
    return pd.concat(curves, ignore_index=True).drop(columns="accuracy")


def _earlier(artefact: str, cohort: CohortConfig, preprocessing: PreprocessingConfig) -> Any:
    """An earlier run's detector.

    Raises:
        CohortError: another kind of learner, other classes, or slices prepared in another way.
    """
    from osteon.recipes import load_learner

    model = load_learner(Path(artefact).expanduser())
    if not isinstance(model.recipe, DetectorRecipe):
        raise CohortError(
            f"recipe.artefact: a {type(model.recipe).__name__} found, a detector needed"
        )
    if model.classes != tuple(cohort.classes):
        raise CohortError(
            f"recipe.artefact: trained for {list(model.classes)}; cohort.classes is "
            f"{list(cohort.classes)}"
        )
    now = preprocessing.model_dump(mode="json")
    then = model.card["preprocessing"]
    if odd := {name: then.get(name) for name in LAID if then.get(name) != now[name]}:
        raise CohortError(
            f"recipe.artefact: trained on slices with {odd}; preprocessing has "
            f"{ {name: now[name] for name in odd} }"
        )
    return model


def _ask(model: Any, cases: "DetectionCases") -> "NDArray[np.float64]":
    """What an earlier run's detector finds on all slices."""
    import torch

    from osteon.learning.predict import predict

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network, objective = model.networks[0].to(device), model.recipe.build_objective()
    return predict(network, objective, cases, np.arange(len(cases.rows)), device, 16)


def _as_before(boxes: pd.DataFrame, full: WFFRecipe, cohort: CohortConfig) -> Trained:
    """The earlier detector's boxes, and a copy of it, so that this run's framework is whole."""
    reason = (
        "recipe.boxes is artefact: an earlier run's detector finds the boxes; whom it was fitted "
        "on is not known here, and no certificate speaks of it"
    )
    logger.warning("%s", reason)
    _, _, history, fitted, record = _without(full, reason, cohort)
    return boxes, Build(reason, partial(_copy, str(full.artefact))), history, fitted, record


def _copy(artefact: str, folder: Path) -> None:
    """Write an earlier run's detector as this run's."""
    from osteon.learning.artefact import read_artefact

    _, weights = read_artefact(Path(artefact).expanduser())
    shutil.copytree(weights[0].parent, folder)


def _without(full: WFFRecipe, reason: str, cohort: CohortConfig) -> Trained:
    """The outputs where nothing was trained."""
    logger.info("%s", reason)
    names = [*KEPT, *(f"prob_{name}" for name in cohort.classes)]
    text = {"sample_id", "patient_id", "split", "learner", "paper", "class"}
    kinds = {name: "str" if name in text else "float64" for name in names} | {"fold": "int64"}
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    nothing = pd.DataFrame({name: pd.Series(dtype=kinds[name]) for name in FITTED})
    record: dict[str, Any] = {
        "status": "not trained",
        "reason": reason,
        "folds": [],
        "boxes": full.boxes,
    }
    record["recipe"] = full.detector.describe()
    return (
        empty,
        Build(reason, partial(write_reason, reason=reason)),
        pd.DataFrame(columns=["fold", "epoch", "loss"]),
        nothing,
        record,
    )
