"""Signs of life of a running trial: how others learn that the process behind it died.

In a database each running trial has a heartbeat; one that stays away for three of them is dead. A
journal file has none in Optuna: there a lock of the operating system is held while a trial runs,
which goes at the same moment as its process.
"""

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from optuna.trial import FrozenTrial

from osteon.pipelines.tuning.reaching import answer_of

logger = logging.getLogger(__name__)

GRACE = 3
"""Heartbeats that may stay away before a trial counts as dead."""


class Life(Protocol):
    """How a storage knows whether a running trial is still worked at.

    Attributes:
        patience: seconds after which a trial that was dead from the beginning is known to be.
    """

    patience: float

    @contextmanager
    def holding(self, study: int, trial: FrozenTrial) -> Iterator[bool]:
        """Give signs of life for a trial while the block runs; false = another process does."""
        ...

    @contextmanager
    def dead(self, study: int, trial: FrozenTrial) -> Iterator[bool]:
        """Whether nobody works at a running trial; while the block runs nobody can begin to."""
        ...


class Beats:
    """Heartbeats in a database, by the database's own clock."""

    def __init__(self, storage: Any, seconds: int):
        self._storage = storage
        self._seconds = seconds
        self.patience = float((GRACE + 1) * seconds)

    @contextmanager
    def holding(self, study: int, trial: FrozenTrial) -> Iterator[bool]:
        """Beat from before the trial is begun, as it is judged by its last beat from then on."""
        self._storage.record_heartbeat(trial._trial_id)
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=(trial._trial_id, stop), daemon=True)
        thread.start()
        try:
            yield True
        finally:
            stop.set()
            thread.join()

    @contextmanager
    def dead(self, study: int, trial: FrozenTrial) -> Iterator[bool]:
        """Whether the last beat is too long ago."""
        yield trial._trial_id in self._storage._get_stale_trial_ids(study)

    def _beat(self, trial: int, stop: threading.Event) -> None:
        while not stop.wait(self._seconds):
            try:
                self._storage.record_heartbeat(trial)
            except Exception as error:  # one beat missed is no reason to miss the others
                logger.warning("a heartbeat could not be written: %s", answer_of(error))
        self._storage.remove_session()


class Locks:
    """A locked file for each running trial, in a folder beside the journal."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.patience = 0.0

    @contextmanager
    def holding(self, study: int, trial: FrozenTrial) -> Iterator[bool]:
        """Hold the trial's lock."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{study}-{trial.number}"
        with locked(path, wait=False) as held:
            yield held
            if held:
                path.unlink(missing_ok=True)

    dead = holding


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold a file's lock, which the kernel takes back when this process ends, however it ends.

    Args:
        path: the file; made if it is absent.
        wait: until the lock is free; if not, the block may run without it.

    Returns:
        whether the lock is held.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        # The last holder may have deleted it, and another process have locked a new one.
        yield path.exists() and os.fstat(file.fileno()).st_ino == path.stat().st_ino
