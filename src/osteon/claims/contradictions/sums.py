"""What the papers' sums share: one checked statement, and the reach of rounded numbers."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

Reach = tuple[float, float]
# Printed values that are means over folds agree with one another only so far: the harmonic mean of
# two means is not the mean of harmonic means.
FOLD_MEAN = 0.0005
# Notes of checks that stand on no printed figure, and of statements with more than one reading.
DERIVED = "our derivation: the paper prints no such figure"
IMPLIED = "our derivation: implied, not printed"
AMBIGUOUS = "ambiguous wording, not counted among the contradictions"


@dataclass(frozen=True)
class Checked:
    """One statement of a paper, recomputed from its own printed numbers.

    Attributes:
        id: its name in the paper's list.
        statement: what is said or implied, in our words.
        printed: the paper's number, or its statement in our words; None = nothing is printed,
            the check is our derivation and `note` says so.
        recomputed: what its other numbers give.
        sum: the arithmetic, shown.
        holds: whether the two agree within `tolerance`; None = the wording has several readings.
        source: place in the paper.
        tolerance: how far apart they may be and still agree.
        note: what else to know; empty if nothing.
    """

    id: str
    statement: str
    printed: float | str | None
    recomputed: float | str
    sum: str
    holds: bool | None
    source: str
    tolerance: str = "none: exact"
    note: str = ""

    def __post_init__(self) -> None:
        if (self.printed is None or self.holds is None) and not self.note:
            raise ValueError(f"note of {self.id}: found empty; needed where nothing is printed")

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def half_unit(decimals: int) -> float:
    """Half a unit of the last printed digit."""
    return 0.5 * 10.0**-decimals


def around(value: float, decimals: int) -> Reach:
    """The values that are printed as `value`."""
    return value - half_unit(decimals), value + half_unit(decimals)


def reach(function: Callable[..., float], *ranges: Reach) -> Reach:
    """Smallest and largest value at the corners of the inputs' ranges.

    These are the extremes over the whole box for a function that is monotone in each input, as all
    the ratios here are.
    """
    values = [function(*corner) for corner in product(*ranges)]
    return min(values), max(values)


def overlap(a: Reach, b: Reach, slack: float = 0.0) -> bool:
    """Whether two ranges share a value, or come within `slack` of it."""
    tiny = 1e-9  # decimals such as 0.1 have no exact double
    return a[0] <= b[1] + slack + tiny and b[0] <= a[1] + slack + tiny


def rounding(decimals: int, inputs: bool = True) -> str:
    """The tolerance of rounding, in words."""
    also = ", of the inputs as well" if inputs else ""
    return f"rounding to {decimals} decimal{'' if decimals == 1 else 's'}{also}"


def total(
    name: str, statement: str, parts: Sequence[float], printed: float, source: str
) -> Checked:
    """A sum of counts that the paper prints."""
    found = sum(parts)
    text = f"{' + '.join(f'{part:g}' for part in parts)} = {_plain(found)}"
    return Checked(name, statement, printed, found, text, found == printed, source)


def between(
    name: str, statement: str, value: float, ends: Reach, source: str, decimals: int
) -> Checked:
    """A value that must lie between two others, rounding allowed."""
    lo, hi = min(ends), max(ends)
    inside = overlap(around(value, decimals), (lo - half_unit(decimals), hi + half_unit(decimals)))
    side = "within" if inside else "outside"
    shown = [f"{number:.{decimals}f}" for number in (value, lo, hi)]
    return Checked(
        id=name,
        statement=statement,
        printed=value,
        recomputed=f"{shown[1]} to {shown[2]}",
        sum=f"{shown[0]} is {side} [{shown[1]}, {shown[2]}]",
        holds=inside,
        source=source,
        tolerance=rounding(decimals),
    )


def said_alike(name: str, statement: str, places: Mapping[str, str]) -> Checked:
    """One thing that a paper names in several places; place → what it is called there."""
    kinds = list(dict.fromkeys(places.values()))
    return Checked(
        name,
        statement,
        " and ".join(kinds),
        f"{len(kinds)} kind{'' if len(kinds) == 1 else 's'}",
        f"{', '.join(f'{kind} ({place})' for place, kind in places.items())}: {len(kinds)}",
        len(kinds) == 1,
        "; ".join(places),
    )


def counts_giving(value: float, size: int, decimals: int) -> list[int]:
    """All k for which k/size is printed as `value`."""
    lo, hi = around(value, decimals)
    first, last = math.ceil(lo * size - 1e-9), math.floor(hi * size + 1e-9)
    return [k for k in range(max(first, 0), min(last, size) + 1)]


def max_sd(mean: float, low: float, high: float) -> float:
    """Largest standard deviation of values within [low, high] with this mean (Bhatia & Davis)."""
    return math.sqrt(max(high - mean, 0.0) * max(mean - low, 0.0))


def sd_possible(name: str, what: str, values: Mapping[str, float], source: str) -> Checked:
    """Whether a printed standard deviation can go with the printed mean and range.

    Args:
        name: of the statement; what: the quantity; values: mean, sd, min and max; source: place.
    """
    mean, sd, low, high = (values[key] for key in ("mean", "sd", "min", "max"))
    most = max_sd(mean, low, high)
    text = f"sqrt(({high:g} - {mean:g})({mean:g} - {low:g})) = {most:.2f}"
    text += f"{' >= ' if sd <= most else ' < '}{sd:g}"
    return Checked(
        name,
        f"The standard deviation of {what} can go with its mean and range",
        sd,
        round(most, 4),
        text,
        sd <= most,
        source,
        "largest possible standard deviation",
    )


def f1_of(precision: float, recall: float) -> float:
    """Harmonic mean of precision and recall."""
    return 2 * precision * recall / (precision + recall)


def accuracy_of(precision: float, recall: float, prevalence: float) -> float:
    """Accuracy that goes with precision, recall and prevalence."""
    return 1 - prevalence * (1 - recall) - prevalence * recall * (1 - precision) / precision


def prevalence_of(accuracy: float, precision: float, recall: float) -> float:
    """The prevalence at which precision and recall give this accuracy."""
    return (1 - accuracy) / ((1 - recall) + recall * (1 - precision) / precision)


def hanley_mcneil(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC (Hanley & McNeil 1982, Radiology 143:29)."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return math.sqrt(spread / (positives * negatives))


def called(published: Mapping[str, Any], name: str) -> str:
    """A row or column of the published block as one says it."""
    return str(published.get("names", {}).get(name, name))


def listed(texts: Iterable[str]) -> str:
    """Parts of one sum, apart from each other."""
    return "; ".join(texts)


def _plain(number: float) -> str:
    return f"{number:g}" if number != int(number) else str(int(number))
