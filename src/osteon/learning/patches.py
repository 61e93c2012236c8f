"""Patches of training slices: cut from the memory-mapped store as they are met, never copied.

A patch is one whole number, which slice and which place of the grid, and its class; its pixels are
read when a batch asks for them. Chen et al. cut 805,120 patches of 1,024 px: 0.8 GB as bytes, 4 MB
so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from osteon.imaging.patches import patch_labels, positions, undersample
from osteon.learning.batches import Augment, Batch, _move
from osteon.learning.objectives import Weighted


@dataclass(frozen=True)
class PatchPlan:
    """How training slices are cut, named and thinned out; defaults are those of Chen et al.

    Attributes:
        patch: side of a patch, px.
        stride: from one patch to the next, px.
        rule: what makes a patch the target's, see `osteon.imaging.patches.patch_labels`.
        fraction: share of its pixels that must be target under the rule `fraction`.
        classes: 2 (rest, target) or 3 (rest, target, other tissue).
        others: mask values of the other tissue, for three classes.
        share: what the rest makes of all training patches once it was thinned out; None = all stay.
    """

    patch: int = 32
    stride: int = 8
    rule: Literal["fraction", "centre"] = "fraction"
    fraction: float = 0.6
    classes: Literal[2, 3] = 2
    others: tuple[int, ...] = ()
    share: float | None = 0.6

    def label(self, mask: NDArray[np.uint8], target: int) -> NDArray[np.int8]:
        """The classes of a slice's patches, (P,) int8, in the order of `grid`.

        Args:
            mask: H × W mask values.
            target: that of the target.
        """
        found = patch_labels(
            mask,
            self.patch,
            self.stride,
            target=target,
            others=self.others,
            rule=self.rule,
            fraction=self.fraction,
            classes=self.classes,
        )
        return found.ravel()

    def grid(self, height: int, width: int) -> NDArray[np.int32]:
        """The top-left pixels (y, x) of a slice's patches, P × 2."""
        return positions(height, width, self.patch, self.stride)

    def choose(
        self,
        masks: NDArray[np.uint8],
        rows: NDArray[np.int64],
        target: int,
        seed: Sequence[int],
    ) -> tuple[NDArray[Any], NDArray[np.int8]]:
        """The training patches of some slices and their classes; one mask at a time is in memory.

        Args:
            masks: N × H × W mask values, memory-mapped.
            rows: M rows of `masks`, the training slices.
            target: mask value of the target.
            seed: for instance (seed, fold).

        Returns:
            K rising numbers, slice · P + place (int32 where that is enough), and K classes.

        Raises:
            ValueError: no patch is of the target.
        """
        labels = np.stack([self.label(masks[row], target) for row in rows])
        if not (labels == 1).any():
            raise ValueError(
                f"none of {labels.size} training patches is of the target (mask value {target}) by "
                f"rule {self.rule}, fraction {self.fraction}, patch {self.patch}, stride "
                f"{self.stride}: a smaller patch or fraction, or rule centre, finds smaller lesions"
            )
        numbers = np.int32 if labels.size <= np.iinfo(np.int32).max else np.int64
        labels = labels.ravel()
        if self.share is None:
            return np.arange(len(labels), dtype=numbers), labels
        kept = undersample(labels, self.share, np.random.default_rng([*seed, 0x9A]))
        return kept.astype(numbers), labels[kept]


@dataclass(frozen=True)
class PatchCases:
    """Training patches, one row a patch; `osteon.learning.segmentation.SliceCases` makes them.

    Attributes:
        images: `images.npy` of the prepared store, N × H × W uint8.
        rows: M int64, the store's rows of the training slices.
        grid: P × 2 int32, top-left pixels (y, x) of a slice's patches.
        patch: side of a patch, px.
        numbers: K whole numbers, slice · P + place in the grid.
        kinds: K int8 class numbers.
        slice_patients: M patients of the slices.
        slice_samples: M sample ids of the slices.
        hflip: probability of a mirror image in training.
        training: whether chance plays, see `in_training`.
    """

    images: Path
    rows: NDArray[np.int64]
    grid: NDArray[np.int32]
    patch: int
    numbers: NDArray[Any]
    kinds: NDArray[np.int8]
    slice_patients: NDArray[Any]
    slice_samples: NDArray[Any]
    hflip: float = 0.0
    training: bool = False

    @property
    def refused_balance(self) -> Mapping[str, str]:
        """Ways of `TrainingConfig.balance` that patches cannot have, each with the reason."""
        return {"offline": "patches are thinned out by their plan's share, none is copied"}

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers, one a patch."""
        return self.kinds.astype(np.int64)

    @property
    def patients(self) -> NDArray[Any]:
        """Patients, one a patch."""
        return self.slice_patients[self.numbers // len(self.grid)]

    @property
    def samples(self) -> NDArray[Any]:
        """Names of the slices, one a patch."""
        return self.slice_samples[self.numbers // len(self.grid)]

    def with_labels(self, labels: NDArray[np.int64]) -> "PatchCases":
        """The same patches with other classes."""
        return replace(self, kinds=labels.astype(np.int8))

    def in_training(self) -> "PatchCases":
        """The same patches, some of them mirrored."""
        return replace(self, training=True)

    def content(self) -> Iterator[bytes]:
        """Where the patches lie and the chance of a mirror image; pixels are hashed apart."""
        yield repr((self.patch, self.hflip)).encode()
        yield from (one.tobytes() for one in (self.rows, self.grid, self.numbers))

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_windows"}

    @cached_property
    def _windows(self) -> NDArray[np.uint8]:
        """Every square of every image as a view: N × (H - p + 1) × (W - p + 1) × p × p."""
        store = open_slices(self.images)
        return np.lib.stride_tricks.sliding_window_view(store, (self.patch,) * 2, axis=(1, 2))

    def read(self, index: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Patches B × p × p uint8 and labels B int64; of a slice nothing else is read."""
        slices, places = np.divmod(self.numbers[index], len(self.grid))
        y, x = self.grid[places].T
        patches = self._windows[self.rows[slices], y, x]
        return torch.from_numpy(patches), torch.from_numpy(self.kinds[index].astype(np.int64))

    def place(
        self, tensors: tuple[Tensor, ...], device: torch.device, augment: Augment | None = None
    ) -> Batch:
        """Patches become B × 1 × p × p float in [0, 1] on the device."""
        patches, labels = (_move(tensor, device) for tensor in tensors)
        planes = patches[:, None].float() / 255
        if self.training and self.hflip > 0:
            planes = mirrored(planes, draw_mirrored(planes, self.hflip))
        if augment is not None:
            planes = augment(planes)
        return Batch((planes,), labels)


@dataclass(frozen=True)
class WeightedPatches(Weighted):
    """A patch weighs as its class does; a slice that is judged as a map is judged as it is.

    Training sees patches and early stopping sees slices, through one objective.
    """

    def losses(self, output: Any, target: Tensor) -> Tensor:
        """The inner losses, (B,); weighted where the target is one class a case."""
        if target.ndim == 1:
            return super().losses(output, target)
        return self.inner.losses(output, target)


def open_slices(path: Path) -> NDArray[np.uint8]:
    """A memory-mapped store of single-channel slices, N × H × W uint8, read-only.

    Raises:
        ValueError: it holds something else; the message names the file.
    """
    store = np.load(path, mmap_mode="r", allow_pickle=False)
    if store.dtype != np.uint8 or store.ndim != 3:
        raise ValueError(
            f"{path} holds {store.dtype} of shape {store.shape}; wanted uint8 N × H × W"
        )
    return store


def draw_mirrored(images: Tensor, chance: float) -> Tensor:
    """Which of B images are mirrored, (B,) bool on their device; drawn from torch's generator."""
    return torch.rand(len(images)).to(images.device) < chance


def mirrored(images: Tensor, turned: Tensor) -> Tensor:
    """Left and right exchanged in those of B × … × W images that are `turned`, (B,) bool."""
    return torch.where(turned.reshape(-1, *[1] * (images.ndim - 1)), images.flip(-1), images)
