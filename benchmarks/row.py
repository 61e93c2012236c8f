"""A whole row on its phantom, as `make run` runs it after set-up: wall time and peak memory.

Wanted: under 4 minutes on two cores and under 4 GiB, over all processes together; both are printed
as ratios to those bounds (below 1 is good). Fails unless the phantom shows what it was built to
show: an interval of the permuted labels' AUROC that holds 0.5, and of the late-fusion row all
inputs above the baseline with the paired intervals above zero, and an image-level audit that reads
higher.

    python benchmarks/row.py [spinal_smsdnet | femoral_alexnet]
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
FUSION = "osteosarcoma_fusion"
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
    paper = sys.argv[1] if len(sys.argv) > 1 else FUSION
    with tempfile.TemporaryDirectory() as folder:
        project = fresh_project(Path(folder))
        seconds, gibibytes = run(project, paper)
        reports = project / "data" / "08_reporting"
        table = pd.read_csv(reports / paper / "comparison.csv").set_index("learner")
        shown, held = promises(project, reports, table) if paper == FUSION else ({}, {})
    (permuted,) = [name for name in table.index if name.endswith("_permuted")]
    chance = table.loc[permuted]
    measured = {
        "seconds": round(seconds, 1),
        "ratio_to_4_minutes": round(seconds / SECONDS, 3),
        "peak_gib": round(gibibytes, 2),
        "ratio_to_4_gib": round(gibibytes / GIBIBYTES, 3),
        "auroc": table["auroc"].round(3).to_dict(),
        "permuted_auroc": [chance["auroc_lo"], chance["auroc"], chance["auroc_hi"]],
    }
    print(json.dumps(measured | shown, indent=2))
    held |= {
        "time": seconds < SECONDS,
        "memory": gibibytes < GIBIBYTES,
        "permuted labels are at chance": chance["auroc_lo"] <= 0.5 <= chance["auroc_hi"],
    }
    broken = [promise for promise, kept in held.items() if not kept]
    if broken:
        raise SystemExit(f"not reached: {', '.join(broken)}")


def promises(
    project: Path, reports: Path, table: pd.DataFrame
) -> tuple[dict[str, object], dict[str, bool]]:
    """What the late-fusion phantom shows beside time and memory, and whether it does."""
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
