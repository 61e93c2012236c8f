"""Classes of unequal size: weighed, drawn evenly or filled up, with training cases only."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.learning.batches import Augment, Batch, Cases, plan_epoch
from osteon.learning.config import Balance, TrainingConfig
from osteon.learning.objectives import Objective, Weighted, balanced_weights
from osteon.learning.patches import PatchCases, WeightedPatches

TURNS = 8
"""Symmetries of the square: four right angles, each as it is and mirrored; 0 changes nothing."""


class Training(NamedTuple):
    """What the fit loop is given."""

    cases: Cases
    train: NDArray[np.int64]
    objective: Objective
    config: TrainingConfig


def prepare_training(
    cases: Cases,
    train: NDArray[np.int64],
    objective: Objective,
    config: TrainingConfig,
    seed: Sequence[int],
) -> Training:
    """Expand the cases, apply `config.balance`, and turn `config.steps` into epochs.

    Cases that have `expand(train, seed)` are fitted as what it gives: slices as their patches, of
    which `balance` and `steps` then speak.

    Args:
        cases: the cohort.
        train: positions of the cases that are fitted; copies are made of no other.
        objective: the loss.
        config: of the loop.
        seed: for instance (seed, fold).

    Raises:
        ValueError: the cases cannot be balanced so, or not be expanded.
    """
    cases = cases.in_training()
    expand = getattr(cases, "expand", None)
    if expand is not None:
        cases, train = expand(train, seed)
    check_balance(cases, config.balance)
    labels = cases.labels[train]
    if config.balance == "class_weight":
        weighted = WeightedPatches if isinstance(cases, PatchCases) else Weighted
        objective = weighted(objective, balanced_weights(labels))
    if config.balance == "offline":
        train = np.concatenate([train, copies(train, labels, len(cases.labels), seed)])
        cases = TurnedCopies(cases)
    return Training(cases, train, objective, in_epochs(config, train))


def check_balance(cases: Cases, balance: str) -> None:
    """Refuse a balance that the cases cannot have.

    Args:
        cases: may have `refused_balance`, from a value of `balance` to the reason.
        balance: as in `TrainingConfig`.

    Raises:
        ValueError: it is refused.
    """
    refused = getattr(cases, "refused_balance", {})
    if balance in refused:
        allowed = [way for way in get_args(Balance) if way not in refused]
        raise ValueError(
            f"balance is {balance}: {refused[balance]}; allowed are {', '.join(allowed)}"
        )


def in_epochs(config: TrainingConfig, train: NDArray[np.int64]) -> TrainingConfig:
    """The same with `steps`, if given, as the number of epochs that has at least so many.

    Args:
        config: of the loop.
        train: positions of the cases that are fitted.
    """
    if config.steps is None:
        return config
    plan = plan_epoch(train, config.batch, config.micro_batch, (0,))
    return config.model_copy(update={"epochs": math.ceil(config.steps / len(plan))})


def drawn_evenly(
    train: NDArray[np.int64], labels: NDArray[np.int64], seed: Sequence[int]
) -> NDArray[np.int64]:
    """As many cases as `train` has, drawn with replacement, each class as likely as any other.

    Args:
        train: positions; labels: of all cases; seed: for instance (seed, fold, epoch).
    """
    own = labels[train]
    chance = np.array(balanced_weights(own))[own]
    rng = np.random.default_rng([*seed, 0xBA])
    return rng.choice(train, len(train), p=chance / chance.sum())


def copies(
    train: NDArray[np.int64], labels: NDArray[np.int64], cases: int, seed: Sequence[int]
) -> NDArray[np.int64]:
    """Positions of turned copies that bring every class up to the size of the largest.

    Args:
        train: positions of the training cases.
        labels: theirs.
        cases: number of all cases.
        seed: for instance (seed, fold).

    Returns:
        positions as `TurnedCopies` reads them: case + cases · turn, turn from 1 to 7. A class's
        cases are copied in turn, so that none is copied twice before all are copied once.
    """
    rng = np.random.default_rng([*seed, 0xC0])
    made = [np.empty(0, np.int64)]
    largest = np.bincount(labels).max()
    for label in np.unique(labels):
        own = rng.permutation(train[labels == label])
        chosen = np.resize(own, largest - len(own))
        made.append(chosen + cases * rng.integers(1, TURNS, len(chosen)))
    return np.concatenate(made)


@dataclass(frozen=True)
class TurnedCopies:
    """Cases, and after them each case again in the seven other symmetries of the square.

    Position p stands for case p mod N in turn p div N: turn mod 4 right angles, and mirrored first
    from turn 4 on.
    """

    inner: Cases

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers of all positions."""
        return np.tile(self.inner.labels, TURNS)

    @property
    def patients(self) -> NDArray[Any]:
        """Patients of all positions."""
        return np.tile(self.inner.patients, TURNS)

    @property
    def samples(self) -> NDArray[Any]:
        """Names of all positions; copies bear the name of what they were made from."""
        return np.tile(self.inner.samples, TURNS)

    def with_labels(self, labels: NDArray[np.int64]) -> "TurnedCopies":
        """The same copies with other labels, one for each of the inner cases."""
        return TurnedCopies(self.inner.with_labels(labels))

    def in_training(self) -> "TurnedCopies":
        """Copies of the cases as training meets them."""
        return TurnedCopies(self.inner.in_training())

    def content(self) -> Iterator[bytes]:
        """As the inner cases."""
        return self.inner.content()

    def read(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """As the inner cases, images turned."""
        turns, own = np.divmod(index, len(self.inner.labels))
        images, *others = self.inner.read(own)
        turned = [turn_image(image, int(turn)) for image, turn in zip(images, turns, strict=True)]
        return (torch.stack(turned), *others)

    def place(
        self, tensors: tuple[Tensor, ...], device: torch.device, augment: Augment | None = None
    ) -> Batch:
        """As the inner cases."""
        return self.inner.place(tensors, device, augment)


def turn_image(image: Tensor, turn: int) -> Tensor:
    """One image, H × W or H × W × 3 with H = W, in symmetry `turn` of the square (0 to 7)."""
    if turn >= 4:
        image = image.flip(1)
    return image.rot90(turn % 4, (0, 1))
