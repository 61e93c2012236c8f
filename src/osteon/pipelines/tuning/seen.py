"""What trials saw, on record: one file for each set of samples, named by its own hash.

All trials of an honest study see the same samples, so that there is one file; a trial that saw
others leaves a second one. Files are written before a trial trains, so that one that was pruned,
failed or was killed is on record as well.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from osteon.learning.tasks import FoldResult, FoldTask

SEEN = "seen"
"""Folder of the records in a study's own folder."""

Fold = Mapping[str, Any]
"""fold: its number; fitted and judged: sorted sample ids."""


def asked_of(tasks: "Iterable[FoldTask]") -> list[Fold]:
    """What the folds are about to see."""
    return [
        _fold(task.fold, task.cases.samples[task.train], task.cases.samples[task.test])
        for task in tasks
    ]


def told_by(results: "Iterable[FoldResult]") -> list[Fold]:
    """What the folds themselves recorded: all that training saw, early stopping included."""
    return [_fold(result.fold, result.fitted, result.samples) for result in results]


def _fold(number: int, fitted: Iterable[Any], judged: Iterable[Any]) -> Fold:
    return {"fold": number, "fitted": sorted(map(str, fitted)), "judged": sorted(map(str, judged))}


def write_seen(folder: Path, folds: Iterable[Fold]) -> str:
    """Put folds on record.

    Args:
        folder: for the records; made if absent.
        folds: of `asked_of` or `told_by`.

    Returns:
        the record's name, SHA-256 of its content.
    """
    content = json.dumps(list(folds), sort_keys=True).encode()
    name = hashlib.sha256(content).hexdigest()
    file = folder / f"{name}.json"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{name}.{os.getpid()}.partial"
        partial.write_bytes(content)
        partial.replace(file)
    return name


def read_seen(folder: Path) -> dict[str, list[Fold]]:
    """All records of a study by name.

    Raises:
        ValueError: a record is not what was written.
    """
    found = {}
    for file in sorted(folder.glob("*.json")):
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != file.stem:
            raise ValueError(f"{file}: the record of what trials saw is damaged or was altered")
        found[file.stem] = json.loads(content)
    return found
