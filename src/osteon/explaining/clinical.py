"""What each clinical value does to the answer: gradient, gradient × input, integrated gradients."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from osteon.explaining.calls import logit_of, still
from osteon.explaining.integrated import integrated_gradients

KINDS = ("gradient", "grad_x_input", "integrated")


def clinical_attributions(
    network: nn.Module,
    inputs: tuple[Tensor, Tensor],
    target: int,
    baseline: NDArray[np.float32],
    *,
    steps: int = 16,
) -> dict[str, NDArray[np.float64]]:
    """Attributions of a class's logit to the clinical inputs of an (image, clinical) network.

    Args:
        network: called as `network(image, clinical)`, in evaluation mode; however it joins the two.
        inputs: B × C × H × W and B × d, the normalised values as in training.
        target: the class.
        baseline: (d,) where integrated gradients start, for instance the middle of normal.
        steps: of integrated gradients.

    Returns:
        gradient (per unit of the normalised value), grad_x_input and integrated, each B × d.
    """
    image, clinical = inputs
    value = clinical.detach().clone().requires_grad_()
    with still(network), torch.enable_grad():
        total = logit_of(network, target)(image, value).sum()
        (gradient,) = torch.autograd.grad(total, value)
    start = torch.from_numpy(np.array(baseline, np.float32))[None]
    integrated = integrated_gradients(network, inputs, start, target, which=1, steps=steps)
    found = (gradient, gradient * clinical, integrated)
    return {
        kind: values.detach().cpu().numpy().astype(np.float64)
        for kind, values in zip(KINDS, found, strict=True)
    }
