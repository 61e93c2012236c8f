"""A run of networks that outline, judged by the real evaluator on made-up counts of pixels."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from osteon.measures.segmentation import EMPTY, overlap
from osteon.measures.segmentation_evaluator import evaluate
from osteon.recipes.evaluation import EvaluationConfig
from osteon.reporting.assembly import charts_of_run
from osteon.reporting.page.parts import ReportParts
from tests.reporting import sample

PATIENTS, SLICES, FOLDS = 24, 15, 3
LEARNERS = {"penn": 0.72, "sae_plain": 0.66, "unet": 0.82, "multiresunet": 0.8}
"""Name → share of the lesion that it finds."""
ON_PATCHES = ("penn", "sae_plain")
CONFIG = EvaluationConfig(rounds=60, reference="unet", prevalences=(0.06, 0.4, 0.5), seed=1)
STATEMENT = "Synthetic patients. These figures show that the software works, never more."
TARGET = "tumour"


def segmentations() -> pd.DataFrame:
    """One row a learner and patient; patient 0 is outlined by nobody, as some are missed."""
    chance = np.random.default_rng(5)
    lesion = chance.integers(300, 6000, PATIENTS)
    tables = []
    for name, found in LEARNERS.items():
        share = np.clip(found + 0.12 * chance.normal(size=PATIENTS), 0.05, 0.97)
        share[0] = 0.0
        tp = np.rint(share * lesion).astype(int)
        fp = np.where(tp > 0, np.rint((1 - share) * lesion * 0.8).astype(int), 0)
        fn = lesion - tp
        table = pd.DataFrame(
            {
                "paper": "spinal_penn",
                "learner": name,
                "patient_id": [f"P{k:03d}" for k in range(PATIENTS)],
                "fold": np.arange(PATIENTS) % FOLDS,
                "split": "cv",
                "images": SLICES,
                "tp": tp,
                "fp": fp,
                "fn": fn,
                "tn": SLICES * 96 * 96 - tp - fp - fn,
                "empty": [EMPTY[int(a + b == 0)] for a, b in zip(tp, fp, strict=True)],
                **overlap(tp, fp, fn),
                "tolerance_mm": 2.0,
            }
        )
        table["nsd"] = table["dice"] * 0.95
        table["hd95_mm"] = np.where(tp > 0, 40 * (1 - share), 120.0)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def patches() -> pd.DataFrame:
    """Patch counts of the same patients, in a hundredth of the pixels."""
    table = segmentations()[["learner", "patient_id", "fold", "tp", "fp", "fn", "tn"]]
    lesion = (table["tp"] + table["fn"]) // 50
    found = table["tp"] // 50
    rest = {"fp": table["fp"] // 50, "tn": table["tn"] // 50}
    return table.assign(tp=found, fn=lesion - found, **rest)


@cache
def judged() -> dict[str, Any]:
    """Metrics of the run."""
    table = segmentations()
    found = evaluate(table, CONFIG, "unet", patches())
    found["settings"] |= {
        "level": "patient",
        "positive_class": TARGET,
        "negative_classes": ["other"],
        "alpha": CONFIG.alpha,
        "prevalences": list(CONFIG.prevalences),
    }
    return found | {
        "task": "segmentation",
        "skipped": {"d_tvnet": "not asked for"},
        "strata": strata(),
        "lesions": {
            "patients": PATIENTS,
            "with_target": PATIENTS,
            "floor_mm": 9.5,
            "below_floor": 3,
            "smallest_mm": 8.2,
            "median_mm": 17.0,
            "largest_mm": 38.5,
            "positive_pixels": 0.019,
            "positive_patches": 0.024,
        },
        "data": {
            "paper": "spinal_penn",
            "source": "phantom",
            "statement": STATEMENT,
            "flow": {"patients": {"with_images": PATIENTS}, "images": PATIENTS * SLICES},
            "leak_certificate_passed": True,
        },
        "training": {name: record(name) for name in LEARNERS},
    }


def strata() -> dict[str, Any]:
    """Dice by size and level, of two learners."""
    bands = {"size": ("8 to 15 mm", "15 to 25 mm"), "level": ("T1 to T3", "L5", "other levels")}
    return {
        variable: [
            {
                "learner": name,
                "stratum": stratum,
                "n_patients": 8 - 3 * k,
                "dice": sample.value(0.5 + 0.1 * k),
                "hd95_mm": {"value": 9.5 - k, "lo": None, "hi": None, "method": "none: too few"},
            }
            for name in ("penn", "unet")
            for k, stratum in enumerate(names)
        ]
        for variable, names in bands.items()
    }


def record(name: str) -> dict[str, Any]:
    """A training record in the form that the row's training step leaves."""
    training = {"epochs": 3, "batch": 64, "lr": 0.01, "momentum": 0.9, "weight_decay": 0.0}
    training |= {"optimiser": "sgd", "milestones": [], "gamma": 0.1, "precision": "32-true"}
    training |= {"early_stop": None, "seed": 0, "clip_norm": None, "micro_batch": None}
    training |= {"freeze_backbone_epochs": None, "balance": "none", "augmentation": None}
    plain = name == "sae_plain"
    sparsity = {"lambda_": 0.0 if plain else 0.001, "beta": 0.0 if plain else 1.0, "rho": 0.05}
    own = {"name": "penn", "patch": 16, "stride": 4, "classes": 2, "assign": "footprint"}
    own |= {"reading": "sigmoid", "layers": 3, "nodes": 32, "sparsity": sparsity}
    patched = name in ON_PATCHES
    recipe = {
        "kind": "segmentation",
        "labels": "true",
        "network": own if patched else {"name": name, "width": 8, "depth": 3},
        "patches": {"stride": 8, "rule": "fraction", "fraction": 0.6, "share": 0.6}
        if patched
        else None,
        "pretraining": {"training": training | {"epochs": 4}} if patched else None,
        "loss": None,
        "hflip": 0.0,
        "postprocess": {
            "threshold": 0.5,
            "least_px": 64,
            "fill_holes": True,
            "tolerance_mm": 2.0,
        },
        "clinical": {},
        "training": training,
    }
    fold = {"seconds": 2.5, "device": "cpu", "threads": 1, "weights": "none: trained from scratch"}
    fold |= {"parameters": 23_106, "epochs": 3}
    return {
        "status": "trained",
        "recipe": recipe,
        "data_hash": "d" * 64,
        "code_digest": "c" * 64,
        "split_hash": "5" * 64,
        "folds": [fold | {"fold": number, "sha256": "a" * 64} for number in range(FOLDS)],
    }


def history(name: str) -> pd.DataFrame:
    """Learning curves; of networks with pretraining its layers first, told apart by `stage`."""
    stages = {"layer_1": (4, 9.0), "layer_2": (4, 2.0)} if name in ON_PATCHES else {}
    rows = [
        {"fold": fold, "stage": stage, "epoch": epoch, "loss": start / (1 + epoch), "seconds": 0.5}
        for fold in range(FOLDS)
        for stage, (epochs, start) in (stages | {"training": (3, 0.7)}).items()
        for epoch in range(epochs)
    ]
    table = pd.DataFrame(rows)
    return table.assign(accuracy=np.where(table["stage"] == "training", 0.9, np.nan))


def curves() -> dict[str, Any]:
    """Dice of each patient, sorted, and by threshold for the learner under test."""
    table = segmentations()
    cut = np.linspace(0.05, 0.95, 19)
    return {
        "dice_by_patient": {
            name: sorted(own["dice"].dropna()) for name, own in table.groupby("learner", sort=False)
        },
        "cut": {
            "learner": "penn",
            "threshold": cut.tolist(),
            "dice": (0.7 - (cut - 0.4) ** 2).tolist(),
            "iou": (0.55 - (cut - 0.4) ** 2).tolist(),
        },
    }


def comparison() -> pd.DataFrame:
    """One row a learner."""
    rows = [
        {"learner": name, "kind": "learner", "dice": one["patient"]["pixel"]["dice"]["value"]}
        for name, one in judged()["learners"].items()
    ]
    return pd.DataFrame(rows)


def cohort() -> dict[str, Any]:
    """Tables about the cohort, as `osteon.reporting.cohort.outlined_tables` shapes them."""
    given = sample.cohort()
    balance = [
        {"name": f"with {TARGET}", "values": {"patients": "24 (100.0 %)", "images": "140 (38.9 %)"}}
    ]
    none = {"missing": [], "filled": [], "parts_fixed": False}
    rows = [one for one in given["demographics"]["rows"] if not one["name"].startswith("class")]
    acquisition = {"columns": ["all"], "rows": [], "differences": [], "note": ""}
    return (
        given
        | none
        | {
            "class_balance": balance,
            "demographics": given["demographics"] | {"rows": rows},
            "acquisition": acquisition,
            "preparation": {},
        }
    )


def outlined(**changes: Any) -> ReportParts:
    """Everything that a report of such a run is made from."""
    metrics = judged()
    histories = {name: history(name) for name in LEARNERS}
    given = {
        "title": "Segmentation by patches",
        "paper": "spinal_penn",
        "statement": STATEMENT,
        "metrics": metrics,
        "curves": curves(),
        "comparison": comparison(),
        "certificate": sample.certificate(),
        "ledger": {},
        "cohort": cohort(),
        "run": {},
        "explanations": {},
        "histories": histories,
        "charts": charts_of_run(
            metrics, curves(), comparison(), {}, None, histories, (), under_test="penn"
        ),
        "headline": "penn",
    }
    return ReportParts(**(given | changes))
