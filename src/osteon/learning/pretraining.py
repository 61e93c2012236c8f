"""Pretraining in stages, each by the one fit loop: greedy layers of an auto-encoder, for instance.

A stage is a network that shares layers with the one that is trained afterwards. Each stage leaves a
checkpoint in the fold's folder until the fold is done: after a kill, finished stages are read and
the next goes on where it stood.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from osteon.learning.balance import in_epochs
from osteon.learning.batches import Cases
from osteon.learning.checkpoint import load_tensors
from osteon.learning.config import TrainingConfig
from osteon.learning.fit import fit
from osteon.learning.objectives import Objective
from osteon.learning.tasks import CHECKPOINT, stage_checkpoint


@dataclass(frozen=True)
class Stage:
    """One network to fit before the learner's own.

    Attributes:
        name: of the stage, part of a file's name.
        network: shares the layers to be pretrained with the learner's network; its parameters are
            what this stage changes.
        objective: its loss.
        config: of the loop; early stopping and balances that change the loss have no place here.

    Raises:
        ValueError: the name is no file's, or the configuration asks for what a stage has not.
    """

    name: str
    network: nn.Module
    objective: Objective
    config: TrainingConfig

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"name is {self.name!r}; allowed are letters, digits and underscores")
        if self.config.early_stop is not None:
            raise ValueError(f"stage {self.name}: early_stop is given; allowed is null")
        if self.config.balance not in ("none", "sampler"):
            found = self.config.balance
            raise ValueError(f"stage {self.name}: balance is {found}; allowed are none, sampler")


def pretrain(
    fabric: Fabric,
    stages: Sequence[Stage],
    cases: Cases,
    train: NDArray[np.int64],
    fold: int,
    workspace: Path,
) -> list[dict[str, Any]]:
    """Fit one stage after the other, in place.

    Where the learner's own checkpoint is there, which holds the pretrained layers, nothing is
    fitted and the stages' histories are read.

    Args:
        fabric: launched devices.
        stages: built together, before any is fitted; names differ.
        cases: where batches come from; labels are not looked at by an objective of no class.
        train: positions of the cases that are fitted.
        fold: number of the fold, part of every seed.
        workspace: the fold's folder.

    Returns:
        one entry an epoch of each stage: stage, and as `fit` gives it.

    Raises:
        ValueError: two stages have one name.
        FloatingPointError: a loss is no longer a number.
    """
    names = [stage.name for stage in stages]
    if len(set(names)) < len(names):
        raise ValueError(f"stages are named {names}; names must differ")
    history: list[dict[str, Any]] = []
    for stage in stages:
        checkpoint = stage_checkpoint(workspace, stage.name)
        if (workspace / CHECKPOINT).is_file() and checkpoint.is_file():
            entries = load_tensors(checkpoint)[1]["history"]
        else:
            entries = fit(
                fabric,
                stage.network,
                stage.objective,
                cases,
                train,
                in_epochs(stage.config, train),
                fold=fold,
                checkpoint=checkpoint,
            )
        history += [{"stage": stage.name} | entry for entry in entries]
    return history
