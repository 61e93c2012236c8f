"""The paper's tables and figures from the metrics of a run."""

import re
from typing import Any

import pandas as pd

Tabulated = tuple[list[dict[str, Any]], str, list[dict[str, Any]]]
HISTORY = "__history"
ARCHITECTURE = re.compile(r"(\d+)x(\d+)$")
"""Ending of a learner's name: hidden layers and units of each."""
HARD = "Dice at the levels that the paper names as hard, and at the others"
FIGURES = ("dice", "iou", "precision", "recall", "accuracy", "f1")


def tabulate_as_published(
    metrics: dict[str, Any], patch_split: dict[str, Any], **histories: pd.DataFrame
) -> Tabulated:
    """Tables 1 and 2 in the paper's layout, ours beside, and what the paper never printed.

    Args:
        metrics: of the evaluation.
        patch_split: of the audit.
        histories: `<learner>__history`, learning curves with those of the pretraining.

    Returns:
        the tables for the report, a Markdown page of them under the statement of what data ours
        come from, and figures.
    """
    from osteon.measures.penn_figures import layer_figure, stratum_figure

    layers = pretraining(histories)
    figures = [
        stratum_figure(metrics, "size", "Largest diameter", "Dice by size of the target"),
        stratum_figure(metrics, "level", "Vertebral level", "Dice by level"),
        stratum_figure(metrics, "hard_levels", "Levels of the spine", HARD),
        layer_figure(layers),
    ]
    extras = {"audit": patch_split or None, "pretraining": layers}
    return *_published(metrics, extras), [one for one in figures if one]


def tabulate_grid(metrics: dict[str, Any], **histories: pd.DataFrame) -> Tabulated:
    """Fig. 6: hidden layers and units against the figures of an evaluation.

    Args:
        metrics: of learners whose names end in `<layers>x<units>`.
        histories: as for `tabulate_as_published`.

    Returns:
        as `tabulate_as_published`.
    """
    from osteon.measures.penn_figures import grid_figures, layer_figure

    found = [_architecture(name, levels) for name, levels in metrics["learners"].items()]
    layers = layer_figure(pretraining(histories))
    figures = [*grid_figures(found), *([layers] if layers else [])]
    return *_published(metrics, {"grid": found}), figures


def pretraining(histories: dict[str, pd.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    """Learner → what pretraining gained, layer by layer."""
    from osteon.measures.pretraining_curves import by_layer

    named = {name.removesuffix(HISTORY): table for name, table in histories.items()}
    return {name: by_layer(table) for name, table in named.items() if len(table)}


def _architecture(name: str, levels: dict[str, Any]) -> dict[str, Any]:
    known = ARCHITECTURE.search(name)
    if known is None:
        raise ValueError(f"learner: {name} found, a name ending in <layers>x<units> needed")
    judged = levels["patient"]
    both = {**judged.get("patch", {}), **judged["pixel"]}
    own = {key: both[key] for key in FIGURES if key in both}
    # Precision and recall of the figure are of patches, as in the paper's tables.
    own |= {key: one for key, one in judged.get("patch", {}).items() if key in FIGURES}
    return {"layers": int(known[1]), "nodes": int(known[2]), **own}


def _published(metrics: dict[str, Any], extras: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    from osteon.claims.published import read_published
    from osteon.measures.paper_table import published
    from osteon.measures.penn_tables import tables

    told = (metrics["data"]["statement"], "The paper's tables")
    printed = read_published("spinal_penn")
    brief, _ = published(tables(metrics, printed, extras, brief=True), *told)
    _, page = published(tables(metrics, printed, extras), *told)
    return brief, page
