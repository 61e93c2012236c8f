"""The PENN paper's Fig. 6 and what a report adds, as descriptions that a report draws.

A description is JSON-able, see `osteon.reporting.figures.grid_charts.paper_figures`. Nothing is
drawn here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from osteon.measures.describing import plain
from osteon.measures.paper_table import at

GRID = {"dice": "Dice of pixels", "f1": "F1 of patches"}
MOST = 6
"""Learners beside each other in bars, at most: more cannot be told apart."""


def grid_figures(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Fig. 6: a field of hidden layers and nodes for each metric that was taken.

    Args:
        found: entries of `layers`, `nodes`, and `dice` and `f1` (value, ...; may be absent).
    """
    layers, nodes = (sorted({int(one[key]) for one in found}) for key in ("layers", "nodes"))
    made = []
    for metric, words in GRID.items():
        values = {
            (int(one["layers"]), int(one["nodes"])): at(one, metric, "value") for one in found
        }
        if all(value is None for value in values.values()):
            continue
        made.append(
            {
                "kind": "cells",
                "name": f"grid_{metric}",
                "title": f"{words} by hidden layers and nodes (Fig. 6)",
                "x": "Nodes of each hidden layer",
                "y": "Hidden layers",
                "x_labels": [str(one) for one in nodes],
                "y_labels": [str(one) for one in layers],
                "values": [[values.get((row, column)) for column in nodes] for row in layers],
                "note": "The paper takes 3 layers of 200 nodes and prints no number of this "
                "figure. Empty: not run.",
            }
        )
    return [dict(plain(one)) for one in made]


def stratum_figure(
    metrics: Mapping[str, Any], key: str, x: str, title: str
) -> dict[str, Any] | None:
    """Dice by stratum, the learners beside each other; None where there is no stratum.

    Args:
        metrics: of an evaluation; key: of its strata (size, level, hard_levels).
        x: what the strata are; title: of the figure.
    """
    rows = at(metrics, "strata", key) or []
    if not rows:
        return None
    names = list(dict.fromkeys(one["learner"] for one in rows))
    kept = _kept(names, str(metrics["settings"]["reference"]))
    strata = list(dict.fromkeys(one["stratum"] for one in rows))
    known = {(one["learner"], one["stratum"]): one for one in rows}
    counts = [
        max(one["n_patients"] for one in rows if one["stratum"] == stratum) for stratum in strata
    ]
    series = []
    for name in kept:
        own = [known.get((name, stratum), {}) for stratum in strata]
        columns = {"y": "value", "lo": "lo", "hi": "hi"}
        series.append(
            {"name": name}
            | {axis: [at(one, "dice", end) for one in own] for axis, end in columns.items()}
        )
    left = (
        f" {len(names) - len(kept)} further learners stand in the table." if kept != names else ""
    )
    described = {
        "kind": "bars",
        "name": f"strata_{key}",
        "title": title,
        "x": x,
        "y": "Dice, mean over patients",
        "y_range": [0.0, 1.0],
        "x_labels": [f"{name}\nn={n}" for name, n in zip(strata, counts, strict=True)],
        "series": series,
        "note": "95 % intervals by bootstrap over patients; groups of fewer than five patients "
        "stand together." + left,
    }
    return dict(plain(described))


def _kept(names: list[str], reference: str) -> list[str]:
    """At most `MOST` learners, the reference among them, in their order."""
    if len(names) <= MOST:
        return names
    first = [name for name in names if name != reference][: MOST - 1]
    return [name for name in names if name in (*first, reference)]


def layer_figure(pretraining: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any] | None:
    """How far pretraining brought each layer: last epoch as a share of the first.

    Args:
        pretraining: learner → of `osteon.measures.pretraining_curves.by_layer`.
    """
    fitted = {name: rows for name, rows in pretraining.items() if rows}
    if not fitted:
        return None
    stages = list(dict.fromkeys(one["stage"] for rows in fitted.values() for one in rows))
    series = []
    for name, rows in list(fitted.items())[:MOST]:
        own = {one["stage"]: one for one in rows}
        share = [
            own[stage]["last"] / own[stage]["first"]
            if stage in own and own[stage]["first"]
            else None
            for stage in stages
        ]
        series.append({"name": name, "y": share})
    described = {
        "kind": "bars",
        "name": "pretraining",
        "title": "Greedy pretraining, layer by layer",
        "x": "Hidden layer",
        "y": "Last epoch's cost as a share of the first",
        "x_labels": stages,
        "series": series,
        "rules": [{"at": 1.0, "axis": "y", "name": "nothing gained"}],
        "note": "Training patches, mean over the folds. Below 1: the layer reconstructs its input "
        "better than after its first epoch.",
    }
    return dict(plain(described))
