"""Networks of the spinal tumour paper (see `osteon.networks.smsdnet`) and its comparator.

How long: at 256 px SMSDNet needs 7 billion multiplications an image, the paper's protocol is for a
GPU; at 64 px with growth 8 and three layers a block an epoch of some hundred slices takes seconds
on two cores.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from osteon.recipes.base import Strict

if TYPE_CHECKING:
    from osteon.networks.dense_attention import AttentionOptions
    from osteon.networks.densenet import DenseNet
    from osteon.networks.smsdnet import SMSDNet


class SMSDNetConfig(Strict):
    """SMSDNet; the defaults are our reading of the paper, the options its other readings.

    Attributes:
        name: tells it from other networks.
        attention: self-attention between layers; off for an ablation.
        multi_scale: fusion and post-processing; off for an ablation. Both off: the plain DenseNet
            of the same depth.
        colour: hsv (the paper) or rgb.
        hue_offsets: hexcone, or paper_zero (as printed, an error, for audit).
        hue_encoding: scalar, or sincos (a fourth channel).
        standardise: of the RGB image: none, imagenet or fold; none with hsv.
        growth: channels of each layer's map.
        layers: a block.
        bn_size: bottleneck factor.
        dropout: after each 3×3 convolution.
        attention_form: trace, or literal (equal and slower).
        attention_merge: concat (the text) or sum (equation 6).
        attention_proj: conv (starts as the identity) or identity.
        attention_score: qw (the paper) or qwT.
        attention_reduce: over channels: mean or sum.
        attention_scale: scores are divided by sqrt_n, none, n, or a learned number.
        attention_pool: pixels averaged on a side before the products; 1 is the paper.
        attention_on_transition: weigh a block's output too.
        transition_pool: max (section 2.4) or avg (section 2.2).
        transition_out: channels of F11 to F14; none for `growth`.
        fusion: skip, adjacent or all_to_last.
        fusion_op: add or concat.
        post_levels: enlargements after the fusion.
        head: gap or flatten.
    """

    name: Literal["smsdnet"] = "smsdnet"
    attention: bool = True
    multi_scale: bool = True
    colour: Literal["hsv", "rgb"] = "hsv"
    hue_offsets: Literal["hexcone", "paper_zero"] = "hexcone"
    hue_encoding: Literal["scalar", "sincos"] = "scalar"
    standardise: Literal["none", "imagenet", "fold"] = "none"
    growth: int = Field(default=16, ge=1, le=256)
    layers: int = Field(default=5, ge=1, le=32)
    bn_size: int = Field(default=4, ge=1, le=16)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    attention_form: Literal["trace", "literal"] = "trace"
    attention_merge: Literal["concat", "sum"] = "concat"
    attention_proj: Literal["conv", "identity"] = "conv"
    attention_score: Literal["qw", "qwT"] = "qw"
    attention_reduce: Literal["mean", "sum"] = "mean"
    attention_scale: Literal["sqrt_n", "none", "n", "learned"] = "sqrt_n"
    attention_pool: int = Field(default=1, ge=1, le=16)
    attention_on_transition: bool = False
    transition_pool: Literal["max", "avg"] = "max"
    transition_out: int | None = Field(default=None, ge=1, le=1024)
    fusion: Literal["skip", "adjacent", "all_to_last"] = "skip"
    fusion_op: Literal["add", "concat"] = "add"
    post_levels: Literal[1, 2, 3] = 1
    head: Literal["gap", "flatten"] = "gap"

    @model_validator(mode="after")
    def _fits_together(self) -> "SMSDNetConfig":
        if self.colour == "hsv" and self.standardise != "none":
            raise ValueError(
                f"standardise: {self.standardise!r} found; with colour 'hsv' it must be 'none'"
            )
        if self.attention and self.layers < 2:
            raise ValueError(
                "layers: 1 found; with attention there must be 2 or more to choose from"
            )
        bare = self.attention and self.attention_proj == "identity"
        if bare and self.transition_out not in (None, self.growth):
            raise ValueError(
                f"transition_out: {self.transition_out} found; with attention_proj 'identity' it "
                f"must be growth ({self.growth})"
            )
        return self

    def attention_options(self) -> "AttentionOptions | None":
        """The fields called `attention_…`; None without attention."""
        from osteon.networks.dense_attention import AttentionOptions

        if not self.attention:
            return None
        prefix = "attention_"
        own = {k: v for k, v in self.model_dump().items() if k.startswith(prefix)}
        return AttentionOptions(**{key.removeprefix(prefix): value for key, value in own.items()})

    def build(self, classes: int, size: int) -> "SMSDNet":
        """A new network, seeded by torch's current state.

        Args:
            classes: number of logits; 1 for a single sigmoid.
            size: side of the input in pixels, a multiple of 16.
        """
        from osteon.networks.smsdnet import SMSDNet

        given = self.model_dump(exclude={"name", "attention"})
        own = {key: value for key, value in given.items() if not key.startswith("attention_")}
        return SMSDNet(classes, size, attention=self.attention_options(), **own)


class DenseNetConfig(Strict):
    """DenseNet-121, the comparator; narrower by configuration for a quick run.

    Attributes:
        name: tells it from other networks.
        standardise: imagenet, fold or none.
        growth: channels that every layer adds.
        blocks: layers of each of the four blocks.
        init_features: channels of the first convolution.
        bn_size: bottleneck factor.
        dropout: after each layer.
    """

    name: Literal["densenet121"] = "densenet121"
    standardise: Literal["none", "imagenet", "fold"] = "imagenet"
    growth: int = Field(default=32, ge=1, le=256)
    blocks: tuple[int, int, int, int] = (6, 12, 24, 16)
    init_features: int = Field(default=64, ge=1, le=1024)
    bn_size: int = Field(default=4, ge=1, le=16)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _has_layers(self) -> "DenseNetConfig":
        if min(self.blocks) < 1:
            raise ValueError(f"blocks: {self.blocks} found; each must be 1 or more")
        return self

    def build(self, classes: int, size: int) -> "DenseNet":
        """A new network, seeded by torch's current state.

        Args:
            classes: number of logits; 1 for a single sigmoid.
            size: side of the input in pixels, 32 or more.

        Raises:
            ValueError: `size` is too small.
        """
        from osteon.networks.densenet import SMALLEST, DenseNet

        if size < SMALLEST:
            raise ValueError(f"size is {size}; densenet121 wants {SMALLEST} pixels or more")
        return DenseNet(classes, **self.model_dump(exclude={"name"}))
