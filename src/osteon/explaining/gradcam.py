"""Grad-CAM (Selvaraju et al. 2017, ICCV, equations 1 and 2), by captum."""

import torch
from torch import Tensor, nn

from osteon.explaining.calls import layer_of, logit_of, still


def grad_cam(
    network: nn.Module,
    layer: nn.Module | str,
    inputs: tuple[Tensor, ...],
    target: int,
    *,
    signed: bool = False,
) -> Tensor:
    """Where a convolutional layer speaks for a class.

    The layer's channels are summed with the spatial mean of the gradient of the class's logit as
    weight; what speaks against the class is set to 0.

    Args:
        network: called as `network(*inputs)`, in evaluation mode; its own mode is left as it was.
        layer: a module, or its name in the network, whose output is B × C × h × w.
        inputs: tensors with B rows each, on the network's device; the first is the image.
        target: the class.
        signed: keep what speaks against the class, as negative values.

    Returns:
        B × h × w float32 at the layer's resolution; 0 or more unless `signed`.

    Raises:
        ValueError: no such layer or class, or the layer's output is not B × C × h × w.
    """
    from captum.attr import LayerGradCam

    method = LayerGradCam(logit_of(network, target), layer_of(network, layer))
    with still(network), torch.enable_grad():
        # A detached view: captum marks what it is given as needing gradients.
        found = method.attribute(
            inputs[0].detach(),
            additional_forward_args=inputs[1:] or None,
            relu_attributions=not signed,
        )
    if found.ndim != 4:
        raise ValueError(f"layer: output has {found.ndim} axes; wanted B × C × h × w")
    return found[:, 0].detach().float()
