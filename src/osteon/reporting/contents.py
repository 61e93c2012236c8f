"""What a report consists of: its charts, its artefacts and the list that binds them by hashes."""

import hashlib
from collections.abc import Mapping
from typing import Any

MODELS = "data/06_models"
SEGMENTATION = "segmentation"
"""`task` in the metrics of learners that outline; without it they tell classes apart."""
CHARTS = (
    "roc",
    "precision_recall",
    "forest",
    "forest_auroc",
    "bars",
    "confusion",
    "scores",
    "reliability",
    "calibration",
    "decision",
    "subgroups",
    "age_matched",
    "learning_curves",
    "attributions",
)
"""Charts that are datasets of their own, in the order in which the step that draws them gives them.
"""
SEGMENTATION_CHARTS = (
    "forest",
    "forest_dice",
    "dice_by_patient",
    "cut",
    "learning_curves",
    "pretraining",
)
"""The same of learners that outline."""


def charts_for(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the charts that are datasets of their own in a report on these metrics."""
    return SEGMENTATION_CHARTS if metrics.get("task") == SEGMENTATION else CHARTS


def artefacts_of(paper: str, records: Mapping[str, Any]) -> dict[str, str]:
    """Where the weights of every fold that was kept lie, and their SHA-256."""
    return {
        f"{MODELS}/{paper}/{name}/model/<version>/model/fold{fold['fold']}.safetensors": fold[
            "sha256"
        ]
        for name, record in records.items()
        for fold in record["folds"]
        if fold.get("sha256")
    }


def contents(
    run: Mapping[str, Any],
    certificate: Mapping[str, Any],
    card: Mapping[str, Any],
    parts: Mapping[str, Any],
) -> dict[str, Any]:
    """What belongs together: the pages of one run with their hashes, and what they were made from.

    Args:
        run: command, versions, hashes.
        certificate: of the leak checks.
        card: the machine-readable model card.
        parts: pages by name, as text, and the charts, whose names begin with `chart_`; one whose
            `data` is empty stands for a chart that the run has no data for.

    Returns:
        command, code, hashes of data and split, SHA-256 of every page, names of the charts with
        data, whether the certificate passed, and how many items of the card wait for a person.
    """
    pages = {name: text for name, text in parts.items() if isinstance(text, str)}
    return {
        **{name: run[name] for name in ("command", "osteon", "commit", "dirty", "hashes")},
        "leak_certificate_passed": certificate["passed"],
        "missing_human_input": len(card["missing_human_input"]),
        "pages_sha256": {
            name: hashlib.sha256(text.encode()).hexdigest() for name, text in pages.items()
        },
        "charts": [
            name.removeprefix("chart_")
            for name, chart in parts.items()
            if name.startswith("chart_") and len(chart.data)
        ],
    }
