"""Weights and training state on disk: safetensors, written whole or not at all, never pickle."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

METADATA = "osteon"


@dataclass
class TrainingState:
    """What a resumed run must know beside weights and optimiser.

    Attributes:
        history: one entry a finished epoch.
        best: weights of the epoch with the lowest validation loss; empty without early stopping.
        best_loss: that loss.
        waited: epochs since then.
        scaler: state of the loss scaler of 16-bit training.
    """

    history: list[dict[str, float | None]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_loss: float | None = None
    waited: int = 0
    scaler: dict[str, Any] = field(default_factory=dict)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file by new content; after a kill or on a full disk the old file is still whole.

    Raises:
        OSError: it could not be written (the disk is full, say); nothing partial is left behind.
    """
    # In the same folder, because only a rename within one file system is atomic.
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames within a folder survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write tensors and JSON metadata as one safetensors file, atomically."""
    host = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(host, {METADATA: json.dumps(metadata)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of `save_tensors`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged or not a safetensors file; the message names it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    try:
        with safe_open(path, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            metadata = json.loads((stream.metadata() or {}).get(METADATA, "{}"))
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is damaged or not a safetensors file: {error}") from error
    return tensors, metadata


def save_state(path: Path, network: nn.Module, optimiser: Optimizer, state: TrainingState) -> None:
    """Write the whole training state after an epoch, atomically."""
    tensors = {f"network/{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in state.best.items()}
    plain: dict[int, dict[str, Any]] = {}
    for number, values in optimiser.state_dict()["state"].items():
        own, plain[number] = _divide(values)
        tensors |= {f"optimiser/{number}/{name}": value for name, value in own.items()}
    metadata = {
        "optimiser": plain,
        "history": state.history,
        "best_loss": state.best_loss,
        "waited": state.waited,
        "scaler": state.scaler,
    }
    save_tensors(path, tensors, metadata)


def restore_state(path: Path, network: nn.Module, optimiser: Optimizer) -> TrainingState:
    """Load what `save_state` wrote into network and optimiser; a fresh state if there is no file.

    Raises:
        ValueError: the file is damaged or belongs to another network.
    """
    if not path.is_file():
        return TrainingState()
    tensors, metadata = load_tensors(path)
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "optimiser": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = value
    try:
        network.load_state_dict(parts["network"])
    except RuntimeError as error:
        raise ValueError(f"{path} belongs to another network: {error}") from error
    slots = {int(number): values for number, values in metadata.pop("optimiser").items()}
    for name, stored in parts["optimiser"].items():
        number, slot, *place = name.split("/")
        # Copied: a file's tensors lie anywhere in memory, on which the last bit of a dot depends.
        value = stored.clone()
        if place:
            slots[int(number)][slot][int(place[0])] = value
        else:
            slots[int(number)][slot] = value
    optimiser.load_state_dict(
        {"state": slots, "param_groups": optimiser.state_dict()["param_groups"]}
    )
    return TrainingState(best=parts["best"], **metadata)


def _divide(values: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's values of one parameter as tensors and as what JSON can hold.

    A list, as L-BFGS has, becomes a list of None in the second, filled from `name/place` of the
    first.
    """
    tensors, plain = {}, {}
    for name, value in values.items():
        if isinstance(value, Tensor):
            tensors[name] = value
        elif isinstance(value, list):
            plain[name] = [None] * len(value)
            tensors |= {f"{name}/{k}": one for k, one in enumerate(value) if one is not None}
        else:
            plain[name] = value
    return tensors, plain


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill a network from a file of `save_tensors`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or belongs to another network.
    """
    tensors, _ = load_tensors(path)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path} belongs to another network: {error}") from error
