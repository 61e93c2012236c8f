"""One judged slice after the other: its map on its own pixels, its patches, what it counts for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from osteon.cohorts.choosing import CROP, field_at
from osteon.cohorts.errors import CohortError
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.segmenting import PostprocessConfig
from osteon.recipes.spinal_penn import SegmentationRecipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from osteon.explaining.store import Maps
    from osteon.imaging.laying import Field
    from osteon.measures.outline_store import Packed
    from osteon.measures.segmentation import Case
    from osteon.measures.thresholds_of_maps import ThresholdCounts

MAP, PATCHES = "map", "patches"
HIGHEST = 255
NAMES = ["sample_id", "patient_id", "fold", "split", "learner", "paper"]
PATCH_COLUMNS = ["learner", "patient_id", "fold", "tp", "fp", "fn", "tn"]


@dataclass(frozen=True)
class Grid:
    """Patches that all learners of a row are judged on: the main network's, at its own stride.

    Attributes:
        patch: side, px of the prepared slice; stride: from patch to patch.
        rule, fraction: which patches are the target, see `osteon.imaging.patches.patch_labels`.
    """

    patch: int
    stride: int
    rule: str
    fraction: float


def grid_of(recipe: SegmentationRecipe) -> Grid | None:
    """The grid of a row; None where its main network is not one on patches."""
    if recipe.patches is None:
        return None
    network: Any = recipe.network
    return Grid(network.patch, network.stride, recipe.patches.rule, recipe.patches.fraction)


@dataclass(frozen=True)
class Reading:
    """Reads one slice at a time: its map, what is drawn on it, its spacing, its patches."""

    maps: "Maps"
    archive: Any
    masks: "NDArray[np.uint8]"
    target: int
    preprocessing: PreprocessingConfig
    postprocess: PostprocessConfig
    grid: Grid | None

    def square(self, sample: str) -> "NDArray[np.uint8]":
        """The map as the learner left it, S × S bytes."""
        found = self.maps.get(MAP, sample)
        if found is None:
            raise CohortError(f"maps: {sample} was judged and has no map; train the learner again")
        return np.rint(found).astype(np.uint8)

    def reference(self, row: Any) -> "NDArray[np.bool_]":
        """What is drawn on a slice, H × W of the archive."""
        mask = self.archive.mask(int(row.archive_row))
        if mask is None:
            raise CohortError(f"archive: {row.sample_id} was judged and has no label map")
        return np.asarray(mask == self.target)

    def spacing(self, row: Any) -> tuple[float, float] | None:
        """Millimetres along rows and columns; None where nobody knows."""
        from osteon.imaging.spacing import spacing_of

        return spacing_of(self.archive.index["pixel_spacing_mm"].iloc[int(row.archive_row)])

    def field(self, row: Any) -> "Field | None":
        """Rows and columns of the archive's image that fill its square; None: its crop does."""
        return field_at(self.archive, int(row.archive_row), self.preprocessing.field_mm)

    def probability(self, row: Any, shape: tuple[int, int]) -> "NDArray[np.float32]":
        """The map on the pixels of the archive."""
        from osteon.measures.outlines import on_image

        made = self.preprocessing
        how = (corners(row), made.size, made.resize, self.field(row))
        return on_image(self.square(row.sample_id), shape, *how)

    def patches(self, row: Any, grid: Grid) -> "tuple[NDArray[np.bool_], NDArray[np.bool_]]":
        """What is drawn, and what is called, of the patches of a slice.

        A network on patches is asked what it says of each. Any other is taken at its word, by the
        rule that labels patches, on what it calls of the square. Patches count whose centre lies
        on the picture: the bars of a letterbox would be called rightly by anyone.

        Returns:
            (n,) and (n,) bool.

        Raises:
            CohortError: the network's own patches are not those of the grid.
        """
        from osteon.imaging.patches import patch_labels

        rule: dict[str, Any] = {"rule": grid.rule, "fraction": grid.fraction, "classes": 2}
        drawn = self.masks[int(row.row)]
        labels = patch_labels(drawn, grid.patch, grid.stride, target=self.target, **rule) == 1
        own = self.maps.get(PATCHES, row.sample_id) if PATCHES in self.maps.methods else None
        if own is None:
            mask = self._called(self.square(row.sample_id)).astype(np.uint8)
            called = patch_labels(mask, grid.patch, grid.stride, target=1, **rule) == 1
        else:
            called = self._called(own).ravel()
        if called.size != labels.size:
            raise CohortError(
                f"maps, patches: {called.size} a slice found; the row is judged on patches of "
                f"{grid.patch} px every {grid.stride} px, {labels.size} a slice"
            )
        counted = self._on_picture(row, grid)
        return labels.ravel()[counted], called.ravel()[counted]

    def _called(self, values: "NDArray[Any]") -> "NDArray[np.bool_]":
        found = np.asarray(values, np.float32) / np.float32(HIGHEST)
        return np.asarray(found >= self.postprocess.threshold)

    def _on_picture(self, row: Any, grid: Grid) -> "NDArray[np.bool_]":
        """Which patches have their centre on the picture, not on the bars of a letterbox."""
        from osteon.imaging.laying import Laying
        from osteon.imaging.patches import positions

        x0, y0, x1, y1 = corners(row)
        rows, columns, size = y1 - y0, x1 - x0, self.preprocessing.size
        laid = Laying.of(rows, columns, size, self.preprocessing.resize, self.field(row))
        left, top, right, bottom = laid.picture(rows, columns)
        centre = positions(size, size, grid.patch, grid.stride) + grid.patch / 2
        y, x = centre.T
        return np.asarray((y >= top) & (y <= bottom) & (x >= left) & (x <= right))


def corners(row: Any) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the part of a slice that was prepared."""
    x0, y0, x1, y1 = (int(getattr(row, name)) for name in CROP)
    return x0, y0, x1, y1


@dataclass
class Gathered:
    """What is kept of the slices while patients are scored: packed outlines and counts."""

    packed: "Packed"
    thresholds: "ThresholdCounts"
    slices: list[dict[str, Any]] = field(default_factory=list)
    patches: "dict[str, NDArray[np.int64]]" = field(default_factory=dict)

    def cases(self, reading: Reading, table: pd.DataFrame) -> "Iterator[Case]":
        """Each judged slice as a case of the evaluator, one in memory at a time."""
        from osteon.measures.outlines import outlined
        from osteon.measures.segmentation import Case

        how = reading.postprocess
        for row in table.itertuples(index=False):
            reference = reading.reference(row)
            probability = reading.probability(row, reference.shape)
            said = outlined(probability, how.threshold, how.least_px, how.fill_holes)
            spacing = reading.spacing(row)
            self.keep(row, probability, said, reference, spacing is not None)
            if reading.grid is not None:
                self.count_patches(str(row.patient_id), *reading.patches(row, reading.grid))
            names = {name: getattr(row, name) for name in NAMES[1:]}
            yield Case(**names, prediction=said, reference=reference, spacing=spacing or (1.0, 1.0))

    def keep(
        self,
        row: Any,
        probability: "NDArray[np.float32]",
        said: "NDArray[np.bool_]",
        reference: "NDArray[np.bool_]",
        spaced: bool,
    ) -> None:
        """Keep a slice's outline, counts and counts by threshold."""
        from osteon.measures.segmentation import count, overlap

        counts = count(said, reference)
        scores = overlap(*(np.array([counts[name]]) for name in ("tp", "fp", "fn")))
        names = {name: getattr(row, name) for name in NAMES}
        own = {name: float(scores[name][0]) for name in ("dice", "iou")}
        self.slices.append({**names, **counts, **own, "spacing_known": spaced})
        self.packed.add(str(row.sample_id), said)
        self.thresholds.add(str(row.patient_id), probability, reference)

    def count_patches(
        self, patient: str, labels: "NDArray[np.bool_]", called: "NDArray[np.bool_]"
    ) -> None:
        """Count the patches of one more slice."""
        cells = (labels & called, ~labels & called, labels & ~called, ~labels & ~called)
        counts = np.array([int(cell.sum()) for cell in cells], np.int64)
        self.patches[patient] = self.patches.get(patient, np.zeros(4, np.int64)) + counts

    def patch_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """The counts, one row a patient; none where there are no patches."""
        people = table.drop_duplicates("patient_id")
        rows = [
            (
                row.learner,
                row.patient_id,
                int(row.fold),
                *self.patches[str(row.patient_id)].tolist(),
            )
            for row in cast(Iterator[Any], people.itertuples(index=False))
            if str(row.patient_id) in self.patches
        ]
        found = pd.DataFrame(rows, columns=PATCH_COLUMNS)
        kinds = dict.fromkeys(PATCH_COLUMNS[2:], "int64") | dict.fromkeys(PATCH_COLUMNS[:2], "str")
        return found.astype(kinds)
