"""Who watches a fold is told each epoch once, changes nothing, and may end it."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from osteon.learning import fit as loop
from osteon.learning.folds import train_fold
from osteon.learning.tasks import CHECKPOINT, is_finished
from osteon.learning.watching import WATCHED, worth


class Enough(Exception):
    """What a pruner raises."""


def test_each_epoch_is_told_once_and_the_last_is_what_the_fold_says(tasks) -> None:
    told: list[tuple[int, float]] = []
    (task, _) = tasks(training={"epochs": 3})
    result = train_fold(task, lambda *pair: told.append(pair))
    assert [epoch for epoch, _ in told] == [0, 1, 2]
    assert told[-1][1] == pytest.approx(roc_auc_score(result.labels, result.probabilities[:, 1]))
    assert [entry[WATCHED] for entry in result.history] == [value for _, value in told]
    again: list[tuple[int, float]] = []
    assert train_fold(task, lambda *pair: again.append(pair)).reused and again == told


def test_watching_changes_no_weight(tasks, tmp_path) -> None:
    (task, _) = tasks(dropout=0.2)
    watched = train_fold(replace(task, folder=tmp_path / "watched"), lambda *pair: None)
    alone = train_fold(task)
    assert watched.sha256 == alone.sha256
    assert WATCHED not in alone.history[0]


def test_nobody_watches_without_being_asked(tasks, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(loop, "validate", lambda *given: asked.append(given))
    train_fold(tasks()[0])
    assert not asked


def test_who_watches_may_end_the_fold_and_its_checkpoint_stays(tasks) -> None:
    (task, _) = tasks(training={"epochs": 4})
    told: list[tuple[int, float]] = []

    def until_second(epoch: int, value: float) -> None:
        told.append((epoch, value))
        if epoch == 1:
            raise Enough

    with pytest.raises(Enough):
        train_fold(task, until_second)
    assert (task.workspace / CHECKPOINT).is_file() and not is_finished(task.workspace)
    again: list[tuple[int, float]] = []
    result = train_fold(task, lambda *pair: again.append(pair))
    # Those of before the interruption are told again: a pruner decides as if there had been none.
    assert [epoch for epoch, _ in again] == [0, 1, 2, 3] and again[:2] == told
    assert result.resumed
    whole = train_fold(replace(task, folder=task.folder / "whole"), lambda *pair: None)
    assert whole.sha256 == result.sha256


def test_only_the_judged_cases_are_looked_at(tasks, monkeypatch) -> None:
    seen, honest = [], loop.validate

    def watched(network, objective, cases, index, *rest):
        seen.append(index.tolist())
        return honest(network, objective, cases, index, *rest)

    monkeypatch.setattr(loop, "validate", watched)
    (task, _) = tasks(training={"epochs": 2})
    train_fold(task, lambda *pair: None)
    assert seen == [task.test.tolist()] * 2


def test_without_an_auroc_the_loss_is_told_turned_over(tasks) -> None:
    (task, _) = tasks(training={"epochs": 1})
    alike = np.ones_like(task.cases.labels)
    task = replace(task, cases=replace(task.cases, labels=alike))
    told: list[tuple[int, float]] = []
    train_fold(task, lambda *pair: told.append(pair))
    assert told[0][1] < 0


def test_worth_is_a_number_or_nothing() -> None:
    assert worth(0.3, 0.9) == 0.9 and worth(0.3, None) == -0.3
    with pytest.raises(FloatingPointError, match="nan"):
        worth(float("nan"), None)


def test_devices_that_share_a_fold_are_not_watched(tasks) -> None:
    (task, _) = tasks(training={"device_count": 2})
    with pytest.raises(ValueError, match="device_count: 2 found"):
        train_fold(task, lambda *pair: None)
