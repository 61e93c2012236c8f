"""What the segmentation networks share: padding, convolutions, a contracting and an expanding path.

Every path has `depth` levels about a bottleneck. Level l works on 1/2^l of the image's rows and
columns; a network pads an image to a multiple of 2^depth, mirrored at its edges, and cuts its
answer back, so that any image of 16 px or more has a map of its own size.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST = 16
DEEPEST = 5
NORMS = ("batch", "none")

Block = Callable[[int, int], nn.Module]
"""Channels in and out → B × in × h × w to B × out × h × w."""


def check_images(images: Tensor, channels: int) -> None:
    """Refuse what is no batch of images.

    Args:
        images: what a network was called with.
        channels: that it takes.

    Raises:
        ValueError: another number of axes or channels, or a side below 16 px.
    """
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != channels or min(shape[2:]) < SMALLEST:
        raise ValueError(
            f"images have shape {shape}; wanted B × {channels} × H × W with sides of {SMALLEST} px "
            "or more"
        )


def check_widths(base: int, depth: int) -> list[int]:
    """Channels of the levels and the bottleneck: base, 2·base, … base·2^depth.

    Raises:
        ValueError: base below 1, or depth outside 1 to 5.
    """
    if base < 1:
        raise ValueError(f"base is {base}; it must be 1 or more")
    if not 1 <= depth <= DEEPEST:
        raise ValueError(f"depth is {depth}; allowed are 1 to {DEEPEST}")
    return [base * 2**level for level in range(depth + 1)]


def padded(images: Tensor, multiple: int) -> Tensor:
    """Mirror an image's edges until both sides are a multiple; the larger half comes last.

    Args:
        images: B × C × H × W float, sides above multiple / 2.
        multiple: 1 or more.
    """
    missing = [-side % multiple for side in images.shape[2:]]
    if not any(missing):
        return images
    (top, bottom), (left, right) = ((one // 2, one - one // 2) for one in missing)
    return functional.pad(images, (left, right, top, bottom), mode="reflect")


def cut_back(map_: Tensor, images: Tensor) -> Tensor:
    """The part of a map of padded images that lies over the images themselves.

    Args:
        map_: B × K × H' × W', of `padded(images, …)`.
        images: B × C × H × W, before padding.
    """
    rows, columns = images.shape[2:]
    top, left = (map_.shape[2] - rows) // 2, (map_.shape[3] - columns) // 2
    return map_[:, :, top : top + rows, left : left + columns]


def convolution(inputs: int, outputs: int, kernel: int = 3, norm: str = "batch") -> nn.Sequential:
    """Convolution of the same size, batch normalisation if asked, ReLU.

    Args:
        inputs, outputs: channels.
        kernel: side, odd.
        norm: batch, or none, with which the convolution has a bias.

    Raises:
        ValueError: another norm.
    """
    if norm not in NORMS:
        raise ValueError(f"norm is {norm!r}; allowed are {' and '.join(NORMS)}")
    normalised = norm == "batch"
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=not normalised)
    ]
    if normalised:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def double_convolution(inputs: int, outputs: int, norm: str = "batch") -> nn.Sequential:
    """Two 3 × 3 convolutions, the block of U-Net."""
    return nn.Sequential(
        convolution(inputs, outputs, norm=norm), convolution(outputs, outputs, norm=norm)
    )


class Encoder(nn.Module):
    """A contracting path: a block a level, 2 × 2 maximum pooling between them.

    Args:
        channels: of the image.
        widths: channels of each level and of the bottleneck.
        block: builds one of them.
    """

    def __init__(self, channels: int, widths: Sequence[int], block: Block) -> None:
        super().__init__()
        self.levels = nn.ModuleList(block(*pair) for pair in pairwise((channels, *widths)))

    def forward(self, images: Tensor) -> list[Tensor]:
        """B × channels × H × W → of each level l B × widths[l] × H/2^l × W/2^l, bottleneck last."""
        maps = [self.levels[0](images)]
        for level in self.levels[1:]:
            maps.append(level(functional.max_pool2d(maps[-1], 2)))
        return maps


class Rise(nn.Module):
    """One step of an expanding path: a 2 × 2 transposed convolution, the skipped map, a block.

    Args:
        inputs: channels from below.
        skipped: channels of the map of the contracting path.
        outputs: channels of the transposed convolution and of the result.
        block: builds what follows the concatenation.
    """

    def __init__(self, inputs: int, skipped: int, outputs: int, block: Block) -> None:
        super().__init__()
        self.rise = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.block = block(outputs + skipped, outputs)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """B × inputs × h × w and B × skipped × 2h × 2w → B × outputs × 2h × 2w."""
        risen: Tensor = self.block(torch.cat([skip, self.rise(below)], dim=1))
        return risen


class Decoder(nn.Module):
    """An expanding path, the mirror of an `Encoder`.

    Args:
        widths: channels of each level and of the bottleneck, as the encoder's.
        block: builds one level.
    """

    def __init__(self, widths: Sequence[int], block: Block) -> None:
        super().__init__()
        upwards = pairwise(reversed(widths))
        self.levels = nn.ModuleList(Rise(below, own, own, block) for below, own in upwards)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """An encoder's maps → the decoder's, lowest level first: the last is of full size."""
        risen = [maps[-1]]
        for level, skip in zip(self.levels, reversed(maps[:-1]), strict=True):
            risen.append(level(risen[-1], skip))
        return risen[1:]


def initialise(network: nn.Module) -> None:
    """Draw all convolutions so that variance passes: He-normal in front of a ReLU, zero biases.

    No ReLU follows a transposed convolution, and without overlap each of its outputs is a sum over
    the channels alone: its weights have the variance 1 / channels.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=module.in_channels**-0.5)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
