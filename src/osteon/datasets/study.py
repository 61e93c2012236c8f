"""A finished Optuna study in an SQLite file of the project."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

if TYPE_CHECKING:
    import optuna


class StudyDataset(AbstractDataset["optuna.Study", "optuna.Study"]):
    """Kedro's `StudyDataset` under a file path, which Kedro makes absolute as it does any other.

    The file is a copy for people and later steps. Trials run in the study's own storage, which may
    be another file, or a database that several machines share.

    Args:
        filepath: of the SQLite file, ending in `.db`.
        study_name: in that file.
        metadata: ignored here; for other tools.
    """

    def __init__(
        self, filepath: str, study_name: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath, self._study_name, self.metadata = filepath, study_name, metadata

    def save(self, data: "optuna.Study") -> None:
        """Write the study with all its trials over the one that is there."""
        from optuna.storages import RDBStorage

        file = Path(self._filepath)
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.is_file():  # else the library makes it with a nameless study in it
            RDBStorage(f"sqlite:///{file}")
        self._inner().save(data)

    def load(self) -> "optuna.Study":
        """The study as it was saved."""
        return self._inner().load()

    def _inner(self) -> Any:
        # Optuna with its database layer takes a second to import: not for listing pipelines.
        from kedro_datasets_experimental.optuna import StudyDataset as Library

        return Library(backend="sqlite", database=str(self._filepath), study_name=self._study_name)

    def _exists(self) -> bool:
        return Path(self._filepath).is_file() and bool(self._inner().exists())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "study_name": self._study_name}
