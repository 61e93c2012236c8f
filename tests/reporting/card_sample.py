"""A small run in the formats that a card is made of: numbers are made up."""

from typing import Any

import numpy as np
import pandas as pd

CANARY = "Zanzibarowitz"


def value(middle: float, half: float = 0.05) -> dict[str, Any]:
    return {"value": middle, "lo": middle - half, "hi": middle + half, "method": "made up"}


def learner(auroc: float = 0.8, slope: float = 1.0, positives: int = 40) -> dict[str, Any]:
    group = {name: value(0.75) for name in ("accuracy", "sensitivity", "specificity")}
    folds = {"folds": {"values": {"0": auroc}, "mean": auroc, "sd": 0.01, "n": 3}}
    patient = {
        "n_patients": positives + 40,
        "n_images": 200,
        "positive_patients": positives,
        "negative_patients": 40,
        "scores": {"auroc": value(auroc) | folds, "auprc": value(0.7), "brier": value(0.1)},
        "at_0.5": group,
        "at_youden": group,
        "calibration": {"brier": value(0.1), "slope": value(slope, 0.1), "intercept": value(0.0)},
        "subgroups": [
            {
                "variable": "sex",
                "value": "F",
                "n_patients": 30,
                "positive_patients": 12,
                "n_images": 90,
                "auroc": value(0.8),
                "accuracy": value(0.7),
                "sensitivity": None,
                "specificity": value(0.7),
                "warnings": ["small sample"],
            }
        ],
        "warnings": [],
    }
    return {"patient": patient, "image": patient}


def difference_of(low: float, high: float) -> dict[str, Any]:
    middle = (low + high) / 2
    one = {"test": "bootstrap", "at": "scores", "metric": "auroc"}
    return one | {"value": middle, "lo": low, "hi": high, "p_holm": 0.01}


def record(labels: str = "true") -> dict[str, Any]:
    training = {"epochs": 2, "batch": 8, "lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4}
    training |= {"optimiser": "sgd", "milestones": [1], "gamma": 0.1, "precision": "32-true"}
    training |= {"early_stop": None, "seed": 0, "clip_norm": None, "micro_batch": None}
    recipe = {
        "kind": "late_fusion",
        "labels": labels,
        "training": training | {"freeze_backbone_epochs": None},
        "backbone": "resnet18",
        "inputs": ["age", "alp"],
        "width": 0.25,
        "hidden": 16,
        "out_dim": 2,
        "dropout": 0.0,
        "activation": "relu",
        "fusion": "late",
        "clinical_scale": 1.0,
        "clinical": {"missing": "impute", "alp_range": [45.0, 125.0], "ldh_range": [120.0, 250.0]},
    }
    fold = {"seconds": 1.5, "device": "cpu", "threads": 1, "weights": "none: trained from scratch"}
    return {
        "status": "trained",
        "recipe": recipe,
        "data_hash": "d" * 64,
        "code_digest": "c" * 64,
        "split_hash": "5" * 64,
        "folds": [fold | {"fold": number} for number in range(3)],
    }


def metrics(source: str = "phantom", **changes: Any) -> dict[str, Any]:
    settings = {
        "reference": "resnet18_baseline",
        "positive_class": "osteosarcoma",
        "negative_classes": ["non_tumour"],
        "confidence": 0.95,
        "rounds": 2000,
        "seed": 0,
        "interval": "bca",
        "resampling": "patients, stratified by class",
        "thresholds": {"at_0.5": "chosen on no data", "at_youden": "cross-fitted"},
        "holm": "one family for each level, test and metric",
    }
    names = ("resnet18_baseline", "resnet18_all")
    made = {
        "settings": settings,
        "learners": {name: learner() for name in names},
        "skipped": {},
        "comparisons": {"resnet18_all": {"patient": {"tests": [difference_of(0.01, 0.1)]}}},
        "controls": {"learners": {"control_age": learner(0.5)}},
        "beyond_clinical": {"resnet18_all": {"tests": [difference_of(0.01, 0.1)]}},
        "permuted_labels": {"learners": {"resnet18_permuted": learner(0.5)}},
        "data": {"source": source, "statement": "A statement.", "flow": flow()},
        "training": {name: record() for name in names},
    }
    return made | changes


def certificate(**changes: Any) -> dict[str, Any]:
    check = {"statement": "no patient lies in two parts", "passed": True, "note": ""}
    return {"passed": True, "unit": "patient", "folds": [0, 1, 2], "checks": [check]} | changes


def flow() -> dict[str, Any]:
    return {
        "received": 12,
        "left_out": 1,
        "read": 11,
        "kept": 8,
        "images": 8,
        "refused": {"truncated": 2, "localizer": 1},
        "refused_annotations": {"box_outside_image": 1},
        "patients": {"listed": 8, "with_images": 8, "without_images": 0},
        "burned_in_text_suspected": 0,
        "notes": [],
    }


def frames(patients: int = 8, folds: int = 2, seed: int = 0) -> dict[str, pd.DataFrame]:
    """patients, images, samples and splits of a small cohort, one to three images a patient."""
    chance = np.random.default_rng(seed)
    names = [f"P{number:016x}" for number in range(patients)]
    label = np.arange(patients) % 2
    classes = np.array(["non_tumour", "osteosarcoma"])[label]
    table = pd.DataFrame({"patient_id": names, "label": classes})
    table["age"] = chance.uniform(1, 100, patients).round()
    table["sex"] = chance.choice(["F", "M", "unknown"], patients)
    table["site"] = chance.choice(["femur", "tibia"], patients)
    for column in ("location", "subtype", "split"):
        table[column] = pd.Series([None] * patients, dtype="str")
    table["centre"] = "C1"
    for lab in ("alp", "ldh"):
        table[lab] = chance.uniform(50, 500, patients)
        table.loc[chance.random(patients) < 0.3, lab] = np.nan
        table[f"{lab}_low"], table[f"{lab}_high"] = 40.0, 150.0
    count = chance.integers(1, 4, patients)
    owner = np.repeat(np.arange(patients), count)
    ids = [f"{names[one]}-{number:03d}" for number, one in enumerate(owner)]
    samples = pd.DataFrame({"sample_id": ids, "patient_id": np.array(names)[owner]})
    samples["label"], samples["class"] = label[owner], classes[owner]
    splits = samples[["sample_id", "patient_id"]].assign(fold=(owner // 2) % folds, split="cv")
    images = samples[["sample_id", "patient_id"]].assign(
        file_id=[f"F{number:016x}" for number in range(len(ids))],
        modality="XR",
        sequence="XR",
        view=chance.choice(["AP", "LAT"], len(ids)),
        laterality="L",
        body_part="KNEE",
        manufacturer=np.where(label[owner] == 1, "Maker A", "Maker B"),
        model="One",
        pixel_spacing_mm="[0.143, 0.143]",
        rows=100,
        columns=80,
        transfer_syntax="1.2.840.10008.1.2.1",
        burned_in_text=False,
    )
    return {"patients": table, "images": images, "samples": samples, "splits": splits}


def missingness(table: pd.DataFrame) -> dict[str, Any]:
    """As preprocessing counts it."""
    return {
        lab: {
            str(name): {"patients": len(rows), "missing": int(rows[lab].isna().sum())}
            for name, rows in table.groupby("label")
        }
        for lab in ("alp", "ldh")
    }
