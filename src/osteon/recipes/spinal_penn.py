"""Recipe of the spinal tumour segmentation row: one network that outlines, on patches or on slices.

Chen et al. 2024 (PENN: patches, three stacked sparse autoencoders, a sigmoid layer) and the rivals
of its Table 2. What all learners share is one `SegmentationRecipe`; a learner is a block that names
its network and what else differs. Quick: seconds to a minute a fold on 96 px slices and two cores.
As published (32 px patches of 512 px slices, 500 epochs a layer): hours on a GPU.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from osteon.recipes.base import LearnerRecipe, Strict, TrainingConfig
from osteon.recipes.clinical import ClinicalConfig
from osteon.recipes.parts import refuse_typos
from osteon.recipes.penn_networks import OPConvNetConfig, PennConfig, PennConvConfig
from osteon.recipes.segmenting import PostprocessConfig
from osteon.recipes.unet_networks import (
    DTVNetConfig,
    MultiResUNetConfig,
    SAUNetConfig,
    UNetConfig,
)

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from osteon.learning.objectives import Objective
    from osteon.learning.patches import PatchPlan
    from osteon.learning.pretraining import Stage

Network = Annotated[
    PennConfig
    | PennConvConfig
    | OPConvNetConfig
    | UNetConfig
    | MultiResUNetConfig
    | SAUNetConfig
    | DTVNetConfig,
    Field(discriminator="name"),
]
"""Every network that can outline."""
ON_PATCHES = ("penn", "penn_conv", "op_convnet")
"""Networks that are trained on patches; the others see whole slices."""
CUT = ("patch", "stride", "classes")
"""Parameters of a network on patches that say which patches it sees."""
WITH_NEIGHBOURS = ("sau_net",)
"""Networks that see a slice with the one before and the one after."""
WITH_STAGES = ("penn", "penn_conv")
"""Networks whose layers can be pretrained as autoencoders."""
Loss = Literal["bce", "softmax", "focal", "dice_bce", "pixel_bce", "contour"]
PatchLoss = Literal["bce", "softmax", "focal"]
OF_PATCHES: tuple[PatchLoss, ...] = get_args(PatchLoss)


class PatchesConfig(Strict):
    """Patches that a network is trained on (the paper's PE and balancing modules).

    Attributes:
        stride: px from patch to patch in training; the network's own stride is that of inference.
        rule: which patches are called the target: those of which at least `fraction` is
            (`fraction`, the paper's 60 %), or whose centre is (`centre`).
        fraction: of a patch's pixels.
        share: of patches that are not the target, after under-sampling (the paper: 0.94 before, 0.6
            after). None = all are kept. Judged patches are never thinned out.
    """

    stride: int = Field(default=8, ge=1, le=512)
    rule: Literal["fraction", "centre"] = "fraction"
    fraction: float = Field(default=0.6, gt=0, le=1)
    share: float | None = Field(default=0.6, gt=0, lt=1)


class PretrainingConfig(Strict):
    """Greedy pretraining of the hidden layers as sparse autoencoders, one after the other.

    λ, β and ρ stand with the network (`SparsityConfig`). With `micro_batch` the mean activation of
    the sparsity term is that of each micro-batch, not of the whole batch.

    Attributes:
        training: how each layer is fitted, as its own block of `TrainingConfig`; 500 epochs in the
            paper.
    """

    training: TrainingConfig = TrainingConfig()


class SegmentationRecipe(LearnerRecipe):
    """One network that outlines the target.

    Attributes:
        kind: names the recipe in files.
        network: which one, and its parameters.
        patches: how patches are cut; only for networks that are trained on them.
        pretraining: of the hidden layers as autoencoders; None = none. For penn and penn_conv.
        loss: bce, softmax or focal on patches; dice_bce, pixel_bce or contour (D-TVNet) on slices;
            None = the network's own, see `own_loss`.
        hflip: probability of a mirror image in training.
        postprocess: how a map becomes an outline.
        clinical: how age and sex are normalised for the tables; no network here sees them.
    """

    kind: Literal["segmentation"] = "segmentation"
    network: Network = PennConfig()
    patches: PatchesConfig | None = None
    pretraining: PretrainingConfig | None = None
    loss: Loss | None = None
    hflip: float = Field(default=0.0, ge=0, le=1)
    postprocess: PostprocessConfig = PostprocessConfig()
    clinical: ClinicalConfig = ClinicalConfig()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        name = self.network.name
        if (name in ON_PATCHES) != (self.patches is not None):
            what = "given" if self.patches else "not given"
            raise ValueError(
                f"patches: {what} with network {name}; allowed for {', '.join(ON_PATCHES)} only, "
                "which need it"
            )
        if self.pretraining is not None and name not in WITH_STAGES:
            allowed = " and ".join(WITH_STAGES)
            raise ValueError(f"pretraining: given with network {name}; allowed for {allowed}")
        if self.loss is not None and self.loss not in losses_of(name):
            allowed = ", ".join(losses_of(name))
            raise ValueError(f"loss: {self.loss} found with network {name}; allowed: {allowed}")
        if self.labels == "permuted":
            raise ValueError("labels: permuted found; a mask has no other patient's to be given")
        if self.training.augmentation is not None:
            raise ValueError("training.augmentation is given; masks would not follow it: use hflip")
        known = ["none", "sampler", *(["class_weight"] if self.patches else [])]
        if (balance := self.training.balance) not in known:
            raise ValueError(
                f"training.balance: {balance} found with network {name}; allowed: "
                f"{', '.join(known)}"
            )
        return self

    @model_validator(mode="after")
    def _pretraining_fits(self) -> Self:
        if self.pretraining is None:
            return self
        own: Any = self.network
        how, decay = self.pretraining.training, own.sparsity.decay
        if how.early_stop is not None or how.balance not in ("none", "sampler"):
            raise ValueError(
                f"pretraining.training: balance {how.balance} found, early_stop "
                f"{'given' if how.early_stop else 'null'}; allowed are none or sampler, and null"
            )
        if how.full_batch and decay:
            raise ValueError(
                f"network.sparsity.decay: {decay} found with pretraining by {how.optimiser}; a "
                "loss that changes with each look at it has no line to search along: 0 allowed"
            )
        return self

    def for_learner(self, learner: "SegmentationLearner") -> "SegmentationRecipe":
        """This recipe with what one learner has of its own.

        A learner that names the recipe's network changes single parameters of it. One that names
        another network starts from that network's defaults, and keeps patches and pretraining if
        such a network has them: all networks on patches see the same ones.
        """
        merged = self.model_dump()
        if learner.network is not None:
            name = learner.network["name"]
            same = name == self.network.name
            shared = merged["network"] if same else {}
            if not same and name in ON_PATCHES and self.on_patches:
                shared = {part: merged["network"][part] for part in CUT}
            merged["network"] = deep_merged(shared, learner.network)
            merged["loss"] = self.loss if same else None
            merged["patches"] = merged["patches"] if name in ON_PATCHES else None
            merged["pretraining"] = merged["pretraining"] if name in WITH_STAGES else None
        for name in ("patches", "pretraining"):
            own = getattr(learner, name)
            if own == "none":
                merged[name] = None
            elif own is not None:
                merged[name] = deep_merged(merged[name] or {}, own)
        merged["training"] = merged["training"] | learner.training
        for name in ("loss", "hflip"):
            if getattr(learner, name) is not None:
                merged[name] = getattr(learner, name)
        return SegmentationRecipe.model_validate(merged)

    @property
    def required_columns(self) -> tuple[str, ...]:
        """None beside the images and their masks."""
        return ()

    @property
    def clinical_policy(self) -> ClinicalConfig:
        """How age and sex are normalised for the tables."""
        return self.clinical

    @property
    def judges_training(self) -> bool:
        """No: nothing is chosen on maps of the training part."""
        return False

    @property
    def on_patches(self) -> bool:
        """Whether the network is trained on patches."""
        return self.patches is not None

    @property
    def with_neighbours(self) -> bool:
        """Whether the network sees the slices beside a slice as well."""
        return self.network.name in WITH_NEIGHBOURS

    def fitted_to(self, classes: tuple[str, ...], size: int) -> Self:
        """The same: the target is the cohort's last class, and any size will do.

        Raises:
            ValueError: patches are larger than the images.
        """
        patch = getattr(self.network, "patch", 0)
        if patch > size:
            raise ValueError(f"network.patch: {patch} px found, at most size {size} px allowed")
        return self

    def fingerprint(self) -> str:
        """As of every recipe; what is done to finished maps changes nothing that is learned."""
        plain: dict[str, Any] = {"postprocess": PostprocessConfig(), "clinical": ClinicalConfig()}
        if self.pretraining is not None:
            learned = TrainingConfig.model_validate(self.pretraining.training.learned_from())
            plain["pretraining"] = PretrainingConfig(training=learned)
        return super(SegmentationRecipe, self.model_copy(update=plain)).fingerprint()

    def skip_reason(self, samples: "pd.DataFrame") -> str | None:
        """None: whether there are masks is for the node that trains to say."""
        return None

    @property
    def own_loss(self) -> Loss:
        """What the network is trained for where no loss is given.

        On patches softmax where they are read by softmax (OP-convNet), else bce; contour for
        D-TVNet, pixel_bce for MultiResUNet, as its authors train it, dice_bce for the others.
        """
        if getattr(self.network, "reading", None) == "softmax":
            return "softmax"
        return losses_of(self.network.name)[0]

    def build_network(self, pretrained: bool = True) -> "nn.Module":
        """The network, seeded by torch's current state."""
        return self.network.build()

    def build_objective(self) -> "Objective":
        """The loss, and maps as bytes."""
        from osteon.learning import segmentation_objectives as made

        loss = self.loss or self.own_loss
        for kind in OF_PATCHES:
            if loss == kind:
                return made.PatchObjective(kind, getattr(self.network, "classes", 2))
        if loss == "contour":
            return made.ContourObjective()
        return made.RegionObjective(dice=float(loss == "dice_bce"))

    def plan(self, target: int, tissues: tuple[int, ...]) -> "PatchPlan | None":
        """How patches are cut and labelled; None for networks on whole slices.

        Args:
            target: value of the masks; tissues: the other values but 0.
        """
        from osteon.learning.patches import PatchPlan

        if self.patches is None:
            return None
        network: Any = self.network
        return PatchPlan(
            patch=network.patch,
            stride=self.patches.stride,
            rule=self.patches.rule,
            fraction=self.patches.fraction,
            classes=network.classes,
            others=tissues,
            share=self.patches.share,
        )

    def stages(self, network: "nn.Module") -> "list[Stage]":
        """Pretraining layer by layer, empty without it."""
        if self.pretraining is None:
            return []
        from osteon.learning.pretraining import Stage
        from osteon.learning.segmentation_objectives import ReconstructionObjective

        own: Any = self.network
        objective = ReconstructionObjective(own.sparsity.lambda_, own.sparsity.beta)
        config = self.pretraining.training
        built: Any = network
        return [Stage(name, layer, objective, config) for name, layer in built.stages()]


def losses_of(network: str) -> tuple[Loss, ...]:
    """Losses that a network may be trained with; the first is its own, but see `own_loss`."""
    if network in ON_PATCHES:
        return OF_PATCHES
    if network == "d_tvnet":
        return ("contour",)
    both: tuple[Loss, ...] = ("dice_bce", "pixel_bce")
    return both[::-1] if network == "multiresunet" else both


def deep_merged(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """`whole` with the values of `part`, block by block."""
    found = dict(whole)
    for name, value in part.items():
        both = isinstance(value, dict) and isinstance(found.get(name), dict)
        found[name] = deep_merged(found[name], value) if both else value
    return found


class SegmentationLearner(Strict):
    """What one learner has of its own; whatever is absent comes from the paper's recipe.

    Attributes:
        kind: names the recipe in files.
        network: `name` and single parameters.
        patches: single parameters of `PatchesConfig`.
        pretraining: single parameters of `PretrainingConfig`, or `none`.
        loss, hflip: as in `SegmentationRecipe`.
        training: single parameters of `TrainingConfig`.
    """

    kind: Literal["segmentation"] = "segmentation"
    network: dict[str, Any] | None = None
    patches: dict[str, Any] | None = None
    pretraining: Literal["none"] | dict[str, Any] | None = None
    loss: Loss | None = None
    hflip: float | None = None
    training: dict[str, Any] = Field(default_factory=dict)

    @field_validator("network", "patches", "pretraining", "training")
    @classmethod
    def _known(cls, part: Any, info: Any) -> Any:
        wanted = {
            "network": Network,
            "patches": PatchesConfig,
            "pretraining": PretrainingConfig,
            "training": TrainingConfig,
        }
        if isinstance(part, dict):
            refuse_typos(wanted[info.field_name], part)
        return part


class AuditConfig(Strict):
    """The audit of a split by patch, as the paper has it, beside one by patient.

    Attributes:
        patches: that take part at most, drawn from all; both splits share them.
        folds: by patch, and as many by patient; 5 train on 80 %, as the paper does.
        rounds: bootstrap resamples of the gap.
        seed: of the draws.
    """

    patches: int = Field(default=20_000, ge=100, le=10_000_000)
    folds: int = Field(default=5, ge=2, le=100)
    rounds: int = Field(default=2000, ge=50, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**32)
