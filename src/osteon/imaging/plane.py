"""The plane of a slice as a word of the archive's `view` column."""

from __future__ import annotations

from collections.abc import Sequence

from osteon.imaging.geometry import plane_of

LEAN = 45.0
"""Degrees. Beyond it a plane is nobody's: a slice is at most 54.7 degrees from its nearest axis."""


def plane_word(orientation: Sequence[float] | None) -> str:
    """SAGITTAL, CORONAL or AXIAL by the largest component of the normal.

    Args:
        orientation: (6,) ImageOrientationPatient (PS3.3 C.7.6.2), or None.

    Returns:
        the word; "" without a usable orientation, or where the normal leans more than 45 degrees
        away from every axis of the patient.
    """
    try:
        plane = plane_of(orientation if orientation is not None else (), tolerance=LEAN)
    except ValueError:
        return ""
    return "" if plane == "oblique" else plane.upper()
