"""A saved learner in use, without Kedro:

from osteon.recipes import load_learner
learner = load_learner("data/06_models/osteosarcoma_fusion/resnet18_all/model")
labs = {"alp": (310, 45, 125), "ldh": (290, 120, 250)}
print(learner.predict("knee.dcm", age=15, sex="F", **labs))
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from osteon.learning.artefact import read_artefact, skipped_because
from osteon.learning.batches import normalise as normalise_image
from osteon.learning.checkpoint import load_weights
from osteon.recipes import Recipe
from osteon.recipes.clinical import ClinicalError
from osteon.recipes.clinical import normalise as normalise_clinical
from osteon.recipes.fusion import FusionRecipe

Lab = tuple[float, float, float] | None
SEXES = ("F", "M", "unknown")


@dataclass(frozen=True)
class Ensemble:
    """The networks of all folds; a prediction is the mean of theirs.

    Attributes:
        recipe: of the learner.
        networks: one a fold, in evaluation mode.
        card: everything `model.json` says.
    """

    recipe: FusionRecipe
    networks: tuple[nn.Module, ...]
    card: dict[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; the last is the positive one."""
        return tuple(self.card["classes"])

    def predict(
        self,
        image: str | Path | NDArray[Any],
        *,
        age: float | None = None,
        sex: str | None = None,
        alp: Lab = None,
        ldh: Lab = None,
    ) -> dict[str, float]:
        """Probability of each class for one image of one patient.

        Args:
            image: a file (DICOM, PNG, JPEG), or display values: H × W uint8 or uint16, or
                H × W × 3 uint8.
            age: years.
            sex: F, M or unknown; None counts as unknown.
            alp: (value, low, high) in U/L with the kit's own range; None = not measured.
            ldh: the same.

        Returns:
            class → probability in [0, 1]; they sum to 1. A value that the learner does not use is
            checked and ignored, a missing one is treated as in training.

        Raises:
            ClinicalError: a value out of bounds, a lab without its kit's range, an unknown word for
                the sex, or a missing value where training left such patients out
                (`clinical.missing: drop`).
        """
        pixels = self.prepare(image)
        clinical = self.encode(age=age, sex=sex, alp=alp, ldh=ldh)
        objective = self.recipe.build_objective()
        with torch.no_grad():
            inputs = normalise_image(torch.from_numpy(pixels)[None]), torch.from_numpy(clinical)
            found = [objective.probabilities(network(*inputs))[0] for network in self.networks]
        mean = torch.stack(found).mean(0).tolist()
        return dict(zip(self.classes, mean, strict=True))

    def prepare(self, image: str | Path | NDArray[Any]) -> NDArray[np.uint8]:
        """The pixels as the networks were trained on: size × size uint8 (× 3 for colour)."""
        from osteon.imaging.colour import to_grey
        from osteon.imaging.decode import load_display
        from osteon.imaging.resize import resize, shrink

        step = self.card["preprocessing"]
        pixels = image if isinstance(image, np.ndarray) else load_display(Path(image))
        pixels = shrink(pixels, step.get("max_side"))
        if step.get("channels", 1) == 1:
            pixels = to_grey(pixels)
        return np.ascontiguousarray(resize(pixels, step["size"], step["mode"]))

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
    networks = []
    for file in files:
        network = recipe.build_network(pretrained=False)
        load_weights(network, file)
        networks.append(network.eval())
    return Ensemble(recipe, tuple(networks), card)
