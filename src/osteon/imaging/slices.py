"""Which slices of a series are looked at. Pure NumPy on slice numbers and lesion areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CHOICES = ("all", "lesion", "largest_lesion", "even")
NO_LESION = "no lesion is drawn in the series: "

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chosen slices of one series.

    Attributes:
        rows: row numbers of the input, in the order of the series.
        note: what was done instead where the choice could not be kept; "" when it was.
    """

    rows: Rows
    note: str = ""


def choose_slices(order: ArrayLike, lesion_area: ArrayLike, choice: str, count: int = 1) -> Chosen:
    """Choose slices of one series; the same input always gives the same slices.

    - all: every slice.
    - lesion: slices that show the lesion, at most `count`, spread evenly over its extent.
    - largest_lesion: the `count` slices with the largest area; of equal ones those nearest to the
      middle of the lesion's extent.
    - even: `count` slices spread evenly over the series without its two ends, which a series too
      short for that gives too.

    A series without any lesion area falls back on `even` (largest_lesion: on the middle slice).

    Args:
        order: (N,) slice numbers, or positions along the normal; slices without one (NaN) come
            last, in the order given.
        lesion_area: (N,) area of the lesion on each slice in any unit; 0 or NaN: none or unknown.
        choice: one of `CHOICES`.
        count: how many at most, at least 1; `all` does not look at it.

    Raises:
        ValueError: an unknown choice, a count below 1, or different lengths.
    """
    keys = np.asarray(order, np.float64)
    area = np.nan_to_num(np.asarray(lesion_area, np.float64), nan=0.0)
    if choice not in CHOICES:
        raise ValueError(f"choice: {choice!r} is not one of {', '.join(CHOICES)}")
    if count < 1:
        raise ValueError(f"count: {count} is below 1")
    if keys.ndim != 1 or keys.shape != area.shape:
        raise ValueError(f"lesion_area: shape {area.shape} found, {keys.shape} of order allowed")
    rows = np.argsort(keys, kind="stable")
    shown = np.flatnonzero(area[rows] > 0)
    if choice == "all":
        return Chosen(rows)
    if choice == "even":
        return Chosen(rows[_even(len(rows), count)])
    if not len(shown):
        if choice == "largest_lesion":
            return Chosen(rows[_even(len(rows), 1)], NO_LESION + "its middle slice is taken")
        note = NO_LESION + "slices are spread evenly over it"
        return Chosen(rows[_even(len(rows), count)], note)
    if choice == "lesion":
        return Chosen(rows[_spread(shown, count)])
    return Chosen(rows[_largest(shown, area[rows[shown]], count)])


def _even(length: int, count: int) -> Rows:
    """Places 0..length - 1 without the two ends, if enough are left."""
    places = np.arange(length, dtype=np.int64)
    return _spread(places[1:-1] if length - 2 >= count else places, count)


def _spread(places: Rows, count: int) -> Rows:
    """The middles of `count` equal parts; all places where there are no more."""
    if len(places) <= count:
        return places
    middles: Rows = (2 * np.arange(count, dtype=np.int64) + 1) * len(places) // (2 * count)
    return places[middles]


def _largest(places: Rows, area: NDArray[np.float64], count: int) -> Rows:
    middle = (places[0] + places[-1]) / 2.0
    first = np.lexsort((places, np.abs(places - middle), -area))
    return np.sort(places[first[:count]])
