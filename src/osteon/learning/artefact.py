"""A learner on disk: a folder with one safetensors file a fold and one `model.json`."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import osteon
from osteon.learning.checkpoint import sync_folder, write_atomically
from osteon.learning.folds import FoldResult

FORMAT = "osteon-model"
FORMAT_VERSION = 1
PACKAGES = ("torch", "torchvision", "lightning-fabric", "safetensors", "numpy", "pandas", "pydicom")


def write_artefact(folder: Path, results: Sequence[FoldResult], card: dict[str, Any]) -> None:
    """Write or replace a learner's folder; on failure the previous content stays whole.

    Args:
        folder: becomes the artefact.
        results: one a fold.
        card: what `model.json` says beside files and versions: at least `recipe`, `classes`,
            `preprocessing`, `clinical`, `data_hash`, `split_hash`; JSON values only.

    Raises:
        OSError: the folder could not be written, for instance because the disk is full. Nothing
            partial is left.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    previous = folder.with_name(f".{folder.name}.previous")
    _recover(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        folds = [_copy_fold(partial, result) for result in results]
        document = {"format": FORMAT, "version": FORMAT_VERSION, **_environment(), **card}
        text = json.dumps({**document, "folds": folds}, indent=2, allow_nan=False)
        write_atomically(partial / "model.json", text.encode())
        if folder.exists():
            folder.rename(previous)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        _recover(folder)
        raise
    sync_folder(folder.parent)
    shutil.rmtree(previous, ignore_errors=True)


def read_artefact(folder: Path) -> tuple[dict[str, Any], list[Path]]:
    """The card of an artefact and its weights files, each checked against its hash.

    Raises:
        FileNotFoundError: the folder, its `model.json` or a weights file is missing.
        ValueError: something is damaged, altered, or of a format that this version cannot read.
    """
    _recover(folder)
    file = folder / "model.json"
    if not file.is_file():
        raise FileNotFoundError(f"{folder} holds no model.json: it is not a saved learner")
    try:
        card = json.loads(file.read_bytes())
        known = card["format"] == FORMAT and card["version"] == FORMAT_VERSION
        folds = [(str(fold["file"]), str(fold["sha256"])) for fold in card["folds"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged: {error!r}") from error
    if not known:
        raise ValueError(
            f"{file} says format {card['format']!r} version {card['version']!r}; "
            f"this osteon reads {FORMAT!r} version {FORMAT_VERSION}"
        )
    if not folds:
        raise ValueError(f"{file} names no fold")
    return card, [_checked(folder, name, digest) for name, digest in folds]


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that a learner's numbers depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _environment() -> dict[str, Any]:
    return {"osteon": osteon.__version__, "packages": package_versions()}


def _copy_fold(partial: Path, result: FoldResult) -> dict[str, Any]:
    name = f"fold{result.fold}.safetensors"
    data = result.weights.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != result.sha256:
        raise ValueError(f"{result.weights} was changed after training")
    write_atomically(partial / name, data)
    return {
        "fold": result.fold,
        "file": name,
        "sha256": digest,
        "weights_origin": result.weights_origin,
        "device": result.device,
        "threads": result.threads,
        "seconds": result.seconds,
        "epochs": len(result.history),
        "fitted_samples": len(result.fitted),
        "test_samples": len(result.samples),
        "resumed": result.resumed,
    }


def _checked(folder: Path, name: str, digest: str) -> Path:
    if Path(name).name != name:
        raise ValueError(f"{folder}/model.json names a file outside its folder: {name!r}")
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; model.json names it")
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise ValueError(f"{path} is damaged or was altered: its SHA-256 is not that of model.json")
    return path


def _recover(folder: Path) -> None:
    """After a kill between the two renames of a replacement the old version stands aside."""
    previous = folder.with_name(f".{folder.name}.previous")
    if previous.is_dir():
        if folder.exists():
            shutil.rmtree(previous, ignore_errors=True)
        else:
            previous.rename(folder)
