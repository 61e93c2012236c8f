"""Where trials run: one after the other, in processes of this machine, or on a Dask cluster."""

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import joblib

from osteon.pipelines.parallel import joblib_follows
from osteon.recipes.parallel import ParallelConfig


class PoolBroken(RuntimeError):
    """Worker processes died; what they were at is not lost, see `queueing.reclaim`."""


@dataclass(frozen=True)
class Pool:
    """Workers that are there for as long as `pool_of` is.

    Attributes:
        jobs: tasks at once, as joblib's `n_jobs`.
        falls_together: whether one worker that dies takes the others with it.
        breakdowns: what joblib raises when workers die.
    """

    jobs: int
    falls_together: bool
    breakdowns: tuple[type[BaseException], ...]

    def run(self, task: Callable[..., Any], argument: Any, times: int) -> None:
        """Call a task so many times, side by side.

        Raises:
            PoolBroken: workers died.
        """
        # A trial a task, and no more tasks under way than wanted: Dask knows no other limit.
        under_way = self.jobs if self.jobs > 0 else "2*n_jobs"
        parallel = joblib.Parallel(n_jobs=self.jobs, batch_size=1, pre_dispatch=under_way)
        try:
            parallel(joblib.delayed(task)(argument) for _ in range(times))
        except self.breakdowns as error:
            raise PoolBroken(f"{type(error).__name__}: {error}") from error


@contextmanager
def pool_of(parallel: ParallelConfig) -> Iterator[Pool]:
    """Workers as configured.

    Args:
        parallel: which, and how many.

    Raises:
        ModuleNotFoundError, OSError: see `joblib_follows`.
    """
    breakdowns: tuple[type[BaseException], ...] = (BrokenExecutor,)
    if parallel.backend == "dask":
        from distributed import KilledWorker

        breakdowns = (KilledWorker, CancelledError)
    with joblib_follows(parallel):
        yield Pool(parallel.jobs, parallel.backend == "loky", breakdowns)
