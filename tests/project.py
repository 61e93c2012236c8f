"""A project folder of its own for tests that run pipelines."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAPER = "osteosarcoma_fusion"
KEDRO = Path(sys.executable).with_name("kedro")
ENVIRONMENT = {
    **os.environ,
    "DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "1",
    # kedro-viz asks the network for its newest version before it serves: a machine whose network
    # swallows packets would wait for minutes. Whatever leaves this machine is refused at once.
    **dict.fromkeys(
        ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    ),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost"),
    # As after activating the environment: `kedro mlflow ui` looks for mlflow on the path.
    "PATH": os.pathsep.join([str(KEDRO.parent), os.environ.get("PATH", "")]),
}


def make_project(folder: Path) -> Path:
    """This repository's configuration, an empty data folder, no code: osteon is installed."""
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("src", "data", "conf/local"):
        (folder / name).mkdir()
    return folder


def start(project: Path, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    """`kedro` with these arguments, output captured."""
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.Popen(
        [str(KEDRO), *arguments],
        cwd=project,
        env=ENVIRONMENT,
        stderr=subprocess.STDOUT,
        text=True,
        **more,
    )


def kedro_run(project: Path, *arguments: str, env: str = "smoke", pipeline: str = PAPER) -> str:
    """`kedro run` to its end; returns what it printed and fails with it if the run failed."""
    code, printed = try_run(project, *arguments, env=env, pipeline=pipeline)
    assert code == 0, printed[-6000:]
    return printed


def try_run(
    project: Path, *arguments: str, env: str = "smoke", pipeline: str = PAPER
) -> tuple[int, str]:
    """`kedro run` to its end; exit status and what it printed."""
    process = start(project, "run", f"--pipelines={pipeline}", f"--env={env}", *arguments)
    printed, _ = process.communicate(timeout=300)
    return process.returncode, printed


def params(**values: Any) -> str:
    """`--params` for keys of the paper's block, dots written as double underscores."""
    pairs = [f"{PAPER}.{key.replace('__', '.')}={value}" for key, value in values.items()]
    return "--params=" + ",".join(pairs)
