"""Answers keep their objective's kind, and large ones are not gathered twice."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from osteon.learning.config import TrainingConfig
from osteon.learning.predict import at_once, predict, validate
from osteon.learning.segmentation_objectives import RegionObjective
from tests.tiny_slices import SIDE, make_slices

CPU = torch.device("cpu")


class Bright(nn.Module):
    """A map of logits that is high where the image is bright; notes how many come together."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        return (images - 0.5) * 20


def test_maps_stay_bytes_in_the_order_asked_for(tmp_path) -> None:
    cases, index = make_slices(tmp_path), np.array([7, 2, 11, 0, 5])
    found = predict(Bright(), RegionObjective(), cases, index, CPU, 2)
    assert found.dtype == np.uint8 and found.shape == (5, SIDE * SIDE)
    (images,), _ = cases.place(cases.read(index), CPU)
    wanted = RegionObjective().probabilities(Bright()(images))
    np.testing.assert_array_equal(found, wanted)


def test_validation_of_maps_is_their_mean_loss_without_auroc(tmp_path) -> None:
    cases, index = make_slices(tmp_path), np.arange(7)
    loss, auroc = validate(Bright(), RegionObjective(), cases, index, CPU, 3)
    (images,), target = cases.place(cases.read(index), CPU)
    assert loss == pytest.approx(RegionObjective().loss(Bright()(images), target).item())
    assert auroc is None


def test_few_maps_are_computed_at_once(tmp_path, cases) -> None:
    config = TrainingConfig(batch=256)
    assert at_once(config, cases) == 64
    assert at_once(config, make_slices(tmp_path)) == 8
    assert at_once(TrainingConfig(batch=256, micro_batch=4), make_slices(tmp_path)) == 4
    assert at_once(TrainingConfig(batch=5), cases) == 5
