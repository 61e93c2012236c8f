"""SAU-Net: a dense U-Net of a slice that looks at the slices before and after it.

Paper: SAU-Net, MIDL 2020, PMLR 121:903–913 (openreview.net/forum?id=wlszIiXbfS). Source status:
abstract only, no official code found; networks of the same name count cells, undo compressed
sensing or attend to shapes, and are others. From the abstract: a 2D dense U-Net takes the features
of each slice, and an inter-slice attention module refines the result by the adjacent ones. The rest
is our RECONSTRUCTION; `mask` follows a third party's description of the module.

The same dense U-Net (four poolings, 32 to 512 channels; a level is two 3 × 3 convolutions of 16
channels, each of which sees all before it, and a 1 × 1 convolution to the level's own channels)
gives features f of the slice before, of the slice and of the slice after.

- `isa: mask`: A = sigmoid(1 × 1 convolution of f), one convolution for both neighbours, and
  r = f + f · A(before) + f · A(after), at the image's own size and with 32 channels;
- `isa: cross_attention`: in the bottleneck each place of the slice asks all places of both
  neighbours (one head); what they answer is added, and r is decoded from there.

A head (3 × 3 convolution, 1 × 1 convolution) reads r. In training another reads the slice's own
features f, and its loss counts 0.4.

With the defaults 1,561,314 parameters, 2,608,834 with cross-attention; 9,313 are the second head's.

Deviations and additions:
- convolutions of a dense block come in front of their normalisation and ReLU;
- a cohort's first and last slice stand for the one that is missing: who makes the cases sees to it;
- images are padded inside to a multiple of 16;
- `base`, `growth` and `depth` make narrow and shallow networks for quick runs.
"""

from functools import partial
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
    initialise,
    padded,
)

SLICES = 3
LAYERS = 2
ATTENTIONS = ("mask", "cross_attention")
Attention = Literal["mask", "cross_attention"]


class SAUNet(nn.Module):
    """The segmenter of the middle one of three slices.

    Args:
        base: channels of level 0; each level has twice those of the one above.
        growth: channels that each layer of a dense block adds.
        depth: poolings, 1 to 5.
        isa: inter-slice attention: mask or cross_attention.

    Attributes:
        auxiliary: one B × 1 × H × W of logits by the slice's own features, of the last pass if that
            was in training mode; else empty.
        auxiliary_weight: factor on its loss.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    auxiliary_weight = 0.4

    def __init__(
        self, *, base: int = 32, growth: int = 16, depth: int = 4, isa: Attention = "mask"
    ) -> None:
        super().__init__()
        if growth < 1:
            raise ValueError(f"growth is {growth}; it must be 1 or more")
        if isa not in ATTENTIONS:
            raise ValueError(f"isa is {isa!r}; allowed are {' and '.join(ATTENTIONS)}")
        widths, block = check_widths(base, depth), partial(DenseBlock, growth=growth)
        self.multiple, self.isa = 2**depth, isa
        self.stem = convolution(1, base)
        self.encoder = Encoder(base, widths, block)
        self.decoder = Decoder(widths, block)
        initialise(self)
        kind = SliceMask if isa == "mask" else SliceCrossAttention
        self.attention = kind(base if isa == "mask" else widths[-1])
        self.head = _head(base)
        self.own_head = _head(base)
        self.auxiliary: list[Tensor] = []

    def forward(self, slices: Tensor) -> Tensor:
        """Logits of the middle slices; in training mode those of their own features too.

        Args:
            slices: B × 3 × H × W float in [0, 1]: the slice before, the slice, the slice after;
                sides of 16 px or more.

        Returns:
            B × 1 × H × W float, logits.

        Raises:
            ValueError: another number of axes or slices, or a smaller side.
        """
        check_images(slices, SLICES)
        each = padded(slices, self.multiple).flatten(0, 1)[:, None]
        features = self._by_mask if self.isa == "mask" else self._by_cross_attention
        refined, own = features(self.encoder(self.stem(each)))
        self.auxiliary = [] if own is None else [cut_back(self.own_head(own), slices)]
        return cut_back(self.head(refined), slices)

    def _by_mask(self, maps: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Maps of all slices → B × base × H × W features: refined, and in training the slice's."""
        before, own, after = _apart(self.decoder(maps)[-1])
        return self.attention(before, own, after), own if self.training else None

    def _by_cross_attention(self, maps: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        """As `_by_mask`; only the middle slices are decoded."""
        before, bottom, after = _apart(maps[-1])
        middle = [_apart(one)[1] for one in maps[:-1]]
        refined = self.decoder([*middle, self.attention(before, bottom, after)])[-1]
        return refined, self.decoder([*middle, bottom])[-1] if self.training else None


class DenseBlock(nn.Module):
    """Two 3 × 3 convolutions that see all before them, and a 1 × 1 one over everything.

    Args:
        inputs, outputs: channels.
        growth: channels that a 3 × 3 convolution adds.
    """

    def __init__(self, inputs: int, outputs: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            convolution(inputs + number * growth, growth) for number in range(LAYERS)
        )
        self.compression = convolution(inputs + LAYERS * growth, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """B × inputs × H × W → B × outputs × H × W."""
        for layer in self.layers:
            maps = torch.cat([maps, layer(maps)], dim=1)
        compressed: Tensor = self.compression(maps)
        return compressed


class SliceMask(nn.Module):
    """Features that count more where a neighbour's say so.

    Args:
        channels: of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(channels, channels, 1)

    def forward(self, before: Tensor, own: Tensor, after: Tensor) -> Tensor:
        """Three times B × C × H × W → B × C × H × W, one to three times `own`."""
        share = torch.sigmoid(self.weigh(before)) + torch.sigmoid(self.weigh(after))
        return own + own * share


class SliceCrossAttention(nn.Module):
    """Features and what each place finds in the neighbours' places.

    Args:
        channels: of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.answer = (
            nn.Conv2d(channels, channels, 1, bias=False) for _ in range(4)
        )

    def forward(self, before: Tensor, own: Tensor, after: Tensor) -> Tensor:
        """Three times B × C × h × w → B × C × h × w."""
        asked = torch.cat([before, after], dim=3)
        query, key, value = (
            one.flatten(2).mT for one in (self.query(own), self.key(asked), self.value(asked))
        )
        found = functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = own + self.answer(found.mT.reshape(own.shape))
        return result


def _apart(maps: Tensor) -> tuple[Tensor, ...]:
    """(3 · B) × C × h × w, slices of a case in a row → three times B × C × h × w."""
    return maps.unflatten(0, (-1, SLICES)).unbind(1)


def _head(channels: int) -> nn.Sequential:
    return nn.Sequential(convolution(channels, channels), nn.Conv2d(channels, 1, 1))
