"""A saved learner in use, without Kedro:

from osteon.recipes import load_learner
learner = load_learner("data/06_models/osteosarcoma_fusion/resnet18_all/model")
labs = {"alp": (310, 45, 125), "ldh": (290, 120, 250)}
print(learner.predict("knee.dcm", age=15, sex="F", **labs))

learner = load_learner("data/06_models/spinal_smsdnet/smsdnet/model")
print(learner.predict(["slice12.dcm", "slice13.dcm"]))  # the slices of one patient

learner = load_learner("data/06_models/spinal_penn/penn/model")
print(learner.outline(["slice12.dcm", "slice13.dcm"])[0].mask.sum())  # neighbours, in their order
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from osteon.learning.artefact import read_artefact, skipped_because
from osteon.learning.batches import normalise as normalise_image
from osteon.learning.batches import unit
from osteon.learning.checkpoint import load_weights
from osteon.recipes import Recipe
from osteon.recipes.base import LearnerRecipe
from osteon.recipes.clinical import ClinicalError
from osteon.recipes.clinical import normalise as normalise_clinical
from osteon.recipes.fusion import FusionRecipe
from osteon.recipes.new_image import Box, Image, Laid, Spacing, lay
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import SegmentationRecipe

Lab = tuple[float, float, float] | None
SEXES = ("F", "M", "unknown")
AT_ONCE = 16
"""Images that pass through the networks together."""


@dataclass(frozen=True)
class Ensemble:
    """The networks of all folds; a prediction is the mean of theirs.

    Attributes:
        recipe: of the learner.
        networks: one a fold, in evaluation mode.
        card: everything `model.json` says.
    """

    recipe: LearnerRecipe
    networks: tuple[nn.Module, ...]
    card: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; the last is the positive one."""
        return tuple(self.card["classes"])

    @property
    def preprocessing(self) -> PreprocessingConfig:
        """How the images of the training were prepared."""
        step = {k: v for k, v in self.card["preprocessing"].items() if k != "max_side"}
        return PreprocessingConfig.model_validate(step)

    @property
    def max_side(self) -> int | None:
        """Longer side that ingestion reduced images to before, px; None: it kept all."""
        most: int | None = self.card["preprocessing"].get("max_side")
        return most

    def prepare(
        self,
        image: Image,
        mask: NDArray[Any] | None = None,
        box: Box | None = None,
        spacing: Spacing | None = None,
    ) -> NDArray[np.uint8]:
        """The pixels as the networks were trained on.

        Args:
            image: a file (DICOM, PNG, JPEG), or pixels: H × W uint8 or uint16 display values,
                H × W int16 HU, or H × W × 3 uint8.
            mask: H × W, not 0 inside the lesion; where the learner crops, it wins over the box,
                and both win over a threshold.
            box: (x0, y0, x1, y1) of the lesion in pixels of the image.
            spacing: mm along rows and columns of the image's pixels; needed where the learner was
                trained on pixels of one size in mm (`preprocessing.field_mm`), else not looked at.

        Returns:
            size × size uint8, or size × size × 3. A learner that was given a slice with its
            neighbours is given the slice three times.

        Raises:
            ValueError: the image cannot be prepared so, for instance no HU for windows of a CT, the
                mask is not of its size, or the spacing is missing or none.
        """
        return self.laid(image, mask, box, spacing).pixels

    def laid(
        self,
        image: Image,
        mask: NDArray[Any] | None = None,
        box: Box | None = None,
        spacing: Spacing | None = None,
    ) -> Laid:
        """As `prepare`, with where the square lies on the image."""
        return lay(image, self.preprocessing, self.max_side, mask, box, spacing)

    def probabilities(self, pixels: NDArray[np.uint8], *further: Tensor) -> dict[str, float]:
        """Mean over the networks and over the images.

        Args:
            pixels: B × size × size (× 3), as `prepare` gives them.
            further: what the networks are called with beside the images, B rows each.
        """
        scale = normalise_image if self.recipe.normalisation == "imagenet" else unit
        objective = self.recipe.build_objective()
        found = []
        with torch.no_grad():
            for start in range(0, len(pixels), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                inputs = scale(torch.from_numpy(pixels[part])), *(one[part] for one in further)
                found += [
                    torch.stack([objective.probabilities(net(*inputs)) for net in self.networks])
                ]
        mean = torch.cat(found, dim=1).mean((0, 1)).tolist()
        return dict(zip(self.classes, mean, strict=True))


class ImageEnsemble(Ensemble):
    """Networks that see images and nothing else."""

    def predict(
        self,
        images: Image | Sequence[Image],
        *,
        masks: Sequence[NDArray[Any] | None] | None = None,
        boxes: Sequence[Box | None] | None = None,
        spacings: Sequence[Spacing | None] | None = None,
    ) -> dict[str, float]:
        """Probability of each class for one patient.

        A learner that was trained on crops around outlined lesions wants the same here: without a
        mask or box it finds a region by itself, or shows the networks the whole image, and warns.

        Args:
            images: one image, or the slices of one patient, whose probabilities are averaged.
            masks: of the lesion, one an image or None; see `prepare`.
            boxes: of the lesion, one an image or None.
            spacings: mm along rows and columns, one an image; needed as `prepare` says.

        Returns:
            class → probability in [0, 1]; they sum to 1.

        Raises:
            ValueError: no image, not as many masks, boxes or spacings as images, or as `prepare`.
        """
        several = [images] if isinstance(images, str | Path | np.ndarray) else list(images)
        drawn = [None] * len(several) if masks is None else list(masks)
        framed = [None] * len(several) if boxes is None else list(boxes)
        spaced = [None] * len(several) if spacings is None else list(spacings)
        if not several or {len(drawn), len(framed), len(spaced)} != {len(several)}:
            raise ValueError(
                f"images: {len(several)} found with {len(drawn)} masks, {len(framed)} boxes and "
                f"{len(spaced)} spacings; allowed are one image or more, and as many of the others"
            )
        parts = zip(several, drawn, framed, spaced, strict=True)
        return self.probabilities(np.stack([self.prepare(*part) for part in parts]))


class FusionEnsemble(Ensemble):
    """Networks that see an image and clinical values."""

    recipe: FusionRecipe

    def predict(
        self,
        image: Image,
        *,
        age: float | None = None,
        sex: str | None = None,
        alp: Lab = None,
        ldh: Lab = None,
        spacing: Spacing | None = None,
    ) -> dict[str, float]:
        """Probability of each class for one image of one patient.

        Args:
            image: as in `prepare`.
            age: years.
            sex: F, M or unknown; None counts as unknown.
            alp: (value, low, high) in U/L with the kit's own range; None = not measured.
            ldh: the same.
            spacing: as in `prepare`.

        Returns:
            class → probability in [0, 1]; they sum to 1. A value that the learner does not use is
            checked and ignored, a missing one is treated as in training.

        Raises:
            ClinicalError: a value out of bounds, a lab without its kit's range, an unknown word for
                the sex, or a missing value where training left such patients out
                (`clinical.missing: drop`).
        """
        clinical = self.encode(age=age, sex=sex, alp=alp, ldh=ldh)
        pixels = self.prepare(image, spacing=spacing)
        return self.probabilities(pixels[None], torch.from_numpy(clinical))

    def encode(
        self,
        age: float | None = None,
        sex: str | None = None,
        alp: Lab = None,
        ldh: Lab = None,
    ) -> NDArray[np.float32]:
        """Clinical vector 1 × d float32 by the normalisation of training; raises as `predict`."""
        if not pd.isna(sex) and sex not in SEXES:
            raise ClinicalError(f"sex: found {sex!r}; allowed are {', '.join(SEXES)} and None")
        row = {"sex": sex, "age": age, **_lab("alp", alp), **_lab("ldh", ldh)}
        table = normalise_clinical(pd.DataFrame([row]), self.recipe.clinical)
        absent = [name for name in self.recipe.inputs if table[f"{name}_missing"].item()]
        if absent and not self.recipe.usable(table).item():
            raise ClinicalError(
                f"{', '.join(absent)}: missing; this learner was trained on complete patients only "
                "(clinical.missing is drop)"
            )
        return table[list(self.recipe.clinical_columns)].to_numpy(np.float32)


def _lab(name: str, lab: Lab) -> dict[str, float | None]:
    columns = (name, f"{name}_low", f"{name}_high")
    values = (None, None, None) if lab is None else lab
    if not isinstance(values, tuple) or len(values) != 3:
        raise ClinicalError(f"{name}: found {lab}; wanted (value, {name}_low, {name}_high)")
    # In a cohort the adult range may stand in, where that was asked for and is counted. Here it
    # would go unseen.
    if not pd.isna(values[0]) and pd.isna(values[1]) and pd.isna(values[2]):
        raise ClinicalError(f"{name}: found {lab}; wanted {name}_low and {name}_high of the kit")
    return dict(zip(columns, values, strict=True))


@dataclass(frozen=True)
class SkippedLearner:
    """Stands for a learner that a run could not train on its cohort; `reason` says why."""

    reason: str


def hashes(card: Mapping[str, Any]) -> list[str]:
    """SHA-256 of each fold's weights, by a learner's card: what tells two trainings apart."""
    return [str(fold["sha256"]) for fold in card["folds"]]


def load_learner_or_reason(folder: Path) -> Ensemble | SkippedLearner:
    """As `load_learner`, but a skipped learner is an answer and no error."""
    if reason := skipped_because(folder):
        return SkippedLearner(reason)
    return load_learner(folder)


def load_learner(folder: Path) -> Ensemble:
    """Read a saved learner; nothing in it is executed, and every file is checked.

    Args:
        folder: the artefact, or the folder above its versions, of which the newest is read.

    Raises:
        FileNotFoundError: the folder or one of its files is missing, or the learner was skipped.
        ValueError: a file is damaged, altered, or does not fit the recipe.
    """
    card, files = read_artefact(folder)
    for key in ("recipe", "classes", "preprocessing"):
        if key not in card:
            raise ValueError(f"{files[0].parent / 'model.json'} has no {key!r}")
    recipe = Recipe.model_validate(card["recipe"]).root
    if not isinstance(recipe, LearnerRecipe):
        raise ValueError(f"{files[0].parent / 'model.json'}: {recipe.kind!r} is no single network")
    kind: type[Ensemble] = FusionEnsemble if isinstance(recipe, FusionRecipe) else ImageEnsemble
    if isinstance(recipe, SegmentationRecipe):
        from osteon.recipes.outliner import OutlineEnsemble

        kind = OutlineEnsemble
    networks = []
    for file in files:
        network = recipe.build_network(pretrained=False)
        load_weights(network, file)
        networks.append(network.eval())
    return kind(recipe, tuple(networks), card)
