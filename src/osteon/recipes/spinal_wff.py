"""Recipe of the weighted fusion framework: a detector, a sequence model, an age table, weights.

Liu et al. 2022, Insights into Imaging 13:87. What all learners of the row share is one
`WFFRecipe`; the networks in it are learners like any other. Quick: three detectors on 128 px slices
take about two minutes on two cores. As published (800 px, ResNeXt-101, four folds): a GPU and days.
"""

import hashlib
from abc import abstractmethod
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from osteon.recipes.base import LearnerRecipe, Strict, TrainingConfig
from osteon.recipes.clinical import ClinicalConfig
from osteon.recipes.parts import refuse_typos
from osteon.recipes.spinal_wff_detector import DetectorNetworkConfig
from osteon.recipes.spinal_wff_sequence import SequenceNetworkConfig

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from osteon.learning.objectives import Objective

Term = Literal["detector", "sequence", "age"]
TERMS: tuple[Term, ...] = ("detector", "sequence", "age")
PUBLISHED = (0.45, 0.45, 0.1)
"""λ1, λ2, λ3 of the paper, for detector, sequence model and age."""


class _WFFNetwork(LearnerRecipe):
    """What the two networks of the framework have in common."""

    @model_validator(mode="after")
    def _training_fits(self) -> Self:
        for name in ("early_stop", "augmentation"):
            if getattr(self.training, name) is not None:
                raise ValueError(
                    f"training.{name} is given; the networks of this framework take none "
                    "(augmentation: the detector and the tubes have chances of their own)"
                )
        if self.training.balance == "offline":
            raise ValueError("training.balance is offline; allowed are none, class_weight, sampler")
        return self

    @property
    def required_columns(self) -> tuple[str, ...]:
        """None beside the images."""
        return ()

    @property
    @abstractmethod
    def weights_file(self) -> Path | None:
        """The local file of first values, if there is one."""

    @property
    def judges_training(self) -> bool:
        """No: what a network says of what it was fitted on goes into nothing."""
        return False

    def describe(self) -> dict[str, Any]:
        """All parameters as JSON values; of a weights file only the name, which is no secret."""
        described = super().describe()
        if self.weights_file is not None:
            described["network"]["weights"] = self.weights_file.name
        return described

    def fingerprint(self) -> str:
        """SHA-256 of everything that changes what is learned, a weights file's content included."""
        found, file = super().fingerprint(), self.weights_file
        if file is None or not file.is_file():
            return found  # a missing file is told of where the network is built
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        return hashlib.sha256(f"{found} {content}".encode()).hexdigest()

    def skip_reason(self, samples: "pd.DataFrame") -> str | None:
        """None: whether there are boxes is for the node that trains to say."""
        return None


class DetectorRecipe(_WFFNetwork):
    """The tri-class detector: background, first class, second class.

    Attributes:
        kind: names the recipe in files.
        network: see `DetectorNetworkConfig`.
        per_series: slices with a drawn lesion that training sees of a series, evenly spread over
            the lesion: neighbours show nearly the same. None = all.
        negatives: slices without a drawn lesion that training sees, as a share of those with one.
        hflip: probability of a mirror image in training.
    """

    kind: Literal["wff_detector"] = "wff_detector"
    network: DetectorNetworkConfig = DetectorNetworkConfig()
    per_series: int | None = Field(default=None, ge=1, le=1000)
    negatives: float = Field(default=0.1, ge=0, le=10)
    hflip: float = Field(default=0.5, ge=0, le=1)

    def fitted_to(self, classes: tuple[str, ...], size: int) -> Self:
        """The same.

        Raises:
            ValueError: not exactly two classes.
        """
        if len(classes) != 2:
            raise ValueError(f"classes: {list(classes)} found, the framework tells two apart")
        return self

    @model_validator(mode="after")
    def _losses_are_of_batches(self) -> Self:
        if self.training.balance == "class_weight":
            raise ValueError(
                "training.balance is class_weight; allowed are none, sampler: a detector's losses "
                "are those of a whole batch, of both classes and of background"
            )
        if self.training.freeze_backbone_epochs:
            raise ValueError(
                f"training.freeze_backbone_epochs is {self.training.freeze_backbone_epochs}; a "
                "detector's early stages stand still throughout: see network.frozen_stages"
            )
        return self

    @property
    def weights_file(self) -> Path | None:
        """The file that the trunk is filled from, if there is one."""
        return Path(self.network.weights) if self.network.weights else None

    def build_network(self, pretrained: bool = True) -> "nn.Module":
        """The detector, seeded by torch's current state."""
        return self.network.build(pretrained)

    def build_objective(self) -> "Objective":
        """The sum of the detector's own four losses."""
        from osteon.learning.objectives import DetectionObjective

        return DetectionObjective()


class SequenceRecipe(_WFFNetwork):
    """The classifier of a series' tube.

    Attributes:
        kind: names the recipe in files.
        network: see `SequenceNetworkConfig`.
        slices: of a tube, the paper's N (16, beside 4 and 8).
        side: of its squares, px.
        margin: around the box, as a share of its side.
        labelled_share: probability that a training tube is drawn from labelled slices alone.
        hflip: probability of a mirror image in training.
        shift: largest shift of the box in training, as a share of its side.
    """

    kind: Literal["wff_sequence"] = "wff_sequence"
    network: SequenceNetworkConfig = SequenceNetworkConfig()
    slices: int = Field(default=16, ge=1, le=256)
    side: int = Field(default=112, ge=16, le=1024)
    margin: float = Field(default=0.1, ge=0, le=2)
    labelled_share: float = Field(default=0.5, ge=0, le=1)
    hflip: float = Field(default=0.5, ge=0, le=1)
    shift: float = Field(default=0.1, ge=0, le=1)

    def for_learner(self, learner: "SequenceLearner") -> "SequenceRecipe":
        """This recipe with what one learner has of its own."""
        merged = self.model_dump()
        own = learner.model_dump(exclude_none=True, exclude={"kind", "training", "network"})
        merged |= own
        merged["training"] = merged["training"] | learner.training
        merged["network"] = merged["network"] | (learner.network or {})
        return SequenceRecipe.model_validate(merged)

    def fitted_to(self, classes: tuple[str, ...], size: int) -> Self:
        """The same.

        Raises:
            ValueError: not exactly two classes.
        """
        if len(classes) != 2:
            raise ValueError(f"classes: {list(classes)} found, the framework tells two apart")
        return self

    @property
    def weights_file(self) -> Path | None:
        """The file that all but the last layer is filled from, if there is one."""
        return None if self.network.weights == "none" else Path(self.network.weights)

    def build_network(self, pretrained: bool = True) -> "nn.Module":
        """The network, seeded by torch's current state; without `pretrained` no file is read."""
        network = self.network
        if not pretrained:
            network = network.model_copy(update={"weights": "none"})
        return network.build(self.slices, 2)

    def build_objective(self) -> "Objective":
        """Cross-entropy on two logits."""
        from osteon.learning.objectives import SoftmaxObjective

        return SoftmaxObjective()


class SequenceLearner(Strict):
    """What one sequence model has of its own; whatever is absent comes from the paper's recipe.

    Attributes:
        kind: names the recipe in files.
        slices: as in `SequenceRecipe`.
        labels: as in `LearnerRecipe`.
        network: single parameters of `SequenceNetworkConfig`.
        training: single parameters of `TrainingConfig`.
    """

    kind: Literal["wff_sequence"] = "wff_sequence"
    slices: int | None = Field(default=None, ge=1, le=256)
    labels: Literal["true", "permuted"] | None = None
    network: dict[str, Any] | None = None
    training: dict[str, Any] = Field(default_factory=dict)

    @field_validator("network")
    @classmethod
    def _known_network(cls, network: dict[str, Any] | None) -> dict[str, Any] | None:
        if network is not None:
            refuse_typos(SequenceNetworkConfig, network)
        return network

    @field_validator("training")
    @classmethod
    def _known(cls, training: dict[str, Any]) -> dict[str, Any]:
        refuse_typos(TrainingConfig, training)
        return training


class AgeConfig(Strict):
    """The age table.

    Attributes:
        bin_width: years.
        smoothing: `laplace` adds `pseudo_count` to both classes; `isotonic` lets the probability
            only rise with age; `logistic` fits a curve.
        pseudo_count: of the Laplace smoothing.
        least: bins with fewer patients merge with a neighbour.
        prior_shift: added to the logit; -0.975 turns the odds of the paper's training part
            (265 to 180) into those of its test part (50 to 90). 0 leaves the table as counted.
    """

    bin_width: int = Field(default=10, ge=1, le=50)
    smoothing: Literal["laplace", "isotonic", "logistic"] = "laplace"
    pseudo_count: float = Field(default=1.0, gt=0, le=1000)
    least: int = Field(default=5, ge=1, le=10_000)
    prior_shift: float = Field(default=0.0, ge=-10, le=10)


class VotingConfig(Strict):
    """Eq. 1 and the votes.

    Attributes:
        step: of the grid of λ that is searched exactly.
        no_box: what an image without a box does: `skip`, it has no vote; `uniform`, it says 0.5.
        aggregate: which boxes of an image speak for it: the surest one (`max`), the mean of all,
            or all as independent witnesses (`noisy_or`).
        score: least probability of a class that a box needs to be looked at.
        tube_without_box: what a series without any box is cut by: the patient's largest box on
            another series at the same relative place (`other_series`), or nothing.
    """

    # Of halves no λ has all three terms above 0.
    step: float = Field(default=0.05, gt=0, le=0.34)
    no_box: Literal["skip", "uniform"] = "skip"
    aggregate: Literal["max", "mean", "noisy_or"] = "max"
    score: float = Field(default=0.05, ge=0, lt=1)
    tube_without_box: Literal["other_series", "none"] = "other_series"

    @field_validator("step")
    @classmethod
    def _divides_one(cls, step: float) -> float:
        if abs(1 / step - round(1 / step)) > 1e-9:
            raise ValueError(f"step is {step}; allowed are parts of 1 such as 0.05, 0.1, 0.25")
        return step


class DiagnosisConfig(Strict):
    """How the time of a diagnosis is measured.

    Attributes:
        patients: of the test part that are timed, one by one; one more goes before them.
    """

    patients: int = Field(default=20, ge=1, le=10_000)


class WFFRecipe(Strict):
    """What the row shares.

    Attributes:
        kind: names the recipe in files.
        boxes: where the framework gets its boxes: `labelled`, a detector is trained on drawn ones;
            `artefact`, an earlier run's detector finds them; `whole`, there are none and the whole
            slice is the tube (the detector's term drops out). The report says which.
        artefact: folder of the earlier detector.
        detector: its recipe.
        sequence: the sequence model's recipe.
        age: the age table.
        voting: Eq. 1 and the votes.
        clinical: how age is normalised for the controls.
    """

    kind: Literal["weighted_fusion"] = "weighted_fusion"
    boxes: Literal["labelled", "artefact", "whole"] = "labelled"
    # repr=False: parameters are logged as text, and a folder's name can name a person.
    artefact: str | None = Field(default=None, repr=False)
    detector: DetectorRecipe = DetectorRecipe()
    sequence: SequenceRecipe = SequenceRecipe()
    age: AgeConfig = AgeConfig()
    voting: VotingConfig = VotingConfig()
    clinical: ClinicalConfig = ClinicalConfig()

    @model_validator(mode="after")
    def _artefact_is_there(self) -> Self:
        if (self.boxes == "artefact") != bool(self.artefact):
            raise ValueError(
                f"artefact is {'given' if self.artefact else 'not given'} with boxes {self.boxes}; "
                "it names the earlier detector where boxes is artefact, and nothing else"
            )
        return self

    @property
    def clinical_policy(self) -> ClinicalConfig:
        """How age and sex are normalised for the controls."""
        return self.clinical

    @property
    def clinical_values(self) -> tuple[str, ...]:
        """Age is an input; sex is in the cohort's table."""
        return ("gender", "age")


class FusionLearner(Strict):
    """One row of Table 3: which terms, which weights, which sequence model.

    Attributes:
        terms: of Eq. 1 that take part; the others weigh 0.
        weights: `chosen`, λ from out-of-fold predictions of the training part; `published`, the
            paper's 0.45, 0.45, 0.1; or three numbers.
        labels: `permuted` where the sequence model learnt shuffled labels.
    """

    kind: Literal["fusion"] = "fusion"
    terms: tuple[Term, ...] = Field(default=TERMS, min_length=1)
    weights: Literal["chosen", "published"] | tuple[float, float, float] = "chosen"
    labels: Literal["true", "permuted"] = "true"

    @field_validator("weights")
    @classmethod
    def _weigh(cls, weights: Any) -> Any:
        if not isinstance(weights, str) and not (min(weights) >= 0 and 0 < sum(weights) < inf):
            raise ValueError(f"weights are {list(weights)}; allowed are 0 or more, not all 0")
        return weights

    @model_validator(mode="after")
    def _a_term_weighs(self) -> Self:
        if not sum(self.lambdas(PUBLISHED)) > 0:
            raise ValueError(f"weights are {self.weights} with terms {list(self.terms)}: all 0")
        return self

    def lambdas(self, chosen: tuple[float, float, float]) -> tuple[float, float, float]:
        """λ1, λ2, λ3 of this row.

        Args:
            chosen: λ of the framework with all three terms.
        """
        given = chosen if self.weights == "chosen" else self.weights
        full = PUBLISHED if isinstance(given, str) else given
        first, second, third = (
            one if term in self.terms else 0.0 for one, term in zip(full, TERMS, strict=True)
        )
        return first, second, third
