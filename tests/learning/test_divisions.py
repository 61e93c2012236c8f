"""Divisions of a cohort into folds, and the tasks made from them."""

from pathlib import Path

import numpy as np
import pytest

from osteon.learning.folds import divisions, fold_tasks
from osteon.learning.tasks import Division
from tests.tiny_cohort import make_recipe


def test_divisions() -> None:
    fold = np.array([0, 1, 0, 2])
    cv = divisions(fold, np.array(["cv"] * 4))
    assert [(number, train.tolist(), test.tolist()) for number, train, test in cv] == [
        (0, [1, 3], [0, 2]), (1, [0, 2, 3], [1]), (2, [0, 1, 2], [3]),
    ]  # fmt: skip
    trained_only = divisions(np.array([0, -1, 1]), np.array(["cv"] * 3))
    assert [part.test.tolist() for part in trained_only] == [[0], [2]]
    assert [part.train.tolist() for part in trained_only] == [[1, 2], [0, 1]]
    (fixed,) = divisions(fold, np.array(["train", "test", "train", "train"]))
    assert (fixed.fold, fixed.train.tolist(), fixed.test.tolist()) == (0, [0, 2, 3], [1])


def test_a_fold_without_cases_does_not_shift_the_others(cases, tmp_path) -> None:
    fold = np.where(np.arange(48) < 24, 0, 2)
    parts = divisions(fold, np.array(["cv"] * 48))
    hashes = {"data_hash": "", "split_hash": "", "work": tmp_path}
    tasks = fold_tasks(make_recipe(), cases, parts, **hashes)
    assert [(task.fold, task.workspace.name) for task in tasks] == [(0, "fold0"), (2, "fold2")]
    renumbered = [part._replace(fold=number) for number, part in enumerate(parts)]
    assert fold_tasks(make_recipe(), cases, renumbered, **hashes)[0].folder != tasks[0].folder


def test_a_case_in_both_parts_is_refused(tmp_path: Path, cases) -> None:
    part = Division(3, np.array([0, 1]), np.array([1, 2]))
    hashes = {"data_hash": "", "split_hash": "", "work": tmp_path}
    with pytest.raises(ValueError, match="fold 3: 2 training and 2 test cases, 1 in both"):
        fold_tasks(make_recipe(), cases, [part], **hashes)
