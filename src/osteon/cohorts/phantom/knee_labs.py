"""Who the patients are and what their blood says: age, sex, ALP and LDH with the kit's range.

Ages and sexes: osteosarcoma peaks at 10-14 years in girls and 15-19 in boys and again after 65,
1.3 boys to a girl (the paper's "Integration of basic information"). ALP is high wherever bone is
made, so healthy adolescents exceed adult limits; LDH rises less and with other diseases as well
("Numerical results"). The ranges are rounded from common adult and paediatric tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AGE_MIN, AGE_MAX = 4, 81

# Upper and lower reference limit of ALP, U/L, by age in years (up to and including), F and M.
ALP_RANGES: tuple[tuple[int, tuple[float, float], tuple[float, float]], ...] = (
    (9, (142, 335), (142, 335)),
    (12, (129, 417), (129, 417)),
    (14, (57, 254), (116, 468)),
    (16, (50, 140), (82, 331)),
    (18, (45, 110), (55, 180)),
    (49, (35, 100), (45, 125)),
    (AGE_MAX, (50, 135), (45, 125)),
)
LDH_RANGES: tuple[tuple[int, tuple[float, float]], ...] = (
    (9, (180, 340)),
    (15, (150, 285)),
    (AGE_MAX, (120, 250)),
)


@dataclass(frozen=True)
class Kit:
    """A maker's assay: its scale against ours, and whether it prints ranges for the young."""

    alp_scale: float
    ldh_scale: float
    paediatric: bool


KITS = (
    Kit(1.0, 1.0, True),
    Kit(1.18, 0.9, True),
    Kit(0.88, 1.0, True),
    Kit(1.0, 1.12, False),
)


@dataclass(frozen=True)
class Person:
    """One row's clinical facts. Labs in U/L; None where the test was never done."""

    label: str
    age: int
    sex: str
    site: str
    subtype: str
    centre: str
    contrast: float
    alp: float | None
    alp_low: float | None
    alp_high: float | None
    ldh: float | None
    ldh_low: float | None
    ldh_high: float | None


def draw_sex(rng: np.random.Generator, tumour: bool) -> str:
    """F or M: 1.3 males to a female with osteosarcoma, 1.1 with an injury."""
    males = 1.3 / 2.3 if tumour else 1.1 / 2.1
    return "M" if rng.random() < males else "F"


def draw_age(rng: np.random.Generator, tumour: bool, sex: str) -> int:
    """Whole years, 4..81: the growth spurt and old age for tumours, 15-60 for injuries."""
    group, middle, tail = rng.random(), rng.normal(), rng.random()
    if tumour and group < 0.74:
        years = (12.5 if sex == "F" else 16.0) + (2.8 if sex == "F" else 3.2) * middle
    elif tumour and group < 0.91:
        years = 18 + 42 * tail**1.6
    elif tumour:
        years = 66 + 14 * tail
    elif group < 0.20:
        years = 17.5 + 4.5 * middle
    else:
        years = 41 + 13 * middle
    return int(np.clip(np.rint(years), AGE_MIN, AGE_MAX))


def alp_range(age: float, sex: str) -> tuple[float, float]:
    """Reference limits of ALP, U/L, of a healthy person of this age and sex."""
    for oldest, women, men in ALP_RANGES:
        if age <= oldest:
            return women if sex == "F" else men
    return ALP_RANGES[-1][1] if sex == "F" else ALP_RANGES[-1][2]


def ldh_range(age: float) -> tuple[float, float]:
    """Reference limits of LDH, U/L, of a healthy person of this age."""
    for oldest, limits in LDH_RANGES:
        if age <= oldest:
            return limits
    return LDH_RANGES[-1][1]


def healthy(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A healthy value: log-normal, 95 % between the limits."""
    low, high = np.log(limits)
    return float(np.exp((low + high) / 2 + (high - low) / 4 * rng.normal()))


def draw_labs(
    rng: np.random.Generator, tumour: bool, age: int, sex: str, burden: float, effect: float
) -> dict[str, float]:
    """ALP and LDH of one patient with the kit's printed limits, U/L.

    `burden` (0..1) is how much tumour there is, `effect` scales what the tumour adds. Some injured
    patients have a raised value for another reason: a healing fracture, a liver, a haemolysed tube.
    """
    kit = KITS[int(rng.integers(len(KITS)))]
    alp, ldh = healthy(rng, alp_range(age, sex)), healthy(rng, ldh_range(age))
    surge, leak, other = rng.normal(), rng.normal(), rng.random(2)
    if tumour:
        alp *= np.exp(effect * max(0.0, 0.72 + 0.30 * burden + 0.42 * surge))
        ldh *= np.exp(effect * max(0.0, 0.14 + 0.16 * burden + 0.26 * leak))
    else:
        alp *= np.exp(abs(surge) * 0.45) if other[0] < 0.08 else 1.0
        ldh *= np.exp(abs(leak) * 0.45) if other[1] < 0.15 else 1.0
    printed = age if kit.paediatric else max(age, 19)
    alp_low, alp_high = alp_range(printed, sex)
    ldh_low, ldh_high = ldh_range(printed)
    return {
        "alp": round(alp * kit.alp_scale),
        "alp_low": round(alp_low * kit.alp_scale),
        "alp_high": round(alp_high * kit.alp_scale),
        "ldh": round(ldh * kit.ldh_scale),
        "ldh_low": round(ldh_low * kit.ldh_scale),
        "ldh_high": round(ldh_high * kit.ldh_scale),
    }
