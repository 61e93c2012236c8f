"""Slices with masks, for a segmenter: whole, with their neighbours, or cut into patches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.learning.batches import Augment, Batch, Cases, _move
from osteon.learning.patches import PatchCases, PatchPlan, draw_mirrored, mirrored, open_slices


@dataclass(frozen=True)
class SliceCases:
    """Slices and where the target lies on them, one row a slice.

    Trained on and judged as whole maps; with `patches`, trained on patches of the training slices
    (`expand`) and judged as whole maps all the same.

    Attributes:
        images: `images.npy` of the prepared store, M × H × W uint8.
        masks: `masks.npy` beside it, M × H × W uint8 mask values.
        rows: N int64, each slice's row in the store.
        labels: N int64, 1 where the target shows on the slice.
        patients: N patient numbers.
        samples: N sample ids.
        target: mask value of the target.
        neighbours: N × 2 rows of the store, the slices before and after, at the ends of a series
            the slice itself; None for a network that sees one slice at a time.
        hflip: probability of a mirror image in training.
        patches: how training slices are cut; None = they are fitted whole.
        training: whether chance plays, see `in_training`.
    """

    images: Path
    masks: Path
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    patients: NDArray[Any]
    samples: NDArray[Any]
    target: int
    neighbours: NDArray[np.int64] | None = None
    hflip: float = 0.0
    patches: PatchPlan | None = None
    training: bool = False

    def __post_init__(self) -> None:
        for name in ("labels", "patients", "samples", "neighbours"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.rows):
                raise ValueError(f"{name} has {len(column)} rows; rows has {len(self.rows)}")
        if self.neighbours is not None and self.neighbours.shape[1:] != (2,):
            raise ValueError(f"neighbours has shape {self.neighbours.shape}; allowed is N × 2")
        if self.neighbours is not None and self.patches is not None:
            raise ValueError("neighbours and patches are both given; a patch is of one slice")

    @property
    def size(self) -> int:
        """Side of the slices, which are squares, px."""
        return self._stores[0].shape[1]

    @property
    def judged_at_once(self) -> int:
        """How many maps are computed together: they are larger than what a batch learns from."""
        return 8

    @property
    def refused_balance(self) -> Mapping[str, str]:
        """Ways of `TrainingConfig.balance` that slices cannot have, each with the reason."""
        return {
            "class_weight": "a slice's target is a map and has no class; the objective weighs it",
            "offline": "a turned copy of a slice would keep its mask as it was",
        }

    def with_labels(self, labels: NDArray[np.int64]) -> "SliceCases":
        """The same slices with other labels; their masks stay."""
        return replace(self, labels=labels)

    def in_training(self) -> "SliceCases":
        """The same slices, some of them mirrored with their masks."""
        return replace(self, training=True)

    def expand(
        self, train: NDArray[np.int64], seed: Sequence[int]
    ) -> tuple[Cases, NDArray[np.int64]]:
        """What is fitted: the patches of the training slices, or the slices themselves.

        Args:
            train: positions of the training slices; no other slice is looked at.
            seed: of the thinning out, for instance (seed, fold).

        Returns:
            cases to train on, and their positions.

        Raises:
            ValueError: the slices are smaller than a patch, or no patch is of the target.
        """
        if self.patches is None:
            return self, train
        plan, rows = self.patches, self.rows[train]
        numbers, kinds = plan.choose(self._stores[1], rows, self.target, seed)
        cases = PatchCases(
            images=self.images,
            rows=rows,
            grid=plan.grid(*self._stores[1].shape[1:]),
            patch=plan.patch,
            numbers=numbers,
            kinds=kinds,
            slice_patients=self.patients[train],
            slice_samples=self.samples[train],
            hflip=self.hflip,
            training=self.training,
        )
        return cases, np.arange(len(numbers))

    def content(self) -> Iterator[bytes]:
        """Rows, neighbours, target, patches and the mirror's chance; pixels are hashed apart."""
        yield repr((self.target, self.hflip, self.patches)).encode()
        yield np.ascontiguousarray(self.rows).tobytes()
        yield b"" if self.neighbours is None else np.ascontiguousarray(self.neighbours).tobytes()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_stores"}

    @cached_property
    def _stores(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        images, masks = open_slices(self.images), open_slices(self.masks)
        if images.shape != masks.shape:
            raise ValueError(
                f"{self.masks} has shape {masks.shape}; {self.images} has {images.shape}"
            )
        return images, masks

    def read(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Images B × H × W uint8 (B × 3 × H × W with neighbours), masks B × H × W uint8 {0, 1}.

        The three are the slice before, the slice and the slice after.
        """
        images, masks = self._stores
        rows = wanted = self.rows[index]
        if self.neighbours is not None:
            before, after = self.neighbours[index].T
            wanted = np.stack([before, rows, after], axis=1)
        drawn = (masks[rows] == self.target).view(np.uint8)
        return torch.from_numpy(images[wanted]), torch.from_numpy(drawn)

    def place(
        self, tensors: tuple[Tensor, ...], device: torch.device, augment: Augment | None = None
    ) -> Batch:
        """Images become B × C × H × W float in [0, 1], masks B × H × W int64, on the device.

        Raises:
            ValueError: an augmentation of images alone is given.
        """
        if augment is not None:
            raise ValueError("augment: found one of images alone; masks would not follow it")
        images, masks = (_move(tensor, device) for tensor in tensors)
        if self.training and self.hflip > 0:
            turned = draw_mirrored(images, self.hflip)
            images, masks = mirrored(images, turned), mirrored(masks, turned)
        planes = (images if images.ndim == 4 else images[:, None]).float() / 255
        return Batch((planes.contiguous(memory_format=torch.channels_last),), masks.long())
