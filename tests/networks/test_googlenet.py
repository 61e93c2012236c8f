"""GoogLeNet: both implementations, the true 5 × 5 branch, auxiliary heads, widths."""

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from osteon.networks.googlenet import INCEPTIONS, GoogLeNet, Inception

SMALL = {"width": 0.125}
IMPLEMENTATIONS = ["faithful", "torchvision"]


def parameters(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def unbuilt(classes: int = 2, **options) -> GoogLeNet:
    """Shapes without values: full-width networks at no cost."""
    with torch.device("meta"):
        return GoogLeNet(classes, **options)


def quick(impl: str, **options) -> GoogLeNet:
    """As small as the implementation can be."""
    torch.manual_seed(0)
    return GoogLeNet(impl=impl, **({"width": 0.25} if impl == "faithful" else {}), **options)


@pytest.mark.parametrize(
    ("classes", "options", "side", "count"),
    [
        # The Caffe model zoo's count, local response normalisation having no parameters.
        (1000, {}, 224, 6_998_552),
        (2, {}, 224, 5_975_602),
        (3, {}, 224, 5_976_627),
        (1, {}, 64, 5_974_577),
        (2, {"aux": True}, 224, 10_309_430),
        (2, {"aux": True}, 64, 10_309_430),
        (2, {"width": 0.25}, 64, 376_990),
        (2, {"width": 0.125}, 64, 95_420),
        (2, {"width": 0.001}, 64, 662),
        (2, {"impl": "torchvision"}, 224, 5_601_954),
        (2, {"impl": "torchvision"}, 64, 5_601_954),
        (3, {"impl": "torchvision", "aux": True}, 224, 9_939_113),
    ],
)
def test_shapes_and_parameters(classes: int, options: dict, side: int, count: int) -> None:
    network = unbuilt(classes, **options)
    assert parameters(network) == count
    for mode in (True, False):
        image = torch.empty(2, 3, side, side, device="meta")
        assert network.train(mode)(image).shape == (2, classes)
        heads = 2 if mode and options.get("aux") else 0
        assert [tuple(logits.shape) for logits in network.auxiliary] == [(2, classes)] * heads


def test_maps_are_as_in_the_papers_table() -> None:
    x, found = torch.empty(1, 3, 224, 224, device="meta"), {}
    for name, stage in unbuilt().body.stages.named_children():
        x = stage(x)
        found[name] = tuple(x.shape[1:])
    assert found == {
        "conv1": (64, 112, 112),
        "pool1": (64, 56, 56),
        "conv2": (64, 56, 56),
        "conv3": (192, 56, 56),
        "pool2": (192, 28, 28),
        "inception3a": (256, 28, 28),
        "inception3b": (480, 28, 28),
        "pool3": (480, 14, 14),
        "inception4a": (512, 14, 14),
        "inception4b": (512, 14, 14),
        "inception4c": (512, 14, 14),
        "inception4d": (528, 14, 14),
        "inception4e": (832, 14, 14),
        "pool4": (832, 7, 7),
        "inception5a": (832, 7, 7),
        "inception5b": (1024, 7, 7),
    }


def test_there_are_22_layers_with_weights_along_the_deepest_way() -> None:
    network = unbuilt()
    convolutions = [m for m in network.body.stages.modules() if isinstance(m, nn.Conv2d)]
    # Six a module, of which two lie behind one another; three in the stem; one classifier.
    assert len(convolutions) == 3 + 9 * 6
    assert 3 + 9 * 2 + sum(isinstance(m, nn.Linear) for m in network.modules()) == 22


def reach(branch: nn.Module) -> tuple[int, int]:
    """Height and width of the input window that one output pixel sees."""
    channels = next(m for m in branch.modules() if isinstance(m, nn.Conv2d)).in_channels
    with torch.no_grad():
        for module in branch.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(1.0)  # no ReLU may hide a pixel
                if module.bias is not None:
                    module.bias.zero_()
    image = torch.ones(1, channels, 15, 15, requires_grad=True)
    branch.eval()(image)[0, 0, 7, 7].backward()
    seen = image.grad[0, 0].nonzero()
    height, width = (seen.amax(0) - seen.amin(0) + 1).tolist()
    return height, width


def test_the_5x5_branch_is_5x5_and_torchvisions_is_3x3() -> None:
    faithful, theirs = quick("faithful").body.stages.inception3a, quick("torchvision").body
    assert reach(faithful.branch5) == (5, 5)
    assert reach(faithful.branch3) == (3, 3)
    assert reach(faithful.branch1) == (1, 1)
    assert reach(theirs.inception3a.branch3) == (3, 3)
    kernels = [m.kernel_size for m in faithful.branch5.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [(1, 1), (5, 5)]


@pytest.mark.parametrize("name", INCEPTIONS)
def test_a_module_lays_its_four_branches_side_by_side(name: str) -> None:
    one, _, three, _, five, pool = INCEPTIONS[name]
    torch.manual_seed(0)
    module = Inception(32, *INCEPTIONS[name])
    x = torch.rand(2, 32, 7, 7)
    parts = module(x).split([one, three, five, pool], dim=1)
    branches = (module.branch1, module.branch3, module.branch5, module.branch_pool)
    for part, branch in zip(parts, branches, strict=True):
        torch.testing.assert_close(part, branch(x))
    assert unbuilt().body.stages.get_submodule(f"inception{name}").branch1[0].out_channels == one


def test_faithful_has_no_normalisation_and_a_relu_behind_every_convolution() -> None:
    network = unbuilt(aux=True)
    assert not any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())
    pairs = [
        (parts[i], parts[i + 1] if i + 1 < len(parts) else None)
        for parts in (list(m) for m in network.modules() if isinstance(m, nn.Sequential))
        for i in range(len(parts))
        if isinstance(parts[i], nn.Conv2d)
    ]
    assert len(pairs) == 3 + 9 * 6 + 2
    assert all(isinstance(after, nn.ReLU) for _, after in pairs)


def test_torchvision_computes_what_torchvision_computes() -> None:
    network = quick("torchvision", standardise="none").eval()
    theirs = torchvision.models.GoogLeNet(2, aux_logits=False, init_weights=False).eval()
    theirs.load_state_dict(network.body.state_dict())
    image = torch.rand(2, 3, 64, 64)
    assert torch.equal(network(image), theirs(image))


@pytest.mark.parametrize(
    ("impl", "given", "wanted"),
    [
        ("faithful", None, 0.4),
        ("torchvision", None, 0.2),
        ("faithful", 0.0, 0.0),
        ("torchvision", 0.5, 0.5),
    ],
)
def test_dropout_is_the_probability_of_dropping(impl, given, wanted) -> None:
    network = unbuilt(impl=impl, dropout=given, aux=True)
    found = [m.p for m in network.modules() if isinstance(m, nn.Dropout)]
    assert sorted(found) == sorted([wanted, 0.7, 0.7])


@pytest.mark.parametrize(
    ("impl", "lr", "steps"), [("faithful", 0.01, 50), ("torchvision", 0.01, 8)]
)
def test_eight_cases_are_learned_by_heart(impl: str, lr: float, steps: int) -> None:
    network = quick(impl, dropout=0.0)
    image, target = functional.interpolate(torch.rand(8, 3, 8, 8), 32), torch.arange(8) % 2
    network.standardise.set(image.mean((0, 2, 3)), image.std((0, 2, 3)))
    optimiser = torch.optim.SGD(network.parameters(), lr, momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(image), target)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2


def test_variance_is_kept_from_the_first_module_to_the_last() -> None:
    torch.manual_seed(0)
    network, x = GoogLeNet(width=0.5), torch.randn(2, 3, 128, 128)
    deviations = []
    for name, stage in network.body.stages.named_children():
        x = stage(x)
        if name.startswith("inception"):
            deviations.append(x.std().item())
    assert min(deviations) / max(deviations) > 0.1


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_convolutions_start_he_normal(impl: str) -> None:
    for name, module in quick(impl).named_modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 4000:
            wanted = (2 / module.weight[0].numel()) ** 0.5
            assert module.weight.std().item() == pytest.approx(wanted, rel=0.06), name
            assert module.bias is None or not module.bias.any()


@pytest.mark.parametrize(("impl", "smallest"), [("faithful", 31), ("torchvision", 15)])
def test_the_smallest_side_is_the_smallest(impl: str, smallest: int) -> None:
    network = unbuilt(impl=impl).eval()
    assert network.smallest_side == smallest
    assert network(torch.empty(1, 3, smallest, smallest, device="meta")).shape == (1, 2)
    with pytest.raises(ValueError, match=f"{smallest - 1} px; allowed are sides from {smallest}"):
        network(torch.empty(1, 3, 64, smallest - 1, device="meta"))
    with pytest.raises(RuntimeError, match="too small"):
        network.body(torch.empty(1, 3, smallest - 1, smallest - 1, device="meta"))


@settings(max_examples=6, deadline=None)
@given(st.integers(31, 256), st.integers(31, 256), st.floats(0.001, 0.5))
def test_any_image_and_width_give_one_row_of_logits(height: int, side: int, width: float) -> None:
    network = unbuilt(3, width=width, aux=True)
    assert network(torch.empty(2, 3, height, side, device="meta")).shape == (2, 3)


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_neither_memory_format_nor_the_batch_changes_the_output(impl: str) -> None:
    network, image = quick(impl).eval(), torch.rand(3, 3, 64, 64)
    plain = network(image)
    torch.testing.assert_close(network(image[:1]), plain[:1], rtol=1e-4, atol=1e-4)
    network.to(memory_format=torch.channels_last)
    found = network(image.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_state_is_restored_with_the_figures_of_the_fold(impl: str) -> None:
    network, other = quick(impl, aux=True), quick(impl, aux=True)
    network.standardise.set([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    network(torch.rand(4, 3, 64, 64))  # running statistics move
    other.load_state_dict(network.state_dict())
    image = torch.rand(2, 3, 64, 64)
    assert torch.equal(other.eval()(image), network.eval()(image))


@pytest.mark.parametrize(("impl", "channels"), [("faithful", 256), ("torchvision", 1024)])
def test_features_layer_is_the_last_map(impl: str, channels: int) -> None:
    network, seen = quick(impl).eval(), []
    layer = network.get_submodule(network.features_layer)
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output))
    network(torch.rand(1, 3, 224, 224))
    assert seen[0].shape == (1, channels, 7, 7)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"impl": "inception3"}, "impl is 'inception3'; allowed are faithful, torchvision"),
        ({"impl": "torchvision", **SMALL}, "width is 0.125; with impl torchvision allowed is 1"),
        ({"width": -1.0}, "width is -1"),
        ({"classes": 0}, "classes is 0"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        GoogLeNet(**wrong)
