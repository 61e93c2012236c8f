"""What SMSDNet does with the maps of its four blocks: cross-layer fusion and post-processing.

Paper: He J., Bi X., J. Bone Oncology 2024, sections 2.2 and 2.4, modules 3 and 4. The text says
that larger maps are brought to the size of smaller ones by convolution and added, "first across
layers, then combined", and that upsampling and the same convolutions restore detail from the last
block's map; which maps meet, and where, is our reading (see `CrossLayerFusion`, `PostProcessing`).
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from osteon.networks.blocks import choose
from osteon.networks.dense_attention import he

FusionKind = Literal["skip", "adjacent", "all_to_last"]
FusionOp = Literal["add", "concat"]
PAIRS = {"skip": ((0, 2), (1, 3)), "adjacent": ((0, 1), (2, 3))}
"""Which of the four maps meet first (counted from 0)."""


class CrossLayerFusion(nn.Module):
    """Four maps F11 to F14, each half the size of the one before, to one at the last one's size.

    `skip` (the default): F21 = F13 + down4(F11), F22 = F14 + down4(F12), F31 = F22 + down2(F21);
    `adjacent`: F21 = F12 + down2(F11), F22 = F14 + down2(F13), F31 = F22 + down4(F21);
    `all_to_last`: F31 = F14 + down8(F11) + down4(F12) + down2(F13).

    Args:
        channels: of every map.
        kind: skip, adjacent or all_to_last.
        op: add, or concat followed by a 1×1 convolution back to `channels`.
    """

    def __init__(self, channels: int, kind: FusionKind = "skip", op: FusionOp = "add") -> None:
        super().__init__()
        choose(kind, {**PAIRS, "all_to_last": ()}, "fusion")
        choose(op, {"add": 0, "concat": 1}, "fusion_op")
        self.pairs = PAIRS.get(kind)
        if self.pairs is None:
            times, inputs = [3, 2, 1], [4]
        else:
            (a, b), (c, d) = self.pairs
            times, inputs = [b - a, d - c, d - b], [2, 2, 2]
        self.downs = nn.ModuleList(_down(channels, halvings) for halvings in times)
        self.merges = nn.ModuleList(_Merge(channels, number, op) for number in inputs)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Four tensors B × C × n/2^i × n/2^i float → B × C × n/8 × n/8 float."""
        if self.pairs is None:
            smaller = [down(larger) for down, larger in zip(self.downs, maps, strict=False)]
            everything: Tensor = self.merges[0]([*smaller, maps[3]])
            return everything
        fused = [
            self.merges[index]([maps[small], self.downs[index](maps[large])])
            for index, (large, small) in enumerate(self.pairs)
        ]
        combined: Tensor = self.merges[2]([fused[1], self.downs[2](fused[0])])
        return combined


class PostProcessing(nn.Module):
    """The fused map, enlarged step by step and joined with larger maps of the network.

    Each step: BN-ReLU(conv3×3(up2(map)) + conv1×1(larger map)), the enlargement bilinear.

    Args:
        channels: of the fused map and of the result.
        skips: channels of the larger maps, from the smallest of them on; one step for each.
    """

    def __init__(self, channels: int, skips: list[int]) -> None:
        super().__init__()
        self.smooth = nn.ModuleList(
            he(nn.Conv2d(channels, channels, 3, padding=1, bias=False)) for _ in skips
        )
        self.lateral = nn.ModuleList(he(nn.Conv2d(c, channels, 1, bias=False)) for c in skips)
        self.norm = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True)) for _ in skips
        )

    def forward(self, fused: Tensor, skips: list[Tensor]) -> Tensor:
        """B × C × n × n float and a map of 2n, 4n, … pixels a step → the last step's size, ≥ 0."""
        found = fused
        for smooth, lateral, norm, skip in zip(
            self.smooth, self.lateral, self.norm, skips, strict=True
        ):
            larger = F.interpolate(found, scale_factor=2, mode="bilinear", align_corners=False)
            found = norm(smooth(larger) + lateral(skip))
        return found


class _Merge(nn.Module):
    """Maps of one size to one: added, or concatenated and compressed by a 1×1 convolution."""

    def __init__(self, channels: int, number: int, op: FusionOp) -> None:
        super().__init__()
        self.compress: nn.Module | None = None
        if op == "concat":
            self.compress = nn.Sequential(
                he(nn.Conv2d(number * channels, channels, 1, bias=False)),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Tensors B × C × n × n float → one such."""
        if self.compress is None:
            return sum(maps[1:], start=maps[0])
        merged: Tensor = self.compress(torch.cat(maps, dim=1))
        return merged


def _down(channels: int, halvings: int) -> nn.Sequential:
    """conv3×3 of stride 2, BN and ReLU, as often as the side is halved."""
    steps = [
        (
            he(nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False)),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        for _ in range(halvings)
    ]
    return nn.Sequential(*(module for step in steps for module in step))
