"""A learner on disk: a folder with one safetensors file a fold and one `model.json`."""

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import osteon
from osteon.learning.checkpoint import sync_folder, write_atomically
from osteon.learning.folds import FoldResult

logger = logging.getLogger(__name__)

FORMAT = "osteon-model"
FORMAT_VERSION = 2
CARD_FILE, SKIPPED_FILE = "model.json", "skipped.json"
PACKAGES = ("torch", "torchvision", "lightning-fabric", "safetensors", "numpy", "pandas", "pydicom")


def write_artefact(folder: Path, results: Sequence[FoldResult], card: dict[str, Any]) -> None:
    """Write or replace a learner's folder; on failure the previous content stays whole.

    Args:
        folder: becomes the artefact.
        results: one a fold.
        card: what `model.json` says beside files, versions and digest of the code; JSON values
            only. `recipe` (which holds the clinical policy), `classes` and `preprocessing` must
            be there for the learner to be loaded; the pipeline adds `trained_on`, `data_hash` and
            `split_hash`.

    Raises:
        ValueError: the folds were trained by different code, or weights changed since.
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
        document = {"format": FORMAT, "version": FORMAT_VERSION, **_environment(results), **card}
        text = json.dumps({**document, "folds": folds}, indent=2, allow_nan=False)
        write_atomically(partial / CARD_FILE, text.encode())
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

    Args:
        folder: the artefact, or the folder above its versions, of which the newest is read.

    Raises:
        FileNotFoundError: the folder, its `model.json` or a weights file is missing, or the learner
            was skipped; then the message says why.
        ValueError: something is damaged, altered, or of a format that this version cannot read.
    """
    _recover(folder)
    folder = _newest_version(folder)
    file = folder / CARD_FILE
    if not file.is_file():
        raise FileNotFoundError(f"{folder} holds no {CARD_FILE}: {_absence(folder)}")
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


def _environment(results: Sequence[FoldResult]) -> dict[str, Any]:
    code = {result.code_digest for result in results}
    if len(code) != 1:
        raise ValueError(f"folds of {len(code)} versions of the code; a learner has one")
    return {
        "osteon": osteon.__version__,
        "code_digest": code.pop(),
        "packages": package_versions(),
    }


def _newest_version(folder: Path) -> Path:
    """The folder itself if it is an artefact; else below it, as Kedro lays versions, the newest."""
    if (folder / CARD_FILE).is_file():
        return folder
    trained = sorted(folder.glob(f"*/model/{CARD_FILE}"))
    skipped = sorted(folder.glob(f"*/model/{SKIPPED_FILE}"))
    if trained and skipped and skipped[-1].parent > trained[-1].parent:
        version, later = trained[-1].parent, skipped[-1].parent
        logger.warning("%s is read, though in a later run %s", version, _absence(later))
    return (trained or skipped or [folder / CARD_FILE])[-1].parent


def skipped_because(folder: Path) -> str | None:
    """Why the run that wrote this version trained nothing; None if it did, or wrote nothing."""
    file = folder / SKIPPED_FILE
    return str(json.loads(file.read_bytes())["skipped"]) if file.is_file() else None


def _absence(folder: Path) -> str:
    reason = skipped_because(folder)
    return f"the learner was skipped, because {reason}" if reason else "it is not a saved learner"


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
