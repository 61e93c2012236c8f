"""What a worker process is told before it trains."""

import ctypes
import os
from contextlib import suppress

LEAK = 8 * 2**30
"""Bytes by which a worker may grow before it counts as leaking."""
TRIM, TRIMMED = "MALLOC_TRIM_THRESHOLD_", "65536"
"""Variable that Dask gives its workers, and its value there, bytes."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's `mallopt`."""
KEPT, MAPPED = 64 * 2**20, 32 * 2**20
"""What glibc would come to by itself where tensors are large, bytes."""


def keep_worker() -> None:
    """Let this worker live although it has imported torch, and keep the memory of its last step."""
    _keep_process()
    _keep_memory()


def _keep_process() -> None:
    """Let a loky worker live although it has grown.

    Where psutil is installed, loky measures a worker after its first task, which is often one of
    ingestion, and replaces one that is 300 MB larger after a later one. The next training would
    import torch once more, which takes longer than a small fold. Elsewhere nothing happens.
    """
    with suppress(ImportError):
        from joblib.externals.loky import process_executor

        process_executor._MAX_MEMORY_LEAK_SIZE = LEAK


def _keep_memory() -> None:
    """Take back what Dask tells glibc: to return to the system whatever is freed, above 64 KiB.

    A training step asks for the same tensors as the one before it, page by page then, and takes
    half as long again. Elsewhere, and where somebody chose another value, nothing happens.
    """
    if os.environ.get(TRIM) != TRIMMED:
        return
    with suppress(OSError, AttributeError):  # no glibc
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, MAPPED)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
