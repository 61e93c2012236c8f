"""Integrated gradients (Sundararajan et al. 2017, ICML), by captum, of any input of a network."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.explaining.calls import logit_of, still

CELLS = 8


def integrated_gradients(
    network: nn.Module,
    inputs: tuple[Tensor, ...],
    baseline: Tensor,
    target: int,
    *,
    which: int = 0,
    steps: int = 16,
    batch: int = 128,
) -> Tensor:
    """What each value of one input adds to a class's logit on the straight way from a baseline.

    Gauss–Legendre quadrature; the sum over an input is the logit's difference between input and
    baseline (completeness) up to the error of the quadrature.

    Args:
        network: called as `network(*inputs)`, in evaluation mode.
        inputs: tensors with B rows each.
        baseline: of the shape of `inputs[which]`, or of one row of it with a leading 1.
        target: the class.
        which: number of the input that is explained; all others are held.
        steps: points of the quadrature, each one forward and one backward pass.
        batch: rows in one pass (cases × steps), 1 or more.

    Returns:
        float32 of the shape of `inputs[which]`, unbounded.

    Raises:
        ValueError: no such input or class, or fewer than one step.
    """
    from captum.attr import IntegratedGradients

    if not 0 <= which < len(inputs) or steps < 1:
        raise ValueError(f"which: {which} of {len(inputs)} inputs with steps={steps}, at least 1")
    logit = logit_of(network, target)

    def of_value(value: Tensor, *others: Tensor) -> Tensor:
        return logit(*others[:which], value, *others[which:])

    method = IntegratedGradients(of_value)
    value, others = inputs[which].detach(), inputs[:which] + inputs[which + 1 :]
    start = baseline.to(value).expand_as(value)
    found, cases = [], max(1, batch // steps)
    with still(network), torch.enable_grad():
        # Captum lays all steps out at once; a few cases at a time keep that small, and where the
        # steps of a single case are too many for one pass, captum divides them.
        for first in range(0, len(value), cases):
            part = slice(first, first + cases)
            rest = tuple(one[part] for one in others)
            found.append(
                method.attribute(
                    value[part],
                    start[part],
                    additional_forward_args=rest or None,
                    n_steps=steps,
                    internal_batch_size=batch if batch < steps else None,
                )
            )
    return torch.cat(found).detach().float()


def absence(image: Tensor, cells: int = CELLS) -> Tensor:
    """The image without its detail: means of cells × cells blocks, interpolated back.

    Baseline of integrated gradients on an image, and what takes the place of pixels in deletion
    and insertion. A black image would make dark lesions invisible to the first and paint new edges
    in the second. Being linear in each channel, it is the same picture however the channels are
    shifted and scaled before the network sees them.

    Args:
        image: B × C × H × W float; cells: blocks along each side.
    """
    small = functional.adaptive_avg_pool2d(image, cells)
    return functional.interpolate(small, image.shape[2:], mode="bilinear", align_corners=False)


def evidence(attribution: Tensor) -> Tensor:
    """B × C × H × W attributions → B × H × W at or above 0: what speaks for the class.

    The sum over the channels of a pixel, which a grey image holds three times, without what speaks
    against the class, as in Grad-CAM.
    """
    return attribution.sum(1).clamp(min=0)
