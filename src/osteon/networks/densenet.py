"""DenseNet-121 as a comparator, from torchvision.

Paper: Huang G. et al., Densely connected convolutional networks, CVPR 2017: growth 32, blocks of
6, 12, 24 and 16 layers, compression 0.5. At two classes 6,955,906 parameters.

Deviations and additions:
- the image is standardised inside the network;
- channels, blocks and dropout can be set, so that a quick run takes seconds;
- nothing pretrained is loaded;
- the last ReLU is a module of its own and not in place, so that Grad-CAM reads what the head reads.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models import DenseNet as TorchvisionDenseNet

from osteon.networks.standardise import Mode, Standardise

SMALLEST = 32


class DenseNet(TorchvisionDenseNet):
    """torchvision's DenseNet; with the defaults names and shapes of all parameters are its own.

    Args:
        classes: number of logits; 1 for a single sigmoid.
        growth: channels that every layer adds.
        blocks: number of layers of each of the four blocks.
        init_features: channels of the first convolution.
        bn_size: the 1×1 convolution of a layer has bn_size·growth outputs.
        dropout: after each layer, in [0, 1).
        standardise: none, imagenet or fold.

    Attributes:
        features_layer: name of the last map after its ReLU, for Grad-CAM: B × C × H/32 × W/32.
    """

    features_layer = "activation"

    def __init__(
        self,
        classes: int = 2,
        *,
        growth: int = 32,
        blocks: Sequence[int] = (6, 12, 24, 16),
        init_features: int = 64,
        bn_size: int = 4,
        dropout: float = 0.0,
        standardise: Mode = "imagenet",
    ) -> None:
        if len(blocks) != 4 or min(blocks) < 1:
            raise ValueError(f"blocks is {tuple(blocks)}; wanted four numbers of 1 or more")
        super().__init__(
            growth_rate=growth,
            block_config=tuple(blocks),
            num_init_features=init_features,
            bn_size=bn_size,
            drop_rate=dropout,
            num_classes=classes,
        )
        self.standardise = Standardise(standardise)
        self.activation = nn.ReLU()

    def forward(self, image: Tensor) -> Tensor:
        """B × 3 × H × W float, RGB in [0, 1], H and W at least 32 → B × classes float, logits."""
        if min(image.shape[2:]) < SMALLEST:
            raise ValueError(
                f"image has shape {tuple(image.shape)}; sides must be {SMALLEST} pixels or more"
            )
        maps = self.activation(self.features(self.standardise(image)))
        logits: Tensor = self.classifier(maps.mean((2, 3)))
        return logits
