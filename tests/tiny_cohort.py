"""A tiny cohort whose positive class carries a bright square, and a recipe that learns it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from osteon.learning.batches import ImageCases
from osteon.learning.folds import divisions, fold_tasks
from osteon.learning.tasks import FoldTask
from osteon.recipes import FusionRecipe

PATIENTS, VIEWS, SIDE = 16, 3, 32
QUICK: dict[str, Any] = {
    "epochs": 3, "batch": 8, "lr": 0.05, "device": "cpu", "fold_workers": 1, "milestones": [2],
}  # fmt: skip


def make_cases(folder: Path, clinical: int = 4) -> ImageCases:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(PATIENTS) % 2, VIEWS).astype(np.int64)
    images = rng.integers(0, 90, (len(labels), SIDE, SIDE), dtype=np.uint8)
    images[labels == 1, 8:24, 8:24] += 120
    np.save(folder / "images.npy", images)
    patients = np.repeat([f"P{number:02d}" for number in range(PATIENTS)], VIEWS)
    return ImageCases(
        images=folder / "images.npy",
        rows=np.arange(len(labels)),
        clinical=rng.normal(size=(len(labels), clinical)).astype(np.float32),
        labels=labels,
        patients=patients,
        samples=np.array([f"{patient}-{n % VIEWS:03d}" for n, patient in enumerate(patients)]),
    )


def make_recipe(**changes: Any) -> FusionRecipe:
    training = QUICK | changes.pop("training", {})
    return FusionRecipe(**({"width": 0.125, "hidden": 16} | changes), training=training)


def make_tasks(folder: Path, recipe: FusionRecipe, **changes: Any) -> list[FoldTask]:
    cases = make_cases(folder, len(recipe.clinical_columns))
    cases = replace(cases, **changes.pop("cases", {}))
    fold = np.repeat(np.arange(PATIENTS) // 2 % 2, VIEWS)
    parts = divisions(fold, np.array(["cv"] * len(fold)))
    hashes = {"data_hash": "data", "split_hash": "split", "work": folder / "work"}
    return fold_tasks(recipe, cases, parts, **(hashes | changes))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())
