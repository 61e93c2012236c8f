"""A working folder appears when asked for, with the permissions asked for."""

from pathlib import Path

import pytest
from kedro.io import DatasetError

from osteon.datasets import FolderDataset


def test_folder_is_made_on_load_and_kept_private(tmp_path: Path) -> None:
    folder = FolderDataset(str(tmp_path / "a" / "linkage"), mode="700").load()
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0


def test_folder_is_not_an_output(tmp_path: Path) -> None:
    with pytest.raises((DatasetError, NotImplementedError), match="saves nothing"):
        FolderDataset(str(tmp_path)).save(object())  # type: ignore[arg-type]
