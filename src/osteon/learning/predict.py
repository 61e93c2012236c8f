"""Probabilities by a trained network."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from osteon.learning.batches import Cases, feed
from osteon.learning.config import TrainingConfig
from osteon.learning.objectives import Objective


@torch.no_grad()
def predict(
    network: nn.Module,
    objective: Objective,
    cases: Cases,
    index: NDArray[np.int64],
    device: torch.device,
    batch: int = 64,
) -> NDArray[Any]:
    """What the objective reads of the network, in single precision and evaluation mode.

    Returns:
        len(index) rows in the order of `index`, of the objective's width and dtype: class
        probabilities as float64 in [0, 1] that sum to 1, a detector's boxes, a segmenter's map as
        uint8. 0 × 0 for no index.
    """
    network.eval()
    if not len(index):
        return np.empty((0, 0))
    parts = np.split(index, range(batch, len(index), batch))
    found: NDArray[Any] = np.empty((0, 0))
    done = 0
    for part, case in zip(parts, feed(cases, parts, device), strict=True):
        rows = objective.probabilities(network(*case.inputs)).cpu().numpy()
        if not done:  # filled in place: to join the parts at the end would take the memory twice
            found = np.empty((len(index), *rows.shape[1:]), rows.dtype)
        found[done : done + len(part)] = rows
        done += len(part)
    return found


def at_once(config: TrainingConfig, cases: Cases) -> int:
    """Cases that are judged together: as many as are learned from together, within reason.

    Args:
        config: of the loop.
        cases: may have `judged_at_once`, its own bound; else it is 64.
    """
    bound = getattr(cases, "judged_at_once", 64)
    return min(bound, config.micro_batch or config.batch)


@torch.no_grad()
def validate(
    network: nn.Module,
    objective: Objective,
    cases: Cases,
    index: NDArray[np.int64],
    device: torch.device,
    batch: int = 64,
) -> tuple[float, float | None]:
    """Mean loss over the cases and their AUROC.

    The AUROC is None unless both of two classes are there, and where scores are no numbers.
    """
    network.eval()
    total, scores = 0.0, []
    for case in feed(cases, np.split(index, range(batch, len(index), batch)), device):
        output = network(*case.inputs)
        total += objective.loss(output, case.target).item() * len(case.target)
        probabilities = objective.probabilities(output)
        if probabilities.shape[1] == 2:  # maps and boxes, which have no AUROC, are not kept
            scores.append(probabilities[:, 1].cpu().numpy())
    labels, score = cases.labels[index], np.concatenate(scores) if scores else np.empty(0)
    # Of a network that has diverged the loss tells.
    if not scores or len(set(labels.tolist())) < 2 or not np.isfinite(score).all():
        return total / len(index), None
    from sklearn.metrics import roc_auc_score

    return total / len(index), float(roc_auc_score(labels, score))
