"""A working folder handed to a node by the catalog."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset


class FolderDataset(AbstractDataset[NoReturn, Path]):
    """Gives a node the path of a folder it may work in; the folder is made when asked for.

    Args:
        filepath: the folder.
        mode: permission bits of a folder made here, in octal as for `chmod`; 700 keeps others out.
        metadata: ignored here; for other tools.
    """

    def __init__(
        self, filepath: str, mode: str = "755", metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder = Path(filepath)
        self._mode = int(mode, 8)
        self.metadata = metadata

    def load(self) -> Path:
        """The folder, which exists from now on."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=self._mode)
        return self._folder

    def save(self, data: NoReturn) -> None:
        """Refuse: a node works inside the folder, it does not replace it.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("FolderDataset gives a folder and saves nothing")

    def _exists(self) -> bool:
        return True  # made on demand, so a run never waits for it

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
