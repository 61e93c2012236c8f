"""OP-convNet: a small convolutional classifier of overlapping patches.

Paper: Qadri S.F. et al., OP-convNet: a patch classification-based framework for CT vertebrae
segmentation, IEEE Access 2021, 9:158227, doi 10.1109/ACCESS.2021.3131216. Patches, overlap,
labels by the patch's truth and random under-sampling are the paper's; its table of layers was not
at hand. Ours: three blocks of two 3 × 3 convolutions with batch normalisation, ReLU and a pooling
of 2 (32, 64 and 128 channels), a layer of 128 units, dropout 0.5 and the classes. Trained and
stitched as PENN is, so that a comparison with it isolates the classifier.
"""

from itertools import pairwise

from torch import Tensor, nn

from osteon.networks.patch_network import PatchNetwork
from osteon.networks.penn_conv import check_halvings


class OPConvNet(PatchNetwork):
    """Blocks of convolutions, a hidden layer and softmax.

    Args:
        patch: p, a multiple of 2 to the number of blocks.
        stride, classes, assign, reading: as in `PatchNetwork`.
        channels: of the blocks, each of which halves the side.
        nodes: units of the hidden layer.
        dropout: probability of dropping one of them, in [0, 1).

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    def __init__(
        self,
        patch: int = 32,
        stride: int = 4,
        classes: int = 2,
        *,
        channels: tuple[int, ...] = (32, 64, 128),
        nodes: int = 128,
        dropout: float = 0.5,
        assign: str = "footprint",
        reading: str = "softmax",
    ) -> None:
        super().__init__(patch, stride, classes, assign=assign, reading=reading)
        check_halvings(patch, channels)
        if nodes < 1:
            raise ValueError(f"nodes is {nodes}; it must be 1 or more")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is {dropout}; it must be 0 or more and below 1")
        side = patch // 2 ** len(channels)
        self.features = nn.Sequential(
            *(_block(some, more) for some, more in pairwise((1, *channels)))
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels[-1] * side**2, nodes),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(nodes, classes),
        )
        # A convolution's input and output and what normalisation makes of it, beside the patch.
        self.floats = patch**2 * (1 + 3 * channels[0])

    def classify(self, patches: Tensor) -> Tensor:
        """B × 1 × p × p float in [0, 1] → B × classes float, logits."""
        logits: Tensor = self.head(self.features(patches))
        return logits


def _block(some: int, more: int) -> nn.Sequential:
    """B × some × n × n → B × more × n/2 × n/2, at or above 0."""
    layers: list[nn.Module] = []
    for channels in (some, more):
        # Batch normalisation takes a bias away again.
        layers += [nn.Conv2d(channels, more, 3, padding=1, bias=False), nn.BatchNorm2d(more)]
        layers += [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.MaxPool2d(2))
