"""Parts that several networks share: activations, a scaled torchvision ResNet, local weights.

The ResNet is torchvision's (He et al., Deep residual learning for image recognition, 2016); only
the number of channels can be scaled here, so that a test or a quick run takes seconds.
"""

import hashlib
import re
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, ResNet34_Weights, ResNet50_Weights
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

T = TypeVar("T")
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
RESNETS: dict[str, tuple[type[BasicBlock | Bottleneck], list[int]]] = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
}
# The first ImageNet recipe of each: the weights that were to be had when the papers were written.
IMAGENET = {
    "resnet18": ResNet18_Weights.IMAGENET1K_V1,
    "resnet34": ResNet34_Weights.IMAGENET1K_V1,
    "resnet50": ResNet50_Weights.IMAGENET1K_V1,
}
WIDTH_RULE = "pretrained weights need width 1"


def choose(name: str, options: dict[str, T], argument: str) -> T:
    """The option called `name`; ValueError names the argument and what is allowed."""
    if name not in options:
        raise ValueError(f"{argument} is {name!r}; allowed are {', '.join(options)}")
    return options[name]


class ScaledResNet(ResNet):
    """torchvision's ResNet with every channel count times `width` and no classifier.

    With `width=1.0` names and shapes of all parameters are torchvision's own, but for `fc`, which
    is an identity.

    Args:
        backbone: resnet18, resnet34 or resnet50.
        width: factor on the channels, above 0; a stage never gets fewer than four.
        in_channels: channels of the input image.
    """

    def __init__(self, backbone: str, width: float = 1.0, in_channels: int = 3) -> None:
        block, layers = choose(backbone, RESNETS, "backbone")
        if width <= 0:
            raise ValueError(f"width is {width}; it must be above 0")
        # Set before the parent builds its stages, because `_make_layer` reads them.
        self.width = width
        self.in_channels = in_channels
        super().__init__(block, layers)
        self.fc = nn.Identity()
        self.out_features = self.inplanes

    def _make_layer(
        self,
        block: type[BasicBlock | Bottleneck],
        planes: int,
        blocks: int,
        stride: int = 1,
        dilate: bool = False,
    ) -> nn.Sequential:
        scaled = max(4, round(planes * self.width))
        if not hasattr(self, "layer1") and (scaled != planes or self.in_channels != 3):
            # The stem exists already at torchvision's size; the parent initialises all later.
            self.inplanes = scaled
            self.conv1 = nn.Conv2d(self.in_channels, scaled, 7, stride=2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(scaled)
        return super()._make_layer(block, scaled, blocks, stride, dilate)

    def forward(self, x: Tensor) -> Tensor:
        """B × in_channels × H × W float (normalised) → B × out_features float, at or above 0."""
        return super().forward(x)


def load_backbone_weights(encoder: ScaledResNet, backbone: str, weights: str) -> str:
    """Fill `encoder` in place and return in words where the values came from.

    Args:
        encoder: what is filled. Input channels beyond three start at zero, so that they change
            nothing until they are trained.
        backbone: resnet18, resnet34 or resnet50.
        weights: `none`, `imagenet` (read from torch's hub cache, never downloaded), `auto`
            (`imagenet` where `cached_imagenet` finds them, else `none`) or the path of a `.pth`,
            `.pt` or `.safetensors` file with torchvision's names.

    Raises:
        FileNotFoundError: no such file, or `imagenet` is not in the cache.
        ValueError: another ending, a damaged file, or names and shapes that do not fit.
    """
    if weights == "none":
        return "none: trained from scratch"
    if weights == "auto":
        if cached_imagenet(backbone, encoder.width) is None:
            missing = "no ImageNet weights in the local cache"
            return f"none: trained from scratch ({WIDTH_RULE if encoder.width != 1 else missing})"
        weights = "imagenet"
    path = imagenet_file(backbone) if weights == "imagenet" else Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"weights: no file at {path}")
    digest = file_digest(path)
    if weights == "imagenet":
        _check_hub_name(path, digest)
    tensors = {k: v for k, v in _read_tensors(path).items() if not k.startswith("fc.")}
    _fit_stem(tensors, encoder)
    try:
        encoder.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f"weights: {path.name} does not fit {backbone} at width {encoder.width:g} "
            f"({WIDTH_RULE}): {error}"
        ) from error
    kind = f"imagenet ({IMAGENET[backbone]})" if weights == "imagenet" else "file"
    return f"{kind}: {path.name}, sha256 {digest}"


def cached_imagenet(backbone: str, width: float) -> Path | None:
    """The file that `auto` loads; None if it is not in torch's hub cache or would not fit."""
    path = _hub_path(backbone)
    return path if width == 1 and path.is_file() else None


def imagenet_file(backbone: str) -> Path:
    """Where torch's hub cache holds the ImageNet weights of `backbone`.

    Raises:
        FileNotFoundError: they are not there. Nothing is downloaded: the message says how to.
    """
    path = _hub_path(backbone)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights: 'imagenet' wants {path}, which is not there, and nothing is downloaded "
            f'unasked. Fetch it once (python -c "import torchvision; torchvision.models.{backbone}'
            f"(weights='IMAGENET1K_V1')\"), or give the path of a local file, or say weights: none."
        )
    return path


def _hub_path(backbone: str) -> Path:
    weights = choose(backbone, IMAGENET, "backbone")
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name


def file_digest(path: Path) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_hub_name(path: Path, digest: str) -> None:
    """Files of the hub carry the first digits of their SHA-256 in the name."""
    found = re.search(r"-([0-9a-f]{8,})\.", path.name)
    if found and not digest.startswith(found[1]):
        raise ValueError(f"weights: {path} is damaged: its SHA-256 begins with {digest[:8]}")


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if path.suffix in (".pth", ".pt"):
            # weights_only: tensors and plain containers, no object is ever built from the file.
            found = torch.load(path, map_location="cpu", weights_only=True)
            found = found.get("state_dict", found) if isinstance(found, dict) else None
            if isinstance(found, dict) and all(isinstance(v, Tensor) for v in found.values()):
                return found
            raise ValueError("it holds no table of tensors")
    except Exception as error:
        raise ValueError(f"weights: {path} cannot be read: {error}") from error
    raise ValueError(
        f"weights: {path.name} ends in {path.suffix!r}; allowed: .safetensors, .pth, .pt"
    )


def _fit_stem(tensors: dict[str, Tensor], encoder: ScaledResNet) -> None:
    stem, extra = tensors.get("conv1.weight"), encoder.in_channels - 3
    if stem is not None and stem.shape[1] == 3 and extra > 0:
        zeros = stem.new_zeros(stem.shape[0], extra, *stem.shape[2:])
        tensors["conv1.weight"] = torch.cat([stem, zeros], dim=1)
