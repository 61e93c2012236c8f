"""The first steps of an image-only network: refuse what is too small, shift and scale each channel.

The figures are buffers, so they are saved with the weights and a saved network needs nothing else.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Mode = Literal["none", "imagenet", "fold"]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SMALLEST_STD = 1e-3
"""Below this a channel is taken for constant and only shifted."""


def check_side(image: Tensor, smallest: int) -> None:
    """Refuse an image (B × C × H × W) with a side that poolings would use up.

    Raises:
        ValueError: H or W below `smallest` px.
    """
    if min(image.shape[2:]) < smallest:
        raise ValueError(
            f"image is {image.shape[2]} × {image.shape[3]} px; allowed are sides from {smallest} px"
        )


class Standardise(nn.Module):
    """(x − mean) / std by channel.

    Args:
        mode: `none` leaves the image as it is, `imagenet` takes the published figures (RGB only),
            `fold` waits for those of a fold's training images (`set`), as 0 and 1 until then.
        channels: of the image.

    Raises:
        ValueError: an unknown mode, or `imagenet` with another number of channels than 3.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mode: Mode = "none", channels: int = 3) -> None:
        super().__init__()
        if mode not in ("none", "imagenet", "fold"):
            raise ValueError(f"mode: {mode!r} found, none, imagenet or fold allowed")
        if mode == "imagenet" and channels != 3:
            raise ValueError(f"channels: {channels} found, imagenet has figures for 3")
        self.mode = mode
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("std", torch.ones(channels, 1, 1))
        if mode == "imagenet":
            self.set(IMAGENET_MEAN, IMAGENET_STD)

    @torch.no_grad()
    def set(self, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor) -> None:
        """Take over one mean and one standard deviation a channel; a deviation near 0 counts as 1.

        Raises:
            ValueError: not as many figures as channels, or one that is no number.
        """
        for name, own, given in (("mean", self.mean, mean), ("std", self.std, std)):
            figures = torch.as_tensor(given, dtype=own.dtype, device=own.device).flatten()
            if len(figures) != len(own) or not figures.isfinite().all():
                raise ValueError(f"{name}: {figures.tolist()} found, {len(own)} numbers needed")
            own.copy_(figures[:, None, None])
        self.std[self.std < SMALLEST_STD] = 1.0

    def forward(self, image: Tensor) -> Tensor:
        """B × C × H × W float → the same shape, mean 0 and deviation 1 over the training images."""
        if self.mode == "none":
            return image
        return (image - self.mean) / self.std
