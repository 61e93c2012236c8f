"""A small cohort of the weighted fusion framework as tables: no pixel, no network."""

from typing import Any

import numpy as np
import pandas as pd

from osteon.cohorts.config import CohortConfig
from osteon.pipelines.spinal_wff import fusing
from osteon.recipes import Recipe

CLASSES = ("benign", "malignant")
PATIENTS, SERIES, SLICES, FOLDS = 36, 2, 3, 3
NO_PAIRS = pd.DataFrame({name: pd.Series(dtype="str") for name in ("sample_a", "sample_b")})
NO_PAIRS = NO_PAIRS.assign(change=pd.Series(dtype="str"))


def cohort() -> CohortConfig:
    return CohortConfig.model_validate({"classes": list(CLASSES)})


def recipe(**own: Any) -> Recipe:
    coarse = {"voting": {"step": 0.1}, "age": {"least": 1, "bin_width": 20}}
    return Recipe.model_validate({"kind": "weighted_fusion", **coarse, **own})


def samples() -> pd.DataFrame:
    """Two series of three slices a patient; every third patient is in the test part."""
    rows = np.random.default_rng(0)
    age = rows.integers(10, 85, PATIENTS).astype(float)
    age[5] = np.nan
    found = [
        {
            "sample_id": f"P{p:02d}-{s * SLICES + k:03d}",
            "patient_id": f"P{p:02d}",
            "label": p % 2,
            "class": CLASSES[p % 2],
            "age": age[p],
            "sex": "FM"[p // 2 % 2],
            "site": "spine",
            "series_id": f"S{p:02d}{s}",
            "sequence": ("T1WI", "T2WI")[s],
            "slice": k + 1,
            "archive_row": (p * SERIES + s) * SLICES + k,
            "content_hash": f"{p}-{s}-{k}",
        }
        for p in range(PATIENTS)
        for s in range(SERIES)
        for k in range(SLICES)
    ]
    return pd.DataFrame(found).assign(split=None)


def splits() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and test part; and the inner folds of the training part."""
    table = samples()[["sample_id", "patient_id"]]
    number = table["patient_id"].str[1:].astype(int)
    test = number % 3 == 1
    outer = table.assign(fold=np.where(test, 0, -1), split=np.where(test, "test", "train"))
    inner = table[~test].assign(fold=(number[~test] // 4) % FOLDS, split="cv")
    return outer.reset_index(drop=True), inner.reset_index(drop=True)


def placed() -> pd.DataFrame:
    """Patient, fold and split, one row a patient."""
    outer, inner = splits()
    both = pd.concat([outer[outer["split"] == "test"], inner])
    return both.drop_duplicates("patient_id").drop(columns="sample_id")


def detections() -> pd.DataFrame:
    """Up to two boxes a slice that know the class a little; one series has none at all."""
    rng, table = np.random.default_rng(1), samples()
    chosen = table.loc[np.repeat(table.index, rng.integers(0, 3, len(table)))]
    chosen = chosen[chosen["series_id"] != "S041"].reset_index(drop=True)
    share = np.clip(0.5 + 0.35 * (chosen["label"] - 0.5) + rng.normal(0, 0.25, len(chosen)), 0, 1)
    sure = rng.uniform(0.1, 1, len(chosen))
    start = rng.uniform(0, 20, (len(chosen), 2)).round(1)
    found = chosen[["sample_id", "patient_id"]].assign(
        prob_benign=sure * (1 - share),
        prob_malignant=sure * share,
        x0=start[:, 0],
        y0=start[:, 1],
        x1=start[:, 0] + 6,
        y1=start[:, 1] + rng.uniform(2, 9, len(chosen)).round(1),
        learner="detector",
        paper="spinal_wff",
    )
    found = found.assign(score=found[["prob_benign", "prob_malignant"]].max(axis=1))
    return found.merge(placed(), on="patient_id")


def sequence_scores() -> pd.DataFrame:
    """A probability for each series but one, which has no tube."""
    rng = np.random.default_rng(2)
    table = samples().drop_duplicates("series_id").rename(columns={"series_id": "sequence_id"})
    positive = np.clip(0.5 + 0.4 * (table["label"] - 0.5) + rng.normal(0, 0.25, len(table)), 0, 1)
    positive = positive.mask(table["sequence_id"] == "S071")
    found = table[["sequence_id", "patient_id", "sequence", "label"]].assign(
        prob_benign=1 - positive, prob_malignant=positive
    )
    return found.merge(placed(), on="patient_id")


def tables(**own: Any) -> dict[str, Any]:
    """Arguments that several nodes share."""
    outer, inner = splits()
    full = recipe(**own)
    ages, _ = fusing.score_ages(samples(), outer, inner, full)
    return {
        "samples": samples(),
        "detections": detections(),
        "sequence_scores": sequence_scores(),
        "age_scores": ages,
        "cohort": cohort(),
        "recipe": full,
    }


def seen(name: str) -> pd.DataFrame:
    """What a network's folds were fitted on, every slice of the patients that it may see."""
    table, where = samples(), placed()
    training = table.merge(where[where["split"] == "cv"][["patient_id", "fold"]], on="patient_id")
    columns = ["sample_id", "patient_id"]
    final = training[columns].assign(fold=0, split="test")
    inner = [
        training.loc[training["fold"] != fold, columns].assign(fold=fold, split="cv")
        for fold in range(FOLDS)
    ]
    return pd.concat([*inner, final], ignore_index=True).assign(learner=name)
