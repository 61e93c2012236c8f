"""How large the outlined targets are, in mm, and below which size a patch rule is blind."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from osteon.imaging.patches import least_pixels
from osteon.measures.discrimination import Floats
from osteon.measures.outlines import EIGHT
from osteon.measures.surfaces import MaskError, as_mask, as_spacing

BANDS: dict[str, tuple[float, float]] = {
    "below 8 mm": (0.0, 8.0),
    "8 to 15 mm": (8.0, 15.0),
    "15 to 25 mm": (15.0, 25.0),
    "25 to 40 mm": (25.0, 40.0),
    "40 mm and more": (40.0, np.inf),
}
"""Lower end included, upper end not."""
NONE, UNSPACED = "none drawn", "pixel spacing not known"
ORDERED = (*BANDS, NONE, UNSPACED)
"""The order to print bands in."""


def diameters(mask: ArrayLike, spacing: Sequence[float]) -> Floats:
    """Diameters of the circles that have the areas of a mask's parts.

    Args:
        mask: (H, W) of 0 and 1; its parts are 8-connected.
        spacing: mm along rows and columns.

    Returns:
        (parts,) mm, the largest first; empty for an empty mask.

    Raises:
        MaskError: no 2-D mask, or a spacing that is none.
    """
    from scipy import ndimage

    found = as_mask("mask", mask)
    if found.ndim != 2:
        raise MaskError(f"mask: shape {found.shape} found, (H, W) needed")
    row, column = as_spacing(spacing, 2)
    parts, _ = ndimage.label(found, EIGHT)
    areas = np.bincount(parts.ravel())[1:] * row * column
    return np.sort(diameter_of(areas))[::-1]


def diameter_of(area: ArrayLike) -> Floats:
    """Diameter of the circle of an area, mm of mm²."""
    return np.asarray(2 * np.sqrt(np.asarray(area, dtype=np.float64) / np.pi))


def floor_mm(patch: int, fraction: float, spacing: float) -> float:
    """The smallest round target that can fill a share of a patch, mm across.

    A patch of 32 px of which 60 % must be tumour needs 615 px: at the paper's 260 mm / 384 px a
    tumour of 18.9 mm, and no smaller one ever gives a patch that is called so.

    Args:
        patch: side of a patch, px; fraction: the share that is asked; spacing: mm a px.

    Raises:
        ValueError: a side below 1, a share outside 0..1, or a spacing that is not positive.
    """
    if patch < 1 or not spacing > 0:
        raise ValueError(
            f"patch, spacing: {(patch, spacing)} found, 1 px or more and a positive number of mm "
            "needed"
        )
    return float(diameter_of(least_pixels(patch, fraction) * spacing**2))


def band_of(diameter: float) -> str:
    """The name of a diameter's band; `NONE` where there is none (NaN)."""
    if not np.isfinite(diameter):
        return NONE
    return next(name for name, (low, high) in BANDS.items() if low <= diameter < high)


def largest(
    measured: Iterable[tuple[str, ArrayLike, Sequence[float] | None]],
) -> pd.DataFrame:
    """The largest drawn target of each patient, over all of the patient's images.

    It is the largest area on one slice that counts, as with a reader who measures on the slice
    that shows most; volumes would need slices without a gap.

    Args:
        measured: patient_id, mask (H, W) and spacing of each image, None where nobody knows it;
            read one by one.

    Returns:
        one row a patient, in the order of appearance: patient_id, images, with_target (images that
        show it), largest_mm (NaN where none is drawn or no image that shows it has a spacing) and
        band.
    """
    found: dict[str, list[tuple[bool, float]]] = {}
    for patient, mask, spacing in measured:
        drawn = bool(as_mask("mask", mask).any())
        size = float(diameters(mask, spacing)[0]) if drawn and spacing else float("nan")
        found.setdefault(str(patient), []).append((drawn, size))
    rows = []
    for patient, values in found.items():
        shown = sum(drawn for drawn, _ in values)
        size = max((one for _, one in values if np.isfinite(one)), default=float("nan"))
        band = UNSPACED if shown and not np.isfinite(size) else band_of(size)
        rows.append((patient, len(values), shown, size, band))
    names = ["patient_id", "images", "with_target", "largest_mm", "band"]
    return pd.DataFrame(rows, columns=names)
