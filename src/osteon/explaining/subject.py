"""What is explained, what is asked for, and what comes back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor, nn

from osteon.imaging.laying import Field

Inputs = tuple[Tensor, ...]
Index = NDArray[np.int64]


class Settings(Protocol):
    """What is asked of the configuration (`osteon.recipes.explainability` has the class)."""

    @property
    def methods(self) -> Sequence[str]:
        """grad_cam, integrated_gradients."""

    @property
    def steps(self) -> int:
        """Of integrated gradients."""

    @property
    def top_share(self) -> float:
        """Of the most salient pixels."""

    @property
    def randomisations(self) -> int:
        """Networks with shuffled weights for each fold."""

    @property
    def checked_images(self) -> int:
        """Images that the costly checks are computed on."""

    @property
    def deletion_steps(self) -> int:
        """Points of the curves."""

    @property
    def stored_side(self) -> int:
        """Largest side of a map that is kept."""

    @property
    def batch(self) -> int:
        """Images at once."""

    @property
    def seed(self) -> int:
        """Of everything drawn."""


@dataclass(frozen=True)
class Subject:
    """One learner and its cases.

    Attributes:
        learner: its name.
        networks: fold → the network that was trained without this fold.
        read: positions of cases → inputs of the network on its device; the first is the image.
        samples: one row a case in the order of the positions: sample_id, patient_id, label, fold.
        layer: name of the convolutional layer for Grad-CAM.
        target: the class that is explained, as a rule the positive one.
        features: names of the clinical values, d of them, in the order of the second input.
        baseline: (d,) where integrated gradients of the clinical values start.
        lesion: position of a case → its lesion on what the network was given of the original (the
            whole or a crop), H × W, not 0 inside; 0 throughout where all of it lies outside the
            crop; None where nothing is drawn.
        mode: how this was laid on the network's input: stretch or letterbox.
        extent: position of a case → rows and columns of the original that fill the network's input,
            where its pixels have the same size in every image; None where they have not.
    """

    learner: str
    networks: Mapping[int, nn.Module]
    read: Callable[[Index], Inputs]
    samples: pd.DataFrame
    layer: str
    target: int = 1
    features: Sequence[str] = ()
    baseline: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    lesion: Callable[[int], NDArray[Any] | None] = lambda position: None
    mode: str = "stretch"
    extent: Callable[[int], Field | None] = lambda position: None

    def __post_init__(self) -> None:
        absent = {"sample_id", "patient_id", "label", "fold"} - set(self.samples.columns)
        if absent:
            raise ValueError(f"samples: columns {sorted(absent)} are missing")
        unknown = set(self.samples["fold"].unique().tolist()) - set(self.networks)
        if unknown:
            raise ValueError(f"networks: none for fold {sorted(unknown)}, which samples name")
        if len(self.baseline) != len(self.features):
            raise ValueError(
                f"baseline has {len(self.baseline)} values; features has {len(self.features)}"
            )


@dataclass(frozen=True)
class Explained:
    """What was found about one learner.

    Attributes:
        scores: one row a case and method: sample_id, patient_id, learner, fold, method, label,
            target, probability (of the target), has_lesion (in what the network was given),
            lesion_outside (drawn, but all of it elsewhere), lesion_share (chance), pointing,
            energy, iou, deletion, insertion, deletion_random, insertion_random,
            randomised_correlation, randomised_pointing, randomised_energy (means over the shuffled
            networks), empty_map, cells (of the map before it is interpolated). NaN = not computed
            or not defined.
        attributions: one row a case and clinical value: sample_id, patient_id, learner, fold,
            feature, gradient, grad_x_input, integrated.
        maps: method → N × h × w float16 in the order of the samples, largest size 1 (see
            `compact`); what speaks against the target is below 0 in Grad-CAM, and scored as 0.
    """

    scores: pd.DataFrame
    attributions: pd.DataFrame
    maps: dict[str, NDArray[np.float16]]
