"""Channels end with mean 0 and deviation 1 over the training cases, and over no others."""

import numpy as np
import pytest
import torch
from torch import nn

from osteon.learning.batches import ImageCases
from osteon.learning.setup import standardise
from osteon.networks.standardise import IMAGENET_MEAN, IMAGENET_STD, Standardise


def _cases(folder, images: np.ndarray) -> ImageCases:
    np.save(folder / "images.npy", images)
    n = np.arange(len(images))
    return ImageCases(folder / "images.npy", n, None, n % 2, n, n.astype(str), "unit")


def test_modes() -> None:
    image = torch.rand(2, 3, 4, 4)
    assert Standardise("none")(image) is image
    mean, std = (torch.tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    torch.testing.assert_close(Standardise("imagenet")(image), (image - mean) / std)
    torch.testing.assert_close(Standardise("fold")(image), image)
    with pytest.raises(ValueError, match="mode: 'batch' found"):
        Standardise("batch")
    with pytest.raises(ValueError, match="channels: 4 found"):
        Standardise("imagenet", 4)


def test_figures_come_from_training_cases_alone(tmp_path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    images[30:] = 255  # not trained on
    cases, train = _cases(tmp_path, images), np.arange(30)
    network = nn.Sequential(Standardise("fold"), nn.Conv2d(3, 1, 1))
    standardise(network, cases, train)
    inputs = cases.place(cases.read(train), torch.device("cpu")).inputs
    assert len(inputs) == 1
    scaled = network[0](inputs[0]).double()
    torch.testing.assert_close(scaled.mean((0, 2, 3)), torch.zeros(3).double(), atol=1e-5, rtol=0)
    deviation = scaled.std((0, 2, 3), correction=0)
    torch.testing.assert_close(deviation, torch.ones(3).double(), atol=1e-4, rtol=0)


def test_a_constant_channel_is_only_shifted_and_wrong_figures_are_refused() -> None:
    module = Standardise("fold")
    module.set([0.5, 0.5, 0.5], [0.0, 0.2, 0.2])
    assert module(torch.full((1, 3, 2, 2), 0.5)).abs().max() == 0
    with pytest.raises(ValueError, match=r"mean: .* 3 numbers needed"):
        module.set([0.5], [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"std: .* 3 numbers needed"):
        module.set([0.5] * 3, [1.0, float("nan"), 1.0])


def test_figures_are_saved_with_the_weights() -> None:
    module, other = Standardise("fold"), Standardise("fold")
    module.set([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    other.load_state_dict(module.state_dict())
    image = torch.rand(1, 3, 3, 3)
    torch.testing.assert_close(other(image), module(image))
