"""Eq. 1 and its votes written out in loops, to judge `osteon.measures.fusion` by.

Works on plain numbers of any kind: with `fractions.Fraction` nothing is rounded at all.
"""

import math
from collections.abc import Sequence
from typing import Any

Image = Any  # D, or None for no box
Series = tuple[Any, list[Image]]  # M or None, and its images
Patient = tuple[Any, list[Series]]  # A or None, and its sequences
ROUNDING = 1e-12


def patients_of(terms) -> list[Patient]:
    """The patients of `osteon.measures.fusion.Terms`, nested."""
    found: list[Patient] = [(known(a), []) for a in terms.a.tolist()]
    series: list[Series] = [(known(m), []) for m in terms.m.tolist()]
    for d, place in zip(terms.d.tolist(), terms.sequence.tolist(), strict=True):
        series[place][1].append(known(d))
    for one, place in zip(series, terms.patient.tolist(), strict=True):
        found[place][1].append(one)
    return found


def known(value: float) -> float | None:
    return None if math.isnan(value) else value


def probability(weights: Sequence[Any], values: Sequence[Any]) -> Any:
    """Eq. 1 over the terms that are there, or None if none is."""
    above, below = 0, 0
    for weight, value in zip(weights, values, strict=True):
        if weight > 0 and value is not None:
            above += weight * value
            below += weight
    return above / below if below > 0 else None


def malignant(value: Any) -> bool:
    return value >= 0.5 - ROUNDING


def majority(called: Sequence[bool], mean: Any) -> bool:
    yes = 0
    for one in called:
        if one:
            yes += 1
    no = len(called) - yes
    if yes == no:
        return malignant(mean)
    return yes > no


def of_images(lambdas: Sequence[Any], a: Any, series: Series, no_box: str) -> list[Any]:
    """P of each image that votes; none: the sequence abstains."""
    m, images = series
    l1, l2, _ = lambdas
    if l1 > 0 and no_box == "uniform":
        images = [0.5 if d is None else d for d in images]
    if l1 > 0:
        voting = [d for d in images if d is not None]
        if voting:
            return [probability(lambdas, (d, m, a)) for d in voting]
    # Nothing by the detector: M and A speak for the whole sequence, A alone only if nothing else
    # was asked for.
    without_m = m is None or l2 == 0
    age_alone = l1 == 0 and l2 == 0
    if without_m and not age_alone:
        return []
    p = probability((0, *lambdas[1:]), (None, m, a))
    return [] if p is None else [p] * len(images)


def of_patient(lambdas: Sequence[Any], patient: Patient, no_box: str = "skip") -> tuple[bool, Any]:
    """Vote and score of one patient."""
    a, sequences = patient
    called, scores = [], []
    for series in sequences:
        ps = of_images(lambdas, a, series, no_box)
        if not ps:
            continue
        score = sum(ps) / len(ps)
        called.append(majority([malignant(p) for p in ps], score))
        scores.append(score)
    if called:
        score = sum(scores) / len(scores)
        return majority(called, score), score
    if lambdas[2] > 0 and a is not None:
        return malignant(a), a
    return True, 0.5
