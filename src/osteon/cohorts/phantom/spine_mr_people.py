"""Who the phantom patients are: part of the cohort, class, age, and what three doctors call them.

The doctors' calls hold nothing of the images: each is right with the probability that the paper
prints for this doctor (Table 4), and the same patients tend to be hard for all three and with and
without age. They show how a comparison with readers works, never how well anybody reads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from osteon.cohorts.phantom.common import generator, pick
from osteon.cohorts.phantom.spine_mr import CLASSES, SpineMrPhantomConfig
from osteon.cohorts.phantom.spine_mr_lesions import BENIGN, KINDS, draw_kind

YOUNGEST, OLDEST = 4, 82  # years, as in the paper
OLDEST_BENIGN = 79
MEN = 326 / 585
READER_COLUMNS = (
    "reader",
    "role",
    "experience_years",
    "patient_id",
    "call",
    "with_age",
    "seconds",
)


@dataclass(frozen=True)
class Doctor:
    """One doctor of Table 4; counts of right calls among 50 malignant and 90 benign, seconds."""

    name: str
    role: str
    years: int
    without_age: tuple[int, int, float]
    with_age: tuple[int, int, float]


DOCTORS = (
    Doctor("D1", "radiologist", 18, (33, 72, 35.44), (35, 61, 41.75)),
    Doctor("D2", "spine surgeon", 24, (29, 64, 51.68), (36, 67, 27.26)),
    Doctor("D3", "spine surgeon", 8, (46, 40, 47.62), (44, 45, 37.41)),
)


def _counted(share: float, phase: float, place: int) -> tuple[bool, int]:
    """(whether `place` is one of this share, how many before it are)."""
    before = math.floor(place * share + phase)
    return math.floor((place + 1) * share + phase) > before, before


def part_and_label(config: SpineMrPhantomConfig, index: int) -> tuple[str, str]:
    """(train or test, class) of a patient.

    Parts, and classes within a part, come in the asked proportion in every stretch of patients.
    """
    first, second, third = np.random.default_rng([config.seed, 11]).random(3)
    tested, before = _counted(config.test_share, float(first), index)
    place, share = index - before, config.train_malignant
    phase = float(second)
    if tested:
        place, share, phase = before, config.test_malignant, float(third)
    malignant, _ = _counted(share, phase, place)
    return ("test" if tested else "train"), CLASSES[malignant]


def draw_subtype(config: SpineMrPhantomConfig, index: int, part: str, label: str) -> str:
    """The patient's histology; primary tumours alone where the test part asks for them."""
    metastases = part == "train" or not config.primary_test
    return draw_kind(generator(config.seed, index, 1), label, metastases)


def draw_age(config: SpineMrPhantomConfig, index: int, kind: str) -> int:
    """Whole years, by histology; with `age_effect` 0 by that of a patient drawn at random."""
    rng = generator(config.seed, index, 2)
    other = CLASSES[rng.random() < config.malignant_fraction]
    anyone = draw_kind(rng, other, metastases=True)
    whose = kind if rng.random() < config.age_effect else anyone
    mean, spread = KINDS[whose].age
    oldest = OLDEST_BENIGN if whose in BENIGN else OLDEST
    tries = rng.normal(mean, spread, size=20)
    fitting = tries[(tries >= YOUNGEST) & (tries <= oldest)]
    return int(fitting[0]) if len(fitting) else int(np.clip(mean, YOUNGEST, oldest))


def draw_sex(rng: np.random.Generator) -> str:
    """F or M, whatever the class."""
    return pick(rng, {"M": MEN, "F": 1 - MEN})


def reader_rows(
    config: SpineMrPhantomConfig, index: int, patient_id: str, label: str
) -> list[dict[str, Any]]:
    """What the three doctors call one patient, each without and with age: rows of readers.csv."""
    rng = generator(config.seed, index, 9)
    hard = rng.normal()
    malignant = label == CLASSES[1]
    rows = []
    for doctor in DOCTORS:
        own = rng.normal()
        for word, (found, cleared, seconds) in (
            ("no", doctor.without_age),
            ("yes", doctor.with_age),
        ):
            # Unit variance: what all share, what the doctor sees in this patient, and the day.
            ease = math.sqrt(0.25) * hard + math.sqrt(0.45) * own + math.sqrt(0.3) * rng.normal()
            right = ease < ndtri(found / 50 if malignant else cleared / 90)
            call = label if right else CLASSES[1 - CLASSES.index(label)]
            taken = seconds * float(rng.gamma(4.0, 0.25))
            rows.append(
                {
                    "reader": doctor.name,
                    "role": doctor.role,
                    "experience_years": doctor.years,
                    "patient_id": patient_id,
                    "call": call,
                    "with_age": word,
                    "seconds": f"{max(taken, 2.0):.1f}",
                }
            )
    return rows
