"""Made-up metrics, curves, comparison, histories and explanations in the evaluator's formats."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

INPUTS = {
    "baseline": [],
    "gender": ["gender"],
    "age": ["age"],
    "gender_age": ["gender", "age"],
    "ldh": ["ldh"],
    "alp": ["alp"],
    "alp_ldh": ["alp", "ldh"],
    "all": ["gender", "age", "alp", "ldh"],
}
GRID = np.linspace(0, 1, 101)


def value(at: float, half: float = 0.04) -> dict[str, Any]:
    return {"value": at, "lo": max(at - half, 0.0), "hi": min(at + half, 1.0), "method": "made up"}


NOTHING = {"value": None, "lo": None, "hi": None, "method": "undefined"}


def names(backbones: tuple[str, ...] = ("resnet18",)) -> list[str]:
    return [f"{backbone}_{name}" for backbone in backbones for name in INPUTS]


def cohort(strength: float, seed: int, patients: int = 240) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    label = (np.arange(patients) % 2).astype(int)
    logit = strength * (label - 0.5) * 2 + 1.2 * generator.normal(size=patients)
    return label, 1 / (1 + np.exp(-1.6 * logit))


def curve(label: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    false, true, _ = roc_curve(label, score)
    found = np.interp(GRID, false, true)
    precision, recall, _ = precision_recall_curve(label, score)
    precise = np.interp(GRID, recall[::-1], precision[::-1])
    thresholds = GRID[1:-1]
    odds = thresholds / (1 - thresholds)
    called = score[None] >= thresholds[:, None]
    benefit = (called & (label == 1)).mean(1) - odds * (called & (label == 0)).mean(1)
    share = label.mean()
    at = score >= 0.5
    return {
        "roc": {
            "false_positive_rate": GRID.tolist(),
            "true_positive_rate": found.tolist(),
            "lo": np.clip(found - 0.06, 0, 1).tolist(),
            "hi": np.clip(found + 0.05, 0, 1).tolist(),
        },
        "precision_recall": {
            "recall": GRID.tolist(),
            "precision": precise.tolist(),
            "lo": np.clip(precise - 0.06, 0, 1).tolist(),
            "hi": np.clip(precise + 0.05, 0, 1).tolist(),
            "prevalence": float(share),
        },
        "reliability": bins(label, score),
        "reliability_after_temperature": bins(label, 1 / (1 + (1 / score - 1) ** 0.7)),
        "decision": {
            "threshold": thresholds.tolist(),
            "net_benefit": benefit.tolist(),
            "lo": (benefit - 0.04).tolist(),
            "hi": (benefit + 0.04).tolist(),
            "treat_all": (share - odds * (1 - share)).tolist(),
            "treat_none": 0.0,
        },
        "confusion": {
            "at_0.5": {
                "true_positive": int((at & (label == 1)).sum()),
                "false_negative": int((~at & (label == 1)).sum()),
                "false_positive": int((at & (label == 0)).sum()),
                "true_negative": int((~at & (label == 0)).sum()),
            }
        },
    }


def bins(label: np.ndarray, score: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for place in range(10):
        inside = np.minimum((score * 10).astype(int), 9) == place
        n = int(inside.sum())
        observed = float(label[inside].mean()) if n else None
        half = 1.96 * np.sqrt(0.25 / n) if n else None
        rows.append(
            {
                "low": place / 10,
                "high": (place + 1) / 10,
                "n": n,
                "mean_probability": float(score[inside].mean()) if n else None,
                "observed": observed,
                "lo": None if observed is None else max(observed - half, 0.0),
                "hi": None if observed is None else min(observed + half, 1.0),
            }
        )
    return rows


def level(strength: float, seed: int) -> dict[str, Any]:
    label, score = cohort(strength, seed)
    auroc = float(roc_auc_score(label, score))
    figures = {
        name: value(auroc - shift)
        for name, shift in (("accuracy", 0.05), ("sensitivity", 0.09), ("f1", 0.06))
    }
    subgroups = [
        ("sex", "F", 110, 50),
        ("sex", "M", 130, 62),
        ("age_band", "0-9", 12, 6),
        ("age_band", "10-19", 90, 70),
        ("age_band", "80+", 3, 0),
        ("location", "left_knee", 160, 80),
        ("location", "right_knee", 80, 32),
        ("sequence", "XR", 240, 112),
    ]
    return {
        "n_patients": 240,
        "n_images": 724,
        "positive_patients": 112,
        "scores": {"auroc": value(auroc), "auprc": value(auroc + 0.01)},
        "at_0.5": figures | {"precision": value(auroc - 0.02)},
        "calibration": {
            "expected_calibration_error": value(0.09 - 0.02 * strength, 0.02),
            "temperature": {"after": {"expected_calibration_error": value(0.03, 0.015)}},
        },
        "subgroups": [
            {
                "variable": variable,
                "value": own,
                "n_patients": n,
                "positive_patients": positive,
                "auroc": value(auroc, 0.4 / np.sqrt(n)) if positive else None,
            }
            for variable, own, n, positive in subgroups
        ],
    }


def strengths(learners: list[str]) -> dict[str, float]:
    return {name: 0.8 + 0.5 * (("alp" in name) + 1.2 * name.endswith("_all")) for name in learners}


def metrics(learners: list[str] | None = None, controls: bool = True) -> dict[str, Any]:
    learners = learners or names()
    found = {
        name: {"patient": level(strength, place), "image": level(0.9 * strength, 50 + place)}
        for place, (name, strength) in enumerate(strengths(learners).items())
    }
    clinical = {
        name: {"patient": level(strength, 100), "image": level(strength, 101)}
        for name, strength in (("control_age", 0.4), ("control_clinical_alp_ldh", 0.9))
    }
    return {
        "settings": {
            "level": "patient",
            "reference": learners[0],
            "positive_class": "osteosarcoma",
            "negative_classes": ["non_tumour"],
        },
        "learners": found,
        "skipped": {},
        "controls": {"learners": clinical if controls else {}},
        "training": {
            name: {"recipe": {"inputs": INPUTS[name.split("_", 1)[1]]}}
            for name in learners
            if name.split("_", 1)[-1] in INPUTS
        },
        "age_matched": {
            "pairs": 41,
            "age_auroc": value(0.51),
            "learners": {
                name: {
                    "auroc": value(0.8),
                    "difference": None
                    if name == learners[0]
                    else {"value": 0.05, "lo": -0.01, "hi": 0.11, "p": 0.1},
                }
                for name in learners
            },
        },
    }


def curves(learners: list[str] | None = None) -> dict[str, Any]:
    found = {
        name: {"patient": curve(*cohort(strength, place))}
        for place, (name, strength) in enumerate(strengths(learners or names()).items())
    }
    clinical = {"control_clinical_alp_ldh": {"patient": curve(*cohort(0.9, 100))}}
    return {"learners": found, "controls": clinical}


def comparison(learners: list[str] | None = None, skipped: str | None = None) -> pd.DataFrame:
    learners = learners or names()
    rows = []
    kinds = [(name, "learner") for name in learners]
    kinds += [(name, "control") for name in ("control_age", "control_clinical_alp_ldh")]
    kinds += [("resnet18_permuted", "permuted")]
    for place, (name, kind) in enumerate(kinds):
        at, gain = 0.7 + 0.02 * (place % 10), 0.02 * (place % 10) - 0.03
        row: dict[str, Any] = {"learner": name, "kind": kind, "skipped": None}
        row |= {"auroc": at, "auroc_lo": at - 0.05, "auroc_hi": at + 0.04}
        if kind != "permuted" and name != learners[0]:
            row |= {
                "auroc_difference": gain,
                "auroc_difference_lo": gain - 0.04,
                "auroc_difference_hi": gain + 0.04,
                "auroc_p_holm": 0.2 if gain < 0.05 else 1e-6,
            }
        rows.append(row)
    if skipped is not None:
        rows.append({"learner": skipped, "kind": "learner", "skipped": "one class only"})
    return pd.DataFrame(rows)


def histories(learners: list[str] | None = None, folds: int = 3) -> dict[str, pd.DataFrame]:
    generator = np.random.default_rng(3)
    epoch = np.tile(np.arange(12), folds)
    return {
        name: pd.DataFrame(
            {
                "epoch": epoch,
                "fold": np.repeat(np.arange(folds), 12),
                "loss": (0.15 + 0.5 * np.exp(-epoch / (2 + strength)))
                * generator.uniform(0.85, 1.15, len(epoch)),
            }
        )
        for name, strength in strengths(learners or names()).items()
    }


def explanations() -> dict[str, Any]:
    features = {
        name: {"gradient": value(at), "grad_x_input": value(at / 2), "integrated": value(at / 1.8)}
        for name, at in (("gender", 0.11), ("age", 0.21), ("alp", 0.82), ("ldh", 0.34))
    }
    ratio = {"value": 2.4, "lo": 1.7, "hi": 3.3, "n": 240}
    return {
        "clinical": {
            "resnet18_all": {
                "features": features,
                "ratio_alp_ldh": {"gradient": ratio, "grad_x_input": ratio, "integrated": None},
            }
        }
    }


def printed() -> dict[str, Any]:
    names = ("accuracy", "precision", "sensitivity", "f1")
    rows = {"baseline": (0.9435, 0.9588, 0.9144, 0.9357), "all": (0.9719, 0.9826, 0.9549, 0.9685)}
    return {
        f"resnet18_{name}": {"level": "image", "values": dict(zip(names, row, strict=True))}
        for name, row in rows.items()
    }


def predictions(learners: list[str] | None = None) -> pd.DataFrame:
    tables = []
    for place, (name, strength) in enumerate(strengths(learners or names()).items()):
        label, score = cohort(strength, place)
        patient = np.repeat(np.arange(len(label)), 2)
        tables.append(
            pd.DataFrame(
                {
                    "patient_id": [f"P{one:03d}" for one in patient],
                    "learner": name,
                    "label": label[patient],
                    "prob_osteosarcoma": score[patient],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
