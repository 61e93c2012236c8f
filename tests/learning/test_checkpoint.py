"""Atomic files: whole or not at all."""

import errno
import os
from pathlib import Path

import pytest
import torch

from osteon.learning.checkpoint import (
    TrainingState,
    load_tensors,
    load_weights,
    restore_state,
    save_state,
    save_tensors,
    write_atomically,
)
from tests.tiny_cohort import names


def test_what_is_written_is_read(tmp_path) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor(3, dtype=torch.int64)}
    save_tensors(tmp_path / "t.safetensors", tensors, {"loss": 0.1, "list": [1, None]})
    found, metadata = load_tensors(tmp_path / "t.safetensors")
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert metadata == {"loss": 0.1, "list": [1, None]}
    assert names(tmp_path) == ["t.safetensors"]


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, where) -> None:
    file = tmp_path / "file"
    write_atomically(file, b"old")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os if where == "fsync" else Path, where, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 100])
def test_damaged_files_are_named(tmp_path, content) -> None:
    file = tmp_path / "w.safetensors"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"w\.safetensors is damaged"):
        load_tensors(file)


def test_truncation_and_strangers_are_named(tmp_path) -> None:
    file = tmp_path / "w.safetensors"
    save_tensors(file, {"weight": torch.ones(2, 3)}, {})
    with pytest.raises(ValueError, match="belongs to another network"):
        load_weights(torch.nn.Linear(3, 2), file)
    network = torch.nn.Linear(3, 2)
    with pytest.raises(ValueError, match="belongs to another network"):
        restore_state(file, network, torch.optim.SGD(network.parameters()))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="damaged"):
        load_weights(network, file)
    with pytest.raises(FileNotFoundError, match="no weights at"):
        load_tensors(tmp_path / "absent")


def test_an_optimisers_numbers_and_lists_come_back_beside_its_tensors(tmp_path) -> None:
    network, file = torch.nn.Linear(3, 1), tmp_path / "c.safetensors"
    optimiser = torch.optim.LBFGS(network.parameters(), history_size=4, max_iter=3)
    x = torch.randn(8, 3)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = (network(x) - x[:, :1] * 2).square().mean()
        loss.backward()
        return loss

    for step in range(3):
        if step:
            optimiser.step(closure)
        save_state(file, network, optimiser, TrainingState())
        fresh = torch.optim.LBFGS(network.parameters(), history_size=4, max_iter=3)
        restore_state(file, network, fresh)
        ours, theirs = (one.state_dict()["state"] for one in (optimiser, fresh))
        assert flat(ours) == flat(theirs)


def flat(value: object) -> object:
    """The same with tensors as lists."""
    if isinstance(value, dict):
        return {name: flat(one) for name, one in value.items()}
    if isinstance(value, list):
        return [flat(one) for one in value]
    return value.tolist() if isinstance(value, torch.Tensor) else value
