"""Tubes: one square of all slices of a series, for the sequence model.

Read straight from the archive at its own resolution: the tube of a 512 px slice is then as sharp as
the paper's, whatever size the detector sees.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.cohorts.archive import Archive
from osteon.imaging.tubes import (
    choose_by_index,
    choose_in_training,
    cut_tube,
    standardise,
    tube_box,
)
from osteon.learning.batches import Augment, Batch, _move

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class TubeCases:
    """One tube a case: a series with a box that all its slices share.

    Attributes:
        archive: folder of the archive.
        slices: of each case the archive rows of its series, in the order along the normal.
        labelled: of each case which of these slices have a drawn lesion.
        boxes: N × 4 float64, x0, y0, x1, y1 in px of the archive.
        centres: N int64, on which slice of the series the box was found.
        labels: N int64 class numbers.
        patients: N patient numbers.
        samples: N names of the cases.
        count: slices of a tube, the paper's N.
        side: of its squares, px.
        margin: around the box, as a share of its longer side.
        labelled_share: probability that a training tube is drawn from labelled slices alone.
        hflip: probability of a mirror image in training.
        shift: largest shift of the box in training, as a share of its side.
        training: whether chance plays, see `in_training`.
    """

    archive: Path
    slices: tuple[NDArray[np.int64], ...]
    labelled: tuple[NDArray[np.bool_], ...]
    boxes: NDArray[np.float64]
    centres: NDArray[np.int64]
    labels: NDArray[np.int64]
    patients: NDArray[Any]
    samples: NDArray[Any]
    count: int = 16
    side: int = 112
    margin: float = 0.1
    labelled_share: float = 0.5
    hflip: float = 0.5
    shift: float = 0.1
    training: bool = False

    def __post_init__(self) -> None:
        for name in ("slices", "labelled", "boxes", "centres", "patients", "samples"):
            if len(getattr(self, name)) != len(self.labels):
                found = len(getattr(self, name))
                raise ValueError(f"{name} has {found} rows; labels has {len(self.labels)}")

    def with_labels(self, labels: NDArray[np.int64]) -> "TubeCases":
        """The same tubes with other classes."""
        return replace(self, labels=labels)

    def in_training(self) -> "TubeCases":
        """The same series, with slices, mirror images and shifts left to chance."""
        return replace(self, training=True)

    def content(self) -> Iterator[bytes]:
        """Slices, boxes and every setting of the cutting; pixels are hashed apart."""
        settings = (self.count, self.side, self.margin, self.labelled_share, self.hflip, self.shift)
        yield repr(settings).encode()
        for values in (self.boxes, self.centres, *self.slices, *self.labelled):
            yield hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_opened"}

    @cached_property
    def _opened(self) -> Archive:
        return Archive(self.archive)

    def read(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Tubes B × N × side × side float32, each of mean 0 and deviation 1, and labels B int64."""
        tubes = np.stack([self.tube(int(position)) for position in index])
        return torch.from_numpy(tubes), torch.from_numpy(self.labels[index])

    def tube(self, position: int) -> NDArray[np.float32]:
        """The tube of one case, N × side × side: drawn anew in training, the same otherwise."""
        rows, box = self.slices[position], self.boxes[position]
        if not self.training:
            taken = choose_by_index(len(rows), int(self.centres[position]), self.count)
            return self._cut(rows[taken], box)
        # Drawn from torch: the fit loop seeds it, so that a resumed run meets the same tubes.
        rng = np.random.default_rng(int(torch.randint(2**62, (1,))))
        labelled = self.labelled[position]
        taken = choose_in_training(
            labelled, int(self.centres[position]), self.count, rng, self.labelled_share
        )
        side = max(box[2] - box[0], box[3] - box[1])
        moved = rng.uniform(-self.shift, self.shift, 2) * side
        tube = self._cut(rows[taken], box, moved)
        return np.ascontiguousarray(tube[:, :, ::-1]) if rng.random() < self.hflip else tube

    def _cut(
        self,
        rows: NDArray[np.int64],
        box: NDArray[np.float64],
        moved: NDArray[np.float64] | tuple[float, float] = (0.0, 0.0),
    ) -> NDArray[np.float32]:
        pixels = [self._opened.pixels(int(row)) for row in rows]
        height, width = pixels[0].shape[:2]
        x0, y0, x1, y1 = (float(corner) for corner in box)
        square = tube_box((x0, y0, x1, y1), height, width, self.margin)
        # The square is moved, not the box: a sliver at the border would leave the image.
        return standardise(cut_tube(pixels, np.add(square, np.tile(moved, 2)).tolist(), self.side))

    def place(
        self, tensors: tuple[Tensor, ...], device: torch.device, augment: Augment | None = None
    ) -> Batch:
        """Tubes become B × 1 × N × side × side on the device.

        Raises:
            ValueError: an augmentation of single images is given.
        """
        if augment is not None:
            raise ValueError("augment: found one of single images; a tube has its own chances")
        tubes, labels = (_move(one, device) for one in tensors)
        return Batch((tubes[:, None],), labels)
