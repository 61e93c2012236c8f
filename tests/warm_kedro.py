"""A process that runs Kedro's command line and notebooks: it imports everything only once.

Reads one JSON object a line, {"project", "printed"} with "arguments" or "notebook", and answers
each with the exit status on a line; what is printed goes to the file `printed`.
"""

import gc
import json
import os
import sys
import traceback
from pathlib import Path


def run(project: str, arguments: list[str]) -> int:
    """`kedro` with these arguments in this project; exit status."""
    from kedro.framework.cli.cli import KedroCLI

    os.chdir(project)
    sys.argv = ["kedro", *arguments]  # a report says what it was made by
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


def read(project: str, notebook: str) -> int:
    """Every cell of a notebook, as `kedro ipython` would run it; exit status."""
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell

    os.chdir(project)
    shell = InteractiveShell.instance()
    try:
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "code" and not shell.run_cell(cell.source).success:
                return 1
    finally:
        InteractiveShell.clear_instance()
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
        if "notebook" in asked:
            code = read(asked["project"], asked["notebook"])
        else:
            code = run(asked["project"], asked["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        answers.write(f"{code}\n")
        answers.flush()
        gc.collect()
        gc.freeze()  # what was imported lives on: no later search for garbage walks through it


if __name__ == "__main__":
    main()
