"""AlexNetBN: the sheet's table, what the penalty reaches, placement of normalisation, options."""

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from osteon.networks.alexnet import AlexNetBN

SMALL = {"width": 0.0625}


def parameters(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def unbuilt(classes: int = 2, **options) -> AlexNetBN:
    """Shapes without values: full-width networks at no cost."""
    with torch.device("meta"):
        return AlexNetBN(classes, **options)


@pytest.mark.parametrize(
    ("classes", "options", "shape", "count"),
    [
        (2, {}, (3, 224, 224), 58_290_242),
        (3, {}, (3, 224, 224), 58_294_339),
        (1, {}, (3, 224, 224), 58_286_145),
        (2, {}, (3, 64, 64), 58_290_242),
        (2, {"pool": "2x2"}, (3, 224, 224), 58_290_242),
        (2, {"batch_norm": "none"}, (3, 224, 224), 58_289_538),
        (2, {"batch_norm": "all"}, (3, 224, 224), 58_292_290),
        (2, {"variant": "torchvision"}, (3, 224, 224), 57_012_546),
        (2, {"variant": "torchvision", "batch_norm": "none"}, (3, 224, 224), 57_012_034),
        (2, {"head": "gap"}, (3, 224, 224), 3_748_418),
        (2, {"width": 0.125}, (3, 64, 64), 916_618),
        (2, {"width": 0.001}, (3, 63, 80), 602),
    ],
)
def test_shapes_and_parameters(classes: int, options: dict, shape: tuple, count: int) -> None:
    network = unbuilt(classes, **options).eval()
    assert parameters(network) == count
    assert network(torch.empty(2, *shape, device="meta")).shape == (2, classes)


def test_every_layer_is_as_in_the_papers_table() -> None:
    network, found = unbuilt().eval(), {}

    x = torch.empty(1, 3, 224, 224, device="meta")
    for name, module in [*network.features.named_children(), *network.head.named_children()]:
        x = module(x)
        if parameters(module) or "pool" in name:
            found[name] = (tuple(x.shape[1:]), parameters(module))
    assert found == {
        "conv1": ((96, 55, 55), 34_944 + 192),
        "pool1": ((96, 27, 27), 0),
        "conv2": ((256, 27, 27), 614_656 + 512),
        "pool2": ((256, 13, 13), 0),
        "conv3": ((384, 13, 13), 885_120),
        "conv4": ((384, 13, 13), 1_327_488),
        "conv5": ((256, 13, 13), 884_992),
        "pool5": ((256, 6, 6), 0),
        "2": ((4096,), 37_752_832),
        "5": ((4096,), 16_781_312),
        "8": ((2,), 8_194),
    }


def test_torchvisions_widths_compute_what_torchvision_computes() -> None:
    theirs = torchvision.models.AlexNet(num_classes=2).eval()
    network = unbuilt(variant="torchvision", batch_norm="none", standardise="none").eval()
    own = [name for name, _ in network.named_parameters()]
    values = dict(zip(own, theirs.state_dict().values(), strict=True))
    network.load_state_dict(values, strict=False, assign=True)
    image = torch.rand(1, 3, 100, 80)
    torch.testing.assert_close(network(image), theirs(image))


def test_at_224_px_the_average_before_the_head_changes_nothing() -> None:
    network = AlexNetBN(**SMALL).eval()
    image = torch.rand(2, 3, 224, 224)
    maps = network.features(image)
    assert maps.shape[2:] == (6, 6)
    assert torch.equal(network.head[0](maps), maps)


@pytest.mark.parametrize(("pool", "smallest"), [("3x3", 63), ("2x2", 35)])
def test_the_smallest_side_is_the_smallest(pool: str, smallest: int) -> None:
    network = unbuilt(pool=pool, **SMALL).eval()
    assert network.smallest_side == smallest
    assert network(torch.empty(1, 3, smallest, smallest, device="meta")).shape == (1, 2)
    with pytest.raises(ValueError, match=f"{smallest - 1} px; allowed are sides from {smallest}"):
        network(torch.empty(1, 3, 224, smallest - 1, device="meta"))
    with pytest.raises(RuntimeError, match="too small"):
        network.features(torch.empty(1, 3, smallest - 1, smallest - 1, device="meta"))


@settings(max_examples=12, deadline=None)
@given(st.integers(63, 300), st.integers(63, 300), st.floats(0.001, 0.3))
def test_any_image_and_width_give_one_row_of_logits(height: int, side: int, width: float) -> None:
    network = unbuilt(3, width=width)
    assert network(torch.empty(2, 3, height, side, device="meta")).shape == (2, 3)


@pytest.mark.parametrize(
    ("batch_norm", "normalised"),
    [("none", []), ("first_two", [1, 2]), ("all", [1, 2, 3, 4, 5])],
)
def test_normalisation_stands_between_convolution_and_relu(batch_norm: str, normalised) -> None:
    torch.manual_seed(0)
    network = AlexNetBN(batch_norm=batch_norm, **SMALL)
    for number in range(1, 6):
        kinds = [type(part) for part in network.features.get_submodule(f"conv{number}")]
        norm = [nn.BatchNorm2d] if number in normalised else []
        assert kinds == [nn.Conv2d, *norm, nn.ReLU]
    # Behind the ReLU of a normalised stage about half of the values are 0, whatever the input.
    stage = network.features.conv1
    share = (stage(5 + torch.rand(8, 3, 64, 64)) == 0).float().mean(dim=(0, 2, 3))
    assert bool(((share > 0.2) & (share < 0.8)).all()) == (1 in normalised)


def test_a_bias_in_front_of_a_normalisation_only_counts() -> None:
    network = AlexNetBN(dropout=0.0, **SMALL)
    image = torch.rand(4, 3, 64, 64)
    before = network(image)
    with torch.no_grad():
        network.features.conv2.conv.bias += 3
    torch.testing.assert_close(network(image), before, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("head", ["full", "gap"])
@pytest.mark.parametrize("batch_norm", ["none", "first_two", "all"])
@pytest.mark.parametrize("pool", ["3x3", "2x2"])
def test_gradient_reaches_every_parameter(head: str, batch_norm: str, pool: str) -> None:
    torch.manual_seed(0)
    network = AlexNetBN(head=head, batch_norm=batch_norm, pool=pool, width=0.125).double()
    functional.cross_entropy(
        network(torch.rand(6, 3, 64, 64).double()), torch.arange(6) % 2
    ).backward()
    silent = {n for n, v in network.named_parameters() if v.grad is None or not v.grad.any()}
    assert silent == set()


@pytest.mark.parametrize(("dropout", "head", "places"), [(0.6, "full", 2), (0.3, "gap", 1)])
def test_dropout_is_the_probability_of_dropping(dropout: float, head: str, places: int) -> None:
    torch.manual_seed(0)
    network = AlexNetBN(dropout=dropout, head=head, **SMALL)
    found = [module for module in network.head if isinstance(module, nn.Dropout)]
    assert len(found) == places
    for module in found:
        assert (module(torch.ones(20_000)) == 0).float().mean().item() == pytest.approx(
            dropout, abs=0.02
        )
        assert torch.equal(module.eval()(torch.ones(8)), torch.ones(8))


def test_dropout_stands_behind_the_first_two_fully_connected_layers() -> None:
    kinds = [type(module) for module in AlexNetBN(**SMALL).head[2:]]
    hidden = [nn.Linear, nn.ReLU, nn.Dropout]
    assert kinds == [*hidden, *hidden, nn.Linear]


@pytest.mark.parametrize(
    ("init", "deviation"),
    [("he_normal", (2 / (384 * 9)) ** 0.5), ("normal_0.01", 0.01), ("normal_0.05", 0.05)],
)
def test_convolutions_start_normal(init: str, deviation: float) -> None:
    torch.manual_seed(0)
    network = AlexNetBN(init=init, head="gap")
    weight = network.features.conv4.conv.weight
    assert weight.std().item() == pytest.approx(deviation, rel=0.01)
    assert weight.mean().item() == pytest.approx(0, abs=deviation / 50)
    standard = weight.detach().flatten() / deviation
    assert (standard.abs() > 2).float().mean().item() == pytest.approx(0.0455, abs=0.002)
    assert not network.features.conv4.conv.bias.any()
    assert network.features.conv1.norm.weight.eq(1).all()


@pytest.mark.parametrize(
    ("head_init", "deviation"),
    [("he_normal", (2 / 1152) ** 0.5), ("uniform", (1 / 3 / 1152) ** 0.5)],
)
def test_fully_connected_layers_have_a_start_of_their_own(head_init: str, deviation: float) -> None:
    torch.manual_seed(0)
    first = AlexNetBN(init="normal_0.01", head_init=head_init, width=0.125).head[2]
    assert first.weight.std().item() == pytest.approx(deviation, rel=0.01)
    assert bool(first.bias.any()) == (head_init == "uniform")


def test_same_seed_same_network() -> None:
    values = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        values.append(AlexNetBN(**SMALL).features.conv1.conv.weight)
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])


@pytest.mark.parametrize("head_init", ["he_normal", "uniform"])
@pytest.mark.parametrize("batch_norm", ["none", "first_two", "all"])
def test_eight_cases_are_learned_by_heart(batch_norm: str, head_init: str) -> None:
    torch.manual_seed(0)
    network = AlexNetBN(batch_norm=batch_norm, head_init=head_init, dropout=0.0, width=0.125)
    image, target = functional.interpolate(torch.rand(8, 3, 8, 8), 64), torch.arange(8) % 2
    network.standardise.set(image.mean((0, 2, 3)), image.std((0, 2, 3)))
    optimiser = torch.optim.SGD(network.parameters(), 0.003, momentum=0.9)
    for _ in range(50):
        optimiser.zero_grad()
        (functional.cross_entropy(network(image), target) + network.penalty()).backward()
        optimiser.step()
    assert network.eval()(image).argmax(1).equal(target)


def test_memory_format_does_not_change_the_output() -> None:
    torch.manual_seed(0)
    network = AlexNetBN(**SMALL).eval()
    image = torch.rand(2, 3, 64, 64)
    plain = network(image)
    last = network.to(memory_format=torch.channels_last)
    found = last(image.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-5)


def test_in_evaluation_a_case_does_not_see_its_batch() -> None:
    torch.manual_seed(0)
    network = AlexNetBN(**SMALL).eval()
    image = torch.rand(3, 3, 64, 64)
    torch.testing.assert_close(network(image[:1]), network(image)[:1], rtol=1e-4, atol=1e-5)


def test_state_is_restored_with_the_figures_of_the_fold() -> None:
    torch.manual_seed(0)
    network, other = AlexNetBN(**SMALL), AlexNetBN(**SMALL)
    network.standardise.set([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    network(torch.rand(4, 3, 64, 64))  # running statistics move
    other.load_state_dict(network.state_dict())
    image = torch.rand(2, 3, 64, 64)
    assert torch.equal(other.eval()(image), network.eval()(image))


@pytest.mark.parametrize("mode", ["fold", "imagenet", "none"])
def test_the_image_is_standardised_first(mode: str) -> None:
    network = AlexNetBN(standardise=mode, **SMALL).eval()
    assert network.standardise.mode == mode
    plain = AlexNetBN(standardise="none", **SMALL).eval()
    plain.load_state_dict(network.state_dict())
    image = torch.rand(2, 3, 64, 64)
    assert torch.equal(network(image), plain(network.standardise(image)))


def test_features_layer_is_the_last_map() -> None:
    network, seen = AlexNetBN(**SMALL).eval(), []
    layer = network.get_submodule(network.features_layer)
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output))
    network(torch.rand(1, 3, 224, 224))
    assert seen[0].shape == (1, 16, 13, 13)
    assert seen[0].min() >= 0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"variant": "vgg"}, "variant is 'vgg'; allowed are classic, torchvision"),
        ({"batch_norm": "last"}, "batch_norm is 'last'; allowed are none, first_two, all"),
        ({"pool": "4x4"}, "pool is '4x4'; allowed are 3x3, 2x2"),
        ({"init": "xavier"}, "init is 'xavier'; allowed are he_normal"),
        ({"head_init": "zero"}, "head_init is 'zero'; allowed are uniform, he_normal"),
        ({"head": "none"}, "head is 'none'; allowed are full, gap"),
        ({"l2_mode": "l1"}, "l2_mode is 'l1'; allowed are kernel, activity, none"),
        ({"l2": -1.0}, "l2 is -1"),
        ({"width": 0.0}, "width is 0"),
        ({"classes": 0}, "classes is 0"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        AlexNetBN(**(SMALL | wrong))


@pytest.mark.parametrize("batch_norm", ["none", "first_two", "all"])
def test_the_default_start_bears_the_papers_learning_rate(batch_norm: str) -> None:
    torch.manual_seed(0)
    network = AlexNetBN(batch_norm=batch_norm, width=0.125)
    image, target = functional.interpolate(torch.rand(8, 3, 8, 8), 64), torch.arange(8) % 2
    network.standardise.set(image.mean((0, 2, 3)), image.std((0, 2, 3)))
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)
    losses = []
    for _ in range(15):
        optimiser.zero_grad()
        losses.append(functional.cross_entropy(network(image), target))
        losses[-1].backward()
        optimiser.step()
    assert max(losses).item() < 3
