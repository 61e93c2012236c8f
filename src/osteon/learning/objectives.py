"""What a network is trained for, and how its output is read as probabilities."""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Objective(Protocol):
    """A loss on a network's output, and the reading of that output."""

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss over a batch, a scalar."""
        ...

    def probabilities(self, output: Tensor) -> Tensor:
        """B × classes float64 in [0, 1] whose rows sum to 1."""
        ...


class SoftmaxObjective:
    """Cross-entropy on one logit a class."""

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """B × classes logits and B int64 labels → mean cross-entropy in nats."""
        return functional.cross_entropy(output.float(), target)

    def probabilities(self, output: Tensor) -> Tensor:
        """B × classes logits → B × classes float64."""
        return torch.softmax(output.double(), dim=1)


class SigmoidObjective:
    """Binary cross-entropy on one logit, that of class 1."""

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """B × 1 logits and B int64 labels in {0, 1} → mean binary cross-entropy in nats."""
        return functional.binary_cross_entropy_with_logits(output[:, 0].float(), target.float())

    def probabilities(self, output: Tensor) -> Tensor:
        """B × 1 logits → B × 2 float64: class 0, class 1."""
        positive = torch.sigmoid(output[:, 0].double())
        return torch.stack([1 - positive, positive], dim=1)
