"""The secret key of the pseudonyms."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset

from osteon.cohorts.pseudonym import load_or_create_key


class KeyDataset(AbstractDataset[NoReturn, bytes]):
    """Reads the key of the pseudonyms, or draws one the first time.

    A dataset and not a parameter, because parameters are logged.

    Args:
        filepath: a YAML file with the entry `pseudonym_key`, kept out of version control.
        metadata: ignored here; for other tools.
    """

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._file = Path(filepath)
        self.metadata = metadata

    def load(self) -> bytes:
        """The key, 32 bytes."""
        return load_or_create_key(self._file)

    def save(self, data: NoReturn) -> None:
        """Refuse: the key is made once, by the first load.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("the key of the pseudonyms is never written by a node")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._file.name}
