"""Slices with lesion boxes, for a detector: batches from the memory-mapped image store."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.learning.batches import Augment, Batch, _move, unit

BOX = 6
"""Numbers a box: x0, y0, x1, y1, probability of the first class, of the second."""


@dataclass(frozen=True)
class DetectionCases:
    """Slices, their boxes and where the patient's spine runs, one row a slice.

    A box bears the class of its patient, as pathology gives it (Liu et al. 2022, "Image data").

    Attributes:
        images: `images.npy` of the prepared store, M × H × W uint8.
        rows: N int64, each slice's row in the store.
        boxes: N × K × 4 float32, x0, y0, x1, y1 in px of the store's images; NaN rows are padding.
        corridors: N × 2 float32, from which x to which the spine runs, px.
        labels: N int64, 0 or 1.
        patients: N patient numbers.
        samples: N sample ids.
        hflip: probability of a mirror image in training (front and back of a sagittal slice).
        training: whether chance plays, see `in_training`.
    """

    images: Path
    rows: NDArray[np.int64]
    boxes: NDArray[np.float32]
    corridors: NDArray[np.float32]
    labels: NDArray[np.int64]
    patients: NDArray[Any]
    samples: NDArray[Any]
    hflip: float = 0.5
    training: bool = False

    def __post_init__(self) -> None:
        for name in ("boxes", "corridors", "labels", "patients", "samples"):
            if len(getattr(self, name)) != len(self.rows):
                found = len(getattr(self, name))
                raise ValueError(f"{name} has {found} rows; rows has {len(self.rows)}")
        if self.boxes.ndim != 3 or self.boxes.shape[2] != 4:
            raise ValueError(f"boxes has shape {self.boxes.shape}; allowed is N × K × 4")

    def with_labels(self, labels: NDArray[np.int64]) -> "DetectionCases":
        """The same slices with other classes."""
        return replace(self, labels=labels)

    def in_training(self) -> "DetectionCases":
        """The same slices, some of them mirrored; cutting and pasting is the detector's own."""
        return replace(self, training=True)

    def content(self) -> Iterator[bytes]:
        """Rows, boxes, corridors and the chance of a mirror image."""
        for values in (self.rows, self.boxes, self.corridors, np.float64(self.hflip)):
            yield np.ascontiguousarray(values).tobytes()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_store"}

    @cached_property
    def _store(self) -> NDArray[np.uint8]:
        store = np.load(self.images, mmap_mode="r", allow_pickle=False)
        if store.dtype != np.uint8 or store.ndim != 3:
            raise ValueError(
                f"{self.images} holds {store.dtype} of shape {store.shape}; wanted uint8 N × H × W"
            )
        return store

    def read(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Images B × H × W uint8, boxes B × K × 4, classes B × K int64, corridors B × 2, labels B.

        Classes are 0 where there is no box, else the label plus 1: 0 is the background's.
        """
        boxes, labels = self.boxes[index], self.labels[index]
        drawn = np.isfinite(boxes).all(axis=2)
        return (
            torch.from_numpy(self._store[self.rows[index]]),
            torch.from_numpy(boxes),
            torch.from_numpy(np.where(drawn, labels[:, None] + 1, 0)),
            torch.from_numpy(self.corridors[index]),
            torch.from_numpy(labels),
        )

    def place(
        self, tensors: tuple[Tensor, ...], device: torch.device, augment: Augment | None = None
    ) -> Batch:
        """Images become B × 3 × H × W float in [0, 1]; `augment` would lose the boxes.

        Raises:
            ValueError: an augmentation of images alone is given.
        """
        if augment is not None:
            raise ValueError("augment: found one of images alone; boxes would not follow it")
        image, boxes, classes, corridors, labels = (_move(one, device) for one in tensors)
        planes = unit(image)
        if self.training and self.hflip > 0:
            turned = torch.rand(len(planes)).to(device) < self.hflip
            planes, boxes, corridors = mirrored(planes, boxes, corridors, turned)
        return Batch((planes, boxes, classes, corridors), labels)


def mirrored(
    images: Tensor, boxes: Tensor, corridors: Tensor, turned: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Left and right exchanged in those images that are `turned`.

    Args:
        images: B × C × H × W; boxes: B × K × 4; corridors: B × 2; turned: (B,) bool.
    """
    width = images.shape[-1]
    flat = torch.stack([width - boxes[..., 2], boxes[..., 1], width - boxes[..., 0], boxes[..., 3]])
    flipped = flat.permute(1, 2, 0)
    return (
        torch.where(turned[:, None, None, None], images.flip(-1), images),
        torch.where(turned[:, None, None], flipped, boxes),
        torch.where(turned[:, None], width - corridors.flip(-1), corridors),
    )
