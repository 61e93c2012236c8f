"""Sparse autoencoder: one hidden layer that learns, without labels, to give its input back.

Source: the cost of Chen W., Han Y., … Wong K.K.L. (patch-based segmentation of spinal tumours on
Gd-enhanced T1 MRI), whose equations 1–2 name a squared error, an L2 and a Kullback–Leibler term
with weights λ and β; λ, β and ρ are not given. For N inputs x, z = decoder(encoder(x)) and ρ_j the
mean activation of hidden unit j:

    J = 1/N Σ_n ‖x_n - z_n‖² + λ ½ Σ W² + β Σ_j ρ log(ρ/ρ_j) + (1-ρ) log((1-ρ)/(1-ρ_j))

The module returns the three terms without λ and β; the objective weighs them. With λ = β = 0 it is
a plain autoencoder.

Deviation: a mini-batch holds too few inputs to know ρ_j, so in training ρ_j is a running mean over
batches, freed of its start as Adam's moments are. Its gradient is taken as that of the batch's own
mean; through the running mean itself it would be weaker by 1 - `decay`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from osteon.networks.blocks import choose

REDUCTIONS = ("sum_pixels", "mean")
PENALISED = ("encoder", "both")
DECODERS: dict[str, Callable[[], nn.Module]] = {"sigmoid": nn.Sigmoid, "linear": nn.Identity}
CLAMP = 1e-6


@dataclass(frozen=True)
class Sparsity:
    """What a sparse autoencoder is held to, but for the weights λ and β.

    Attributes:
        rho: wanted mean activation of a hidden unit, in (0, 1).
        decay: of the running mean activation, in [0, 1); 0 takes each batch by itself, as a full
            batch needs it (scaled conjugate gradient, L-BFGS).
        mse_reduction: squared error of an input: `sum_pixels` or `mean` over them.
        l2_on: weights that the L2 term counts: of the `encoder`, or of `both`.
        tied_weights: the decoder's weights are the encoder's, transposed, and count once.
        decoder: `sigmoid`, into (0, 1), or `linear`.

    Raises:
        ValueError: a value that is not allowed, by name.
    """

    rho: float = 0.05
    decay: float = 0.9
    mse_reduction: str = "sum_pixels"
    l2_on: str = "encoder"
    tied_weights: bool = False
    decoder: str = "sigmoid"

    def __post_init__(self) -> None:
        if not 0 < self.rho < 1:
            raise ValueError(f"rho is {self.rho}; it must lie between 0 and 1")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay is {self.decay}; it must be 0 or more and below 1")
        choose(self.mse_reduction, dict.fromkeys(REDUCTIONS), "mse_reduction")
        choose(self.l2_on, dict.fromkeys(PENALISED), "l2_on")
        choose(self.decoder, DECODERS, "decoder")


class SparseAutoencoder(nn.Module):
    """An encoder, a decoder of its own, and the terms of their cost.

    Args:
        encoder: inputs → B × units float in (0, 1). It may belong to a network as well, which is
            then trained by this.
        decoder: B × units → the shape of the inputs.
        units: of the hidden layer.
        sparsity: how the terms are formed.
        before: layers that make the inputs out of patches. They run without gradient, move with
            the module, and are neither its parameters nor in its state.
    """

    mean: Tensor
    weight: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        units: int,
        sparsity: Sparsity | None = None,
        before: Sequence[nn.Module] = (),
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.sparsity = sparsity or Sparsity()
        # In a tuple, which torch does not look into.
        self.before = tuple(before)
        self.register_buffer("mean", torch.zeros(units))
        self.register_buffer("weight", torch.zeros(()))

    def forward(self, patches: Tensor) -> Tensor:
        """B × 1 × p × p float in [0, 1] → B × 3 float, at or above 0.

        Columns: squared error of each patch, L2 term, KL term. The last two are the batch's and
        the same in each row. All are of the dtype of the parameters, whatever the precision.
        """
        inputs = self.inputs(patches)
        code = self.encoder(inputs)
        squares = (self.decoder(code) - inputs).square().flatten(1)
        reduce = torch.sum if self.sparsity.mse_reduction == "sum_pixels" else torch.mean
        error = reduce(squares, 1, dtype=self.mean.dtype)
        sparse = kl_divergence(self.sparsity.rho, self._mean_activation(code))
        return torch.stack([error, self.l2().expand_as(error), sparse.expand_as(error)], 1)

    @torch.no_grad()
    def inputs(self, patches: Tensor) -> Tensor:
        """B × 1 × p × p float → what the encoder is to give back, by the layers before it."""
        for layer in self.before:
            patches = layer(patches)
        return patches

    def l2(self) -> Tensor:
        """½ Σ W², a scalar; biases are not counted."""
        counted = (
            [self.encoder] if self.sparsity.l2_on == "encoder" else [self.encoder, self.decoder]
        )
        weights = [w for module in counted for w in module.parameters() if w.ndim > 1]
        return 0.5 * torch.stack([w.square().sum() for w in weights]).sum()

    def _mean_activation(self, code: Tensor) -> Tensor:
        """ρ_j of each unit, (units,): the batch's, or in training that of the batches so far."""
        own = code.mean(0, dtype=self.mean.dtype)
        decay = self.sparsity.decay
        if not self.training or not decay:
            return own
        with torch.no_grad():
            self.mean.lerp_(own, 1 - decay)
            self.weight.lerp_(torch.ones_like(self.weight), 1 - decay)
            running = self.mean / self.weight
        return own + (running - own).detach()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        for layer in self.before:
            layer._apply(fn, recurse)
        return super()._apply(fn, recurse)


class TiedLinear(nn.Module):
    """The transpose of a linear layer, with a bias of its own.

    Args:
        layer: whose weights it reads; they are not its parameters.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.tied = (layer,)
        self.bias = nn.Parameter(torch.zeros(layer.in_features))

    def forward(self, code: Tensor) -> Tensor:
        """B × out_features of the layer → B × in_features."""
        return functional.linear(code, self.tied[0].weight.mT, self.bias)


def kl_divergence(rho: float, mean: Tensor) -> Tensor:
    """Σ_j ρ log(ρ/ρ_j) + (1-ρ) log((1-ρ)/(1-ρ_j)) in nats, a scalar at or above 0.

    Args:
        rho: wanted mean activation, in (0, 1).
        mean: (units,) mean activations ρ_j in [0, 1], held within 1e-6 of the ends.
    """
    mean = mean.clamp(CLAMP, 1 - CLAMP)
    return (rho * (rho / mean).log() + (1 - rho) * ((1 - rho) / (1 - mean)).log()).sum()


def glorot(layer: nn.Linear) -> nn.Linear:
    """The same layer, its weights drawn anew by Glorot's uniform rule and its biases zero."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def stacked(hidden: Sequence[nn.Sequential], sparsity: Sparsity) -> list[SparseAutoencoder]:
    """One autoencoder a layer of a stack, each on the codes of those before it.

    Args:
        hidden: layers, each a linear layer and what follows it; they are shared, not copied.
        sparsity: of all of them.
    """
    stages = []
    before: list[nn.Module] = [nn.Flatten()]
    for layer in hidden:
        linear = layer[0]
        if not isinstance(linear, nn.Linear):
            raise TypeError(f"hidden: {type(linear).__name__} found; a layer begins with a Linear")
        back: nn.Module
        if sparsity.tied_weights:
            back = TiedLinear(linear)
        else:
            back = glorot(nn.Linear(linear.out_features, linear.in_features))
        decoder = nn.Sequential(back, DECODERS[sparsity.decoder]())
        stages.append(SparseAutoencoder(layer, decoder, linear.out_features, sparsity, before))
        before = [*before, layer]
    return stages
