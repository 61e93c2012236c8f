"""Workers outlive a training although they have grown."""

import os
import platform
import subprocess
import sys
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


FAULTS = """
import resource
import numpy as np
from osteon.learning.workers import keep_worker

keep_worker()
for _ in range(3):
    np.ones(2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    np.ones(2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone is told")
@pytest.mark.parametrize(("trim", "fresh"), [("65536", False), ("65537", True)])
def test_a_dask_worker_asks_for_the_same_pages_once(trim: str, fresh: bool) -> None:
    given = {**os.environ, "MALLOC_TRIM_THRESHOLD_": trim}
    command = [sys.executable, "-c", FAULTS]
    told = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    # 200 times 8 MiB: fresh each time they fault once each at least, however large a page is
    # (4 KiB gives 409,600 faults, huge pages of 2 MiB about 1,000); kept they fault no more.
    assert (int(told.stdout) >= 200) == fresh
