"""Augmentation changes each image by itself, stays in range, and follows torch's seed."""

import pytest
import torch
from pydantic import ValidationError

from osteon.learning.augmentation import augmenting
from osteon.learning.config import Augmentation

ALL = Augmentation(translate=0.1, scale=(0.9, 1.1), rotate=20, hflip=0.5, vflip=0.5)


def _images(count: int = 6) -> torch.Tensor:
    image = torch.zeros(1, 3, 16, 16)
    image[:, 0, 2:6, 3:12] = 1.0
    image[:, 2, 9:, 9:] = 0.5
    return image.repeat(count, 1, 1, 1)


def test_nothing_asked_for_is_nothing_done() -> None:
    assert augmenting(None) is None


def test_each_image_is_changed_by_itself_and_by_the_seed() -> None:
    augment = augmenting(ALL)
    torch.manual_seed(3)
    first = augment(_images())
    assert first.shape == (6, 3, 16, 16)
    assert first.min() >= 0 and first.max() <= 1
    assert len({tuple(image.flatten().tolist()) for image in first}) == 6
    torch.manual_seed(3)
    assert torch.equal(augment(_images()), first)


@pytest.mark.parametrize(("name", "axis"), [("hflip", 3), ("vflip", 2)])
def test_a_certain_flip_is_a_mirror_image(name, axis) -> None:
    augment = augmenting(Augmentation(**{name: 1.0}))
    assert torch.equal(augment(_images()), _images().flip(axis))


def test_no_magnitude_leaves_the_image() -> None:
    assert torch.equal(augmenting(Augmentation())(_images()), _images())


@pytest.mark.parametrize(
    "wrong", [{"scale": (1.2, 0.9)}, {"rotate": 200}, {"translate": -1}, {"shear": 3}]
)
def test_impossible_magnitudes_are_refused(wrong) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Augmentation(**wrong)
