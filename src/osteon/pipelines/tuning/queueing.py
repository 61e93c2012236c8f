"""The slots of a study: each is filled by one trial, whoever asks for it and whoever dies.

A slot is a trial with the user attribute `slot`. Few wait at a time, as Optuna reads all that wait
again and again. A trial whose process died waits again, under its number and with its parameters,
so that a study continued later is the study that was never stopped.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from osteon.pipelines.tuning.storing import Store

logger = logging.getLogger(__name__)

SLOT, SURPLUS, KILLED, REACHED, ERROR = "slot", "surplus", "killed", "reached", "error"
AT_ONCE = 4
"""Slots that are added when none waits."""


def by_slot(study: Study) -> dict[int, FrozenTrial]:
    """The trial of each slot that there is: of doubles the first, which no later one displaces."""
    return _by_slot(study.get_trials(deepcopy=False))


def _by_slot(trials: Sequence[FrozenTrial]) -> dict[int, FrozenTrial]:
    found: dict[int, FrozenTrial] = {}
    for trial in trials:
        slot = trial.user_attrs.get(SLOT)
        if slot is not None and not trial.user_attrs.get(SURPLUS):
            found.setdefault(slot, trial)
    return dict(sorted(found.items()))


def add_slots(store: Store, study: Study, trials: int, first: dict[str, Any] | None) -> bool:
    """Let the next few slots wait, if none does.

    Args:
        store: of the study.
        study: that is filled.
        trials: number of slots.
        first: parameters of slot 0, by flat name; the others are drawn.

    Returns:
        whether any slot waits now.
    """
    with store.turn():
        there = by_slot(study)
        if any(trial.state == TrialState.WAITING for trial in there.values()):
            return True
        missing = [slot for slot in range(trials) if slot not in there][:AT_ONCE]
        for slot in missing:
            study.enqueue_trial((first or {}) if slot == 0 else {}, user_attrs={SLOT: slot})
    return bool(missing)


@contextmanager
def claimed(
    store: Store, study: Study, trials: int, first: dict[str, Any] | None
) -> Iterator[FrozenTrial | None]:
    """Begin the next trial that waits, with signs of life while the block runs; None = none waits.

    Args:
        store: of the study.
        study: that is filled.
        trials: as for `add_slots`.
        first: as for `add_slots`.
    """
    while True:
        waiting = [one for one in by_slot(study).values() if one.state == TrialState.WAITING]
        # One that was begun before comes first: it may have ended a process, see `studying`.
        for trial in sorted(waiting, key=lambda one: KILLED not in one.user_attrs):
            with store.life.holding(study._study_id, trial) as held:
                if held and _begin(store, trial):
                    yield store.storage.get_trial(trial._trial_id)
                    return
        if not waiting and not add_slots(store, study, trials, first):
            break
    yield None


def reclaim(store: Store, study: Study, retries: int) -> int:
    """Let trials whose process died wait again; give up those to which it happened too often.

    Args:
        store: of the study.
        study: that is filled.
        retries: times that a trial is begun again.

    Returns:
        number of trials that were found dead.
    """
    found = 0
    for seen in _running(study):
        with store.life.dead(study._study_id, seen) as dead:
            trial = store.storage.get_trial(seen._trial_id)
            if dead and trial.state == TrialState.RUNNING:
                _bury(store, trial, retries)
                found += 1
    return found


def close_surplus(store: Store, study: Study) -> None:
    """End doubles of a slot, which machines at one server can make; none of them ever ran."""
    trials = study.get_trials(deepcopy=False)  # one look: another process may be adding slots
    kept = {trial.number for trial in _by_slot(trials).values()}
    for trial in trials:
        waits = trial.state == TrialState.WAITING and SLOT in trial.user_attrs
        if waits and trial.number not in kept:
            try:
                store.storage.set_trial_user_attr(trial._trial_id, SURPLUS, True)
                store.storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            except UpdateFinishedTrialError:
                logger.debug("trial %d: a double, closed by another process", trial.number)


def left(study: Study, trials: int) -> tuple[int, int, int]:
    """Slots of a study that are not finished, those of them that run, and that wait after a death.

    Args:
        study: that is filled.
        trials: number of slots.
    """
    there = {slot: one for slot, one in by_slot(study).items() if slot < trials}
    done = sum(one.state.is_finished() for one in there.values())
    running = sum(one.state == TrialState.RUNNING for one in there.values())
    again = [one for one in there.values() if one.state == TrialState.WAITING]
    return trials - done, running, sum(KILLED in one.user_attrs for one in again)


def _running(study: Study) -> Sequence[FrozenTrial]:
    return [one for one in by_slot(study).values() if one.state == TrialState.RUNNING]


def _begin(store: Store, trial: FrozenTrial) -> bool:
    """Whether it was this process that began the trial."""
    try:
        return store.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
    except UpdateFinishedTrialError:
        return False


def _bury(store: Store, trial: FrozenTrial, retries: int) -> None:
    storage, number = store.storage, trial._trial_id
    # Deaths in a row at the same place: a trial that each time came further is only interrupted.
    reached = -1 if trial.last_step is None else trial.last_step
    further = reached > trial.user_attrs.get(REACHED, -1)
    killed = 1 if further else trial.user_attrs.get(KILLED, 0) + 1
    try:
        storage.set_trial_user_attr(number, REACHED, reached)
        storage.set_trial_user_attr(number, KILLED, killed)
        if killed <= retries:
            logger.warning("trial %d: its process died, it waits again", trial.number)
            storage.set_trial_state_values(number, TrialState.WAITING)
        else:
            logger.warning("trial %d: its process died %d times, failed", trial.number, killed)
            storage.set_trial_user_attr(number, ERROR, f"its process died {killed} times")
            storage.set_trial_state_values(number, TrialState.FAIL)
    except UpdateFinishedTrialError:
        logger.debug("trial %d: finished after all", trial.number)
