"""Losses and probabilities against their formulae; what a network adds to its loss."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from osteon.learning.objectives import (
    DetectionObjective,
    SigmoidObjective,
    SoftmaxObjective,
    Weighted,
    balanced_weights,
    further_losses,
)

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 3.0]])


def test_cross_entropy_of_three_classes() -> None:
    found = SoftmaxObjective().losses(LOGITS, torch.tensor([0, 1]))
    given_ = [math.exp(2) / (math.exp(2) + math.exp(-1) + math.exp(0.5)), 1 / (2 + math.exp(3))]
    np.testing.assert_allclose(found, [-math.log(p) for p in given_], rtol=1e-6)
    assert SoftmaxObjective().loss(LOGITS, torch.tensor([0, 1])) == pytest.approx(found.mean())


def test_smoothing_mixes_in_the_mean_over_the_classes() -> None:
    plain = torch.stack([SoftmaxObjective().losses(LOGITS, torch.full((2,), k)) for k in range(3)])
    found = SoftmaxObjective(0.3).losses(LOGITS, torch.tensor([0, 2]))
    own = torch.stack([plain[0, 0], plain[2, 1]])
    torch.testing.assert_close(found, 0.7 * own + 0.3 * plain.mean(0))


@pytest.mark.parametrize("positive", [0, 1])
def test_a_single_logit_speaks_for_its_class(positive) -> None:
    objective = SigmoidObjective(positive)
    logit = torch.tensor([[1.5]])
    probability = objective.probabilities(logit)
    assert probability[0, positive] == pytest.approx(1 / (1 + math.exp(-1.5)))
    assert probability.sum() == pytest.approx(1)
    for target in (0, 1):
        loss = objective.loss(logit, torch.tensor([target])).item()
        assert loss == pytest.approx(-math.log(probability[0, target]), rel=1e-6)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_classes_weigh_alike_and_a_case_one_on_average(labels) -> None:
    own = np.array(labels)
    weights = np.array(balanced_weights(own))[own]
    assert weights.mean() == pytest.approx(1)
    sums = [weights[own == label].sum() for label in np.unique(own)]
    assert sums == pytest.approx([sums[0]] * len(sums))


def test_weights_multiply_losses_and_leave_probabilities() -> None:
    target = torch.tensor([0, 1])
    weighted = Weighted(SoftmaxObjective(), (2.0, 0.5, 1.0))
    plain = SoftmaxObjective().losses(LOGITS, target)
    torch.testing.assert_close(weighted.losses(LOGITS, target), plain * torch.tensor([2.0, 0.5]))
    torch.testing.assert_close(
        weighted.probabilities(LOGITS), SoftmaxObjective().probabilities(LOGITS)
    )


def test_penalty_and_auxiliary_outputs_are_added() -> None:
    network, target = nn.Linear(1, 1), torch.tensor([0, 1])
    assert further_losses(network, SoftmaxObjective(), target) == 0
    network.penalty = lambda: torch.tensor(0.25)
    network.auxiliary, network.auxiliary_weight = [LOGITS, LOGITS], 0.3
    one = SoftmaxObjective().loss(LOGITS, target)
    found = further_losses(network, SoftmaxObjective(), target)
    torch.testing.assert_close(found, 0.25 + 0.6 * one)


def test_what_is_right_is_counted_by_the_most_probable_class() -> None:
    target = torch.tensor([0, 1])
    assert SoftmaxObjective().right(LOGITS, target) == 1
    assert SoftmaxObjective().right(LOGITS, torch.tensor([0, 2])) == 2
    logit = torch.tensor([[1.0], [-1.0], [2.0]])
    assert SigmoidObjective().right(logit, torch.tensor([1, 1, 0])) == 1
    assert SigmoidObjective(0).right(logit, torch.tensor([1, 1, 0])) == 2
    assert Weighted(SoftmaxObjective(), (2.0, 0.5, 1.0)).right(LOGITS, target) == 1


def test_a_detectors_losses_are_added_up_by_weight() -> None:
    output = torch.tensor([[1.0, 2.0, 3.0, 4.0]] * 3)
    target = torch.tensor([0, 1, 1])
    assert DetectionObjective().losses(output, target).tolist() == [10.0] * 3
    assert DetectionObjective().loss(output, target) == 10
    found = DetectionObjective((1.0, 0.5, 0.0, 2.0)).losses(output.bfloat16(), target)
    assert found.tolist() == [10.0] * 3 and found.dtype == torch.float32


def test_a_detectors_boxes_become_numbers_and_padding_stays_missing() -> None:
    boxes = torch.arange(24, dtype=torch.float32).reshape(2, 2, 6)
    boxes[1, 1] = torch.nan
    found = DetectionObjective().probabilities(boxes)
    assert found.shape == (2, 12) and found.dtype == torch.float64
    assert found[0].tolist() == list(range(12)) and found[1, 6:].isnan().all()


@pytest.mark.parametrize(
    "objective", [DetectionObjective(), Weighted(DetectionObjective(), (1.0, 2.0))]
)
def test_a_detector_in_training_does_not_say_what_is_right(objective) -> None:
    assert objective.right(torch.ones(2, 4), torch.tensor([0, 1])).isnan()
