"""Plausible parts of a report, made up by law: small, quick, in the formats that a run leaves."""

import base64
import io
from typing import Any

import numpy as np
import pandas as pd

from osteon.reporting.page.parts import ReportParts
from tests.reporting.sample_metrics import (
    CONTROLS,
    IMAGES,
    LEARNERS,
    PATIENTS,
    STATEMENT,
    curves,
    metrics,
    tests,
    value,
)

__all__ = ["STATEMENT", "curves", "everything", "metrics", "tests", "value"]


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
    ours = "images 0.8900 ± 0.0100\npatients 0.9000 [0.8600, 0.9300]"
    rows = [
        [name, *[f"printed 0.9719\n{ours}" if ran else "printed 0.9719"] * 4, why]
        for name, ran, why in (("Baseline", 1, ""), ("All", 1, ""), ("LDH", 0, "not run"))
    ]
    columns = ["Inputs", "Accuracy", "Precision", "Recall", "F1", "Note"]
    return [{"title": "Table 1, ResNet18", "note": "", "columns": columns, "rows": rows}]


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
