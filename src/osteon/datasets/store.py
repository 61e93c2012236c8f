"""A folder that is built once and reused while what it was built from stays the same."""

import hashlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro.utils import load_obj

logger = logging.getLogger(__name__)

DIGEST_FILE = "digest.txt"


def source_hash(*packages: ModuleType) -> str:
    """SHA-256 of the Python sources of some packages, so that a change of code rebuilds a store."""
    folders = [Path(folder) for package in packages for folder in package.__path__]
    files = sorted(file for folder in folders for file in folder.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@dataclass(frozen=True)
class Build:
    """A folder's content that is not there yet.

    Attributes:
        digest: hash of everything the content depends on (inputs and parameters).
        write: fills an existing empty folder; runs only when no folder with this digest is there.
    """

    digest: str
    write: Callable[[Path], None]


class StoreDataset(AbstractDataset[Build, Any]):
    """Saves a `Build` into a folder, and loads the folder through a lazy reader.

    The node hands over how to make the folder, not the data: a cohort's pixels never pass through
    memory between nodes. A folder whose digest equals the build's is kept as it is. A new one is
    written beside the old one and takes its place whole, so a kill leaves the old or the new.

    Args:
        filepath: the folder.
        reader: dotted path of a callable `Path -> object`; the folder's `Path` itself if absent.
        metadata: ignored here; for other tools.
    """

    def __init__(
        self, filepath: str, reader: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder = Path(filepath)
        self._reader = reader
        self.metadata = metadata

    def save(self, data: Build) -> None:
        """Build the folder unless it is already there with the same digest."""
        if self._digest() == data.digest:
            logger.info("%s: nothing changed, reused", self._folder.name)
            return
        partial, replaced = self._beside("partial"), self._beside("replaced")
        for leftover in (partial, replaced):
            shutil.rmtree(leftover, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            data.write(partial)
            (partial / DIGEST_FILE).write_text(data.digest)
            if self._folder.exists():
                self._folder.rename(replaced)
            partial.rename(self._folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)

    def load(self) -> Any:
        """The reader's view of the folder.

        Raises:
            DatasetError: the folder has not been built yet.
        """
        if self._digest() is None:
            raise DatasetError(
                f"{self._folder.name}: not built yet; run the pipeline's earlier stages first"
            )
        return load_obj(self._reader)(self._folder) if self._reader else self._folder

    def _beside(self, state: str) -> Path:
        return self._folder.with_name(f".{self._folder.name}.{state}")

    def _digest(self) -> str | None:
        if not self._folder.exists() and self._beside("replaced").exists():
            # A kill fell between the two renames: the old folder is still whole.
            self._beside("replaced").rename(self._folder)
        file = self._folder / DIGEST_FILE
        return file.read_text() if file.is_file() else None

    def _exists(self) -> bool:
        return self._digest() is not None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "reader": self._reader}
