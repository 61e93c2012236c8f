"""`python -m osteon` runs the pipelines as `kedro run` does."""

import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: Any, **kwargs: Any) -> Any:
    """Run `kedro run` with the arguments of the command line."""
    configure_project(Path(__file__).parent.name)
    run = find_run_command("osteon")
    kwargs["standalone_mode"] = not hasattr(sys, "ps1")
    return run(*args, **kwargs)


if __name__ == "__main__":
    main()
