"""Probabilities by a trained network."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from osteon.learning.batches import Cases, feed
from osteon.learning.objectives import Objective


@torch.no_grad()
def predict(
    network: nn.Module,
    objective: Objective,
    cases: Cases,
    index: NDArray[np.int64],
    device: torch.device,
    batch: int = 64,
) -> NDArray[np.float64]:
    """Class probabilities in single precision and evaluation mode.

    Returns:
        len(index) × classes float64 in [0, 1], rows sum to 1, in the order of `index`; of a
        detector what its objective reads. 0 × 0 for no index.
    """
    network.eval()
    if not len(index):
        return np.empty((0, 0))
    parts = np.split(index, range(batch, len(index), batch))
    outputs = [
        objective.probabilities(network(*case.inputs)).cpu().numpy()
        for case in feed(cases, parts, device)
    ]
    return np.concatenate(outputs)


@torch.no_grad()
def validate(
    network: nn.Module,
    objective: Objective,
    cases: Cases,
    index: NDArray[np.int64],
    device: torch.device,
    batch: int = 64,
) -> tuple[float, float | None]:
    """Mean loss over the cases and their AUROC (None unless both of two classes are there)."""
    from sklearn.metrics import roc_auc_score

    network.eval()
    total, scores = 0.0, []
    for case in feed(cases, np.split(index, range(batch, len(index), batch)), device):
        output = network(*case.inputs)
        total += objective.loss(output, case.target).item() * len(case.target)
        scores.append(objective.probabilities(output).cpu().numpy())
    probabilities, labels = np.concatenate(scores), cases.labels[index]
    if probabilities.shape[1] != 2 or len(set(labels.tolist())) < 2:
        return total / len(index), None
    return total / len(index), float(roc_auc_score(labels, probabilities[:, 1]))
