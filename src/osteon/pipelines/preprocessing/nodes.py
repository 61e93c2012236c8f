"""Steps of preprocessing."""

import hashlib
import json
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon import imaging
from osteon.cohorts.choosing import CROP, neighbours
from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.datasets.store import Build, source_hash
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

PLANES = ("SAGITTAL", "CORONAL", "AXIAL")
FROM_IMAGE = (
    *("sample_id", "patient_id", "sequence", "view", "scanner", "content_hash"),
    *("series_id", "slice"),
    *("archive_row", *CROP, "crop_source"),
)


def choose_images(
    archive: Any, images: pd.DataFrame, preprocessing: PreprocessingConfig
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Which kept frames become samples, and which part of each the networks see.

    Args:
        archive: an `osteon.cohorts.archive.Archive`.
        images: its index, once the cohort is accepted.
        preprocessing: slices, region and colour.

    Returns:
        the chosen rows of the index with `archive_row`, `crop_x0` … `crop_y1` and `crop_source`;
        and counts for the report.

    Raises:
        CohortError: no frame at all is left; patients who lose all of theirs are counted.
    """
    from osteon.cohorts.choosing import choose_images as choose
    from osteon.imaging.prepare import refuse_reason

    kinds = zip(images["dtype"], images["channels"], strict=True)
    reasons = [refuse_reason(dtype, channels, preprocessing.colour) for dtype, channels in kinds]
    refused = {row: reason for row, reason in enumerate(reasons) if reason}
    refused |= _off_plane(images, preprocessing.planes)
    chosen = choose(archive, images, preprocessing.slices, preprocessing.region, refused)
    lost = images["patient_id"].nunique() - chosen.table["patient_id"].nunique()
    if chosen.table.empty:
        raise CohortError(
            f"preprocessing.colour is {preprocessing.colour}: none of {len(images)} images can be "
            f"prepared so ({'; '.join(sorted(set(refused.values())))})"
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


def prepare_images(archive: Any, chosen: pd.DataFrame, preprocessing: PreprocessingConfig) -> Build:
    """Crop, window and resize every chosen image once into a memory-mapped array.

    Args:
        archive: an `osteon.cohorts.archive.Archive`.
        chosen: its rows that become samples.
        preprocessing: colours, side length and how the aspect ratio is treated.

    Returns:
        the build of a folder with `images.npy`, uint8 (N, side, side) or (N, side, side, 3), in
        the order of `chosen`. Rebuilt when a pixel of the archive or a parameter changed.
    """
    wanted = {
        "code": source_hash(imaging),
        "preprocessing": preprocessing.model_dump(mode="json"),
        "pixels": chosen["content_hash"].tolist(),
        "crops": chosen[list(CROP)].to_numpy().tolist(),
        **_further(archive, chosen, preprocessing),
    }
    digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
    write = partial(_write_images, archive=archive, chosen=chosen, preprocessing=preprocessing)
    return Build(digest, write)


def _further(
    archive: Any, chosen: pd.DataFrame, preprocessing: PreprocessingConfig
) -> dict[str, Any]:
    """What else prepared pixels depend on: drawn lesions that blacken, slices that stand beside."""
    rows = chosen["archive_row"].to_numpy(np.int64)
    found: dict[str, Any] = {}
    if preprocessing.region.apply_mask:
        masks = (archive.mask(row) for row in rows.tolist())
        found["masks"] = [
            None if mask is None else hashlib.sha256(mask.tobytes()).hexdigest() for mask in masks
        ]
        found["boxes"] = [archive.boxes(row) for row in rows.tolist()]
    if preprocessing.colour == "adjacent":
        content = archive.index["content_hash"].tolist()
        beside = neighbours(archive.index, rows).tolist()
        found["beside"] = [[None if row < 0 else content[row] for row in two] for two in beside]
    return found


def _write_images(
    folder: Path, archive: Any, chosen: pd.DataFrame, preprocessing: PreprocessingConfig
) -> None:
    from joblib import Parallel, delayed

    side, count = preprocessing.size, len(chosen)
    colours = () if preprocessing.colour == "grey" else (3,)
    images = np.lib.format.open_memmap(
        folder / "images.npy", mode="w+", dtype=np.uint8, shape=(count, side, side, *colours)
    )
    preparing = _Preparing(archive, chosen, preprocessing)

    def prepare(row: int) -> None:
        images[row] = preparing.image(row)

    # Threads: Pillow lets go of the interpreter while it resamples, and nothing is copied between.
    Parallel(n_jobs=-1, prefer="threads")(delayed(prepare)(row) for row in range(count))
    images.flush()


class _Preparing:
    """One chosen image after the other, as the networks see them."""

    def __init__(
        self, archive: Any, chosen: pd.DataFrame, preprocessing: PreprocessingConfig
    ) -> None:
        self.archive, self.preprocessing = archive, preprocessing
        self.rows = chosen["archive_row"].to_numpy(np.int64)
        self.crops = chosen[list(CROP)].to_numpy(np.int64)
        self.sources = chosen["crop_source"].tolist()
        self.beside = np.full((len(chosen), 2), -1, np.int64)
        if preprocessing.colour == "adjacent":
            self.beside = neighbours(archive.index, self.rows)

    def image(self, at: int) -> "NDArray[np.uint8]":
        from osteon.imaging.prepare import prepare
        from osteon.imaging.region import Region

        wanted, row = self.preprocessing, int(self.rows[at])
        x0, y0, x1, y1 = self.crops[at].tolist()
        before, after = (None if r < 0 else self.archive.pixels(int(r)) for r in self.beside[at])
        return prepare(
            self.archive.pixels(row),
            region=Region(x0, y0, x1, y1, self.sources[at]),
            colour=wanted.colour,
            windows=wanted.windows,
            size=wanted.size,
            resize=wanted.resize,
            neighbours=(before, after),
            mask=self._mask(row),
            intensity=wanted.intensity,
        )

    def _mask(self, row: int) -> "NDArray[Any] | None":
        from osteon.imaging.region import find_mask

        if not self.preprocessing.region.apply_mask:
            return None
        pixels, mask = self.archive.pixels(row), self.archive.mask(row)
        return find_mask(pixels, self.preprocessing.region, mask, self.archive.boxes(row))


def describe_preparation(
    preparation: dict[str, Any], prepared: Path, preprocessing: PreprocessingConfig
) -> dict[str, Any]:
    """The counts of `choose_images`, and how many prepared pixels have no hue.

    Args:
        preparation: the counts.
        prepared: folder of the image store.
        preprocessing: the colours.

    Returns:
        the same with `colour.without_hue`: the share of pixels whose red, green and blue are equal,
        in the first images of the store; None for grey ones.
    """
    from osteon.cohorts.choosing import HUE_SAMPLE
    from osteon.imaging.windows import share_without_hue

    if preprocessing.colour == "grey":
        return preparation
    store = np.load(prepared / "images.npy", mmap_mode="r", allow_pickle=False)
    share = share_without_hue(np.asarray(store[:HUE_SAMPLE]))
    if share == 1:
        logger.warning("no prepared pixel has a hue: colour spaces make no difference here")
    return preparation | {"colour": preparation["colour"] | {"without_hue": share}}


def prepare_samples(
    chosen: pd.DataFrame,
    patients: pd.DataFrame,
    cohort: CohortConfig,
    recipe: Recipe,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row a sample: where its pixels are, its label, its normalised clinical values.

    Args:
        chosen: the archive's rows that become samples, in the order of the image store.
        patients: one row a patient, values as the hospital gave them.
        cohort: the classes; the last is the positive one.
        recipe: says how clinical values are normalised and missing ones filled.

    Returns:
        the samples, and how often a clinical value is missing or lacks its kit's range, by class.
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
