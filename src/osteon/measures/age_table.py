"""The age term of the weighted fusion framework: how often tumours of each age were malignant.

Liu et al. 2022 (Insights Imaging 13:87) take P(malignant | age group) from the training set and
name no width of the groups. Here: 10 years, the last from 80 on, groups of few patients merged with
a neighbour, and shares pulled towards 0.5 by pseudo-counts, since a group of five in which all are
malignant does not make the next one certain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from osteon.measures.discrimination import Floats, Ints, ratio

Smoothing = Literal["laplace", "isotonic", "logistic"]
OPEN_FROM = 80.0
EDGE = 1e-9
STEPS = 100
LONGEST = 2.0
SETTLED = 1e-12


@dataclass(frozen=True)
class AgeTable:
    """Probability of malignant by age, constant within a bin.

    Attributes:
        edges: (bins + 1,) years, rising from 0, the last one inf; a bin holds its lower edge.
        benign, malignant: (bins,) int64, patients it was fitted on.
        share: (bins,) malignant / all, NaN for a bin of nobody.
        probability_of_bin: (bins,) within (0, 1), smoothed and shifted.
        smoothing, prior_shift: how it was made; the shift (of the logit) is already in it.
    """

    edges: Floats
    benign: Ints
    malignant: Ints
    share: Floats
    probability_of_bin: Floats
    smoothing: Smoothing = "laplace"
    prior_shift: float = 0.0

    def probability(self, age: Floats) -> Floats:
        """Probability of malignant at each age (n,), in years; NaN for NaN.

        Raises:
            ValueError: an age is negative or infinite.
        """
        years = checked_age(age)
        place = np.searchsorted(self.edges[1:-1], years, side="right")
        return np.where(np.isnan(years), np.nan, self.probability_of_bin[place])

    @property
    def names(self) -> list[str]:
        """The bins in words: `0-9`, ..., `80+`."""
        ends = zip(self.edges[:-1], self.edges[1:], strict=True)
        return [
            f"{lo:g}+"
            if np.isinf(hi)
            else f"{lo:g}-{hi - 1:g}"
            if whole(lo, hi)
            else f"{lo:g}-<{hi:g}"
            for lo, hi in ends
        ]

    def as_json(self) -> dict[str, Any]:
        """Lists and numbers; null for the open end and for the share of nobody."""
        return {
            "bins": self.names,
            "edges": [None if np.isinf(edge) else float(edge) for edge in self.edges],
            "benign": self.benign.tolist(),
            "malignant": self.malignant.tolist(),
            "share": [None if np.isnan(one) else float(one) for one in self.share],
            "probability": self.probability_of_bin.tolist(),
            "smoothing": self.smoothing,
            "prior_shift": self.prior_shift,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "AgeTable":
        """The table that `as_json` told of, equal to the last bit; ValueError if it is none."""
        if absent := {"edges", "benign", "malignant", "share", "probability"} - set(told):
            raise ValueError(f"told: no {sorted(absent)} found, all that as_json gives needed")
        return cls(
            np.array([np.inf if edge is None else edge for edge in told["edges"]], np.float64),
            np.array(told["benign"], dtype=np.int64),
            np.array(told["malignant"], dtype=np.int64),
            np.array([np.nan if one is None else one for one in told["share"]], np.float64),
            np.array(told["probability"], dtype=np.float64),
            told.get("smoothing", "laplace"),
            float(told.get("prior_shift", 0.0)),
        )


def fit_age_table(
    age: Floats,
    label: Ints,
    *,
    bin_width: float = 10,
    smoothing: Smoothing = "laplace",
    pseudo_count: float = 1.0,
    least: int = 5,
    prior_shift: float = 0.0,
) -> AgeTable:
    """The age table of the patients handed over: those of a training part, never those judged.

    Args:
        age: (n,) years, NaN for unknown (not counted); label: (n,) 1 for malignant, 0 for benign.
        bin_width: 1 or more years, bins from 0 on, the last one open: it is the one that holds 80.
        smoothing: `laplace`: (n_m + c) / (n_b + n_m + 2c); `isotonic`: the same, made to rise with
            age (pooled by weight n + 2c); `logistic`: a logistic curve through the bins' mean ages,
            with c patients of each class added to every bin.
        pseudo_count: c, above 0; least: bins of fewer patients are merged with a neighbour.
        prior_shift: added to the logit, for a population with another share of malignant tumours:
            log(odds there / odds in training), -0.975 from 265/180 to 50/90.

    Returns:
        the table; without any known age a single bin at 0.5 (and the shift).

    Raises:
        ValueError: lengths differ, or a value is outside what is told above.
    """
    years = checked_age(age)
    refuse_options(years, label, bin_width, smoothing, pseudo_count, least, prior_shift)
    known = ~np.isnan(years)
    years, positive = years[known], np.asarray(label)[known] == 1
    lower = bin_width * np.arange(int(OPEN_FROM // bin_width) + 1, dtype=np.float64)
    place = np.searchsorted(lower[1:], years, side="right")
    counts = np.stack(
        [np.bincount(place[group], minlength=len(lower)) for group in (~positive, positive)]
    )
    starts, counts = merged(lower, counts, least)
    benign, malignant = counts
    middle = mean_age(starts, years)
    smooth = smoothed(smoothing, benign + pseudo_count, malignant + pseudo_count, middle)
    shifted = moved(np.clip(smooth, EDGE, 1 - EDGE), prior_shift)
    share = ratio(malignant.astype(np.float64), (benign + malignant).astype(np.float64))
    edges = np.append(starts, np.inf)
    return AgeTable(edges, benign, malignant, share, shifted, smoothing, float(prior_shift))


def moved(probability: Floats, shift: float) -> Floats:
    """Probabilities with `shift` added to the logit; without one, the same to the last bit."""
    if shift == 0:
        return probability
    return np.asarray(1 / (1 + np.exp(-(np.log(probability) - np.log1p(-probability) + shift))))


def whole(*values: float) -> bool:
    """Whether all are whole numbers."""
    return all(float(value).is_integer() for value in values)


def checked_age(age: Floats) -> Floats:
    """Ages as float64; ValueError for a negative or infinite one."""
    years = np.asarray(age, dtype=np.float64)
    bad = years[(years < 0) | np.isinf(years)]
    if len(bad):
        raise ValueError(f"age: {float(bad[0])} found, 0 or more years or NaN allowed")
    return years


def refuse_options(
    age: Floats,
    label: Ints,
    bin_width: float,
    smoothing: str,
    pseudo_count: float,
    least: int,
    prior_shift: float,
) -> None:
    """Raise ValueError, naming the argument, for what no table can be fitted with."""
    if np.shape(age) != np.shape(label) or age.ndim != 1:
        raise ValueError(
            f"age, label: shapes {np.shape(age)} and {np.shape(label)} found, (n,) each needed"
        )
    if not np.isin(label, (0, 1)).all():
        found = np.unique(np.asarray(label))[:5].tolist()
        raise ValueError(f"label: {found} found, 0 (benign) and 1 (malignant) allowed")
    if smoothing not in get_args(Smoothing):
        allowed = ", ".join(get_args(Smoothing))
        raise ValueError(f"smoothing: {smoothing!r} found, one of {allowed} needed")
    if not 1 <= bin_width < np.inf:
        raise ValueError(f"bin_width: {bin_width} found, 1 or more years needed")
    if not 0 < pseudo_count < np.inf:
        raise ValueError(f"pseudo_count: {pseudo_count} found, a finite value above 0 needed")
    if least < 1:
        raise ValueError(f"least: {least} found, 1 or more patients needed")
    if not np.isfinite(prior_shift):
        raise ValueError(f"prior_shift: {prior_shift} found, a finite value needed")


def merged(starts: Floats, counts: Ints, least: int) -> tuple[Floats, Ints]:
    """Bins joined until each holds `least` patients or one is left.

    The smallest bin (of equal ones the youngest) joins the smaller of its neighbours (of equal ones
    the younger).

    Args:
        starts: (bins,) lower edges; counts: (2, bins), benign and malignant.

    Returns:
        the same of the bins that are left; no patient is lost.
    """
    counts = counts.copy()
    while counts.shape[1] > 1 and (size := counts.sum(axis=0)).min() < least:
        k = int(np.argmin(size))
        older_is_smaller = k == 0 or (k + 1 < len(size) and size[k + 1] < size[k - 1])
        younger = k if older_is_smaller else k - 1
        counts[:, younger] += counts[:, younger + 1]
        counts = np.delete(counts, younger + 1, axis=1)
        starts = np.delete(starts, younger + 1)
    return starts, counts


def mean_age(starts: Floats, age: Floats) -> Floats:
    """The mean age of each bin's patients, (bins,); a bin of nobody at its lower edge."""
    place = np.searchsorted(starts[1:], age, side="right")
    size = np.bincount(place, minlength=len(starts))
    total = np.bincount(place, age, minlength=len(starts))
    return np.where(size > 0, total / np.maximum(size, 1), starts)


def smoothed(smoothing: Smoothing, benign: Floats, malignant: Floats, age: Floats) -> Floats:
    """The probability of each bin from its counts, pseudo-counts included, all above 0."""
    share = malignant / (benign + malignant)
    if smoothing == "laplace":
        return share
    if smoothing == "isotonic":
        return rising(share, benign + malignant)
    return logistic(benign, malignant, age)


def rising(share: Floats, weight: Floats) -> Floats:
    """The rising values nearest to `share` in weighted squares: pool adjacent violators."""
    pools: list[tuple[float, float, int]] = []
    for value, heavy in zip(share.tolist(), weight.tolist(), strict=True):
        pool = (value * heavy, heavy, 1)
        while pools and pools[-1][0] / pools[-1][1] >= pool[0] / pool[1]:
            total, mass, size = pools.pop()
            pool = (pool[0] + total, pool[1] + mass, pool[2] + size)
        pools.append(pool)
    values = [total / mass for total, mass, _ in pools]
    return np.repeat(values, [size for _, _, size in pools])


def logistic(benign: Floats, malignant: Floats, age: Floats) -> Floats:
    """Maximum likelihood of logit P = b0 + b1 age over binned counts, by Newton's method.

    Finite, since every bin holds both classes. The matrix is singular for one bin only, where the
    pseudo-inverse gives the constant.
    """
    spread = max(float(np.ptp(age)), 1.0)
    x = np.stack([np.ones_like(age), (age - age.mean()) / spread], axis=1)
    size, beta = benign + malignant, np.zeros(2)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-x @ beta))
        curvature = x.T @ (x * (size * p * (1 - p))[:, None])
        step = np.linalg.pinv(curvature) @ (x.T @ (malignant - size * p))
        # A long step from a flat stretch of the curve would overshoot.
        step *= min(1.0, LONGEST / max(float(np.abs(step).max()), LONGEST))
        beta = beta + step
        if np.abs(step).max() < SETTLED:
            break
    return np.asarray(1 / (1 + np.exp(-x @ beta)))
