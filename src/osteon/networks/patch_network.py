"""Networks that classify a patch, and what they say of a whole image.

A patch network sees p × p pixels. A whole image is read by laying patches on a fixed stride over
it and spreading each patch's probability of the target over its footprint; a pixel has the mean of
all patches that cover it (Chen W., Han Y., … Wong K.K.L., patch-based segmentation of spinal
tumours on Gd-enhanced T1 MRI, where the stride is not given).

Edge rule: the grid runs on past the image, to every multiple of the stride whose patch still
touches it, and the pixels out there are the image's own by reflection about the first and the last
row (which are not repeated), as often as it takes. An image may therefore be smaller than a patch,
and a pixel in a corner has as many votes as one in the middle.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.networks.blocks import choose

TARGET = 1
ASSIGN = ("footprint", "centre")
READINGS = ("sigmoid", "softmax")
# Numbers that one pass may hold at a time, about 32 MiB: the cost of a chunk, whatever the image.
BUDGET = 1 << 23


class Dense(NamedTuple):
    """What a patch network says of whole images.

    Attributes:
        map: B × H × W float in [0, 1], the target's probability by pixel.
        patches: B × gy × gx float in [0, 1], that of each patch wholly inside the image, on the
            grid of `osteon.imaging.patches.positions`; empty where the image is smaller than one.
    """

    map: Tensor
    patches: Tensor


class PatchNetwork(nn.Module, ABC):
    """A classifier of patches that also reads whole images.

    A subclass gives `classify`, and `scores` where it knows a faster way than cutting patches.

    Args:
        patch: p, side of a patch in pixels.
        stride: of the patches in whole images, 1 to `patch`.
        classes: 2 (rest, target) or 3 (rest, target, other tissue).
        assign: `footprint` spreads a patch's probability over all its pixels; `centre` gives a
            pixel that of the patch whose centre is nearest.
        reading: `sigmoid`: each output is a sigmoid of its own, and the target's probability its
            share of their sum; `softmax`: of the logits.

    Attributes:
        floats: numbers that classifying one patch holds at a time, for the size of a chunk.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    floats: int

    def __init__(
        self,
        patch: int = 32,
        stride: int = 4,
        classes: int = 2,
        *,
        assign: str = "footprint",
        reading: str = "sigmoid",
    ) -> None:
        super().__init__()
        if patch < 1:
            raise ValueError(f"patch is {patch}; it must be 1 or more")
        if not 1 <= stride <= patch:
            raise ValueError(f"stride is {stride}; allowed are 1 to {patch}, the patch's side")
        if classes not in (2, 3):
            raise ValueError(f"classes is {classes}; allowed are 2 and 3")
        choose(assign, dict.fromkeys(ASSIGN), "assign")
        choose(reading, dict.fromkeys(READINGS), "reading")
        self.patch, self.stride, self.classes = patch, stride, classes
        self.assign, self.reading = assign, reading
        self.floats = patch * patch

    @abstractmethod
    def classify(self, patches: Tensor) -> Tensor:
        """B × 1 × p × p float in [0, 1] → B × classes float, logits."""

    def forward(self, images: Tensor) -> Tensor | Dense:
        """In training B × 1 × p × p patches → `classify`; else B × 1 × H × W images → `dense`."""
        return self.classify(images) if self.training else self.dense(images)

    def dense(self, images: Tensor) -> Dense:
        """Read whole images; beyond image, grid and map it holds one chunk of patches at a time.

        Args:
            images: B × 1 × H × W float in [0, 1], of any height and width.

        Raises:
            ValueError: another number of axes or channels, or no pixel.
        """
        _check_images(images)
        size, p, s = images.shape[-2:], self.patch, self.stride
        padded = _reflected(images, p, s)
        grid = self._probabilities(padded)
        spread = {"footprint": _average, "centre": _nearest}[self.assign]
        whole = spread(spread(grid, size[1], p, s).mT, size[0], p, s).mT
        inside = (slice(_outside(p, s), _outside(p, s) + _inside(n, p, s)) for n in size)
        return Dense(whole.contiguous(), grid[(slice(None), *inside)])

    def scores(self, regions: Tensor) -> Tensor:
        """Logits of every patch of the grid that starts in the regions' first pixel.

        Args:
            regions: B × 1 × h × w float, h = p + (ty - 1) · stride and w alike.

        Returns:
            B × classes × ty × tx float.
        """
        p, s = self.patch, self.stride
        cut = regions[:, 0].unfold(1, p, s).unfold(2, p, s)
        logits = self.classify(cut.reshape(-1, 1, p, p))
        return logits.view(*cut.shape[:3], -1).permute(0, 3, 1, 2)

    def target_probability(self, logits: Tensor) -> Tensor:
        """B × classes × … logits → B × … float32 in [0, 1], the target's probability."""
        logits = logits.float()
        # In logarithms, because two sigmoids that are both zero in float32 have no ratio.
        shares = functional.logsigmoid(logits) if self.reading == "sigmoid" else logits
        return shares.softmax(1)[:, TARGET]

    def _probabilities(self, padded: Tensor) -> Tensor:
        """B × 1 × H' × W' float → B × Gy × Gx float32, one a patch of the whole grid."""
        p, s = self.patch, self.stride
        high, wide = ((n - p) // s + 1 for n in padded.shape[-2:])
        chunk = max(1, BUDGET // self.floats)
        several = max(1, chunk // (high * wide))
        columns = min(wide, chunk)
        rows = max(1, chunk // columns)
        grids = []
        for group in padded.split(several):
            strips = []
            for top, ty in _runs(high, rows):
                strip = group[..., top * s : (top + ty - 1) * s + p, :]
                tiles = [
                    self.target_probability(
                        self.scores(strip[..., left * s : (left + tx - 1) * s + p])
                    )
                    for left, tx in _runs(wide, columns)
                ]
                strips.append(torch.cat(tiles, 2))
            grids.append(torch.cat(strips, 1))
        return torch.cat(grids)


def patch_by_patch(network: PatchNetwork, images: Tensor) -> Dense:
    """What `dense` gives, by cutting and classifying one patch after another: the reference.

    Args:
        network: its stride, edge rule and assignment hold.
        images: B × 1 × H × W float in [0, 1].
    """
    p, s = network.patch, network.stride
    _check_images(images)
    high, wide = images.shape[-2:]
    margin = _outside(p, s) * s
    padded = _reflected(images, p, s)
    total = images.new_zeros(len(images), *padded.shape[-2:])
    votes = torch.zeros_like(total)
    own = range(p) if network.assign == "footprint" else range(p // 2 - s // 2, p // 2 - s // 2 + s)
    patches: list[Tensor] = []
    for y in range(0, padded.shape[-2] - p + 1, s):
        for x in range(0, padded.shape[-1] - p + 1, s):
            cut = padded[..., y : y + p, x : x + p]
            found = network.target_probability(network.classify(cut))
            area = (..., slice(y + own[0], y + own[-1] + 1), slice(x + own[0], x + own[-1] + 1))
            total[area] += found[:, None, None]
            votes[area] += 1
            if 0 <= y - margin <= high - p and 0 <= x - margin <= wide - p:
                patches.append(found)
    kept = (..., slice(margin, margin + high), slice(margin, margin + wide))
    shape = (len(images), _inside(high, p, s), _inside(wide, p, s))
    grid = torch.stack(patches, 1).view(shape) if patches else total.new_zeros(shape)
    return Dense((total / votes)[kept], grid)


def _check_images(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 1 or 0 in images.shape:
        raise ValueError(
            f"images: {tuple(images.shape)} found; wanted B × 1 × H × W, none of them 0"
        )


def _runs(count: int, most: int) -> Iterator[tuple[int, int]]:
    """(start, length) of the runs of at most `most` that make up `count`."""
    return ((start, min(most, count - start)) for start in range(0, count, most))


def _outside(patch: int, stride: int) -> int:
    """How many patches of the grid begin before the image and still touch it."""
    return (patch - 1) // stride


def _inside(length: int, patch: int, stride: int) -> int:
    """How many patches lie wholly inside a length."""
    return max(0, (length - patch) // stride + 1)


def _reflected(images: Tensor, patch: int, stride: int) -> Tensor:
    """B × 1 × H × W → the same continued to the end of the grid on all sides."""
    before = _outside(patch, stride) * stride
    for axis in (2, 3):
        length = images.shape[axis]
        after = (length - 1) // stride * stride + patch
        places = torch.arange(-before, after, device=images.device)
        # A triangle wave of period 2 (n - 1): 0 1 2 … n-1 … 2 1 0 1 …
        places = (places % max(1, 2 * (length - 1)) - (length - 1)).abs()
        images = images.index_select(axis, length - 1 - places)
    return images


def _average(grid: Tensor, length: int, patch: int, stride: int) -> Tensor:
    """B × R × G of the grid's patches → B × R × length, the mean of those that cover a pixel."""
    count, blocks = grid.shape[-1], _outside(patch, stride) + 1
    # In blocks of a stride, each of which holds the pixels with the same patches, but for a rest.
    total = grid.new_zeros(*grid.shape[:-1], count + blocks - 1, stride)
    votes = grid.new_zeros(total.shape[-2:])
    for block in range(blocks):
        wide = min(stride, patch - block * stride)
        total[..., block : block + count, :wide] += grid[..., None]
        votes[block : block + count, :wide] += 1
    kept = slice((blocks - 1) * stride, (blocks - 1) * stride + length)
    return total.flatten(-2)[..., kept] / votes.flatten()[kept]


def _nearest(grid: Tensor, length: int, patch: int, stride: int) -> Tensor:
    """B × R × G of the grid's patches → B × R × length, that whose centre p // 2 is nearest."""
    pixels = torch.arange(length, device=grid.device)
    chosen = (pixels - patch // 2 + stride // 2).div(stride, rounding_mode="floor")
    return grid.index_select(-1, chosen + _outside(patch, stride))
