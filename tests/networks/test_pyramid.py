"""The pyramid: the paper's sizes and channels, and the usual one."""

import pytest
import torch

from osteon.networks.detector_trunk import Trunk
from osteon.networks.pyramid import STRIDES, Pyramid

PRINTED = (128, 256, 512, 1024, 2048)


def test_the_paper_s_scales_and_channels_at_800_pixels() -> None:
    with torch.device("meta"):
        trunk, image = Trunk("resnext101_32x4d"), torch.rand(1, 3, 800, 800)
        pyramid = Pyramid(trunk.channels)
        into = []
        pyramid.fpn.register_forward_pre_hook(lambda _, inputs: into.extend(inputs[0].values()))
        levels = pyramid(trunk(image))
    assert pyramid.adapted == PRINTED
    sides = (200, 100, 50, 25, 13)
    expected = [(1, depth, side, side) for depth, side in zip(PRINTED, sides, strict=True)]
    assert [tuple(map_.shape) for map_ in into] == expected
    assert list(levels) == ["p2", "p3", "p4", "p5", "p6"]
    assert [tuple(map_.shape) for map_ in levels.values()] == [(1, 256, s, s) for s in sides]


# trunk's channels, kind, channels that go into the pathway
TABLE = [
    ((16, 32, 64, 128), "paper", (8, 16, 32, 64, 128)),
    ((64, 128, 256, 512), "paper", (32, 64, 128, 256, 512)),
    ((16, 32, 64, 128), "standard", (16, 32, 64, 128)),
    ((256, 512, 1024, 2048), "standard", (256, 512, 1024, 2048)),
]


@pytest.mark.parametrize(("trunk", "kind", "adapted"), TABLE)
def test_printed_channels_scale_with_the_trunk(trunk, kind, adapted) -> None:
    with torch.device("meta"):
        assert Pyramid(trunk, kind).adapted == adapted


@pytest.mark.parametrize("kind", ["paper", "standard"])
@pytest.mark.parametrize(("height", "width"), [(96, 96), (128, 72)])
def test_five_levels_at_strides_4_to_64(kind, height, width) -> None:
    trunk = Trunk("resnet18", width=0.125, blocks=(1, 1, 1, 1))
    levels = Pyramid(trunk.channels, kind, 12)(trunk(torch.rand(2, 3, height, width)))
    assert [tuple(map_.shape) for map_ in levels.values()] == [
        (2, 12, -(-height // stride), -(-width // stride)) for stride in STRIDES
    ]


def test_p6_is_learned_in_the_paper_s_and_picked_from_p5_in_the_standard_pyramid() -> None:
    maps = [torch.randn(1, 4 * 2**i, 16 >> i, 16 >> i) for i in range(4)]
    channels = (4, 8, 16, 32)
    standard = Pyramid(channels, "standard", 8)(maps)
    torch.testing.assert_close(standard["p6"], standard["p5"][..., ::2, ::2])
    paper = Pyramid(channels, "paper", 8)
    paper(maps)["p6"].sum().backward()
    assert paper.c6.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(((4, 8), "paper"), "trunk is"), (((4, 8, 16, 32), "fpn"), "kind is 'fpn'")],
)
def test_what_is_not_allowed_is_named(arguments, words) -> None:
    with pytest.raises(ValueError, match=words):
        Pyramid(*arguments)
