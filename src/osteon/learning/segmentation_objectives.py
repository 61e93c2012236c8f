"""What segmenters are trained for, and their maps as bytes.

A map's probability p travels and is stored as the nearest of 256 steps of 1/255, halves to the even
one, so that p ≥ 0.5 holds just where the byte is 128 or more. All losses are in nats, one a case,
so that a case weighs the same whatever its lesion's size.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional

from osteon.learning.objectives import _Mean

if TYPE_CHECKING:
    from osteon.networks.patch_network import Dense

SMALLEST = 1e-12
"""Keeps the gradient of (1 − p)^gamma finite where p is 1 and gamma below 1."""


@dataclass(frozen=True)
class RegionObjective(_Mean):
    """Soft Dice loss and binary cross-entropy of one map of logits.

    Attributes:
        dice: weight of the Dice loss, 0 or more.
        bce: weight of the cross-entropy, 0 or more, not both 0.
        smoothing: px added to both parts of the Dice fraction, above 0: with an empty mask the loss
            is then 0 for an empty prediction, and its gradient is finite everywhere.
    """

    dice: float = 1.0
    bce: float = 1.0
    smoothing: float = 1.0

    def __post_init__(self) -> None:
        if min(self.dice, self.bce) < 0 or not self.dice + self.bce > 0:
            raise ValueError(
                f"dice is {self.dice} and bce {self.bce}; 0 or more each and one above 0 allowed"
            )
        if not self.smoothing > 0:
            raise ValueError(f"smoothing is {self.smoothing}; it must be above 0")

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """B × 1 × H × W logits, B × H × W int64 in {0, 1} → (B,) weighted sum of the two.

        Raises:
            ValueError: output and target do not fit.
        """
        return self._region(_only_map(output, target), target.float())

    def probabilities(self, output: Tensor) -> Tensor:
        """B × 1 × H × W logits → B × (H · W) uint8, steps of 1/255."""
        return in_steps(torch.sigmoid(output[:, 0].float())).flatten(1)

    def right(self, output: Tensor, target: Tensor) -> Tensor:
        """Each case's share of pixels that are called as they are, summed over the cases."""
        return ((output[:, 0] >= 0) == (target == 1)).double().mean((1, 2)).sum()

    def _region(self, logits: Tensor, target: Tensor) -> Tensor:
        """B × H × W logits, B × H × W float in {0, 1} → (B,)."""
        cross = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        region = dice_losses(torch.sigmoid(logits), target, self.smoothing)
        return self.dice * region + self.bce * cross.mean((1, 2))


@dataclass(frozen=True)
class ContourObjective(RegionObjective):
    """The loss of `RegionObjective` for the mask, and a cross-entropy for its contour (D-TVNet).

    Attributes:
        contour: weight of the contour's loss, 0 or more.
        pos_weight: what a contour pixel counts against one that is none, above 0.
        width: of the contour in px, 2 or more.
    """

    contour: float = 0.5
    pos_weight: float = 10.0
    width: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.contour < 0 or not self.pos_weight > 0 or self.width < 2:
            raise ValueError(
                f"contour is {self.contour}, pos_weight {self.pos_weight} and width {self.width}; "
                "allowed are 0 or more, above 0, and 2 or more"
            )

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """The mask's loss plus `contour` times the contour's, (B,).

        Args:
            output: B × 2 × H × W logits of mask and contour; in evaluation B × 1 × H × W, the mask
                alone, and then its loss alone.
            target: B × H × W int64 in {0, 1}.

        Raises:
            ValueError: output and target do not fit.
        """
        mask = target.float()
        region = self._region(_only_map(output[:, :1], target), mask)
        if output.shape[1] == 1:
            return region
        cross = functional.binary_cross_entropy_with_logits(
            output[:, 1].float(),
            outline(mask, self.width),
            pos_weight=mask.new_tensor(self.pos_weight),
            reduction="none",
        )
        return region + self.contour * cross.mean((1, 2))


@dataclass(frozen=True)
class PatchObjective(_Mean):
    """The class of a patch in training, the map that patches make in evaluation.

    Attributes:
        kind: bce (one sigmoid a class against one-hot labels, the mean over the classes), softmax
            (cross-entropy) or focal (as bce, each term times (1 − p)^gamma, p being the probability
            of what is true; Lin et al., ICCV 2017, without their weights of the classes).
        classes: 2 or 3; label 1 is the target.
        gamma: of focal, 0 or more; 0 makes it bce.
    """

    kind: Literal["bce", "softmax", "focal"] = "bce"
    classes: int = 2
    gamma: float = 2.0

    def __post_init__(self) -> None:
        if self.kind not in ("bce", "softmax", "focal"):
            raise ValueError(f"kind is {self.kind!r}; allowed are bce, softmax and focal")
        if self.classes not in (2, 3):
            raise ValueError(f"classes is {self.classes}; allowed are 2 and 3")
        if self.gamma < 0:
            raise ValueError(f"gamma is {self.gamma}; it must be 0 or more")

    def losses(self, output: "Tensor | Dense", target: Tensor) -> Tensor:
        """Of patches in training, in evaluation of the map's pixels or of single patches, (B,).

        Args:
            output: B × classes logits, or what the network gives for whole images.
            target: B int64 labels of patches, or B × H × W int64 in {0, 1}. Labels beside what the
                network gives for images: each image is one patch.

        Raises:
            ValueError: output and target do not fit.
        """
        if isinstance(output, Tensor):
            return self._of_patches(output.float(), target)
        alone = target.ndim == 1
        said, true = (output.patches, target[:, None, None]) if alone else (output.map, target)
        _check_shapes(said.shape, true)
        # A mean of probabilities may pass 1 by a rounding, which the function below refuses.
        share, truth = said.float().clamp(0, 1), (true == 1).float()
        return functional.binary_cross_entropy(share, truth, reduction="none").mean((1, 2))

    def loss(self, output: "Tensor | Dense", target: Tensor) -> Tensor:
        """Mean loss over a batch, in nats."""
        return self.losses(output, target).mean()

    def probabilities(self, output: "Tensor | Dense") -> Tensor:
        """Whole images → B × (H · W + gy · gx) uint8, steps of 1/255: the map, then its patches.

        Raises:
            TypeError: logits of patches; how they become a probability is for the network to say.
        """
        if isinstance(output, Tensor):
            raise TypeError(
                f"output is a tensor of shape {tuple(output.shape)}; wanted the Dense that a patch "
                "network gives in evaluation mode"
            )
        return torch.cat([in_steps(one.float()).flatten(1) for one in output], dim=1)

    def right(self, output: "Tensor | Dense", target: Tensor) -> Tensor:
        """Patches of the right class, or each case's share of right pixels, summed; a scalar."""
        if isinstance(output, Tensor):
            return (output.argmax(1) == target).double().sum()
        return ((output.map >= 0.5) == (target == 1)).double().mean((1, 2)).sum()

    def _of_patches(self, logits: Tensor, target: Tensor) -> Tensor:
        """B × classes float logits and B int64 → (B,)."""
        if logits.shape[1] != self.classes:
            raise ValueError(f"output has {logits.shape[1]} classes; wanted {self.classes}")
        if self.kind == "softmax":
            return functional.cross_entropy(logits, target, reduction="none")
        truth = functional.one_hot(target, self.classes).float()
        terms = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        if self.kind == "focal":
            # The term is −log p: 1 − p without the loss of digits that p near 1 would bring.
            terms = terms * (-torch.expm1(-terms)).clamp(min=SMALLEST) ** self.gamma
        return terms.mean(1)


@dataclass(frozen=True)
class ReconstructionObjective(_Mean):
    """The three parts of a sparse autoencoder's cost (PENN, Eq. 1 and 2).

    Attributes:
        lambda_: weight of the weights' penalty, 0 or more.
        beta: weight of the sparsity penalty, 0 or more.
    """

    lambda_: float = 0.001
    beta: float = 1.0

    def __post_init__(self) -> None:
        for name in ("lambda_", "beta"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        """Squared error + lambda_ · weights + beta · sparsity, (B,).

        Args:
            output: B × 3: a case's squared error, and the batch's penalty of weights and of
                sparsity, repeated.
            target: not looked at: an autoencoder's target is its input.
        """
        return output.float() @ output.new_tensor([1, self.lambda_, self.beta], dtype=torch.float32)

    def probabilities(self, output: Tensor) -> Tensor:
        """B × 1 float64, the squared error: there are no classes."""
        return output[:, :1].double()

    def right(self, output: Tensor, target: Tensor) -> Tensor:
        """NaN: nothing is answered."""
        return torch.tensor(torch.nan, device=output.device)


def dice_losses(probabilities: Tensor, target: Tensor, smoothing: float = 1.0) -> Tensor:
    """1 − (2 Σ p·t + s) / (Σ p + Σ t + s), the soft Dice loss of each case, (B,) in [0, 1].

    Args:
        probabilities: B × H × W float in [0, 1].
        target: B × H × W float in {0, 1}.
        smoothing: s in px, above 0.
    """
    both = (probabilities * target).sum((1, 2))
    sizes = probabilities.sum((1, 2)) + target.sum((1, 2))
    return 1 - (2 * both + smoothing) / (sizes + smoothing)


def outline(mask: Tensor, width: int = 3) -> Tensor:
    """The contour of a mask: what a square dilation has more than a square erosion.

    With an odd width it is centred on the mask's own outermost pixels, with an even one on the line
    between mask and rest. The edge of the image is no contour: a mask goes on beyond it.

    Args:
        mask: B × H × W float in {0, 1}.
        width: px; width // 2 of them lie outside.

    Returns:
        B × H × W float in {0, 1}, on the mask's device.
    """
    outer, inner = width // 2, width - width // 2
    wider = functional.max_pool2d(mask, 2 * outer + 1, stride=1, padding=outer)
    narrower = -functional.max_pool2d(-mask, 2 * inner + 1, stride=1, padding=inner)
    return wider - narrower


def in_steps(probabilities: Tensor) -> Tensor:
    """Float in [0, 1], any shape → uint8, the nearest of the steps of 1/255."""
    return (probabilities * 255).round().to(torch.uint8)


def _only_map(output: Tensor, target: Tensor) -> Tensor:
    """B × 1 × H × W → B × H × W float."""
    if output.ndim != 4 or output.shape[1] != 1:
        raise ValueError(f"output has shape {tuple(output.shape)}; wanted B × 1 × H × W")
    _check_shapes(output[:, 0].shape, target)
    return output[:, 0].float()


def _check_shapes(map_: torch.Size, target: Tensor) -> None:
    if map_ != target.shape:
        raise ValueError(f"target has shape {tuple(target.shape)}; wanted {tuple(map_)}")
