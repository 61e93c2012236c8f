"""Bootstrap intervals and paired differences of any metric that patients can be drawn for.

`osteon.measures.judging` does this for classification. Segmentation and detection hand over a
function from draws of patients to metrics, and get the same intervals, tests and adjustment.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.measures.describing import few, trial
from osteon.measures.discrimination import Floats, Ints, ones
from osteon.measures.intervals import (
    WITHOUT_SPREAD,
    Interval,
    bca,
    draw,
    draws,
    flat,
    leave_one_out,
    percentile,
)
from osteon.measures.judging import CONFIDENCE, Key, Settings
from osteon.measures.paired import bootstrap_difference

RESAMPLED = "patients, stratified by whether they have a lesion; all their images come along"


@dataclass(frozen=True)
class Measured:
    """One learner on some patients, ready to be resampled.

    Attributes:
        patients: patient_id of each column of a weights matrix, in the order of the table.
        strata: (patients,) int64, 1 for a patient with a lesion.
        measure: (rounds, patients) weights → (group, metric) → (rounds,), NaN where undefined.
        conditional: what depends on one stratum alone, so that its draws keep the number of
            patients of each; all else is drawn whatever the stratum, as their share is a matter of
            chance too (see `osteon.measures.intervals.Draws`). None = everything is conditional.
    """

    patients: tuple[str, ...]
    strata: Ints
    measure: Callable[[NDArray[np.generic]], Mapping[Key, Floats]]
    conditional: frozenset[Key] | None = None

    def observed(self) -> dict[Key, float]:
        """The metrics on the data as they are."""
        found = self.measure(ones(len(self.patients)))
        return {key: float(value[0]) for key, value in found.items()}

    def rounds(self, settings: Settings) -> Mapping[Key, Floats]:
        """The metrics on each resample; the same draws for the same patients in the same order."""
        if self.conditional is None or len(np.unique(self.strata)) < 2:
            return self.measure(draw(self.strata, settings.rounds, settings.seed))
        drawn = draws(self.strata, settings.rounds, settings.seed)
        kept, whole = self.measure(drawn.by_class), self.measure(drawn.whole)
        return {key: kept[key] if self.by_stratum(key) else whole[key] for key in whole}

    def by_stratum(self, key: Key) -> bool:
        """Whether the draws of a metric keep the number of patients of each stratum."""
        return self.conditional is None or key in self.conditional


def places(names: pd.Series) -> dict[str, int]:
    """patient_id → place by first appearance: an order by name would depend on a secret key."""
    return {str(name): place for place, name in enumerate(pd.unique(names))}


def entries(measured: Measured, settings: Settings) -> dict[str, dict[str, Any]]:
    """group → metric → value, lo, hi, method: 95 % bootstrap over patients."""
    rounds, found = measured.rounds(settings), measured.observed()
    left_out: Mapping[Key, Floats] = {}
    if settings.interval != "percentile":
        left_out = measured.measure(leave_one_out(len(measured.patients)))
    report: dict[str, dict[str, Any]] = {}
    for key, value in found.items():
        defined = rounds[key][np.isfinite(rounds[key])]
        if not np.isfinite(value):
            ends = Interval(np.nan, np.nan, "none: not defined on these patients")
        elif flat(defined):
            ends = Interval(np.nan, np.nan, WITHOUT_SPREAD)
        elif not left_out:
            ends = percentile(rounds[key], CONFIDENCE)
        else:
            strata = measured.strata if measured.by_stratum(key) else None
            ends = bca(value, rounds[key], left_out[key], strata, CONFIDENCE)
        report.setdefault(key[0], {})[key[1]] = {"value": value, **asdict(ends)}
    return report


def differences(first: Measured, second: Measured, settings: Settings) -> list[dict[str, Any]]:
    """Paired bootstrap of first - second for every metric, on shared draws of patients.

    Raises:
        ValueError: the two are not of the same patients in the same order.
    """
    if first.patients != second.patients:
        raise ValueError(
            f"first, second: {len(first.patients)} and {len(second.patients)} patients found, "
            "the same patients in the same order needed"
        )
    values, base = first.observed(), second.observed()
    rounds, base_rounds = first.rounds(settings), second.rounds(settings)
    tests = []
    for key in values:
        if key in base:
            value = values[key] - base[key]
            found = bootstrap_difference(value, rounds[key], base_rounds[key], CONFIDENCE)
            tests.append({"test": "bootstrap", "at": key[0], "metric": key[1], **asdict(found)})
    return tests


def warnings(measured: Measured, settings: Settings) -> list[str]:
    """Sentences to print beside the figures."""
    lesions = int(measured.strata.sum())
    return [*few(lesions, "patients with a lesion", settings), *trial(settings)]


def describe(settings: Settings, reference: str) -> dict[str, Any]:
    """What the figures were made with."""
    return {
        "reference": reference,
        "confidence": CONFIDENCE,
        "rounds": settings.rounds,
        "seed": settings.seed,
        "interval": settings.interval,
        "resampling": RESAMPLED,
        "holm": "one family for each group and metric: all learners against the reference",
    }
