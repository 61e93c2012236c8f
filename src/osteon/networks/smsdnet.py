"""SMSDNet: multi-scale DenseNet with self-attention between layers, for spinal tumours on CT.

Paper: He J., Bi X., Automatic classification of spinal osteosarcoma and giant cell tumor of bone
using optimized DenseNet, J. Bone Oncology 2024, doi 10.1016/j.jbo.2024.100606. RGB → HSV; four
dense blocks of five layers with attention; a transition (1×1 convolution, max-pooling) after each
gives F11 to F14; cross-layer fusion; post-processing; one fully connected layer.

At 256 px, 16 channels and two classes 369,458 parameters: stem 464, dense layers 250,240, attention
96,256 (87,040 of them the matrices p), transitions 6,912, fusion 11,680, post-processing 3,872,
head 34.

Deviations and additions (the attention's own: `dense_attention`; the fusion's: `smsdnet_fusion`):
- the output is logits; softmax belongs to the objective;
- a stem (3×3 convolution) gives F^0 of the first block its 16 channels;
- section 2.2 says average, section 2.4 maximum pooling: maximum, `transition_pool` changes it;
- a block of five layers has 96 channels, F1x has 16: the transition compresses;
- global average pooling before the fully connected layer (`head`), which the paper does not name;
- dropout 0.2 after each 3×3 convolution (the paper: no recipe at all);
- without `multi_scale` the head reads F14 through batch norm and ReLU, as in DenseNet: with no
  attention either this is the plain DenseNet of the same depth.
"""

from typing import ClassVar, Literal

from torch import Tensor, nn

from osteon.networks.blocks import choose
from osteon.networks.colour_space import HSV, HueEncoding, HueOffsets
from osteon.networks.dense_attention import AttentionOptions, DenseBlock, he
from osteon.networks.smsdnet_fusion import CrossLayerFusion, FusionKind, FusionOp, PostProcessing
from osteon.networks.standardise import Mode, Standardise

POOLINGS: dict[str, type[nn.MaxPool2d | nn.AvgPool2d]] = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}
BLOCKS = 4
SHRINK = 2**BLOCKS
DEFAULT = AttentionOptions()


class SMSDNet(nn.Module):
    """The classifier.

    Args:
        classes: number of logits; 1 for a single sigmoid.
        size: side of the square input in pixels, a multiple of 16; other multiples also run, but
            with `head="flatten"`.
        growth: k, channels of every dense layer's map and of F^0.
        layers: dense layers a block.
        bn_size: the 1×1 convolution of a dense layer has bn_size·k outputs.
        dropout: after each 3×3 convolution of the dense layers, in [0, 1).
        attention: options, or None for plain dense blocks.
        multi_scale: fusion and post-processing; without, the head reads F14.
        colour: hsv or rgb.
        hue_offsets: hexcone or paper_zero (see `colour_space`).
        hue_encoding: scalar or sincos.
        standardise: of the RGB image, none with hsv, which wants values in [0, 1].
        transition_pool: max or avg.
        transition_out: channels of F11 to F14; None for `growth`.
        fusion: skip, adjacent or all_to_last.
        fusion_op: add or concat.
        post_levels: steps of post-processing: the result has size/8, size/4 or size/2 pixels.
        head: gap (global average pooling) or flatten.

    Attributes:
        features_layer: name of the post-processing map, for Grad-CAM: B × C × size/8 × size/8.
        gradcam_layers: module names of `post`, `block4` (the last block's concatenation, size/8)
            and `f14` (size/16).

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    features_layer = "post"
    gradcam_layers: ClassVar[dict[str, str]] = {
        "post": "post",
        "block4": "blocks.3.output",
        "f14": "transitions.3",
    }

    def __init__(
        self,
        classes: int = 2,
        size: int = 256,
        *,
        growth: int = 16,
        layers: int = 5,
        bn_size: int = 4,
        dropout: float = 0.2,
        attention: AttentionOptions | None = DEFAULT,
        multi_scale: bool = True,
        colour: Literal["hsv", "rgb"] = "hsv",
        hue_offsets: HueOffsets = "hexcone",
        hue_encoding: HueEncoding = "scalar",
        standardise: Mode = "none",
        transition_pool: Literal["max", "avg"] = "max",
        transition_out: int | None = None,
        fusion: FusionKind = "skip",
        fusion_op: FusionOp = "add",
        post_levels: int = 1,
        head: Literal["gap", "flatten"] = "gap",
    ) -> None:
        super().__init__()
        _check(size, colour, standardise, post_levels, head)
        width = transition_out or growth
        pool = choose(transition_pool, POOLINGS, "transition_pool")
        self.standardise = Standardise(standardise)
        self.colour = HSV(hue_offsets, hue_encoding) if colour == "hsv" else nn.Identity()
        self.stem = _stem(getattr(self.colour, "channels", 3), growth)
        inputs = [growth, width, width, width]
        blocks = [
            DenseBlock(
                channels,
                growth,
                layers,
                size >> index,
                bn_size=bn_size,
                dropout=dropout,
                attention=attention,
            )
            for index, channels in enumerate(inputs)
        ]
        self.blocks = nn.ModuleList(blocks)
        self.transitions = nn.ModuleList(_transition(b.out_channels, width, pool) for b in blocks)
        self.fusion: CrossLayerFusion | None = None
        self.post: nn.Module = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        if multi_scale:
            self.fusion = CrossLayerFusion(width, fusion, fusion_op)
            skips = [blocks[-1].out_channels, width, width][:post_levels]
            self.post = PostProcessing(width, skips)
        side = size // SHRINK * (2**post_levels if multi_scale else 1)
        self.pool = nn.AdaptiveAvgPool2d(1) if head == "gap" else nn.Identity()
        self.head = nn.Linear(width * (side**2 if head == "flatten" else 1), classes)
        nn.init.zeros_(self.head.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            image: B × 3 × H × W float, RGB in [0, 1]; H and W multiples of 16, equal with
                attention.

        Returns:
            B × classes float, unbounded.
        """
        return self.forward_with_weights(image)[0]

    def forward_with_weights(self, image: Tensor) -> tuple[Tensor, list[list[Tensor]]]:
        """Logits as in `forward`, and what every layer took from the layers before it.

        Returns:
            B × classes float; and for each of the four blocks a list over its layers l = 1..L of
            B × l float tensors whose rows sum to 1 (empty lists without attention).
        """
        if image.ndim != 4 or any(side % SHRINK or not side for side in image.shape[2:]):
            raise ValueError(
                f"image has shape {tuple(image.shape)}; height and width must be multiples of "
                f"{SHRINK}"
            )
        map_ = self.stem(self.colour(self.standardise(image)))
        maps, weights = [], []
        for block, transition in zip(self.blocks, self.transitions, strict=True):
            dense, found = block(map_)
            map_ = transition(dense)  # F11 .. F14
            maps.append(map_)
            weights.append(found)
        if isinstance(self.post, PostProcessing) and self.fusion is not None:
            steps = len(self.post.norm)
            post = self.post(self.fusion(maps), [dense, maps[1], maps[0]][:steps])
        else:
            post = self.post(map_)
        features = self.pool(post).flatten(1)
        if features.shape[1] != self.head.in_features:
            raise ValueError(
                f"image has shape {tuple(image.shape)}; head 'flatten' wants the size the network "
                "was built for"
            )
        return self.head(features), weights


def _stem(in_channels: int, growth: int) -> nn.Sequential:
    """conv3×3-BN-ReLU: B × in_channels × H × W → B × growth × H × W."""
    return nn.Sequential(
        he(nn.Conv2d(in_channels, growth, 3, padding=1, bias=False)),
        nn.BatchNorm2d(growth),
        nn.ReLU(inplace=True),
    )


def _transition(
    in_channels: int, out_channels: int, pool: type[nn.MaxPool2d | nn.AvgPool2d]
) -> nn.Sequential:
    """BN-ReLU-conv1×1, pooling: B × in_channels × n × n → B × out_channels × n/2 × n/2."""
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(inplace=True),
        he(nn.Conv2d(in_channels, out_channels, 1, bias=False)),
        pool(2),
    )


def _check(size: int, colour: str, standardise: str, post_levels: int, head: str) -> None:
    if size < SHRINK or size % SHRINK:
        raise ValueError(f"size is {size}; it must be a multiple of {SHRINK}")
    choose(colour, {"hsv": 0, "rgb": 0}, "colour")
    choose(head, {"gap": 0, "flatten": 0}, "head")
    if colour == "hsv" and standardise != "none":
        raise ValueError(f"standardise is {standardise!r}; with colour 'hsv' it must be 'none'")
    if post_levels not in (1, 2, 3):
        raise ValueError(f"post_levels is {post_levels}; allowed are 1, 2, 3")
