"""From maps to outlines on the archive's own pixels, and how large what is drawn there is."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon.cohorts.choosing import CROP, field_at
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.datasets.store import Build
from osteon.pipelines.spinal_penn.judging import NAMES, Gathered, Reading, corners, grid_of
from osteon.pipelines.spinal_penn.training import segmentation, values_of
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig

logger = logging.getLogger(__name__)

Outlined = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, Build]


def outline(
    maps: Any,
    judged: pd.DataFrame,
    samples: pd.DataFrame,
    archive: Any,
    prepared: Path,
    cohort: CohortConfig,
    preprocessing: PreprocessingConfig,
    recipe: Recipe,
) -> Outlined:
    """Outline the target on every judged slice and score each patient.

    Pixels are those of the archive: the map is laid back on them, called, and cleaned. Patches are
    those of the prepared slices, see `osteon.pipelines.spinal_penn.judging.Reading.patches`.

    Args:
        maps: of one learner, bytes, on the square that the network saw.
        judged: sample_id, patient_id, fold, split, learner, paper; one row a judged slice.
        samples: where each slice lies in store and archive, and which part of it was shown.
        archive: pixels, label maps and pixel spacing.
        prepared: folder of the image store with `masks.npy`.
        cohort: the classes of the label maps; the last class is the target.
        preprocessing: how slices were laid on their squares.
        recipe: of the row: post-processing, and the grid of patches.

    Returns:
        segmentations: one row a patient, `osteon.schemas.segmentations.schema` with
            `images_without_spacing` (1 mm a pixel is taken for these).
        patches: their counts, one row a patient; without a row where the row has no patches.
        slices: one row a judged slice with its pixel counts, Dice and IoU.
        thresholds: pixel counts by patient and threshold, before post-processing.
        the build of the outlines, read by `osteon.measures.outline_store.Outlines`.

    Raises:
        CohortError: a judged slice has no map, no label map, or is not among the samples.
    """
    from osteon.measures.outline_store import Packed
    from osteon.measures.segmentation import score
    from osteon.measures.thresholds_of_maps import ThresholdCounts

    full, table = segmentation(recipe), placed(judged, samples)
    masks = np.load(prepared / "masks.npy", mmap_mode="r", allow_pickle=False)
    target, grid = values_of(cohort)[0], grid_of(full)
    reading = Reading(maps, archive, masks, target, preprocessing, full.postprocess, grid)
    gathered = Gathered(Packed(), ThresholdCounts())
    scored = score(gathered.cases(reading, table), full.postprocess.tolerance_mm)
    slices = pd.DataFrame(gathered.slices)
    unspaced = (~slices["spacing_known"]).groupby(slices["patient_id"]).sum()
    if lost := int(unspaced.sum()):
        logger.warning("%d of %d slices without pixel spacing: 1 mm taken", lost, len(slices))
    counted = gathered.thresholds.table().assign(learner=table["learner"].iloc[0])
    return (
        scored.assign(images_without_spacing=scored["patient_id"].map(unspaced).astype("int64")),
        gathered.patch_table(table),
        slices,
        counted,
        Build(gathered.packed.digest, gathered.packed.write),
    )


def placed(judged: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Judged slices with their place in store and archive, in the order of the store.

    Raises:
        CohortError: no slice was judged, or one is not among the samples.
    """
    columns = ["sample_id", "row", "archive_row", *CROP]
    table = judged[NAMES].merge(samples[columns], on="sample_id", how="left")
    if table.empty:
        raise CohortError("judged: no slice found, at least one needed")
    if (lost := table["row"].isna()).any():
        raise CohortError(
            f"judged: {int(lost.sum())} slice(s) that are not among the samples (first: "
            f"{table.loc[lost, 'sample_id'].iloc[0]})"
        )
    whole = {name: "int64" for name in columns[1:]}
    return table.astype(whole).sort_values("row").reset_index(drop=True)


def measure_lesions(
    samples: pd.DataFrame, archive: Any, cohort: CohortConfig, preprocessing: PreprocessingConfig
) -> pd.DataFrame:
    """How large the target is in each patient, where it lies, and how fine the prepared slices are.

    Args:
        samples: one row a slice with a label map, with `location` of the patient.
        archive: label maps and pixel spacing.
        cohort: the classes of the label maps.
        preprocessing: how slices were laid on their squares.

    Returns:
        one row a patient: patient_id, images, with_target, largest_mm, band, location (as typed)
        and prepared_mm (median size of a prepared pixel along rows, NaN where unknown).
    """
    from osteon.imaging.laying import Laying
    from osteon.imaging.spacing import spacing_of
    from osteon.measures.lesion_sizes import largest

    known = archive.index["pixel_spacing_mm"].iloc[samples["archive_row"].to_numpy()]
    spacings = [spacing_of(text) for text in known]
    rows: list[Any] = list(samples.itertuples(index=False))
    sizes = largest(_drawn(rows, spacings, archive, values_of(cohort)[0]))
    fine = []
    for row, spacing in zip(rows, spacings, strict=True):
        x0, y0, x1, y1 = corners(row)
        field = field_at(archive, int(row.archive_row), preprocessing.field_mm)
        laid = Laying.of(y1 - y0, x1 - x0, preprocessing.size, preprocessing.resize, field)
        fine.append(spacing[0] / laid.scale[1] if spacing else float("nan"))
    people = samples["patient_id"].astype(str).tolist()
    median = pd.Series(fine, index=people).groupby(level=0).median()
    located = samples["location"].tolist() if "location" in samples else [None] * len(rows)
    location = dict(zip(people, located, strict=True))
    return sizes.assign(
        location=sizes["patient_id"].map(location), prepared_mm=sizes["patient_id"].map(median)
    )


def _drawn(
    rows: list[Any], spacings: list[Any], archive: Any, target: int
) -> Iterator[tuple[str, Any, Any]]:
    """Patient, drawn target and spacing of each slice, one label map in memory at a time."""
    for row, spacing in zip(rows, spacings, strict=True):
        mask = archive.mask(int(row.archive_row))
        if mask is None:
            raise CohortError(f"archive: {row.sample_id} is a sample and has no label map")
        yield str(row.patient_id), mask == target, spacing
