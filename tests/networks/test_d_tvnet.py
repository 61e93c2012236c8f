"""D-TVNet: which features meet where, the rates, sizes, learning mask and contour."""

import pytest
import torch

from osteon.learning.segmentation_objectives import ContourObjective, outline
from osteon.networks.d_tvnet import ASPP, NARROW, WIDE, Atrous, DTVNet
from tests.segmentation_discs import discs, learn, parameters, without_gradient

torch.set_num_threads(1)


def small(**options) -> DTVNet:
    torch.manual_seed(0)
    return DTVNet(**{"base": 4} | options)


def by_hand(base: int) -> int:
    """Parameters from the description alone."""

    def convolution(inputs: int, outputs: int, kernel: int = 3) -> int:
        return inputs * outputs * kernel**2 + 2 * outputs

    def double(inputs: int, outputs: int) -> int:
        return convolution(inputs, outputs) + convolution(outputs, outputs)

    widths = [base * 2**level for level in range(5)]
    encoder = sum(double(a, b) for a, b in zip([1, *widths], widths, strict=False))
    total, lowest, inputs = 2 * encoder, widths[3], 2 * widths[4]
    total += convolution(inputs, lowest, 1) + 3 * convolution(inputs, lowest)
    total += inputs * lowest + lowest + convolution(5 * lowest, lowest, 1)
    for level in range(4):
        own = widths[level]
        for below in (widths[level + 1], lowest if level == 3 else widths[level + 1]):
            total += below * own * 4 + own + double(2 * own, own)
        total += convolution(2 * own, own, 1)
    return total + 2 * (base + 1)


def test_parameters_are_those_of_the_description() -> None:
    network = DTVNet()
    assert parameters(network) == by_hand(32) == 23_370_498
    assert network.aspp.join[0].out_channels == 256


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (2, 1, 32, 32)),
        ({}, (2, 1, 17, 45)),
        ({"channels": 3, "depth": 1}, (2, 3, 21, 19)),
        ({"depth": 5, "base": 1, "rates": (1, 2, 3)}, (2, 1, 33, 40)),
    ],
)
def test_mask_and_contour_in_training_the_mask_in_evaluation(options, shape) -> None:
    network, images = small(**options), torch.rand(shape)
    assert network(images).shape == (shape[0], 2, *shape[2:])
    assert network.eval()(images).shape == (shape[0], 1, *shape[2:])


@pytest.mark.parametrize(
    ("rates", "rows", "columns", "wanted"),
    [
        ("auto", 127, 256, NARROW),
        ("auto", 128, 128, WIDE),
        ("auto", 200, 96, NARROW),
        ((1, 3, 5), 64, 64, (1, 3, 5)),
        ((1, 3, 5), 256, 256, (1, 3, 5)),
    ],
)
def test_small_images_have_small_rates(rates, rows, columns, wanted) -> None:
    network, seen = small(base=1, rates=rates).eval(), []
    network.aspp.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    network(torch.rand(1, 1, rows, columns))
    assert seen == [wanted]
    assert (NARROW, WIDE) == ((2, 4, 6), (6, 12, 18))


def test_an_atrous_convolution_looks_as_far_as_its_rate() -> None:
    torch.manual_seed(0)
    layer = Atrous(1, 4).eval()
    for rate in (1, 2, 5):
        image = torch.rand(1, 1, 15, 15, requires_grad=True)
        layer(image, rate)[0, :, 7, 7].sum().backward()
        assert image.grad[0, 0, 7].nonzero().flatten().tolist() == [7 - rate, 7, 7 + rate]


def test_the_pooling_s_every_branch_counts() -> None:
    torch.manual_seed(0)
    aspp, maps = ASPP(3, 4).eval(), torch.rand(2, 3, 12, 12)
    wanted = aspp(maps, (1, 2, 3))
    assert wanted.shape == (2, 4, 12, 12)
    for name in ("point", "atrous.0", "atrous.1", "atrous.2", "mean"):
        part = aspp.get_submodule(name)
        handle = part.register_forward_hook(lambda _, given, found: torch.zeros_like(found))
        assert not torch.allclose(aspp(maps, (1, 2, 3)), wanted), name
        handle.remove()


def reached(network: DTVNet, output: torch.Tensor) -> set[str]:
    """Parts whose weights an output depends on."""
    network.zero_grad()
    output.square().sum().backward(retain_graph=True)
    return {
        name.split(".")[0]
        for name, value in network.named_parameters()
        if value.grad is not None and value.grad.any()
    }


def test_the_contour_s_features_go_into_the_mask_and_not_back() -> None:
    network = small()
    mask, contour = network(torch.rand(2, 1, 32, 32)).unbind(1)
    beside = {"contour_encoder", "contour_decoder"}
    assert reached(network, contour) == {*beside, "contour_head"}
    assert reached(network, mask) == {*beside, "encoder", "aspp", "decoder", "fusions", "head"}


def test_the_pooling_reads_the_ends_of_both_encoders() -> None:
    network, ends, seen = small().eval(), [], []
    for encoder in (network.encoder, network.contour_encoder):
        encoder.register_forward_hook(lambda _, given, maps: ends.append(maps[-1]))
    network.aspp.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(torch.rand(1, 1, 32, 32))
    assert torch.equal(seen[0], torch.cat(ends, dim=1))


@pytest.mark.parametrize("level", range(4))
def test_the_contour_s_features_enter_the_mask_at_every_level(level) -> None:
    network, images = small().eval(), torch.rand(1, 1, 32, 32)
    wanted = network(images)
    network.contour_decoder.register_forward_hook(
        lambda _, given, maps: [
            torch.zeros_like(one) if place == level else one for place, one in enumerate(maps)
        ]
    )
    assert not torch.allclose(network(images), wanted)


def test_no_parameter_is_left_without_gradient() -> None:
    assert without_gradient(small(), ContourObjective(), *discs()) == []


def test_discs_and_their_contours_are_learned() -> None:
    network, (images, masks) = small(), discs()
    left, dice = learn(network, ContourObjective(), images, masks)
    assert left < 0.7
    assert dice > 0.9
    edge = outline(masks.float()) == 1
    logits = network.train()(images)[:, 1]
    assert logits[edge].mean() > 0 > logits[~edge].mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": 0}, "base is 0"),
        ({"depth": 6}, "depth is 6"),
        ({"rates": (1, 2)}, r"rates is \(1, 2\); allowed are auto and three numbers"),
        ({"rates": (0, 2, 4)}, "rates is"),
        ({"rates": "far"}, "rates is 'far'"),
    ],
)
def test_wrong_arguments_are_named(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        DTVNet(**options)


def test_wrong_images_are_named() -> None:
    with pytest.raises(ValueError, match="wanted B × 1 × H × W"):
        small()(torch.zeros(1, 2, 32, 32))
