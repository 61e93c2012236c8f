"""The one fit loop, on Lightning Fabric: a CPU, a GPU or several, in any precision.

All chance follows from (seed, fold, epoch): a resumed run ends with an uninterrupted one's weights.
"""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from osteon.learning.augmentation import augmenting
from osteon.learning.balance import drawn_evenly
from osteon.learning.batches import Batch, Cases, Step, feed, plan_epoch
from osteon.learning.checkpoint import TrainingState, restore_state, save_state
from osteon.learning.config import TrainingConfig
from osteon.learning.objectives import Objective, further_losses
from osteon.learning.predict import at_once, validate
from osteon.learning.setup import (
    add_decay,
    build_optimiser,
    check_full_batch,
    seed_torch,
    set_frozen,
)
from osteon.learning.watching import WATCHED, Onlooker, worth


def fit(
    fabric: Fabric,
    network: nn.Module,
    objective: Objective,
    cases: Cases,
    train: NDArray[np.int64],
    config: TrainingConfig,
    *,
    fold: int,
    checkpoint: Path,
    validation: NDArray[np.int64] | None = None,
    judged: Cases | None = None,
    onlooker: Onlooker | None = None,
) -> list[dict[str, float | None]]:
    """Train `network` in place and return one entry an epoch.

    Args:
        fabric: launched devices.
        network: called as `network(*batch.inputs)`.
        objective: the loss.
        cases: where batches come from.
        train: positions of the cases that are fitted.
        config: `freeze_backbone_epochs` must be a number by now.
        fold: number of the fold, part of every seed.
        checkpoint: file that each epoch replaces; training goes on from it if it is there.
        validation: positions of training patients held back for early stopping, if any.
        judged: where their batches come from, free of training's chance; None = `cases`.
        onlooker: who is told how the cases that it names are judged after each epoch, if anybody.

    Raises:
        FloatingPointError: the loss is no longer a number.
        ValueError: the optimiser takes all cases in one step, and `config.batch` is smaller.
    """
    check_full_batch(config, len(train))
    lay_out(network)
    model, optimiser = fabric.setup(network, build_optimiser(network, config))
    plain = cases if judged is None else judged
    run = _Run(fabric, network, model, optimiser, objective, cases, plain, config, fold)
    state = restore_state(checkpoint, network, optimiser.optimizer)
    fabric.strategy.precision.load_state_dict(state.scaler)
    if onlooker is not None:
        onlooker.retell(state.history)
    quiet = None if fabric.global_rank == 0 else True  # None: no bar where nobody watches
    for epoch in tqdm(range(len(state.history), config.epochs), f"fold {fold}", disable=quiet):
        if config.early_stop and state.waited >= config.early_stop.patience:
            break
        entry = run.train_epoch(epoch, train)
        if validation is not None and len(validation):
            entry |= run.judge(validation, state)
        if onlooker is not None:
            entry[WATCHED] = worth(*run.look(onlooker.index))
        state.history.append(entry)
        state.scaler = fabric.strategy.precision.state_dict()
        if fabric.global_rank == 0:
            save_state(checkpoint, network, optimiser.optimizer, state)
        fabric.barrier()
        if onlooker is not None:  # after the checkpoint: an epoch that was told is never lost
            onlooker.retell([entry])
    set_frozen(network, False)
    if state.best:
        network.load_state_dict(state.best)
    return state.history


def lay_out(network: nn.Module) -> None:
    """Channels last, as the images come: else each step reorders them. 3D networks stay."""
    if all(one.ndim < 5 for one in network.parameters()):
        network.to(memory_format=torch.channels_last)


@dataclass(frozen=True)
class _Run:
    """What stays the same over all epochs of one fold."""

    fabric: Fabric
    network: nn.Module
    model: Any  # the same network, as Fabric wraps it
    optimiser: Any
    objective: Objective
    cases: Cases
    judged: Cases
    config: TrainingConfig
    fold: int

    def train_epoch(self, epoch: int, train: NDArray[np.int64]) -> dict[str, float | None]:
        """Every training case once; loss and accuracy are means as they were while learning."""
        started, config, lr = time.perf_counter(), self.config, self.config.learning_rate(epoch)
        rank, world, seed = (
            self.fabric.global_rank,
            self.fabric.world_size,
            (config.seed, self.fold),
        )
        seed_torch(*seed, epoch, rank)
        self.network.train()
        set_frozen(self.network, epoch < (config.freeze_backbone_epochs or 0))
        size, micro = config.batch, config.micro_batch
        if config.balance == "sampler":
            train = drawn_evenly(train, self.cases.labels, (*seed, epoch))
        plan = plan_epoch(train, size, micro, (*seed, epoch), rank=rank, world=world)
        batches = self._batches(part for step in plan for part in step.parts)
        sums = torch.zeros(2, dtype=torch.float64, device=self.fabric.device)
        for number, step in enumerate(plan, epoch * len(plan)):
            for group in self.optimiser.param_groups:
                group["lr"] = lr * config.warmth(number)
            sums += self._search(step, epoch) if config.full_batch else self._step(step, batches)
        total = torch.as_tensor(self.fabric.all_reduce(sums, reduce_op="sum"))
        loss, accuracy = (total / len(train)).tolist()
        if not math.isfinite(loss):
            raise FloatingPointError(f"fold {self.fold}, epoch {epoch}: loss is {loss}; lower lr")
        seconds = time.perf_counter() - started
        known = accuracy if math.isfinite(accuracy) else None
        entry = {"epoch": epoch, "lr": lr, "loss": loss, "accuracy": known}
        return entry | {"seconds": seconds, "images_per_second": len(train) / seconds}

    def _batches(self, parts: Iterable[NDArray[np.int64]]) -> Iterator[Batch]:
        return feed(self.cases, parts, self.fabric.device, augmenting(self.config.augmentation))

    def _step(self, step: Step, batches: Iterator[Batch]) -> Tensor:
        """One optimiser step from several micro-batches; sums of loss and of right answers."""
        sums = self._gradient(step, batches)[:2]
        if self.config.clip_norm is not None:
            self.fabric.clip_gradients(self.model, self.optimiser, max_norm=self.config.clip_norm)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return sums

    def _search(self, step: Step, epoch: int) -> Tensor:
        """A step of an optimiser that compares losses; sums as before the step."""
        found: list[Tensor] = []
        running = [one.clone() for one in self.network.buffers()]

        def closure() -> Tensor:
            # The same chance and running statistics each time: one function's losses are compared.
            seed_torch(self.config.seed, self.fold, epoch, self.fabric.global_rank)
            for one, before in zip(self.network.buffers(), running, strict=True):
                one.copy_(before)
            self.optimiser.zero_grad()
            sums = self._gradient(step, self._batches(step.parts))
            found.append(sums[:2])
            whole = torch.as_tensor(self.fabric.all_reduce(sums[2], reduce_op="sum"))
            return whole / step.size + add_decay(self.network, self.config.weight_decay)

        self.optimiser.step(closure)
        self.optimiser.zero_grad()
        return found[0]

    def _gradient(self, step: Step, batches: Iterator[Batch]) -> Tensor:
        """Gradients added up over the micro-batches of a step.

        Returns:
            sums of loss, of right answers, and of the loss with what the network adds to it.
        """
        sums = torch.zeros(3, dtype=torch.float64, device=self.fabric.device)
        for number in range(1, len(step.parts) + 1):
            batch = next(batches)
            last = number == len(step.parts)
            with nullcontext() if last else self.fabric.no_backward_sync(self.model):
                output = self.model(*batch.inputs)
                loss = self.objective.loss(output, batch.target)
                # Penalties steer the weights but stay out of the curve, so that curves of different
                # networks, and of training and validation, show the same quantity.
                whole = loss + further_losses(self.network, self.objective, batch.target)
                # DDP averages over processes: this makes it the mean over the step's cases.
                share = len(batch.target) * self.fabric.world_size / step.size
                self.fabric.backward(whole * share)
            right = self.objective.right(output.detach(), batch.target)
            count = len(batch.target)
            sums += torch.stack([loss.detach() * count, right, whole.detach() * count])
        return sums

    def judge(self, validation: NDArray[np.int64], state: TrainingState) -> dict[str, float | None]:
        """Loss and AUROC on held-back training patients; keeps the best weights in `state`."""
        loss, auroc = self.look(validation)
        if state.best_loss is None or loss < state.best_loss:
            state.best = {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}
            state.best_loss, state.waited = loss, 0
        else:
            state.waited += 1
        return {"validation_loss": loss, "validation_auroc": auroc}

    def look(self, index: NDArray[np.int64]) -> tuple[float, float | None]:
        """Loss and AUROC of cases that are not trained on, as the weights are now."""
        size = at_once(self.config, self.judged)
        found = validate(self.network, self.objective, self.judged, index, self.fabric.device, size)
        # Running statistics differ between processes: all follow what the first one sees.
        loss, auroc = self.fabric.broadcast(found)
        return loss, auroc
