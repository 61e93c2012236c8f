"""U-Net: the quoted number of parameters, images of any size, learning."""

import pytest
import torch

from osteon.learning.segmentation_objectives import RegionObjective
from osteon.networks.unet import UNet
from tests.segmentation_discs import discs, learn, parameters, without_gradient

torch.set_num_threads(1)


def small(**options) -> UNet:
    torch.manual_seed(0)
    return UNet(**{"base": 4} | options)


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"norm": "none"}, 7_759_521),
        ({}, 7_762_465),
        ({"norm": "none", "channels": 3}, 7_759_521 + 2 * 32 * 9),
        # The paper's own widths, 64 to 1024, which are quoted as 31.03 million.
        ({"norm": "none", "base": 64}, 31_030_593),
    ],
)
def test_parameters_are_those_that_are_quoted(options, number) -> None:
    assert parameters(UNet(**options)) == number


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (2, 1, 32, 32)),
        ({}, (2, 1, 16, 16)),
        ({}, (2, 1, 17, 45)),
        ({"norm": "none"}, (1, 1, 33, 20)),
        ({"channels": 3, "depth": 1}, (2, 3, 21, 19)),
        ({"depth": 5, "base": 1}, (2, 1, 16, 33)),
    ],
)
def test_the_map_has_the_image_s_size(options, shape) -> None:
    assert small(**options)(torch.rand(shape)).shape == (shape[0], 1, *shape[2:])


def test_level_channels_double_and_each_has_its_skip() -> None:
    network = small()
    assert [level[1][0].out_channels for level in network.encoder.levels] == [4, 8, 16, 32, 64]
    inputs = [level.block[0][0].in_channels for level in network.decoder.levels]
    assert inputs == [64, 32, 16, 8]


def test_an_image_is_padded_as_if_it_went_on_mirrored() -> None:
    network, image = small().eval(), torch.rand(1, 1, 48, 48)
    inner = image[:, :, 4:44, 4:44]
    mirrored = torch.nn.functional.pad(inner, (4, 4, 4, 4), mode="reflect")
    torch.testing.assert_close(network(inner), network(mirrored)[:, :, 4:44, 4:44])


def test_no_parameter_is_left_without_gradient() -> None:
    for norm in ("batch", "none"):
        assert without_gradient(small(norm=norm), RegionObjective(), *discs()) == []


def test_discs_are_learned() -> None:
    left, dice = learn(small(), RegionObjective(), *discs())
    assert left < 0.7
    assert dice > 0.9


def test_a_case_s_map_in_evaluation_does_not_depend_on_its_batch() -> None:
    network, images = small().eval(), discs()[0]
    torch.testing.assert_close(network(images[:1]), network(images)[:1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": 0}, "base is 0"),
        ({"depth": 6}, "depth is 6"),
        ({"norm": "group"}, "norm is 'group'"),
    ],
)
def test_wrong_arguments_are_named(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        UNet(**options)


def test_wrong_images_are_named() -> None:
    with pytest.raises(ValueError, match="wanted B × 1 × H × W with sides of 16 px or more"):
        small()(torch.zeros(1, 1, 15, 40))
