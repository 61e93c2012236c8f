"""Deformable 3×3 convolutions in a ResNet's or ResNeXt's blocks.

Papers: v1, Dai J. et al., Deformable Convolutional Networks, ICCV 2017, arXiv 1703.06211: each of
the nine samples of a 3×3 kernel is moved by an offset that a second convolution reads from the
same map. v2, Zhu X. et al., Deformable ConvNets v2, CVPR 2019, arXiv 1811.11168: each sample is
weighed by a mask as well. The spinal fusion paper cites v1 and does not say in which stages; the
default is stages C3 to C5, one set of offsets for all groups of the grouped convolution.

Deviations and additions:
- v2's mask is 2·sigmoid, not sigmoid: at zero it is 1, so that a network with pretrained weights
  starts as the plain network. Checkpoints trained with the plain sigmoid want `weight` halved;
- the offset branch starts at zero (weights and bias): at first both versions are the convolution
  they replace, of which stride, padding, dilation and groups are kept.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.ops import DeformConv2d

DCN = Literal["none", "v1", "v2"]
STAGES = {"c2": "layer1", "c3": "layer2", "c4": "layer3", "c5": "layer4"}
"""Names of the field for the four stages of torchvision's ResNet, at strides 4, 8, 16 and 32."""
C3_TO_C5 = ("c3", "c4", "c5")


class DeformableConv(DeformConv2d):
    """A deformable convolution that reads its own offsets, in place of a plain one.

    Args:
        plain: the convolution that is replaced; its weights are taken over, not copied.
        modulated: version 2, with a mask.

    Attributes:
        conv_offset: gives the offsets (y, x of each kernel sample), and then v2's masks.
    """

    def __init__(self, plain: nn.Conv2d, *, modulated: bool = False) -> None:
        if isinstance(plain.padding, str):
            raise ValueError(f"plain: padding {plain.padding!r} found; pixels are allowed")
        kernel, stride, padding, dilation = (
            (pair[0], pair[1])
            for pair in (plain.kernel_size, plain.stride, plain.padding, plain.dilation)
        )
        super().__init__(
            plain.in_channels,
            plain.out_channels,
            kernel,
            stride,
            padding,
            dilation,
            plain.groups,
            plain.bias is not None,
        )
        self.weight, self.bias = plain.weight, plain.bias
        self.modulated = modulated
        samples = kernel[0] * kernel[1]
        self.offsets = 2 * samples
        branches = (2 + modulated) * samples
        self.conv_offset = nn.Conv2d(plain.in_channels, branches, kernel, stride, padding, dilation)
        for value in self.conv_offset.parameters():
            nn.init.zeros_(value)

    def forward(self, map_: Tensor) -> Tensor:
        """B × in × H × W float → B × out × H/stride × W/stride float."""
        found = self.conv_offset(map_)
        # Single precision where the rest is mixed too: the operator knows no bfloat16 on a CPU, and
        # offsets want their fractions of a pixel.
        map_, found = map_.to(self.weight), found.to(self.weight)
        mask = 2 * found[:, self.offsets :].sigmoid() if self.modulated else None
        output: Tensor = super().forward(map_, found[:, : self.offsets], mask)
        return output


def make_deformable(trunk: ResNet, version: DCN = "v1", stages: Sequence[str] = C3_TO_C5) -> int:
    """Replace the 3×3 convolutions of a trunk's blocks in place and return how many there were.

    A bottleneck has one (grouped in a ResNeXt), a basic block two, of which the second is taken, so
    that it is one a block.

    Args:
        trunk: changed in place, after its weights were set at random and before they are read
            from a file.
        version: none, v1 or v2.
        stages: any of c2, c3, c4 and c5.

    Raises:
        ValueError: an unknown version or stage.
    """
    if version not in ("none", "v1", "v2"):
        raise ValueError(f"version is {version!r}; allowed are none, v1, v2")
    unknown = [stage for stage in stages if stage not in STAGES]
    if unknown:
        raise ValueError(f"stages: {unknown} found; allowed are {', '.join(STAGES)}")
    replaced = 0
    if version == "none":
        return replaced
    for stage in stages:
        for block in trunk.get_submodule(STAGES[stage]):
            if isinstance(block, BasicBlock | Bottleneck):
                block.conv2 = DeformableConv(block.conv2, modulated=version == "v2")
                replaced += 1
    return replaced
