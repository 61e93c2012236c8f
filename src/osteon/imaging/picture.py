"""What decoding hands on: a file's facts, and its frames one at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.refusals import Refused

MAX_PIXELS = 2**28
COLOUR_SPREAD = 24
COLOUR_SHARE = 0.01

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Header:
    """Facts of one file, read before its pixels.

    `patient_id`, `sop_uid`, `series_uid`, `frame_of_reference` identify, and `descriptions` may:
    they are for the door only and are never written as they stand. The other texts are cleaned code
    strings, "" where unknown.

    Attributes:
        kind: dicom, picture, nifti or matlab.
        modality: DICOM Modality (0008,0060); "" for a file without one.
        rows, columns, frames: native size, pixels.
        transfer_syntax: DICOM UID, or PNG, JPEG, ..., NIfTI, MATLAB.
        spacing: row and column spacing in mm, or None.
        burned_in: BurnedInAnnotation (0028,0301) as True or False; None when it says nothing.
        localizer: ImageType names a LOCALIZER.
        descriptions: Series Description and Protocol Name of an MR object.
        affine: of a volume that states where it lies, rows of a 3 x 4 matrix from (column, row,
            frame, 1) to mm in the patient's coordinates (left, posterior, superior); else ().
    """

    kind: str
    rows: int
    columns: int
    frames: int = 1
    transfer_syntax: str = ""
    modality: str = ""
    view: str = ""
    laterality: str = ""
    body_part: str = ""
    manufacturer: str = ""
    model: str = ""
    spacing: tuple[float, float] | None = None
    burned_in: bool | None = None
    localizer: bool = False
    patient_id: str = ""
    sop_uid: str = ""
    series_uid: str = ""
    frame_of_reference: str = ""
    descriptions: tuple[str, ...] = field(default=(), repr=False)
    affine: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        pixels: (H, W) uint16 display values 0..65535; (H, W) int16 HU for CT with a modality step;
            (H, W, 3) uint8 only where the image is truly coloured.
        number: 0-based place in the file.
        instance: InstanceNumber, or the position in the stack; None if unknown.
        position: ImagePositionPatient, mm; orientation: ImageOrientationPatient, unit cosines.
        spacing: row and column spacing, mm.
        sequence: T1WI, T2WI, FS-T2WI or Gd-T1WI by an MR header; "" for all else.
        undefined: pixels whose stored value was no finite number.
    """

    pixels: Array
    number: int = 0
    instance: int | None = None
    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    spacing: tuple[float, float] | None = None
    laterality: str = ""
    sequence: str = ""
    undefined: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """A file opened: its header is read, its pixels are not.

    Attributes:
        header: what the file says of itself.
        frames: call it once to decode; yields frame after frame, raises Refused.
    """

    header: Header
    frames: Callable[[], Iterator[Frame]]


Check = Callable[[Header], None]
"""Looks at a header and raises Refused when its pixels are not wanted."""


def check_size(rows: int, columns: int, frames: int, max_pixels: int) -> None:
    """Refuse a header that promises no pixels or more than the limit, before any is decoded.

    Raises:
        Refused: no_pixels, too_large.
    """
    if rows <= 0 or columns <= 0 or frames <= 0:
        raise Refused("no_pixels", f"the header says {rows} x {columns} x {frames} pixels")
    if rows * columns * frames > max_pixels:
        raise Refused(
            "too_large",
            f"the header says {rows} x {columns} x {frames} pixels, more than {max_pixels}",
        )


def colour_or_grey(rgb: NDArray[np.uint8]) -> Array:
    """A colour image as uint8 RGB if it is truly coloured, else as uint16 grey.

    Scanners and viewers save grey radiographs as RGB. Truly coloured means: in more than 1 % of the
    pixels the channels differ by more than 24 of 255 (JPEG's own chroma noise is below that).

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        the input, or (H, W) uint16 luminance 0..65535 (ITU-R BT.601 weights).
    """
    spread = rgb.max(axis=2) - rgb.min(axis=2)
    if (spread > COLOUR_SPREAD).mean() > COLOUR_SHARE:
        return np.ascontiguousarray(rgb)
    if not spread.any():
        return rgb[..., 0].astype(np.uint16) * np.uint16(257)
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    return np.rint(grey * 257.0).astype(np.uint16)
