"""PENN: its size, its whole images, and its greedy pretraining."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from osteon.networks.patch_network import patch_by_patch
from osteon.networks.penn import Penn
from osteon.networks.sparse_autoencoder import SparseAutoencoder, Sparsity

torch.set_num_threads(1)


def smooth_patches(count: int, patch: int, seed: int = 0) -> Tensor:
    """count × 1 × p × p in [0, 1]: a few soft blobs and slopes."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.linspace(-1, 1, patch)
    centre = torch.rand(count, 2, 1, 1, generator=generator) * 2 - 1
    width = torch.rand(count, 1, 1, generator=generator) * 0.5 + 0.4
    squares = (axis[:, None] - centre[:, 0]) ** 2 + (axis - centre[:, 1]) ** 2
    return torch.exp(-squares / width**2)[:, None]


def with_biases(network: Penn) -> Penn:
    """The same; biases begin at zero, where nothing that they do would be seen."""
    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.bias, std=0.5)
    return network


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({}, 285_802),
        ({"classes": 3}, 286_003),
        ({"layers": 1, "nodes": 50}, 51_352),
        ({"layers": 4, "nodes": 100}, 133_002),
        ({"patch": 16, "nodes": 32}, 10_402),
    ],
)
def test_number_of_parameters(options: dict, number: int) -> None:
    network = Penn(**options)
    assert sum(value.numel() for value in network.parameters()) == number


def test_weights_begin_as_glorot_has_them() -> None:
    torch.manual_seed(0)
    network = Penn()
    layers = [layer[0] for layer in network.hidden] + [network.head]
    assert [layer.in_features for layer in layers] == [1024, 200, 200, 200]
    for layer in layers:
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()


def test_a_patch_goes_through_sigmoids() -> None:
    torch.manual_seed(0)
    network = with_biases(Penn(8, 4, layers=2, nodes=5))
    patches = torch.rand(3, 1, 8, 8)
    first, second = (layer[0] for layer in network.hidden)
    codes = torch.sigmoid(patches.reshape(3, 64) @ first.weight.T + first.bias)
    codes = torch.sigmoid(codes @ second.weight.T + second.bias)
    wanted = codes @ network.head.weight.T + network.head.bias
    torch.testing.assert_close(network.train()(patches), wanted)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("assign", ["footprint", "centre"])
@pytest.mark.parametrize(
    ("size", "stride"), [((33, 47), 3), ((20, 23), 1), ((31, 40), 16), ((16, 16), 5), ((7, 19), 4)]
)
@torch.no_grad()
def test_convolution_is_the_loop_over_patches(
    size: tuple[int, int], stride: int, assign: str, classes: int
) -> None:
    torch.manual_seed(stride)
    network = with_biases(Penn(16, stride, classes, nodes=24, assign=assign)).eval()
    images = torch.rand(2, 1, *size)
    for dense, loop in zip(network(images), patch_by_patch(network, images), strict=True):
        torch.testing.assert_close(dense, loop, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_papers_network_on_an_odd_image() -> None:
    torch.manual_seed(0)
    network = with_biases(Penn()).eval()
    images = torch.rand(1, 1, 61, 83)
    for dense, loop in zip(network(images), patch_by_patch(network, images), strict=True):
        torch.testing.assert_close(dense, loop, rtol=0, atol=1e-5)


def test_scores_are_the_logits_of_the_patches() -> None:
    torch.manual_seed(0)
    network = with_biases(Penn(8, 3, layers=2, nodes=6))
    regions = torch.rand(2, 1, 8 + 3 * 4, 8 + 3 * 2)
    found = network.scores(regions)
    assert found.shape == (2, 2, 5, 3)
    for i in range(5):
        for j in range(3):
            cut = regions[..., 3 * i : 3 * i + 8, 3 * j : 3 * j + 8]
            torch.testing.assert_close(found[:, :, i, j], network.classify(cut))


def test_filters_are_the_first_weights() -> None:
    network = Penn(8, nodes=5)
    filters = network.filters()
    assert filters.shape == (5, 8, 8) and not filters.requires_grad
    patch = torch.rand(8, 8)
    torch.testing.assert_close((filters * patch).sum((1, 2)), network.first(patch.flatten()))


def test_a_stage_owns_its_layer_and_no_other() -> None:
    network = Penn(8, layers=3, nodes=6)
    stages = network.stages()
    assert [name for name, _ in stages] == ["layer1", "layer2", "layer3"]
    for (_, stage), layer in zip(stages, network.hidden, strict=True):
        own = {id(value) for value in stage.parameters()}
        shared = {id(value) for value in network.parameters()} & own
        assert shared == {id(value) for value in layer.parameters()}
        assert len(own) == 4


def test_a_stage_trains_the_network_itself() -> None:
    torch.manual_seed(0)
    network = Penn(8, layers=3, nodes=6)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    _, stage = network.stages()[1]
    optimiser = torch.optim.SGD(stage.parameters(), 0.1)
    stage(smooth_patches(16, 8)).sum(1).mean().backward()
    optimiser.step()
    assert {
        name for name, value in network.state_dict().items() if (value != before[name]).any()
    } == {
        "hidden.1.0.weight",
        "hidden.1.0.bias",
    }
    assert all(value.grad is None for value in network.hidden[0].parameters())


def train(stage: SparseAutoencoder, patches: Tensor, steps: int) -> tuple[float, float]:
    """Mean squared error of a patch before and after."""
    optimiser = torch.optim.Adam(stage.parameters(), 0.02)
    weights = torch.tensor([1.0, 1e-5, 1e-3])
    with torch.no_grad():
        before = float(stage.eval()(patches)[:, 0].mean())
    stage.train()
    for _ in range(steps):
        optimiser.zero_grad()
        (stage(patches).mean(0) @ weights).backward()
        optimiser.step()
    with torch.no_grad():
        return before, float(stage.eval()(patches)[:, 0].mean())


def test_pretraining_lowers_the_error_layer_by_layer() -> None:
    torch.manual_seed(0)
    network = Penn(12, layers=3, nodes=20)
    patches = smooth_patches(128, 12)
    constant = float((patches - patches.mean(0)).square().flatten(1).sum(1).mean())
    for name, stage in network.stages():
        before, after = train(stage, patches, 150)
        assert after < 0.5 * before, name
        if name == "layer1":
            assert after < 0.5 * constant, "no better than the mean patch"


@pytest.mark.parametrize("tied", [False, True])
def test_sparsity_reaches_the_stages(tied: bool) -> None:
    asked = Sparsity(rho=0.2, tied_weights=tied, decoder="linear")
    for _, stage in Penn(8, layers=2, nodes=6, sparsity=asked).stages():
        assert stage.sparsity == asked
        assert len(list(stage.parameters())) == (3 if tied else 4)
        assert not isinstance(stage.decoder[1], torch.nn.Sigmoid)


def test_layers_of_a_stack_fit() -> None:
    stages = [stage for _, stage in Penn(8, layers=3, nodes=6).stages()]
    patches = smooth_patches(5, 8)
    assert [stage.inputs(patches).shape[1] for stage in stages] == [64, 6, 6]
    for some, more in pairwise(stages):
        torch.testing.assert_close(more.inputs(patches), some.encoder(some.inputs(patches)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 0}, "layers is 0; it must be 1 or more"),
        ({"nodes": 0}, "nodes is 0; it must be 1 or more"),
        ({"stride": 33}, "stride is 33; allowed are 1 to 32"),
    ],
)
def test_wrong_arguments_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Penn(**options)
