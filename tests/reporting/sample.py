"""Plausible parts of a report, made up by law: small, quick, in the formats that a run leaves."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd

from osteon.reporting.page.parts import ReportParts

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


def certificate(passed: bool = True) -> dict[str, Any]:
    """A leak certificate; the pair of a failed one carries names that must not be printed."""
    names = ["patients_whole", "near_duplicates"]
    checks = [
        {"name": name, "statement": name.replace("_", " "), "passed": True, "note": ""}
        | {"remedy": "", "checked": PATIENTS, "found": 0, "pairs": []}
        for name in names
    ]
    if not passed:
        checks[0] |= {"passed": False, "found": 1, "remedy": "split by patient"}
        checks[0] |= {"pairs": [["PSEUDONYM-1", "PSEUDONYM-2"]]}
    return {
        "passed": passed,
        "unit": "patient",
        "samples": IMAGES,
        "patients": PATIENTS,
        "learners_checked": list(LEARNERS),
        "checks": checks,
        "not_checked": [
            {
                "name": "no_augmentation_before_split",
                "statement": "no image derived from another lies in a different part",
                "status": "not checked",
                "reason": "samples have no column `parent`",
            }
        ],
    }


def ledger() -> dict[str, Any]:
    """Three claims, a protocol and two sums."""
    row = {"where": "Table 1", "unit": "share", "lo": 0.858, "hi": 0.933}
    why = "a phantom can test no medical claim"
    return {
        "paper": "osteosarcoma_fusion",
        "title": "Late fusion",
        "statement": "Phantom: no claim is testable.",
        "testable": False,
        "protocol": [
            {"item": "folds", "printed": "5, by image", "ours": "3, by patient", "differs": True},
            {"item": "image", "printed": 224, "ours": 224, "differs": False},
        ],
        "rows": [
            row
            | {"id": "accuracy_all", "what": "Accuracy, all inputs", "printed": 0.9719}
            | {"ours": 0.9, "verdict": "not testable", "reason": why},
            row
            | {"id": "resnet50", "what": "Accuracy, ResNet50", "printed": 0.9823, "ours": None}
            | {"lo": None, "hi": None, "verdict": "not testable", "reason": "ResNet50 not run"},
            row
            | {"id": "gradient_ratio", "what": "Ratio ALP : LDH", "printed": 2.415, "ours": 1.9}
            | {"lo": 1.1, "hi": 2.9, "verdict": "not testable", "reason": why},
        ],
        "contradictions": [
            {"id": "ldh_recall", "statement": "LDH raises recall by 1.08 points", "printed": 1.08}
            | {"recomputed": 1.18, "sum": "92.62 − 91.44 = 1.18", "holds": False}
            | {"source": "Table 1"},
            {"id": "patients", "statement": "848 patients", "printed": 848, "recomputed": 848}
            | {"sum": "454 + 394 = 848", "holds": True, "source": "Section 2"},
        ],
        "ambiguous": [
            {"statement": "about two times larger", "printed": 2, "sum": "2 x 848 or 3 x 848"}
            | {"holds": None, "source": "Section 2", "note": "two readings"}
        ],
    }


def cohort() -> dict[str, Any]:
    """Tables about the cohort."""
    parts = ["all", "fold 0", "fold 1"]

    def row(name: str, *cells: str) -> dict[str, Any]:
        return {"name": name, "values": dict(zip(parts, cells, strict=True))}

    return {
        "flow": [
            {"step": "received", "patients": 240, "images": 730, "note": "patients listed; files"},
            {"step": "refused", "patients": None, "images": 6, "note": "files; by code below"},
            {"step": "judged", "patients": 240, "images": 724, "note": "held out"},
        ],
        "refused": [{"code": "unreadable", "count": 6, "advice": "export the files again"}],
        "demographics": {
            "columns": parts,
            "rows": [
                row("patients", "240", "120", "120"),
                row("age, years: median [IQR]", "21 [15, 38]", "20 [15, 37]", "22 [15, 39]"),
                row("sex: F", "118 (49 %)", "60 (50 %)", "58 (48 %)"),
            ],
        },
        "class_balance": [
            {"name": "osteosarcoma", "values": {"patients": "112 (47 %)", "images": "342 (47 %)"}},
            {"name": "non_tumour", "values": {"patients": "128 (53 %)", "images": "382 (53 %)"}},
        ],
        "missing": [{"name": "ALP: missing", "values": {"osteosarcoma": "5 of 112 (4 %)"}}],
        "filled": [{"name": "ALP", "values": {"patients": "18", "handling": "0.5"}}],
        "acquisition": {
            "columns": ["osteosarcoma", "non_tumour"],
            "rows": [{"name": "modality: DX", "values": {"osteosarcoma": "342", "non_tumour": ""}}],
        },
    }


def run() -> dict[str, Any]:
    """Facts of a run."""
    one = {"seconds": 8.72, "device": "cpu", "threads": 1, "weights": "none: from scratch"}
    return {
        "command": "kedro run --pipeline=osteosarcoma_fusion --conf-source=<path>",
        "osteon": "0.3.0",
        "commit": "0714618",
        "dirty": False,
        "python": "3.11.2",
        "platform": "Linux x86_64",
        "processor": "a processor",
        "cores": 2,
        "memory_gib": 23.5,
        "packages": {"torch": "2.11.0", "kedro": "1.7.0"},
        "devices": ["cpu"],
        "hashes": {"data": "fc49ad00", "split": "d1da33d2"},
        "learners": {
            name: one | {"recipe": {"backbone": "resnet18", "inputs": inputs}}
            for name, (_, inputs) in LEARNERS.items()
        },
        "wall_seconds": 345.6,
    }


def explanations() -> dict[str, Any]:
    """A summary of maps and attributions: one map follows the weights, one is worthless."""

    def n(middle: float, half: float = 0.05) -> dict[str, Any]:
        return {
            "value": middle,
            "lo": middle - half,
            "hi": middle + half,
            "n": 342,
            "patients": 112,
        }

    keys = ("pointing", "energy", "iou", "chance", "deletion", "deletion_random", "insertion")
    scores = {key: n(0.1 + 0.1 * k) for k, key in enumerate(keys)} | {"insertion_random": n(0.4)}
    shuffled = {"randomised_pointing": n(0.06), "randomised_energy": n(0.07)}
    sizes = {"n_images": 342, "n_patients": 112, "n_with_lesion": 342, "note": ""}
    ways = ("gradient", "grad_x_input", "integrated")
    follows = {"randomised_correlation": n(0.04), "verdict": "follows the weights"}
    worthless = {"randomised_correlation": n(0.93), "verdict": "worthless: the map stays the same"}
    none = {"pointing": {"value": None, "lo": None, "hi": None, "n": 0}}
    return {
        "methods": {
            "resnet18_all": {
                "grad_cam": scores | shuffled | sizes | follows,
                "integrated_gradients": scores | shuffled | sizes | worthless | none,
            }
        },
        "clinical": {
            "resnet18_all": {
                "features": {
                    feature: {way: n(0.1 * k + 0.2) for way in (*ways, "direction")}
                    for k, feature in enumerate(("gender", "age", "alp", "ldh"))
                },
                "ratio_alp_ldh": {"gradient": n(1.9, 0.6)} | dict.fromkeys(ways[1:], n(2.6, 0.9)),
            }
        },
        "statement": "Where a network is sensitive, not why.",
    }


def picture(seed: int = 0, side: int = 48) -> str:
    """A grey picture as inline data."""
    from PIL import Image

    y, x = np.mgrid[0:side, 0:side] / side
    grey = 90 + 80 * np.exp(-((x - 0.5) ** 2) / 0.03) + 20 * np.sin(9 * y + seed)
    handle = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(handle, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(handle.getvalue()).decode()


def galleries(cases: int = 3, side: int = 48) -> list[dict[str, Any]]:
    """Two galleries, one with two maps a case, and one into which nothing fell."""
    made = []
    for name, maps in (("right", ["all inputs"]), ("shift", ["baseline", "all inputs"])):
        shown = [
            {
                "sample": f"case {k + 1}",
                "label": ("osteosarcoma", "non_tumour")[k % 2],
                "text": "all inputs: 0.93",
                "tiles": [
                    {"caption": "original", "image": picture(k, side), "overlay": None},
                    *(
                        {"caption": one, "image": picture(k, side), "overlay": picture(9, side)}
                        for one in maps
                    ),
                ],
            }
            for k in range(cases)
        ]
        made.append({"name": name, "title": name, "caption": "By rule.", "cases": shown})
    return [*made, {"name": "worst", "title": "worst cases", "caption": "", "cases": []}]


def histories() -> dict[str, pd.DataFrame]:
    """Loss of two folds."""
    epochs = np.tile(np.arange(6), 2)
    columns = {"epoch": epochs, "loss": 0.7 / (1 + epochs), "accuracy": 1 - 0.4 / (1 + epochs)}
    frame = pd.DataFrame(columns | {"lr": 0.03, "seconds": 0.37, "fold": np.repeat([0, 1], 6)})
    return {name: frame for name in LEARNERS}


def paper_tables() -> list[dict[str, Any]]:
    """The layout of the late-fusion paper's Table 1, one row not run."""
    rows = []
    for name, ran in (("Baseline", True), ("All", True), ("LDH", False)):
        row: dict[str, Any] = {"Inputs": name}
        for metric in ("Accuracy", "Precision", "Recall", "F1"):
            ours = [0.89, 0.01, 0.9, 0.86, 0.93] if ran else [np.nan] * 5
            ends = ("images", "images SD", "patients", "patients lo", "patients hi")
            row[f"{metric} published"] = 0.9719
            row |= {f"{metric} {end}": one for end, one in zip(ends, ours, strict=True)}
        rows.append(row | {"Note": "" if ran else "not run"})
    return [{"title": "Table 1, ResNet18", "note": "", "table": pd.DataFrame(rows)}]


def split_gap() -> dict[str, Any]:
    """The audit of the image-level split."""
    gap = {"value": 0.06, "lo": 0.02, "hi": 0.1, "p": 0.003}
    one = {"audit": 0.96, "honest": 0.9, "honest_images": 0.89, "gap": gap, "same_level": gap}
    return {
        "warning": "Audit only: never quote these figures as performance.",
        "rounds": 2000,
        "trial_run": False,
        "learners": {"resnet18_all": {"n_patients": PATIENTS, "auroc": one, "accuracy": one}},
        "only_in_one": [],
    }


def comparison() -> pd.DataFrame:
    """A row a learner and control: what the forest needs."""
    rows = [(name, auroc, "learner") for name, (auroc, _) in LEARNERS.items()]
    rows += [(name, auroc, "control") for name, auroc in CONTROLS.items()]
    rows.append(("resnet18_permuted", 0.5, "permuted"))
    made = []
    for name, auroc, kind in rows:
        row = {"learner": name, "kind": kind, "level": "patient", "skipped": None}
        for column, middle in (("auroc", auroc), ("auroc_difference", auroc - 0.78)):
            row |= {column: middle, f"{column}_lo": middle - 0.04, f"{column}_hi": middle + 0.04}
        made.append(row | {"n_patients": PATIENTS, "auroc_p_holm": 0.02})
    return pd.DataFrame(made)


def everything(charts: dict[str, Any] | None = None, **changed: Any) -> ReportParts:
    """All parts; charts as given, others by keyword."""
    given: dict[str, Any] = {
        "title": "Osteosarcoma from knee radiographs and laboratory values",
        "paper": "osteosarcoma_fusion",
        "statement": STATEMENT,
        "metrics": metrics(),
        "curves": curves(),
        "comparison": comparison(),
        "certificate": certificate(),
        "ledger": ledger(),
        "cohort": cohort(),
        "run": run(),
        "explanations": explanations(),
        "galleries": galleries(),
        "histories": histories(),
        "paper_tables": paper_tables(),
        "split_gap": split_gap(),
        "charts": charts or {},
    }
    return ReportParts(**(given | changed))
