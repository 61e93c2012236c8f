"""What a fold is given and what it leaves, on disk and in memory."""

import hashlib
import inspect
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from torch import nn

from osteon.learning.batches import Cases
from osteon.learning.checkpoint import save_tensors, write_atomically
from osteon.learning.config import TrainingConfig
from osteon.learning.objectives import Objective

logger = logging.getLogger(__name__)

WEIGHTS, ANSWERS, RECORD = "weights.safetensors", "answers.safetensors", "result.json"
"""Files of a finished fold; the record is JSON, so it holds no array."""

CHECKPOINT = "checkpoint.safetensors"
"""Where an unfinished fold goes on from."""


class Division(NamedTuple):
    """Positions that a fold is trained on and those that it judges, with the fold's number."""

    fold: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]


class Recipe(Protocol):
    """What training needs of a recipe: parameters, a network, an objective."""

    def resolved_training(self) -> TrainingConfig:
        """Parameters of the loop with every automatic value filled in."""
        ...

    def build_network(self, pretrained: bool = True) -> nn.Module:
        """A new network, its pretrained parts filled if asked."""
        ...

    def build_objective(self) -> Objective:
        """Loss and reading of the output."""
        ...

    def fingerprint(self) -> str:
        """Hash of all that changes what is learned."""
        ...

    @property
    def permutes_labels(self) -> bool:
        """Whether labels are shuffled between patients, as a control."""
        ...

    @property
    def judges_training(self) -> bool:
        """Whether the final network is also asked about what it was fitted on."""
        ...


@dataclass(frozen=True)
class FoldTask:
    """All that one fold needs, small enough to be sent to another process.

    Attributes:
        recipe: network, objective and parameters.
        cases: the cohort by reference.
        train: positions of the training cases.
        test: positions of the cases that are judged.
        fold: its number in the splits table.
        folder: `<work>/<fingerprint>`.
        code_digest: of the sources that train it.
        fresh: train again although a finished or interrupted fold is there.
    """

    recipe: Recipe
    cases: Cases
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    fold: int
    folder: Path
    code_digest: str
    fresh: bool = False

    @property
    def workspace(self) -> Path:
        """The fold's own folder."""
        return self.folder / f"fold{self.fold}"


@dataclass(frozen=True)
class FoldResult:
    """What a fold leaves.

    Attributes:
        fold: its number.
        test: positions of the judged cases.
        samples: their sample ids.
        labels: their int64 labels, those that were learned (permuted in that control).
        probabilities: len(test) × what the objective reads of the output: the classes' float64
            probabilities, rows sum to 1; a detector's boxes; a segmenter's map in 256 steps.
        history: one entry an epoch.
        weights: the fold's safetensors file.
        sha256: of that file.
        train: positions of all cases that training saw, early stopping included.
        fitted: their sample ids.
        fitted_labels: their labels, those that were learned.
        fitted_probabilities: the same of the training cases, what the final network says of them;
            0 rows of a recipe that does not judge its training cases.
        held_back: ids of those that only early stopping saw.
        seconds: spent training and pretraining, summed over epochs also when interrupted.
        device: cpu or the GPU's name.
        threads: of torch; the last bit of the weights depends on it.
        parameters: number of the network's trainable values.
        weights_origin: where the first values of the backbone came from.
        code_digest: of the sources that trained it.
        resumed: whether training went on from a checkpoint.
        reused: whether nothing was trained now, because the fold was already done.
        pretraining: one entry an epoch of each stage before training; empty without any.
    """

    fold: int
    test: NDArray[np.int64]
    samples: list[str]
    labels: NDArray[np.int64]
    probabilities: NDArray[Any]
    history: list[dict[str, float | None]]
    weights: Path
    sha256: str
    train: NDArray[np.int64]
    fitted: list[str]
    fitted_labels: NDArray[np.int64]
    fitted_probabilities: NDArray[Any]
    held_back: list[str]
    seconds: float
    device: str
    threads: int
    parameters: int
    weights_origin: str
    code_digest: str
    resumed: bool
    reused: bool
    pretraining: list[dict[str, Any]] = field(default_factory=list)


def code_digest(recipe: object) -> str:
    """SHA-256 of the sources that decide what is learned: networks, learning and the recipe's.

    Args:
        recipe: its own class and that of its `network`, if it has one, count with all their bases.
    """
    here = Path(__file__).parent
    files = {*here.glob("*.py"), *(here.parent / "networks").glob("*.py")}
    kinds = {*type(recipe).__mro__, *type(getattr(recipe, "network", recipe)).__mro__}
    files |= {
        Path(inspect.getfile(kind)) for kind in kinds if kind.__module__.startswith("osteon.")
    }
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def task_fingerprint(
    recipe: Recipe,
    cases: Cases,
    parts: Sequence[Division],
    *,
    code: str,
    data_hash: str,
    split_hash: str,
) -> str:
    """Sixteen hexadecimal digits that change with everything a fold's weights depend on."""
    digest = hashlib.sha256()
    libraries = f"{torch.__version__} {version('torchvision')}"
    for text in (recipe.fingerprint(), code, libraries, data_hash, split_hash):
        digest.update(text.encode() + b"\0")
    for content in cases.content():
        digest.update(content + b"\0")
    for values in (cases.labels, *(v for part in parts for v in part)):
        digest.update(np.ascontiguousarray(values).tobytes() + b"\0")
    digest.update("\0".join(map(str, cases.samples)).encode())
    return digest.hexdigest()[:16]


def write_result(
    task: FoldTask, network: nn.Module, record: dict[str, Any], **answers: NDArray[Any]
) -> None:
    """Write a fold's weights, its answers as arrays, and its record.

    The record comes last and names the hashes of both: after a kill in between the fold resumes.
    """
    weights, found = task.workspace / WEIGHTS, task.workspace / ANSWERS
    save_tensors(weights, dict(network.state_dict()), {})
    save_tensors(found, {name: torch.from_numpy(one) for name, one in answers.items()}, {})
    record = record | {"sha256": hash_file(weights), "answers_sha256": hash_file(found)}
    write_atomically(task.workspace / RECORD, json.dumps(record).encode())


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_finished(workspace: Path) -> bool:
    """Whether a fold's folder holds a result and nothing that training would go on from."""
    return (workspace / RECORD).is_file() and not (workspace / CHECKPOINT).exists()


def stage_checkpoint(workspace: Path, stage: str) -> Path:
    """Where an unfinished fold keeps what a stage of its pretraining learned; stage "*" = all."""
    return workspace / f"pretraining-{stage}.safetensors"


def read_result(task: FoldTask, reused: bool) -> FoldResult | None:
    """A finished fold, or None; its checkpoints are of no more use and go."""
    files = {name: task.workspace / name for name in (RECORD, WEIGHTS, ANSWERS)}
    if not all(file.is_file() for file in files.values()):
        return None
    record = json.loads(files[RECORD].read_bytes())
    wanted = {WEIGHTS: record["sha256"], ANSWERS: record.pop("answers_sha256", None)}
    for name, digest in wanted.items():
        if hash_file(files[name]) != digest:
            logger.warning("fold %d: %s was changed; training again", task.fold, files[name])
            return None
    answers = load_file(files[ANSWERS])
    # The fold's own checkpoint goes last: while it is there the folder counts as unfinished.
    for file in task.workspace.glob(stage_checkpoint(task.workspace, "*").name):
        file.unlink(missing_ok=True)
    (task.workspace / CHECKPOINT).unlink(missing_ok=True)
    return FoldResult(
        fold=task.fold,
        test=task.test,
        samples=[str(sample) for sample in task.cases.samples[task.test]],
        labels=task.cases.labels[task.test],
        probabilities=answers["probabilities"],
        train=task.train,
        fitted_labels=task.cases.labels[task.train],
        fitted_probabilities=answers["fitted_probabilities"],
        weights=files[WEIGHTS],
        code_digest=task.code_digest,
        seconds=sum(entry["seconds"] for entry in record["pretraining"] + record["history"]),
        reused=reused,
        **record,
    )
