"""One door for every image file: look at its first bytes, open it with the right reader."""

from __future__ import annotations

from pathlib import Path

from osteon.imaging.dicom import open_dicom
from osteon.imaging.matlab import looks_like_matlab, open_matlab
from osteon.imaging.nifti import looks_like_nifti, open_nifti
from osteon.imaging.photo import open_photo
from osteon.imaging.picture import MAX_PIXELS, Array, Check, Picture
from osteon.imaging.refusals import Refused
from osteon.imaging.resize import shrink

PHOTO_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM")


def open_picture(
    path: Path,
    max_pixels: int = MAX_PIXELS,
    check: Check | None = None,
    hounsfield: bool = False,
    plane: str = "",
) -> Picture:
    """Open a DICOM, PNG, JPEG, TIFF, BMP, NIfTI or MATLAB file by its content, whatever its name.

    Args:
        path: the file.
        max_pixels: limit on rows x columns x frames, checked before anything is decoded.
        check: looks at the header before pixels are read, and raises Refused.
        hounsfield: a NIfTI volume holds HU (DICOM says so itself).
        plane: how a NIfTI volume is cut: SAGITTAL, CORONAL, AXIAL; anything else: as acquired.

    Returns:
        the header, and the frames to be decoded one at a time.

    Raises:
        Refused: with a code of `refusals.ADVICE`; no other exception leaves here or `frames()`.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        code = "missing_file" if isinstance(error, FileNotFoundError) else "decode_failed"
        raise Refused(code, f"the file cannot be opened ({type(error).__name__})") from None
    if not size:
        raise Refused("empty_file", "the file holds no bytes")
    if size > 16 * max_pixels + 2**26:
        raise Refused("too_large", "the file holds more bytes than the limit on pixels allows")
    try:
        if head[128:132] != b"DICM":
            if head.startswith(PHOTO_MAGIC):
                return open_photo(path, max_pixels, check)
            if looks_like_nifti(head):
                return open_nifti(path, max_pixels, check, hounsfield, plane)
            if looks_like_matlab(head):
                return open_matlab(path, max_pixels, check)
        return open_dicom(path, max_pixels, check)
    except Refused:
        raise
    except Exception as error:
        raise Refused("decode_failed", f"the header is damaged ({type(error).__name__})") from None


def load_display(
    path: str | Path, frame: int = 0, max_side: int | None = None, max_pixels: int = MAX_PIXELS
) -> Array:
    """One image of one file, just as the archive would keep it.

    Args:
        path: DICOM, PNG, JPEG, TIFF, BMP, NIfTI or MATLAB.
        frame: which frame, from 0.
        max_side: longer side that is kept, px; None keeps the native size. Give the cohort's
            own `max_side` to get the pixels that a model was trained on.
        max_pixels: limit on rows x columns x frames.

    Returns:
        (H, W) uint16 display values 0..65535; (H, W) int16 HU for a CT DICOM; (H, W, 3) uint8 if
        truly coloured.

    Raises:
        Refused: the file cannot be used, with a code.
        IndexError: `frame` is not in the file.
    """
    picture = open_picture(Path(path), max_pixels)
    if not 0 <= frame < picture.header.frames:
        raise IndexError(f"frame: {frame} is not in 0..{picture.header.frames - 1}")
    for found in picture.frames():
        if found.number == frame:
            return shrink(found.pixels, max_side)
    raise Refused("truncated", "the file ends before this frame")
