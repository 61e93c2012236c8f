"""3D ResNeXt: the sheet's shape table, parameter counts, small tubes, learning."""

import copy

import pytest
import torch
import torch.nn.functional as F

from osteon.networks.resnext3d import ResNeXt3D

torch.set_num_threads(1)
SMALL = {"width": 0.125, "blocks": (1, 1, 1, 1), "cardinality": 4}
# Channels, slices, rows and columns behind each stage of a tube of 16 × 112 × 112.
SHEET = {
    "conv1": (64, 16, 56, 56),
    "maxpool": (64, 8, 28, 28),
    "layer1": (256, 8, 28, 28),
    "layer2": (512, 4, 14, 14),
    "layer3": (1024, 2, 7, 7),
    "layer4": (2048, 1, 4, 4),
}


def small(classes: int = 2, **options) -> ResNeXt3D:
    torch.manual_seed(0)
    return ResNeXt3D(classes, **SMALL | options)


def parameters(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def shapes(network: ResNeXt3D, tubes: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """What each stage hands on, without the batch."""
    seen: dict[str, tuple[int, ...]] = {}
    for name in SHEET:
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: seen.update({name: tuple(output.shape[1:])})
        )
    assert network.eval()(tubes).shape == (len(tubes), network.fc.out_features)
    return seen


def test_the_sheets_shapes() -> None:
    with torch.device("meta"):
        network, tubes = ResNeXt3D(2), torch.empty(2, 1, 16, 112, 112)
    assert shapes(network, tubes) == SHEET
    assert network.features_layer == "layer4"


def by_hand(
    classes: int,
    *,
    colours: int = 1,
    stem: int = 64,
    inner: tuple[int, ...] = (128, 256, 512, 1024),
    blocks: tuple[int, ...] = (3, 4, 23, 3),
    cardinality: int = 32,
) -> int:
    """Weights of the published layout, counted from its table alone."""
    total, channels = colours * stem * 7**3 + 2 * stem, stem
    for planes, count in zip(inner, blocks, strict=True):
        out = 2 * planes
        total += channels * out + 2 * out  # projection of the shortcut and its normalisation
        for _ in range(count):
            total += channels * planes + planes * planes // cardinality * 27 + planes * out
            total += 2 * (planes + planes + out)
            channels = out
    return total + channels * classes + classes


def test_the_papers_network_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        network = ResNeXt3D(2)
    assert parameters(network) == by_hand(2) == 47_481_410
    # The public network for 400 kinds of clip in colour: 48.34 million.
    assert by_hand(400, colours=3) == 48_340_816


EIGHTH = (16, 32, 64, 128)


@pytest.mark.parametrize(
    ("changes", "slices", "side", "stem", "inner"),
    [
        ({}, 4, 48, 8, EIGHTH),
        ({}, 8, 48, 8, EIGHTH),
        ({}, 16, 64, 8, EIGHTH),
        ({"classes": 1, "dropout": 0.5}, 3, 56, 8, EIGHTH),
        ({"cardinality": 1}, 16, 48, 8, EIGHTH),
        ({"cardinality": 32}, 5, 50, 8, (32, 32, 64, 128)),
        ({"blocks": (2, 1, 3, 1)}, 1, 33, 8, EIGHTH),
        ({"width": 0.01}, 1, 1, 1, (4, 4, 4, 12)),
    ],
)
def test_narrow_and_shallow_networks_on_small_tubes(
    changes: dict, slices: int, side: int, stem: int, inner: tuple[int, ...]
) -> None:
    given = {"classes": 2} | SMALL | changes
    network = ResNeXt3D(**given)
    seen = shapes(network, torch.randn(2, 1, slices, side, side))
    last = -(-side // 32)
    assert seen["layer4"] == (2 * inner[-1], 1, last, last)
    assert parameters(network) == by_hand(
        given["classes"],
        stem=stem,
        inner=inner,
        blocks=given["blocks"],
        cardinality=given["cardinality"],
    )


@pytest.mark.parametrize("slices", [4, 8, 16])
def test_every_stage_keeps_a_slice(slices: int) -> None:
    seen = shapes(small(), torch.randn(1, 1, slices, 48, 48))
    assert [shape[1] for shape in seen.values()] == [
        slices,
        *(max(1, slices // factor) for factor in (2, 2, 4, 8, 16)),
    ]


def test_named_layers_exist() -> None:
    network = small()
    assert set(network.gradcam_layers) == {"layer2", "layer3", "layer4"}
    for name in (*network.gradcam_layers.values(), *network.pretrained_parts):
        network.get_submodule(name)
    assert network.weights_origin == "none: trained from scratch"


def test_blocks_add_their_shortcut() -> None:
    network = small(blocks=(2, 1, 1, 1)).eval()
    block, maps = network.layer1[1], torch.rand(1, 32, 2, 4, 4)
    assert block.downsample is None
    torch.nn.init.zeros_(block.bn3.weight)
    torch.testing.assert_close(block(maps), maps)


def test_the_order_of_slices_matters() -> None:
    network, tubes = small().eval(), torch.randn(2, 1, 8, 48, 48)
    assert not torch.allclose(network(tubes), network(tubes.flip(2)), atol=1e-3)


def test_dropout_is_in_front_of_the_last_layer() -> None:
    network, tubes = small(dropout=0.9), torch.randn(2, 1, 4, 48, 48)
    torch.testing.assert_close(network.eval()(tubes), small().eval()(tubes))
    network.dropout.train()
    torch.manual_seed(0)
    assert not torch.allclose(network(tubes), network(tubes))


def test_gradient_reaches_every_parameter() -> None:
    network = small()
    (network(torch.randn(4, 1, 8, 48, 48)) * torch.randn(4, 2)).sum().backward()
    silent = [name for name, v in network.named_parameters() if v.grad is None or not v.grad.any()]
    assert silent == []


def test_overfits_eight_random_cases() -> None:
    network = small()
    tubes, labels = torch.randn(8, 1, 4, 32, 32), torch.arange(8) % 2
    optimiser = torch.optim.Adam(network.parameters(), lr=0.005)
    for _ in range(15):
        loss = F.cross_entropy(network(tubes), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.05


def test_memory_order_batch_of_one_and_copies_change_nothing() -> None:
    network, tubes = small().double().eval(), torch.randn(2, 1, 4, 48, 48).double()
    wanted = network(tubes)
    torch.testing.assert_close(network(tubes[:1]), wanted[:1])
    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    torch.testing.assert_close(plain(tubes), wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": (3, 4, 23)}, r"blocks is \(3, 4, 23\); wanted four numbers"),
        ({"blocks": (1, 0, 1, 1)}, "blocks is"),
        ({"cardinality": 0}, "cardinality is 0"),
        ({"classes": 0}, "classes is 0"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNeXt3D(**arguments)


@pytest.mark.parametrize("shape", [(1, 4, 48, 48), (1, 3, 4, 48, 48), (1, 1, 4, 48, 40)])
def test_wrong_tubes_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="wanted B × 1 × N × S × S"):
        small()(torch.zeros(shape))
