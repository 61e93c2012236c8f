"""AlexNet with batch normalisation for femoral bone tumours on one slice.

Paper: Chen X. et al., An enhanced AlexNet-based model for femoral bone tumor classification and
diagnosis using magnetic resonance imaging, J. Bone Oncology 2024, doi 10.1016/j.jbo.2024.100626,
sections 2.2 to 2.5. Its base is Krizhevsky et al., ImageNet classification with deep convolutional
neural networks, 2012; the narrower widths are torchvision's (Krizhevsky, One weird trick, 2014).

Five convolutions and three fully connected layers with ReLU, maximum pooling after convolutions 1,
2 and 5, batch normalisation between convolution and ReLU in the first two. At two classes and in
the classic widths that is 58,290,242 parameters.

Readings of what the paper leaves open, and deviations:
- one tower without groups; batch normalisation stands in place of local response normalisation;
- the output is logits; softmax belongs to the objective;
- "L2 regularization … to the last three convolutional layers … for input features" is read as
  λ Σ w² over the kernels of conv3, conv4 and conv5 (`l2_mode="kernel"`), biases not included.
  PyTorch's `weight_decay` d adds d·w to a gradient and this adds 2λ·w: its equal there is 2λ.
  `l2_mode="activity"` is the other reading, as a Keras activity regulariser: λ Σ y² over the
  outputs of those layers behind their ReLU, divided by the batch;
- "a dropout rate of 60 %" is the probability of dropping a unit;
- "a normal distribution" is He's (zero mean, variance 2 / fan-in). The fixed deviations are for the
  convolutions, of which the paper speaks. The fully connected layers, of which it says nothing,
  start as torch's do (uniform, a third of 1 / fan-in). He's rule for them (`head_init`) reckons
  neither with dropout, which multiplies the mean square by 1 / (1 - 0.6) twice, nor with the
  overlapping maxima: at 224 px and the paper's learning rate of 0.01 the loss was no longer a
  number within ten steps, with momentum 0.9 and without. Biases of convolutions start at 0;
- maps that are not 6 × 6 behind the last pooling (224 px input gives 6 × 6) are brought to that by
  adaptive average pooling, so that other input sizes work;
- `width` scales all hidden layers, `head="gap"` replaces the hidden fully connected layers by a
  global average: ablations and quick runs, not the paper's.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from osteon.networks.blocks import choose
from osteon.networks.standardise import Mode, Standardise, check_side

WIDTHS = {"classic": (96, 256, 384, 384, 256), "torchvision": (64, 192, 384, 256, 256)}
GEOMETRY = ((11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))  # kernel, stride, padding
NORMALISED: dict[str, tuple[int, ...]] = {
    "none": (),
    "first_two": (1, 2),
    "all": (1, 2, 3, 4, 5),
}
POOLED = (1, 2, 5)
# Side of the window (stride 2), and the smallest input that leaves a map behind the last of them.
POOLS = {"3x3": (3, 63), "2x2": (2, 35)}
HIDDEN = 4096
INITS = {"he_normal": None, "normal_0.01": 0.01, "normal_0.05": 0.05}
L2_MODES = ("kernel", "activity", "none")
PENALISED = ("conv3", "conv4", "conv5")


class AlexNetBN(nn.Module):
    """AlexNet whose first two convolutions are normalised before their ReLU.

    Args:
        classes: number of logits; 1 = one sigmoid logit.
        variant: classic (96-256-384-384-256) or torchvision (64-192-384-256-256).
        batch_norm: none, first_two or all: which convolutions are normalised before their ReLU.
        pool: 3x3 (overlapping) or 2x2, stride 2 both.
        dropout: probability of dropping a unit behind each of the first two fully connected
            layers (head `gap`: behind the average), in [0, 1).
        init: of the convolutions: he_normal, normal_0.01 or normal_0.05.
        head_init: of the fully connected layers: uniform (torch's own, ±1 / √fan-in) or he_normal
            (biases 0), which wants a lower learning rate than the paper's.
        head: full (two hidden layers of 4096) or gap (global average, one layer).
        l2: λ of `penalty`, at or above 0.
        l2_mode: kernel, activity or none.
        width: factor on all hidden channels and units, above 0; none gets fewer than one.
        standardise: fold, imagenet or none (see `Standardise`).

    Attributes:
        features_layer: name of the last convolution with its ReLU, for Grad-CAM.
        smallest_side: height and width in px that an image must have at least.

    Raises:
        ValueError: an argument outside what is allowed.
    """

    features_layer = "features.conv5"

    def __init__(
        self,
        classes: int = 2,
        *,
        variant: str = "classic",
        batch_norm: str = "first_two",
        pool: str = "3x3",
        dropout: float = 0.6,
        init: str = "he_normal",
        head_init: str = "uniform",
        head: str = "full",
        l2: float = 1e-4,
        l2_mode: str = "kernel",
        width: float = 1.0,
        standardise: Mode = "fold",
    ) -> None:
        super().__init__()
        _check(classes, width, l2, l2_mode)
        self.l2, self.l2_mode = l2, l2_mode
        window, self.smallest_side = choose(pool, POOLS, "pool")
        channels = [max(1, round(full * width)) for full in choose(variant, WIDTHS, "variant")]
        normalised = choose(batch_norm, NORMALISED, "batch_norm")
        deviation = choose(init, INITS, "init")
        build_head = choose(head, {"full": _full_head, "gap": _gap_head}, "head")
        start_head = choose(head_init, {"uniform": False, "he_normal": True}, "head_init")
        self.standardise = Standardise(standardise)
        self.features = _features(channels, normalised, window)
        self.head = build_head(channels[-1], max(1, round(HIDDEN * width)), classes, dropout)
        self._outputs: list[Tensor] = []
        _initialise(self.features, deviation)
        if start_head:
            _initialise(self.head, None)

    def penalty(self) -> Tensor:
        """λ Σ w² or λ Σ y² / B as `l2_mode` says: a scalar to be added to a batch's mean loss.

        `activity` speaks of the last batch that went through in training mode and is 0 without one.
        """
        kernels = [self.get_parameter(f"features.{name}.conv.weight") for name in PENALISED]
        if self.l2_mode == "kernel":
            return self.l2 * torch.stack([kernel.square().sum() for kernel in kernels]).sum()
        total = kernels[0].new_zeros(())
        for output in self._outputs:
            # At least float32: squares of a whole batch overflow or vanish in half precision.
            values = output.to(torch.promote_types(output.dtype, torch.float32))
            total = total + self.l2 * values.square().sum() / len(values)
        return total

    def forward(self, image: Tensor) -> Tensor:
        """Logits of a batch.

        Args:
            image: B × 3 × H × W float in [0, 1]; H and W at least `smallest_side`.

        Returns:
            B × classes float, unbounded.
        """
        check_side(image, self.smallest_side)
        x, outputs = self.standardise(image), []
        for name, stage in self.features.named_children():
            x = stage(x)
            if name in PENALISED:
                outputs.append(x)
        self._outputs = outputs if self.training and self.l2_mode == "activity" else []
        logits: Tensor = self.head(x)
        return logits


def _check(classes: int, width: float, l2: float, l2_mode: str) -> None:
    if classes < 1:
        raise ValueError(f"classes is {classes}; it must be 1 or more")
    if width <= 0:
        raise ValueError(f"width is {width}; it must be above 0")
    if l2 < 0:
        raise ValueError(f"l2 is {l2}; it must be 0 or more")
    if l2_mode not in L2_MODES:
        raise ValueError(f"l2_mode is {l2_mode!r}; allowed are {', '.join(L2_MODES)}")


def _features(channels: list[int], normalised: tuple[int, ...], window: int) -> nn.Sequential:
    """conv1, pool1, conv2, pool2, conv3, conv4, conv5, pool5; B × 3 × 224 × 224 → B × C × 6 × 6."""
    stages: OrderedDict[str, nn.Module] = OrderedDict()
    before = 3
    for number, (after, (kernel, stride, padding)) in enumerate(
        zip(channels, GEOMETRY, strict=True), start=1
    ):
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        # The bias stays in front of a normalisation, which undoes it: the paper's layers have it.
        parts["conv"] = nn.Conv2d(before, after, kernel, stride, padding)
        if number in normalised:
            parts["norm"] = nn.BatchNorm2d(after)
        parts["relu"] = nn.ReLU()
        stages[f"conv{number}"] = nn.Sequential(parts)
        if number in POOLED:
            stages[f"pool{number}"] = nn.MaxPool2d(window, stride=2)
        before = after
    return nn.Sequential(stages)


def _full_head(channels: int, hidden: int, classes: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(6),  # changes nothing where the map is 6 × 6 already
        nn.Flatten(),
        nn.Linear(channels * 36, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


def _gap_head(channels: int, hidden: int, classes: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(channels, classes),
    )


def _initialise(part: nn.Module, deviation: float | None) -> None:
    """Normal weights with this standard deviation, or by He's rule where it is None; biases 0."""
    for module in part.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if deviation is None:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            else:
                nn.init.normal_(module.weight, std=deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
