"""What a network is trained for, and how its output is read as probabilities."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


class Objective(Protocol):
    """A loss on a network's output, and the reading of that output."""

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """One loss a case, (B,)."""
        ...

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss over a batch, a scalar."""
        ...

    def probabilities(self, output: Tensor) -> Tensor:
        """B × classes float64 in [0, 1] whose rows sum to 1."""
        ...

    def right(self, output: Tensor, target: Tensor) -> Tensor:
        """How many of a batch are answered rightly, a scalar; NaN where training cannot say."""
        ...


class _Mean:
    """The mean over the cases of a batch."""

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        raise NotImplementedError

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss over a batch, in nats."""
        return self.losses(output, target).mean()

    def probabilities(self, output: Tensor) -> Tensor:
        raise NotImplementedError

    def right(self, output: Tensor, target: Tensor) -> Tensor:
        """How many of a batch have their own class as the most probable, a scalar."""
        return (self.probabilities(output).argmax(1) == target).sum()


@dataclass(frozen=True)
class SoftmaxObjective(_Mean):
    """Cross-entropy on one logit a class.

    Attributes:
        smoothing: share of the target that is spread evenly over all classes.
    """

    smoothing: float = 0.0

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """B × classes logits and B int64 labels → (B,) cross-entropy in nats."""
        return functional.cross_entropy(
            output.float(), target, reduction="none", label_smoothing=self.smoothing
        )

    def probabilities(self, output: Tensor) -> Tensor:
        """B × classes logits → B × classes float64."""
        return torch.softmax(output.double(), dim=1)


@dataclass(frozen=True)
class SigmoidObjective(_Mean):
    """Binary cross-entropy on one logit, that of one of two classes.

    Attributes:
        positive: the class that the logit speaks for, 0 or 1.
    """

    positive: int = 1

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """B × 1 logits and B int64 labels in {0, 1} → (B,) binary cross-entropy in nats."""
        return functional.binary_cross_entropy_with_logits(
            output[:, 0].float(), (target == self.positive).float(), reduction="none"
        )

    def probabilities(self, output: Tensor) -> Tensor:
        """B × 1 logits → B × 2 float64: class 0, class 1."""
        own = torch.sigmoid(output[:, 0].double())
        both = (1 - own, own) if self.positive == 1 else (own, 1 - own)
        return torch.stack(both, dim=1)


@dataclass(frozen=True)
class Weighted(_Mean):
    """An objective in which a case weighs as its class does.

    Attributes:
        inner: gives the losses and reads the output.
        weights: one a class.
    """

    inner: Objective
    weights: tuple[float, ...]

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """The inner losses, each times the weight of its class, (B,)."""
        weights = torch.tensor(self.weights, device=target.device)
        return weights[target] * self.inner.losses(output, target)

    def probabilities(self, output: Tensor) -> Tensor:
        """As the inner objective reads them."""
        return self.inner.probabilities(output)

    def right(self, output: Tensor, target: Tensor) -> Tensor:
        """As the inner objective counts them."""
        return self.inner.right(output, target)


@dataclass(frozen=True)
class DetectionObjective(_Mean):
    """The losses that a detector forms by itself, and its boxes as numbers.

    Attributes:
        weights: of the classifier's, box, objectness and proposal-box loss.
    """

    weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """B × 4 losses, each the batch mean → (B,) weighted sum."""
        return output.float() @ output.new_tensor(self.weights, dtype=torch.float32)

    def probabilities(self, output: Tensor) -> Tensor:
        """B × top × 6 boxes with two probabilities → B × (top · 6) float64, NaN for none."""
        return output.double().flatten(1)

    def right(self, output: Tensor, target: Tensor) -> Tensor:
        """NaN: in training a detector gives losses, no answers."""
        return torch.tensor(torch.nan, device=output.device)


def balanced_weights(labels: NDArray[np.int64]) -> tuple[float, ...]:
    """n / (K · n_k) for each class: classes weigh alike, and a case weighs 1 on average.

    Args:
        labels: of the training cases; a class that none of them has weighs 0.
    """
    counts = np.bincount(labels)
    present = np.count_nonzero(counts)
    return tuple(len(labels) / (present * n) if n else 0.0 for n in counts.tolist())


def further_losses(network: Any, objective: Objective, target: Tensor) -> Tensor | float:
    """What a network adds to the loss of its output, after a forward pass in training mode.

    Args:
        network: a module that may have `penalty()`, a scalar, and `auxiliary`, a list of further
            outputs whose losses count `auxiliary_weight` each (GoogLeNet).
        objective: judges the further outputs.
        target: B int64 labels.
    """
    total: Tensor | float = 0.0
    if hasattr(network, "penalty"):
        total = total + network.penalty()
    for output in getattr(network, "auxiliary", ()):
        total = total + network.auxiliary_weight * objective.loss(output, target)
    return total
