"""What a worker process is told before it trains."""

from contextlib import suppress

LEAK = 8 * 2**30
"""Bytes by which a worker may grow before it counts as leaking."""


def keep_worker() -> None:
    """Let this loky worker live although it has grown: it has imported torch.

    Where psutil is installed, loky measures a worker after its first task, which is often one of
    ingestion, and replaces one that is 300 MB larger after a later one. The next training would
    import torch once more, which takes longer than a small fold. Elsewhere nothing happens.
    """
    with suppress(ImportError):
        from joblib.externals.loky import process_executor

        process_executor._MAX_MEMORY_LEAK_SIZE = LEAK
