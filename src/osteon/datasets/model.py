"""Versioned model artefacts: one folder a version, safetensors and JSON inside."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractVersionedDataset, Version

from osteon.datasets.store import Build


class ModelDataset(AbstractVersionedDataset[Build, Any]):
    """Saves a learner's folds as a new version and loads the newest one, or the one asked for.

    Args:
        filepath: the folder above the versions.
        version: Kedro's version object (`versioned: true` in the catalog).
        metadata: ignored here; for other tools.
    """

    def __init__(
        self,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(PurePosixPath(filepath), version)
        self.metadata = metadata

    def save(self, data: Build) -> None:
        """Write a new version whole, or nothing: earlier versions are never touched."""
        data.write(Path(self._get_save_path()))

    def load(self) -> Any:
        """The learner as `load_learner` gives it, or a `SkippedLearner` that says why not."""
        from osteon.recipes.artefact import load_learner_or_reason

        return load_learner_or_reason(Path(self._get_load_path()))

    def _exists(self) -> bool:
        return bool(self._get_versions())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}
