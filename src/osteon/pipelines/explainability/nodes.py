"""Steps of explainability: maps of each learner, one summary, attention between layers."""

import hashlib
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon import explaining
from osteon.cohorts.choosing import field_at
from osteon.datasets.store import Build, source_hash
from osteon.recipes.explainability import ExplainabilityConfig, neutral_values
from osteon.recipes.preprocessing import PreprocessingConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import nn

    from osteon.explaining.subject import Index, Inputs, Subject

logger = logging.getLogger(__name__)

SCORES = ["sample_id", "patient_id", "learner", "fold", "method", "label"]
ATTRIBUTIONS = ["sample_id", "patient_id", "learner", "fold", "feature"]


def explain_learner(
    samples: pd.DataFrame,
    predictions: pd.DataFrame,
    prepared: Path,
    archive: Any,
    model: Any,
    preprocessing: PreprocessingConfig,
    config: ExplainabilityConfig,
) -> tuple[Build, pd.DataFrame, pd.DataFrame]:
    """Explain every judged image by the network that was not fitted on its patient.

    Args:
        samples: one row a sample; the crop columns say which part of the original was prepared.
        predictions: held-out predictions: they say which fold judged which sample.
        prepared: folder of the image store.
        archive: lesion masks and boxes, in original pixels.
        model: the trained folds, or why there are none.
        preprocessing: how an original or its crop was laid on the network's input.
        config: methods, steps and checks.

    Returns:
        maps, their scores (a row an image and method) and attributions to the clinical values (a
        row an image and value); all empty for a skipped learner.
    """
    from osteon.explaining.cases import explain_learner as explain
    from osteon.explaining.store import write_maps
    from osteon.recipes.artefact import SkippedLearner

    if isinstance(model, SkippedLearner):
        logger.warning("not explained, because the learner was skipped: %s", model.reason)
        nothing = partial(write_maps, samples=[], maps={})
        return Build(model.reason, nothing), _empty(SCORES), _empty(ATTRIBUTIONS)
    judged = _judged(samples, predictions)
    found = explain(_subject(judged, prepared, archive, model, preprocessing, config.layer), config)
    maps = partial(write_maps, samples=judged["sample_id"].tolist(), maps=found.maps)
    card = {name: model.card[name] for name in ("folds", "data_hash", "split_hash")}
    made_from = f"{card} {source_hash(explaining)} {config.model_dump_json()}"
    return (
        Build(hashlib.sha256(made_from.encode()).hexdigest(), maps),
        found.scores,
        found.attributions,
    )


def map_attention(
    samples: pd.DataFrame, predictions: pd.DataFrame, prepared: Path, model: Any
) -> list[dict[str, Any]]:
    """How much each layer of a dense block takes from each layer before it.

    Args:
        samples: one row a sample.
        predictions: held-out predictions: they say which fold judged which sample.
        prepared: folder of the image store.
        model: the trained folds, or why there are none; see `osteon.explaining.attention` for the
            method that their networks must have.

    Returns:
        figures of the report (a grid a block, of all judged images and of each true class); none
        for a skipped learner, nor for networks that do not weigh their layers.
    """
    from osteon.explaining.attention import attention_figures
    from osteon.recipes.artefact import SkippedLearner

    if isinstance(model, SkippedLearner):
        return []
    judged = _judged(samples, predictions)
    networks, read = _networks(judged, prepared, model)
    return attention_figures(networks, read, judged)


def _judged(samples: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Samples that were judged, and the fold that held each out."""
    folds = predictions[["sample_id", "fold", "learner"]]
    return folds.merge(samples, on="sample_id", validate="one_to_one")


def _networks(
    judged: pd.DataFrame, prepared: Path, model: Any
) -> "tuple[dict[int, nn.Module], Callable[[Index], Inputs]]":
    """Fold → network, and what reads its inputs, both on the GPU if there is one."""
    import torch

    from osteon.learning.batches import ImageCases

    recipe = model.recipe
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folds = [int(fold["fold"]) for fold in model.card["folds"]]
    networks = [network.to(device) for network in model.networks]
    cases = ImageCases.from_table(
        judged,
        recipe.clinical_columns,
        prepared / "images.npy",
        normalisation=recipe.normalisation,
    )
    return (
        dict(zip(folds, networks, strict=True)),
        lambda index: cases.place(cases.read(index), device).inputs,
    )


def _subject(
    judged: pd.DataFrame,
    prepared: Path,
    archive: Any,
    model: Any,
    preprocessing: PreprocessingConfig,
    layer: str | None,
) -> "Subject":
    from osteon.explaining.crops import COLUMNS
    from osteon.explaining.subject import Subject

    recipe = model.recipe
    networks, read = _networks(judged, prepared, model)
    clinical: dict[str, Any] = {}
    if recipe.clinical_columns is not None:
        clinical["features"] = [name.removesuffix("_norm") for name in recipe.clinical_columns]
        clinical["baseline"] = neutral_values(recipe.clinical_columns, recipe.clinical)
    rows, crops = judged["archive_row"].tolist(), judged[list(COLUMNS)].to_numpy()
    return Subject(
        learner=str(judged["learner"].iloc[0]),
        networks=networks,
        read=read,
        samples=judged[["sample_id", "patient_id", "label", "fold"]],
        layer=_layer(next(iter(networks.values())), layer),
        target=_target(recipe, len(model.classes)),
        lesion=lambda position: given_lesion(archive, rows[position], crops[position]),
        mode=preprocessing.resize,
        extent=lambda position: field_at(archive, rows[position], preprocessing.field_mm),
        **clinical,
    )


def _layer(network: "nn.Module", asked: str | None) -> str:
    """The configured layer, by its own name or by one that the network has for it, else the one
    that the paper names.
    """
    layer = str(asked or network.features_layer)
    return dict(getattr(network, "gradcam_layers", {})).get(layer, layer)


def _target(recipe: Any, classes: int) -> int:
    """The last class, as the network numbers it: a single logit may speak for the first class, so
    that its negative speaks for the last.
    """
    return 0 if getattr(recipe, "positive", None) == 0 else classes - 1


def lesion(archive: Any, row: int) -> "NDArray[np.uint8] | None":
    """What is drawn as lesion on an image of the archive: its mask, else its boxes, else None.

    A mask without any labelled pixel counts as none.
    """
    from osteon.explaining.localisation import boxes_to_mask

    mask = archive.mask(row)
    if mask is not None and mask.any():
        return np.asarray(mask)
    boxes = archive.boxes(row)
    if not boxes:
        return None
    shape = archive.pixels(row).shape
    return boxes_to_mask(boxes, (shape[0], shape[1])).astype(np.uint8)


def given_lesion(archive: Any, row: int, crop: Sequence[int]) -> "NDArray[np.uint8] | None":
    """The lesion in the crop x0, y0, x1, y1: 0 throughout where all of it lies elsewhere."""
    from osteon.explaining.crops import cut

    drawn = lesion(archive, row)
    return None if drawn is None else cut(drawn, crop)


def summarise_explanations(config: ExplainabilityConfig, **tables: pd.DataFrame) -> dict[str, Any]:
    """Means with intervals over patients, and a verdict by rule on each learner's maps.

    Args:
        config: resampling, and the bound of the weight-randomisation check.
        tables: `scores__<learner>` and `attributions__<learner>` of each explained learner.

    Returns:
        JSON-able: methods, clinical and a statement of the rules.
    """
    from osteon.explaining.summary import summarise

    parts = {
        what: pd.concat([t for name, t in tables.items() if name.startswith(f"{what}__")])
        for what in ("scores", "attributions")
    }
    return summarise(
        parts["scores"],
        parts["attributions"],
        config.rounds,
        config.seed,
        bound=config.correlation_bound,
    )


def _empty(columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
