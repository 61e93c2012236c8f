"""Networks of the femoral paper: AlexNet with batch normalisation, and GoogLeNet beside it.

Defaults are the paper's protocol (see `osteon.networks.alexnet` and `osteon.networks.googlenet` for
how it is read); importing this module costs no torch.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from osteon.recipes.base import Strict

if TYPE_CHECKING:
    from osteon.networks.alexnet import AlexNetBN
    from osteon.networks.googlenet import GoogLeNet


class AlexNetConfig(Strict):
    """AlexNet with batch normalisation.

    Attributes:
        name: names the network in files.
        variant: widths: classic (96-256-384-384-256) or torchvision (64-192-384-256-256).
        batch_norm: convolutions that are normalised before their ReLU: none, first_two or all.
        pool: window of the three poolings, stride 2: 3x3 or 2x2.
        dropout: probability of dropping a unit behind the first two fully connected layers.
        init: of the convolutions: he_normal, or normal with a deviation of 0.01 or 0.05.
        head_init: of the fully connected layers: uniform (torch's own) or he_normal, with which
            the paper's learning rate diverges.
        head: full (two hidden layers of 4096) or gap (global average).
        l2: λ of the penalty on conv3 to conv5.
        l2_mode: kernel (λ Σ w²), activity (λ Σ output² / batch) or none.
        width: factor on all hidden channels and units.
        standardise: fold (mean and deviation of the training images), imagenet or none.
    """

    name: Literal["alexnet"] = "alexnet"
    variant: Literal["classic", "torchvision"] = "classic"
    batch_norm: Literal["none", "first_two", "all"] = "first_two"
    pool: Literal["3x3", "2x2"] = "3x3"
    dropout: float = Field(default=0.6, ge=0, lt=1)
    init: Literal["he_normal", "normal_0.01", "normal_0.05"] = "he_normal"
    head_init: Literal["uniform", "he_normal"] = "uniform"
    head: Literal["full", "gap"] = "full"
    l2: float = Field(default=1e-4, ge=0, le=1)
    l2_mode: Literal["kernel", "activity", "none"] = "kernel"
    width: float = Field(default=1.0, gt=0, le=4)
    standardise: Literal["fold", "imagenet", "none"] = "fold"

    def build(self, classes: int, size: int) -> "AlexNetBN":
        """The network for images of `size` px, seeded by torch's current state.

        Raises:
            ValueError: `size` is too small for the poolings, or `classes` is below 1.
        """
        from osteon.networks.alexnet import AlexNetBN

        network = AlexNetBN(classes, **self.model_dump(exclude={"name"}))
        _check_size(size, network.smallest_side, f"alexnet with pool {self.pool}")
        return network


class GoogLeNetConfig(Strict):
    """GoogLeNet, the paper's comparison.

    Attributes:
        name: names the network in files.
        impl: faithful (true 5 × 5 branch, no batch normalisation) or torchvision.
        aux: whether auxiliary heads on modules 4a and 4d take part in training.
        dropout: in front of the last layer; None = 0.4 (faithful) or 0.2 (torchvision).
        width: factor on all hidden channels; torchvision's has 1 only.
        standardise: fold (mean and deviation of the training images), imagenet or none.
    """

    name: Literal["googlenet"] = "googlenet"
    impl: Literal["faithful", "torchvision"] = "faithful"
    aux: bool = False
    dropout: float | None = Field(default=None, ge=0, lt=1)
    width: float = Field(default=1.0, gt=0, le=4)
    standardise: Literal["fold", "imagenet", "none"] = "fold"

    @model_validator(mode="after")
    def _fits(self) -> "GoogLeNetConfig":
        if self.impl == "torchvision" and self.width != 1:
            raise ValueError(f"width is {self.width}; with impl torchvision allowed is 1")
        return self

    def build(self, classes: int, size: int) -> "GoogLeNet":
        """The network for images of `size` px, seeded by torch's current state.

        Raises:
            ValueError: `size` is too small for the poolings, or `classes` is below 1.
        """
        from osteon.networks.googlenet import GoogLeNet

        network = GoogLeNet(classes, **self.model_dump(exclude={"name"}))
        _check_size(size, network.smallest_side, f"googlenet with impl {self.impl}")
        return network


def _check_size(size: int, smallest: int, network: str) -> None:
    if size < smallest:
        raise ValueError(f"size is {size} px; {network} needs at least {smallest} px")
