"""Runs of networks that see images alone, judged by the real evaluator on made-up predictions."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures.by_class import by_class
from osteon.measures.evaluator import evaluate
from osteon.measures.multiclass import multiclass
from osteon.recipes.evaluation import EvaluationConfig
from osteon.reporting.assembly import charts_of_run
from osteon.reporting.page.parts import ReportParts
from tests.reporting import sample

PATIENTS = 48
LEARNERS = {"alexnet_bn": 2.0, "googlenet": 1.2}
CONTROLS = {"control_age": 0.4, "control_clinical_gender_age": 0.5}
THREE = ("benign", "intermediate", "malignant")
TWO = ("giant_cell_tumor", "osteosarcoma")
NETWORK = {"name": "alexnet", "variant": "classic", "dropout": 0.6}
CONFIG = EvaluationConfig(rounds=50, reference="googlenet", seed=1)
STATEMENT = "Synthetic patients, drawn to look at a page."


def predictions(
    learners: dict[str, float], classes: tuple[str, ...], folds: int, fitted: bool = False
) -> pd.DataFrame:
    """Two images a patient; `fitted`: on the patients of training, scored better than any other."""
    chance = np.random.default_rng(3 + fitted)
    label = np.arange(PATIENTS) % len(classes)
    shared = chance.normal(size=(PATIENTS, len(classes)))
    owner = np.repeat(np.arange(PATIENTS), 2)
    begin = "T" if fitted and folds == 1 else "P"
    tables = []
    for name, strength in learners.items():
        logit = shared + (2.0 if fitted else 1.0) * strength * np.eye(len(classes))[label]
        logit = logit[owner] + 0.3 * chance.normal(size=(len(owner), len(classes)))
        share = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
        table = pd.DataFrame(
            {
                "sample_id": [f"{begin}{one:03d}-{k % 2}" for k, one in enumerate(owner)],
                "patient_id": [f"{begin}{one:03d}" for one in owner],
                "paper": "femoral_alexnet",
                "learner": name,
                "fold": (owner // len(classes)) % folds,
                "split": "cv" if folds > 1 else "test",
                "label": label[owner],
            }
        )
        for place, one in enumerate(classes):
            table[f"prob_{one}"] = share[:, place]
        table["age"] = 20 + 40 * label[owner] + owner % 17
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


@cache
def judged(classes: tuple[str, ...], folds: int) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Metrics, curves and comparison of a run."""
    held_out = predictions(LEARNERS, classes, folds)
    fitted = predictions(LEARNERS, classes, folds, fitted=True)
    beside = pd.concat([held_out[held_out["learner"] == "googlenet"], controls(classes, folds)])
    permuted = predictions({"alexnet_bn_permuted": 0.0}, classes, folds)
    main = evaluate(held_out, CONFIG, "googlenet", training=fitted)
    by = by_class(held_out, CONFIG, main, fitted)
    of_controls = evaluate(beside, CONFIG, "googlenet")
    shuffled = evaluate(permuted, CONFIG, "alexnet_bn_permuted")
    metrics = main.metrics | {
        "classes": list(classes),
        "by_class": by.figures,
        "training_part": by.training,
        "multiclass": multiclass(held_out, CONFIG),
        "controls": of_controls.metrics,
        "beyond_clinical": {},
        "permuted_labels": shuffled.metrics,
        "data": data(),
        "training": {name: record(len(classes), folds) for name in LEARNERS},
    }
    curves = main.curves | {"controls": of_controls.curves["learners"], "by_class": by.curves}
    return metrics, curves, table_of(main, of_controls, shuffled)


def controls(classes: tuple[str, ...], folds: int) -> pd.DataFrame:
    """Predictions of the controls, on the same patients."""
    return predictions(CONTROLS, classes, folds)


def table_of(main: Any, of_controls: Any, shuffled: Any) -> pd.DataFrame:
    """The comparison with the kinds of its rows."""
    beside = of_controls.comparison
    parts = (
        main.comparison.assign(kind="learner"),
        beside[beside["learner"] != "googlenet"].assign(kind="control"),
        shuffled.comparison.assign(kind="permuted"),
    )
    return pd.concat(parts, ignore_index=True)


def data() -> dict[str, Any]:
    """What the metrics say of the cohort."""
    flow = {"received": 900, "read": 900, "images": 880, "refused": {}}
    return {"paper": "femoral_alexnet", "source": "phantom", "statement": STATEMENT, "flow": flow}


def record(classes: int, folds: int) -> dict[str, Any]:
    """A training record of an image recipe."""
    training = {"epochs": 6, "steps": 200, "batch": 16, "lr": 0.01, "gamma": 0.1, "momentum": 0.9}
    training |= {"milestones": [], "optimiser": "sgd", "weight_decay": 0.0, "seed": 0}
    training |= {"precision": "32-true", "early_stop": None, "balance": "offline"}
    training |= {"augmentation": {"translate": 0.1, "scale": [0.9, 1.1], "rotate": 20.0}}
    recipe = {
        "kind": "image_classifier",
        "labels": "true",
        "training": training,
        "network": NETWORK,
        "classes": classes,
        "size": 64,
        "head": "softmax",
        "label_smoothing": 0.0,
    }
    fold = {"seconds": 4.0, "device": "cpu", "threads": 1, "weights": "none: from scratch"}
    fold |= {"sha256": "a" * 64}
    made = {"status": "trained", "recipe": recipe, "data_hash": "d" * 8, "split_hash": "5" * 8}
    return made | {"folds": [fold | {"fold": k} for k in range(folds)]}


def preparation() -> dict[str, Any]:
    """Slices chosen, regions from masks and a threshold, a note and a frame left out."""
    return {
        "slices": {"choice": "largest_lesion", "series": 72, "frames": 880, "chosen": 144},
        "region": {
            "mode": "box_margin",
            "sources": {"mask": 120, "otsu": 22, "whole": 2},
            "notes": {"nothing found by the threshold: shown whole": 2},
        },
        "colour": {"source": "grey", "without_hue": None},
        "left_out": {"not a grey image": 3},
        "patients_left_out": 0,
    }


def paper_tables() -> list[dict[str, Any]]:
    """A table of single lines and one whose cells hold lines."""
    cells = "printed 98.34\nours 81.2 [70.1, 90.3]"
    plain = [["AlexNet-BN", "0.848", "0.91 [0.85, 0.97]"], ["GoogLeNet", "0.688", "–"]]
    return [
        {"title": "Table 2", "note": "Per cent.", "columns": ["Method", "Accuracy", "Precision"]}
        | {"rows": [["AlexNet-BN", cells, "ours 80.0"], ["GoogLeNet", cells, "ours 70.0"]]},
        {"title": "Table 3", "note": "", "columns": ["Method", "AUC, printed", "AUC, ours"]}
        | {"rows": plain},
    ]


def paper_figures() -> list[dict[str, Any]]:
    """A grid of three by four cells, the upper ones empty."""
    values = [
        [round(0.2 + 0.1 * (x + y), 2) if x <= y else None for x in range(4)] for y in (1, 2, 3)
    ]
    labels = {"x_labels": [f"map {k}" for k in range(4)], "y_labels": ["one", "two", "three"]}
    words = {"title": "Attention of block 1", "note": "Mean over patients.", "x": "from", "y": "to"}
    return [{"name": "attention_1", "values": values} | labels | words]


def histories(folds: int) -> dict[str, pd.DataFrame]:
    """Learning curves."""
    epochs = np.tile(np.arange(6), folds)
    table = pd.DataFrame({"epoch": epochs, "fold": np.repeat(np.arange(folds), 6)})
    table = table.assign(loss=0.9 / (1 + epochs), accuracy=1 - 0.5 / (1 + epochs), seconds=0.4)
    return dict.fromkeys(LEARNERS, table)


def galleries() -> list[dict[str, Any]]:
    """What the networks were given, then a gallery with maps."""
    cases = [
        {
            "sample": f"case {k + 1}",
            "label": "malignant",
            "text": "region from a mask",
            "tiles": [
                {"caption": "original", "image": sample.picture(k), "overlay": None},
                {"caption": "as given", "image": sample.picture(k + 5), "overlay": None},
            ],
        }
        for k in range(2)
    ]
    words = {"title": "What was cropped", "caption": "One image of each source of a region."}
    maps = sample.galleries(cases=2)[0]
    return [{"name": "prepared", "cases": cases} | words, maps]


def image_only(classes: tuple[str, ...] = THREE, folds: int = 3, **changed: Any) -> ReportParts:
    """All parts of a report on images alone, charts drawn from them."""
    metrics, curves, comparison = judged(classes, folds)
    given = predictions({"alexnet_bn": LEARNERS["alexnet_bn"]}, classes, folds)
    explained = {"methods": sample.explanations()["methods"], "clinical": {}}
    explained["methods"] = {"alexnet_bn": explained["methods"]["resnet18_all"]}
    tables = sample.cohort() | {"preparation": preparation(), "missing": [], "filled": []}
    run = sample.run() | {"command": "kedro run --pipeline=femoral_alexnet"}
    run["learners"] = {
        name: {"seconds": 9.0, "device": "cpu", "threads": 1, "recipe": record(3, folds)["recipe"]}
        for name in LEARNERS
    }
    ledger = {"rows": [], "contradictions": [], "ambiguous": [], "protocol": []}
    charts = charts_of_run(
        metrics, curves, comparison, explained, given, histories(folds), paper_figures()
    )
    parts: dict[str, Any] = {
        "title": "Femoral tumours on MRI",
        "paper": "femoral_alexnet",
        "statement": STATEMENT,
        "metrics": metrics,
        "curves": curves,
        "comparison": comparison,
        "certificate": sample.certificate() | {"folds": list(range(folds))},
        "ledger": ledger | {"paper": "femoral_alexnet", "title": "A paper", "statement": "None."},
        "cohort": tables,
        "run": run,
        "explanations": explained,
        "galleries": galleries(),
        "histories": histories(folds),
        "paper_tables": paper_tables(),
        "charts": charts,
        "headline": "alexnet_bn",
    }
    return ReportParts(**(parts | changed))
