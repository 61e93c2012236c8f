"""Pixel spacing as the archive writes it, and how many pixels a field in millimetres takes."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from osteon.imaging.laying import Field

Spacing = tuple[float, float]


def spacing_of(text: str | None) -> Spacing | None:
    """Millimetres along rows and columns as the archive writes them, None where it knows none.

    Args:
        text: JSON `[row, column]`, "" or missing.

    Raises:
        ValueError: another text, or a distance that is not positive.
    """
    if not isinstance(text, str) or not text:
        return None
    try:
        values: Sequence[float] = json.loads(text)
        row, column = (float(value) for value in values)
    except (ValueError, TypeError):
        raise ValueError(f"pixel_spacing_mm: {text!r} found, [row, column] in mm needed") from None
    if not (np.isfinite([row, column]).all() and row > 0 and column > 0):
        raise ValueError(f"pixel_spacing_mm: {text!r} found, two positive numbers needed")
    return row, column


def field_of(spacing: Spacing, field_mm: float) -> Field:
    """Rows and columns, in px and not rounded, of a square with sides of `field_mm`.

    Args:
        spacing: mm along rows and columns.
        field_mm: side of the square, mm.
    """
    return field_mm / spacing[0], field_mm / spacing[1]


def refuse_spacing(
    text: str | None, shape: tuple[int, int], field_mm: float, size: int
) -> str | None:
    """Why an image cannot be laid on a field in millimetres; None: it can.

    Args:
        text: its spacing as the archive writes it.
        shape: its rows and columns.
        field_mm: side of the square, mm; size: the same, px.
    """
    try:
        spacing = spacing_of(text)
    except ValueError:
        return "its pixel spacing is no pair of positive numbers"
    if spacing is None:
        return "its pixel spacing is not known"
    # No scanner says such things; a unit that was mistaken for another does.
    if max(spacing) > field_mm:
        return "one of its pixels is larger than the field"
    if min(shape[0] * spacing[0], shape[1] * spacing[1]) < field_mm / size:
        return "all of it is smaller than a prepared pixel"
    return None
