"""Artefacts: whole or not at all, checked when read."""

import errno
import hashlib
import json
import os
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from osteon.learning import artefact, checkpoint
from osteon.learning.artefact import read_artefact, write_artefact
from osteon.learning.checkpoint import save_tensors
from osteon.learning.tasks import FoldResult
from tests.tiny_cohort import names

CARD = {"recipe": {"kind": "late_fusion"}, "classes": ["a", "b"], "metrics": {"auroc": 0.7}}


def make_result(folder: Path, fold: int, value: float) -> FoldResult:
    weights = folder / f"trained{fold}-{value}.safetensors"
    save_tensors(weights, {"weight": torch.full((4096,), value)}, {})
    return FoldResult(
        fold=fold,
        test=np.arange(1),
        samples=["S"],
        labels=np.zeros(1, np.int64),
        probabilities=np.array([[0.5, 0.5]]),
        history=[{"epoch": 0, "loss": 1.0, "seconds": 1.0}],
        weights=weights,
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        train=np.arange(1, 2),
        fitted=["T"],
        fitted_labels=np.zeros(1, np.int64),
        fitted_probabilities=np.array([[0.5, 0.5]]),
        held_back=[],
        seconds=1.0,
        device="cpu",
        threads=1,
        parameters=4096,
        weights_origin="none: trained from scratch",
        code_digest="c0de",
        resumed=False,
        reused=False,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "learner"
    write_artefact(folder, [make_result(tmp_path, fold, 1.0) for fold in range(2)], CARD)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_folder_says_everything(saved) -> None:
    assert names(saved) == ["fold0.safetensors", "fold1.safetensors", "model.json"]
    card, files = read_artefact(saved)
    assert [file.name for file in files] == ["fold0.safetensors", "fold1.safetensors"]
    assert card["recipe"] == CARD["recipe"] and card["metrics"] == CARD["metrics"]
    assert set(card["packages"]) >= {"torch", "safetensors"}
    assert card["folds"][0]["weights_origin"] == "none: trained from scratch"
    assert card["osteon"] and card["code_digest"] == "c0de"


def test_folds_of_different_code_are_no_learner(tmp_path) -> None:
    results = [make_result(tmp_path, fold, 1.0) for fold in range(2)]
    results[1] = replace(results[1], code_digest="other")
    with pytest.raises(ValueError, match="folds of 2 versions of the code"):
        write_artefact(tmp_path / "models" / "learner", results, CARD)
    assert names(tmp_path / "models") == []


def skip(folder: Path, reason: str) -> None:
    folder.mkdir(parents=True)
    (folder / "skipped.json").write_text(json.dumps({"skipped": reason}))


def test_the_newest_version_is_read_from_the_folder_above(tmp_path, saved, caplog) -> None:
    versions = tmp_path / "learner" / "model"
    for number, version in enumerate(["2026-01-02T09", "2026-01-10T08", "2026-01-01T10"]):
        write_artefact(
            versions / version / "model", [make_result(tmp_path, number, 1.0)], {"n": number}
        )
    (versions / "2026-02-01T00" / ".model.partial").mkdir(parents=True)  # killed while writing
    card, files = read_artefact(versions)
    assert card["n"] == 1
    assert files == [versions / "2026-01-10T08" / "model" / "fold1.safetensors"]
    assert read_artefact(versions / "2026-01-01T10" / "model")[0]["n"] == 2
    assert not caplog.records
    skip(versions / "2026-03-01T00" / "model", "no labs")
    assert read_artefact(versions)[0]["n"] == 1
    assert "though in a later run the learner was skipped, because no labs" in caplog.text


def test_a_skipped_learner_says_why(tmp_path) -> None:
    skip(tmp_path / "model" / "2026-01-01" / "model", "no LDH")
    skip(tmp_path / "model" / "2026-01-02" / "model", "no ALP")
    for folder in (tmp_path / "model", tmp_path / "model" / "2026-01-02" / "model"):
        with pytest.raises(FileNotFoundError, match=r"the learner was skipped, because no ALP"):
            read_artefact(folder)


def test_a_new_version_replaces_the_old_one_whole(tmp_path, saved) -> None:
    write_artefact(saved, [make_result(tmp_path, 0, 2.0)], CARD)
    assert names(saved) == ["fold0.safetensors", "model.json"]
    assert names(saved.parent) == ["learner"]


@pytest.mark.parametrize("call", range(1, 7))
def test_a_full_disk_leaves_the_previous_version(tmp_path, saved, monkeypatch, call) -> None:
    before, results = content(saved), [make_result(tmp_path, fold, 2.0) for fold in range(2)]
    real, calls = os.fsync, [0]

    def full(handle: int) -> None:
        calls[0] += 1
        if calls[0] == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_artefact(saved, results, CARD)
    monkeypatch.undo()
    assert names(saved.parent) == ["learner"]
    assert content(saved) == before
    read_artefact(saved)


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_rename_leaves_the_previous_version(tmp_path, saved, monkeypatch, failing) -> None:
    before, results = content(saved), [make_result(tmp_path, 0, 2.0)]
    real, calls = Path.rename, [0]

    def refuse(self: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == failing:
            raise OSError(errno.EIO, "broken disk")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="broken disk"):
        write_artefact(saved, results, CARD)
    monkeypatch.undo()
    assert names(saved.parent) == ["learner"]
    assert content(saved) == before


def test_a_real_limit_on_file_size_leaves_the_previous_version(tmp_path, saved) -> None:
    before, results = content(saved), [make_result(tmp_path, fold, 2.0) for fold in range(2)]
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        try:
            write_artefact(saved, results, CARD)
        except OSError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert names(saved.parent) == ["learner"]
    assert content(saved) == before


def test_a_kill_between_the_renames_loses_nothing(saved) -> None:
    before = content(saved)
    saved.rename(saved.with_name(".learner.previous"))
    read_artefact(saved)
    assert content(saved) == before
    assert names(saved.parent) == ["learner"]


def test_the_first_version_on_a_full_disk_leaves_nothing(tmp_path, monkeypatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    result = make_result(tmp_path, 0, 1.0)
    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_artefact(tmp_path / "models" / "learner", [result], CARD)
    assert names(tmp_path / "models") == []


def edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "model.json").read_text()) | changes
    (folder / "model.json").write_text(json.dumps(card))


def test_altered_weights_are_refused(saved) -> None:
    file = saved / "fold1.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ValueError, match=r"fold1\.safetensors is damaged or was altered"):
        read_artefact(saved)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"fold1\.safetensors is missing"):
        read_artefact(saved)


def test_strange_folders_are_named(saved, tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no model\.json"):
        read_artefact(tmp_path / "absent")
    edit(saved, version=99)
    with pytest.raises(ValueError, match="version 99; this osteon reads"):
        read_artefact(saved)
    edit(saved, version=2, folds=[{"file": "../trained0-1.0.safetensors", "sha256": ""}])
    with pytest.raises(ValueError, match="outside its folder"):
        read_artefact(saved)
    edit(saved, folds=[])
    with pytest.raises(ValueError, match="names no fold"):
        read_artefact(saved)
    (saved / "model.json").write_text("{")
    with pytest.raises(ValueError, match=r"model\.json is damaged"):
        read_artefact(saved)


def test_weights_changed_since_training_are_not_saved(tmp_path) -> None:
    result = replace(make_result(tmp_path, 0, 1.0), sha256="0" * 64)
    with pytest.raises(ValueError, match="changed after training"):
        write_artefact(tmp_path / "models" / "learner", [result], CARD)
    assert artefact.FORMAT_VERSION == 2
