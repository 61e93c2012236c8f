"""A saved segmenter in use, without Kedro: slices in, maps and outlines on their own pixels out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from osteon.recipes.artefact import AT_ONCE, Ensemble
from osteon.recipes.new_image import Image, Laid, Spacing
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

    def outline(self, slices: Sequence[Image], spacing: Spacing | None = None) -> list[Outlined]:
        """Outline the target on slices of one series.

        Args:
            slices: files (DICOM, PNG, JPEG) or H × W pixels, in the order in which they lie in the
                patient: a network that looks at neighbours takes them from here.
            spacing: mm along rows and columns of the slices' pixels; needed as `prepare` says.

        Returns:
            one entry a slice, on the pixels that it was given. Nothing is outlined beyond the field
            of a learner that has one.

        Raises:
            ValueError: no slice, or one that cannot be prepared as those of the training were.
        """
        from osteon.measures.outlines import outlined

        if isinstance(slices, str | Path) or not len(slices):
            raise ValueError(f"slices: {slices!r:.40} found, a list of one slice or more allowed")
        laid = [self.laid(one, spacing=spacing) for one in slices]
        maps = self.maps(np.stack([one.pixels for one in laid]))
        how, found = self.recipe.postprocess, []
        for one, own in zip(laid, maps, strict=True):
            on_slice = self._on_slice(own, one)
            mask = outlined(on_slice, how.threshold, how.least_px, how.fill_holes)
            found.append(Outlined(on_slice, mask))
        return found

    def _on_slice(self, values: NDArray[np.float32], laid: Laid) -> NDArray[np.float32]:
        """A map on the pixels of the slice as it was given."""
        from osteon.measures.outlines import at_size, on_image

        wanted, one = self.preprocessing, laid.region
        crop = (one.x0, one.y0, one.x1, one.y1)
        kept = on_image(values, laid.kept, crop, wanted.size, wanted.resize, laid.field)
        return at_size(kept, *laid.given)

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
