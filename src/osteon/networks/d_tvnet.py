"""D-TVNet: a U-Net with a second one for the contour beside it.

Paper: Lyu et al., Computerized Medical Imaging and Graphics 2021;89:101896 (PubMed 33752079).
Source status: abstract only, no code found. From it: a main network by the U-Net, an auxiliary one
for the contour that keeps the shape in order, whose features are fused into the main one; atrous
spatial pyramid pooling (ASPP) at the end of the main contracting path, into which the end of the
auxiliary one is fused as well. The rest is our RECONSTRUCTION:

    main     image → encoder ─┬─ concatenation → ASPP, 256 → decoder ─── 1 × 1 → mask
                              │                              │ fused at each level
    contour  image → encoder ─┴─────────────────────────→ decoder ─── 1 × 1 → contour

Both are U-Nets of 32 to 512 channels. The ASPP (Chen L.-C. et al., Rethinking atrous convolution
for semantic image segmentation, 2017; rates from memory) has a 1 × 1 convolution, 3 × 3 ones of
rates 6, 12 and 18 and the mean of the image, joined by a 1 × 1 convolution. At each level the
results of both decoders are joined by a 1 × 1 convolution, which the main one goes on from.

With the defaults 23,370,498 parameters.

Deviations and additions:
- `rates: auto` takes 2, 4 and 6 for images with a side below 128 px, whose bottleneck of 8 places
  and fewer the larger rates would step over;
- no normalisation of the image's mean, which a batch of few images has no statistics for, and no
  dropout behind the ASPP;
- images are padded inside to a multiple of 16;
- `base` and `depth` make narrow and shallow networks for quick runs; the ASPP has the channels of
  the lowest level, 256 by default.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.networks.segmentation_blocks import (
    Decoder,
    Encoder,
    check_images,
    check_widths,
    convolution,
    cut_back,
    double_convolution,
    initialise,
    padded,
)

WIDE = (6, 12, 18)
NARROW = (2, 4, 6)
SMALL_SIDE = 128
Rates = tuple[int, int, int] | Literal["auto"]


class DTVNet(nn.Module):
    """The segmenter.

    Args:
        channels: of the image.
        base: channels of level 0; each level has twice those of the one above.
        depth: poolings, 1 to 5.
        rates: of the ASPP in places of the bottleneck, or auto: by the image's smaller side.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    def __init__(
        self, channels: int = 1, *, base: int = 32, depth: int = 4, rates: Rates = "auto"
    ) -> None:
        super().__init__()
        widths = check_widths(base, depth)
        if rates != "auto" and (isinstance(rates, str) or len(rates) != 3 or min(rates) < 1):
            raise ValueError(f"rates is {rates!r}; allowed are auto and three numbers of 1 or more")
        *levels, bottom = widths
        self.channels, self.multiple, self.rates = channels, 2**depth, rates
        self.encoder = Encoder(channels, widths, double_convolution)
        self.contour_encoder = Encoder(channels, widths, double_convolution)
        self.aspp = ASPP(2 * bottom, levels[-1])
        self.decoder = Decoder([*levels, levels[-1]], double_convolution)
        self.contour_decoder = Decoder(widths, double_convolution)
        self.fusions = nn.ModuleList(convolution(2 * one, one, 1) for one in reversed(levels))
        initialise(self)
        self.head = nn.Conv2d(base, 1, 1)
        self.contour_head = nn.Conv2d(base, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of mask and contour in training, of the mask in evaluation.

        Args:
            images: B × C × H × W float in [0, 1], sides of 16 px or more.

        Returns:
            B × 2 × H × W float, mask and contour, in training mode; else B × 1 × H × W, the mask.

        Raises:
            ValueError: another number of axes or channels, or a smaller side.
        """
        check_images(images, self.channels)
        given = padded(images, self.multiple)
        maps, beside = self.encoder(given), self.contour_encoder(given)
        contours = self.contour_decoder(beside)
        result = self.aspp(torch.cat([maps[-1], beside[-1]], 1), self._rates(images))
        for rise, fuse, skip, contour in zip(
            self.decoder.levels, self.fusions, reversed(maps[:-1]), contours, strict=True
        ):
            result = fuse(torch.cat([rise(result, skip), contour], dim=1))
        logits = [self.head(result)]
        if self.training:
            logits.append(self.contour_head(contours[-1]))
        return cut_back(torch.cat(logits, dim=1), images)

    def _rates(self, images: Tensor) -> tuple[int, int, int]:
        if self.rates != "auto":
            return self.rates
        return NARROW if min(images.shape[2:]) < SMALL_SIDE else WIDE


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling, whose rates are chosen at each pass.

    Args:
        inputs, outputs: channels; `outputs` is that of each branch, too.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.point = convolution(inputs, outputs, 1)
        self.atrous = nn.ModuleList(Atrous(inputs, outputs) for _ in range(3))
        self.mean = nn.Conv2d(inputs, outputs, 1)
        self.join = convolution(5 * outputs, outputs, 1)

    def forward(self, maps: Tensor, rates: tuple[int, int, int]) -> Tensor:
        """B × inputs × h × w and the three rates → B × outputs × h × w."""
        branches = [self.point(maps)]
        branches += [layer(maps, rate) for layer, rate in zip(self.atrous, rates, strict=True)]
        mean = functional.relu(self.mean(maps.mean((2, 3), keepdim=True)))
        branches.append(mean.expand(-1, -1, *maps.shape[2:]))
        joined: Tensor = self.join(torch.cat(branches, dim=1))
        return joined


class Atrous(nn.Module):
    """A 3 × 3 convolution with gaps, batch normalisation, ReLU.

    Args:
        inputs, outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, maps: Tensor, rate: int) -> Tensor:
        """B × inputs × h × w and the distance of two places → B × outputs × h × w."""
        weight = self.convolution.weight
        found = functional.conv2d(maps, weight, padding=rate, dilation=rate)
        return functional.relu(self.norm(found))
