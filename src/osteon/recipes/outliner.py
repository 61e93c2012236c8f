"""A saved segmenter in use, without Kedro: slices in, maps and outlines on their own pixels out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from osteon.recipes.artefact import AT_ONCE, Ensemble, Image
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import SegmentationRecipe


@dataclass(frozen=True)
class Outlined:
    """What a segmenter says of one slice.

    Attributes:
        probability: (H, W) float32 in 0..1 on the slice's own pixels, the mean over the folds.
        mask: (H, W) bool, called and cleaned as the recipe's `postprocess` says.
    """

    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]


class OutlineEnsemble(Ensemble):
    """Networks that outline."""

    recipe: SegmentationRecipe

    def outline(self, slices: Sequence[Image]) -> list[Outlined]:
        """Outline the target on slices of one series.

        Args:
            slices: files (DICOM, PNG, JPEG) or H × W pixels, in the order in which they lie in the
                patient: a network that looks at neighbours takes them from here.

        Returns:
            one entry a slice, on the pixels that it was given.

        Raises:
            ValueError: no slice, or one that cannot be prepared as those of the training were.
        """
        from osteon.imaging.decode import load_display
        from osteon.measures.outlines import laid_back, outlined

        if isinstance(slices, str | Path) or not len(slices):
            raise ValueError(f"slices: {slices!r:.40} found, a list of one slice or more allowed")
        given = [one if isinstance(one, np.ndarray) else load_display(Path(one)) for one in slices]
        maps = self.maps(np.stack([self.prepare(one) for one in given]))
        step = {k: v for k, v in self.card["preprocessing"].items() if k != "max_side"}
        wanted, how = PreprocessingConfig.model_validate(step), self.recipe.postprocess
        found = []
        for pixels, own in zip(given, maps, strict=True):
            height, width = pixels.shape[:2]
            on_slice = laid_back(own, height, width, wanted.size, wanted.resize)
            mask = outlined(on_slice, how.threshold, how.least_px, how.fill_holes)
            found.append(Outlined(on_slice, mask))
        return found

    def maps(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Mean maps of the folds on the networks' square.

        Args:
            pixels: N × size × size, as `prepare` gives them, in the order of the series.

        Returns:
            N × size × size float32 in 0..1, in the steps of 1/255 in which maps are judged.
        """
        objective: Any = self.recipe.build_objective()
        size, made = pixels.shape[1], []
        planes = torch.from_numpy(np.ascontiguousarray(self._beside(pixels))).float() / 255
        with torch.no_grad():
            for part in planes.split(AT_ONCE):
                said = [objective.probabilities(one(part)) for one in self.networks]
                flat = torch.stack([one[:, : size * size].float() / 255 for one in said])
                made.append(flat.mean(0).reshape(-1, size, size))
        return torch.cat(made).numpy()

    def _beside(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """N × C × size × size: the slice, or with the ones before and after."""
        if not self.recipe.with_neighbours:
            return pixels[:, None]
        at = np.arange(len(pixels))
        before, after = np.maximum(at - 1, 0), np.minimum(at + 1, len(pixels) - 1)
        return np.stack([pixels[before], pixels, pixels[after]], axis=1)
