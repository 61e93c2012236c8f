"""Toy trials without a network, and studies of them in processes of their own."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import optuna

from osteon.pipelines.tuning.storing import open_store, study_location
from osteon.pipelines.tuning.studying import Outcome, Plan, finished, run_study
from osteon.recipes.parallel import ParallelConfig
from osteon.recipes.tuning import TuningConfig

NAME = "toy"
SPACE = {
    "size": {"low": 0.0, "high": 1.0},
    "depth": {"low": 1, "high": 5, "whole": True},
    "shape": {"choices": [[1, 2], [3]]},
    "weights": {"simplex": 3},
}
ALONE = ParallelConfig(backend="sequential")
PAIR = ParallelConfig(backend="loky", workers=2)
FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["tests.tuning_toys"])  # imported once, for all processes


@dataclass(frozen=True)
class Toy:
    """Three steps towards a value; each call leaves a line in `log`.

    `bad` says what becomes of trials by number: a word of `_go_wrong`. With `meet` each call waits
    until so many processes have been called.
    """

    log: Path
    pause: float = 0.0
    meet: int = 1
    bad: tuple[tuple[int, str], ...] = ()

    def __call__(
        self, values: dict[str, Any], report: Callable[[int, float], None], number: int
    ) -> Outcome:
        with self.log.open("a") as file:
            file.write(f"{number} {os.getpid()}\n")
        until(lambda: len(self.workers()) >= self.meet)
        self._go_wrong(dict(self.bad).get(number, ""))
        value = values["weights"][0] - (values["size"] - 0.3) ** 2 - 0.01 * values["depth"]
        for step in range(3):
            report(step, value + step)
            time.sleep(self.pause / 3)
        return Outcome(value, {"seen": number, "shape": values["shape"]})

    def workers(self) -> set[str]:
        return {line.split()[1] for line in self.log.read_text().splitlines() if " " in line}

    def _go_wrong(self, how: str) -> None:
        if how == "memory":
            raise MemoryError
        if how == "error":
            raise ValueError("no such network\nsecond line")
        if how == "nan":
            raise FloatingPointError("value: nan")
        if how == "die" or (how == "die once" and not self._died()):
            os.kill(os.getpid(), signal.SIGKILL)

    def _died(self) -> bool:
        flag = self.log.with_name("died")
        try:
            flag.touch(exist_ok=False)
        except FileExistsError:
            return True
        return False


def a_plan(folder: Path, storage: str | None = None, **settings: Any) -> Plan:
    toy = {name: settings.pop(name) for name in ("pause", "bad", "meet") if name in settings}
    first = settings.pop("first_values", None)
    given = {"trials": 6, "space": SPACE, "heartbeat": 1, "startup": 2} | settings
    tuning = TuningConfig.model_validate(given | {"storage": storage})
    place = study_location(storage, folder)
    return Plan(NAME, place, tuning, first, Toy(folder / "calls", **toy))


def study_of(plan: Plan) -> optuna.Study:
    store = open_store(plan.storage, plan.tuning.heartbeat)
    return optuna.load_study(study_name=plan.name, storage=store.storage)


def calls(plan: Plan) -> list[int]:
    """Numbers of the trials that were begun, one for each time."""
    log = plan.trialled.log
    return [int(line.split()[0]) for line in log.read_text().splitlines()] if log.exists() else []


def values(study: optuna.Study) -> list[tuple[Any, ...]]:
    return [
        (one.number, one.state.name, one.params, one.value, one.intermediate_values)
        for one in finished(study)
    ]


def begin(folder: Path, **options: Any) -> BaseProcess:
    """`run_study` of `a_plan` in a process of its own."""
    process = FRESH.Process(target=_study, args=(folder, options))
    process.start()
    return process


def _study(folder: Path, options: dict[str, Any]) -> None:
    run_study(a_plan(folder, **options), ALONE)


def until(condition: Callable[[], bool], *processes: BaseProcess) -> None:
    """Wait for a state, not for a time; no longer than there is a process that can bring it."""
    while not condition():
        ended = [one.exitcode for one in processes]
        assert not any(ended), f"ended with {ended}"
        # Once more: the state may have come between the two looks.
        assert not processes or None in ended or condition(), "all ended before the state came"
        time.sleep(0.02)


def kill(process: BaseProcess) -> None:
    process.kill()
    process.join()
