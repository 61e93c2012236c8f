"""Eq. 1 and the votes: age table, λ from the training part, and each row of Table 3."""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.measures.columns import SUBGROUPS
from osteon.pipelines.spinal_wff import parts
from osteon.pipelines.spinal_wff.boxes import with_series
from osteon.pipelines.spinal_wff.detecting import wff
from osteon.recipes import Recipe
from osteon.recipes.spinal_wff import PUBLISHED, AgeConfig, FusionLearner, WFFRecipe

if TYPE_CHECKING:
    from osteon.measures.age_table import AgeTable

logger = logging.getLogger(__name__)

Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
RULE = "best accuracy of the votes, then AUROC, then nearest to the published λ; all terms above 0"
NO_DEVICE = {
    "device": "cpu",
    "threads": 1,
    "parameters": 0,
    "weights": "none: weights of terms only",
}


def score_ages(
    samples: pd.DataFrame, splits: pd.DataFrame, inner_splits: pd.DataFrame, recipe: Recipe
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What age alone says of each patient, by a table that was not counted on the patient.

    Args:
        samples: one row a slice, with age and label of its patient.
        splits: train and test part.
        inner_splits: folds of the training part.
        recipe: the framework's.

    Returns:
        patient_id, fold, split, label, age and `a`, the positive class's probability (missing where
        the age is); and the table of the whole training part, for Fig. 5 and for new patients.
    """
    table = parts.place(samples, splits, inner_splits).drop_duplicates("patient_id")
    people = table[["patient_id", "fold", "split", "label", "age"]].reset_index(drop=True)
    config = wff(recipe).age
    scored = people.assign(a=age_opinions(people, config))
    missing = int(people["age"].isna().sum())
    if missing:
        logger.warning("%d patient(s) without an age: the age term drops out for them", missing)
    final = age_table(people, config)
    return scored, final.as_json() | {"missing": missing, "patients": len(people)}


def age_opinions(people: pd.DataFrame, config: AgeConfig) -> np.ndarray:
    """(patients,) what the age table says of each: of the other inner folds, or of all of them.

    Args:
        people: fold, split, label and age, one row a patient.
        config: bins and smoothing.
    """
    age, said = people["age"].to_numpy(dtype=np.float64), np.full(len(people), np.nan)
    training = (people["split"] == parts.INNER).to_numpy()
    for fold, table in age_tables(people, config).items():
        judged = training & (people["fold"] == fold).to_numpy()
        said[judged] = table.probability(age[judged])
    said[~training] = age_table(people, config).probability(age[~training])
    return said


def age_table(people: pd.DataFrame, config: AgeConfig) -> "AgeTable":
    """The table of the whole training part, for the test part and for new patients."""
    from osteon.measures.fusion_tracing import fit_age

    return fit_age(people, **config.model_dump())


def age_tables(people: pd.DataFrame, config: AgeConfig) -> "dict[int, AgeTable]":
    """Inner fold → the table of the other folds, for its patients."""
    from osteon.measures.fusion_tracing import fit_age_by_fold

    return fit_age_by_fold(people, **config.model_dump())


def opinions(
    samples: pd.DataFrame,
    detections: pd.DataFrame,
    sequence_scores: pd.DataFrame,
    age_scores: pd.DataFrame,
    classes: tuple[str, ...],
    recipe: WFFRecipe,
) -> Frames:
    """The terms of Eq. 1 for the whole cohort, training part out of fold.

    Returns:
        images (sample_id, sequence_id, patient_id, d), series (sequence_id, patient_id, sequence,
        m) and patients (patient_id, label, age, a), each with fold and split.
    """
    from osteon.measures.opinions import image_opinions

    voting, positive = recipe.voting, f"prob_{classes[-1]}"
    placed = sequence_scores[["sequence_id", "fold", "split"]]
    slices = with_series(samples)[["sample_id", "sequence_id", "patient_id", "slice"]].merge(
        placed, on="sequence_id"
    )
    pair = (classes[0], classes[-1])
    images = image_opinions(detections, slices, pair, voting.score, voting.aggregate)
    series = sequence_scores.rename(columns={positive: "m"})
    series = series[["sequence_id", "patient_id", "sequence", "m", "fold", "split"]]
    label = sequence_scores.drop_duplicates("patient_id").set_index("patient_id")["label"]
    people = age_scores[age_scores["patient_id"].isin(label.index)]
    # A sequence model of permuted labels is judged by these.
    people = people.assign(label=people["patient_id"].map(label).astype("int64"))
    return images, series, people.reset_index(drop=True)


def choose_lambdas(
    samples: pd.DataFrame,
    detections: pd.DataFrame,
    sequence_scores: pd.DataFrame,
    age_scores: pd.DataFrame,
    cohort: CohortConfig,
    recipe: Recipe,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """λ from out-of-fold predictions of the training part: every point of the grid, exactly.

    Args:
        samples: one row a slice.
        detections: found boxes.
        sequence_scores: of the sequence model with the paper's N.
        age_scores: what age says.
        cohort: the classes.
        recipe: the framework's.

    Returns:
        what was chosen and how, and accuracy and AUROC of every λ on the training part.
    """
    full = wff(recipe)
    frames = opinions(samples, detections, sequence_scores, age_scores, cohort.classes, full)
    return chosen_on(*frames, full)


def chosen_on(
    images: pd.DataFrame, series: pd.DataFrame, people: pd.DataFrame, recipe: WFFRecipe
) -> tuple[dict[str, Any], pd.DataFrame]:
    """As `choose_lambdas`, from the terms of the whole cohort: the test part is set aside first."""
    from osteon.measures.fusion import grid
    from osteon.measures.fusion_search import choose, search

    found = search(
        terms_of_part(images, series, people, parts.INNER),
        grid(recipe.voting.step),
        recipe.voting.no_box,
    )
    free, inside = (choose(found, near=PUBLISHED, interior=one) for one in (False, True))
    best = found["accuracy"].max()
    said = {
        "chosen": list(inside),
        "best_anywhere": list(free),
        "published": list(PUBLISHED),
        "candidates": len(found),
        "tied_for_best": int((found["accuracy"] > best - 1e-12).sum()),
        "patients": int((people["split"] == parts.INNER).sum()),
        "rule": RULE,
    }
    return said, found


def terms_of_part(
    images: pd.DataFrame, series: pd.DataFrame, people: pd.DataFrame, split: str
) -> Any:
    """The terms of the training part (`cv`) or of the test part (`test`)."""
    from osteon.measures.fusion import terms_of

    return terms_of(*(one[one["split"] == split] for one in (images, series, people)))


def fuse(
    samples: pd.DataFrame,
    detections: pd.DataFrame,
    sequence_scores: pd.DataFrame,
    age_scores: pd.DataFrame,
    lambdas: dict[str, Any],
    cohort: CohortConfig,
    recipe: Recipe,
    learner: FusionLearner,
    *,
    name: str,
    paper: str,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """One row of Table 3: the test part called by votes, the training part out of fold beside it.

    Args:
        samples: one row a slice.
        detections: found boxes.
        sequence_scores: of this row's sequence model.
        age_scores: what age says.
        lambdas: what was chosen on the training part.
        cohort: the classes.
        recipe: the framework's.
        learner: terms and weights.
        name: of the row; paper: whose.

    Returns:
        predictions (one row a test patient, with `vote`), the same of the training part out of
        fold (for thresholds and temperatures, and for the certificate), and the record.
    """
    full = wff(recipe)
    first, second, third = lambdas["chosen"]
    weights = learner.lambdas((first, second, third))
    frames = opinions(samples, detections, sequence_scores, age_scores, cohort.classes, full)
    reason = _lacking(learner, weights, frames)
    record = {
        "recipe": learner.model_dump(mode="json")
        | {"lambdas": list(weights), "voting": full.voting.model_dump(mode="json")}
    }
    judged, trained = (
        _called(frames, split, weights, samples, cohort.classes, full).assign(
            learner=name, paper=paper
        )
        for split in (parts.TEST, parts.INNER)
    )
    if reason is not None:
        logger.warning("skipped: %s", reason)
        empty = trained.assign(out_of_fold=True).iloc[:0]
        return judged.iloc[:0], empty, record | {"status": "skipped", "reason": reason, "folds": []}
    trained = trained.assign(fold=0, out_of_fold=True).drop(
        columns=["vote", "split", *_kept(trained)]
    )
    fold = {"fold": 0, "judged_samples": len(judged), "fitted_samples": len(trained), **NO_DEVICE}
    fold |= {"seconds": 0.0, "epochs": 0}
    return judged, trained, record | {"status": "trained", "folds": [fold]}


def describe_framework(
    lambdas: dict[str, Any],
    age_table: dict[str, Any],
    recipe: Recipe,
    detector_model: Any,
    sequence_model: Any,
    *,
    detector: str,
    sequence: str,
) -> dict[str, Any]:
    """What `osteon.recipes.diagnosis.load_framework` needs beside the two networks.

    Args:
        lambdas: what was chosen; age_table: of the whole training part.
        recipe: the framework's; with `boxes: whole` there is no detector.
        detector_model, sequence_model: the networks that λ was chosen with, or why one is missing.
        detector, sequence: names of the networks' learners.
    """
    full = wff(recipe)
    models = {"detector": detector_model, "sequence": sequence_model}
    return {
        "weights": {part: _weights(model) for part, model in models.items()},
        "lambdas": lambdas["chosen"],
        "age_table": age_table,
        "voting": full.voting.model_dump(mode="json"),
        "boxes": full.boxes,
        "networks": {"detector": None if full.boxes == "whole" else detector, "sequence": sequence},
    }


def _weights(model: Any) -> list[str] | None:
    """SHA-256 of a network's weights, one a fold; None where there is no network."""
    from osteon.recipes.artefact import SkippedLearner, hashes

    return None if isinstance(model, SkippedLearner) else hashes(model.card)


def _kept(table: pd.DataFrame) -> list[str]:
    return [name for name in SUBGROUPS if name in table.columns]


def _lacking(
    learner: FusionLearner, weights: tuple[float, float, float], frames: Frames
) -> str | None:
    """Why a row of the table cannot be had: its terms are missing for the whole test part.

    A row that has another term than age left goes on with it: the missing term drops out.
    """
    columns = {"detector": (frames[0], "d"), "sequence": (frames[1], "m"), "age": (frames[2], "a")}
    there = [
        term
        for term in learner.terms
        if not columns[term][0]
        .loc[columns[term][0]["split"] == parts.TEST, columns[term][1]]
        .isna()
        .all()
    ]
    images = [term for term in there if term != "age"]
    if sum(weights) <= 0:
        return "all its weights are 0"
    if not there or (not images and set(learner.terms) != {"age"}):
        lost = " and ".join(term for term in learner.terms if term not in there)
        return f"missing for every patient of the test part: {lost}"
    return None


def _called(
    frames: Frames,
    split: str,
    weights: tuple[float, float, float],
    samples: pd.DataFrame,
    classes: tuple[str, ...],
    recipe: WFFRecipe,
) -> pd.DataFrame:
    """One row a patient of a part: score and vote, with the facts that subgroups are formed by."""
    from osteon.measures.fusion import votes

    terms = terms_of_part(*frames, split)
    said = votes(terms, np.array([weights]), recipe.voting.no_box)
    facts = [name for name in ("age", "sex", "site", "location", "centre") if name in samples]
    known = samples.drop_duplicates("patient_id")[["patient_id", *facts]]
    table = pd.DataFrame(
        {
            "patient_id": terms.patient_ids,
            "label": terms.label,
            f"prob_{classes[0]}": 1 - said.score[0],
            f"prob_{classes[-1]}": said.score[0],
            "vote": said.vote[0],
        }
    ).merge(known, on="patient_id", how="left")
    return table.assign(sample_id=table["patient_id"], fold=0, split=split)
