"""A prepared store of the segmentation row that segmenters of a second can be trained on.

Six patients of four slices, 24 px; the first slice of each shows no target. Store, table and place
in the series are in three different orders.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from osteon.explaining.store import Maps
from osteon.pipelines.spinal_penn.training import train_segmenter
from osteon.recipes import Recipe
from osteon.recipes.artefact import Ensemble, load_learner
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.spinal_penn import SegmentationLearner
from tests.pipelines.penn_cohort import COHORT
from tests.tiny_slices import PATIENTS, SIDE, SLICES, make_slices

PREPROCESSING = PreprocessingConfig(size=SIDE, resize="letterbox", masks=True)
QUICK = {
    "epochs": 2, "batch": 32, "lr": 0.01, "milestones": [], "optimiser": "adam", "device": "cpu",
    "fold_workers": 1, "weight_decay": 0.0,
}  # fmt: skip
RECIPE = Recipe.model_validate(
    {
        "kind": "segmentation",
        "network": {"name": "penn", "patch": 8, "stride": 4, "layers": 2, "nodes": 6},
        "patches": {"stride": 4, "fraction": 0.5},
        "pretraining": {"training": QUICK | {"epochs": 3}},
        "training": QUICK,
    }
)
UNET = {"network": {"name": "unet", "base": 4, "depth": 2}, "training": {"batch": 8}}
SAU_NET = {
    "network": {"name": "sau_net", "base": 4, "growth": 4, "depth": 2},
    "training": {"batch": 8},
}


def store(folder: Path) -> Path:
    """Images and label maps, with a digest."""
    folder.mkdir(parents=True)
    make_slices(folder)
    (folder / "digest.txt").write_text("store")
    return folder


def samples() -> pd.DataFrame:
    """One row a slice, by chance; within a series `slice` runs against the store's order."""
    rows = np.random.default_rng(3).permutation(PATIENTS * SLICES)
    return pd.DataFrame(
        {
            "sample_id": [f"I{row:02d}" for row in rows],
            "patient_id": [f"P{row // SLICES}" for row in rows],
            "series_id": [f"S{row // SLICES}" for row in rows],
            "slice": pd.array([SLICES - row % SLICES for row in rows], "Int64"),
            "row": rows,
        }
    )


def splits(folds: int = 2) -> pd.DataFrame:
    """Every slice, in folds by patient."""
    table = samples()[["sample_id", "patient_id"]].iloc[::-1]
    fold = table["patient_id"].str[1:].astype(int) % folds
    return table.assign(fold=fold, split="cv")


class Trained(NamedTuple):
    """What training one learner left."""

    maps: Maps
    judged: pd.DataFrame
    learner: Ensemble
    history: pd.DataFrame
    fitted: pd.DataFrame
    record: dict[str, Any]


def train(folder: Path, name: str = "penn", learner: Any = None, **changes: Any) -> Trained:
    """Train a learner and write what the catalog would.

    Args:
        folder: of the test; the store is made there once.
        name: of the learner; learner: its block.
        changes: of the arguments of `train_segmenter`.
    """
    prepared = folder / "store"
    if not prepared.is_dir():
        store(prepared)
    given = {
        "samples": samples(),
        "splits": splits(),
        "prepared": prepared,
        "workspace": folder / "models" / "spinal_penn" / name / "work",
        "cohort": COHORT,
        "preprocessing": PREPROCESSING,
        "recipe": RECIPE,
        "learner": SegmentationLearner.model_validate(learner or {}),
    }
    maps, judged, model, *tables = train_segmenter(**given | changes)
    built = []
    for kind, build in (("maps", maps), ("model", model)):
        place = folder / f"{kind}_{name}_{len(list(folder.iterdir()))}"
        place.mkdir()
        build.write(place)
        built.append(place)
    return Trained(Maps(built[0]), judged, load_learner(built[1]), *tables)
