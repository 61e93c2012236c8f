"""Kedro dataset classes that no library has."""

from osteon.datasets.folder import FolderDataset
from osteon.datasets.key import KeyDataset
from osteon.datasets.model import ModelDataset
from osteon.datasets.optional import OptionalDataset
from osteon.datasets.store import Build, StoreDataset
from osteon.datasets.study import StudyDataset

__all__ = [
    "Build",
    "FolderDataset",
    "KeyDataset",
    "ModelDataset",
    "OptionalDataset",
    "StoreDataset",
    "StudyDataset",
]
