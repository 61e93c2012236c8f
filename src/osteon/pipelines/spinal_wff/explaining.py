"""What moved the framework: Grad-CAM over tubes, boxes on slices, and single patients in full."""

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon import explaining
from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import Build, source_hash
from osteon.measures import tube_boxes
from osteon.measures.tube_boxes import BOX
from osteon.pipelines.evaluation.nodes import STATEMENTS
from osteon.pipelines.spinal_wff import parts
from osteon.pipelines.spinal_wff.boxes import with_series
from osteon.pipelines.spinal_wff.detecting import wff
from osteon.pipelines.spinal_wff.fusing import opinions, terms_of_part
from osteon.pipelines.spinal_wff.picturing import Pictures
from osteon.pipelines.spinal_wff.sequencing import tube_cases
from osteon.recipes import Recipe
from osteon.recipes.explainability import ExplainabilityConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from osteon.explaining.subject import Index, Inputs
    from osteon.learning.tubes import TubeCases
    from osteon.reporting.patients.cases import PatientCase

METHOD = "grad_cam"

TUBES = "An image is a tube here: the slices of one sequence that the sequence model was given."
OF_A_FOLD = "Every image is explained by the network of the fold that held it out."
JUDGED = "Every tube is of the test part and explained by the final model, which never saw it."


def judged_series(sequence_scores: pd.DataFrame) -> pd.DataFrame:
    """Series of the test part that have a tube, one row each, `sample_id` being the series'."""
    own = sequence_scores[
        (sequence_scores["split"] == parts.TEST) & (sequence_scores["box_from"] != tube_boxes.NONE)
    ].reset_index(drop=True)
    return own.rename(columns={"sample_id": "box_on"}).assign(sample_id=own["sequence_id"])


def tubes_of(
    series: pd.DataFrame, samples: pd.DataFrame, archive: Any, sequence: Any
) -> "TubeCases":
    """The tubes of some judged series, as the model was given them."""
    table = with_series(samples[samples["patient_id"].isin(series["patient_id"])])
    cases = series.drop(columns="sample_id").rename(columns={"box_on": "sample_id"})
    return tube_cases(cases, table, archive, sequence.recipe)


def explain_tubes(
    samples: pd.DataFrame,
    archive: Any,
    sequence_scores: pd.DataFrame,
    sequence: Any,
    config: ExplainabilityConfig,
) -> tuple[Build, pd.DataFrame]:
    """Grad-CAM of the final sequence model over every tube of the test part, with its checks.

    Args:
        samples: one row a slice.
        archive: pixels and drawn boxes.
        sequence_scores: where each tube was cut.
        sequence: the final model.
        config: checks and steps.

    Returns:
        the maps, and their scores, one row a series.
    """
    from osteon.explaining.store import write_maps
    from osteon.explaining.subject import Subject
    from osteon.explaining.tubes import score_tubes

    series = judged_series(sequence_scores)
    tubes, fold = tubes_of(series, samples, archive, sequence), sequence.card["folds"][0]["fold"]
    series = series.assign(fold=int(fold))
    network, read = _on_device(sequence, tubes)
    subject = Subject(
        learner=str(series["learner"].iloc[0]),
        networks={int(fold): network},
        read=read,
        samples=series[["sample_id", "patient_id", "label", "fold"]],
        layer=str(config.layer or network.features_layer),
        target=len(sequence.classes) - 1,
        lesion=lambda position: _lesion(tubes, position, archive),
    )
    found = score_tubes(subject, config)
    maps = partial(write_maps, samples=series["sample_id"].tolist(), maps=found.maps)
    boxes = series[[*BOX, "sample_id"]].to_csv(index=False)
    card = {name: sequence.card[name] for name in ("folds", "data_hash", "split_hash")}
    made_from = f"{card} {boxes} {source_hash(explaining)} {config.model_dump_json()}"
    return Build(hashlib.sha256(made_from.encode()).hexdigest(), maps), found.scores


def _on_device(sequence: Any, tubes: "TubeCases") -> "tuple[Any, Any]":
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = sequence.networks[0].to(device)

    def read(index: "Index") -> "Inputs":
        return tubes.place(tubes.read(index), device).inputs

    return network, read


def _lesion(tubes: "TubeCases", position: int, archive: Any) -> "NDArray[np.bool_] | None":
    """Drawn boxes on the slices of a tube; None where its series has none."""
    from osteon.explaining.tubes import lesion_mask
    from osteon.imaging.tubes import choose_by_index, tube_box

    rows = tubes.slices[position]
    if not tubes.labelled[position].any():
        return None
    taken = rows[choose_by_index(len(rows), int(tubes.centres[position]), tubes.count)]
    height, width = archive.pixels(int(rows[0])).shape[:2]
    square = tube_box(tubes.boxes[position].tolist(), height, width, tubes.margin)
    return lesion_mask([archive.boxes(int(row)) for row in taken], square, tubes.side)


def summarise_tubes(config: ExplainabilityConfig, scores: pd.DataFrame) -> dict[str, Any]:
    """Means with intervals over patients, and a verdict by rule on the maps.

    Args:
        config: resampling, and the bound of the weight-randomisation check.
        scores: of the tubes.

    Returns:
        as `osteon.explaining.summary.summarise`; the age term has no attributions, it is a table.
    """
    from osteon.explaining.summary import summarise
    from osteon.explaining.tubes import ATTRIBUTIONS

    nothing = pd.DataFrame({name: pd.Series(dtype="float64") for name in ATTRIBUTIONS})
    found = summarise(scores, nothing, config.rounds, config.seed, bound=config.correlation_bound)
    return found | {"statement": f"{TUBES} {found['statement'].replace(OF_A_FOLD, JUDGED)}"}


def _page(
    cases: "Sequence[PatientCase]",
    cohort: CohortConfig,
    lambdas: dict[str, Any],
    age_table: dict[str, Any],
    judged: int,
) -> str:
    """The patient page as HTML; `judged` patients in all."""
    from osteon.reporting.patients.render import render_patients

    return render_patients(
        cases,
        statement=STATEMENTS[cohort.source],
        phantom=cohort.source == "phantom",
        classes=cohort.classes,
        lambdas=lambdas["chosen"],
        age_table=age_table,
        title="How each patient was called",
        patients=judged,
    )


def show_patients(
    samples: pd.DataFrame,
    archive: Any,
    images: pd.DataFrame,
    sequence_scores: pd.DataFrame,
    sequence: Any,
    maps: Any,
    detections: pd.DataFrame,
    age_scores: pd.DataFrame,
    age_table: dict[str, Any],
    lambdas: dict[str, Any],
    predictions: pd.DataFrame,
    cohort: CohortConfig,
    recipe: Recipe,
    config: ExplainabilityConfig,
) -> tuple[Any, ...]:
    """The page that follows single patients from box to call, and the galleries of the report.

    Args:
        samples: one row a slice.
        archive: pixels and drawn boxes.
        images: its index: a slice with suspected writing in its pixels is never shown.
        sequence_scores: of the sequence model.
        sequence: the final model, for its tubes.
        maps: Grad-CAM of the tubes.
        detections: found boxes.
        age_scores: what age says.
        age_table: of the whole training part.
        lambdas: what was chosen.
        predictions: of the framework with all three terms.
        cohort: the classes.
        recipe: the framework's.
        config: cases in a gallery and on the page.

    Returns:
        the page as HTML, the galleries as data, and a contact sheet of each.
    """
    from osteon.measures.fusion_explain import explain
    from osteon.reporting.wff_choice import choose_patients
    from osteon.reporting.wff_gallery import galleries_of

    full = wff(recipe)
    frames = opinions(samples, detections, sequence_scores, age_scores, cohort.classes, full)
    said = explain(terms_of_part(*frames, parts.TEST), lambdas["chosen"], full.voting.no_box)
    pictures = Pictures(
        samples=with_series(samples),
        archive=archive,
        found=detections[detections["score"] >= full.voting.score],
        classes=cohort.classes,
        series=judged_series(sequence_scores),
        sequence=sequence,
        maps=maps,
        hidden=frozenset(images.loc[images["burned_in_text"], "sample_id"]),
        seed=config.seed,
    )
    chosen = choose_patients(said.patients, predictions, config.cases, config.seed)
    cases = [pictures.patient(name, reason, said) for name, reason in chosen]
    page = _page(cases, cohort, lambdas, age_table, len(said.patients))
    galleries, sheets = galleries_of(pictures.gallery_cases(said, config.cases))
    return page, galleries, *(sheets[gallery["name"]] for gallery in galleries)
