"""One trial on networks: the inner folds of the training part, watched epoch by epoch.

Whatever can be tuned so, the image rows and the segmentation row, is a `Tunable`: it says which
folds a setting trains and what the folds say of each patient. The rest is written once, here.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from osteon.pipelines.tuning.seen import SEEN, asked_of, told_by, write_seen
from osteon.recipes import Recipe

if TYPE_CHECKING:
    from osteon.learning.tasks import FoldResult, FoldTask
    from osteon.measures.tuning import Objective
    from osteon.pipelines.tuning.studying import Outcome

TRIALS = "trials"
"""Folder of the running trials in a study's own folder."""
LOCK = "lock"
"""File in the folder of a fold that is being trained."""
Report = Callable[[int, float], None]


class Tunable(Protocol):
    """A row on some samples and some folds of them; it travels to other processes by pickle.

    Over the inner folds it serves the trials; over the division into training part and outer part
    it serves the one look at the outer part.
    """

    @property
    def samples(self) -> pd.DataFrame:
        """The samples, with `sample_id`, `patient_id` and `row`, their place in the image store."""
        ...

    @property
    def splits(self) -> pd.DataFrame:
        """Their folds."""
        ...

    @property
    def recipe(self) -> Recipe:
        """Of the row, as configured."""
        ...

    @property
    def learner(self) -> Any:
        """What the tuned learner has of its own, as configured."""
        ...

    def full(self, values: Mapping[str, Any], seed: int | None = None) -> Any:
        """The whole recipe of the learner with these values, and nothing trained.

        Args:
            values: path → value, over the configuration as it is; none = the configuration.
            seed: of training, in place of the recipe's own.

        Raises:
            ValueError: (pydantic's too) the values make no recipe.
        """
        ...

    def folds(
        self, values: Mapping[str, Any], workspace: Path, seed: int | None = None
    ) -> "list[FoldTask]":
        """One task a fold, as `osteon.learning.folds.fold_tasks` makes them.

        Args:
            values: as for `full`.
            workspace: the folder that `fold_tasks` is given as `work`; others stand beside it.
                Folds that no value changes may lie there, for all trials: the first trains them.
            seed: of training, in place of the recipe's own.
        """
        ...

    def patients(self, results: "Sequence[FoldResult]", values: Mapping[str, Any]) -> pd.DataFrame:
        """One row a judged patient: patient_id, label, fold, and score or dice.

        `label` is the number of the class (of segmentation 1 with a lesion, else 0), `score` the
        last class's probability in [0, 1]; with more than two classes all stand in `prob_0`, ....

        Args:
            results: of the tasks of `folds`.
            values: the same that `folds` was given.
        """
        ...


@dataclass(frozen=True)
class NetworkTrial:
    """A trial that trains the inner folds, one after the other.

    Attributes:
        tunable: on the samples of the training part alone.
        objective: what is maximised, over the patients of all inner folds together.
        workspace: the study's own folder.
    """

    tunable: Tunable
    objective: "Objective"
    workspace: Path

    def __call__(self, values: dict[str, Any], report: Report, number: int) -> "Outcome":
        """Train and judge one setting.

        Args:
            values: path → value.
            report: is told every epoch of every inner fold, and ends the trial by an exception.
            number: of the trial, the same when a killed one is taken up: its folder is
                `trials/trial-<number>`, which goes when the trial ends, however it does, and
                stays when the process is killed.
        """
        folder = self.workspace / TRIALS / f"trial-{number}"
        try:
            outcome = self._judge(values, report, folder)
        except Exception:  # pruned or failed; an interrupt from the keyboard is none and keeps it
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
        return outcome

    def _judge(self, values: dict[str, Any], report: Report, folder: Path) -> "Outcome":
        from osteon.learning.folds import train_fold
        from osteon.learning.workers import keep_worker
        from osteon.measures.tuning import judged, score
        from osteon.pipelines.tuning.studying import Outcome

        keep_worker()
        tasks = self.tunable.folds(values, folder)
        write_seen(self.workspace / SEEN, asked_of(tasks))
        results: list[FoldResult] = []
        following = 0
        for place, task in enumerate(tasks):
            # Aligned, so that trials are compared at the same epoch of the same fold.
            first = max(following, place * task.recipe.resolved_training().epochs)
            with _only_one(task):
                results.append(train_fold(task, partial(_tell, report, first)))
            following = first + len(results[-1].history)
        patients = self.tunable.patients(results, values)
        value = score(patients, self.objective)
        folds = [score(part, self.objective) for _, part in patients.groupby("fold")]
        facts = {
            "seconds": sum(result.seconds for result in results),
            "epochs": sum(len(result.history) for result in results),
            "seen": write_seen(self.workspace / SEEN, told_by(results)),
            "fold_values": [one if one == one else None for one in folds],
            "inner": judged(patients, self.objective),
        }
        return Outcome(value, facts)


@contextmanager
def _only_one(task: "FoldTask") -> Iterator[None]:
    """Where trials share a fold the first that comes trains it; the others wait and read it.

    A process that dies lets go of the lock, and the next goes on from its checkpoint.
    """
    from osteon.pipelines.tuning.living import locked

    task.workspace.mkdir(parents=True, exist_ok=True)
    with locked(task.workspace / LOCK):
        yield


def _tell(report: Report, first: int, epoch: int, value: float) -> None:
    report(first + epoch, value)
