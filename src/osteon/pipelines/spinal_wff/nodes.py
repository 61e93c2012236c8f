"""What only the WFF paper judges and tabulates: boxes, λ looked back on, readers, locations."""

from typing import Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.spinal_wff import parts
from osteon.pipelines.spinal_wff.boxes import drawn_boxes
from osteon.pipelines.spinal_wff.detecting import wff
from osteon.pipelines.spinal_wff.fusing import Frames, opinions, terms_of_part
from osteon.recipes import Recipe
from osteon.recipes.evaluation import EvaluationConfig
from osteon.recipes.spinal_wff import PUBLISHED, FusionLearner, Term

TABLE3: dict[str, tuple[Term, ...]] = {
    "det": ("detector",),
    "det_age": ("detector", "age"),
    "seq": ("sequence",),
    "seq_age": ("sequence", "age"),
    "det_seq": ("detector", "sequence"),
    "det_seq_age": ("detector", "sequence", "age"),
}
"""The rows of Table 3 and their terms."""
KINDS = {"T1": ("T1WI",), "T2": ("T2WI", "FS-T2WI")}
"""Groups of Fig. 7 beside `all`."""


def judge_boxes(
    samples: pd.DataFrame,
    splits: pd.DataFrame,
    inner_splits: pd.DataFrame,
    archive: Any,
    detections: pd.DataFrame,
    config: EvaluationConfig,
    recipe: Recipe,
) -> dict[str, Any]:
    """AP, FROC and sensitivity at fixed false positives, against the boxes that readers drew.

    Args:
        samples: one row a slice.
        splits: train and test part.
        inner_splits: folds of the training part.
        archive: drawn boxes.
        detections: found boxes.
        config: resampling.
        recipe: the framework's.

    Returns:
        part (`test`; `cv`, the training part out of fold) → see
        `osteon.measures.detection_evaluator.evaluate`; a part without a drawn box is absent.
    """
    from osteon.measures.detection_evaluator import evaluate

    if wff(recipe).boxes == "whole":
        return {}
    table = parts.place(samples, splits, inner_splits)
    drawn = drawn_boxes(table, archive)
    drawn = drawn.merge(table[["sample_id", "class"]], on="sample_id")
    found: dict[str, Any] = {}
    for part in (parts.TEST, parts.INNER):
        own = table[table["split"] == part].assign(paper="", learner="detector")
        kept = [t[t["sample_id"].isin(own["sample_id"])] for t in (drawn, detections)]
        if len(kept[0]):
            found[part] = evaluate(own, kept[0], kept[1], config, "detector")
    return found


def look_back(
    samples: pd.DataFrame,
    detections: pd.DataFrame,
    sequence_scores: pd.DataFrame,
    age_scores: pd.DataFrame,
    lambdas: dict[str, Any],
    cohort: CohortConfig,
    recipe: Recipe,
) -> dict[str, Any]:
    """What λ chosen on the test part would have shown, other ways to add up, and how calls came.

    Nothing of this is fed back: λ was chosen before on the training part.

    Args:
        samples: one row a slice.
        detections: found boxes.
        sequence_scores: of the sequence model with the paper's N.
        age_scores: what age says.
        lambdas: what was chosen.
        cohort: the classes.
        recipe: the framework's.

    Returns:
        `optimism`, `ablations`, `decided_by` (how many patients were called in which way),
        `prevalence` (part → patients, positive, called, sensitivity, specificity), and `groups`:
        rows of Table 3 with some of the sequences only (Fig. 7).
    """
    from osteon.measures.fusion import grid
    from osteon.measures.fusion_explain import explain
    from osteon.measures.fusion_search import aggregation, optimism
    from osteon.measures.series_groups import by_series_group

    full = wff(recipe)
    frames = opinions(samples, detections, sequence_scores, age_scores, cohort.classes, full)
    trained, tested = (terms_of_part(*frames, part) for part in (parts.INNER, parts.TEST))
    no_box = full.voting.no_box
    calls = explain(tested, lambdas["chosen"], no_box)
    return {
        "optimism": optimism(trained, tested, grid(full.voting.step), no_box, PUBLISHED),
        "ablations": _ablations(trained, tested, aggregation(tested, lambdas["chosen"], no_box)),
        "decided_by": {
            "patients": calls.patients["decided_by"].value_counts().to_dict(),
            "sequences": calls.sequences["decided_by"].value_counts().to_dict(),
            "without_age": int(np.isnan(tested.a).sum()),
            "images_without_box": int(np.isnan(tested.d).sum()),
            "images": len(tested.d),
        },
        "prevalence": {
            part: _called(terms, lambdas["chosen"], no_box)
            for part, terms in ((parts.INNER, trained), (parts.TEST, tested))
        },
        "groups": by_series_group(_groups(frames, lambdas, cohort.classes, no_box)),
    }


def _called(terms: Any, lambdas: Any, no_box: Any) -> dict[str, Any]:
    """How many patients are malignant, how many are called so, and how rightly.

    Args:
        terms: of one part; lambdas: the three weights; no_box: what an image without a box says.
    """
    from osteon.measures.fusion import votes
    from osteon.measures.fusion_search import told

    vote = votes(terms, np.array([lambdas]), no_box).vote[0]
    said = told(terms.label, vote)
    return {
        "patients": len(terms.label),
        "positive": int(terms.label.sum()),
        "called": int(vote.sum()),
        "sensitivity": said["sensitivity"],
        "specificity": said["specificity"],
    }


def _ablations(trained: Any, tested: Any, added: dict[str, Any]) -> dict[str, Any]:
    """Other ways to come from the terms to a call; all are judged on the test part once.

    Args:
        trained, tested: terms of both parts; added: of `fusion_search.aggregation`.
    """
    from sklearn.metrics import roc_auc_score

    from osteon.measures.fusion_search import stacking, told

    made = stacking(trained, tested)
    stacked = told(tested.label, made.test >= 0.5)
    weights = ", ".join(f"{one:.2f}" for one in made.weights)
    shared = {"auroc": added["auroc"]}
    return {
        "votes": {"what": "two majority votes, as published", **added["vote"], **shared},
        "mean": {
            "what": "mean of P instead of votes",
            **added["mean"],
            **shared,
            "note": f"{added['otherwise']} patient(s) called otherwise; the score is the same",
        },
        "stacking": {
            "what": "logistic regression on the logits of D, M and A instead of λ",
            **stacked,
            "auroc": float(roc_auc_score(tested.label, made.test)),
            "note": f"fitted out of fold on the training part; weights {weights}",
        },
    }


def _groups(
    frames: Frames, lambdas: dict[str, Any], classes: tuple[str, ...], no_box: Any
) -> dict[str, dict[str, pd.DataFrame]]:
    """Group of sequences → row of Table 3 → predictions, one row a patient."""
    from osteon.measures.fusion import subset, votes

    tested = terms_of_part(*frames, parts.TEST)
    first, second, third = lambdas["chosen"]
    found: dict[str, dict[str, pd.DataFrame]] = {}
    keep = {name: np.isin(tested.kinds, kinds) for name, kinds in KINDS.items()}
    keep["all"] = np.ones(len(tested.m), dtype=bool)
    for group, rows in keep.items():
        if not rows.any():
            continue
        own = subset(tested, rows)
        found[group] = {}
        for name, terms in TABLE3.items():
            weights = FusionLearner(terms=terms).lambdas((first, second, third))
            said = votes(own, np.array([weights]), no_box)
            table = pd.DataFrame(
                {
                    "sample_id": own.patient_ids,
                    "patient_id": own.patient_ids,
                    "label": own.label,
                    f"prob_{classes[0]}": 1 - said.score[0],
                    f"prob_{classes[-1]}": said.score[0],
                    "vote": said.vote[0],
                }
            )
            found[group][name] = table.assign(learner=name, fold=0)
    return found


def tabulate_as_published(
    metrics: dict[str, Any],
    detection: dict[str, Any],
    looking_back: dict[str, Any],
    lambdas: dict[str, Any],
    lambda_search: pd.DataFrame,
    age_table: dict[str, Any],
    times: dict[str, Any],
    readers: pd.DataFrame,
    config: EvaluationConfig,
    **predictions: pd.DataFrame,
) -> tuple[list[dict[str, Any]], str, list[dict[str, Any]]]:
    """Tables 3 and 4, Figs. 5 to 7, λ, N, ablations and times, printed values beside ours.

    Args:
        metrics: of the evaluation.
        detection: of the boxes.
        looking_back: of `look_back`.
        lambdas: what was chosen; lambda_search: every λ on the training part.
        age_table: of the whole training part.
        times: of a diagnosis, stage by stage.
        readers: calls of human readers; no rows if the cohort has none.
        config: family-wise error.
        predictions: of each row.

    Returns:
        the tables for the report, a Markdown page of them, and the figures.
    """
    from osteon.claims.published import read_published
    from osteon.measures.locations import by_location
    from osteon.measures.paper_table import published
    from osteon.measures.readers import compare_readers
    from osteon.measures.wff_box_tables import boxes, calls
    from osteon.measures.wff_tables import phantom, tables

    # Beside the framework in figures, a made-up reader must not look like a person.
    named = readers.assign(reader=readers["reader"] + ", made up") if phantom(metrics) else readers
    both = {"without age": predictions["det_seq"], "with age": predictions["det_seq_age"]}
    extras: dict[str, Any] = {
        "lambdas": {name: one["recipe"]["lambdas"] for name, one in _rows(metrics).items()},
        "optimism": looking_back["optimism"],
        "ablations": looking_back["ablations"],
        "prevalence": looking_back["prevalence"],
        "times": times,
        "age_table": age_table,
        "groups": looking_back["groups"],
        "locations": by_location(both, named if len(readers) else None),
    }
    if len(readers):
        extras["readers"] = compare_readers(readers, both, config.alpha)
    made = tables(metrics, read_published("spinal_wff"), extras)
    made += [boxes(detection)] if detection else []
    made.append(calls(looking_back["decided_by"], metrics["training"]["sequence"].get("tubes", {})))
    page = published(made, metrics["data"]["statement"], "The paper's tables")
    return (*page, _figures(extras, lambda_search, lambdas, detection))


def _figures(
    extras: dict[str, Any],
    lambda_search: pd.DataFrame,
    lambdas: dict[str, Any],
    detection: dict[str, Any],
) -> list[dict[str, Any]]:
    """The ternary map, Figs. 5 to 7 and FROC, as the report's charts are described."""
    from osteon.measures import wff_figures
    from osteon.measures.wff_box_tables import froc_figure

    return [
        wff_figures.lambda_figure(lambda_search, lambdas["chosen"], lambdas["published"]),
        wff_figures.age_figure(extras["age_table"]),
        *wff_figures.location_figures(extras["locations"]),
        wff_figures.groups_figure(extras["groups"]),
        *filter(None, [froc_figure(detection)]),
    ]


def _rows(metrics: dict[str, Any]) -> dict[str, Any]:
    """Training records of the rows of the comparison."""
    return {
        name: one
        for name, one in metrics["training"].items()
        if "lambdas" in (one.get("recipe") or {})
    }
