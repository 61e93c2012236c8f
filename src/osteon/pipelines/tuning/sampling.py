"""What a trial tries: each slot of a study draws with a generator of its own.

So a study that was killed and continued one trial after the other draws what it would have drawn.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna import Study, Trial
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from osteon.recipes.tuning import Choices, Space, TuningConfig
from osteon.recipes.tuning_space import flat_dimensions


class SlotSampler(BaseSampler):
    """TPE or chance with the generator of one slot.

    What is drawn at random has a generator of each name too: a trial may be killed between two
    names, and keeps the first.
    """

    def __init__(self, tuning: TuningConfig, slot: int):
        self._seed = (tuning.seed, slot)
        self._tpe = None
        if tuning.sampler == "tpe":
            # Of trials that run elsewhere it assumes the worst (constant liar, its default).
            self._tpe = TPESampler(n_startup_trials=tuning.startup, seed=seed_of(*self._seed))

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """What TPE draws together."""
        return self._tpe.infer_relative_search_space(study, trial) if self._tpe else {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing before TPE has begun."""
        return self._tpe.sample_relative(study, trial, search_space) if self._tpe else {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """One name at random."""
        chance = RandomSampler(seed=seed_of(*self._seed, zlib.crc32(param_name.encode())))
        return chance.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """Nothing: the next trial has a sampler of its own."""


def seed_of(*parts: int) -> int:
    """One seed of several numbers, far from those of their neighbours."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def pruner_of(tuning: TuningConfig) -> BasePruner:
    """When a trial is given up, see `PrunerConfig`."""
    pruner = tuning.pruner
    if pruner.kind == "median":
        return MedianPruner(n_startup_trials=pruner.startup, n_warmup_steps=pruner.warmup)
    if pruner.kind == "hyperband":
        return HyperbandPruner(min_resource=max(1, pruner.warmup), bootstrap_count=0)
    return NopPruner()


def draw(trial: Trial, space: Space) -> Mapping[str, Any]:
    """Draw a trial's parameters, by flat name; `values_of` makes values of them."""
    drawn: dict[str, Any] = {}
    for name, dimension in flat_dimensions(space).items():
        if isinstance(dimension, Choices):
            drawn[name] = trial.suggest_categorical(name, dimension.labels)
        elif dimension.whole:
            low, high, step = int(dimension.low), int(dimension.high), int(dimension.step or 1)
            drawn[name] = trial.suggest_int(name, low, high, step=step, log=dimension.log)
        else:
            drawn[name] = trial.suggest_float(
                name, dimension.low, dimension.high, step=dimension.step, log=dimension.log
            )
    return drawn
