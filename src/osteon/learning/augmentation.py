"""Chance applied to training images, each image by itself, by torchvision's transforms."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from osteon.learning.batches import Augment
from osteon.learning.config import Augmentation


def augmenting(config: Augmentation | None) -> Augment | None:
    """The augmentation of a batch, or None where nothing is asked for.

    Args:
        config: magnitudes.

    Returns:
        takes B × C × H × W float in [0, 1] and returns the same shape and range, bilinear, with 0
        (black) where an image does not reach. All chance is torch's: a seed repeats it.
    """
    if config is None:
        return None
    change = _transform(config)

    def augment(images: Tensor) -> Tensor:
        changed = torch.stack([change(image) for image in images])
        return changed.contiguous(memory_format=torch.channels_last)

    return augment


def _transform(config: Augmentation) -> Callable[[Tensor], Tensor]:
    from torchvision.transforms import InterpolationMode, v2

    steps: list[Any] = [
        v2.RandomHorizontalFlip(config.hflip),
        v2.RandomVerticalFlip(config.vflip),
    ]
    if config.rotate or config.translate or config.scale != (1.0, 1.0):
        moved = v2.RandomAffine(
            config.rotate,
            translate=(config.translate, config.translate),
            scale=config.scale,
            interpolation=InterpolationMode.BILINEAR,
        )
        steps.append(moved)
    return v2.Compose(steps)
