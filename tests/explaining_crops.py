"""A cohort of four CT slices of which the networks were given parts, each with one lesion."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from osteon.imaging.resize import resize
from osteon.imaging.spacing import field_of
from osteon.imaging.windows import display
from osteon.recipes.explainability import ExplainabilityConfig
from osteon.recipes.preprocessing import PreprocessingConfig

SIDE = 32
CROPS = [(0, 0, 60, 40), (40, 8, 60, 40), (0, 0, 20, 20), (4, 30, 60, 40)]
"""Of originals of 40 × 60 px: the whole, two at a border, a wide one."""
SETTINGS = PreprocessingConfig(size=SIDE, resize="letterbox")
IN_FIELD = PreprocessingConfig(size=SIDE, resize="letterbox", field_mm=60)
SPACINGS = [(1.0, 1.0), (1.2, 0.8), (0.8, 1.0), (1.0, 0.75)]
"""Of the archive's rows, mm; every crop goes into 60 mm."""
CONFIG = ExplainabilityConfig(
    steps=2, randomisations=0, checked_images=0, deletion_steps=2, cases=4, rounds=50
)
# Rows and columns of the lesions, 4 px a side: inside the crop of their sample, but for the third.
SPOTS = [(20, 30), (10, 50), (30, 50), (33, 10)]


class Originals:
    """Four HU images, dark but for one bright pixel block in each; masks and boxes as given."""

    def __init__(self, spots: list[tuple[int, int]]) -> None:
        self.spots = spots

    def pixels(self, row: int) -> np.ndarray:
        hu = np.full((40, 60), -1000, np.int16)
        y, x = self.spots[row]
        hu[y : y + 4, x : x + 4] = 2000
        return hu

    def mask(self, row: int) -> np.ndarray | None:
        return (self.pixels(row) > 0).astype(np.uint8) * 2

    def boxes(self, row: int) -> list:
        return []


class Spaced(Originals):
    """The same with a pixel spacing of its own each."""

    index = pd.DataFrame({"pixel_spacing_mm": [json.dumps(one) for one in SPACINGS]})


def make_samples() -> pd.DataFrame:
    """Their rows in the archive run against those in the store."""
    count = len(CROPS)
    crops = pd.DataFrame(CROPS, columns=["crop_x0", "crop_y0", "crop_x1", "crop_y1"])
    return crops.assign(
        sample_id=[f"S{at}" for at in range(count)],
        patient_id=[f"P{at}" for at in range(count)],
        label=[0, 1, 0, 1],
        row=range(count),
        archive_row=range(count)[::-1],
        crop_source=["whole", "mask", "otsu", "otsu"],
        **{"class": ["giant_cell_tumor", "osteosarcoma"] * 2},
    )


def make_predictions(samples: pd.DataFrame) -> pd.DataFrame:
    """Folds 3 and 5; the third is misjudged."""
    probability = np.array([0.2, 0.9, 0.6, 0.7])
    return samples[["sample_id", "patient_id", "label"]].assign(
        fold=[3, 5, 3, 5],
        learner="smsdnet",
        prob_giant_cell_tumor=1 - probability,
        prob_osteosarcoma=probability,
    )


def write_store(folder: Path, archive: Originals, samples: pd.DataFrame) -> Path:
    """The image store, as preprocessing lays crops on the square."""
    store = [
        resize(display(archive.pixels(row))[y0:y1, x0:x1], SIDE, "letterbox")
        for row, (x0, y0, x1, y1) in zip(samples["archive_row"], CROPS, strict=True)
    ]
    np.save(folder / "images.npy", np.stack(store))
    return folder


def write_field_store(folder: Path, archive: Spaced, samples: pd.DataFrame) -> Path:
    """The image store where a prepared pixel has the same size in every image."""
    store = []
    for row, (x0, y0, x1, y1) in zip(samples["archive_row"], CROPS, strict=True):
        field = field_of(SPACINGS[row], 60.0)
        shown = display(archive.pixels(row))[y0:y1, x0:x1]
        store.append(resize(shown, SIDE, "letterbox", field))
    np.save(folder / "images.npy", np.stack(store))
    return folder
