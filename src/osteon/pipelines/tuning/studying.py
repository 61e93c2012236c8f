"""The engine of a study: so many trials, at any number of processes, killed at any moment.

It knows nothing of networks. What a trial does is a `Trialled`; where trials run says
`ParallelConfig`; where they are kept says `Plan.storage`. A study has `tuning.trials` slots, and
each is finished once: complete, pruned, or failed by its own error.
"""

import json
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import optuna
from optuna import Study, TrialPruned
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from osteon.pipelines.tuning.pooling import Pool, PoolBroken, pool_of
from osteon.pipelines.tuning.queueing import (
    ERROR,
    by_slot,
    claimed,
    close_surplus,
    left,
    reclaim,
)
from osteon.pipelines.tuning.reaching import at_storage, in_reach
from osteon.pipelines.tuning.sampling import SlotSampler, draw, pruner_of
from osteon.pipelines.tuning.storing import Store, open_store
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.tuning import TuningConfig, values_of

logger = logging.getLogger(__name__)

POLL = 0.5
"""Seconds between two looks at trials that run elsewhere."""
NAME = "begun_as"
SETTINGS = {"space", "objective", "held_out", "inner", "sampler", "seed"}
"""What a study is begun with and may not change: its trials would not be comparable."""


class StudyChanged(ValueError):
    """A study of that name was begun with other settings; names them."""


@dataclass(frozen=True)
class Outcome:
    """What a trial found.

    Attributes:
        value: that is maximised.
        facts: for people, JSON; the trial's user attributes.
    """

    value: float
    facts: dict[str, Any]


class Trialled(Protocol):
    """What is tried; it travels to other processes by pickle."""

    def __call__(
        self, values: dict[str, Any], report: Callable[[int, float], None], number: int
    ) -> Outcome:
        """Try one setting.

        Args:
            values: by path, as from `values_of`.
            report: takes step and value; raises `optuna.TrialPruned` when the trial is given up.
            number: of the trial; the same when a killed trial is begun again.

        Raises:
            Exception: any; the trial has failed, and the study goes on.
        """
        ...


@dataclass(frozen=True)
class Plan:
    """A study.

    Attributes:
        name: in its storage.
        storage: where it is kept, as from `storing.study_location`.
        tuning: its configuration.
        first: parameters of the first trial by flat name, as from `drawn_from`; those that are
            absent are drawn; None = all are.
        trialled: what is tried.
    """

    name: str
    storage: str
    tuning: TuningConfig
    first: dict[str, Any] | None
    trialled: Trialled


def run_study(plan: Plan, parallel: ParallelConfig) -> Study:
    """Run a study, or what is left of it, alone or beside others at the same storage.

    Args:
        plan: the study.
        parallel: where its trials run.

    Returns:
        the study, all of whose slots are finished; see `finished`.

    Raises:
        StudyChanged: the storage holds a study of that name with other settings.
        PoolBroken: worker processes die before a trial can begin.
        StorageAway: the storage is out of reach; trials under way wait again.
    """
    with in_reach(plan.storage):
        store = open_store(plan.storage, plan.tuning.heartbeat)
        study = _begin_study(plan, store)
        if left(study, plan.tuning.trials)[0]:
            _await_dead(plan, store, study)
            with pool_of(parallel) as pool:
                _fill(plan, store, study, pool)
        close_surplus(store, study)
    return study


def finished(study: Study) -> list[FrozenTrial]:
    """The finished trial of each slot, in the order of the slots."""
    return [trial for trial in by_slot(study).values() if trial.state.is_finished()]


def name_of(study: Study) -> str:
    """The name that a study was begun under: a copy in a catalog has another of its own."""
    return str(study.user_attrs.get(NAME, study.study_name))


def take_one(plan: Plan) -> int | None:
    """Begin and finish the next trial that waits.

    Returns:
        its number, or None where none waits.

    Raises:
        StorageAway: the storage is out of reach; the trial waits again.
    """
    with in_reach(plan.storage):
        return _take_one(plan)


def _take_one(plan: Plan) -> int | None:
    store = open_store(plan.storage, plan.tuning.heartbeat)
    study = _load(plan, store)
    with claimed(store, study, plan.tuning.trials, plan.first) as trial:
        if trial is None:
            return None
        study.sampler = SlotSampler(plan.tuning, trial.user_attrs["slot"])
        try:
            answer = _attempt(plan, study, trial)
        except BaseException:
            # Stopped by hand, or the storage is out of reach: it is nobody's fault and waits again.
            with suppress(Exception):
                store.storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
            raise
        _settle(store, study, trial, *answer)
        return trial.number


def _begin_study(plan: Plan, store: Store) -> Study:
    """Create the study, or find it with the same settings."""
    tuning = plan.tuning
    if plan.name not in optuna.get_all_study_names(store.storage):
        optuna.create_study(
            storage=store.storage,
            study_name=plan.name,
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(),
            load_if_exists=True,
        )
    study = _load(plan, store)
    settings = json.loads(tuning.model_dump_json(include=SETTINGS))
    earlier = study.user_attrs.get("settings")
    if earlier is None:
        study.set_user_attr(NAME, plan.name)
        study.set_user_attr("settings", settings)
    elif earlier != settings:
        other = ", ".join(name for name in sorted(SETTINGS) if earlier.get(name) != settings[name])
        raise StudyChanged(
            f"{other}: differs from what study {plan.name} was begun with; allowed are the same "
            "settings, another storage, or a new study once the old one is deleted"
        )
    return study


def _load(plan: Plan, store: Store) -> Study:
    return optuna.load_study(
        study_name=plan.name,
        storage=store.storage,
        sampler=optuna.samplers.RandomSampler(),  # each trial is given its own
        pruner=pruner_of(plan.tuning),
    )


def _await_dead(plan: Plan, store: Store, study: Study) -> None:
    """Wait until trials that died with an earlier run are known to be dead.

    They come next, as if nothing had happened. If others finish trials meanwhile there is no order
    to keep, and nothing to wait for.
    """
    retries, trials = plan.tuning.retries, plan.tuning.trials
    reclaim(store, study, retries)
    before, running, _ = left(study, trials)
    if running:
        logger.info("%d trials run, here or elsewhere: looking for signs of life", running)
    start = time.monotonic()
    while running and time.monotonic() - start < store.life.patience:
        time.sleep(POLL)
        reclaim(store, study, retries)
        now, running, _ = left(study, trials)
        if now < before:
            return


def _fill(plan: Plan, store: Store, study: Study, pool: Pool) -> None:
    """Run trials until each slot is finished, here or elsewhere."""
    trials, retries = plan.tuning.trials, plan.tuning.retries
    broken, best = 0, trials
    while True:
        reclaim(store, study, retries)
        close_surplus(store, study)
        open_slots, running, again = left(study, trials)
        if open_slots < best:
            broken, best = 0, open_slots
        if not open_slots:
            return
        if open_slots == running:
            time.sleep(POLL)
            continue
        try:
            # After a breakdown one at a time, so that the guilty trial takes no others with it.
            pool.run(take_one, plan, 1 if again and pool.falls_together else open_slots - running)
        except PoolBroken as error:
            broken += 1
            logger.warning("worker processes died (%s): continuing with new ones", error)
            if broken > retries + 3:
                raise


def _attempt(
    plan: Plan, study: Study, trial: FrozenTrial
) -> tuple[float | None, TrialState, dict[str, Any]]:
    """Value, state and user attributes of a trial."""
    live = optuna.Trial(study, trial._trial_id)

    def report(step: int, value: float) -> None:
        with at_storage():
            if step not in trial.intermediate_values:  # of the process that died: they are the same
                live.report(float(value), step)
            behind = live.should_prune()
        if behind:
            raise TrialPruned(f"behind at step {step}")

    try:
        with at_storage():
            drawn = draw(live, plan.tuning.space)
        values = values_of(plan.tuning.space, drawn)
        outcome = plan.trialled(values, report, trial.number)
        json.dumps(outcome.facts)
        value = float(outcome.value)
        if not math.isfinite(value):
            raise FloatingPointError(f"value: {value} found; allowed are finite numbers")
    except TrialPruned:
        return None, TrialState.PRUNED, {}
    except StorageInternalError:
        raise
    except Exception as error:
        return None, TrialState.FAIL, {ERROR: _one_line(error)}
    return value, TrialState.COMPLETE, outcome.facts


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:500]}" if lines else type(error).__name__


def _settle(
    store: Store,
    study: Study,
    trial: FrozenTrial,
    value: float | None,
    state: TrialState,
    facts: dict[str, Any],
) -> None:
    """Write down what a trial found, unless another process was faster."""
    with suppress(UpdateFinishedTrialError):
        # Thought dead, of a machine that slept, it may wait again: here is its answer already.
        store.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
        for name, fact in facts.items():
            store.storage.set_trial_user_attr(trial._trial_id, name, fact)
    study.tell(trial.number, value, state=state, skip_if_finished=True)
    shown = facts.get(ERROR) or state.name.lower() if value is None else f"{value:.4f}"
    logger.info("trial %d: %s", trial.number, shown)
