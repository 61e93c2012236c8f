"""Every image-only network can be explained and its weights shuffled: Dirac starts, free matrices,
batch normalisation, figures of standardisation."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from osteon.explaining.gradcam import grad_cam
from osteon.explaining.integrated import absence, evidence, integrated_gradients
from osteon.explaining.randomisation import map_correlation, randomised
from osteon.networks.alexnet import AlexNetBN
from osteon.networks.dense_attention import AttentionOptions
from osteon.networks.densenet import DenseNet
from osteon.networks.googlenet import GoogLeNet
from osteon.networks.smsdnet import SMSDNet
from osteon.networks.standardise import Standardise

Build = Callable[[int], nn.Module]
SMALL = {"growth": 4, "layers": 3}
NETWORKS: dict[str, Build] = {
    "smsdnet": lambda logits: SMSDNet(logits, 64, **SMALL),
    "smsdnet_literal": lambda logits: SMSDNet(
        logits, 64, attention=AttentionOptions(form="literal", scale="learned"), **SMALL
    ),
    "smsdnet_rgb": lambda logits: SMSDNet(logits, 64, colour="rgb", standardise="fold", **SMALL),
    "plain": lambda logits: SMSDNet(logits, 64, attention=None, multi_scale=False, **SMALL),
    "densenet": lambda logits: DenseNet(logits, growth=4, blocks=(1, 1, 1, 1), init_features=8),
    "alexnet": lambda logits: AlexNetBN(logits, width=0.125, standardise="fold"),
    "googlenet": lambda logits: GoogLeNet(logits, width=0.125),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return _started(NETWORKS[request.param](2))


def _started(network: nn.Module) -> nn.Module:
    """As if trained: no parameter and no buffer is as it was laid down."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, Standardise) and module.mode == "fold":
            module.set([0.4, 0.5, 0.6], [0.2, 0.3, 0.4])
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all passes, which three are enough for
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += (
                0.05 * parameter.std(correction=0).clamp(min=1e-3) * torch.randn_like(parameter)
            )
        network.train()
        for _ in range(3):
            network(_images(8))
    return network.eval()


def _images(count: int) -> torch.Tensor:
    """Coloured pictures in [0, 1] whose greys are equal in places."""
    torch.manual_seed(2)
    image = torch.rand(count, 3, 64, 64)
    image[:, 1:, :20] = image[:, :1, :20]
    image[:, :, -10:] = 0
    return image


@pytest.mark.parametrize("logits", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_both_methods_draw_finite_maps_of_the_last_class(name: str, logits: int) -> None:
    network = _started(NETWORKS[name](logits))
    inputs, target = (_images(3),), max(1, logits - 1)
    found = grad_cam(network, network.features_layer, inputs, target, signed=True)
    assert found.ndim == 3 and len(found) == 3 and torch.isfinite(found).all() and found.any()
    drawn = evidence(
        integrated_gradients(network, inputs, absence(inputs[0]), target, steps=4, batch=6)
    )
    assert drawn.shape == (3, 64, 64) and torch.isfinite(drawn).all() and drawn.any()


def test_every_layer_that_smsdnet_names_can_be_read() -> None:
    network = _started(NETWORKS["smsdnet"](2))
    sides = {
        name: grad_cam(network, layer, (_images(2),), 1).shape[-1]
        for name, layer in network.gradcam_layers.items()
    }
    assert sides == {"post": 8, "block4": 8, "f14": 4}


def test_shuffling_moves_every_parameter_and_no_figure_of_standardisation(
    network: nn.Module,
) -> None:
    before = copy.deepcopy(network.state_dict())
    inputs = (_images(6),)
    shuffled = randomised(network, 0, inputs)
    for (name, old), new in zip(network.named_parameters(), shuffled.parameters(), strict=True):
        torch.testing.assert_close(old.flatten().sort()[0], new.flatten().sort()[0])
        spread = old.flatten().unique().numel()
        assert spread < 8 or not torch.equal(old, new), name
    after = shuffled.state_dict()
    kept = [
        f"{name}.{what}"
        for name, module in network.named_modules()
        if isinstance(module, Standardise)
        for what in ("mean", "std")
    ]
    assert kept and all(torch.equal(after[name], before[name]) for name in kept)
    assert all(torch.equal(network.state_dict()[name], old) for name, old in before.items())
    with torch.no_grad():
        assert torch.isfinite(shuffled(*inputs)).all()


def test_the_matrix_and_the_identity_of_attention_are_shuffled_too() -> None:
    network = _started(NETWORKS["smsdnet"](2))
    shuffled = randomised(network, 0, (_images(2),))
    changed = {
        name: not torch.equal(old, new)
        for (name, old), new in zip(network.named_parameters(), shuffled.parameters(), strict=True)
    }
    matrices = [name for name in changed if name.endswith("attention.p")]
    projections = [name for name in changed if ".value." in name or ".query." in name]
    assert len(matrices) == 4 and projections
    assert all(changed[name] for name in matrices + projections)
    fresh = SMSDNet(2, 64, **SMALL)  # Dirac kernels, before any training
    weight = fresh.blocks[0].value[0].weight
    moved = randomised(fresh, 0, (_images(2),)).blocks[0].value[0].weight
    assert moved.sum() == weight.sum() and not torch.equal(moved, weight)


def test_maps_change_with_the_weights(network: nn.Module) -> None:
    inputs = (_images(8),)
    first = grad_cam(network, network.features_layer, inputs, 1, signed=True).numpy()
    other = [
        grad_cam(shuffled, network.features_layer, inputs, 1, signed=True).numpy()
        for shuffled in (randomised(network, seed, inputs) for seed in range(3))
    ]
    found = [np.nanmean(map_correlation(first, one)) for one in other]
    assert min(found) < 0.9
