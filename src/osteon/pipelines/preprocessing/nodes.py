"""Steps of preprocessing."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon import imaging
from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import Build, source_hash
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig

FROM_IMAGE = ("sample_id", "patient_id", "sequence", "view", "scanner", "content_hash")


def prepare_images(archive: Any, images: pd.DataFrame, preprocessing: PreprocessingConfig) -> Build:
    """Resize every kept image once into a memory-mapped array.

    Args:
        archive: an `osteon.cohorts.archive.Archive`.
        images: its index, once the cohort is accepted.
        preprocessing: side length and how the aspect ratio is treated.

    Returns:
        the build of a folder with `images.npy`, uint8 (N, side, side), in the order of the
        archive's index. Rebuilt when a pixel of the archive or a parameter changed.
    """
    wanted = {
        "code": source_hash(imaging),
        "size": preprocessing.size,
        "resize": preprocessing.resize,
        "pixels": images["content_hash"].tolist(),
    }
    digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
    return Build(digest, partial(_write_images, archive=archive, preprocessing=preprocessing))


def _write_images(folder: Path, archive: Any, preprocessing: PreprocessingConfig) -> None:
    from joblib import Parallel, delayed

    from osteon.imaging.colour import to_grey
    from osteon.imaging.resize import resize

    side, count = preprocessing.size, len(archive.index)
    images = np.lib.format.open_memmap(
        folder / "images.npy", mode="w+", dtype=np.uint8, shape=(count, side, side)
    )

    def prepare(row: int) -> None:
        images[row] = resize(to_grey(archive.pixels(row)), side, preprocessing.resize)

    # Threads: Pillow lets go of the interpreter while it resamples, and nothing is copied between.
    Parallel(n_jobs=-1, prefer="threads")(delayed(prepare)(row) for row in range(count))
    images.flush()


def prepare_samples(
    images: pd.DataFrame,
    patients: pd.DataFrame,
    cohort: CohortConfig,
    recipe: Recipe,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row a sample: where its pixels are, its label, its normalised clinical values.

    Args:
        images: the archive's index, in the order of the image store.
        patients: one row a patient, values as the hospital gave them.
        cohort: the classes; the last is the positive one.
        recipe: says how clinical values are normalised and missing ones filled.

    Returns:
        the samples, and how often a clinical value is missing or lacks its kit's range, by class.
    """
    from osteon.recipes.clinical import normalise

    clinical = normalise(patients, recipe.root.clinical)
    frame = images.assign(
        scanner=(images["manufacturer"].fillna("") + " " + images["model"].fillna("")).str.strip()
    )
    samples = frame[list(FROM_IMAGE)].assign(row=np.arange(len(images)))
    samples = samples.merge(clinical, on="patient_id", how="left", validate="many_to_one")
    samples = samples.rename(columns={"label": "class"})
    # The store holds the archive's images and nothing made from them; augmentation happens in
    # training. Whoever adds derived images names their origin here, and the certificate checks it.
    samples["parent"] = pd.Series(None, index=samples.index, dtype="str")
    samples["label"] = samples["class"].map(cohort.classes.index).astype("int64")
    return samples, missingness(clinical)


def missingness(clinical: pd.DataFrame) -> dict[str, Any]:
    """How often a clinical value is absent, by class: absence itself can tell the class.

    Args:
        clinical: one row a patient, `label` and the flags `<value>_missing` and
            `<value>_fallback_range`.

    Returns:
        value → class → counts of patients, missing values and ranges taken from the fallback.
    """
    table: dict[str, Any] = {}
    for flag in map(str, clinical.columns):
        if not flag.endswith(("_missing", "_fallback_range")):
            continue
        value, _, what = flag.partition("_")
        for label, rows in clinical.groupby("label"):
            entry = table.setdefault(value, {}).setdefault(str(label), {"patients": len(rows)})
            entry[what] = int(rows[flag].sum())
    return table
