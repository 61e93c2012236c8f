"""Workers outlive a training although they have grown."""

import os
import time
from concurrent.futures import Executor

import pytest
from joblib.externals.loky import ProcessPoolExecutor, process_executor

from osteon.learning.workers import keep_worker

kept = []


def grow(keep: bool) -> int:
    """A task after which the process holds 400 MB more; its number."""
    if keep:
        keep_worker()
    kept.append(b"x" * 400_000_000)
    time.sleep(1.1)  # loky measures at most once a second
    return os.getpid()


def later(executor: Executor, keep: bool) -> bool:
    """Whether the process that grew is the one that goes on."""
    executor.submit(os.getpid).result()
    return executor.submit(grow, keep).result() == executor.submit(os.getpid).result()


@pytest.mark.skipif(not process_executor._USE_PSUTIL, reason="loky measures with psutil alone")
@pytest.mark.parametrize("keep", [False, True])
def test_a_worker_that_grew_trains_on(keep: bool) -> None:
    executor = ProcessPoolExecutor(max_workers=1)
    try:
        assert later(executor, keep) == keep
    finally:
        executor.shutdown(kill_workers=True)
