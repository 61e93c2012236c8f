"""U-Net, the network that the PENN paper's other rivals are measured from.

Paper: Ronneberger O., Fischer P., Brox T., U-Net: convolutional networks for biomedical image
segmentation, MICCAI 2015. Source status: from memory; the number of parameters is checked against
that quoted for the U-Net of the MultiResUNet paper.

    level        map     channels
    0            H       1 → 32 → 32                      ┐ skipped to the other side
    1            H/2     32 → 64 → 64                     │
    2            H/4     64 → 128 → 128                   │
    3            H/8     128 → 256 → 256                  ┘
    bottleneck   H/16    256 → 512 → 512
    3 … 0                transposed 2 × 2 to half the channels, concatenation, two convolutions
    head         H       1 × 1 → 1

With one channel and without normalisation 7,759,521 parameters, as quoted; 7,762,465 with it.

Deviations:
- half the paper's channels (32 to 512 for 64 to 1024), those of the MultiResUNet comparison;
- every convolution keeps the size, and images are padded inside to a multiple of 16: the map has
  the image's own size;
- batch normalisation in front of each ReLU, as an option that is on;
- no dropout in the bottleneck, and one logit for the target in place of two for a softmax;
- `base` and `depth` make narrow and shallow networks for quick runs.
"""

from functools import partial

from torch import Tensor, nn

from osteon.networks.segmentation_blocks import (
    Decoder,
    Encoder,
    check_images,
    check_widths,
    cut_back,
    double_convolution,
    initialise,
    padded,
)


class UNet(nn.Module):
    """The segmenter.

    Args:
        channels: of the image.
        base: channels of level 0; each level has twice those of the one above.
        depth: poolings, 1 to 5.
        norm: batch or none.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    def __init__(
        self, channels: int = 1, *, base: int = 32, depth: int = 4, norm: str = "batch"
    ) -> None:
        super().__init__()
        widths = check_widths(base, depth)
        block = partial(double_convolution, norm=norm)
        self.channels, self.multiple = channels, 2**depth
        self.encoder = Encoder(channels, widths, block)
        self.decoder = Decoder(widths, block)
        initialise(self)
        self.head = nn.Conv2d(base, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """B × C × H × W float in [0, 1], sides of 16 px or more → B × 1 × H × W float, logits.

        Raises:
            ValueError: another number of axes or channels, or a smaller side.
        """
        check_images(images, self.channels)
        maps = self.encoder(padded(images, self.multiple))
        return cut_back(self.head(self.decoder(maps)[-1]), images)
