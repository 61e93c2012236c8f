"""A project folder of its own for tests that run pipelines."""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 300
"""Seconds that a run may take."""
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
    # One process for the tracking page: others, for jobs that nobody gives, would import MLflow.
    "MLFLOW_WORKERS": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MPLBACKEND": "Agg",
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


def kedro_run(
    project: Path,
    *arguments: str,
    env: str = "smoke",
    pipeline: str = PAPER,
    alone: bool = False,
) -> str:
    """`kedro run` to its end; returns what it printed and fails with it if the run failed."""
    code, printed = try_run(project, *arguments, env=env, pipeline=pipeline, alone=alone)
    assert code == 0, printed[-6000:]
    return printed


def try_run(
    project: Path,
    *arguments: str,
    env: str = "smoke",
    pipeline: str = PAPER,
    alone: bool = False,
) -> tuple[int, str]:
    """`kedro run` to its end; exit status and what it printed.

    `alone` it has a process of its own, as a user's has. Else one process runs all that is asked,
    and need not import everything again.
    """
    given = ["run", f"--pipelines={pipeline}", f"--env={env}", *arguments]
    if not alone:
        return _warm_answer(project, arguments=given)
    process = start(project, *given)
    printed, _ = process.communicate(timeout=LIMIT)
    return process.returncode, printed


def read_notebook(project: Path, paper: str) -> None:
    """Run a paper's notebook from its first cell to its last; fails with what it printed."""
    code, printed = _warm_answer(project, notebook=str(ROOT / "notebooks" / f"{paper}.ipynb"))
    assert code == 0, printed[-6000:]


@cache
def _warm() -> subprocess.Popen[str]:
    """The process that serves; it ends when its input does, with this one at the latest."""
    command = [sys.executable, str(ROOT / "tests" / "warm_kedro.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, env=ENVIRONMENT, text=True, **pipes)


def _warm_answer(project: Path, **asked: Any) -> tuple[int, str]:
    process = _warm()
    assert process.stdin is not None and process.stdout is not None
    with tempfile.NamedTemporaryFile() as file:
        process.stdin.write(json.dumps({"project": str(project), "printed": file.name, **asked}))
        process.stdin.write("\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], LIMIT)
        answer = process.stdout.readline() if ready else ""
        printed = Path(file.name).read_text()
    if not answer:  # it died or hangs: the next run gets a new one
        process.kill()
        process.communicate()
        _warm.cache_clear()
        raise TimeoutError(f"no answer within {LIMIT} s: {printed[-3000:]}")
    return int(answer), printed


def params(**values: Any) -> str:
    """`--params` for keys of the paper's block, dots written as double underscores."""
    pairs = [f"{PAPER}.{key.replace('__', '.')}={value}" for key, value in values.items()]
    return "--params=" + ",".join(pairs)
