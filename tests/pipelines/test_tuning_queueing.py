"""Slots: begun again when a process died, unless on the spot too often; doubles are closed."""

from collections.abc import Sequence
from contextlib import contextmanager

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from osteon.pipelines.tuning.queueing import KILLED, SLOT, SURPLUS, close_surplus, reclaim
from osteon.pipelines.tuning.storing import Store


class Dead:
    """Whatever runs, its process has died."""

    patience = 0.0

    @contextmanager
    def dead(self, study, trial):
        yield True


def running() -> tuple[Store, optuna.Study]:
    """A study with one trial that runs."""
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial({}, user_attrs={SLOT: 0})
    study.ask()
    return Store(study._storage, Dead(), None), study


def die(store: Store, study: optuna.Study, step: int | None) -> TrialState:
    """The trial comes to a step and dies; what becomes of it, and it is begun again if it may."""
    (trial,) = study.get_trials(deepcopy=False)
    if step is not None:
        store.storage.set_trial_intermediate_value(trial._trial_id, step, 0.5)
    assert reclaim(store, study, retries=2) == 1
    (trial,) = study.get_trials(deepcopy=False)
    if trial.state == TrialState.WAITING:
        store.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
    return trial.state


def test_a_trial_that_kills_its_process_is_given_up() -> None:
    found = running()
    assert [die(*found, None) for _ in range(3)] == [TrialState.WAITING] * 2 + [TrialState.FAIL]


def test_a_trial_that_comes_further_each_time_is_never_given_up() -> None:
    store, study = running()
    assert {die(store, study, step) for step in range(6)} == {TrialState.WAITING}
    assert study.trials[0].user_attrs[KILLED] == 1
    assert [die(store, study, None) for _ in range(2)] == [TrialState.WAITING, TrialState.FAIL]


def test_slots_that_others_add_meanwhile_are_no_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(direction="maximize")
    look = study.get_trials

    def slow_look(**asked: object) -> Sequence[FrozenTrial]:
        seen = look(**asked)
        study.enqueue_trial({}, user_attrs={SLOT: len(look())})
        return seen

    monkeypatch.setattr(study, "get_trials", slow_look)
    close_surplus(Store(study._storage, Dead(), None), study)
    (added,) = look()
    assert added.state == TrialState.WAITING and SURPLUS not in added.user_attrs
