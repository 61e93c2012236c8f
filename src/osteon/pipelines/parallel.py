"""Where joblib runs independent work: `parallel` of the configuration, made to hold for a block."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from osteon.recipes.parallel import ParallelConfig

CORES = "LOKY_MAX_CPU_COUNT"
"""What joblib counts as cores, and so everything that asks it how many workers to start."""


@contextmanager
def joblib_follows(parallel: ParallelConfig) -> Iterator[None]:
    """Let each `joblib.Parallel` of this thread run as configured while the block does.

    Args:
        parallel: which workers, and how many.

    Raises:
        ModuleNotFoundError: Dask is asked for and not installed.
        OSError: no scheduler answers at the address.
    """
    import joblib

    with ExitStack() as stack:
        options: dict[str, Any] = {}
        if parallel.backend == "dask":
            options["client"] = stack.enter_context(_client(parallel.address))
        elif parallel.jobs > 0:
            stack.enter_context(_cores(parallel.jobs))
        stack.enter_context(
            joblib.parallel_config(parallel.backend, n_jobs=parallel.jobs, **options)
        )
        yield


def _client(address: str | None) -> Any:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "parallel.backend: dask found; it needs `pip install '.[cluster]'` in osteon's folder"
        ) from error
    return Client(address, set_as_default=False)


@contextmanager
def _cores(count: int) -> Iterator[None]:
    before = os.environ.get(CORES)
    os.environ[CORES] = str(count)
    try:
        yield
    finally:
        if before is None:
            del os.environ[CORES]
        else:
            os.environ[CORES] = before
