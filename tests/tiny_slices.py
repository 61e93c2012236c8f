"""A tiny store of slices with masks, and a recipe that outlines their bright squares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from osteon.learning.config import TrainingConfig
from osteon.learning.folds import divisions, fold_tasks
from osteon.learning.objectives import Objective
from osteon.learning.patches import PatchPlan
from osteon.learning.pretraining import Stage
from osteon.learning.segmentation import SliceCases
from osteon.learning.segmentation_objectives import PatchObjective, ReconstructionObjective
from osteon.learning.tasks import FoldTask
from osteon.networks.penn import Penn

PATIENTS, SLICES, SIDE, PATCH = 6, 4, 24, 8
TARGET, BONE = 1, 2
PLAN = PatchPlan(patch=PATCH, stride=4, fraction=0.5, share=0.6)


def make_slices(folder: Path, **changes: Any) -> SliceCases:
    """Bone on every slice; a lesion, brighter, on all of a patient's slices but the first."""
    rng = np.random.default_rng(0)
    count = PATIENTS * SLICES
    images = rng.integers(0, 60, (count, SIDE, SIDE), dtype=np.uint8)
    masks = np.zeros_like(images)
    masks[:, 2:22, 2:10] = BONE
    for row in range(count):
        if row % SLICES:
            y, x = rng.integers(0, 12, 2)
            masks[row, y : y + 12, x : x + 10] = TARGET
    images += np.array([0, 150, 60], np.uint8)[masks]
    # The store's order is not that of the table.
    rows = rng.permutation(count)
    np.save(folder / "images.npy", images)
    np.save(folder / "masks.npy", masks)
    given = {
        "images": folder / "images.npy",
        "masks": folder / "masks.npy",
        "rows": rows,
        "labels": (masks[rows] == TARGET).any((1, 2)).astype(np.int64),
        "patients": rows // SLICES,
        "samples": np.array([f"S{row:02d}" for row in rows]),
        "target": TARGET,
    }
    return SliceCases(**(given | changes))


@dataclass(frozen=True)
class Outliner:
    """What the fit loop asks of a recipe: a small PENN, pretrained in `stages` layers."""

    training: TrainingConfig = field(default_factory=lambda: quick())
    pretraining: TrainingConfig = field(default_factory=lambda: quick(epochs=2))
    layers: int = 2
    pretrained: bool = True
    beta: float = 1.0
    permutes_labels = False
    judges_training = False

    def resolved_training(self) -> TrainingConfig:
        return self.training

    def build_network(self, pretrained: bool = True) -> nn.Module:
        return Penn(PATCH, 4, layers=self.layers, nodes=6)

    def build_objective(self) -> Objective:
        return PatchObjective()

    def fingerprint(self) -> str:
        return repr(self)

    def stages(self, network: Any) -> list[Stage]:
        if not self.pretrained:
            return []
        objective = ReconstructionObjective(beta=self.beta)
        return [Stage(name, one, objective, self.pretraining) for name, one in network.stages()]


def quick(**changes: Any) -> TrainingConfig:
    plan: Mapping[str, Any] = {
        "epochs": 2, "batch": 64, "lr": 0.01, "device": "cpu", "fold_workers": 1, "milestones": [],
        "weight_decay": 0, "optimiser": "adam",
    }  # fmt: skip
    return TrainingConfig(**{**plan, **changes})


def outlining_tasks(folder: Path, recipe: Outliner, **changes: Any) -> list[FoldTask]:
    """Two folds, divided by patient."""
    cases = make_slices(folder, **{"patches": PLAN, **changes.pop("cases", {})})
    parts = divisions(cases.patients % 2, np.array(["cv"] * len(cases.rows)))
    hashes = {"data_hash": "data", "split_hash": "split", "work": folder / "work"}
    return fold_tasks(recipe, cases, parts, **(hashes | changes))
