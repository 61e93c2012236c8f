"""Number the slices of CT and MR series by their place, and say what is wrong with a series."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

from osteon.imaging.geometry import SeriesOrder, claimed_plane_warning, order_slices
from osteon.imaging.plane import plane_word

NEEDED = (
    *("patient_id", "series_id", "modality", "sequence", "view", "slice", "instance"),
    *("image_position", "image_orientation", "pixel_spacing_mm"),
)
"""Columns of the index that `number_slices` and `fill_views` read."""


SLICED = ("CT", "MR")


def number_slices(columns: dict[str, list[Any]]) -> tuple[list[int | None], list[str]]:
    """Slice numbers of an index, and notes on its series.

    A number that the images table gave stays. Series are told apart by patient and series; a
    projection radiograph has no slice.

    Args:
        columns: of the index, `NEEDED`.

    Returns:
        slice numbers from 1 in the order along the normal (None: no slice), and notes such as
        "3 series: gaps", free of identifiers.
    """
    slices: list[int | None] = list(columns["slice"])
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, (patient, series) in enumerate(
        zip(columns["patient_id"], columns["series_id"], strict=True)
    ):
        if columns["modality"][row] in SLICED and series:
            groups[patient, series].append(row)
    found: Counter[str] = Counter()
    for rows in groups.values():
        if len(rows) < 2:
            continue
        order = _order(columns, rows)
        claimed = next((columns["view"][row] for row in rows if columns["view"][row]), "")
        plane = claimed_plane_warning(claimed, order.plane)
        found.update(_kind(text) for text in order.warnings)
        found.update([plane] if plane else [])
        if len({columns["sequence"][row] for row in rows}) > 1:
            found.update(["slices of more than one sequence"])
        for place, member in enumerate(order.order.tolist(), start=1):
            if slices[rows[member]] is None:
                slices[rows[member]] = place
    return slices, [f"{count} series: {text}" for text, count in sorted(found.items())]


def fill_views(columns: dict[str, list[Any]]) -> list[str]:
    """Views of an index, those of CT and MR completed with the plane by the orientation.

    What a table or header calls a slice stays; a projection radiograph has no plane.
    """
    rows = zip(*(columns[name] for name in ("view", "modality", "image_orientation")), strict=True)
    return [
        plane_word(json.loads(orientation))
        if modality in SLICED and orientation and not view
        else view
        for view, modality, orientation in rows
    ]


def _order(columns: dict[str, list[Any]], rows: list[int]) -> SeriesOrder:
    def parsed(name: str) -> list[Any]:
        return [json.loads(columns[name][row]) if columns[name][row] else None for row in rows]

    instances = [columns["instance"][row] for row in rows]
    positions, orientations = parsed("image_position"), parsed("image_orientation")
    return order_slices(positions, orientations, instances, parsed("pixel_spacing_mm"))


def _kind(warning: str) -> str:
    """A warning without its figures, so that equal ones of many series are counted together."""
    if "lack position" in warning:
        return "slices lack position or orientation"
    if "lie where another" in warning:
        return "slices lie where another one lies"
    if "gaps" in warning:
        return "gaps between slices"
    if "tilted" in warning:
        return "tilted: slices are not stacked along their normal"
    return warning.split(":")[0]
