"""What every recipe has: labels and training; imports no torch."""

import hashlib
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from osteon.learning.config import EarlyStop, TrainingConfig
from osteon.recipes.clinical import ClinicalConfig

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from osteon.learning.objectives import Objective

__all__ = ["EarlyStop", "LearnerRecipe", "Strict", "TrainingConfig"]


class Strict(BaseModel):
    """Parameters that cannot be changed and refuse unknown keys, so that a typo stops the run."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LearnerRecipe(Strict, ABC):
    """How one learner is built and trained; each paper subclasses it.

    Attributes:
        labels: `permuted` shuffles them between the patients of the cohort, as a control whose
            AUROC must be about 0.5.
        training: parameters of the one fit loop.
    """

    labels: Literal["true", "permuted"] = "true"
    training: TrainingConfig = TrainingConfig()

    @abstractmethod
    def build_network(self, pretrained: bool = True) -> "nn.Module":
        """A new network; `pretrained=False` leaves the pretrained parts for other weights."""

    @abstractmethod
    def build_objective(self) -> "Objective":
        """The loss, and how the network's output is read as probabilities."""

    @abstractmethod
    def skip_reason(self, samples: "pd.DataFrame") -> str | None:
        """Why this learner cannot be trained on these samples, or None if it can."""

    @property
    @abstractmethod
    def required_columns(self) -> tuple[str, ...]:
        """Columns of the patient table without which the learner has no input."""

    @abstractmethod
    def fitted_to(self, classes: tuple[str, ...], size: int) -> Self:
        """This recipe for a cohort's classes and for images of `size` px a side.

        Raises:
            ValueError: the learner cannot tell that many classes apart.
        """

    @property
    def clinical_columns(self) -> tuple[str, ...] | None:
        """Columns of the samples table that go in beside the image; None for the image alone."""
        return None

    @property
    def clinical_policy(self) -> ClinicalConfig:
        """How clinical values are normalised for whatever reads them: a network, a control."""
        return ClinicalConfig()

    @property
    def clinical_values(self) -> tuple[str, ...]:
        """Clinical values that the paper's tables speak of, out of gender, age, alp and ldh."""
        return ("gender", "age")

    @property
    def normalisation(self) -> Literal["imagenet", "unit"]:
        """How images are scaled on their way into the network."""
        return "unit"

    def usable(self, samples: "pd.DataFrame") -> "pd.Series":
        """True for the samples that this learner may use: all, unless a paper says otherwise."""
        return samples.index.to_series().notna()

    def resolved_training(self) -> TrainingConfig:
        """`training` with every automatic value filled in."""
        return self.training

    @property
    def permutes_labels(self) -> bool:
        """Whether labels are shuffled between patients."""
        return self.labels == "permuted"

    @property
    def judges_training(self) -> bool:
        """Whether the final network is also asked about what it was fitted on."""
        return True

    def describe(self) -> dict[str, Any]:
        """All parameters as JSON values; `type(self).model_validate` reads them back."""
        return self.model_dump(mode="json")

    def fingerprint(self) -> str:
        """SHA-256 of everything that changes what is learned; not of where it runs."""
        described = self.describe() | {"training": self.resolved_training().learned_from()}
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
