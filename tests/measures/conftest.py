"""Made-up predictions, samples and splits, small and seeded."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


def _predictions(
    learners: dict[str, float] | None = None,
    patients: int = 60,
    seed: int = 0,
    folds: int = 5,
    decimals: int = 2,
) -> pd.DataFrame:
    """Learner → strength of its signal; 1 to 4 images a patient, rounded scores for ties."""
    generator = np.random.default_rng(seed)
    label = (np.arange(patients) % 2 == 0).astype(int)
    patient = np.repeat(np.arange(patients), generator.integers(1, 5, patients))
    shared = generator.normal(size=patients)
    tables = []
    for name, strength in (learners or {"resnet18_baseline": 1.0, "resnet18_all": 3.0}).items():
        own = strength * (label - 0.5) + shared + 0.3 * generator.normal(size=patients)
        logit = own[patient] + 0.3 * generator.normal(size=len(patient))
        positive = np.round(1 / (1 + np.exp(-logit)), decimals)
        tables.append(
            pd.DataFrame(
                {
                    "sample_id": [f"S{i:04d}" for i in range(len(patient))],
                    "patient_id": [f"P{p:04d}" for p in patient],
                    "paper": "osteosarcoma_fusion",
                    "learner": name,
                    "fold": (patient // 2) % folds,
                    "split": "cv",
                    "label": label[patient],
                    "prob_non_tumour": 1 - positive,
                    "prob_osteosarcoma": positive,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def make_predictions() -> Callable[..., pd.DataFrame]:
    return _predictions


@pytest.fixture
def predictions() -> pd.DataFrame:
    return _predictions()


@pytest.fixture
def cohort() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples and splits of 80 patients: age tells the class, some labs are missing."""
    generator = np.random.default_rng(1)
    patients = 80
    label = (np.arange(patients) % 2).astype(int)
    patient = np.repeat(np.arange(patients), generator.integers(1, 4, patients))
    facts = pd.DataFrame(
        {
            "patient_id": [f"P{p:03d}" for p in range(patients)],
            "label": label,
            "gender": generator.choice([0.5, -0.5], patients),
            "age_norm": np.where(label == 1, 0.15, 0.45) + 0.08 * generator.normal(size=patients),
            "alp_norm": label + generator.normal(size=patients),
            "ldh_norm": generator.normal(size=patients),
            "age_missing": False,
            "alp_missing": generator.random(patients) < 0.3,
            "ldh_missing": generator.random(patients) < 0.3,
        }
    )
    samples = facts.iloc[patient].reset_index(drop=True)
    samples.insert(0, "sample_id", [f"S{i:03d}" for i in range(len(samples))])
    splits = samples[["sample_id", "patient_id"]].assign(fold=(patient // 2) % 5, split="cv")
    return samples, splits


def _of_classes(
    classes: tuple[str, ...],
    learners: tuple[str, ...] = ("first", "second"),
    patients: int = 60,
    folds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Predictions of any number of classes, 1 to 4 images a patient; one fold is a hold-out."""
    generator = np.random.default_rng(seed)
    label = np.arange(patients) % len(classes)
    patient = np.repeat(np.arange(patients), generator.integers(1, 5, patients))
    tables = []
    for place, name in enumerate(learners):
        logit = (1.0 + place) * np.eye(len(classes))[label]
        logit = (logit + generator.normal(size=logit.shape))[patient]
        logit = logit + 0.3 * generator.normal(size=logit.shape)
        shares = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
        table = pd.DataFrame(
            {
                "sample_id": [f"S{i:04d}" for i in range(len(patient))],
                "patient_id": [f"P{p:04d}" for p in patient],
                "paper": "p",
                "learner": name,
                "fold": (patient // len(classes)) % folds,
                "split": "cv" if folds > 1 else "test",
                "label": label[patient],
            }
        )
        tables.append(table.assign(**{f"prob_{c}": shares[:, k] for k, c in enumerate(classes)}))
    return pd.concat(tables, ignore_index=True)


@pytest.fixture
def of_classes() -> Callable[..., pd.DataFrame]:
    return _of_classes


@pytest.fixture
def held_out() -> Callable[..., tuple[pd.DataFrame, pd.DataFrame]]:
    """Predictions of one hold-out and what the same learners say of their training part."""

    def make(classes: tuple[str, ...] = ("a", "b")) -> tuple[pd.DataFrame, pd.DataFrame]:
        whole = _of_classes(classes, patients=90, folds=3, seed=3)
        judged = whole["fold"] == 0
        names = [*("learner", "sample_id", "patient_id", "label"), *(f"prob_{c}" for c in classes)]
        training = whole.loc[~judged, names].assign(fold=0).reset_index(drop=True)
        return whole[judged].assign(split="test").reset_index(drop=True), training

    return make
