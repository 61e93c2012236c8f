"""A dense block whose layers weigh the maps of all earlier layers before they join them.

Paper: He J., Bi X., J. Bone Oncology 2024, section 2.5 (SMSDNet). Of every map F^i two copies are
made by 1×1 convolutions, the values W^i and the query Q^i, at first equal to F^i. For layer l and
every i < l, K = Q^(l-1) @ W^i (a product of n × n matrices, channel by channel) is summed under one
trainable n × n matrix p to a score; softmax over i gives the weights, and the layer reads the
weighted W^i. The dense layer is Huang et al., Densely connected convolutional networks, 2017 (B).

The sum needs no product: Σ p∘(Q W) = Σ (Qᵀp)∘W, so one product Qᵀp a layer serves all i. `trace`
(the default) does this; `literal` computes the fifteen products of a block of five layers.

Deviations and additions:
- equation 6 adds the weighted maps, the text concatenates them (three times): `merge`;
- scores are divided by √n (the paper: not at all, which saturates the softmax): `scale`;
- the paper names no reduction over channels: the mean, so that a layer has one number: `reduce`;
- Q^0 has no convolution: a softmax over one score is 1 whatever it is, so it could never learn;
- at another size than the configured one p is resized, its sum kept.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class AttentionOptions:
    """How the weights of earlier layers are found.

    Attributes:
        form: trace (one matrix product a layer) or literal (one a pair); equal results.
        merge: of the weighted maps: concat, or sum (equation 6 as printed).
        proj: W and Q by 1×1 convolutions that start as the identity, or the maps themselves.
        score: Q @ W as printed, or Q @ Wᵀ.
        reduce: over channels, mean or sum.
        scale: what scores are divided by: sqrt_n, none, n, or learned (from √n on).
        pool: W and Q are averaged over pool × pool pixels for the scores; n shrinks by it.
        on_transition: weigh the block's own output too (it stays a concatenation).
    """

    form: Literal["trace", "literal"] = "trace"
    merge: Literal["concat", "sum"] = "concat"
    proj: Literal["conv", "identity"] = "conv"
    score: Literal["qw", "qwT"] = "qw"
    reduce: Literal["mean", "sum"] = "mean"
    scale: Literal["sqrt_n", "none", "n", "learned"] = "sqrt_n"
    pool: int = 1
    on_transition: bool = False

    def __post_init__(self) -> None:
        if self.pool < 1:
            raise ValueError(f"attention pool is {self.pool}; it must be 1 or more")
        for name, kind in get_type_hints(type(self)).items():
            allowed = get_args(kind)
            if allowed and getattr(self, name) not in allowed:
                raise ValueError(
                    f"attention {name} is {getattr(self, name)!r}; allowed are {', '.join(allowed)}"
                )


class LayerAttention(nn.Module):
    """Scores and weights of earlier maps; one for a block, shared by its layers.

    Args:
        side: n of the block's n × n maps.
        options: see `AttentionOptions`.

    Raises:
        ValueError: `options.pool` leaves no pixel of the maps.
    """

    def __init__(self, side: int, options: AttentionOptions) -> None:
        super().__init__()
        self.options = options
        self.side = side // options.pool
        if not self.side:
            raise ValueError(f"attention pool is {options.pool}; the maps have {side} pixels")
        self.p = nn.Parameter(torch.full((self.side, self.side), 1 / self.side**2))
        self.log_scale: nn.Parameter | None = None
        if options.scale == "learned":
            self.log_scale = nn.Parameter(torch.tensor(math.log(self.side) / 2))

    def shrink(self, maps: Tensor) -> Tensor:
        """B × C × n × n float → the same at the resolution of the scores."""
        return F.avg_pool2d(maps, self.options.pool) if self.options.pool > 1 else maps

    def forward(self, values: list[Tensor], query: Tensor) -> Tensor:
        """Weights of l earlier maps.

        Args:
            values: l maps W^i, each B × C × n × n float, shrunk.
            query: Q of the last of them, likewise.

        Returns:
            B × l float in [0, 1]; rows sum to 1.
        """
        return self.scores(values, query).softmax(dim=1)

    def scores(self, values: list[Tensor], query: Tensor) -> Tensor:
        """What the softmax is taken of: arguments as in `forward`, B × l float, unbounded."""
        if query.shape[-1] != query.shape[-2]:
            raise ValueError(
                f"image: maps of {tuple(query.shape[-2:])} pixels; they must be square"
            )
        # p starts at 1/n², below what half precision can hold.
        with torch.autocast(query.device.type, enabled=False):
            query, values = _full(query), [_full(value) for value in values]
            p = self.pooling(query.shape[-1]).to(query.dtype)
            found = (self._trace if self.options.form == "trace" else self._literal)(
                values, query, p
            )
            if self.options.reduce == "mean":
                found = found / query.shape[1]
            return found / self._divisor(query.shape[-1])

    def _trace(self, values: list[Tensor], query: Tensor, p: Tensor) -> Tensor:
        """⟨p, Q W⟩ = ⟨Qᵀp, W⟩ and ⟨p, Q Wᵀ⟩ = ⟨pᵀQ, W⟩, summed over channels: B × l."""
        turned = query.contiguous().flatten(0, 1)
        everywhere = p.expand(len(turned), -1, -1)
        if self.options.score == "qw":
            against = turned.transpose(1, 2) @ everywhere
        else:
            against = everywhere.transpose(1, 2) @ turned
        against = against.unflatten(0, query.shape[:2])
        if not values[0].is_contiguous():
            # In the order of the values: elementwise products across orders are slow.
            against = against.contiguous(memory_format=torch.channels_last)
        return torch.stack([(against * value).sum((1, 2, 3)) for value in values], dim=1)

    def _literal(self, values: list[Tensor], query: Tensor, p: Tensor) -> Tensor:
        """Every product K, and its sum under p, as the paper writes it: B × l."""
        turned = [v if self.options.score == "qw" else v.transpose(-1, -2) for v in values]
        return torch.stack([((query @ value) * p).sum((1, 2, 3)) for value in turned], dim=1)

    def pooling(self, side: int) -> Tensor:
        """p for side × side maps: resized bilinearly where that is not its own size, sum kept."""
        if side == self.side:
            return self.p
        resized = (
            F.interpolate(
                self.p[None, None], (side, side), mode="bilinear", antialias=side < self.side
            )[0, 0]
            * (self.side / side) ** 2
        )
        # The rest is spread evenly: a factor would explode where a trained p sums to about 0.
        return resized + (self.p.sum() - resized.sum()) / side**2

    def _divisor(self, side: int) -> Tensor | float:
        if self.log_scale is not None:
            return self.log_scale.exp()
        return {"sqrt_n": math.sqrt(side), "n": float(side), "none": 1.0}[self.options.scale]


class DenseBlock(nn.Module):
    """Dense layers, each reading all earlier maps, weighed by attention or plainly concatenated.

    Args:
        in_channels: of the block's input F^0.
        growth: k, channels of every layer's map.
        layers: number of layers L.
        side: n of the n × n maps; only attention needs it.
        bn_size: the 1×1 convolution of a layer has bn_size·k outputs.
        dropout: probability after each 3×3 convolution, in [0, 1).
        attention: options, or None for an ordinary dense block.

    Attributes:
        out_channels: in_channels + L·k.
        output: an identity that the block's output passes, for Grad-CAM.

    Raises:
        ValueError: attention without convolutions where in_channels is not k.
    """

    def __init__(
        self,
        in_channels: int,
        growth: int,
        layers: int,
        side: int,
        *,
        bn_size: int = 4,
        dropout: float = 0.2,
        attention: AttentionOptions | None = None,
    ) -> None:
        super().__init__()
        self.out_channels = in_channels + layers * growth
        self.attention: LayerAttention | None = None
        self.sums = attention is not None and attention.merge == "sum"
        widths = [in_channels + index * growth for index in range(layers)]
        if attention is not None:
            self.attention = LayerAttention(side, attention)
            maps = [in_channels] + [growth] * (layers - (not attention.on_transition))
            self.value = nn.ModuleList(_projection(c, growth, attention) for c in maps)
            self.query = nn.ModuleList(
                _projection(c, growth, attention) if index else nn.Identity()
                for index, c in enumerate(maps)
            )
            widths = [growth if self.sums else growth * (index + 1) for index in range(layers)]
            if attention.on_transition:
                self.out_channels = growth * (layers + 1)
        self.layers = nn.ModuleList(_dense_layer(c, growth, bn_size, dropout) for c in widths)
        self.output = nn.Identity()

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """B × in_channels × n × n float → the output, and the weights of each layer.

        Returns:
            B × out_channels × n × n float (the concatenation of all maps); and for l = 1..L a
            B × l float tensor whose rows sum to 1 (one more with `on_transition`, none without
            attention).
        """
        maps, weights = self._attended(image) if self.attention else (self._plain(image), [])
        output: Tensor = self.output(torch.cat(maps, dim=1))
        return output, weights

    def _plain(self, image: Tensor) -> list[Tensor]:
        maps = [image]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, dim=1)))
        return maps

    def _attended(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """All maps (weighted ones with `on_transition`), and the weights of each layer."""
        assert self.attention is not None
        maps, values, keys, weights = [image], [], [], []
        for index, (value, query) in enumerate(zip(self.value, self.query, strict=True)):
            values.append(value(maps[-1]))
            keys.append(self.attention.shrink(values[-1]))
            weights.append(self._weigh(keys, query, maps[-1]))
            weighted = [
                earlier * weight.to(earlier.dtype)[:, None, None, None]
                for earlier, weight in zip(values, weights[-1].unbind(1), strict=True)
            ]
            if index == len(self.layers):
                return weighted, weights
            joined = sum(weighted) if self.sums else torch.cat(weighted, dim=1)
            maps.append(self.layers[index](joined))
        return maps, weights

    def _weigh(self, keys: list[Tensor], query: nn.Module, last: Tensor) -> Tensor:
        assert self.attention is not None
        if len(keys) == 1 and self.attention.options.form == "trace":
            return _full(last.new_ones(len(last), 1))  # a softmax over one score
        found: Tensor = self.attention(keys, self.attention.shrink(query(last)))
        return found


def _full(tensor: Tensor) -> Tensor:
    """In single precision where it is in half precision."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def _projection(in_channels: int, growth: int, options: AttentionOptions) -> nn.Module:
    """A 1×1 convolution that starts as the identity (on the channels that both sides have)."""
    if options.proj == "identity":
        if in_channels != growth:
            raise ValueError(
                f"attention proj is 'identity' with {in_channels} channels into the block and "
                f"growth {growth}; they must be equal"
            )
        return nn.Identity()
    convolution = nn.Conv2d(in_channels, growth, 1, bias=False)
    nn.init.dirac_(convolution.weight)
    return convolution


def _dense_layer(in_channels: int, growth: int, bn_size: int, dropout: float) -> nn.Sequential:
    """BN-ReLU-conv1×1, BN-ReLU-conv3×3, dropout: B × in_channels × n × n → B × k × n × n."""
    inner = bn_size * growth
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(inplace=True),
        he(nn.Conv2d(in_channels, inner, 1, bias=False)),
        nn.BatchNorm2d(inner),
        nn.ReLU(inplace=True),
        he(nn.Conv2d(inner, growth, 3, padding=1, bias=False)),
        nn.Dropout(dropout),
    )


def he(convolution: nn.Conv2d) -> nn.Conv2d:
    """The same convolution, drawn anew after He et al. (2015) for the ReLU beside it."""
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return convolution
