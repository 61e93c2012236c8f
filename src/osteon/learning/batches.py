"""Batches straight from the memory-mapped image store; only a batch at a time is in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.networks.standardise import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    import pandas as pd

Normalisation = Literal["imagenet", "unit"]
Augment = Callable[[Tensor], Tensor]
"""B × C × H × W float in [0, 1] → the same, altered by chance; for training only."""


class Batch(NamedTuple):
    """What a network is called with (`network(*inputs)`) and what it should answer."""

    inputs: tuple[Tensor, ...]
    target: Tensor


class Cases(Protocol):
    """Everything that can be trained on: it reads some cases and lays them on a device."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers, one a case."""
        ...

    @property
    def patients(self) -> NDArray[Any]:
        """Patients, one a case."""
        ...

    @property
    def samples(self) -> NDArray[Any]:
        """Names of the cases."""
        ...

    def with_labels(self, labels: NDArray[np.int64]) -> "Cases":
        """The same cases with other labels, for the control with permuted ones."""
        ...

    def in_training(self) -> "Cases":
        """The cases as training meets them: where chance has a part in reading, it plays here.

        Such chance is drawn from torch's generator, which the fit loop seeds by fold and epoch.
        """
        ...

    def content(self) -> Iterator[bytes]:
        """Everything beside labels and names that what is learned depends on."""
        ...

    def read(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """The cases at these positions, in host memory."""
        ...

    def place(
        self, tensors: tuple[Tensor, ...], device: torch.device, augment: Augment | None = None
    ) -> Batch:
        """The same on the device, altered by chance if asked, and normalised."""
        ...


@dataclass(frozen=True)
class ImageCases:
    """Images, with or without clinical values, one row a sample.

    Attributes:
        images: `images.npy` of the prepared store: M × H × W or M × H × W × 3 uint8.
        rows: N int64, each sample's row in the store.
        clinical: N × d float32, normalised, d may be 0; None for a network that is called with the
            image alone.
        labels: N int64 class numbers.
        patients: N patient ids.
        samples: N sample ids.
        normalisation: `imagenet` gives mean 0 and deviation 1 over ImageNet's pixels, `unit` values
            in [0, 1] for networks that standardise by themselves.
    """

    images: Path
    rows: NDArray[np.int64]
    clinical: NDArray[np.float32] | None
    labels: NDArray[np.int64]
    patients: NDArray[Any]
    samples: NDArray[Any]
    normalisation: Normalisation = "imagenet"

    def __post_init__(self) -> None:
        for name in ("clinical", "labels", "patients", "samples"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.rows):
                raise ValueError(f"{name} has {len(column)} rows; rows has {len(self.rows)}")
        if self.clinical is not None and not np.isfinite(self.clinical).all():
            raise ValueError("clinical holds values that are missing or infinite")

    @classmethod
    def from_table(
        cls,
        table: "pd.DataFrame",
        clinical: Sequence[str] | None,
        images: Path,
        normalisation: Normalisation = "imagenet",
    ) -> "ImageCases":
        """The cases of a samples table.

        Args:
            table: sample_id, patient_id, row, label and the clinical columns.
            clinical: columns of the clinical vector, in its order; None for no such input.
            images: `images.npy` of the prepared store.
            normalisation: of the image.
        """
        values = None if clinical is None else table[list(clinical)].to_numpy(np.float32)
        return cls(
            images=images,
            rows=table["row"].to_numpy(np.int64),
            clinical=values,
            labels=table["label"].to_numpy(np.int64),
            # Numbers in order of appearance: nothing drawn may depend on the pseudonyms' key.
            patients=table["patient_id"].factorize()[0],
            samples=table["sample_id"].to_numpy(str),
            normalisation=normalisation,
        )

    def with_labels(self, labels: NDArray[np.int64]) -> "ImageCases":
        """The same images with other labels."""
        return replace(self, labels=labels)

    def in_training(self) -> "ImageCases":
        """The same: chance enters by augmentation alone."""
        return self

    def content(self) -> Iterator[bytes]:
        """How images are scaled, their rows and the clinical values; pixels are hashed apart."""
        clinical = np.empty(0) if self.clinical is None else self.clinical
        yield self.normalisation.encode()
        yield from (np.ascontiguousarray(one).tobytes() for one in (self.rows, clinical))

    def __getstate__(self) -> dict[str, Any]:
        # A memory map would travel to another process as a copy of the whole cohort.
        return {k: v for k, v in self.__dict__.items() if k != "_store"}

    @cached_property
    def _store(self) -> NDArray[np.uint8]:
        store = np.load(self.images, mmap_mode="r", allow_pickle=False)
        if store.dtype != np.uint8 or store.ndim not in (3, 4):
            raise ValueError(
                f"{self.images} holds {store.dtype} of shape {store.shape}; "
                "wanted uint8 N × H × W or N × H × W × 3"
            )
        return store

    def read(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Images B × H × W (× 3) uint8, clinical B × d float32 if there is one, labels B int64."""
        clinical = [] if self.clinical is None else [torch.from_numpy(self.clinical[index])]
        return (
            torch.from_numpy(self._store[self.rows[index]]),
            *clinical,
            torch.from_numpy(self.labels[index]),
        )

    def place(
        self, tensors: tuple[Tensor, ...], device: torch.device, augment: Augment | None = None
    ) -> Batch:
        """Images become B × 3 × H × W float, normalised; bytes travel, not floats."""
        image, *clinical, label = (_move(tensor, device) for tensor in tensors)
        if augment is not None or self.normalisation == "unit":
            planes = unit(image)
            if augment is not None:
                planes = augment(planes)
            if self.normalisation == "imagenet":
                planes = normalise(planes * 255)
            return Batch((planes, *clinical), label)
        return Batch((normalise(image), *clinical), label)


def unit(image: Tensor) -> Tensor:
    """B × H × W or B × H × W × 3 uint8 → B × 3 × H × W float32 in [0, 1], channels last."""
    scaled = image.float() / 255
    # Stacked, not expanded: that copy would take twice as long.
    coloured = torch.stack([scaled] * 3, dim=-1) if image.ndim == 3 else scaled
    return coloured.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def normalise(image: Tensor) -> Tensor:
    """An image in 0..255 as B × 3 × H × W float32 of ImageNet mean 0 and deviation 1.

    Laid out with the channels last, which convolutions pass on and which runs a tenth to a fifth
    faster on a CPU, and faster still on a GPU in mixed precision.

    Args:
        image: B × H × W or B × H × W × 3 uint8, or B × 3 × H × W float.
    """
    mean, std = (image.new_tensor(v, dtype=torch.float32) for v in (IMAGENET_MEAN, IMAGENET_STD))
    if image.dtype == torch.uint8:
        image = image[:, None] if image.ndim == 3 else image.permute(0, 3, 1, 2)
    shift, factor = -mean / std, 1 / (255 * std)
    offset, scale = shift[:, None, None], factor[:, None, None]
    scaled = torch.addcmul(offset, image.float(), scale)
    return scaled.contiguous(memory_format=torch.channels_last)


class Step(NamedTuple):
    """One optimiser step: this process's micro-batches, and the cases of all processes."""

    parts: list[NDArray[np.int64]]
    size: int


def plan_epoch(
    train: NDArray[np.int64],
    batch: int,
    micro_batch: int | None,
    seed: Sequence[int],
    *,
    rank: int = 0,
    world: int = 1,
) -> list[Step]:
    """Shuffle the training cases and cut them into steps and micro-batches.

    The order follows from `seed` alone, so a resumed run meets the same batches. Micro-batches of a
    step differ by one case at most; none holds a single case, whose batch statistics would not
    exist: a rest too small for that joins the step before it.

    Args:
        train: positions of the training cases.
        batch: cases a step.
        micro_batch: cases at once in one process; None = all of the step's.
        seed: for instance (seed, fold, epoch).
        rank: number of this process.
        world: number of processes.

    Raises:
        ValueError: fewer than two training cases a process.
    """
    smallest = 2 * world
    if len(train) < smallest:
        raise ValueError(
            f"{len(train)} training cases; {world} process(es) need {smallest} or more"
        )
    order = np.random.default_rng(seed).permutation(train)
    cuts = list(range(0, len(order), max(batch, smallest)))[1:]
    if cuts and len(order) - cuts[-1] < smallest:
        cuts.pop()
    steps = []
    for cases in np.split(order, cuts):
        wanted = -(-len(cases) // (world * (micro_batch or len(cases))))
        parts = world * max(1, min(wanted, len(cases) // smallest))
        steps.append(Step(np.array_split(cases, parts)[rank::world], len(cases)))
    return steps


def feed(
    cases: Cases,
    indices: Iterable[NDArray[np.int64]],
    device: torch.device,
    augment: Augment | None = None,
) -> Iterator[Batch]:
    """The batches at these positions, on the device, altered by chance if asked.

    On a GPU one thread reads the next batch from the store while this one is computed.
    """
    if device.type == "cpu":
        yield from (cases.place(cases.read(index), device, augment) for index in indices)
        return
    with ThreadPoolExecutor(1) as reader:
        waiting = None
        for index in indices:
            following = reader.submit(_read_pinned, cases, index)
            if waiting is not None:
                yield cases.place(waiting.result(), device, augment)
            waiting = following
        if waiting is not None:
            yield cases.place(waiting.result(), device, augment)


def _read_pinned(cases: Cases, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
    return tuple(tensor.pin_memory() for tensor in cases.read(index))


def _move(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.to(device, non_blocking=tensor.is_pinned() if device.type == "cuda" else False)
