"""Metrics and curves of a made-up run with clinical values, in the formats that a run leaves."""

from typing import Any

import numpy as np

LEARNERS = {
    "resnet18_baseline": (0.78, []),
    "resnet18_age": (0.77, ["age"]),
    "resnet18_alp": (0.92, ["alp"]),
    "resnet18_all": (0.94, ["gender", "age", "alp", "ldh"]),
}
CONTROLS = {"control_age": 0.73, "control_clinical_all": 0.945}
PATIENTS, POSITIVE, IMAGES = 240, 112, 724
STATEMENT = (
    "Synthetic patients. These figures show that the software works, never a clinical claim."
)


def value(middle: float, half: float = 0.04, **more: Any) -> dict[str, Any]:
    """An estimate."""
    ends = {"lo": max(middle - half, 0.0), "hi": min(middle + half, 1.0)}
    folds = {"values": {"0": middle, "1": middle}, "mean": middle, "sd": 0.021, "n": 2}
    return {"value": middle, **ends, "method": "bootstrap BCa", "folds": folds, **more}


def judged(auroc: float, level: str) -> dict[str, Any]:
    """One learner at one level."""
    at = {
        "accuracy": value(auroc - 0.04),
        "balanced_accuracy": value(auroc - 0.05),
        "sensitivity": value(auroc - 0.1),
        "specificity": value(auroc + 0.01),
        "precision": value(auroc - 0.02),
        "f1": value(auroc - 0.06),
        "mcc": value(2 * auroc - 1),
        **{f"{w}_at_{p:g}": value(0.5) for w in ("ppv", "npv") for p in (0.01, 0.1, 0.5)},
    }
    calibration = {
        "brier": value(0.12),
        "expected_calibration_error": value(0.06, 0.02),
        "slope": value(0.8, 0.1),
        "intercept": {"value": 0.02, "lo": -0.3, "hi": 0.3, "method": "bootstrap"},
        "temperature": {
            "by_fold": {"0": 1.21, "1": 1.34},
            "after": {"brier": value(0.11), "expected_calibration_error": value(0.04, 0.02)}
            | {"slope": value(0.97, 0.1), "intercept": value(0.02)},
            "note": "fitted on the other folds' held-out predictions",
        },
    }
    return {
        "n_patients": PATIENTS,
        "n_images": IMAGES,
        "positive_patients": POSITIVE,
        "negative_patients": PATIENTS - POSITIVE,
        "scores": {"auroc": value(auroc), "auprc": value(auroc), "brier": value(0.12)},
        "at_0.5": at,
        "at_youden": at,
        "calibration": calibration,
        "youden_thresholds": {"0": 0.43, "1": 0.51},
        "warnings": [],
        "subgroups": subgroups(auroc) if level == "patient" else None,
    }


def subgroups(auroc: float) -> list[dict[str, Any]]:
    """Sex and age bands, one too small to judge."""
    sizes = [("sex", "F", 118, 52), ("sex", "M", 122, 60), ("age", "10-19", 70, 48)]
    rows = [
        {
            "variable": variable,
            "value": name,
            "n_patients": patients,
            "positive_patients": positive,
            "n_images": 3 * patients,
            **{key: value(auroc - 0.03, 0.06) for key in ("auroc", "accuracy")},
            **{key: value(auroc - 0.05, 0.08) for key in ("sensitivity", "specificity")},
            "warnings": [],
        }
        for variable, name, patients, positive in sizes
    ]
    small = {"variable": "age", "value": "80+", "n_patients": 3, "positive_patients": 0}
    return [
        *rows,
        small
        | {"n_images": 9, "auroc": None, "accuracy": value(0.67, 0.3), "sensitivity": None}
        | {"specificity": value(0.67, 0.3), "warnings": ["only 0 positive patients"]},
    ]


def tests(difference: float) -> dict[str, Any]:
    """Paired tests of one learner at one level."""
    at = [("scores", "auroc"), ("at_0.5", "accuracy"), ("at_0.5", "f1"), ("at_0.5", "sensitivity")]
    ends = {"value": difference, "lo": difference - 0.05, "hi": difference + 0.05}
    judged = {"p": 2e-8, "p_holm": 6e-8, "significant": True, "family": 3}
    made = [
        {"test": "bootstrap", "at": group, "metric": metric, "method": "paired bootstrap"}
        | ends
        | judged
        for group, metric in at
    ]
    made.append(
        {"test": "delong", "at": "scores", "metric": "auroc", "difference": difference}
        | {"method": "DeLong, correlated AUROCs"}
        | judged
    )
    made.append(
        {"test": "mcnemar", "at": "at_0.5", "metric": "accuracy", "only_first": 43}
        | {"only_second": 8, "method": "chi-square, corrected"}
        | judged
    )
    return {"n_patients": PATIENTS, "note": "", "tests": made}


def metrics() -> dict[str, Any]:
    """Metrics of four learners, two controls and permuted labels."""
    settings = {
        "reference": "resnet18_baseline",
        "positive_class": "osteosarcoma",
        "negative_classes": ["non_tumour"],
        "level": "patient",
        "confidence": 0.95,
        "rounds": 2000,
        "seed": 0,
        "interval": "bca",
        "prevalences": [0.01, 0.1, 0.5],
        "alpha": 0.05,
        "resampling": "patients, stratified by class",
        "thresholds": {"at_0.5": "chosen on no data", "at_youden": "chosen on the other folds"},
        "holm": "one family for each level, test and metric",
    }

    def levels(auroc: float) -> dict[str, Any]:
        return {level: judged(auroc, level) for level in ("patient", "image")}

    others = [name for name in LEARNERS if name != "resnet18_baseline"]
    controls = {name: levels(auroc) for name, auroc in CONTROLS.items()}
    learners = {name: levels(auroc) for name, (auroc, _) in LEARNERS.items()}
    beyond = {"control": "control_clinical_all"} | tests(-0.004)
    matched = {name: {"auroc": value(0.9), "difference": None} for name in LEARNERS}
    matched["resnet18_all"]["difference"] = {"value": 0.12, "lo": 0.03, "hi": 0.2, "p": 0.004}
    return {
        "settings": settings,
        "learners": learners,
        "skipped": {"resnet18_ldh": "no LDH in this cohort"},
        "comparisons": {n: {"patient": tests(0.16), "image": tests(0.15)} for n in others},
        "controls": {
            "settings": settings,
            "learners": {"resnet18_baseline": learners["resnet18_baseline"]} | controls,
            "skipped": {},
            "comparisons": {},
        },
        "beyond_clinical": {"resnet18_all": beyond},
        "permuted_labels": {"settings": settings, "learners": {"resnet18_permuted": levels(0.5)}},
        "age_matched": {
            "n_patients": 96,
            "pairs": 48,
            "caliper_years": 2.0,
            "note": "",
            "age_auroc": value(0.505, 0.09),
            "learners": matched,
        },
        "data": {
            "source": "phantom",
            "statement": STATEMENT,
            "flow": {"received": IMAGES, "read": IMAGES, "images": IMAGES, "refused": {}},
            "leak_certificate_passed": True,
        },
        "training": {name: record(inputs) for name, (_, inputs) in LEARNERS.items()},
    }


def record(inputs: list[str]) -> dict[str, Any]:
    """A training record."""
    training = {"epochs": 12, "lr": 0.03, "weight_decay": 1e-17, "early_stop": None}
    fold = {"seconds": 4.36, "device": "cpu", "threads": 1, "weights": "none: from scratch"}
    return {
        "status": "trained",
        "recipe": {"training": training, "backbone": "resnet18", "inputs": inputs},
        "data_hash": "fc49ad00",
        "split_hash": "d1da33d2",
        "folds": [{"fold": k, **fold} for k in range(2)],
    }


def curves() -> dict[str, Any]:
    """Curves of every learner: a power curve of its AUROC."""
    found = {name: {"patient": curve(auroc)} for name, (auroc, _) in LEARNERS.items()}
    return {"learners": found, "controls": {}, "permuted_labels": {}}


def curve(auroc: float) -> dict[str, Any]:
    """The curves of one learner at one level."""
    grid = np.linspace(0, 1, 101)
    rate = grid ** ((1 - auroc) / auroc)
    recall = {"recall": grid.tolist(), "precision": (1 - (1 - auroc) * grid).tolist()}
    benefit = 0.45 * (1 - np.linspace(0.01, 0.99, 99))
    bins = [
        {"low": k / 10, "high": (k + 1) / 10, "n": 24, "mean_probability": (k + 0.5) / 10}
        | {"observed": min((k + 0.7) / 10, 1.0), "lo": k / 11, "hi": min((k + 2) / 10, 1.0)}
        for k in range(10)
    ]
    bins[4] |= {"n": 0, "mean_probability": None, "observed": None, "lo": None, "hi": None}
    counts = {"true_positive": 94, "false_negative": 18, "false_positive": 6, "true_negative": 122}

    def band(middle: np.ndarray) -> dict[str, list[float]]:
        ends = {"lo": np.clip(middle - 0.05, 0, 1), "hi": np.clip(middle + 0.05, 0, 1)}
        return {key: end.tolist() for key, end in ends.items()}

    return {
        "roc": {"false_positive_rate": grid.tolist(), "true_positive_rate": rate.tolist()}
        | band(rate),
        "precision_recall": recall | band(np.array(recall["precision"])) | {"prevalence": 0.467},
        "reliability": bins,
        "reliability_after_temperature": bins,
        "decision": {
            "threshold": np.linspace(0.01, 0.99, 99).tolist(),
            "net_benefit": benefit.tolist(),
            "treat_all": (benefit - 0.1).tolist(),
            "treat_none": 0.0,
        }
        | band(benefit),
        "confusion": {"at_0.5": counts, "at_youden": counts},
    }
