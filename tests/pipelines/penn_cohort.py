"""A made-up segmentation row: label maps in an archive, prepared masks, maps of learners.

Eight patients of two slices, 48 x 32 px at 1.2 x 0.8 mm, on squares of 32 px by letterbox. The
first slice of each patient shows a round target, the second nothing.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from osteon.cohorts.choosing import CROP
from osteon.cohorts.config import CohortConfig
from osteon.explaining.store import Maps, write_maps
from osteon.imaging.laying import Laying
from osteon.imaging.patches import patch_labels
from osteon.recipes import Recipe
from osteon.recipes.preprocessing import PreprocessingConfig

PATIENTS, ROWS, COLUMNS, SIZE = 8, 48, 32, 32
SPACING = (1.2, 0.8)
COHORT = CohortConfig(
    labelled_by="masks", classes=("other", "tumour"), mask_classes=("other", "tumour", "vertebra")
)
PREPROCESSING = PreprocessingConfig(size=SIZE, resize="letterbox")
NETWORK = {"name": "penn", "patch": 8, "stride": 4, "layers": 1, "nodes": 4}
RECIPE = Recipe.model_validate(
    {
        "kind": "segmentation",
        "network": NETWORK,
        "patches": {"stride": 4},
        "postprocess": {"least_px": 4},
    }
)
LEVELS = ("L5", "T2", "L3", "L3", None, "C5+C6", "T1", "lumbar")


class Labelled:
    """Reads as an archive: label maps and spacing, no pixels."""

    def __init__(self, masks: list[np.ndarray], spacing: tuple[float, float] | None = SPACING):
        self.masks = masks
        text = "" if spacing is None else json.dumps(list(spacing))
        self.index = pd.DataFrame({"pixel_spacing_mm": [text] * len(masks)})

    def mask(self, row: int) -> np.ndarray | None:
        return self.masks[row]


def disc(radius_mm: float, y: float, x: float) -> np.ndarray:
    """A label map with a round target (1) in a larger vertebra (2)."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    away = np.hypot((rows - y) * SPACING[0], (columns - x) * SPACING[1])
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[away <= radius_mm + 2] = 2
    mask[away <= radius_mm] = 1
    return mask


def label_maps() -> list[np.ndarray]:
    """Two slices a patient, the second without a target."""
    made = []
    for patient in range(PATIENTS):
        mask = disc(5.0 + patient, 20 + patient, 16)
        made += [mask, np.where(mask == 1, 2, mask).astype(np.uint8)]
    return made


def on_square(mask: np.ndarray) -> np.ndarray:
    """A label map on its square, nearest neighbour, bars 0."""
    laid = Laying.of(*mask.shape, SIZE, PREPROCESSING.resize)
    x0, y0, x1, y1 = laid.picture(*mask.shape)
    made = np.zeros((SIZE, SIZE), np.uint8)
    picture = Image.fromarray(mask).resize((x1 - x0, y1 - y0), Image.Resampling.NEAREST)
    made[y0:y1, x0:x1] = np.asarray(picture)
    return made


def samples() -> pd.DataFrame:
    """One row a slice; the store is in another order than the archive."""
    count = 2 * PATIENTS
    return pd.DataFrame(
        {
            "sample_id": [f"I{k:02d}" for k in range(count)],
            "patient_id": [f"P{k // 2:02d}" for k in range(count)],
            "row": np.arange(count)[::-1],
            "archive_row": np.arange(count),
            **dict(zip(CROP, (0, 0, COLUMNS, ROWS), strict=True)),
            "location": [LEVELS[k // 2] for k in range(count)],
            "parent": None,
        }
    )


def judged(learner: str) -> pd.DataFrame:
    """Every slice, in three folds by patient."""
    table = samples()[["sample_id", "patient_id"]]
    fold = table["patient_id"].str[1:].astype(int) % 3
    return table.assign(fold=fold, split="cv", learner=learner, paper="spinal_penn")


def prepared(folder: Path) -> Path:
    """A store with label maps."""
    folder.mkdir(parents=True, exist_ok=True)
    squares = np.stack([on_square(mask) for mask in label_maps()])
    np.save(folder / "masks.npy", squares[::-1])
    return folder


def maps(folder: Path, shift: int = 0, own_patches: bool = False) -> Maps:
    """Maps that are the truth on the square, moved to the right by some px; bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    squares = np.stack([on_square(mask) == 1 for mask in label_maps()])
    found = {"map": np.roll(squares, shift, axis=2).astype(np.uint8) * 255}
    if own_patches:
        labels = [patch_labels(one.astype(np.uint8), 8, 4, target=1) for one in squares]
        found["patches"] = np.stack(labels).astype(np.uint8).reshape(len(squares), -1) * 200
    write_maps(folder, samples()["sample_id"].tolist(), found)
    return Maps(folder)
