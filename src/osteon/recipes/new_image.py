"""A new image laid on the square that a saved learner was trained on."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.laying import Field
from osteon.imaging.region import Region, find_mask, find_region, narrowed
from osteon.imaging.spacing import Spacing, field_of
from osteon.recipes.preprocessing import PreprocessingConfig

Image = str | Path | NDArray[Any]
Box = tuple[float, float, float, float]
logger = logging.getLogger(__name__)


class Laid(NamedTuple):
    """An image as networks see it, and which part of it that is.

    Attributes:
        pixels: size × size uint8, or size × size × 3.
        given: rows and columns of the image as it was given.
        kept: the same after the reduction that ingestion makes; all further px are of this size.
        region: what the square shows.
        field: rows and columns that fill the square, None: the region does.
    """

    pixels: NDArray[np.uint8]
    given: tuple[int, int]
    kept: tuple[int, int]
    region: Region
    field: Field | None


def lay(
    image: Image,
    wanted: PreprocessingConfig,
    max_side: int | None,
    mask: NDArray[Any] | None = None,
    box: Box | None = None,
    spacing: Spacing | None = None,
) -> Laid:
    """Reduce, crop, colour and resize an image as those of the training were.

    Args:
        image, mask, box, spacing: as in `osteon.recipes.artefact.Ensemble.prepare`.
        wanted: how the learner's images were prepared.
        max_side: longer side that ingestion kept, px; None: all.

    Raises:
        ValueError: as there.
    """
    from osteon.imaging.decode import load_display
    from osteon.imaging.prepare import prepare
    from osteon.imaging.resize import shrink, shrink_mask

    given = image if isinstance(image, np.ndarray) else load_display(Path(image))
    if mask is not None and mask.shape != given.shape[:2]:
        raise ValueError(f"mask: shape {mask.shape} found, {given.shape[:2]} of the image allowed")
    pixels = shrink(given, max_side)
    kept = pixels.shape[0], pixels.shape[1]
    scale = kept[0] / given.shape[0]
    drawn = None if mask is None else shrink_mask(mask, *kept)
    boxes = [] if box is None else [[scale * corner for corner in box]]
    field = field_on(given.shape, kept, wanted.field_mm, spacing)
    region = find_region(pixels, wanted.region, drawn, boxes)
    if region.note:
        logger.warning("%s", region.note)
    region = narrowed(region, field)
    blackened = wanted.region.apply_mask
    made = prepare(
        pixels,
        region=region,
        colour=wanted.colour,
        windows=wanted.windows,
        size=wanted.size,
        resize=wanted.resize,
        field=field,
        intensity=wanted.intensity,
        stretch=wanted.stretch.scaled(scale),
        mask=find_mask(pixels, wanted.region, drawn, boxes) if blackened else None,
    )
    return Laid(np.ascontiguousarray(made), (given.shape[0], given.shape[1]), kept, region, field)


def field_on(
    given: tuple[int, ...],
    kept: tuple[int, int],
    field_mm: float | None,
    spacing: Spacing | None,
) -> Field | None:
    """Rows and columns of a kept image that fill the square; None where no field was asked for.

    Args:
        given: rows and columns of the image as given; kept: after the reduction.
        field_mm: side of the square, mm.
        spacing: mm along rows and columns of the image as given.

    Raises:
        ValueError: there is a field, and no spacing of two positive numbers.
    """
    if field_mm is None:
        return None
    if spacing is None:
        raise ValueError(
            "spacing: none found; (row, column) in mm needed: the learner was trained on squares "
            f"of {field_mm:g} mm (preprocessing.field_mm)"
        )
    if np.shape(spacing) != (2,) or not (np.isfinite(spacing).all() and min(spacing) > 0):
        raise ValueError(f"spacing: {spacing} found, two positive numbers, in mm, needed")
    rows, columns = (
        mm * before / after for mm, before, after in zip(spacing, given[:2], kept, strict=True)
    )
    return field_of((rows, columns), field_mm)
