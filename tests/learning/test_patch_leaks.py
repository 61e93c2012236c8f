"""What is judged, or held back for early stopping, reaches neither pretraining nor training."""

from pathlib import Path
from typing import Any

import numpy as np

from osteon.learning import folds
from osteon.learning.folds import train_fold
from osteon.learning.tasks import FoldResult
from tests.tiny_slices import Outliner, outlining_tasks, quick

STOPPED = Outliner(training=quick(early_stop={"patience": 2, "fraction": 0.3}))


def judged_changed(folder: Path, value: int) -> FoldResult:
    """A fold whose judged slices hold one value and one label throughout."""
    folder.mkdir()
    (task, _) = outlining_tasks(folder, STOPPED)
    rows = task.cases.rows[task.test]
    for name in ("images", "masks"):
        store = np.load(folder / f"{name}.npy")
        store[rows] = value
        np.save(folder / f"{name}.npy", store)
    return train_fold(task)


def test_weights_do_not_depend_on_what_is_judged(tmp_path) -> None:
    one, other = (judged_changed(tmp_path / str(value), value) for value in (0, 1))
    assert one.sha256 == other.sha256
    losses = [[entry["loss"] for entry in found.pretraining] for found in (one, other)]
    assert losses[0] == losses[1] and len(losses[0]) == 4


def test_patients_held_back_are_neither_pretrained_nor_fitted_on(tmp_path, monkeypatch) -> None:
    seen: dict[str, set[Any]] = {}

    def spied(name: str, place: int) -> None:
        true = getattr(folds, name)

        def spy(*given: Any, **named: Any) -> Any:
            cases, positions = given[place : place + 2]
            seen[name] = set(cases.patients[positions].tolist())
            return true(*given, **named)

        monkeypatch.setattr(folds, name, spy)

    spied("pretrain", 2)
    spied("fit", 3)
    (task, _) = outlining_tasks(tmp_path, STOPPED)
    result = train_fold(task)
    slices, patients = task.cases.samples.tolist(), task.cases.patients
    held_back = {patients[slices.index(name)] for name in result.held_back}
    judged = set(patients[task.test].tolist())
    assert held_back and judged
    assert set(seen) == {"pretrain", "fit"}
    for name, fitted in seen.items():
        assert fitted == set(patients.tolist()) - held_back - judged, name
