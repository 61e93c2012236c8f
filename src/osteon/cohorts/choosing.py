"""Which frames of an archive become samples, and which part of each: by rule, all counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.imaging.laying import Field
from osteon.imaging.region import Region, RegionSettings, find_region, narrowed
from osteon.imaging.slices import choose_slices
from osteon.imaging.spacing import field_of, spacing_of

if TYPE_CHECKING:
    from osteon.cohorts.archive import Archive

CROP = ("crop_x0", "crop_y0", "crop_x1", "crop_y1")
LESION_CHOICES = ("lesion", "largest_lesion")
HUE_SAMPLE = 64
"""Images from which the share of pixels without hue is estimated."""
CUT = "larger than the field: cut about its middle"


class SliceSettings(Protocol):
    """Which slices of a series are taken."""

    @property
    def choice(self) -> str:
        """One of `osteon.imaging.slices.CHOICES`."""

    @property
    def count(self) -> int | None:
        """Of a series at most; None = no bound (one for `largest_lesion`)."""


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        table: rows of the index, with `archive_row` and the columns `CROP` and `crop_source`.
        summary: JSON-able counts: `slices`, `region` and `left_out`, for the report.
    """

    table: pd.DataFrame
    summary: dict[str, Any]


def choose_images(
    archive: Archive,
    images: pd.DataFrame,
    slices: SliceSettings,
    region: RegionSettings,
    refused: Mapping[int, str],
    target: int | None = None,
    field_mm: float | None = None,
) -> Choice:
    """Choose slices of every series and find the part of each that is shown.

    Args:
        archive: where pixels, masks and boxes lie.
        images: its index, in its order.
        slices: which slices. A file that names no series is a series of its own.
        region: which part.
        refused: archive row → why the frame cannot be prepared; it is left out and counted.
        target: value of a mask that is the lesion (`cohort.mask_classes`); None: all but 0.
        field_mm: side of the square that a region must fit in; what is larger is cut about its
            middle. None: any region fits.
    """
    usable = images.assign(archive_row=np.arange(len(images)))
    usable = usable[~usable["archive_row"].isin(refused)]
    named = usable["series_id"].fillna("").astype(str)
    series = named.where(named != "", usable["sample_id"])
    notes: Counter[str] = Counter()
    taken: list[int] = []
    groups = usable.groupby([usable["patient_id"], series], sort=False)
    for _, rows in groups:
        chosen, note = _of_series(archive, rows, slices, target)
        taken += chosen
        notes.update([note] if note else [])
    table = usable[usable["archive_row"].isin(taken)].reset_index(drop=True)
    regions = _regions(archive, table["archive_row"].tolist(), region, target)
    notes.update(found.note for found in regions if found.note)
    regions, cut = _within(archive, table["archive_row"].tolist(), regions, field_mm)
    notes.update([CUT] * cut)
    corners = np.array([[r.x0, r.y0, r.x1, r.y1] for r in regions], np.int64).reshape(-1, 4)
    table = table.assign(**{name: corners[:, at] for at, name in enumerate(CROP)})
    table["crop_source"] = pd.Series([found.source for found in regions], dtype="str")
    summary = {
        "slices": {
            "choice": slices.choice,
            "series": len(groups),
            "frames": len(images),
            "chosen": len(table),
        },
        "region": {
            "mode": region.mode,
            "sources": dict(Counter(found.source for found in regions)),
            "notes": dict(notes),
        },
        "left_out": dict(Counter(refused.values())),
    }
    return Choice(table, summary)


def lesion_area(archive: Archive, row: int, target: int | None = None) -> float:
    """Pixels of the drawn lesion of an archive row: of its mask, else of its boxes; 0 if none.

    Args:
        archive: where masks and boxes lie.
        row: of its index.
        target: value of a mask that is the lesion; None: all but 0.
    """
    mask = _lesion(archive, row, target)
    if mask is not None and mask.any():
        return float(np.count_nonzero(mask))
    return float(sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1, *_ in archive.boxes(row)))


def _lesion(archive: Archive, row: int, target: int | None) -> NDArray[np.uint8] | None:
    """The mask of a row without what is no lesion, as a vertebra around it."""
    mask = archive.mask(row)
    return mask if mask is None or target is None else (mask == target).astype(np.uint8)


def _of_series(
    archive: Archive, rows: pd.DataFrame, slices: SliceSettings, target: int | None
) -> tuple[list[int], str]:
    """Archive rows taken from one series, and what was done instead of what was asked."""
    own = rows["archive_row"].to_numpy(np.int64)
    area = np.zeros(len(own))
    if slices.choice in LESION_CHOICES:
        area = np.array([lesion_area(archive, int(row), target) for row in own])
    count = slices.count or (1 if slices.choice == "largest_lesion" else len(own))
    order = rows["slice"].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    found = choose_slices(order, area, slices.choice, count)
    return own[found.rows].tolist(), found.note


def _regions(
    archive: Archive, rows: list[int], settings: RegionSettings, target: int | None
) -> list[Region]:
    from joblib import Parallel, delayed

    def find(row: int) -> Region:
        pixels = archive.pixels(row)
        return find_region(pixels, settings, _lesion(archive, row, target), archive.boxes(row))

    # Threads: the filters let go of the interpreter, and pixels are not copied between processes.
    threads = 1 if settings.mode == "whole" else -1
    found: list[Region] = Parallel(threads, prefer="threads")(delayed(find)(row) for row in rows)
    return found


def _within(
    archive: Archive, rows: list[int], regions: list[Region], field_mm: float | None
) -> tuple[list[Region], int]:
    """Regions that the field holds, and how many of them were cut for it."""
    fields = [field_at(archive, row, field_mm) for row in rows]
    fitted = [narrowed(one, field) for one, field in zip(regions, fields, strict=True)]
    return fitted, sum(one != other for one, other in zip(regions, fitted, strict=True))


def field_at(archive: Archive, row: int, field_mm: float | None) -> Field | None:
    """Rows and columns of an archived image that fill a prepared square, px.

    Args:
        archive: its index knows the spacing of the kept pixels.
        row: of its index.
        field_mm: side of the square, mm; None: no field was asked for.

    Returns:
        None without `field_mm`: then the region fills the square, whatever its size.

    Raises:
        ValueError: the spacing is not known, or is none.
    """
    if field_mm is None:
        return None
    text = archive.index["pixel_spacing_mm"].iloc[row]
    spacing = spacing_of(text)
    if spacing is None:
        raise ValueError(f"pixel_spacing_mm: {text!r} found in row {row}; field_mm needs a spacing")
    return field_of(spacing, field_mm)


def neighbours(images: pd.DataFrame, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Archive rows of the slices before and after some slices of the same series.

    Args:
        images: the archive's index, in its order.
        rows: (N,) archive rows.

    Returns:
        (N, 2) archive rows, −1 where a series ends or is not named. Numbers are ranks along the
        normal: across a gap, which the cohort's notes name, the next slice that there is stands in.
    """
    keys = images[["patient_id", "series_id", "slice"]].assign(row=np.arange(len(images)))
    keys = keys[keys["slice"].notna() & (keys["series_id"].fillna("") != "")]
    place = {
        (patient, series, int(number)): row
        for patient, series, number, row in keys.itertuples(index=False)
    }
    of_row = {row: key for key, row in place.items()}
    found = np.full((len(rows), 2), -1, np.int64)
    for at, row in enumerate(rows.tolist()):
        if row in of_row:
            patient, series, number = of_row[row]
            for side, step in enumerate((-1, 1)):
                found[at, side] = place.get((patient, series, number + step), -1)
    return found
