"""Deformable convolutions: they start as what they replace, and move their samples."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from osteon.networks.deformable import DeformableConv, make_deformable

# groups, stride, bias
PLAIN = [(1, 1, False), (4, 1, False), (4, 2, False), (2, 1, True)]


def plain(groups: int, stride: int, bias: bool) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(8, 8, 3, stride, 1, groups=groups, bias=bias)


def small_trunk(block: type = Bottleneck, groups: int = 4) -> ResNet:
    torch.manual_seed(0)
    width = {"groups": groups, "width_per_group": 4} if block is Bottleneck else {}
    return ResNet(block, [1, 2, 1, 1], num_classes=2, **width)


@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize(("groups", "stride", "bias"), PLAIN)
def test_it_starts_as_the_convolution_that_it_replaces(groups, stride, bias, modulated) -> None:
    own, image = plain(groups, stride, bias), torch.randn(2, 8, 9, 7)
    torch.testing.assert_close(DeformableConv(own, modulated=modulated)(image), own(image))


@pytest.mark.parametrize("groups", [1, 4])
def test_an_offset_of_one_pixel_reads_the_shifted_map(groups) -> None:
    own, image = plain(groups, 1, False), torch.randn(1, 8, 9, 9)
    moved = DeformableConv(own)
    with torch.no_grad():
        moved.conv_offset.bias[1::2] = 1.0  # y, x of each of the nine samples: x + 1
    wanted = own(F.pad(image, (0, 1))[..., 1:])
    torch.testing.assert_close(moved(image)[..., 1:], wanted[..., 1:])


def test_the_mask_of_version_two_scales_each_sample_between_nothing_and_twice() -> None:
    own, image = plain(4, 1, False), torch.randn(1, 8, 6, 6)
    masked = DeformableConv(own, modulated=True)
    for value, share in ((-50.0, 0.0), (0.5, 2 / (1 + torch.tensor(-0.5).exp())), (50.0, 2.0)):
        with torch.no_grad():
            masked.conv_offset.bias[18:] = value
        torch.testing.assert_close(masked(image), share * own(image), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("version", "channels"), [("v1", 18), ("v2", 27)])
def test_it_stands_in_the_blocks_of_the_chosen_stages(version, channels) -> None:
    trunk = small_trunk()
    assert make_deformable(trunk, version) == 4
    assert not any(isinstance(m, DeformableConv) for m in trunk.layer1.modules())
    for stage, side in ((trunk.layer2, 2), (trunk.layer3, 2), (trunk.layer4, 2)):
        first = stage[0].conv2
        assert isinstance(first, DeformableConv)
        assert (first.groups, first.stride, first.conv_offset.stride) == (
            4,
            (side,) * 2,
            (side,) * 2,
        )
        assert first.conv_offset.out_channels == channels
    assert make_deformable(small_trunk(), version, ["c5"]) == 1


def test_a_deformable_trunk_starts_with_the_plain_trunk_s_answer_and_can_learn_to_move() -> None:
    trunk, image = small_trunk().eval(), torch.rand(1, 3, 64, 64)
    wanted = trunk(image)
    names = set(trunk.state_dict())
    make_deformable(trunk, "v1")
    found = trunk(image)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    assert {name for name in set(trunk.state_dict()) - names if "conv_offset" not in name} == set()
    found.sum().backward()
    assert trunk.layer3[0].conv2.conv_offset.weight.grad.abs().sum() > 0
    assert trunk.layer3[0].conv2.weight.grad.abs().sum() > 0


def test_basic_blocks_get_one_each_and_none_changes_nothing() -> None:
    assert make_deformable(small_trunk(BasicBlock), "v1", ("c4", "c5")) == 2
    assert make_deformable(small_trunk(BasicBlock), "none") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("v3",), "version is 'v3'"), (("v1", ["c6"]), r"stages: \['c6'\] found; allowed are c2")],
)
def test_what_is_not_allowed_is_named(arguments, words) -> None:
    with pytest.raises(ValueError, match=words):
        make_deformable(small_trunk(), *arguments)
