"""SMSDNet: the paper's sizes and parameter count, every option, gradients, learning."""

import copy

import pytest
import torch
import torch.nn.functional as F

from osteon.networks.dense_attention import AttentionOptions
from osteon.networks.smsdnet import SMSDNet
from osteon.networks.smsdnet_fusion import CrossLayerFusion, PostProcessing

SMALL = {"growth": 4, "layers": 2, "dropout": 0.0}


def small(size: int = 32, classes: int = 2, **options) -> SMSDNet:
    torch.manual_seed(0)
    return SMSDNet(classes, size, **SMALL | options)


def parameters(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def shapes(network: SMSDNet, image: torch.Tensor, names: list[str]) -> list[tuple[int, ...]]:
    """Output shapes of the named modules in one pass."""
    found: dict[str, tuple[int, ...]] = {}
    for name in names:
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: found.update({name: tuple(output.shape)})
        )
    network.eval()(image)
    return [found[name] for name in names]


def test_parameters_are_those_of_the_paper_s_reading() -> None:
    """With a convolution for Q^0 too it would be 1,024 more: 370,482, about 0.371 million."""
    network = SMSDNet()
    parts = {name: parameters(part) for name, part in network.named_children()}
    attention = sum(block.attention.p.numel() for block in network.blocks)
    projections = sum(parameters(b.value) + parameters(b.query) for b in network.blocks)
    layers = sum(parameters(block.layers) for block in network.blocks)
    assert (attention, projections, layers) == (87_040, 9_216, 250_240)
    assert {name: number for name, number in parts.items() if number} == {
        "stem": 464,
        "blocks": 87_040 + 9_216 + 250_240,
        "transitions": 6_912,
        "fusion": 11_680,
        "post": 3_872,
        "head": 34,
    }
    assert parameters(network) == 369_458


def test_maps_have_the_papers_sizes() -> None:
    names = ["stem", "blocks.0.output", "transitions.0", "transitions.1", "transitions.2"]
    names += ["blocks.3.output", "transitions.3", "fusion", "post"]
    assert shapes(SMSDNet(), torch.rand(1, 3, 256, 256), names) == [
        (1, 16, 256, 256),
        (1, 96, 256, 256),
        (1, 16, 128, 128),
        (1, 16, 64, 64),
        (1, 16, 32, 32),
        (1, 96, 32, 32),
        (1, 16, 16, 16),
        (1, 16, 16, 16),
        (1, 16, 32, 32),
    ]


# arguments, side of the image, shape of the post-processing map, number of parameters
TABLE = [
    ({}, 32, (4, 4, 4), 8_654),
    ({"classes": 1}, 32, (4, 4, 4), 8_649),
    ({"classes": 3}, 48, (4, 6, 6), 8_659),
    ({"attention": None}, 32, (4, 4, 4), 7_102),
    ({"multi_scale": False}, 32, (4, 2, 2), 7_702),
    ({"attention": None, "multi_scale": False}, 32, (4, 2, 2), 6_150),
    ({"colour": "rgb"}, 32, (4, 4, 4), 8_654),
    ({"colour": "rgb", "standardise": "imagenet"}, 32, (4, 4, 4), 8_654),
    ({"hue_encoding": "sincos"}, 32, (4, 4, 4), 8_690),
    ({"hue_offsets": "paper_zero"}, 32, (4, 4, 4), 8_654),
    ({"attention": AttentionOptions(form="literal")}, 32, (4, 4, 4), 8_654),
    ({"attention": AttentionOptions(merge="sum")}, 32, (4, 4, 4), 8_366),
    ({"attention": AttentionOptions(proj="identity")}, 32, (4, 4, 4), 8_462),
    ({"attention": AttentionOptions(score="qwT", reduce="sum")}, 32, (4, 4, 4), 8_654),
    ({"attention": AttentionOptions(scale="learned")}, 32, (4, 4, 4), 8_658),
    ({"attention": AttentionOptions(on_transition=True)}, 32, (4, 4, 4), 8_782),
    ({"attention": AttentionOptions(pool=2)}, 32, (4, 4, 4), 7_634),
    ({"transition_pool": "avg"}, 32, (4, 4, 4), 8_654),
    ({"transition_out": 6}, 32, (6, 4, 4), 9_966),
    ({"fusion": "adjacent"}, 32, (4, 4, 4), 8_502),
    ({"fusion": "all_to_last"}, 32, (4, 4, 4), 8_806),
    ({"fusion_op": "concat"}, 32, (4, 4, 4), 8_774),
    ({"fusion": "all_to_last", "fusion_op": "concat"}, 32, (4, 4, 4), 8_878),
    ({"post_levels": 2}, 32, (4, 8, 8), 8_822),
    ({"post_levels": 3}, 32, (4, 16, 16), 8_990),
    ({"head": "flatten"}, 32, (4, 4, 4), 8_774),
    ({"head": "flatten", "multi_scale": False}, 32, (4, 2, 2), 7_726),
    ({"growth": 8, "layers": 3, "bn_size": 2}, 64, (8, 8, 8), 29_722),
]


@pytest.mark.parametrize(("arguments", "side", "post", "number"), TABLE)
def test_table(arguments: dict, side: int, post: tuple[int, ...], number: int) -> None:
    network = small(side if side != 48 else 32, **arguments)
    image = torch.rand(2, 3, side, side)
    assert shapes(network, image, ["post"]) == [(2, *post)]
    assert network(image).shape == (2, arguments.get("classes", 2))
    assert parameters(network) == number


@pytest.mark.parametrize("arguments", [row[0] for row in TABLE])
def test_gradient_reaches_every_parameter(arguments: dict) -> None:
    network = small(**arguments)
    with torch.no_grad():
        for module in network.modules():  # no unit dead by the luck of eight channels
            if isinstance(module, torch.nn.BatchNorm2d):
                module.bias.fill_(0.5)
    image = torch.rand(4, 3, 32, 32)
    (network(image) * torch.randn(4, arguments.get("classes", 2))).sum().backward()
    silent = [name for name, v in network.named_parameters() if v.grad is None or not v.grad.any()]
    assert silent == []


def test_gradient_reaches_every_parameter_at_the_papers_widths() -> None:
    torch.manual_seed(0)
    network = SMSDNet(2, 64)
    F.cross_entropy(network(torch.rand(4, 3, 64, 64)), torch.tensor([0, 1, 1, 0])).backward()
    silent = [name for name, v in network.named_parameters() if v.grad is None or not v.grad.any()]
    assert silent == []


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("multi_scale", [True, False])
def test_overfits_eight_random_cases(attention: bool, multi_scale: bool) -> None:
    options = AttentionOptions() if attention else None
    network = small(growth=8, attention=options, multi_scale=multi_scale)
    images, labels = torch.rand(8, 3, 32, 32), torch.arange(8) % 2
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(30):
        loss = F.cross_entropy(network(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.05


def test_weights_come_with_the_logits_of_one_pass() -> None:
    network, image = small(layers=3).eval(), torch.rand(2, 3, 32, 32)
    passes = []
    network.stem.register_forward_hook(lambda *_: passes.append(1))
    logits, weights = network.forward_with_weights(image)
    assert passes == [1]
    assert torch.equal(logits, network(image))
    assert [[tuple(w.shape) for w in block] for block in weights] == [[(2, 1), (2, 2), (2, 3)]] * 4
    for weight in (w for block in weights for w in block):
        torch.testing.assert_close(weight.sum(1), torch.ones(2))
    assert small(attention=None).eval().forward_with_weights(image)[1] == [[], [], [], []]


def test_both_forms_are_one_network() -> None:
    images = torch.rand(3, 3, 32, 32, dtype=torch.float64)
    found = []
    for form in ("trace", "literal"):
        network = small(layers=4, attention=AttentionOptions(form=form)).double()
        output = network(images)
        output.square().sum().backward()
        found.append([output, *(value.grad for value in network.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("arguments", [{}, {"colour": "rgb"}, {"multi_scale": False}])
def test_memory_order_changes_nothing(arguments: dict) -> None:
    network, image = small(**arguments).double().eval(), torch.rand(2, 3, 32, 32).double()
    plain = network(image)
    last = torch.channels_last
    torch.testing.assert_close(network(image.contiguous(memory_format=last)), plain)
    network.to(memory_format=last)
    torch.testing.assert_close(network(image.contiguous(memory_format=last)), plain)


def test_one_image_and_another_size_in_evaluation() -> None:
    network = small().eval()
    images = torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(network(images)[:1], network(images[:1]))
    assert network(torch.rand(1, 3, 48, 48)).isfinite().all()
    assert small(attention=None).eval()(torch.rand(1, 3, 32, 64)).shape == (1, 2)


def test_copies_and_saved_states_are_the_same_network() -> None:
    image = torch.rand(2, 3, 32, 32)
    for options in ({}, {"attention": AttentionOptions(scale="learned")}, {"multi_scale": False}):
        network = small(**options)
        network(image)
        twin, other = copy.deepcopy(network).eval(), small(**options)
        with torch.no_grad():
            for value in other.parameters():
                value.zero_()
        other.load_state_dict(network.state_dict())
        wanted = network.eval()(image)
        assert torch.equal(twin(image), wanted)
        assert torch.equal(other.eval()(image), wanted)


@pytest.mark.parametrize("multi_scale", [True, False])
def test_maps_for_grad_cam_are_there(multi_scale: bool) -> None:
    network = small(multi_scale=multi_scale)
    assert network.features_layer == network.gradcam_layers["post"]
    names = [network.gradcam_layers[name] for name in ("post", "block4", "f14")]
    found = shapes(network, torch.rand(1, 3, 64, 64), names)
    assert found == [(1, 4, 8, 8) if multi_scale else (1, 4, 4, 4), (1, 12, 8, 8), (1, 4, 4, 4)]


def test_colour_decides_what_the_stem_sees() -> None:
    grey, seen = torch.full((1, 3, 16, 16), 0.5), []
    for colour in ("hsv", "rgb"):
        network = small(16, colour=colour).eval()
        network.stem.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0]))
        network(grey)
    assert [image[0, :, 0, 0].tolist() for image in seen] == [[0, 0, 0.5], [0.5, 0.5, 0.5]]


def test_fusion_by_addition_adds_the_maps_it_names() -> None:
    """With silenced convolutions only the maps that are never shrunk are left."""
    maps = [torch.rand(1, 4, 16 >> i, 16 >> i) for i in range(4)]
    for kind in ("skip", "adjacent", "all_to_last"):
        fusion = CrossLayerFusion(4, kind).eval()
        for down in fusion.downs:
            torch.nn.init.zeros_(down[0].weight)
        assert torch.equal(fusion(maps), maps[3]), kind
        assert len(fusion.downs) == 3


@pytest.mark.parametrize(
    ("kind", "convolutions"), [("skip", 5), ("adjacent", 4), ("all_to_last", 6)]
)
def test_fusion_halves_by_strided_convolutions(kind: str, convolutions: int) -> None:
    modules = CrossLayerFusion(4, kind).modules()
    assert sum(isinstance(module, torch.nn.Conv2d) for module in modules) == convolutions


def test_post_processing_depends_on_both_inputs() -> None:
    torch.manual_seed(0)
    post = PostProcessing(4, [6])
    fused, skip = torch.rand(2, 4, 2, 2, requires_grad=True), torch.rand(2, 6, 4, 4)
    found = post(fused, [skip.requires_grad_()])
    assert found.shape == (2, 4, 4, 4)
    assert (found >= 0).all()
    found.square().sum().backward()
    assert fused.grad.any()
    assert skip.grad.any()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"size": 40}, "size is 40; it must be a multiple of 16"),
        ({"size": 0}, "size is 0"),
        ({"colour": "lab"}, "colour is 'lab'; allowed are hsv, rgb"),
        ({"standardise": "fold"}, "standardise is 'fold'; with colour 'hsv' it must be 'none'"),
        ({"transition_pool": "min"}, "transition_pool is 'min'; allowed are max, avg"),
        ({"fusion": "none"}, "fusion is 'none'; allowed are skip, adjacent, all_to_last"),
        ({"fusion_op": "mul"}, "fusion_op is 'mul'; allowed are add, concat"),
        ({"post_levels": 4}, "post_levels is 4; allowed are 1, 2, 3"),
        ({"head": "max"}, "head is 'max'; allowed are gap, flatten"),
        ({"attention": AttentionOptions(pool=8)}, "pool is 8; the maps have 4 pixels"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        small(**{"size": 32} | wrong)


@pytest.mark.parametrize(
    ("arguments", "shape", "named"),
    [
        ({}, (1, 3, 40, 40), "must be multiples of 16"),
        ({}, (3, 32, 32), "must be multiples of 16"),
        ({}, (1, 1, 32, 32), "wanted B × 3"),
        ({}, (1, 3, 32, 48), "must be square"),
        ({"head": "flatten"}, (1, 3, 64, 64), "head 'flatten' wants the size"),
    ],
)
def test_wrong_images_are_named(arguments: dict, shape: tuple[int, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        small(**arguments)(torch.rand(shape))
