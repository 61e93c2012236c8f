"""3D ResNeXt for the tube of a lesion through the slices of a series.

Paper: Liu H. et al., Benign and malignant diagnosis of spinal tumors based on deep learning and
weighted fusion framework on MRI, Insights into Imaging 2022, doi 10.1186/s13244-022-01227-2: a
classifier "based on ResNeXt101" for continuous frames, input 112 × 112 × N, N = 16. That is the
clip of the public Kinetics networks, whose layout this is: Hara K. et al., Can spatiotemporal 3D
CNNs retrace the history of 2D CNNs and ImageNet?, CVPR 2018
(github.com/kenshohara/3D-ResNets-PyTorch). The block is Xie S. et al., Aggregated residual
transformations for deep neural networks, CVPR 2017.

With one input channel and two classes 47,481,410 parameters. A tube of 16 × 112 × 112:

| | channels × slices × rows × columns |
|---|---|
| conv1, 7³, stride 1 × 2 × 2 | 64 × 16 × 56 × 56 |
| maximum pooling, 3³, stride 2 | 64 × 8 × 28 × 28 |
| layer1, 3 blocks | 256 × 8 × 28 × 28 |
| layer2, 4 blocks | 512 × 4 × 14 × 14 |
| layer3, 23 blocks | 1024 × 2 × 7 × 7 |
| layer4, 3 blocks | 2048 × 1 × 4 × 4 |

Deviations and additions:
- one input channel in place of three;
- the average is over all that is left, so that any number of slices and any side work: padding
  keeps at least one of each;
- the inner width of a block is `planes` whatever the cardinality; Hara's is cardinality · planes /
  32, the same at 32;
- dropout in front of the last layer, as an option;
- `width` and `blocks` make narrow and shallow networks for quick runs.
Names and shapes of the parameters are otherwise Hara's, so that his files can be read (see
`sequence_networks`).
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

BLOCKS_101 = (3, 4, 23, 3)
STEM = 64
PLANES = (128, 256, 512, 1024)
STAGES = ("layer1", "layer2", "layer3", "layer4")
EXPANSION = 2


class ResNeXt3D(nn.Module):
    """The classifier.

    Args:
        classes: number of logits; 1 for a single sigmoid.
        blocks: of each of the four stages.
        cardinality: groups of the 3³ convolution of each block.
        width: factor on all hidden channels, above 0; the inner width of a block is rounded to a
            multiple of the cardinality and is never below it.
        dropout: probability of dropping a feature in front of the last layer, in [0, 1).

    Attributes:
        features_layer: name of the last stage, for Grad-CAM: B × C × N/16 × S/32 × S/32,
            rounded up.
        gradcam_layers: the stages by name; layer3 has twice and layer2 four times as many cells on
            each axis, which small tubes need.
        pretrained_parts: names of the modules that pretrained weights fill and that may be frozen.
        weights_origin: where the first values came from.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    features_layer = "layer4"
    gradcam_layers: ClassVar[dict[str, str]] = {name: name for name in STAGES[1:]}
    pretrained_parts = ("conv1", "bn1", *STAGES)
    weights_origin = "none: trained from scratch"

    def __init__(
        self,
        classes: int = 2,
        *,
        blocks: Sequence[int] = BLOCKS_101,
        cardinality: int = 32,
        width: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(classes, blocks, cardinality, width)
        stem = max(1, round(STEM * width))
        self.conv1 = nn.Conv3d(1, stem, 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(stem)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        channels = stem
        for name, planes, count in zip(STAGES, PLANES, blocks, strict=True):
            inner = cardinality * max(1, round(planes * width / cardinality))
            first = ResNeXtBlock(channels, inner, cardinality, 1 if name == "layer1" else 2)
            channels = EXPANSION * inner
            rest = (ResNeXtBlock(channels, inner, cardinality) for _ in range(count - 1))
            self.add_module(name, nn.Sequential(first, *rest))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)
        _initialise(self)
        # A grouped 3D convolution on a CPU takes a third of the time in this order.
        self.to(memory_format=torch.channels_last_3d)

    def forward(self, tubes: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            tubes: B × 1 × N × S × S float, each of mean 0 and deviation 1; N and S 1 or more.

        Returns:
            B × classes float, unbounded.
        """
        check_tubes(tubes)
        maps = self.maxpool(self.relu(self.bn1(self.conv1(tubes))))
        for name in STAGES:
            maps = self.get_submodule(name)(maps)
        logits: Tensor = self.fc(self.dropout(maps.mean((2, 3, 4))))
        return logits


class ResNeXtBlock(nn.Module):
    """1³, grouped 3³ and 1³ convolution beside a shortcut, which is projected where shapes differ.

    Args:
        channels: of the input.
        inner: between the 1³ convolutions, a multiple of `cardinality`; the output has twice it.
        cardinality: groups.
        stride: of the 3³ convolution, on all three axes.
    """

    def __init__(self, channels: int, inner: int, cardinality: int, stride: int = 1) -> None:
        super().__init__()
        outputs = EXPANSION * inner
        self.conv1 = nn.Conv3d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(inner)
        self.conv2 = nn.Conv3d(
            inner, inner, 3, stride=stride, padding=1, groups=cardinality, bias=False
        )
        self.bn2 = nn.BatchNorm3d(inner)
        self.conv3 = nn.Conv3d(inner, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(outputs)
        self.relu = nn.ReLU()
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != outputs:
            self.downsample = nn.Sequential(
                nn.Conv3d(channels, outputs, 1, stride=stride, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """B × channels × n × h × w → B × 2·inner × n × h × w over the stride, at or above 0."""
        shortcut = maps if self.downsample is None else self.downsample(maps)
        found = self.relu(self.bn1(self.conv1(maps)))
        found = self.relu(self.bn2(self.conv2(found)))
        result: Tensor = self.relu(self.bn3(self.conv3(found)) + shortcut)
        return result


def check_tubes(tubes: Tensor, slices: int | None = None) -> None:
    """Raise ValueError unless `tubes` is B × 1 × N × S × S with pixels (and N is `slices`)."""
    shape, wanted = tuple(tubes.shape), "N" if slices is None else str(slices)
    wrong = len(shape) != 5 or shape[1] != 1 or shape[3] != shape[4] or 0 in shape[2:]
    if wrong or (slices is not None and shape[2] != slices):
        raise ValueError(f"tubes has shape {shape}; wanted B × 1 × {wanted} × S × S")


def _check(classes: int, blocks: Sequence[int], cardinality: int, width: float) -> None:
    if len(blocks) != 4 or min(blocks) < 1:
        raise ValueError(f"blocks is {tuple(blocks)}; wanted four numbers of 1 or more")
    for name, value in (("classes", classes), ("cardinality", cardinality)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be 1 or more")
    if width <= 0:
        raise ValueError(f"width is {width}; it must be above 0")


def _initialise(network: nn.Module) -> None:
    """He-normal kernels by fan-out, as Hara's; batch normalisation starts as the identity."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
