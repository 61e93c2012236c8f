"""The convolutional ablation of PENN."""

import pytest
import torch

from osteon.networks.patch_network import patch_by_patch
from osteon.networks.penn_conv import PennConv
from osteon.networks.sparse_autoencoder import Sparsity

torch.set_num_threads(1)
SMALL = {"patch": 16, "channels": (4, 8), "nodes": 12}


@pytest.mark.parametrize(
    ("options", "code", "number"),
    [
        ({}, 200, 228_698),
        ({"classes": 3}, 200, 228_899),
        ({"patch": 16, "channels": (8, 16, 32), "nodes": 50}, 50, 12_440),
        (SMALL, 12, 1_910),
    ],
)
def test_table(options: dict, code: int, number: int) -> None:
    network = PennConv(**options).train()
    patches = torch.rand(3, 1, network.patch, network.patch)
    assert network.encoder(patches).shape == (3, code)
    assert network(patches).shape == (3, network.classes)
    assert sum(value.numel() for value in network.parameters()) == number


@pytest.mark.parametrize(("size", "stride"), [((19, 27), 3), ((9, 20), 8)])
@torch.no_grad()
def test_whole_images_are_the_loop_over_patches(size: tuple[int, int], stride: int) -> None:
    torch.manual_seed(0)
    network = PennConv(**SMALL, stride=stride).eval()
    images = torch.rand(2, 1, *size)
    for dense, loop in zip(network(images), patch_by_patch(network, images), strict=True):
        torch.testing.assert_close(dense, loop, rtol=0, atol=1e-5)


@pytest.mark.parametrize("options", [{}, SMALL])
def test_the_stage_is_the_encoder_and_its_mirror_image(options: dict) -> None:
    torch.manual_seed(0)
    network = PennConv(**options)
    ((name, stage),) = network.stages()
    assert name == "code" and stage.encoder is network.encoder
    patches = torch.rand(5, 1, network.patch, network.patch)
    code = stage.encoder(patches)
    back = stage.decoder(code)
    assert back.shape == patches.shape
    assert back.min() > 0 and back.max() < 1 and code.min() > 0 and code.max() < 1
    terms = stage(patches)
    assert terms.shape == (5, 3)
    wanted = (patches - back).square().flatten(1).sum(1)
    torch.testing.assert_close(terms[:, 0], wanted)
    terms.sum().backward()
    silent = [name for name, value in stage.named_parameters() if value.grad is None]
    assert silent == [] and network.head.weight.grad is None


def test_pretraining_lowers_the_error() -> None:
    torch.manual_seed(0)
    ((_, stage),) = PennConv(**SMALL).stages()
    axis = torch.linspace(-1, 1, 16)
    patches = torch.sigmoid(torch.randn(64, 1, 1, 1) * 3 * axis + torch.randn(64, 1, 1, 1))
    patches = patches.expand(-1, 1, 16, 16)
    optimiser = torch.optim.Adam(stage.parameters(), 0.01)
    errors = []
    for _ in range(60):
        optimiser.zero_grad()
        terms = stage(patches).mean(0)
        errors.append(float(terms[0].detach()))
        (terms[0] + 0.01 * terms[2]).backward()
        optimiser.step()
    assert errors[-1] < 0.5 * errors[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch": 20}, "patch is 20; 3 halvings want a multiple of 8"),
        ({"channels": ()}, r"channels is \(\); wanted one or more, each 1 or more"),
        ({"channels": (4, 0)}, r"channels is \(4, 0\)"),
        ({"nodes": 0}, "nodes is 0"),
        ({"sparsity": Sparsity(tied_weights=True)}, "tied_weights is True; .* allows False alone"),
    ],
)
def test_wrong_arguments_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PennConv(**options)
