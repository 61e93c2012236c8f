"""Kedro dataset classes that no library has."""

from osteon.datasets.folder import FolderDataset
from osteon.datasets.key import KeyDataset
from osteon.datasets.model import ModelDataset
from osteon.datasets.store import Build, StoreDataset

__all__ = ["Build", "FolderDataset", "KeyDataset", "ModelDataset", "StoreDataset"]
