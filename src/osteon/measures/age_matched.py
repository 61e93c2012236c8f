"""Do gains survive among patients of the same age? One positive paired with one negative by age.

Osteosarcoma peaks in adolescence, knee injuries come later: a learner may tell them apart by age
alone, read off an input or off the growth plates. Matching takes age away; what is left of the
AUROC does not rest on it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.discrimination import Floats, Ints, ones, ranked
from osteon.measures.intervals import bca, draw, leave_one_out, percentile
from osteon.measures.judging import CONFIDENCE, Settings
from osteon.measures.levels import Judged
from osteon.measures.paired import bootstrap_difference
from osteon.measures.subgroups import years

LEAST_PAIRS = 5


def match(age: Floats, label: Ints, caliper: float) -> tuple[Ints, Ints]:
    """One-to-one pairs of a positive and a negative at most `caliper` years apart.

    Args:
        age: (patients,) years, NaN if unknown; label: (patients,) 0 or 1; caliper: years.

    Returns:
        places of the positives and of their negatives, (pairs,) each: as many pairs as can be
        formed and, of all ways to form that many, one with the least sum of differences. Names play
        no part; patients of equal age are taken by their place in the table.
    """
    from scipy.optimize import linear_sum_assignment

    known = np.isfinite(age)
    positive, negative = np.flatnonzero(known & (label == 1)), np.flatnonzero(known & (label == 0))
    apart = np.abs(age[positive][:, None] - age[negative][None, :])
    # Dearer than all allowed pairs together, so that no allowed pair is given up for a nearer one.
    barred = (caliper + 1) * (min(apart.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(apart <= caliper, apart, barred))
    kept = apart[rows, columns] <= caliper
    return positive[rows[kept]], negative[columns[kept]]


def age_matched(
    frame: pd.DataFrame, judged: Mapping[str, Judged], reference: str, config: Settings
) -> dict[str, Any]:
    """AUROC of each learner on age-matched patients, and its difference from the reference.

    Args:
        frame: the checked table with `age`; judged: learner → its patient-level judgements.
        reference: as in `evaluate`; config: caliper, rounds, seed and interval.

    Returns:
        n_patients, pairs, caliper_years, note, age_auroc (of age alone among the matched; its
        direction is the whole cohort's), age_auroc_unmatched and learners → auroc and difference
        (value, lo, hi, p; None for the reference). Pairs are resampled. Only `note` if impossible.
    """
    if "age" not in frame or not years(frame["age"]).notna().any():
        return {"note": "not made: no age is known"}
    common = [set(one.patients) for one in judged.values()] or [set()]
    patients = set.intersection(*common)
    table = frame.assign(years=years(frame["age"])).groupby("patient_order", sort=True)
    facts = table.agg({"patient_id": "first", "years": "median", "positive": "first"})
    facts = facts[facts["patient_id"].isin(patients)]
    age, label = facts["years"].to_numpy(dtype=np.float64), facts["positive"].to_numpy()
    positive, negative = match(age, label, config.age_caliper)
    if len(positive) < LEAST_PAIRS:
        return {
            "note": f"not made: {len(positive)} pairs of patients within {config.age_caliper:g} "
            f"years of age, at least {LEAST_PAIRS} needed"
        }
    rows = np.concatenate([positive, negative])
    names = facts["patient_id"].to_numpy()[rows]
    known = np.isfinite(age)
    before = float(plain_auroc(label[known], age[known]))
    sign = 1.0 if before >= 0.5 else -1.0
    scores = {name: score_of(one, names) for name, one in judged.items()}
    resampled = Pairs(len(positive), config)
    return {
        "n_patients": 2 * len(positive),
        "pairs": len(positive),
        "caliper_years": config.age_caliper,
        "note": note(len(patients), int(facts["positive"].sum()), len(positive), config),
        "age_auroc": resampled.entry(sign * age[rows]),
        "age_auroc_unmatched": max(before, 1 - before),
        "learners": resampled.compared(scores, reference),
    }


def note(patients: int, positives: int, pairs: int, config: Settings) -> str:
    """How the subset came about, and whether it is small."""
    said = (
        f"{pairs} pairs out of {positives} positive and {patients - positives} negative patients "
        f"whom all learners judged, by the images all of them judged; at most "
        f"{config.age_caliper:g} years apart; pairs resampled"
    )
    if pairs < config.small_sample:
        said += f"; small sample: fewer than {config.small_sample} pairs"
    return said


def score_of(judged: Judged, names: NDArray[np.object_]) -> Floats:
    """The scores of some patients, in the order of `names`."""
    by_name = dict(zip(judged.patients, judged.score, strict=True))
    return np.array([by_name[name] for name in names])


def plain_auroc(label: Ints, score: Floats) -> float:
    """AUROC of the data as they are, NaN for one class."""
    return float(ranked(ones(len(label)), label, score, np.arange(len(label)))["auroc"][0])


class Pairs:
    """Resamples of matched pairs: the positives stand first, their negatives in the same order."""

    def __init__(self, pairs: int, config: Settings) -> None:
        self.config, self.pairs = config, pairs
        self.label = np.repeat([1, 0], pairs)
        self.unit = np.tile(np.arange(pairs), 2)
        self.strata = np.zeros(pairs, dtype=np.int64)
        self.weights = draw(self.strata, config.rounds, config.seed)

    def auroc(self, weights: NDArray[np.generic], score: Floats) -> Floats:
        """AUROC of each resample of pairs, (rounds,)."""
        return ranked(weights, self.label, score, self.unit)["auroc"]

    def entry(self, score: Floats, rounds: Floats | None = None) -> dict[str, Any]:
        """AUROC of (2 × pairs,) scores with its interval over pairs."""
        value = float(self.auroc(ones(self.pairs), score)[0])
        rounds = self.auroc(self.weights, score) if rounds is None else rounds
        if self.config.interval == "percentile":
            return {"value": value, **asdict(percentile(rounds, CONFIDENCE))}
        left_out = self.auroc(leave_one_out(self.pairs), score)
        return {"value": value, **asdict(bca(value, rounds, left_out, self.strata, CONFIDENCE))}

    def compared(self, scores: Mapping[str, Floats], reference: str) -> dict[str, Any]:
        """Learner → AUROC and paired difference from the reference."""
        rounds = {name: self.auroc(self.weights, score) for name, score in scores.items()}
        found: dict[str, Any] = {}
        for name, score in scores.items():
            found[name] = {"auroc": self.entry(score, rounds[name]), "difference": None}
        for name, each in found.items():
            if name != reference and reference in found:
                value = each["auroc"]["value"] - found[reference]["auroc"]["value"]
                test = asdict(bootstrap_difference(value, rounds[name], rounds[reference]))
                each["difference"] = {key: test[key] for key in ("value", "lo", "hi", "p")}
        return found
