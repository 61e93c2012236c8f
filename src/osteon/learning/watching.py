"""Somebody who is told, epoch by epoch, how the judged cases of a fold fare: a tuning trial.

Only where the judged cases are there to choose by, the inner folds of a study, may anybody watch.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Watch = Callable[[int, float], None]
"""Called with the number of an epoch and its value, the higher the better."""

WATCHED = "watched"
"""Key of that value in a history's entry."""


@dataclass(frozen=True)
class Onlooker:
    """One who watches a fold.

    Attributes:
        watch: is told each epoch once, in order, those before an interruption again first; what it
            raises ends the training, whose checkpoint stays.
        index: positions of the cases that are looked at.
    """

    watch: Watch
    index: NDArray[np.int64]

    def retell(self, history: Sequence[Mapping[str, float | None]]) -> None:
        """Tell epochs that were trained before; those that nobody watched are passed over."""
        for entry in history:
            value = entry.get(WATCHED)
            if value is not None:
                self.watch(int(entry["epoch"] or 0), value)


def worth(loss: float, auroc: float | None) -> float:
    """The AUROC where it is known, else the loss turned over: the higher the better.

    Raises:
        FloatingPointError: neither is a number.
    """
    value = -loss if auroc is None else auroc
    if not math.isfinite(value):
        raise FloatingPointError(f"loss of the watched cases is {loss}; lower lr")
    return value
