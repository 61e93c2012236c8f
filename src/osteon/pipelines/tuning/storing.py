"""Where a study is kept: an SQLite file, a journal file, or a database server."""

import os
import random
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage, get_storage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from osteon.pipelines.tuning.living import GRACE, Beats, Life, Locks, locked
from osteon.pipelines.tuning.reaching import answer_of

JOURNAL = "journal:"
SHORTEST_GRACE = 3
"""Seconds; below that Optuna warns."""


@dataclass(frozen=True)
class Store:
    """An opened storage.

    Attributes:
        storage: Optuna's.
        life: signs of life of its trials.
        guard: file whose lock says whose turn it is to add trials; None on a server.
    """

    storage: BaseStorage
    life: Life
    guard: Path | None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only process that adds trials; on a server doubles are possible and sorted out."""
        if self.guard is None:
            yield
            return
        with locked(self.guard):
            yield


def study_location(setting: str | None, folder: Path) -> str:
    """Where a study is kept, for `Plan.storage`; the same for each process of this machine.

    Args:
        setting: `tuning.storage`: None, `journal`, `journal:<path>` or an SQLAlchemy URL.
        folder: the row's own folder, for those without a path.

    Returns:
        an SQLAlchemy URL, or `journal:` and an absolute path.
    """
    if setting is None:
        return f"sqlite:///{Path(folder).resolve() / 'study.db'}"
    if setting == "journal":
        return f"{JOURNAL}{Path(folder).resolve() / 'study.journal'}"
    if setting.startswith(JOURNAL):
        return f"{JOURNAL}{Path(setting.removeprefix(JOURNAL)).resolve()}"
    return setting


def open_store(location: str, heartbeat: int) -> Store:
    """Open a storage, once in each process; its folder is made.

    Args:
        location: as from `study_location`.
        heartbeat: seconds between signs of life.

    Raises:
        ImportError: a database's driver is not installed; names it.
    """
    return _opened(location, heartbeat, os.getpid())


@lru_cache(maxsize=8)
def _opened(location: str, heartbeat: int, process: int) -> Store:
    """By process, as a connection does not survive a fork."""
    if location.startswith(JOURNAL):
        return _open_journal(Path(location.removeprefix(JOURNAL)), heartbeat)
    from sqlalchemy.engine import make_url

    url = make_url(location)
    if url.get_backend_name() != "sqlite":
        storage = _open_server(location, heartbeat)
        return Store(get_storage(storage), Beats(storage, heartbeat), None)
    if not url.database or url.database == ":memory:":
        raise ValueError(f"storage: {location!r} found; a study needs a file, sqlite:///<path>")
    path = Path(url.database).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    guard = path.with_name(f"{path.name}.queue")
    with locked(guard):  # tables made by two processes at once would be made twice
        storage = _open_sqlite(location, heartbeat)
    return Store(get_storage(storage), Beats(storage, heartbeat), guard)


def _open_journal(path: Path, heartbeat: int) -> Store:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Optuna's own lock, so that its dashboard may write too; a killed process leaves it behind.
    lock = JournalFileSymlinkLock(str(path), grace_period=max(SHORTEST_GRACE, heartbeat))
    storage = JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    guard = path.with_name(f"{path.name}.queue")
    return Store(storage, Locks(path.with_name(f"{path.name}.running")), guard)


def _open_sqlite(location: str, heartbeat: int) -> RDBStorage:
    """SQLite for several processes of one machine."""
    from sqlalchemy import event

    storage = _open_database(location, heartbeat, {"connect_args": {"timeout": 60}})

    @event.listens_for(storage.engine, "connect")
    def _(connection: Any, record: Any) -> None:
        # A killed process loses nothing so, and a trial has a dozen commits.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(storage.engine, "begin")
    def _(connection: Any) -> None:
        # SQLite has no SELECT ... FOR UPDATE: without it two processes can begin the same trial.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    storage.engine.dispose()  # of connections that were made without all this
    with storage.engine.connect():
        pass
    return storage


def _open_server(location: str, heartbeat: int) -> RDBStorage:
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    for _ in range(4):
        try:
            return _open_database(location, heartbeat, {"pool_pre_ping": True})
        except (IntegrityError, ProgrammingError):
            # Another machine may be making the tables at this moment.
            time.sleep(random.uniform(0.2, 1.0))
    return _open_database(location, heartbeat, {"pool_pre_ping": True})


def _open_database(location: str, heartbeat: int, engine: dict[str, Any]) -> RDBStorage:
    with warnings.catch_warnings():
        # Heartbeats are experimental in Optuna, and chosen knowingly.
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return RDBStorage(
                location,
                engine_kwargs=engine,
                heartbeat_interval=heartbeat,
                grace_period=GRACE * heartbeat,
            )
        except ImportError as error:
            raise ImportError(f"storage: {location!r} needs a driver: {answer_of(error)}") from None
