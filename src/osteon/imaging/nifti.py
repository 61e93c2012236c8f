"""Open a NIfTI file: slices as they would be shown, whatever order the array is stored in.

The volume is turned to left-posterior-superior axes (nibabel's orientations), so that a slice has
the patient's right on the image's left and the head or the front at the top, as DICOM shows it.
Turning never resamples: the slices of an oblique volume stay oblique, and where they lie is said in
DICOM's terms (PS3.3 C.7.6.2.1.1) from the affine, if the file states one.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from osteon.imaging.greyscale import DISPLAY_MAX
from osteon.imaging.picture import (
    MAX_PIXELS,
    Array,
    Check,
    Frame,
    Header,
    Picture,
    check_size,
    colour_or_grey,
)
from osteon.imaging.quiet import quiet
from osteon.imaging.refusals import Refused
from osteon.imaging.volume import PLANES, Place, axes_of, cut, places_of, slice_affine

HEADER_BYTES = 540
MAGIC = (b"n+1\0", b"n+2\0")
LOWEST_HU = -1024.0
"""Stands for a voxel of a CT that is no number: air, and what scanners pad with."""


def looks_like_nifti(head: bytes) -> bool:
    """Whether the first bytes are a single-file NIfTI-1 or NIfTI-2 header, perhaps in gzip."""
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEADER_BYTES)
        except zlib.error:
            return False
    return head[344:348] in MAGIC or head[4:8] in MAGIC


def open_nifti(
    path: Path,
    max_pixels: int = MAX_PIXELS,
    check: Check | None = None,
    hounsfield: bool = False,
    plane: str = "",
) -> Picture:
    """Read a NIfTI header (.nii, .nii.gz).

    A voxel that is no finite number becomes the lowest of its volume (+infinity the highest), or
    -1024 HU, and is counted in `Frame.undefined`. Voxels of type RGB are decoded as colour.

    Args:
        path: the file.
        max_pixels: limit on the number of voxels, checked before anything is inflated.
        check: looks at the header before the voxels are read, and raises Refused.
        hounsfield: the values are HU and are kept as int16; else they are spread over 0..65535
            by the range of the whole volume, so that slices stay comparable.
        plane: SAGITTAL, CORONAL or AXIAL slices are wanted; anything else: as acquired, which is
            across the coarsest axis, and axial where all are equal.

    Raises:
        Refused: decode_failed, too_large, no_pixels.
    """
    plan = _plan(path, max_pixels, plane)
    if check is not None:
        check(plan.header)
    return Picture(plan.header, lambda: _decode(path, plan, hounsfield))


class Labels(NamedTuple):
    """A NIfTI label map, turned and sliced as `open_nifti` does with an image.

    Attributes:
        values: (frames, rows, columns) of the stored type, slope and intercept applied.
        header: of the map.
        places: where the slices of one volume lie; None if the file does not state it.
    """

    values: Array
    header: Header
    places: tuple[Place, ...] | None


def load_labels(path: Path, max_pixels: int = MAX_PIXELS, plane: str = "") -> Labels:
    """Read a NIfTI label map.

    Args:
        path, max_pixels, plane: as for `open_nifti`.

    Raises:
        Refused: decode_failed, too_large, no_pixels.
    """
    plan = _plan(path, max_pixels, plane)
    with _reader(path) as file:
        volume = _volume(plan.kind.from_bytes(file.read(plan.limit)), plan.turn)
    if volume.ndim == 5:
        raise Refused("decode_failed", "colour voxels are no labels")
    return Labels(cut(volume, plan.header.view), plan.header, plan.places)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a volume is read: its class, the turn of its axes, its header, its most bytes, and
    where the slices of one volume lie.
    """

    kind: Any
    turn: np.ndarray[Any, Any]
    header: Header
    limit: int
    places: tuple[Place, ...] | None


def _plan(path: Path, max_pixels: int, plane: str) -> _Plan:
    import nibabel as nib  # a third of a second that a cohort without NIfTI need not wait

    try:
        with quiet(), _reader(path) as file:
            raw = file.read(HEADER_BYTES)
            kind: Any = nib.Nifti2Image if raw[4:8] in MAGIC else nib.Nifti1Image
            size = kind.header_class.template_dtype.itemsize
            info = kind.header_class(raw[:size], check=False)
            shape = tuple(int(length) for length in info.get_data_shape())
            stored = info.get_best_affine()
            turn = _turn(stored)
            offset = int(info.get_data_offset())
    except Exception as error:
        raise Refused("decode_failed", f"the header is damaged ({type(error).__name__})") from None
    if len(shape) < 2:
        raise Refused("no_pixels", f"the header says {len(shape)} dimensions")
    shape = (*shape, 1) if len(shape) == 2 else shape
    check_size(shape[0], shape[1], math.prod(shape[2:]), max_pixels)
    spacing = [float(abs(zoom)) for zoom in info.get_zooms()[:3]] + [1.0] * 3
    stated = bool(info["sform_code"] or info["qform_code"])
    affine = _turned(stored, turn, shape) if stated else None
    if affine is not None:
        spacing = np.linalg.norm(stored[:3, :3], axis=0).tolist()
    header = _header(shape, turn, spacing, affine, plane if plane in PLANES else "")
    limit = math.prod(shape) * info.get_data_dtype().itemsize + min(offset, 2**24)
    slices = header.frames // math.prod(shape[3:])
    return _Plan(kind, turn, header, limit, places_of(header.affine, slices))


def _reader(path: Path) -> Any:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else path.open("rb")


def _turn(affine: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The flips and swaps from stored axes to left, posterior, superior."""
    from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

    stored = io_orientation(affine)
    if np.isnan(stored).any():  # a flat or zero affine says nothing: leave the axes
        stored = np.array([[0, 1], [1, 1], [2, 1]], float)
    return ornt_transform(stored, axcodes2ornt(("L", "P", "S")))


def _turned(
    affine: np.ndarray[Any, Any], turn: np.ndarray[Any, Any], shape: tuple[int, ...]
) -> np.ndarray[Any, Any] | None:
    """The affine of the turned volume; None where it says nothing."""
    from nibabel.orientations import inv_ornt_aff

    length = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or length.min() <= 0:
        return None
    return np.asarray(affine @ inv_ornt_aff(turn, shape[:3]), np.float64)


def _slice_axis(spacing: list[float], size: list[int]) -> int:
    """The axis (after turning) across slices: that of a single slice; else the coarsest one, and
    superior when all are equal.
    """
    if size.count(1) == 1:
        return size.index(1)
    widest = max(spacing)
    return max(axis for axis in range(3) if spacing[axis] > 0.99 * widest)


def _header(
    shape: tuple[int, ...],
    turn: np.ndarray[Any, Any],
    spacing: list[float],
    affine: np.ndarray[Any, Any] | None,
    view: str,
) -> Header:
    turned, size = [0.0] * 3, [0] * 3
    for stored, (axis, _) in enumerate(turn):
        turned[int(axis)], size[int(axis)] = spacing[stored], shape[stored]
    as_acquired = PLANES[_slice_axis(turned, size)]
    across, down, over = axes_of(as_acquired if 1 in size or not view else view)
    pair = (turned[down], turned[over])
    return Header(
        kind="nifti",
        rows=size[down],
        columns=size[over],
        frames=size[across] * math.prod(shape[3:]),
        transfer_syntax="NIfTI",
        spacing=pair if min(pair) > 0 else None,
        view=PLANES[across],
        affine=() if affine is None else slice_affine(affine, size[2], PLANES[across]),
    )


def _decode(path: Path, plan: _Plan, hounsfield: bool) -> Iterator[Frame]:
    header = plan.header
    with quiet():
        try:
            with _reader(path) as file:
                raw = file.read(plan.limit)  # never more than the header promised
            volume = _volume(plan.kind.from_bytes(raw), plan.turn)
            stack = cut(volume, header.view)
            show = _scale(volume, hounsfield)
            for number in range(header.frames):
                yield _frame(plan, number, show(stack[number]), _undefined(stack[number]))
        except (EOFError, OSError):
            raise Refused("truncated", "the file ends before its voxels do") from None
        except Refused:
            raise
        except Exception as error:
            name = type(error).__name__
            raise Refused("decode_failed", f"the voxels cannot be read ({name})") from None


def _frame(plan: _Plan, number: int, pixels: Array, undefined: int) -> Frame:
    """A slice with its place; volumes of a time series lie in one place."""
    place = plan.places[number % len(plan.places)] if plan.places else None
    return Frame(
        pixels,
        number,
        number + 1,
        position=place.position if place else None,
        orientation=place.orientation if place else None,
        spacing=plan.header.spacing,
        undefined=undefined,
    )


def _undefined(stored: Array) -> int:
    """Pixels that are no finite number."""
    return int(np.count_nonzero(~np.isfinite(stored))) if stored.dtype.kind == "f" else 0


def _volume(image: Any, turn: Any) -> Array:
    """Voxels (left, posterior, superior, time) with the header's slope and intercept applied."""
    from nibabel.orientations import apply_orientation

    data = np.asanyarray(image.dataobj)
    if data.dtype.names:  # RGB or RGBA voxels: a colour axis of its own, at the end
        data = np.stack([data[name] for name in data.dtype.names[:3]], axis=-1)
        data = data.reshape(*_three(data.shape[:-1]), -1, 3)
    else:
        data = data.reshape(*_three(data.shape), -1)
    return apply_orientation(data, turn)


def _three(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:3], *(1,) * (3 - len(shape)))


def _scale(volume: Array, hounsfield: bool) -> Any:
    if volume.ndim == 5:
        return lambda frame: colour_or_grey(np.ascontiguousarray(frame, np.uint8))
    if np.iscomplexobj(volume):
        raise Refused("decode_failed", "complex voxels have no grey values")
    if hounsfield:
        return lambda frame: np.rint(
            np.clip(np.nan_to_num(frame, nan=LOWEST_HU), -32768, 32767)
        ).astype(np.int16)
    finite = volume[np.isfinite(volume)] if volume.dtype.kind == "f" else volume
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    step = DISPLAY_MAX / (high - low) if high > low else 0.0

    def show(frame: Array) -> Array:
        values = np.nan_to_num(frame.astype(np.float64), nan=low, posinf=high, neginf=low)
        return np.rint((values - low) * step).astype(np.uint16)

    return show
