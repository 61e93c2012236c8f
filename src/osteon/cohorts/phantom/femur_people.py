"""Who the patients of a femur phantom are: class, age and sex."""

from __future__ import annotations

import math

import numpy as np

from osteon.cohorts.phantom.femur import FemurPhantomConfig

AGE_MIN, AGE_MAX = 59, 87  # the paper's, mean 63.2, SD 6.8
# Clinic: (share, mean, SD) of the peaks of each class's ages, years.
PEAKS = {
    "benign": ((0.75, 17, 7), (0.25, 45, 14)),
    "intermediate": ((0.85, 31, 8), (0.15, 52, 10)),
    "malignant": ((0.5, 17, 5), (0.5, 62, 12)),
}
YOUNGEST, OLDEST = 6, 89


def label_of(config: FemurPhantomConfig, index: int) -> str:
    """Patient `index`'s class: the asked shares hold in every stretch of patients."""
    first, second = np.random.default_rng([config.seed, 5]).random(2)
    share = config.malignant_fraction
    before = math.floor(index * share + first)
    if math.floor((index + 1) * share + first) > before:
        return "malignant"
    if config.classes == 2:
        return "benign"
    rest = config.intermediate_fraction / (1 - share)
    place = index - before  # among those who are not malignant
    taken = math.floor((place + 1) * rest + second) > math.floor(place * rest + second)
    return "intermediate" if taken else "benign"


def draw_age(rng: np.random.Generator, config: FemurPhantomConfig, label: str) -> int:
    """Whole years. With `age_effect` 0 the label has no say."""
    own = rng.random() < config.age_effect
    if config.ages == "paper":
        # Most patients barely above 59 and a long tail: what mean 63.2 and SD 6.8 demand. The
        # paper gives no ages by class; an effect makes malignant tumours those of older patients.
        years = rng.gamma(0.38, 11.0, size=2)
        older = own and label == "malignant"
        return int(np.clip(AGE_MIN + (years.max() if older else years[0]), AGE_MIN, AGE_MAX))
    whose = label if own else "malignant" if rng.random() < config.malignant_fraction else "benign"
    shares = np.array([share for share, _, _ in PEAKS[whose]])
    _, mean, spread = PEAKS[whose][int(rng.choice(len(shares), p=shares))]
    return int(np.clip(rng.normal(mean, spread), YOUNGEST, OLDEST))


def draw_sex(rng: np.random.Generator) -> str:
    """F or M, whatever the class."""
    return "F" if rng.random() < 0.47 else "M"
