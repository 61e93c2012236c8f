"""Networks that segment a whole slice at once: the patch network's rivals, as configurations.

Defaults are the published sizes, as far as they are known (see `osteon.networks.unet`,
`multiresunet`, `sau_net` and `d_tvnet` for what each paper says and what is our reconstruction).
None asks for the image's size: any side of 16 px or more is padded inside. Importing this module
costs no torch.

The defaults are for a GPU. Behind each of these the number of images that one CPU core trains on
in a second, at 96 and at 128 px, in batches of 8; small sizes:

    - {name: unet, base: 8}                         # 80, 50
    - {name: multiresunet, width: 0.25}             # 27, 16
    - {name: sau_net, base: 8, growth: 4}           # 18, 10
    - {name: d_tvnet, base: 8}                      # 36, 21

In 40 steps of Adam at 0.01 networks half as wide have learned the discs of four images of 32 px.
With `depth: 3` a network is a quarter faster; the full-size levels are what takes the time.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from osteon.recipes.base import Strict

if TYPE_CHECKING:
    from osteon.networks.d_tvnet import DTVNet
    from osteon.networks.multiresunet import MultiResUNet
    from osteon.networks.sau_net import SAUNet
    from osteon.networks.unet import UNet

Base = Annotated[int, Field(ge=1, le=256)]
Depth = Annotated[int, Field(ge=1, le=5)]
Rate = Annotated[int, Field(ge=1, le=64)]


class UNetConfig(Strict):
    """U-Net.

    Attributes:
        name: names the network in files.
        base: channels of the first level, doubled at each pooling.
        depth: poolings.
        norm: batch or none.
    """

    name: Literal["unet"] = "unet"
    base: Base = 32
    depth: Depth = 4
    norm: Literal["batch", "none"] = "batch"

    def build(self) -> "UNet":
        """A new network, seeded by torch's current state."""
        from osteon.networks.unet import UNet

        return UNet(**self.model_dump(exclude={"name"}))


class MultiResUNetConfig(Strict):
    """MultiResUNet.

    Attributes:
        name: names the network in files.
        alpha: channels of a block, as a factor on those of U-Net's level.
        width: factor on the channels of all levels; 1 is 32 at the first.
        depth: poolings.
        norm_order: what follows an addition: keras (ReLU, normalisation; the authors' first
            release) or pytorch (normalisation, ReLU; their port).
    """

    name: Literal["multiresunet"] = "multiresunet"
    alpha: float = Field(default=1.67, gt=0, le=8)
    width: float = Field(default=1.0, gt=0, le=4)
    depth: Depth = 4
    norm_order: Literal["keras", "pytorch"] = "keras"

    def build(self) -> "MultiResUNet":
        """A new network, seeded by torch's current state."""
        from osteon.networks.multiresunet import MultiResUNet

        return MultiResUNet(**self.model_dump(exclude={"name"}))


class SAUNetConfig(Strict):
    """SAU-Net, which sees the slices before and after.

    Attributes:
        name: names the network in files.
        base: channels of the first level, doubled at each pooling.
        growth: channels that each layer of a dense block adds.
        depth: poolings.
        isa: inter-slice attention: mask (neighbours weigh the slice's features) or cross_attention
            (places of the bottleneck ask those of the neighbours).
    """

    name: Literal["sau_net"] = "sau_net"
    base: Base = 32
    growth: Annotated[int, Field(ge=1, le=128)] = 16
    depth: Depth = 4
    isa: Literal["mask", "cross_attention"] = "mask"

    def build(self) -> "SAUNet":
        """A new network, seeded by torch's current state."""
        from osteon.networks.sau_net import SAUNet

        return SAUNet(**self.model_dump(exclude={"name"}))


class DTVNetConfig(Strict):
    """D-TVNet, which also learns the contour.

    Attributes:
        name: names the network in files.
        base: channels of the first level, doubled at each pooling.
        depth: poolings.
        rates: of the dilated convolutions, or auto: 6, 12 and 18; 2, 4 and 6 for images with a side
            below 128 px.
    """

    name: Literal["d_tvnet"] = "d_tvnet"
    base: Base = 32
    depth: Depth = 4
    rates: tuple[Rate, Rate, Rate] | Literal["auto"] = "auto"

    def build(self) -> "DTVNet":
        """A new network, seeded by torch's current state."""
        from osteon.networks.d_tvnet import DTVNet

        return DTVNet(**self.model_dump(exclude={"name"}))
