"""The feature pyramid of the detector, as the spinal fusion paper prints it and as it is usual.

Papers: Lin T.-Y. et al., Feature pyramid networks, CVPR 2017, arXiv 1612.03144. Spinal fusion
paper (Liu H. et al., Insights into Imaging 2022, doi 10.1186/s13244-022-01227-2): five scales with
128, 256, 512, 1024 and 2048 maps. A ResNeXt-101 gives 256 to 2048 at strides 4 to 32, so the
printed numbers are off by one stage; the `paper` pyramid honours them and keeps the trunk as it is:

    level  stride  map                       channels  adapted to
    1      4       C2                        256       128   (1×1)
    2      8       C3                        512       256   (1×1)
    3      16      C4                        1024      512   (1×1)
    4      32      C5                        2048      1024  (1×1)
    5      64      C6 = 3×3, stride 2, of C5 2048      2048  (itself)

Each then goes into the top-down pathway with 256 channels. `standard` takes C2 to C5 as they are
and adds P6 = every second pixel of P5.

Deviation: with a narrower trunk the printed numbers scale with it: half of each map's channels,
and for C6 those of C5.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

STRIDES = (4, 8, 16, 32, 64)


class Pyramid(nn.Module):
    """Four maps of a trunk → five maps of equal depth.

    Args:
        trunk: channels of C2 to C5.
        kind: paper or standard.
        channels: of every level's output.

    Attributes:
        channels: of every level.
        adapted: channels that go into the top-down pathway, bottom first.

    Raises:
        ValueError: an unknown kind, or not four numbers.
    """

    def __init__(
        self,
        trunk: Sequence[int],
        kind: Literal["paper", "standard"] = "paper",
        channels: int = 256,
    ) -> None:
        super().__init__()
        if kind not in ("paper", "standard"):
            raise ValueError(f"kind is {kind!r}; allowed are paper and standard")
        if len(trunk) != 4:
            raise ValueError(f"trunk is {tuple(trunk)}; four numbers of channels are allowed")
        self.channels = channels
        self.adapters = nn.ModuleList()
        self.c6: nn.Conv2d | None = None
        if kind == "paper":
            self.adapted = (*(count // 2 for count in trunk), trunk[-1])
            self.adapters.extend(nn.Conv2d(count, count // 2, 1) for count in trunk)
            self.c6 = nn.Conv2d(trunk[-1], trunk[-1], 3, stride=2, padding=1)
            for layer in (*self.adapters, self.c6):
                # As the pathway itself: weights of a linear layer, no activation follows.
                nn.init.kaiming_uniform_(layer.weight, a=1)
                nn.init.zeros_(layer.bias)
        else:
            self.adapted = tuple(trunk)
        last = LastLevelMaxPool() if kind == "standard" else None
        self.fpn = FeaturePyramidNetwork(list(self.adapted), channels, last)

    def forward(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """Levels p2 to p6.

        Args:
            maps: C2 to C5, B × trunk[i] × H/4 … × W/32 float.

        Returns:
            p2, p3, p4, p5, p6: B × channels × ⌈H/stride⌉ × ⌈W/stride⌉ float, strides 4 to 64.
        """
        maps = list(maps)
        if self.c6 is not None:
            top = self.c6(maps[-1])
            maps = [adapter(map_) for adapter, map_ in zip(self.adapters, maps, strict=True)]
            maps.append(top)
        levels = self.fpn({str(number): map_ for number, map_ in enumerate(maps)})
        return {f"p{number}": level for number, level in enumerate(levels.values(), start=2)}
