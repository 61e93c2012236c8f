"""Open a MATLAB file (version 5): a volume `I` of sagittal slices, perhaps with labels `GT`.

Read here are numbers only. SciPy builds Python objects from a file's structs, cells and function
handles; the directory of variables is looked at first, and nothing else than a numeric array of a
known size is loaded. A MATLAB file states no spacing and no place: 1 mm in all directions is what
the public set of vertebral bodies documents, see `cohorts.vertebral_bodies`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from osteon.imaging.greyscale import DISPLAY_MAX
from osteon.imaging.picture import MAX_PIXELS, Array, Check, Frame, Header, Picture, check_size
from osteon.imaging.quiet import quiet
from osteon.imaging.refusals import Refused

IMAGE, TRUTH = "I", "GT"
SPACING = (1.0, 1.0)
NUMBERS = frozenset(
    {"uint8", "int8", "uint16", "int16", "uint32", "int32", "single", "double", "logical"}
)
"""MATLAB classes that are read. `whosmat` names the class, loading may give a smaller type."""
COMPRESSED = 15
"""Type of an element of the file that holds a variable in zlib's format."""
VALUE_BYTES, SPARE = 8, 2**24
"""Of the largest class in `NUMBERS`, and of what stands beside the values."""


def looks_like_matlab(head: bytes) -> bool:
    """Whether the first 128 bytes are the header of a MATLAB 5 file (little- or big-endian)."""
    return head[:10] == b"MATLAB 5.0" and head[126:128] in (b"IM", b"MI")


def open_matlab(path: Path, max_pixels: int = MAX_PIXELS, check: Check | None = None) -> Picture:
    """Read the directory of a MATLAB file.

    Args:
        path: a file of version 5 with a variable `I`, (rows, columns, slices).
        max_pixels: limit on the number of voxels, checked before anything is inflated.
        check: looks at the header before the voxels are read, and raises Refused.

    Returns:
        sagittal slices of 1 mm pixels; values are spread over 0..65535 by the range of the whole
        volume, so that slices stay comparable.

    Raises:
        Refused: decode_failed, too_large, no_pixels; mask_shape_mismatch where the file has labels
            of another size: nobody can tell which slices belong together.
    """
    known = _directory(path)
    shape = _checked(known, IMAGE, max_pixels)
    if TRUTH in known and (truth := _checked(known, TRUTH, max_pixels)) != shape:
        found, wanted = (" x ".join(map(str, sides)) for sides in (truth, shape))
        raise Refused("mask_shape_mismatch", f"its labels are {found}, its image {wanted}")
    rows, columns, slices = shape
    header = Header(
        kind="matlab",
        rows=rows,
        columns=columns,
        frames=slices,
        transfer_syntax="MATLAB",
        view="SAGITTAL",
        spacing=SPACING,
    )
    if check is not None:
        check(header)
    return Picture(header, lambda: _decode(path, max_pixels))


def load_truth(path: Path, max_pixels: int = MAX_PIXELS) -> Array:
    """The labels of a MATLAB file.

    Returns:
        (slices, rows, columns) as stored, in the order of `open_matlab`.

    Raises:
        Refused: decode_failed, too_large, no_pixels.
    """
    _checked(_directory(path), TRUTH, max_pixels)
    return _stack(path, TRUTH, max_pixels)


class _Variable(NamedTuple):
    """What the directory of a file says of a variable: its shape and its MATLAB class."""

    shape: tuple[int, ...]
    kind: str


def _directory(path: Path) -> dict[str, _Variable]:
    from scipy.io import whosmat

    try:
        with quiet():
            found = whosmat(path)
    except Exception as error:
        raise Refused("decode_failed", f"the header is damaged ({type(error).__name__})") from None
    known = {name: _Variable(tuple(shape), kind) for name, shape, kind in found}
    if len(known) != len(found):  # the one that was checked might not be the one that is loaded
        raise Refused("decode_failed", "the MATLAB file holds two variables of one name")
    return known


def check_inflated(path: Path, limit: int) -> None:
    """Inflate each variable once without keeping it, so that a small file cannot fill the memory.

    The directory says what a variable's shape is, and SciPy reads what its data element holds.

    Args:
        path: a MATLAB 5 file.
        limit: bytes of one variable, at most.

    Raises:
        Refused: too_large.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        order: Literal["little", "big"] = "big" if file.read(128)[126:128] == b"MI" else "little"
        while len(tag := file.read(8)) == 8:
            kind, length = (int.from_bytes(tag[at : at + 4], order) for at in (0, 4))
            after = file.tell() + length
            if kind == COMPRESSED:
                length = _inflated(file.read(length), limit)
            if length > limit:
                raise Refused(
                    "too_large", "a variable holds more bytes than the limit of pixels takes"
                )
            file.seek(min(after, size))


def _inflated(raw: bytes, limit: int) -> int:
    """Bytes of a zlib stream, counted until they are more than a limit."""
    inflate, total = zlib.decompressobj(), 0
    try:
        while raw and total <= limit and not inflate.eof:
            total += len(inflate.decompress(raw, 2**20))
            raw = inflate.unconsumed_tail
    except zlib.error:
        raise Refused("decode_failed", "a variable cannot be inflated") from None
    return total


def _checked(known: dict[str, _Variable], name: str, max_pixels: int) -> tuple[int, int, int]:
    """Rows, columns and slices of a variable that may be loaded."""
    if name not in known:
        raise Refused("no_pixels", f"the MATLAB file has no variable {name}")
    shape, kind = known[name]
    if kind not in NUMBERS:
        raise Refused("decode_failed", f"the variable {name} is no array of numbers")
    if len(shape) not in (2, 3):
        raise Refused("decode_failed", f"the variable {name} has {len(shape)} axes, wanted are 3")
    rows, columns, slices = (*shape, 1)[:3]
    check_size(rows, columns, slices, max_pixels)
    return rows, columns, slices


def _stack(path: Path, name: str, max_pixels: int) -> Array:
    from scipy.io import loadmat

    check_inflated(path, VALUE_BYTES * max_pixels + SPARE)
    try:
        with quiet():
            volume = np.asarray(loadmat(path, variable_names=[name])[name])
    except Exception as error:
        name = type(error).__name__
        raise Refused("decode_failed", f"the voxels cannot be read ({name})") from None
    if volume.dtype.kind not in "uifb":
        raise Refused("decode_failed", f"the variable {name} is no array of real numbers")
    return np.moveaxis(np.atleast_3d(volume), 2, 0)


def _decode(path: Path, max_pixels: int) -> Iterator[Frame]:
    stack = _stack(path, IMAGE, max_pixels)
    finite = stack[np.isfinite(stack)] if stack.dtype.kind == "f" else stack
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    step = DISPLAY_MAX / (high - low) if high > low else 0.0
    for number, frame in enumerate(stack):
        values = np.nan_to_num(frame.astype(np.float64), nan=low, posinf=high, neginf=low)
        pixels = np.rint((values - low) * step).astype(np.uint16)
        undefined = int(np.count_nonzero(~np.isfinite(frame)))
        yield Frame(pixels, number, number + 1, spacing=SPACING, undefined=undefined)
