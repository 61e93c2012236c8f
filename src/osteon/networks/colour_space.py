"""RGB to HSV as part of a network, so that training and prediction cannot differ in it.

Paper: He J., Bi X., J. Bone Oncology 2024, section 2.4, equations 2 to 5 (SMSDNet).

Deviations and additions:
- the paper prints "+0" in all three branches of the hue, by which red, green and blue look alike;
  `hexcone` (the default) adds 0, 2 and 4 sixths of a turn (Smith, Color gamut transform pairs,
  1978), `paper_zero` keeps what is printed, negative hues included;
- hue is a share of a turn, not degrees; where two channels are largest the first of R, G, B counts;
- `sincos` gives the hue as a point on a circle, since 0 and 1 are the same colour.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

HueOffsets = Literal["hexcone", "paper_zero"]
HueEncoding = Literal["scalar", "sincos"]
NO_COLOUR = 1e-12
"""A smaller spread of the channels counts as grey, a smaller maximum as black: dividing by less
would overflow in the gradient."""


class HSV(nn.Module):
    """`rgb_to_hsv` as a module.

    Args:
        hue_offsets: hexcone or paper_zero.
        hue_encoding: scalar (three channels) or sincos (four).

    Attributes:
        channels: of the output.
    """

    def __init__(
        self, hue_offsets: HueOffsets = "hexcone", hue_encoding: HueEncoding = "scalar"
    ) -> None:
        super().__init__()
        _check(hue_offsets, hue_encoding)
        self.hue_offsets: HueOffsets = hue_offsets
        self.hue_encoding: HueEncoding = hue_encoding
        self.channels = 4 if hue_encoding == "sincos" else 3

    def forward(self, image: Tensor) -> Tensor:
        """B × 3 × H × W float in [0, 1] → B × channels × H × W float, see `rgb_to_hsv`."""
        return rgb_to_hsv(image, self.hue_offsets, self.hue_encoding)


def rgb_to_hsv(
    image: Tensor, hue_offsets: HueOffsets = "hexcone", hue_encoding: HueEncoding = "scalar"
) -> Tensor:
    """Hue, saturation and value of each pixel.

    Gradients flow wherever a channel has a derivative; on grey the hue's and on black the
    saturation's is 0, never NaN.

    Args:
        image: B × 3 × H × W float, red, green, blue in [0, 1].
        hue_offsets: hexcone: hue in [0, 1) of a turn; paper_zero: in [-1/6, 1/6].
        hue_encoding: scalar: (hue, S, V); sincos: (sin, cos of the hue, S, V), the first two in
            [-1, 1]. Grey has hue 0.

    Returns:
        B × 3 (or 4) × H × W in the image's dtype; S and V in [0, 1].

    Raises:
        ValueError: not three channels, or an unknown option.
    """
    _check(hue_offsets, hue_encoding)
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(f"image has shape {tuple(image.shape)}; wanted B × 3 × H × W")
    red, green, blue = image.unbind(1)
    value = image.amax(1)
    spread = value - image.amin(1)
    coloured, lit = spread > NO_COLOUR, value > NO_COLOUR
    # What `where` discards must be finite too, or its gradient is NaN: hence no division by 0.
    divisor = torch.where(coloured, spread, 1)
    sixth = _sixths(red, green, blue, value, divisor, hue_offsets)
    hue = torch.where(coloured, sixth / 6, 0)
    saturation = torch.where(lit, spread / torch.where(lit, value, 1), 0)
    if hue_encoding == "scalar":
        return torch.stack([hue, saturation, value], dim=1)
    turn = 2 * math.pi * hue
    return torch.stack([turn.sin(), turn.cos(), saturation, value], dim=1)


def _sixths(
    red: Tensor, green: Tensor, blue: Tensor, value: Tensor, divisor: Tensor, offsets: HueOffsets
) -> Tensor:
    """Hue in sixths of a turn, B × H × W: equation 3 with the offsets asked for."""
    add_green, add_blue = (2, 4) if offsets == "hexcone" else (0, 0)
    from_red = (green - blue) / divisor
    if offsets == "hexcone":
        # Not `% 6`: the sum of 6 and a very small negative number is 6 itself, a hue of 1.
        turned = from_red + 6
        from_red = torch.where((from_red < 0) & (turned < 6), turned, from_red.clamp(min=0))
    from_green = (blue - red) / divisor + add_green
    from_blue = (red - green) / divisor + add_blue
    return torch.where(value == red, from_red, torch.where(value == green, from_green, from_blue))


def _check(hue_offsets: str, hue_encoding: str) -> None:
    if hue_offsets not in ("hexcone", "paper_zero"):
        raise ValueError(f"hue_offsets is {hue_offsets!r}; allowed are hexcone, paper_zero")
    if hue_encoding not in ("scalar", "sincos"):
        raise ValueError(f"hue_encoding is {hue_encoding!r}; allowed are scalar, sincos")
