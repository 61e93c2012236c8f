"""Recipe of networks that see an image and nothing else: one recipe, any network of the union.

How long: a quick profile (64 px, narrow networks) takes seconds to a minute a fold on two cores;
the papers' protocols are for a GPU.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from osteon.recipes.base import LearnerRecipe, Strict, TrainingConfig
from osteon.recipes.femoral_alexnet import AlexNetConfig, GoogLeNetConfig
from osteon.recipes.parts import refuse_typos
from osteon.recipes.spinal_smsdnet import DenseNetConfig, SMSDNetConfig

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from osteon.learning.objectives import Objective

Network = Annotated[
    SMSDNetConfig | DenseNetConfig | AlexNetConfig | GoogLeNetConfig,
    Field(discriminator="name"),
]
"""Every network that an image recipe can build; a further paper adds its own here."""
Head = Literal["softmax", "sigmoid"]


class ImageRecipe(LearnerRecipe):
    """One network on images.

    Attributes:
        kind: names the recipe in files.
        network: which one, and its parameters.
        classes: of the cohort; filled in from it, like `size`, the input's side in px.
        head: one logit a class with softmax, or, for two classes, a single logit with sigmoid.
        positive: the class that the single logit speaks for; None = the last one.
        label_smoothing: share of the target that is spread over all classes (softmax only).
    """

    kind: Literal["image_classifier"] = "image_classifier"
    network: Network
    classes: int = Field(default=2, ge=2, le=1000)
    size: int = Field(default=224, ge=16, le=4096)
    head: Head = "softmax"
    positive: Literal[0, 1] | None = None
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _head_fits(self) -> "ImageRecipe":
        if self.head == "sigmoid" and (self.classes != 2 or self.label_smoothing):
            raise ValueError(
                f"head is sigmoid with classes {self.classes} and label_smoothing "
                f"{self.label_smoothing}; it needs 2 classes and no smoothing"
            )
        if self.training.freeze_backbone_epochs:
            raise ValueError(
                f"training.freeze_backbone_epochs is {self.training.freeze_backbone_epochs}; "
                "networks of an image recipe have no pretrained parts"
            )
        if self.head == "softmax" and self.positive is not None:
            raise ValueError("positive is for a sigmoid head; a softmax has one logit a class")
        return self

    def for_learner(self, learner: "ImageLearner") -> "ImageRecipe":
        """This recipe with what one learner has of its own.

        A learner that names the recipe's network changes single parameters of it; one that names
        another network stands alone.
        """
        merged = self.model_dump()
        own = learner.model_dump(exclude_none=True, exclude={"kind", "training", "network"})
        merged |= own
        merged["training"] = self.training.model_dump() | learner.training
        if learner.network is not None:
            same = learner.network["name"] == self.network.name
            merged["network"] = (merged["network"] if same else {}) | learner.network
        return ImageRecipe.model_validate(merged)

    @property
    def required_columns(self) -> tuple[str, ...]:
        """None beside the image."""
        return ()

    def fitted_to(self, classes: tuple[str, ...], size: int) -> Self:
        """This recipe with the cohort's number of classes and the prepared images' side.

        Raises:
            ValueError: a sigmoid head for more than two classes.
        """
        return type(self).model_validate(
            self.model_dump() | {"classes": len(classes), "size": size}
        )

    def skip_reason(self, samples: "pd.DataFrame") -> str | None:
        """None: every cohort has images."""
        return None

    def build_network(self, pretrained: bool = True) -> "nn.Module":
        """The network, seeded by torch's current state."""
        return self.network.build(1 if self.head == "sigmoid" else self.classes, self.size)

    def build_objective(self) -> "Objective":
        """Cross-entropy, or binary cross-entropy on the single logit."""
        from osteon.learning.objectives import SigmoidObjective, SoftmaxObjective

        if self.head == "softmax":
            return SoftmaxObjective(self.label_smoothing)
        return SigmoidObjective(1 if self.positive is None else self.positive)


class ImageLearner(Strict):
    """What one learner has of its own; whatever is absent comes from the paper's recipe.

    Attributes:
        kind: names the recipe in files.
        network: `name` and single parameters.
        labels: as in `ImageRecipe`.
        head: as in `ImageRecipe`.
        positive: as in `ImageRecipe`.
        label_smoothing: as in `ImageRecipe`.
        training: single parameters of `TrainingConfig`.
    """

    kind: Literal["image_classifier"] = "image_classifier"
    network: dict[str, Any] | None = None
    labels: Literal["true", "permuted"] | None = None
    head: Head | None = None
    positive: Literal[0, 1] | None = None
    label_smoothing: float | None = None
    training: dict[str, Any] = Field(default_factory=dict)

    @field_validator("network")
    @classmethod
    def _known_network(cls, network: dict[str, Any] | None) -> dict[str, Any] | None:
        if network is not None:
            refuse_typos(Network, network)
        return network

    @field_validator("training")
    @classmethod
    def _known(cls, training: dict[str, Any]) -> dict[str, Any]:
        refuse_typos(TrainingConfig, training)
        return training
