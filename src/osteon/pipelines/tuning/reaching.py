"""What a study's database answers when it does not take what it is asked, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError


class StorageAway(StorageInternalError):
    """The storage of a study is out of reach, or refuses; says which one and what it answered."""


@contextmanager
def in_reach(location: str) -> Iterator[None]:
    """Let an error of a database say what is wrong: Optuna's own speaks of invalid data.

    Args:
        location: of the study, as from `storing.study_location`; a URL in it has no password.

    Raises:
        StorageAway: the database cannot be reached, or refuses.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except StorageAway:
        raise
    except (SQLAlchemyError, StorageInternalError) as error:
        # Without what came before it: a hundred lines of the driver's calls, and nothing more.
        raise StorageAway(
            f"storage: {location!r} is out of reach or refuses (once it answers, the same "
            f"command goes on with the study): {answer_of(error)}"
        ) from None


@contextmanager
def at_storage() -> Iterator[None]:
    """Tell a storage that fails in the middle of a trial from a trial that fails.

    Raises:
        StorageInternalError: a file that cannot be written, or a lost connection.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        raise StorageInternalError(f"the study's storage is out of reach: {error}") from error


def answer_of(error: BaseException) -> str:
    """What lies at the bottom of an error, as the database's driver said it, in one line.

    Args:
        error: of SQLAlchemy, of Optuna because of one, or any other.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())
