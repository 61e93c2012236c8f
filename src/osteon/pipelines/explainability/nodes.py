"""Steps of explainability: maps of each learner, one summary, and the galleries of a report."""

import hashlib
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon import explaining
from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import Build, source_hash
from osteon.recipes.explainability import ExplainabilityConfig, neutral_values
from osteon.recipes.preprocessing import PreprocessingConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from osteon.explaining.subject import Subject
    from osteon.reporting.gallery import Tile

logger = logging.getLogger(__name__)

SHEETS = ("right", "baseline_wrong", "shift", "best", "worst")
"""Galleries, in the order of the contact sheets among the outputs of `draw_galleries`."""
METHODS = {"grad_cam": "Grad-CAM", "integrated_gradients": "integrated gradients"}
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
        samples: one row a sample.
        predictions: held-out predictions: they say which fold judged which sample.
        prepared: folder of the image store.
        archive: lesion masks and boxes, in original pixels.
        model: the trained folds, or why there are none.
        preprocessing: how an original was laid on the network's input.
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
    judged = predictions[["sample_id", "fold", "learner"]].merge(
        samples, on="sample_id", validate="one_to_one"
    )
    found = explain(_subject(judged, prepared, archive, model, preprocessing, config.layer), config)
    maps = partial(write_maps, samples=judged["sample_id"].tolist(), maps=found.maps)
    card = {name: model.card[name] for name in ("folds", "data_hash", "split_hash")}
    made_from = f"{card} {source_hash(explaining)} {config.model_dump_json()}"
    return (
        Build(hashlib.sha256(made_from.encode()).hexdigest(), maps),
        found.scores,
        found.attributions,
    )


def _subject(
    judged: pd.DataFrame,
    prepared: Path,
    archive: Any,
    model: Any,
    preprocessing: PreprocessingConfig,
    layer: str | None,
) -> "Subject":
    import torch

    from osteon.explaining.subject import Subject
    from osteon.learning.batches import ImageCases

    recipe = model.recipe
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folds = [int(fold["fold"]) for fold in model.card["folds"]]
    networks = [network.to(device) for network in model.networks]
    cases = ImageCases.from_table(judged, recipe.clinical_columns, prepared / "images.npy")
    rows = judged["row"].tolist()
    return Subject(
        learner=str(judged["learner"].iloc[0]),
        networks=dict(zip(folds, networks, strict=True)),
        read=lambda index: cases.place(cases.read(index), device).inputs,
        samples=judged[["sample_id", "patient_id", "label", "fold"]],
        layer=layer or networks[0].features_layer,
        target=len(model.classes) - 1,
        features=[name.removesuffix("_norm") for name in recipe.clinical_columns],
        baseline=neutral_values(recipe.clinical_columns, recipe.clinical),
        lesion=lambda position: lesion(archive, rows[position]),
        mode=preprocessing.resize,
    )


def lesion(archive: Any, row: int) -> "NDArray[np.uint8] | None":
    """What is drawn as lesion on an image of the archive: its mask, else its boxes, else None."""
    from osteon.explaining.localisation import boxes_to_mask

    mask = archive.mask(row)
    if mask is not None:
        return np.asarray(mask)
    boxes = archive.boxes(row)
    if not boxes:
        return None
    shape = archive.pixels(row).shape
    return boxes_to_mask(boxes, (shape[0], shape[1])).astype(np.uint8)


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


def draw_galleries(
    archive: Any,
    images: pd.DataFrame,
    samples: pd.DataFrame,
    config: ExplainabilityConfig,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    reference: pd.DataFrame,
    headline: pd.DataFrame,
    reference_maps: Any,
    headline_maps: Any,
) -> tuple[Any, ...]:
    """The galleries, with both learners' maps side by side on the original images.

    Args:
        archive: original pixels and lesions.
        images: its index: an image with suspected writing in its pixels is never shown.
        samples: one row a sample.
        config: cases in a gallery.
        cohort: the classes.
        preprocessing: how an original was laid on the network's input.
        reference: predictions of the learner that the others are tested against.
        headline: predictions of the learner under test; empty if it was skipped.
        reference_maps: maps of the reference.
        headline_maps: maps of the headline learner.

    Returns:
        the galleries as the report shows them, pictures as data, and a contact sheet of each.
    """
    from osteon.reporting.figures.draw import contact_sheet
    from osteon.reporting.gallery import Case, choose

    shown = [("baseline", reference_maps, reference)]
    if len(headline):
        shown.append((_named(headline), headline_maps, headline))
    rows = samples.set_index("sample_id")["row"].to_dict()
    classes = samples.set_index("sample_id")["class"].to_dict()
    hidden = images.loc[images["burned_in_text"], "sample_id"].tolist()
    kept_back = f" {len(hidden)} images with suspected writing are not shown." if hidden else ""
    galleries, sheets = [], {}
    for gallery in choose(reference, shown[-1][2], config.cases, hidden):
        cases = [
            Case(
                number,
                str(classes[name]).replace("_", "-"),
                _judgements(name, shown, cohort.classes[-1]),
                _tiles(archive, rows[name], name, shown, preprocessing),
            )
            for number, name in enumerate(gallery.samples, 1)
        ]
        galleries.append(
            {
                "name": gallery.name,
                "title": gallery.title,
                "caption": gallery.caption + kept_back,
                "cases": [case.for_page() for case in cases],
            }
        )
        sheets[gallery.name] = contact_sheet([case.for_sheet() for case in cases], gallery.title)
    return (galleries, *(sheets[name] for name in SHEETS))


Shown = tuple[str, Any, pd.DataFrame]


def _named(predictions: pd.DataFrame) -> str:
    return str(predictions["learner"].iloc[0]).partition("_")[2].replace("_", " ") + " inputs"


def _tiles(
    archive: Any, row: int, name: str, shown: Sequence[Shown], preprocessing: PreprocessingConfig
) -> "list[Tile]":
    from osteon.explaining.maps import to_original
    from osteon.reporting.gallery import tiles

    def lay(one: "NDArray[Any]", shape: tuple[int, int]) -> "NDArray[Any]":
        laid = to_original(one, shape, preprocessing.resize, preprocessing.size)
        return np.asarray(laid / max(float(np.abs(laid).max()), 1e-12))

    maps = [
        (f"{title}, {learner}{'' if found.any() else ' (empty)'}", found)
        for method, title in METHODS.items()
        for learner, store, _ in shown
        if method in store.methods and (found := store.get(method, name)) is not None
    ]
    return tiles(archive.pixels(row), lesion(archive, row), maps, lay)


def _judgements(name: str, shown: Sequence[Shown], positive: str) -> str:
    parts = []
    for learner, _, predictions in shown:
        given = predictions.loc[predictions["sample_id"] == name, f"prob_{positive}"]
        parts += [f"{learner}: {value:.2f}" for value in given]
    return f"probability of {positive.replace('_', '-')}: " + ", ".join(parts)


def _empty(columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in columns})
