"""Networks of the patch segmentation row: PENN, its convolutional ablation and OP-convNet.

How long: on two quiet cores PENN reads a slice of 512 × 512 in 0.07 s at stride 4 and in 1 s at
stride 1 (`benchmarks/dense.py`). OP-convNet takes one core about 1.3 ms a patch of 32 × 32, 24 s
such a slice at stride 4: narrow its channels, or widen its stride, for a quick run.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from osteon.recipes.base import Strict

if TYPE_CHECKING:
    from osteon.networks.op_convnet import OPConvNet
    from osteon.networks.penn import Penn
    from osteon.networks.penn_conv import PennConv
    from osteon.networks.sparse_autoencoder import Sparsity

Count = Annotated[int, Field(ge=1)]
Channels = Annotated[tuple[Count, ...], Field(min_length=1, max_length=5)]


class SparsityConfig(Strict):
    """Cost of the autoencoders that pretrain; λ, β and ρ are not in the paper.

    Attributes:
        lambda_: weight of the L2 term. With beta 0 too the autoencoder is a plain one.
        beta: weight of the KL term.
        rho: wanted mean activation of a hidden unit.
        decay: of the running mean activation over mini-batches; 0 takes each batch by itself, as
            a full batch (scg, lbfgs) needs it.
        mse_reduction: squared error of a patch: sum_pixels or mean.
        l2_on: weights of the encoder, or of both.
        tied_weights: the decoder's weights are the encoder's, transposed. Not in penn_conv.
        decoder: sigmoid, for pixels in [0, 1], or linear.
    """

    lambda_: float = Field(default=0.001, ge=0)
    beta: float = Field(default=1.0, ge=0)
    rho: float = Field(default=0.05, gt=0, lt=1)
    decay: float = Field(default=0.9, ge=0, lt=1)
    mse_reduction: Literal["sum_pixels", "mean"] = "sum_pixels"
    l2_on: Literal["encoder", "both"] = "encoder"
    tied_weights: bool = False
    decoder: Literal["sigmoid", "linear"] = "sigmoid"

    def build(self) -> "Sparsity":
        """What the network holds its autoencoders to; λ and β are the objective's."""
        from osteon.networks.sparse_autoencoder import Sparsity

        return Sparsity(**self.model_dump(exclude={"lambda_", "beta"}))


class _PatchNetworkConfig(Strict):
    """What every network of patches has.

    Attributes:
        patch: side of a patch in pixels.
        stride: of the patches in whole images.
        classes: 2 (rest, target) or 3 (rest, target, other tissue).
        assign: footprint (a patch speaks for all its pixels) or centre.
        reading: probability of the target out of two sigmoids, or softmax.
    """

    patch: int = Field(default=32, ge=1)
    stride: int = Field(default=4, ge=1)
    classes: Literal[2, 3] = 2
    assign: Literal["footprint", "centre"] = "footprint"
    reading: Literal["sigmoid", "softmax"] = "sigmoid"

    @model_validator(mode="after")
    def _covers_the_image(self) -> Self:
        if self.stride > self.patch:
            raise ValueError(f"stride: {self.stride} found; allowed are 1 to patch, {self.patch}")
        return self

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in type(self).model_fields if name != "name"}


class _Halving(_PatchNetworkConfig):
    """A network whose layers halve the patch, one each of `channels`.

    Attributes:
        channels: of the layers.
    """

    channels: Channels

    @model_validator(mode="after")
    def _halves_evenly(self) -> Self:
        times = 2 ** len(self.channels)
        if self.patch % times:
            wanted = f"{len(self.channels)} channels want a multiple of {times}"
            raise ValueError(f"patch: {self.patch} found; {wanted}")
        return self


class PennConfig(_PatchNetworkConfig):
    """The paper's network.

    Attributes:
        layers: number of hidden layers.
        nodes: units of each.
        sparsity: of the autoencoders that pretrain them.
    """

    name: Literal["penn"] = "penn"
    layers: int = Field(default=3, ge=1, le=8)
    nodes: Count = 200
    sparsity: SparsityConfig = SparsityConfig()

    def build(self) -> "Penn":
        """A new network, seeded by torch's current state."""
        from osteon.networks.penn import Penn

        return Penn(**self._options() | {"sparsity": self.sparsity.build()})


class PennConvConfig(_Halving):
    """The convolutional ablation of PENN.

    Attributes:
        channels: of the strided convolutions.
        nodes: units of the code.
        sparsity: of the autoencoder.
    """

    name: Literal["penn_conv"] = "penn_conv"
    channels: Channels = (16, 32, 64)
    nodes: Count = 200
    sparsity: SparsityConfig = SparsityConfig()

    @model_validator(mode="after")
    def _has_no_transpose(self) -> Self:
        if self.sparsity.tied_weights:
            raise ValueError("sparsity.tied_weights: True found; penn_conv allows False alone")
        return self

    def build(self) -> "PennConv":
        """A new network, seeded by torch's current state."""
        from osteon.networks.penn_conv import PennConv

        return PennConv(**self._options() | {"sparsity": self.sparsity.build()})


class OPConvNetConfig(_Halving):
    """The convolutional rival on the same patches.

    Attributes:
        channels: of the blocks.
        nodes: units of the hidden layer.
        dropout: probability of dropping one of them.
    """

    name: Literal["op_convnet"] = "op_convnet"
    reading: Literal["sigmoid", "softmax"] = "softmax"
    channels: Channels = (32, 64, 128)
    nodes: Count = 128
    dropout: float = Field(default=0.5, ge=0, lt=1)

    def build(self) -> "OPConvNet":
        """A new network, seeded by torch's current state."""
        from osteon.networks.op_convnet import OPConvNet

        return OPConvNet(**self._options())
