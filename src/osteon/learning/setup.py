"""What stands before the first step: devices, optimiser, seeds, frozen parts."""

from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import LBFGS, SGD, Adam, AdamW, Optimizer

from osteon.learning.batches import Cases, feed
from osteon.learning.config import TrainingConfig
from osteon.learning.scg import SCG
from osteon.networks.standardise import Standardise


def wants_gpu(config: TrainingConfig) -> bool:
    """Whether training will run on a GPU: asked for, or `auto` and there is one."""
    return config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())


def build_fabric(config: TrainingConfig) -> Fabric:
    """Devices, strategy and precision that the configuration asks for."""
    gpu = wants_gpu(config)
    if config.precision == "16-mixed" and not gpu:
        raise ValueError("precision is 16-mixed; without a GPU allowed are 32-true and bf16-mixed")
    strategy: Any = "auto"
    if config.device_count > 1:
        # Frozen parts receive no gradient, which plain DDP takes for an error. Forking is quick but
        # impossible once CUDA has started.
        strategy = DDPStrategy(
            start_method="spawn" if gpu else "fork",
            find_unused_parameters=bool(config.freeze_backbone_epochs),
        )
    return Fabric(
        accelerator="cuda" if gpu else "cpu",
        devices=config.device_count,
        strategy=strategy,
        precision=config.precision,
    )


def build_optimiser(network: nn.Module, config: TrainingConfig) -> Optimizer:
    """The configuration's optimiser over all parameters; those without a gradient are left alone.

    Of SCG and L-BFGS the fit loop adds the L2 penalty to the loss, which they look at.
    """
    values, decay = network.parameters(), config.weight_decay
    if config.optimiser == "sgd":
        return SGD(
            values,
            config.lr,
            momentum=config.momentum,
            nesterov=config.nesterov,
            weight_decay=decay,
        )
    if config.optimiser == "scg":
        return SCG(values)
    if config.optimiser == "lbfgs":
        return LBFGS(values, config.lr, line_search_fn="strong_wolfe")
    kind = Adam if config.optimiser == "adam" else AdamW
    return kind(values, config.lr, betas=(config.momentum, 0.999), weight_decay=decay)


def check_full_batch(config: TrainingConfig, cases: int) -> None:
    """Refuse an optimiser that takes all cases in one step where a step does not see them all.

    Raises:
        ValueError: `config.batch` is smaller than the number of training cases.
    """
    if config.full_batch and config.batch < cases:
        raise ValueError(
            f"batch is {config.batch} with optimiser {config.optimiser}, which takes all {cases} "
            f"training cases in one step; allowed is {cases} or more"
        )


@torch.no_grad()
def add_decay(network: nn.Module, decay: float) -> Tensor | float:
    """Add an L2 penalty's gradient to the gradients that there are.

    Args:
        network: after a backward pass.
        decay: of each weight, per unit of it.

    Returns:
        the penalty, decay / 2 · the sum of squares, a float64 scalar.
    """
    total: Tensor | float = 0.0
    for one in network.parameters() if decay else ():
        if one.grad is not None:
            one.grad.add_(one, alpha=decay)
            total = total + one.double().square().sum() * (decay / 2)
    return total


def seed_torch(*numbers: int) -> None:
    """Seed torch from several whole numbers, so that neighbouring ones do not share a stream."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1))


def set_frozen(network: nn.Module, frozen: bool) -> None:
    """Stop or free the network's `pretrained_parts`: weights and running statistics alike."""
    for name in getattr(network, "pretrained_parts", ()):
        part = network.get_submodule(name).requires_grad_(not frozen)
        if frozen:
            part.eval()


@torch.no_grad()
def standardise(network: nn.Module, cases: Cases, train: NDArray[np.int64]) -> None:
    """Give the network's `Standardise("fold")` the channels' mean and deviation of training cases.

    Args:
        network: changed in place; one without such a module is left alone.
        cases: whose image is a batch's first input, with values in [0, 1].
        train: positions of the cases that are fitted; no other is looked at.
    """
    waiting = [m for m in network.modules() if isinstance(m, Standardise) and m.mode == "fold"]
    if not waiting:
        return
    total = torch.zeros(2, len(waiting[0].mean), dtype=torch.float64)
    pixels = 0
    parts = np.split(train, range(16, len(train), 16))
    for batch in feed(cases, parts, torch.device("cpu")):
        image = batch.inputs[0].double()
        total += torch.stack([image.sum((0, 2, 3)), (image**2).sum((0, 2, 3))])
        pixels += image[:, 0].numel()
    mean, square = total / pixels
    for module in waiting:
        module.set(mean, (square - mean**2).clamp(min=0).sqrt())
