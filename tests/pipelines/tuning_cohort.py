"""A tiny image row to be tuned: 18 patients of two images, the positive ones with a square."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import DIGEST_FILE
from osteon.pipelines.tuning.images import ImageTunable, image_tunable
from osteon.recipes import Learner, Recipe
from osteon.recipes.preprocessing import PreprocessingConfig
from osteon.recipes.tuning import TuningConfig

PATIENTS, VIEWS, SIDE, FOLDS = 18, 2, 32, 3
COHORT = CohortConfig(classes=("benign", "malignant"))
PREPROCESSING = PreprocessingConfig(size=SIDE)
TRAINING = {
    "epochs": 2, "batch": 8, "lr": 0.05, "milestones": [], "device": "cpu", "fold_workers": 1,
}  # fmt: skip
RECIPE = Recipe.model_validate(
    {"kind": "late_fusion", "width": 0.125, "hidden": 8, "training": TRAINING}
)
LEARNER = Learner.model_validate({"backbone": "resnet18", "inputs": []})
SPACE: dict[str, Any] = {
    "training.lr": {"low": 0.001, "high": 0.1, "log": True},
    "dropout": {"choices": [0.0, 0.25]},
}
NO_PAIRS = pd.DataFrame({"sample_a": [], "sample_b": [], "change": []}, dtype="str")


def tuning(**changes: Any) -> TuningConfig:
    """Three trials, nothing given up, no further seeds."""
    quick = {"trials": 3, "space": SPACE, "seeds": 1, "pruner": {"kind": "none"}, "heartbeat": 1}
    return TuningConfig.model_validate(quick | changes)


def samples() -> pd.DataFrame:
    """One row an image; patients 0, 2, ... are benign."""
    patient = np.repeat(np.arange(PATIENTS), VIEWS)
    count = len(patient)
    return pd.DataFrame(
        {
            "sample_id": [f"I{k:02d}" for k in range(count)],
            "patient_id": [f"P{k:02d}" for k in patient],
            "row": np.arange(count)[::-1],
            "label": (patient % 2).astype("int64"),
            "split": pd.Series([None] * count, dtype="str"),
            "content_hash": [f"{k:064x}" for k in range(count)],
            "parent": None,
        }
    )


def splits(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Three folds by patient; each holds both classes."""
    table = samples() if table is None else table
    fold = table["patient_id"].str[1:].astype("int64") // 2 % FOLDS
    return table[["sample_id", "patient_id"]].assign(fold=fold, split="cv")


def prepared(folder: Path, seed: int = 0) -> Path:
    """An image store: noise, and a bright square in the positive images."""
    store = folder / "prepared"
    store.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    table = samples()
    images = rng.integers(0, 120, (len(table), SIDE, SIDE), dtype=np.uint8)
    images[table.loc[table["label"] == 1, "row"], 8:24, 8:24] += 60
    np.save(store / "images.npy", images)
    (store / DIGEST_FILE).write_text("store")
    return store


def tunable(store: Path, table: pd.DataFrame, folds: pd.DataFrame, **changes: Any) -> ImageTunable:
    """The row on some samples and folds."""
    given = {"recipe": RECIPE, "learner": LEARNER} | changes
    return image_tunable(table, folds, store, COHORT, PREPROCESSING, **given)
