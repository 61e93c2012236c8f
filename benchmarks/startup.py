"""`kedro registry list` here against the same command in an empty project with the same plugins.

Wanted: at most 1.3. Run: `python benchmarks/startup.py`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7
ROOT = Path(__file__).resolve().parents[1]
KEDRO = Path(sys.executable).with_name("kedro")


def empty_project(folder: Path) -> Path:
    """The smallest project that Kedro accepts, with no pipeline of its own."""
    package = folder / "src" / "hollow"
    package.mkdir(parents=True)
    (folder / "conf" / "base").mkdir(parents=True)
    (folder / "conf" / "local").mkdir()
    (folder / "conf" / "base" / "mlflow.yml").write_text(
        "server: {mlflow_tracking_uri: 'sqlite:///mlflow.db'}\n"
    )
    (folder / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "hollow"\nproject_name = "hollow"\n'
        'kedro_init_version = "1.7.0"\nsource_dir = "src"\n'
    )
    (folder / ".telemetry").write_text("consent: false\n")
    (package / "__init__.py").touch()
    (package / "settings.py").touch()
    (package / "pipeline_registry.py").write_text(
        "from kedro.pipeline import Pipeline\n\n\n"
        "def register_pipelines():\n    return {'__default__': Pipeline([])}\n"
    )
    return folder


def seconds(folder: Path) -> float:
    """Wall time of one whole process."""
    start = time.perf_counter()
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    command = [str(KEDRO), "registry", "list"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rival = empty_project(Path(folder))
        seconds(ROOT), seconds(rival)  # byte code and disk cache
        pairs = [(seconds(ROOT), seconds(rival)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(json.dumps({"osteon_s": ours, "empty_project_s": theirs, "ratio": ratio, "wanted": 1.3}))


if __name__ == "__main__":
    main()
