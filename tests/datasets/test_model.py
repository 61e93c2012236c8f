import json
from pathlib import Path

import pytest
from kedro.io import DatasetError, Version

from osteon.datasets import Build, ModelDataset
from osteon.recipes.artefact import SkippedLearner


def _skip(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "skipped.json").write_text(json.dumps({"skipped": "no patient has ALP"}))


def _dataset(folder: Path) -> ModelDataset:
    return ModelDataset(str(folder), Version(None, None))


def test_a_skipped_learner_is_loaded_with_its_reason(tmp_path: Path) -> None:
    dataset = _dataset(tmp_path / "model")
    dataset.save(Build("", _skip))
    assert dataset.exists()
    assert dataset.load() == SkippedLearner("no patient has ALP")


def test_a_model_that_was_never_saved_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        _dataset(tmp_path / "model").load()


def test_a_damaged_artefact_is_an_error_and_no_skipped_learner(tmp_path: Path) -> None:
    dataset = _dataset(tmp_path / "model")
    dataset.save(Build("", lambda folder: folder.mkdir(parents=True)))
    with pytest.raises(DatasetError, match=r"holds no model\.json"):
        dataset.load()
