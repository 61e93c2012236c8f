"""MultiResUNet, a U-Net of blocks of several scales.

Paper: Ibtehaz N., Rahman M. S., MultiResUNet: rethinking the U-Net architecture for multimodal
biomedical image segmentation, Neural Networks 2020. Source status: found, the authors' own code
(github.com/nibtehaz/MultiResUNet, MIT); this is written from its description, nothing is copied.

A MultiRes block lays three 3 × 3 convolutions in a row, whose outputs see 3, 5 and 7 px, and joins
them; a 1 × 1 convolution goes round them. With W = 1.67 · U they have int(0.167 W), int(0.333 W)
and int(0.5 W) channels (the paper's text: W/6, W/3 and W/2):

| level | U | 3 × 3 / "5 × 5" / "7 × 7" | out | units of the skipping path |
|---|---|---|---|---|
| 0 | 32 | 8 / 17 / 26 | 51 | 4 |
| 1 | 64 | 17 / 35 / 53 | 105 | 3 |
| 2 | 128 | 35 / 71 / 106 | 212 | 2 |
| 3 | 256 | 71 / 142 / 213 | 426 | 1 |
| bottleneck | 512 | 142 / 284 / 427 | 853 | |

A skipping path has U channels; its units are a 3 × 3 and a 1 × 1 convolution, added.

With one channel 7,244,528 parameters, with three 7,244,774. Counted in Keras' way (running
statistics too, no scale in a convolution's normalisation, a normalised head without a bias) the
latter are 7,262,750: the paper's 7.26 million (from memory).

The repository has two orders behind an addition: `keras`, of the authors' first release, has the
ReLU in front of the batch normalisation; `pytorch`, of their port, behind it.

Deviations and additions:
- every normalisation has a scale and a shift; those of Keras' convolutions have a shift only;
- each normalisation of a path stands for itself; the port uses one object at two places;
- the head is a 1 × 1 convolution with a bias to one logit, without normalisation or sigmoid;
- He-normal weights; Keras draws Glorot-uniform ones;
- images are padded inside to a multiple of 16;
- `width` scales every U, and `depth` the levels, for quick runs.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.networks.segmentation_blocks import (
    Rise,
    check_images,
    check_widths,
    convolution,
    cut_back,
    initialise,
    padded,
)

BASE = 32
SHARES = (0.167, 0.333, 0.5)
ORDERS = ("keras", "pytorch")
Order = Literal["keras", "pytorch"]


def block_channels(width: int, alpha: float = 1.67) -> tuple[int, int, int]:
    """Channels of the three convolutions of a MultiRes block; none has fewer than one.

    Args:
        width: U, of the U-Net's level that the block replaces.
        alpha: W = alpha · U.
    """
    few, some, most = (max(1, int(share * alpha * width)) for share in SHARES)
    return few, some, most


class MultiResUNet(nn.Module):
    """The segmenter.

    Args:
        channels: of the image.
        alpha: factor of the blocks' channels, above 0.
        width: factor on the channels of all levels, above 0; level 0 has max(1, round(32 · width)).
        depth: poolings, 1 to 5.
        norm_order: keras or pytorch, see above.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    def __init__(
        self,
        channels: int = 1,
        *,
        alpha: float = 1.67,
        width: float = 1.0,
        depth: int = 4,
        norm_order: Order = "keras",
    ) -> None:
        super().__init__()
        _check(alpha, width, norm_order)
        widths = check_widths(max(1, round(BASE * width)), depth)
        self.channels, self.multiple = channels, 2**depth

        def block(inputs: int, outputs: int) -> MultiResBlock:
            return MultiResBlock(inputs, block_channels(outputs, alpha), norm_order)

        made = [sum(block_channels(one, alpha)) for one in widths]
        self.blocks = nn.ModuleList(map(block, (channels, *made[:-1]), widths))
        self.paths = nn.ModuleList(
            ResPath(found, own, depth - level, norm_order)
            for level, (found, own) in enumerate(zip(made[:-1], widths[:-1], strict=True))
        )
        self.rises = nn.ModuleList(
            Rise(made[level + 1], widths[level], widths[level], block)
            for level in reversed(range(depth))
        )
        initialise(self)
        self.head = nn.Conv2d(made[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """B × C × H × W float in [0, 1], sides of 16 px or more → B × 1 × H × W float, logits.

        Raises:
            ValueError: another number of axes or channels, or a smaller side.
        """
        check_images(images, self.channels)
        maps = [self.blocks[0](padded(images, self.multiple))]
        for block in self.blocks[1:]:
            maps.append(block(functional.max_pool2d(maps[-1], 2)))
        result = maps.pop()
        for rise, path, skip in zip(self.rises, reversed(self.paths), reversed(maps), strict=True):
            result = rise(result, path(skip))
        return cut_back(self.head(result), images)


class MultiResBlock(nn.Module):
    """Three convolutions in a row, joined, beside a 1 × 1 one.

    Args:
        inputs: channels of the map.
        channels: of the three convolutions; the block gives their sum.
        order: keras or pytorch.
    """

    def __init__(self, inputs: int, channels: tuple[int, int, int], order: Order) -> None:
        super().__init__()
        outputs = sum(channels)
        self.row = nn.ModuleList(convolution(*pair) for pair in pairwise((inputs, *channels)))
        self.norm = nn.BatchNorm2d(outputs)
        self.shortcut = _shortcut(inputs, outputs)
        self.after = _after(outputs, order)

    def forward(self, maps: Tensor) -> Tensor:
        """B × inputs × H × W → B × sum(channels) × H × W."""
        found = [maps]
        for layer in self.row:
            found.append(layer(found[-1]))
        result: Tensor = self.after(self.norm(torch.cat(found[1:], 1)) + self.shortcut(maps))
        return result


class ResPath(nn.Sequential):
    """What a map goes through on its way to the other side.

    Args:
        inputs: channels of the map.
        outputs: channels of every unit.
        length: number of units.
        order: keras or pytorch.
    """

    def __init__(self, inputs: int, outputs: int, length: int, order: Order) -> None:
        channels = (inputs, *[outputs] * length)
        super().__init__(*(ResUnit(*pair, order) for pair in pairwise(channels)))


class ResUnit(nn.Module):
    """A 3 × 3 convolution and a 1 × 1 one, added.

    Args:
        inputs, outputs: channels.
        order: keras or pytorch.
    """

    def __init__(self, inputs: int, outputs: int, order: Order) -> None:
        super().__init__()
        self.convolution = convolution(inputs, outputs)
        self.shortcut = _shortcut(inputs, outputs)
        self.after = _after(outputs, order)

    def forward(self, maps: Tensor) -> Tensor:
        """B × inputs × H × W → B × outputs × H × W."""
        result: Tensor = self.after(self.convolution(maps) + self.shortcut(maps))
        return result


def _shortcut(inputs: int, outputs: int) -> nn.Sequential:
    """A normalised 1 × 1 convolution without an activation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def _after(channels: int, order: Order) -> nn.Sequential:
    """What follows an addition."""
    norm, relu = nn.BatchNorm2d(channels), nn.ReLU()
    return nn.Sequential(relu, norm) if order == "keras" else nn.Sequential(norm, relu)


def _check(alpha: float, width: float, norm_order: str) -> None:
    for name, value in (("alpha", alpha), ("width", width)):
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be above 0")
    if norm_order not in ORDERS:
        raise ValueError(f"norm_order is {norm_order!r}; allowed are {' and '.join(ORDERS)}")
