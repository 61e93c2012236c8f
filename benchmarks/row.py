"""The whole row on the phantom, as `make run` runs it after set-up: wall time and peak memory.

Wanted: under 4 minutes on two cores and under 4 GiB, over all processes together. Both are printed
as ratios to those bounds (below 1 is good). Also prints what the phantom must show: all inputs
above the baseline, permuted labels at chance.

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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = fresh_project(Path(folder))
        start = time.perf_counter()
        process = subprocess.Popen([str(KEDRO), "run", f"--pipelines={PAPER}"], cwd=project)
        gibibytes = peak_of(process, interval=0.2) / 1024
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit("the row failed")
        report = project / "data" / "08_reporting" / PAPER / "comparison.csv"
        table = pd.read_csv(report).set_index("learner")
    best, chance = table.loc["resnet18_all"], table.loc["resnet18_permuted"]
    print(
        json.dumps(
            {
                "seconds": round(seconds, 1),
                "ratio_to_4_minutes": round(seconds / SECONDS, 3),
                "peak_gib": round(gibibytes, 2),
                "ratio_to_4_gib": round(gibibytes / GIBIBYTES, 3),
                "all_minus_baseline_auroc_lo": best["auroc_difference_lo"],
                "all_minus_baseline_accuracy_lo": best["accuracy_difference_lo"],
                "permuted_auroc": [chance["auroc_lo"], chance["auroc"], chance["auroc_hi"]],
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
