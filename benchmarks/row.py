"""The whole row on the phantom, as `make run` runs it after set-up: wall time and peak memory.

Wanted: under 4 minutes on two cores and under 4 GiB, over all processes together; both are printed
as ratios to those bounds (below 1 is good). Then the audit. Fails unless the phantom shows what it
was built to show: all inputs above the baseline with the paired intervals above zero, an interval
of the permuted labels' AUROC that holds 0.5, and an image-level audit that reads higher.

    python benchmarks/row.py
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
PAPER = "osteosarcoma_fusion"
SECONDS, GIBIBYTES = 240, 4


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
    gibibytes = peak_of(process, interval=0.2) / 1024
    if process.returncode:
        raise SystemExit(f"{pipeline} failed")
    return time.perf_counter() - start, gibibytes


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = fresh_project(Path(folder))
        seconds, gibibytes = run(project, PAPER)
        run(project, f"{PAPER}_audit")
        reports = project / "data" / "08_reporting"
        table = pd.read_csv(reports / PAPER / "comparison.csv").set_index("learner")
        gap = json.loads((reports / f"{PAPER}.audit" / "split_gap.json").read_text())
    best, chance = table.loc["resnet18_all"], table.loc["resnet18_permuted"]
    audits = {name: found["auroc"] for name, found in gap["learners"].items()}
    shown = {
        "seconds": round(seconds, 1),
        "ratio_to_4_minutes": round(seconds / SECONDS, 3),
        "peak_gib": round(gibibytes, 2),
        "ratio_to_4_gib": round(gibibytes / GIBIBYTES, 3),
        "all_minus_baseline_auroc_lo": best["auroc_difference_lo"],
        "all_minus_baseline_accuracy_lo": best["accuracy_difference_lo"],
        "permuted_auroc": [chance["auroc_lo"], chance["auroc"], chance["auroc_hi"]],
        "audit_auroc": {name: [one["audit"], one["honest"]] for name, one in audits.items()},
    }
    print(json.dumps(shown, indent=2))
    held = {
        "time": seconds < SECONDS,
        "memory": gibibytes < GIBIBYTES,
        "all inputs beat the baseline": best["auroc_difference_lo"] > 0
        and best["accuracy_difference_lo"] > 0,
        "permuted labels are at chance": chance["auroc_lo"] <= 0.5 <= chance["auroc_hi"],
        "the audit reads higher": all(one["audit"] > one["honest"] for one in audits.values()),
    }
    broken = [promise for promise, kept in held.items() if not kept]
    if broken:
        raise SystemExit(f"not reached: {', '.join(broken)}")


if __name__ == "__main__":
    main()
