"""A process that runs Kedro's command line again and again: it imports everything only once.

Reads one JSON object a line, {"project", "arguments", "printed"}, and answers each with the exit
status on a line; what the command prints goes to the file `printed`.
"""

import json
import os
import sys
import traceback
from pathlib import Path


def run(project: str, arguments: list[str]) -> int:
    """`kedro` with these arguments in this project; exit status."""
    from kedro.framework.cli.cli import KedroCLI

    os.chdir(project)
    try:
        KedroCLI(project_path=Path(project)).main(args=arguments, standalone_mode=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        _end_tracking()
    return 0


def _end_tracking() -> None:
    """A run that failed must not leave its MLflow run open to the next."""
    import mlflow

    while mlflow.active_run():
        mlflow.end_run("FAILED")


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        asked = json.loads(line)
        with Path(asked["printed"]).open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        code = run(asked["project"], asked["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        answers.write(f"{code}\n")
        answers.flush()


if __name__ == "__main__":
    main()
