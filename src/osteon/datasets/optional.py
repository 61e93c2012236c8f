"""A dataset that may not be there: what a step shows if another run has made it."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


class OptionalDataset(AbstractDataset[Any, Any]):
    """Loads None while the wrapped dataset does not exist, and saves through to it.

    `exists` stays truthful: `--only-missing-outputs` makes what is missing. What a run reads only
    if it is there is not demanded of earlier stages either, see `osteon.hooks.OrderHooks`.

    Args:
        dataset: configuration of the wrapped dataset, as in the catalog, or the dataset itself.
        metadata: ignored here; for other tools.

    Raises:
        ValueError: `dataset` is versioned; that None stands for a version would hide a missing one.
    """

    def __init__(
        self, dataset: dict[str, Any] | AbstractDataset, metadata: dict[str, Any] | None = None
    ) -> None:
        if isinstance(dataset, dict):
            if "versioned" in dataset:
                raise ValueError(
                    "dataset: key 'versioned' found, only unversioned datasets are allowed here"
                )
            # Kedro takes keys out of the configuration that it reads.
            dataset = AbstractDataset.from_config("_optional", deepcopy(dataset))
        self._dataset: AbstractDataset = dataset
        self.metadata = metadata

    @property
    def _filepath(self) -> Path:
        """Where it lies; kedro-mlflow looks for this name to log what was saved."""
        return Path(str(getattr(self._dataset, "_filepath")))  # noqa: B009 - private to Kedro

    def load(self) -> Any:
        """What the wrapped dataset loads, or None if it does not exist."""
        return self._dataset.load() if self._dataset.exists() else None

    def save(self, data: Any) -> None:
        """Save to the wrapped dataset."""
        self._dataset.save(data)

    def _exists(self) -> bool:
        return self._dataset.exists()

    def _release(self) -> None:
        self._dataset.release()

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self._dataset._describe()}
