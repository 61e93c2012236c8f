"""Typed configuration of every learner; importing this package costs no torch.

A further kind of recipe adds its module and one member to each of the two unions.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Discriminator, RootModel, Tag

from osteon.recipes.base import EarlyStop, LearnerRecipe, TrainingConfig
from osteon.recipes.clinical import ClinicalConfig
from osteon.recipes.fusion import FusionLearner, FusionRecipe
from osteon.recipes.image import ImageLearner, ImageRecipe
from osteon.recipes.spinal_penn import SegmentationRecipe
from osteon.recipes.spinal_wff import DetectorRecipe, SequenceRecipe, WFFRecipe

if TYPE_CHECKING:
    from osteon.recipes.artefact import Ensemble

__all__ = [
    "ClinicalConfig",
    "EarlyStop",
    "FusionLearner",
    "FusionRecipe",
    "ImageLearner",
    "ImageRecipe",
    "Learner",
    "LearnerRecipe",
    "Recipe",
    "TrainingConfig",
    "load_learner",
]

FUSION, IMAGE = "late_fusion", "image_classifier"
WFF, DETECTOR, SEQUENCE = "weighted_fusion", "wff_detector", "wff_sequence"
SEGMENTATION = "segmentation"


def _kind(value: Any) -> Any:
    """What the block says it is; the first row's learners say nothing."""
    if isinstance(value, dict):
        return value.get("kind", IMAGE if "network" in value or "head" in value else FUSION)
    return getattr(value, "kind", None)


AnyRecipe = Annotated[
    Annotated[FusionRecipe, Tag(FUSION)]
    | Annotated[ImageRecipe, Tag(IMAGE)]
    | Annotated[WFFRecipe, Tag(WFF)]
    | Annotated[DetectorRecipe, Tag(DETECTOR)]
    | Annotated[SequenceRecipe, Tag(SEQUENCE)]
    | Annotated[SegmentationRecipe, Tag(SEGMENTATION)],
    Discriminator(_kind),
]
AnyLearner = Annotated[
    Annotated[FusionLearner, Tag(FUSION)] | Annotated[ImageLearner, Tag(IMAGE)],
    Discriminator(_kind),
]


class Recipe(RootModel[AnyRecipe]):
    """A paper's recipe as it stands in parameters; `.root` is the recipe itself."""

    def for_learner(self, learner: "Learner") -> FusionRecipe | ImageRecipe:
        """The complete recipe of one learner.

        Raises:
            ValueError: the learner is of another kind than the recipe.
        """
        recipe, own = self.root, learner.root
        if isinstance(recipe, FusionRecipe) and isinstance(own, FusionLearner):
            return recipe.for_learner(own)
        if isinstance(recipe, ImageRecipe) and isinstance(own, ImageLearner):
            return recipe.for_learner(own)
        if isinstance(recipe, ImageRecipe) and "kind" not in own.model_fields_set:
            # Nothing in the block told its kind: what is common to all kinds is this recipe's.
            return recipe.for_learner(
                ImageLearner.model_validate(own.model_dump(exclude_unset=True))
            )
        raise ValueError(f"learner.kind: {own.kind} found, the recipe is of kind {recipe.kind}")


class Learner(RootModel[AnyLearner]):
    """What one learner has of its own, as it stands in parameters."""


def load_learner(folder: str | Path) -> "Ensemble":
    """A saved learner, the newest version if there are several (see `osteon.recipes.artefact`)."""
    from osteon.recipes.artefact import load_learner as load

    return load(Path(folder))
