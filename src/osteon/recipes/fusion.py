"""Recipe of the late-fusion paper: ResNet and clinical values (see `osteon.networks.late_fusion`).

How long: the paper's protocol (224 px, 50 epochs, 2,608 images) is for a GPU; with width 0.25,
64 px and a few epochs a fold takes seconds to a minute on two cores.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator

from osteon.recipes.base import LearnerRecipe, Strict, TrainingConfig
from osteon.recipes.clinical import SOURCES, ClinicalConfig, feature_columns

if TYPE_CHECKING:
    import pandas as pd

    from osteon.learning.objectives import Objective
    from osteon.networks.late_fusion import LateFusion

Backbone = Literal["resnet18", "resnet34", "resnet50"]
Input = Literal["gender", "age", "alp", "ldh"]
INPUTS: tuple[Input, ...] = ("gender", "age", "alp", "ldh")


def _canonical(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    if len(set(inputs)) != len(inputs):
        raise ValueError(f"inputs are {list(inputs)}; each may stand there once")
    return tuple(name for name in INPUTS if name in inputs)


class FusionRecipe(LearnerRecipe):
    """One learner of the paper's Table 1, or any other combination.

    Attributes:
        kind: names the recipe in files.
        backbone: torchvision ResNet.
        inputs: clinical values beside the image, in any order; none = the image-only baseline.
        weights: none, imagenet (from torch's hub cache, never downloaded), auto (imagenet if width
            is 1 and they lie in that cache, else none; `weights_origin` says which) or a local
            file.
        width: factor on the backbone's channels; pretrained weights need 1.
        hidden: units of the two-layer head.
        out_dim: 2 logits with softmax, or 1 with sigmoid.
        dropout: in the head.
        activation: of the head.
        fusion: late (the paper), early or film.
        clinical_scale: factor on the clinical values.
        clinical: how they are normalised and what a missing one gets.
    """

    kind: Literal["late_fusion"] = "late_fusion"
    backbone: Backbone = "resnet18"
    inputs: tuple[Input, ...] = INPUTS
    weights: str = Field(default="none", min_length=1)
    width: float = Field(default=1.0, gt=0, le=4)
    hidden: int = Field(default=512, ge=1, le=65_536)
    out_dim: Literal[1, 2] = 2
    dropout: float = Field(default=0.0, ge=0, lt=1)
    activation: Literal["relu", "leaky_relu", "gelu", "silu"] = "relu"
    fusion: Literal["late", "early", "film"] = "late"
    clinical_scale: float = Field(default=1.0, gt=0, le=1000)
    clinical: ClinicalConfig = ClinicalConfig()

    _order = field_validator("inputs")(_canonical)

    def for_learner(self, learner: "FusionLearner") -> "FusionRecipe":
        """This recipe with what one learner has of its own."""
        own = learner.model_dump(exclude_none=True, exclude={"kind", "training"})
        merged = self.model_dump() | own
        merged["training"] = self.training.model_dump() | learner.training
        return FusionRecipe.model_validate(merged)

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Columns of the patient table that the inputs are made from (ranges included)."""
        return tuple(column for name in self.inputs for column in SOURCES[name])

    @property
    def clinical_columns(self) -> tuple[str, ...]:
        """Columns of the samples table that form the clinical vector, in its order."""
        return feature_columns(self.inputs, self.clinical)

    def fitted_to(self, classes: tuple[str, ...], size: int) -> Self:
        """The same recipe: it takes any size, and two classes.

        Raises:
            ValueError: another number of classes.
        """
        if len(classes) != 2:
            raise ValueError(f"cohort.classes: {list(classes)} found; late fusion needs two")
        return self

    @property
    def clinical_policy(self) -> ClinicalConfig:
        """How clinical values are normalised and what a missing one gets."""
        return self.clinical

    @property
    def clinical_values(self) -> tuple[str, ...]:
        """All four, whatever this learner is given: controls and tables read them."""
        return INPUTS

    @property
    def normalisation(self) -> Literal["imagenet", "unit"]:
        """ImageNet's, which pretrained backbones expect."""
        return "imagenet"

    def skip_reason(self, samples: "pd.DataFrame") -> str | None:
        """Names the inputs that no sample has a value of; None if there is none such."""
        absent = [name for name in self.inputs if bool(samples[f"{name}_missing"].all())]
        if not absent:
            return None
        return f"no patient of this cohort has a value of: {', '.join(absent)}"

    def usable(self, samples: "pd.DataFrame") -> "pd.Series":
        """True for samples that this learner may use: all, unless `clinical.missing` is drop."""
        import pandas as pd

        keep = pd.Series(True, index=samples.index)
        if self.clinical.missing == "drop":
            for name in self.inputs:
                keep &= ~samples[f"{name}_missing"].astype(bool)
        return keep

    def resolved_training(self) -> TrainingConfig:
        """`training`, with five frozen epochs for pretrained weights and none without."""
        if self.training.freeze_backbone_epochs is not None:
            return self.training
        scratch = self.weights == "none" or (self.weights == "auto" and not self._weights_file())
        epochs = 0 if scratch else 5
        return self.training.model_copy(update={"freeze_backbone_epochs": epochs})

    def build_network(self, pretrained: bool = True) -> "LateFusion":
        """The network, seeded by torch's current state; its backbone filled as `weights` says."""
        from osteon.networks.late_fusion import LateFusion

        network = LateFusion(
            self.backbone,
            len(self.clinical_columns),
            width=self.width,
            hidden=self.hidden,
            out_dim=self.out_dim,
            dropout=self.dropout,
            activation=self.activation,
            fusion=self.fusion,
            clinical_scale=self.clinical_scale,
        )
        if pretrained:
            network.load_backbone(self.weights)
        return network

    def build_objective(self) -> "Objective":
        """Cross-entropy, or binary cross-entropy for one logit."""
        from osteon.learning.objectives import SigmoidObjective, SoftmaxObjective

        return SoftmaxObjective() if self.out_dim == 2 else SigmoidObjective()

    def describe(self) -> dict[str, Any]:
        """All parameters as JSON values; of a weights file only the name, which is no secret."""
        described = super().describe()
        if self.weights not in ("none", "imagenet", "auto"):
            described["weights"] = Path(self.weights).name
        return described

    def fingerprint(self) -> str:
        """SHA-256 of everything that changes what is learned, a weights file's content included."""
        found, file = super().fingerprint(), self._weights_file()
        if file is None:
            return found
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        return hashlib.sha256(f"{found} {content}".encode()).hexdigest()

    def _weights_file(self) -> Path | None:
        """The file whose content decides what is learned, if there is one now.

        Weights called `imagenet` are not asked for: they are checked against the published ones.
        """
        if self.weights == "auto":
            if self.width != 1:
                return None
            from osteon.networks.blocks import cached_imagenet

            return cached_imagenet(self.backbone, self.width)
        if self.weights in ("none", "imagenet"):
            return None
        return Path(self.weights) if Path(self.weights).is_file() else None


class FusionLearner(Strict):
    """What one learner has of its own; whatever is absent comes from the paper's recipe.

    Attributes:
        kind: names the recipe in files.
        backbone: as in `FusionRecipe`.
        inputs: as in `FusionRecipe`.
        labels: as in `FusionRecipe`.
        weights: as in `FusionRecipe`.
        fusion: as in `FusionRecipe`.
        training: single parameters of `TrainingConfig`.
    """

    kind: Literal["late_fusion"] = "late_fusion"
    backbone: Backbone | None = None
    inputs: tuple[Input, ...] | None = None
    labels: Literal["true", "permuted"] | None = None
    weights: str | None = None
    fusion: Literal["late", "early", "film"] | None = None
    training: dict[str, Any] = Field(default_factory=dict)

    @field_validator("inputs")
    @classmethod
    def _order(cls, inputs: tuple[Input, ...] | None) -> tuple[Input, ...] | None:
        return None if inputs is None else _canonical(inputs)

    @field_validator("training")
    @classmethod
    def _known(cls, training: dict[str, Any]) -> dict[str, Any]:
        TrainingConfig.model_validate(training)  # a typo stops here, not when the learner runs
        return training
