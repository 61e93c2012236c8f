"""Steps of preprocessing."""

import hashlib
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon import imaging
from osteon.cohorts.choosing import CROP
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.datasets.store import Build, source_hash
from osteon.pipelines.preprocessing.storing import (
    IMAGES,
    MASKS,
    further_content,
    target_shares,
    write_store,
)
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig

logger = logging.getLogger(__name__)

GIVEN = (
    *("size", "resize", "field_mm", "colour", "intensity", "percentiles", "background"),
    *("background_share", "smoothing", "planes", "masks"),
)
"""Parameters that a report says in words."""
PLANES = ("SAGITTAL", "CORONAL", "AXIAL")
FROM_IMAGE = (
    *("sample_id", "patient_id", "sequence", "view", "scanner", "content_hash"),
    *("series_id", "slice"),
    *("archive_row", *CROP, "crop_source"),
)


def choose_images(
    archive: Any,
    images: pd.DataFrame,
    preprocessing: PreprocessingConfig,
    cohort: CohortConfig,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Which kept frames become samples, and which part of each the networks see.

    Args:
        archive: an `osteon.cohorts.archive.Archive`.
        images: its index, once the cohort is accepted.
        preprocessing: slices, region, field and colour.
        cohort: where masks tell the classes, the last of them is the lesion.

    Returns:
        the chosen rows of the index with `archive_row`, `crop_x0` … `crop_y1` and `crop_source`;
        and counts for the report.

    Raises:
        CohortError: no frame at all is left; patients who lose all of theirs are counted.
    """
    from osteon.cohorts.choosing import choose_images as choose
    from osteon.imaging.prepare import refuse_reason

    kinds = zip(images["dtype"], images["channels"], strict=True)
    how = (preprocessing.colour, preprocessing.background)
    reasons = [refuse_reason(dtype, channels, *how) for dtype, channels in kinds]
    refused = {row: reason for row, reason in enumerate(reasons) if reason}
    refused |= _off_plane(images, preprocessing.planes)
    refused = _unscaled(images, preprocessing) | refused
    if preprocessing.masks:
        refused = _blank(archive, len(images)) | _maskless(archive, len(images)) | refused
    target = None
    if cohort.labelled_by == "masks":
        target = cohort.mask_classes.index(cohort.classes[-1])
    parts = (preprocessing.slices, preprocessing.region)
    chosen = choose(archive, images, *parts, refused, target, preprocessing.field_mm)
    lost = images["patient_id"].nunique() - chosen.table["patient_id"].nunique()
    if chosen.table.empty:
        raise CohortError(
            f"preprocessing: none of {len(images)} images can be prepared as asked for (colour "
            f"{preprocessing.colour}): {'; '.join(sorted(set(refused.values())))}"
        )
    colour = {"source": preprocessing.colour, "without_hue": None}
    return chosen.table, chosen.summary | {"colour": colour, "patients_left_out": lost}


def _off_plane(images: pd.DataFrame, planes: tuple[str, ...] | None) -> dict[int, str]:
    """Row → why it is left out, of the series that lie in another plane than asked."""
    views = images["view"].fillna("").str.upper().tolist()
    return {
        row: f"its plane is {view.lower()}; the row takes {' and '.join(planes).lower()}"
        for row, view in enumerate(views)
        if planes is not None and view in PLANES and view not in planes
    }


def _unscaled(images: pd.DataFrame, preprocessing: PreprocessingConfig) -> dict[int, str]:
    """Row → why it is left out, of the images that nobody knows the scale of, where it counts."""
    from osteon.imaging.spacing import refuse_spacing

    if preprocessing.field_mm is None:
        return {}
    asked = preprocessing.field_mm, preprocessing.size
    shapes = zip(images["rows"], images["columns"], strict=True)
    spacings = zip(images["pixel_spacing_mm"], shapes, strict=True)
    reasons = [refuse_spacing(text, shape, *asked) for text, shape in spacings]
    return {row: reason for row, reason in enumerate(reasons) if reason}


def _blank(archive: Any, count: int) -> dict[int, str]:
    """Row → why it is left out, of the slices that show nothing, as some volumes end in.

    Two of them have the same pixels whoever the patients are, which no search for copies can tell
    from a leak.
    """
    return {
        row: "it shows one grey only" for row in range(count) if np.ptp(archive.pixels(row)) == 0
    }


def _maskless(archive: Any, count: int) -> dict[int, str]:
    """Row → why it is left out, of the frames that nobody drew a label map for."""
    return {row: "it has no mask" for row in range(count) if archive.mask(row) is None}


def prepare_images(archive: Any, chosen: pd.DataFrame, preprocessing: PreprocessingConfig) -> Build:
    """Crop, window and resize every chosen image once into a memory-mapped array.

    Args:
        archive: an `osteon.cohorts.archive.Archive`.
        chosen: its rows that become samples.
        preprocessing: colours, side length and how the aspect ratio is treated.

    Returns:
        the build of a folder with `images.npy`, uint8 (N, side, side) or (N, side, side, 3), in
        the order of `chosen`, and, where `preprocessing.masks` asks for them, `masks.npy`, uint8
        (N, side, side) with the archive's label values. Rebuilt when a pixel of the archive, a
        stored label or a parameter changed.
    """
    wanted = {
        "code": source_hash(imaging),
        "preprocessing": preprocessing.model_dump(mode="json"),
        "pixels": chosen["content_hash"].tolist(),
        "crops": chosen[list(CROP)].to_numpy().tolist(),
        **further_content(archive, chosen, preprocessing),
    }
    digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
    write = partial(write_store, archive=archive, chosen=chosen, preprocessing=preprocessing)
    return Build(digest, write)


def describe_preparation(
    preparation: dict[str, Any], prepared: Path, preprocessing: PreprocessingConfig
) -> dict[str, Any]:
    """The counts of `choose_images`, and how many prepared pixels have no hue.

    Args:
        preparation: the counts.
        prepared: folder of the image store.
        preprocessing: the colours.

    Returns:
        the same with `given`, the parameters `GIVEN`, and `colour.without_hue`: the share of pixels
        whose red, green and blue are equal, in the first images of the store; None for grey ones.
    """
    from osteon.cohorts.choosing import HUE_SAMPLE
    from osteon.imaging.windows import share_without_hue

    given = preprocessing.model_dump(mode="json", include=set(GIVEN))
    preparation = preparation | {"given": given}
    if preprocessing.colour == "grey":
        return preparation
    store = np.load(prepared / IMAGES, mmap_mode="r", allow_pickle=False)
    share = share_without_hue(np.asarray(store[:HUE_SAMPLE]))
    if share == 1:
        logger.warning("no prepared pixel has a hue: colour spaces make no difference here")
    return preparation | {"colour": preparation["colour"] | {"without_hue": share}}


def prepare_samples(
    chosen: pd.DataFrame,
    patients: pd.DataFrame,
    cohort: CohortConfig,
    recipe: Recipe,
    prepared: Path,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row a sample: where its pixels are, its label, its normalised clinical values.

    Args:
        chosen: the archive's rows that become samples, in the order of the image store.
        patients: one row a patient, values as the hospital gave them.
        cohort: the classes; the last is the positive one.
        recipe: says how clinical values are normalised and missing ones filled.
        prepared: folder of the image store.

    Returns:
        the samples, where there are label maps with `target_share`, the target's share of the
        sample's pixels; and how often a clinical value is missing or lacks its kit's range.
    """
    from osteon.recipes.clinical import normalise

    clinical = normalise(patients, recipe.root.clinical_policy)
    frame = chosen.assign(
        scanner=(chosen["manufacturer"].fillna("") + " " + chosen["model"].fillna("")).str.strip()
    )
    samples = frame[list(FROM_IMAGE)].assign(row=np.arange(len(chosen)))
    samples = samples.merge(clinical, on="patient_id", how="left", validate="many_to_one")
    samples = samples.rename(columns={"label": "class"})
    # The store holds the archive's images and nothing made from them; augmentation happens in
    # training. Whoever adds derived images names their origin here, and the certificate checks it.
    samples["parent"] = pd.Series(None, index=samples.index, dtype="str")
    samples["label"] = samples["class"].map(cohort.classes.index).astype("int64")
    if cohort.labelled_by == "masks" and (prepared / MASKS).is_file():
        target = cohort.mask_classes.index(cohort.classes[-1])
        samples["target_share"] = target_shares(prepared, target)
    return samples, missingness(clinical, recipe.root.clinical_values)


def missingness(clinical: pd.DataFrame, values: tuple[str, ...]) -> dict[str, Any]:
    """How often a clinical value is absent, by class: absence itself can tell the class.

    Args:
        clinical: one row a patient, `label` and the flags `<value>_missing` and
            `<value>_fallback_range`.
        values: those that the paper speaks of.

    Returns:
        value → class → counts of patients, missing values and ranges taken from the fallback.
    """
    table: dict[str, Any] = {}
    for flag in map(str, clinical.columns):
        if not flag.endswith(("_missing", "_fallback_range")):
            continue
        value, _, what = flag.partition("_")
        if value not in values:
            continue
        for label, rows in clinical.groupby("label"):
            entry = table.setdefault(value, {}).setdefault(str(label), {"patients": len(rows)})
            entry[what] = int(rows[flag].sum())
    return table
