"""Training one learner: cross-validation, out-of-fold predictions, a model artefact."""

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import osteon
from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import DIGEST_FILE, Build
from osteon.measures.columns import SUBGROUPS
from osteon.recipes import Learner, LearnerRecipe, Recipe
from osteon.recipes.preprocessing import PreprocessingConfig

if TYPE_CHECKING:
    from osteon.learning.folds import FoldResult
    from osteon.learning.tasks import FoldTask

logger = logging.getLogger(__name__)


def train_learner(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    prepared: Path,
    workspace: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
    learner: Learner,
) -> tuple[pd.DataFrame, Build, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Cross-validate one learner, or say why this cohort does not let it be trained.

    Args:
        samples: one row a sample with label, normalised clinical values and place of its pixels.
        splits: which fold judges which sample; fold -1 is only trained on.
        prepared: folder of the image store.
        workspace: folder where unfinished folds are taken up again and finished ones reused.
        cohort: the classes.
        preprocessing: what the artefact must do to a new image.
        recipe: what all learners of the paper share.
        learner: what this one has of its own.

    Returns:
        out-of-fold predictions, the artefact, learning curves, what each fold was fitted on, and
        the record: recipe, device, threads, seconds, origin of the weights, or why it was skipped.
    """
    from osteon.learning.folds import run_folds

    full = recipe.for_learner(learner).fitted_to(cohort.classes, preprocessing.size)
    reason = full.skip_reason(samples)
    if reason is not None:
        logger.warning("skipped: %s", reason)
        return _skipped(full, reason, cohort)
    table, tasks, hashes = image_tasks(full, samples, splits, prepared, workspace)
    results = run_folds(tasks)
    # The catalog places the workspace in data/06_models/<paper>/<learner>/work.
    name, paper = workspace.parent.name, workspace.parents[1].name
    card = artefact_card(full, cohort, preprocessing, hashes)
    return (
        _predictions(results, table, name, paper, cohort.classes),
        Build(tasks[0].folder.name, partial(write_folds, results=results, card=card)),
        pd.concat([pd.DataFrame(r.history).assign(fold=r.fold) for r in results]),
        _fitted(results, table, name, cohort.classes),
        _record(full, results, hashes),
    )


def image_tasks(
    recipe: LearnerRecipe,
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    prepared: Path,
    work: Path,
) -> "tuple[pd.DataFrame, list[FoldTask], dict[str, str]]":
    """What there is to train of a learner on images.

    Args:
        recipe: complete, of one learner.
        samples: as for `train_learner`.
        splits: as for `train_learner`.
        prepared: folder of the image store.
        work: folder for unfinished and finished folds.

    Returns:
        the samples that the learner may use, with fold and part; one task a fold; name → hash of
        data and split.
    """
    from osteon.learning.batches import ImageCases
    from osteon.learning.folds import divisions, fold_tasks

    table = samples.drop(columns="split").merge(splits, on=["sample_id", "patient_id"])
    table = table[recipe.usable(table)].reset_index(drop=True)
    hashes = _hashes(table, (prepared / DIGEST_FILE).read_text())
    store = prepared / "images.npy"
    tasks = fold_tasks(
        recipe,
        ImageCases.from_table(table, recipe.clinical_columns, store, recipe.normalisation),
        divisions(table["fold"].to_numpy(), table["split"].to_numpy()),
        data_hash=hashes["data"],
        split_hash=hashes["split"],
        work=work,
    )
    return table, tasks, hashes


def _predictions(
    results: "list[FoldResult]",
    table: pd.DataFrame,
    name: str,
    paper: str,
    classes: tuple[str, ...],
) -> pd.DataFrame:
    """The predictions table of the evaluation standard, one row a judged sample."""
    parts = []
    for result in results:
        part = table.iloc[result.test][["sample_id", "patient_id", "split", *SUBGROUPS]]
        part = part.assign(paper=paper, learner=name, fold=result.fold, label=result.labels)
        for column, class_name in enumerate(classes):
            part[f"prob_{class_name}"] = result.probabilities[:, column]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _fitted(
    results: "list[FoldResult]", table: pd.DataFrame, name: str, classes: tuple[str, ...]
) -> pd.DataFrame:
    """What each fold was fitted on, and what its network says of that: never a performance."""
    parts = []
    for result in results:
        part = table.iloc[result.train][["sample_id", "patient_id"]]
        part = part.assign(label=result.fitted_labels, fold=result.fold, learner=name)
        for column, class_name in enumerate(classes):
            part[f"prob_{class_name}"] = result.fitted_probabilities[:, column]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _record(
    recipe: LearnerRecipe, results: "list[FoldResult]", hashes: dict[str, str]
) -> dict[str, Any]:
    judged = [
        {
            "judged_accuracy": float((r.probabilities.argmax(1) == r.labels).mean()),
            "judged_log_loss": _log_loss(r),
        }
        for r in results
    ]
    return training_record(recipe, results, hashes, judged)


def training_record(
    recipe: LearnerRecipe,
    results: "Sequence[FoldResult]",
    hashes: dict[str, str],
    further: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """What is told of a training, whatever was trained.

    Args:
        recipe: of the learner.
        results: one a fold.
        hashes: name → hash of data and split.
        further: of each fold, what only such a learner has; it replaces what all have.
    """
    folds = [
        {
            "fold": r.fold,
            "judged_samples": len(r.samples),
            "fitted_samples": len(r.fitted),
            "held_back_samples": len(r.held_back),
            "epochs": len(r.history),
            "final_loss": r.history[-1]["loss"] if r.history else None,
            "seconds": r.seconds,
            "device": r.device,
            "threads": r.threads,
            "parameters": r.parameters,
            "weights": r.weights_origin,
            "sha256": r.sha256,
            "resumed": r.resumed,
            "reused": r.reused,
            **own,
        }
        for r, own in zip(results, further or [{}] * len(results), strict=True)
    ]
    hashed = {f"{what}_hash": value for what, value in hashes.items()}
    # Folds of an earlier run are reused only if the code that trains them is the same.
    code = {"osteon": osteon.__version__, "code_digest": results[0].code_digest}
    return {"status": "trained", "recipe": recipe.describe(), **code, **hashed, "folds": folds}


def _log_loss(result: "FoldResult") -> float:
    given = result.probabilities[np.arange(len(result.labels)), result.labels]
    return float(-np.log(np.clip(given, 1e-12, None)).mean())


def artefact_card(
    recipe: LearnerRecipe,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    hashes: dict[str, str],
) -> dict[str, Any]:
    """What `model.json` says of a learner, beside its folds: enough to use it on a new image."""
    return {
        "recipe": recipe.describe(),
        "classes": list(cohort.classes),
        "trained_on": cohort.source,
        "preprocessing": {
            "max_side": cohort.max_side,
            **preprocessing.model_dump(mode="json"),
        },
        **{f"{what}_hash": value for what, value in hashes.items()},
    }


def write_folds(folder: Path, results: "list[FoldResult]", card: dict[str, Any]) -> None:
    """Write the artefact of some folds into `folder`."""
    from osteon.learning.artefact import write_artefact

    write_artefact(folder, results, card)


def _hashes(table: pd.DataFrame, pixels: str) -> dict[str, str]:
    """What a learner's folds depend on beside recipe and code: samples with pixels, and parts."""
    return {
        "data": hash_table(table.drop(columns=["fold", "split"]), pixels),
        "split": hash_table(table[["sample_id", "patient_id", "fold", "split"]]),
    }


def hash_table(table: pd.DataFrame, *more: str) -> str:
    """SHA-256 of a table's content, rows in the order of the sample ids, and of further words."""
    ordered = table.sort_values("sample_id").sort_index(axis=1)
    content = "".join([ordered.to_csv(index=False), *more])
    return hashlib.sha256(content.encode()).hexdigest()


def _skipped(
    recipe: LearnerRecipe, reason: str, cohort: CohortConfig
) -> tuple[pd.DataFrame, Build, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """The outputs of a learner that could not be trained: empty tables, and the reason."""
    text = ["sample_id", "patient_id", "split", *SUBGROUPS, "paper", "learner"]
    kinds = {**dict.fromkeys(text, "str"), "age": "float64", "fold": "int64", "label": "int64"}
    probabilities = [f"prob_{name}" for name in cohort.classes]
    kinds |= dict.fromkeys(probabilities, "float64")
    predictions = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    record = {"status": "skipped", "reason": reason, "recipe": recipe.describe(), "folds": []}
    return (
        predictions,
        Build(reason, partial(write_reason, reason=reason)),
        pd.DataFrame(columns=["fold", "epoch"]),
        predictions[["fold", "sample_id", "patient_id", "label", "learner", *probabilities]],
        record,
    )


def write_reason(folder: Path, reason: str) -> None:
    """Write what stands for an artefact where nothing was trained."""
    folder.mkdir(parents=True)
    (folder / "skipped.json").write_text(json.dumps({"skipped": reason}))
