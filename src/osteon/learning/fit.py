"""The one fit loop, on Lightning Fabric: a CPU, a GPU or several, in any precision.

All chance follows from (seed, fold, epoch): a resumed run ends with an uninterrupted one's weights.
"""

import math
import time
from collections.abc import Iterator
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
from osteon.learning.predict import validate
from osteon.learning.setup import build_optimiser, seed_torch, set_frozen


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

    Raises:
        FloatingPointError: the loss is no longer a number.
    """
    lay_out(network)
    model, optimiser = fabric.setup(network, build_optimiser(network, config))
    plain = cases if judged is None else judged
    run = _Run(fabric, network, model, optimiser, objective, cases, plain, config, fold)
    state = restore_state(checkpoint, network, optimiser.optimizer)
    fabric.strategy.precision.load_state_dict(state.scaler)
    quiet = None if fabric.global_rank == 0 else True  # None: no bar where nobody watches
    for epoch in tqdm(range(len(state.history), config.epochs), f"fold {fold}", disable=quiet):
        if config.early_stop and state.waited >= config.early_stop.patience:
            break
        entry = run.train_epoch(epoch, train)
        if validation is not None and len(validation):
            entry |= run.judge(validation, state)
        state.history.append(entry)
        state.scaler = fabric.strategy.precision.state_dict()
        if fabric.global_rank == 0:
            save_state(checkpoint, network, optimiser.optimizer, state)
        fabric.barrier()
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
        batches = feed(
            self.cases,
            (part for step in plan for part in step.parts),
            self.fabric.device,
            augmenting(config.augmentation),
        )
        sums = torch.zeros(2, dtype=torch.float64, device=self.fabric.device)
        for number, step in enumerate(plan, epoch * len(plan)):
            for group in self.optimiser.param_groups:
                group["lr"] = lr * config.warmth(number)
            sums += self._step(step, batches)
        total = torch.as_tensor(self.fabric.all_reduce(sums, reduce_op="sum"))
        loss, accuracy = (total / len(train)).tolist()
        if not math.isfinite(loss):
            raise FloatingPointError(f"fold {self.fold}, epoch {epoch}: loss is {loss}; lower lr")
        seconds = time.perf_counter() - started
        known = accuracy if math.isfinite(accuracy) else None
        entry = {"epoch": epoch, "lr": lr, "loss": loss, "accuracy": known}
        return entry | {"seconds": seconds, "images_per_second": len(train) / seconds}

    def _step(self, step: Step, batches: Iterator[Batch]) -> Tensor:
        """One optimiser step from several micro-batches; sums of loss and of right answers."""
        sums = torch.zeros(2, dtype=torch.float64, device=self.fabric.device)
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
            sums += torch.stack([loss.detach() * len(batch.target), right])
        if self.config.clip_norm is not None:
            self.fabric.clip_gradients(self.model, self.optimiser, max_norm=self.config.clip_norm)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return sums

    def judge(self, validation: NDArray[np.int64], state: TrainingState) -> dict[str, float | None]:
        """Loss and AUROC on held-back training patients; keeps the best weights in `state`."""
        at_once = min(64, self.config.micro_batch or self.config.batch)
        found = validate(
            self.network, self.objective, self.judged, validation, self.fabric.device, at_once
        )
        # Running statistics differ between processes: all follow what the first one sees.
        loss, auroc = self.fabric.broadcast(found)
        if state.best_loss is None or loss < state.best_loss:
            state.best = {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}
            state.best_loss, state.waited = loss, 0
        else:
            state.waited += 1
        return {"validation_loss": loss, "validation_auroc": auroc}
