"""GoogLeNet (Inception v1), the network that the femoral paper compares itself with.

Architecture: Szegedy C. et al., Going deeper with convolutions, CVPR 2015, table 1. Comparison:
Chen X. et al., J. Bone Oncology 2024, doi 10.1016/j.jbo.2024.100626, section 2.6 (nine Inception
modules, ReLU after every convolution, average pooling, dropout).

`faithful` has the paper's own parts: a true 5 × 5 branch, no batch normalisation, dropout 0.4.
`torchvision` is torchvision's class, whose "5 × 5" branch has a 3 × 3 kernel
(github.com/pytorch/vision, issue 906), batch normalisation in every convolution and dropout 0.2.

Deviations:
- no local response normalisation in the stem;
- He-normal weights and zero biases in both. Szegedy et al. say nothing of the start, torchvision
  draws a truncated normal of deviation 0.01; 22 layers without normalisation need their variance;
- the auxiliary heads, off unless asked for, average to 4 × 4 adaptively, so that other input sizes
  than 224 px work. Their logits lie in `auxiliary` after a pass in training mode;
- `width` scales all hidden channels of `faithful`, for quick runs;
- the output is logits; softmax belongs to the objective.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torchvision.models.googlenet import GoogLeNet as TorchvisionGoogLeNet
from torchvision.models.googlenet import GoogLeNetOutputs

from osteon.networks.blocks import choose
from osteon.networks.standardise import Mode, Standardise, check_side

# 1×1, in front of 3×3, 3×3, in front of 5×5, 5×5, behind the pooling.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOLED = ("3b", "4e")
OBSERVED = ("inception4a", "inception4d")
AUXILIARY_DROPOUT = 0.7
# Dropout, and the smallest input that leaves a map behind the last pooling.
IMPLEMENTATIONS = {"faithful": (0.4, 31), "torchvision": (0.2, 15)}


class GoogLeNet(nn.Module):
    """GoogLeNet as it was published, or as torchvision has it.

    Args:
        classes: number of logits; 1 = one sigmoid logit.
        impl: faithful or torchvision.
        aux: whether there are auxiliary heads behind modules 4a and 4d, for training only.
        dropout: probability of dropping a feature in front of the last layer, in [0, 1);
            None = 0.4 (faithful) or 0.2 (torchvision).
        width: factor on all hidden channels, above 0; none gets fewer than one. torchvision: 1.
        standardise: fold, imagenet or none (see `Standardise`).

    Attributes:
        features_layer: name of the last Inception module, for Grad-CAM.
        smallest_side: height and width in px that an image must have at least.
        auxiliary: B × classes logits of each auxiliary head, of the last pass if that was in
            training mode, else empty.
        auxiliary_weight: factor on the loss of each of them (Szegedy et al., section 5).

    Raises:
        ValueError: an argument outside what is allowed.
    """

    auxiliary_weight = 0.3

    def __init__(
        self,
        classes: int = 2,
        *,
        impl: str = "faithful",
        aux: bool = False,
        dropout: float | None = None,
        width: float = 1.0,
        standardise: Mode = "fold",
    ) -> None:
        super().__init__()
        usual, self.smallest_side = choose(impl, IMPLEMENTATIONS, "impl")
        _check(classes, impl, width)
        dropout = usual if dropout is None else dropout
        self.auxiliary: list[Tensor] = []
        self.standardise = Standardise(standardise)
        self.body: nn.Module
        if impl == "faithful":
            self.body = _Faithful(classes, aux, dropout, width)
            self.features_layer = "body.stages.inception5b"
        else:
            # Its own start takes minutes (a truncated normal by SciPy) and is replaced below.
            self.body = TorchvisionGoogLeNet(
                classes, aux, init_weights=False, dropout=dropout, dropout_aux=AUXILIARY_DROPOUT
            )
            self.features_layer = "body.inception5b"
        _initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of a batch; in training mode those of the auxiliary heads go to `auxiliary`.

        Args:
            image: B × 3 × H × W float in [0, 1]; H and W at least `smallest_side`.

        Returns:
            B × classes float, unbounded.
        """
        check_side(image, self.smallest_side)
        found: Tensor | GoogLeNetOutputs = self.body(self.standardise(image))
        if isinstance(found, Tensor):
            self.auxiliary = []
            return found
        self.auxiliary = [found.aux_logits1, found.aux_logits2]
        logits: Tensor = found.logits
        return logits


class Inception(nn.Module):
    """Four branches side by side: 1 × 1, 3 × 3, 5 × 5 and pooling; outputs are concatenated.

    Args:
        channels: of the input.
        one: of the 1 × 1 branch.
        three_in: between the 1 × 1 and the 3 × 3 convolution.
        three: of the 3 × 3 branch.
        five_in: between the 1 × 1 and the 5 × 5 convolution.
        five: of the 5 × 5 branch.
        pool: of the pooling branch.
    """

    def __init__(
        self, channels: int, one: int, three_in: int, three: int, five_in: int, five: int, pool: int
    ) -> None:
        super().__init__()
        self.branch1 = _convolution(channels, one, 1)
        self.branch3 = nn.Sequential(
            _convolution(channels, three_in, 1), _convolution(three_in, three, 3)
        )
        self.branch5 = nn.Sequential(
            _convolution(channels, five_in, 1), _convolution(five_in, five, 5)
        )
        self.branch_pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), _convolution(channels, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        """B × channels × h × w → B × (one + three + five + pool) × h × w, at or above 0."""
        branches = (self.branch1, self.branch3, self.branch5, self.branch_pool)
        return torch.cat([branch(x) for branch in branches], dim=1)


class _Faithful(nn.Module):
    """Szegedy's network; its output in training with auxiliary heads is as torchvision's."""

    def __init__(self, classes: int, aux: bool, dropout: float, width: float) -> None:
        super().__init__()
        self.stages, channels = _stages(width)
        self.heads = nn.ModuleDict()
        for name in OBSERVED if aux else ():
            self.heads[name] = _auxiliary_head(channels[name], classes, width)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(channels["inception5b"], classes),
        )

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        """B × 3 × H × W float → B × classes logits, with the auxiliary ones in training."""
        auxiliary = []
        for name, stage in self.stages.named_children():
            x = stage(x)
            if self.training and name in self.heads:
                auxiliary.append(self.heads[name](x))
        logits: Tensor = self.head(x)
        return GoogLeNetOutputs(logits, *reversed(auxiliary)) if auxiliary else logits


def _check(classes: int, impl: str, width: float) -> None:
    if classes < 1:
        raise ValueError(f"classes is {classes}; it must be 1 or more")
    if width <= 0:
        raise ValueError(f"width is {width}; it must be above 0")
    if impl == "torchvision" and width != 1:
        raise ValueError(f"width is {width}; with impl torchvision allowed is 1")


def _stages(width: float) -> tuple[nn.Sequential, dict[str, int]]:
    """Everything up to module 5b, by name, and the channels behind each Inception module."""
    first, stem = _scaled(64, width), _scaled(192, width)
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    stages["conv1"] = _convolution(3, first, 7, stride=2)
    stages["pool1"] = _halving()
    stages["conv2"] = _convolution(first, first, 1)
    stages["conv3"] = _convolution(first, stem, 3)
    stages["pool2"] = _halving()
    before, channels = stem, {}
    for name, row in INCEPTIONS.items():
        one, three_in, three, five_in, five, pool = (_scaled(full, width) for full in row)
        module = Inception(before, one, three_in, three, five_in, five, pool)
        stages[f"inception{name}"] = module
        before = channels[f"inception{name}"] = one + three + five + pool
        if name in POOLED:
            stages[f"pool{name[0]}"] = _halving()
    return nn.Sequential(stages), channels


def _auxiliary_head(channels: int, classes: int, width: float) -> nn.Sequential:
    reduced, hidden = _scaled(128, width), _scaled(1024, width)
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(4),
        _convolution(channels, reduced, 1),
        nn.Flatten(),
        nn.Linear(reduced * 16, hidden),
        nn.ReLU(),
        nn.Dropout(AUXILIARY_DROPOUT),
        nn.Linear(hidden, classes),
    )


def _convolution(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution that keeps the side (at stride 1), and its ReLU."""
    return nn.Sequential(nn.Conv2d(before, after, kernel, stride, kernel // 2), nn.ReLU())


def _halving() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def _scaled(full: int, width: float) -> int:
    return max(1, round(full * width))


def _initialise(network: nn.Module) -> None:
    """He-normal weights and zero biases in all convolutions and fully connected layers."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
