"""A whole row on its phantom, as `make run` runs it after set-up: wall time and peak memory.

Wanted: under 4 minutes on two cores and under 4 GiB, over all processes together, of spinal_wff
under 8 minutes and 5 GiB, of spinal_penn under 6 minutes and 5 GiB; both are printed as ratios to
those bounds (below 1 is good). Fails unless the phantom shows what it was built to show: an
interval of the permuted labels' AUROC that holds 0.5; of the late-fusion row all inputs above the
baseline with the paired intervals above zero, and an image-level audit that reads higher; of the
weighted fusion row a detector that finds lesions of patients it has not seen; of the segmentation
row outlines that overlap more than calling every pixel would, and an audit of patches that reads
higher than whole patients do.

    python benchmarks/row.py [spinal_smsdnet | femoral_alexnet | spinal_wff | spinal_penn]
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from resident import peak_of

ROOT = Path(__file__).resolve().parents[1]
KEDRO = Path(sys.executable).with_name("kedro")
FUSION, WEIGHTED, SEGMENTING = "osteosarcoma_fusion", "spinal_wff", "spinal_penn"
LIMITS = {WEIGHTED: (480, 5), SEGMENTING: (360, 5)}
USUAL = (240, 4)
"""Seconds and GiB that a row may take."""
FOUND = 0.7
"""Least sensitivity of the detector at one false box an image, over both classes."""


def fresh_project(folder: Path) -> Path:
    """This configuration without any data, key or result."""
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("src", "data", "conf/local"):
        (folder / name).mkdir()
    return folder


def run(project: Path, pipeline: str) -> tuple[float, float]:
    """Seconds and peak memory in GiB of `kedro run`; stops if it fails."""
    start = time.perf_counter()
    process = subprocess.Popen([str(KEDRO), "run", f"--pipelines={pipeline}"], cwd=project)
    gibibytes = peak_of(process, interval=1.0) / 1024
    if process.returncode:
        raise SystemExit(f"{pipeline} failed")
    return time.perf_counter() - start, gibibytes


def main() -> None:
    paper = sys.argv[1] if len(sys.argv) > 1 else FUSION
    most_seconds, most_gibibytes = LIMITS.get(paper, USUAL)
    with tempfile.TemporaryDirectory() as folder:
        project = fresh_project(Path(folder))
        seconds, gibibytes = run(project, paper)
        reports = project / "data" / "08_reporting"
        table = pd.read_csv(reports / paper / "comparison.csv").set_index("learner")
        shown, held = promises(project, reports, table, paper)
    measured: dict[str, object] = {
        "seconds": round(seconds, 1),
        f"ratio_to_{most_seconds // 60}_minutes": round(seconds / most_seconds, 3),
        "peak_gib": round(gibibytes, 2),
        f"ratio_to_{most_gibibytes}_gib": round(gibibytes / most_gibibytes, 3),
    }
    metric = "dice" if paper == SEGMENTING else "auroc"
    measured[metric] = table[metric].round(3).to_dict()
    held |= {"time": seconds < most_seconds, "memory": gibibytes < most_gibibytes}
    for permuted in [name for name in table.index if name.endswith("_permuted")]:
        low, value, high = table.loc[permuted, ["auroc_lo", "auroc", "auroc_hi"]]
        measured["permuted_auroc"] = [low, value, high]
        held["permuted labels are at chance"] = bool(low <= 0.5 <= high)
    print(json.dumps(measured | shown, indent=2))
    broken = [promise for promise, kept in held.items() if not kept]
    if broken:
        raise SystemExit(f"not reached: {', '.join(broken)}")


def promises(
    project: Path, reports: Path, table: pd.DataFrame, paper: str
) -> tuple[dict[str, object], dict[str, bool]]:
    """What a paper's phantom shows beside time and memory, and whether it does."""
    if paper == FUSION:
        return of_late_fusion(project, reports, table)
    if paper == SEGMENTING:
        return of_segmentation(reports, table)
    return of_weighted_fusion(reports) if paper == WEIGHTED else ({}, {})


def of_segmentation(
    reports: Path, table: pd.DataFrame
) -> tuple[dict[str, object], dict[str, bool]]:
    """Overlap beside that of calling every pixel, and what a split by patch would have read."""
    metrics = json.loads((reports / SEGMENTING / "metrics.json").read_text())
    share = metrics["lesions"]["positive_pixels"]
    everything = 2 * share / (1 + share)
    gap = json.loads((reports / SEGMENTING / "patch_split.json").read_text())["metrics"]["f1"]
    shown: dict[str, object] = {
        "dice_of_calling_everything": round(everything, 4),
        "patch_f1_split_by_patch": gap["audit"],
        "patch_f1_split_by_patient": gap["honest"],
        "gap": [gap["gap"]["lo"], gap["gap"]["value"], gap["gap"]["hi"]],
    }
    low = table.loc[["penn", "unet"], "dice_lo"].min()
    return shown, {
        "outlines overlap more than all pixels do": bool(low > everything),
        "the audit reads higher": gap["audit"] > gap["honest"],
    }


def of_weighted_fusion(reports: Path) -> tuple[dict[str, object], dict[str, bool]]:
    """Boxes of the detector on the test part, whatever class they name."""
    found = json.loads((reports / WEIGHTED / "detection.json").read_text())
    judged = found["test"]["learners"]["detector"]["patient"]
    one = judged["any_class"]["sensitivity_at_1"]
    shown: dict[str, object] = {"sensitivity_at_1": [one["lo"], one["value"], one["hi"]]}
    return shown, {"the detector finds lesions": one["value"] > FOUND}


def of_late_fusion(
    project: Path, reports: Path, table: pd.DataFrame
) -> tuple[dict[str, object], dict[str, bool]]:
    """What age and the laboratory add, and what an image-level split would have read."""
    run(project, f"{FUSION}_audit")
    gap = json.loads((reports / f"{FUSION}.audit" / "split_gap.json").read_text())
    best = table.loc["resnet18_all"]
    audits = {name: found["auroc"] for name, found in gap["learners"].items()}
    gains = {
        f"all_minus_baseline_{metric}_lo": float(best[f"{metric}_difference_lo"])
        for metric in ("auroc", "accuracy")
    }
    read = {name: [one["audit"], one["honest"]] for name, one in audits.items()}
    return gains | {"audit_auroc": read}, {
        "all inputs beat the baseline": min(gains.values()) > 0,
        "the audit reads higher": all(one["audit"] > one["honest"] for one in audits.values()),
    }


if __name__ == "__main__":
    main()
