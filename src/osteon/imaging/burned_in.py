"""Is there writing in the pixels? A cheap suspicion, not de-identification.

What it can do: find lines of small typed text on an even background in the top and bottom fifth
of an image, which is where viewers, secondary captures and teaching files write names, dates and
window settings. What it cannot do: read the text, or see text that is hand-written, very large,
rotated, on a busy or noisy background, in the middle of the image, or a single short marker such
as a lead "R". It may also suspect a very noisy or finely ruled picture. Absence of suspicion is
no proof of absence, and a person has to look before images leave a hospital. Measured on real
pictures in tests/imaging/test_burned_in.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.picture import Array, Header
from osteon.imaging.resize import to_uint8

WINDOW, STEP = 64, 32
STRONG, FLAT = 40, 6
STROKES, EVEN = 8, 20
LINES = 5
SHARE = 0.2


def suspect_text(header: Header, pixels: Array) -> bool:
    """Whether writing in the pixels is stated or suspected.

    BurnedInAnnotation (0028,0301) decides where it is filled: it is mandatory in DX, and a
    maker's YES or NO knows more than a heuristic. Otherwise, the picture itself is looked at.

    Args:
        header: of the file.
        pixels: native size, (H, W) uint16 display values, int16 HU, or (H, W, 3) uint8.
    """
    if header.burned_in is not None:
        return header.burned_in
    if pixels.dtype == np.int16:
        return False  # HU straight from a scanner: an overlay would have been written on greys
    return text_lines(pixels) > 0


def text_lines(image: Array) -> int:
    """How many windows of the top and bottom fifth hold a line of typed text.

    A row of text crosses many sharp edges within a short width, and between the strokes the
    background is even; five such rows one upon the other make a line. Bone and noise have
    edges or evenness, rarely both on the same 64 pixels.

    Args:
        image: (H, W) uint8 or uint16 display values, or (H, W, 3) uint8.
    """
    if min(image.shape[:2]) < WINDOW:
        return 0
    high = max(LINES, int(image.shape[0] * SHARE))
    return _lines(image[:high]) + _lines(image[-high:])


def _lines(strip: Array) -> int:
    strip = to_uint8(strip)  # here, not before: the middle of the image is not looked at
    if strip.ndim == 3:
        strip = strip.max(axis=2)
    step = np.abs(np.diff(strip.astype(np.int16), axis=1))
    strokes, even = _windows(step >= STRONG), _windows(step <= FLAT)
    written = (strokes >= STROKES) & (even >= EVEN)
    if written.shape[0] < LINES:
        return 0
    total = np.cumsum(np.pad(written, ((1, 0), (0, 0))).astype(np.int32), axis=0)
    return int((total[LINES:] - total[:-LINES] == LINES).any(axis=0).sum())


def _windows(marks: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Counts in windows of 64 columns every 32: (rows, windows)."""
    total = np.cumsum(np.pad(marks, ((0, 0), (1, 0))), axis=1, dtype=np.int32)
    starts = np.arange(0, marks.shape[1] - WINDOW + 1, STEP)
    return total[:, starts + WINDOW] - total[:, starts]
