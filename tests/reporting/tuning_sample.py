"""A plausible result of a study, made up by law, in the formats that tuning leaves."""

from typing import Any

import numpy as np
import pandas as pd

SPACE = {
    "training.lr": "0.0001 to 0.1, by factors",
    "head.dropout": "0 to 0.7",
    "backbone": "resnet18, resnet50",
}
CHOSEN = {"training.lr": 0.0123, "head.dropout": 0.31, "backbone": "resnet18"}
CONFIGURED = {"training.lr": 0.03, "head.dropout": 0.0, "backbone": "resnet18"}
SECRET = "/home/somebody/data/scan.dcm"
PSEUDONYM = "P0123456789abcdef"


def result(**changes: Any) -> dict[str, Any]:
    """What judging leaves."""
    given: dict[str, Any] = {
        "paper": "osteosarcoma_fusion",
        "study": "osteosarcoma_fusion.resnet18_all",
        "learner": "resnet18_all",
        "objective": "auroc",
        "source": "phantom",
        "statement": "Synthetic patients.",
        "held_out": 0,
        "trials": {"asked": 12, "complete": 9, "pruned": 1, "failed": 2},
        "space": SPACE,
        "chosen": CHOSEN,
        "configured": CONFIGURED,
        "inner": {"value": 0.912, "lo": 0.86, "hi": 0.95, "patients": 160},
        "outer": {"value": 0.871, "lo": 0.79, "hi": 0.93, "patients": 80},
        "gap": {"value": 0.041, "lo": -0.05, "hi": 0.13},
        "seeds": [{"seed": seed, "value": 0.9 + 0.006 * seed} for seed in range(3)],
        "seconds": 84.2,
        "sampler": "tpe",
        "pruner": "median",
        "errors": [
            {"trial": 3, "error": f"FileNotFoundError: no such file: '{SECRET}' of {PSEUDONYM}"},
            {"trial": 7, "error": "OutOfMemoryError: CUDA out of memory. Tried 20.00 MiB"},
        ],
        "best_trial": 8,
        "looks": 1,
        "certificate": {"passed": True, "checked": 12},
    }
    return given | changes


def trials() -> pd.DataFrame:
    """One row a trial."""
    number = np.arange(12)
    score = np.round(0.8 + 0.01 * number, 3)
    return pd.DataFrame(
        {
            "number": number,
            "state": np.where(np.isin(number, [3, 7]), "FAIL", "COMPLETE"),
            "value": np.where(np.isin(number, [3, 7]), np.nan, score),
            "params": [f'{{"training.lr": {0.001 * one:.3f}}}' for one in number],
            "seconds": 7.0,
            "error": np.where(number == 3, SECRET, None),
        }
    )


def pictures() -> list[dict[str, Any]]:
    """Descriptions of one chart of each kind."""
    lr, dropout = np.geomspace(1e-4, 1e-1, 12), np.tile([0.1, 0.3, 0.6], 4)
    score = (0.9 - 0.05 * np.abs(np.log10(lr) + 2) - 0.1 * np.abs(dropout - 0.3)).tolist()
    trial = list(range(12))
    base = {"x": trial, "y": score, "role": "context", "style": "scatter"}
    best = {"name": "best so far", "x": trial, "y": np.maximum.accumulate(score).tolist()}
    point = {"name": "trials", "style": "scatter"}
    over = {"x": lr.tolist(), "y": dropout.tolist(), "value": score}
    field = point | over | {"name": "between trials", "style": "field", "thin": True}
    weights = [[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.1, 0.2, 0.7], [1.0, 0.0, 0.0]]
    return [
        {"kind": "scatter", "name": "history", "title": "History", "x": "Trial", "y": "AUROC",
         "series": [base | {"name": "finished"}, best | {"style": "line", "role": "headline"}]},
        {"kind": "rows", "name": "importance", "title": "Importance", "x": "Share",
         "column": "share", "rows": [{"label": "training.lr", "value": 0.8, "text": "0.80"},
                                     {"label": "head.dropout", "value": 0.2, "text": "0.20"}]},
        {"kind": "ternary", "name": "weights", "title": "Trials by weights",
         "corners": ["detector", "sequence", "age"], "points": weights, "value": "Accuracy",
         "values": [0.8, 0.82, 0.7, 0.75], "marks": [{"name": "chosen", "at": weights[1]}]},
        {"kind": "scatter", "name": "slice_training_lr", "title": "Slice: training.lr",
         "x": "training.lr", "y": "AUROC", "logs": ["x"], "half": True, "colour": "trial",
         "series": [point | {"x": lr.tolist(), "y": score, "value": trial}]},
        {"kind": "scatter", "name": "slice_backbone", "title": "Slice: backbone", "x": "backbone",
         "y": "AUROC", "half": True, "colour": "trial", "x_labels": ["resnet18", "resnet50"],
         "series": [point | {"x": [one % 2 for one in trial], "y": score, "value": trial}]},
        {"kind": "scatter", "name": "contour_lr_dropout", "title": "Contour", "x": "training.lr",
         "y": "head.dropout", "logs": ["x"], "half": True, "colour": "AUROC",
         "series": [field, point | over]},
    ]  # fmt: skip
