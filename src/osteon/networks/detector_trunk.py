"""The detector's trunk: torchvision's ResNet or ResNeXt without a classifier, narrower on demand.

Papers: He K. et al., Deep residual learning, CVPR 2016, arXiv 1512.03385; Xie S. et al., Aggregated
residual transformations (ResNeXt), CVPR 2017, arXiv 1611.05431. The spinal fusion paper says
"ResNeXt101" without cardinality: 32×4d is the default, 64×4d an option.

Deviations and additions:
- `width` scales the channels and `blocks` replaces the number of blocks, for a CPU;
- `norm`: a detector sees few images at once (the default batch is 2), too few for statistics of a
  batch. With weights from a file the stored statistics are kept (`frozen`); from scratch those
  would be those of no data at all (mean 0, deviation 1), so that group normalisation is taken,
  which does not look across images and is the same in training and in use.
"""

from collections.abc import Callable
from math import gcd
from pathlib import Path
from typing import Literal, Self

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.ops import FrozenBatchNorm2d

from osteon.networks.blocks import _read_tensors, choose, file_digest
from osteon.networks.deformable import STAGES

Norm = Literal["auto", "batch", "group", "frozen"]
Block = type[BasicBlock | Bottleneck]
TRUNKS: dict[str, tuple[Block, tuple[int, int, int, int], int, int]] = {
    "resnext101_32x4d": (Bottleneck, (3, 4, 23, 3), 32, 4),
    "resnext101_64x4d": (Bottleneck, (3, 4, 23, 3), 64, 4),
    "resnext50_32x4d": (Bottleneck, (3, 4, 6, 3), 32, 4),
    "resnet50": (Bottleneck, (3, 4, 6, 3), 1, 64),
    "resnet18": (BasicBlock, (2, 2, 2, 2), 1, 64),
}
"""Block, blocks a stage, groups (cardinality) and width of a group in the first stage."""


class Trunk(ResNet):
    """A ResNet or ResNeXt that returns the maps of its four stages.

    With `width=1` and `norm="batch"` names and shapes of all parameters are torchvision's own, but
    for `fc`, which is an identity.

    Args:
        backbone: a key of `TRUNKS`.
        width: factor on the channels, above 0. A stage keeps four channels at least, in a ResNeXt
            sixteen: fewer would leave its groups without any.
        blocks: number of blocks of the four stages; None for the backbone's own.
        norm: batch, group or frozen (statistics and scales of the file, or 0 and 1).

    Attributes:
        channels: of the four maps C2 to C5.
        still: names of the parts that are frozen.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    def __init__(
        self,
        backbone: str = "resnext101_32x4d",
        *,
        width: float = 1.0,
        blocks: tuple[int, int, int, int] | None = None,
        norm: Literal["batch", "group", "frozen"] = "batch",
    ) -> None:
        block, layers, groups, group_width = choose(backbone, TRUNKS, "backbone")
        if width <= 0:
            raise ValueError(f"width is {width}; it must be above 0")
        if blocks is not None and (len(blocks) != 4 or min(blocks) < 1):
            raise ValueError(f"blocks is {blocks}; four numbers from 1 are allowed")
        # Set before the parent builds its stages, because `_make_layer` reads them.
        self.width, self.least = width, 16 if groups > 1 else 4
        norm_layer = choose(norm, NORMS, "norm")
        super().__init__(
            block,
            list(blocks or layers),
            groups=groups,
            width_per_group=group_width,
            norm_layer=norm_layer,
        )
        self.fc = nn.Identity()
        self.still: tuple[str, ...] = ()
        first = self.inplanes // 8
        self.channels = (first, 2 * first, 4 * first, 8 * first)

    def _make_layer(
        self, block: Block, planes: int, blocks: int, stride: int = 1, dilate: bool = False
    ) -> nn.Sequential:
        # A power of two on the first stage's, so that each stage has twice the one before.
        scaled = max(self.least, round(64 * self.width)) * (planes // 64)
        if not hasattr(self, "layer1") and scaled != 64:
            # The stem exists already at torchvision's size; the parent initialises all later.
            self.inplanes = scaled
            self.conv1 = nn.Conv2d(3, scaled, 7, stride=2, padding=3, bias=False)
            self.bn1 = self._norm_layer(scaled)
        return super()._make_layer(block, scaled, blocks, stride, dilate)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps of an image batch.

        Args:
            image: B × 3 × H × W float, normalised.

        Returns:
            C2, C3, C4, C5: B × channels × H/4 × W/4 and so on to stride 32, at or above 0.
        """
        map_ = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        maps = []
        for stage in STAGES.values():
            map_ = self.get_submodule(stage)(map_)
            maps.append(map_)
        return maps

    def freeze(self, stages: int) -> None:
        """Stop the stem and the first `stages` stages from learning; 0 stops nothing.

        1, the stem and C2, is mmdetection's `frozen_stages=1`.

        Raises:
            ValueError: not 0 to 4.
        """
        if not 0 <= stages <= 4:
            raise ValueError(f"stages is {stages}; allowed are 0 to 4")
        self.still = ("conv1", "bn1", *list(STAGES.values())[:stages]) if stages else ()
        for part in self.still:
            self.get_submodule(part).requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As any module's, but that running statistics of frozen parts stand still."""
        super().train(mode)
        for part in self.still:
            self.get_submodule(part).eval()
        return self

    def load(self, weights: str) -> str:
        """Fill it from a local file and return in words where the values came from.

        Args:
            weights: path of a `.pth`, `.pt` or `.safetensors` file with torchvision's names, alone
                or within a detector (before them `backbone.` or `backbone.body.`; neck and heads
                are left aside). Offset branches that the file lacks stay at zero.

        Raises:
            FileNotFoundError: no such file; nothing is downloaded.
            ValueError: another ending, a damaged file, or names and shapes that do not fit.
        """
        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(f"weights: no file at {path}; nothing is downloaded")
        tensors = _own_names(_read_tensors(path))
        try:
            missing, unexpected = self.load_state_dict(tensors, strict=False)
        except RuntimeError as error:
            raise ValueError(f"weights: {path.name} does not fit the trunk: {error}") from error
        lacking = [name for name in missing if ".conv_offset." not in name]
        if lacking or unexpected:
            raise ValueError(
                f"weights: {path.name} does not fit the trunk: it lacks {lacking[:3]} and has "
                f"{unexpected[:3]} besides ({len(lacking)} and {len(unexpected)} in all)"
            )
        return f"file: {path.name}, sha256 {file_digest(path)}"


def _own_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The trunk's part of a file that may hold a whole detector; no classifier."""
    for prefix in ("backbone.body.", "backbone."):
        if any(name.startswith(prefix) for name in tensors):
            held = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            break
    else:
        held = tensors
    return {k: v for k, v in held.items() if not k.startswith(("fc.", "fpn."))}


def group_norm(channels: int) -> nn.GroupNorm:
    """32 groups, or fewer where that leaves less than four channels in one."""
    return nn.GroupNorm(gcd(channels, min(32, max(1, channels // 4))), channels)


NORMS: dict[str, Callable[..., nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": group_norm,
    "frozen": FrozenBatchNorm2d,
}
