"""Parameters of the one fit loop; imports no torch."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Balance = Literal["none", "class_weight", "sampler", "offline"]


class EarlyStop(BaseModel):
    """Stop when the loss on held-back training patients no longer falls.

    Attributes:
        patience: epochs without a lower loss before training ends.
        fraction: share of the training patients of each class that is held back. These patients
            belong to the training part: the fold that is judged is never looked at.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: int = Field(ge=1)
    fraction: float = Field(gt=0, le=0.5)


class Augmentation(BaseModel):
    """What chance does to a training image, each time it is met; each image by itself.

    Attributes:
        translate: largest shift, as a share of the side, in both directions.
        scale: smallest and largest factor of size.
        rotate: largest angle in degrees, to both sides.
        hflip: probability of a mirror image, left and right changed.
        vflip: the same, top and bottom changed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    translate: float = Field(default=0.0, ge=0, le=0.5)
    scale: tuple[float, float] = (1.0, 1.0)
    rotate: float = Field(default=0.0, ge=0, le=180)
    hflip: float = Field(default=0.0, ge=0, le=1)
    vflip: float = Field(default=0.0, ge=0, le=1)

    @field_validator("scale")
    @classmethod
    def _factors(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not 0.1 <= scale[0] <= scale[1] <= 10:
            raise ValueError(f"scale is {list(scale)}; allowed is 0.1 <= smallest <= largest <= 10")
        return scale


class TrainingConfig(BaseModel):
    """How a network is fitted. Defaults are the late-fusion paper's, where it names them.

    Attributes:
        epochs: passes over the training part; not looked at where `steps` is given.
        steps: least number of optimiser steps; the epochs follow from it. None = `epochs` counts.
        batch: cases that one optimiser step sees, over all micro-batches and devices.
        micro_batch: cases that pass through the network at once (batch normalisation sees these);
            None = the whole batch. May be exceeded by one so that no case stands alone.
        lr: learning rate of epoch 0.
        momentum: of SGD; Adam's and AdamW's first beta; scg and lbfgs do not look at it.
        nesterov: of SGD with momentum; other optimisers do not look at it.
        weight_decay: L2 penalty or, of AdamW, decoupled decay.
        optimiser: sgd, adam, adamw, or one of two that take all training cases in one step an
            epoch (`batch` must be as large; `micro_batch` bounds the memory): scg, scaled conjugate
            gradients, which needs no `lr`, and lbfgs, whose `lr` is best 1.
        milestones: epochs, counted from 0, at whose start the rate is multiplied by `gamma`.
        gamma: that factor.
        warmup_steps: first optimiser steps over which the rate rises evenly from near 0.
        freeze_backbone_epochs: first epochs in which the pretrained parts stand still; None = 5
            when pretrained weights are loaded and 0 otherwise.
        clip_norm: upper bound on the gradient's norm; None = no bound.
        precision: 32-true, bf16-mixed or 16-mixed (GPU only).
        balance: what is done about classes of unequal size, with training cases only.
            `class_weight` weighs their losses; `sampler` draws each epoch's cases anew, each class
            as often; `offline` adds copies of the rarer classes, turned by right angles or
            mirrored, until all are as large as the largest.
        augmentation: None = the images as they are.
        early_stop: None = the last epoch's weights are kept, as in the paper.
        seed: of weights, order and dropout.
        device: auto (a GPU if there is one), cpu or cuda.
        device_count: devices that share each batch (distributed data parallel).
        fold_workers: processes that train folds side by side on a CPU; 0 = one a core. Ignored on a
            GPU, where folds follow one another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=50, ge=1, le=10_000)
    steps: int | None = Field(default=None, ge=1, le=10_000_000)
    batch: int = Field(default=256, ge=2, le=2**31)
    micro_batch: int | None = Field(default=None, ge=2, le=65_536)
    lr: float = Field(default=0.01, gt=0, le=10)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(default=1e-4, ge=0, le=1)
    optimiser: Literal["sgd", "adam", "adamw", "scg", "lbfgs"] = "sgd"
    milestones: tuple[int, ...] = (20, 35, 45)
    gamma: float = Field(default=0.1, gt=0, le=1)
    warmup_steps: int = Field(default=0, ge=0, le=1_000_000)
    freeze_backbone_epochs: int | None = Field(default=None, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    balance: Balance = "none"
    augmentation: Augmentation | None = None
    early_stop: EarlyStop | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    device_count: int = Field(default=1, ge=1, le=64)
    fold_workers: int = Field(default=0, ge=0, le=256)

    @field_validator("milestones")
    @classmethod
    def _rising(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if list(milestones) != sorted(set(milestones)) or min(milestones, default=1) < 1:
            raise ValueError(f"milestones are {list(milestones)}; they must rise from 1 upwards")
        return milestones

    @model_validator(mode="after")
    def _milestones_are_epochs(self) -> Self:
        if self.steps is not None and self.milestones:
            raise ValueError(
                f"milestones are {list(self.milestones)} with steps {self.steps}; they count "
                "epochs, whose number follows from the steps: give an empty list, or epochs"
            )
        return self

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and not (self.optimiser == "sgd" and self.momentum):
            raise ValueError(
                f"nesterov is true with optimiser {self.optimiser} and momentum {self.momentum}; "
                "it needs sgd and a momentum above 0"
            )
        return self

    @model_validator(mode="after")
    def _full_batch_sees_true_gradients(self) -> Self:
        for name, value in (("clip_norm", self.clip_norm), ("precision", self.precision)):
            if self.full_batch and value not in (None, "32-true"):
                raise ValueError(
                    f"{name} is {value} with optimiser {self.optimiser}, whose steps compare "
                    "losses along the gradient: allowed are clip_norm null and precision 32-true"
                )
        return self

    @property
    def full_batch(self) -> bool:
        """Whether the optimiser takes all training cases in one step."""
        return self.optimiser in ("scg", "lbfgs")

    def learning_rate(self, epoch: int) -> float:
        """Rate of an epoch counted from 0: `lr` times `gamma` for each milestone reached."""
        return self.lr * self.gamma ** sum(epoch >= milestone for milestone in self.milestones)

    def warmth(self, step: int) -> float:
        """Share of the rate that optimiser step `step`, counted from 0, learns with."""
        return min(1.0, (step + 1) / (self.warmup_steps + 1))

    def learned_from(self) -> dict[str, object]:
        """All parameters that change what is learned: not where and how many folds run at once."""
        return self.model_dump(mode="json", exclude={"device", "device_count", "fold_workers"})
