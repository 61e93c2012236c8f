"""Typed configuration of every learner; importing this package costs no torch.

A further paper adds its module and one member to each union:

    class Recipe(RootModel[Annotated[FusionRecipe | OtherRecipe, Field(discriminator="kind")]])
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import RootModel

from osteon.recipes.base import EarlyStop, LearnerRecipe, TrainingConfig
from osteon.recipes.clinical import ClinicalConfig
from osteon.recipes.fusion import FusionLearner, FusionRecipe

if TYPE_CHECKING:
    from osteon.recipes.artefact import Ensemble

__all__ = [
    "ClinicalConfig",
    "EarlyStop",
    "FusionLearner",
    "FusionRecipe",
    "Learner",
    "LearnerRecipe",
    "Recipe",
    "TrainingConfig",
    "load_learner",
]


class Recipe(RootModel[FusionRecipe]):
    """A paper's recipe as it stands in parameters; `.root` is the recipe itself."""

    def for_learner(self, learner: "Learner") -> LearnerRecipe:
        """The complete recipe of one learner."""
        return self.root.for_learner(learner.root)


class Learner(RootModel[FusionLearner]):
    """What one learner has of its own, as it stands in parameters."""


def load_learner(folder: str | Path) -> "Ensemble":
    """A saved learner, the newest version if there are several (see `osteon.recipes.artefact`)."""
    from osteon.recipes.artefact import load_learner as load

    return load(Path(folder))
