"""Networks that classify a tube of slices: 3D ResNeXt, and two that it is compared with.

Paper: Liu H. et al., Insights into Imaging 2022, doi 10.1186/s13244-022-01227-2. It says
"ResNeXt101", 112 × 112 × N and no more: whether the slices are a third axis (`resnext3d_101`, our
reading) or the channels of a 2D network (`resnext2d_stack`) is left open. `resnet3d_18` is
torchvision's (Tran D. et al., A closer look at spatiotemporal convolutions, CVPR 2018).

All take B × 1 × N × S × S float, each tube of mean 0 and deviation 1, and return B × classes
logits. Nothing is downloaded; weights come from a file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.video import r3d_18

from osteon.networks.blocks import RESNETS, ScaledResNet, _read_tensors, choose, file_digest
from osteon.networks.resnext3d import ResNeXt3D, check_tubes

RESNEXT_2D = "resnext101_32x4d"
HEAD = "fc."


class SliceStack(nn.Module):
    """A 2D ResNet or ResNeXt whose input channels are the slices, in their order.

    Args:
        slices: N, of every tube.
        classes: number of logits; 1 for a single sigmoid.
        trunk: resnext101_32x4d, resnet18, resnet34 or resnet50.
        width: factor on the channels of a ResNet; 1 with resnext101_32x4d.
        dropout: probability of dropping a feature in front of the last layer, in [0, 1).

    Attributes:
        features_layer: name of the last stage, for Grad-CAM: B × C × S/32 × S/32. It has no axis of
            slices: one map is that of all of them.
        gradcam_layers: the stages by name.
        pretrained_parts: names of the modules that pretrained weights fill and that may be frozen.
        weights_origin: where the first values came from.

    Raises:
        ValueError: an argument that is not allowed, by name.
    """

    features_layer = "encoder.layer4"
    gradcam_layers: ClassVar[dict[str, str]] = {f"layer{i}": f"encoder.layer{i}" for i in (2, 3, 4)}
    pretrained_parts = ("encoder",)
    weights_origin = "none: trained from scratch"

    def __init__(
        self,
        slices: int,
        classes: int = 2,
        *,
        trunk: str = RESNEXT_2D,
        width: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if slices < 1:
            raise ValueError(f"slices is {slices}; it must be 1 or more")
        choose(trunk, {RESNEXT_2D: None, **RESNETS}, "trunk")
        self.slices = slices
        if trunk == RESNEXT_2D:
            self.encoder, channels = _resnext101(slices, width), 2048
        else:
            self.encoder = ScaledResNet(trunk, width, slices)
            channels = self.encoder.out_features
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, classes)

    def forward(self, tubes: Tensor) -> Tensor:
        """B × 1 × N × S × S float, N = `slices` → B × classes float, logits."""
        check_tubes(tubes, self.slices)
        logits: Tensor = self.head(self.dropout(self.encoder(tubes[:, 0])))
        return logits


class ResNet3D18(nn.Module):
    """torchvision's 3D ResNet-18 with one input channel.

    Args:
        classes: number of logits; 1 for a single sigmoid.
        dropout: probability of dropping a feature in front of the last layer, in [0, 1).

    Attributes:
        features_layer: name of the last stage, for Grad-CAM: B × 512 × N/8 × S/16 × S/16.
        gradcam_layers, pretrained_parts, weights_origin: as in `SliceStack`.
    """

    features_layer = "encoder.layer4"
    gradcam_layers: ClassVar[dict[str, str]] = {f"layer{i}": f"encoder.layer{i}" for i in (2, 3, 4)}
    pretrained_parts = ("encoder",)
    weights_origin = "none: trained from scratch"

    def __init__(self, classes: int = 2, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = r3d_18(weights=None)
        first = nn.Conv3d(1, 64, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False)
        nn.init.kaiming_normal_(first.weight, mode="fan_out", nonlinearity="relu")
        self.encoder.stem[0] = first
        channels = self.encoder.fc.in_features
        self.encoder.fc = nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, classes)

    def forward(self, tubes: Tensor) -> Tensor:
        """B × 1 × N × S × S float → B × classes float, logits."""
        check_tubes(tubes)
        logits: Tensor = self.head(self.dropout(self.encoder(tubes)))
        return logits


def build_sequence_network(
    arch: str, slices: int = 16, classes: int = 2, *, weights: str = "none", **options: Any
) -> nn.Module:
    """A new network, seeded by torch's current state.

    Args:
        arch: resnext3d_101 (blocks 3, 4, 23, 3, cardinality 32, full width), resnext3d (blocks,
            cardinality and width as given), resnext2d_stack or resnet3d_18.
        slices: N, of a tube; only resnext2d_stack is bound to it.
        classes: number of logits; 1 for a single sigmoid.
        weights: `none`, or the path of a `.pth`, `.pt` or `.safetensors` file (see
            `load_sequence_weights`).
        options: of the architecture: dropout (all), blocks, cardinality, width (resnext3d), trunk,
            width (resnext2d_stack).

    Raises:
        FileNotFoundError: no such file of weights.
        TypeError: an option that the architecture does not have.
        ValueError: another architecture, an option that is not allowed, or weights that do not fit.
    """
    builders: dict[str, Callable[..., nn.Module]] = {
        "resnext3d_101": _resnext3d_101,
        "resnext3d": ResNeXt3D,
        "resnext2d_stack": lambda *given, **own: SliceStack(slices, *given, **own),
        "resnet3d_18": ResNet3D18,
    }
    network = choose(arch, builders, "arch")(classes, **options)
    if weights != "none":
        load_sequence_weights(network, weights)
    return network


def load_sequence_weights(network: nn.Module, weights: str) -> None:
    """Fill everything but the last layer from a file, and say so in `weights_origin`.

    A first convolution of another number of input channels (three of colour) is summed over them
    and shared evenly among ours: a grey tube then gives what it gave in colour.

    Args:
        network: of `build_sequence_network`.
        weights: path of a file with the names of the public networks: Hara's for resnext3d,
            torchvision's for the others.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another ending, a damaged file, or names and shapes that do not fit.
    """
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"weights: no file at {path}")
    encoder = getattr(network, "encoder", network)
    # Files of networks that were trained on several devices carry this in front of each name.
    named = {name.removeprefix("module."): value for name, value in _read_tensors(path).items()}
    tensors = {name: value for name, value in named.items() if not name.startswith(HEAD)}
    _fit_stem(tensors, encoder)
    try:
        found = encoder.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise ValueError(f"weights: {path.name} does not fit: {error}") from error
    # Older files do not count batches.
    missing = [n for n in found.missing_keys if not n.endswith("num_batches_tracked")]
    wrong = [n for n in missing if not n.startswith(HEAD)] + found.unexpected_keys
    if wrong:
        raise ValueError(
            f"weights: {path.name} does not fit: {len(wrong)} names are missing or unknown, "
            f"{', '.join(wrong[:3])} among them"
        )
    network.weights_origin = f"file: {path.name}, sha256 {file_digest(path)}"  # type: ignore[assignment]


def _fit_stem(tensors: dict[str, Tensor], encoder: nn.Module) -> None:
    for name in ("conv1.weight", "stem.0.weight"):
        if name in tensors and name in dict(encoder.named_parameters()):
            wanted = encoder.get_parameter(name).shape[1]
            kernel = tensors[name]
            if kernel.shape[1] != wanted:
                share = kernel.sum(1, keepdim=True) / wanted
                tensors[name] = share.expand(-1, wanted, *kernel.shape[2:])


def _resnext3d_101(classes: int, dropout: float = 0.0) -> ResNeXt3D:
    return ResNeXt3D(classes, dropout=dropout)


def _resnext101(slices: int, width: float) -> ResNet:
    """2D ResNeXt-101 32 × 4d: B × slices × H × W → B × 2048."""
    if width != 1:
        raise ValueError(f"width is {width:g}; with trunk {RESNEXT_2D!r} it must be 1")
    encoder = ResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=4)
    encoder.conv1 = nn.Conv2d(slices, 64, 7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(encoder.conv1.weight, mode="fan_out", nonlinearity="relu")
    encoder.fc = nn.Identity()
    return encoder
