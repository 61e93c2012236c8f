"""Label maps of an image: PNG (or another picture), NIfTI, MATLAB, DICOM SEG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osteon.imaging.dicom_seg import read_seg
from osteon.imaging.matlab import load_truth, looks_like_matlab
from osteon.imaging.nifti import Labels, load_labels, looks_like_nifti
from osteon.imaging.photo import FORMATS
from osteon.imaging.picture import MAX_PIXELS, Array, Frame, Header, check_size
from osteon.imaging.plane import plane_word
from osteon.imaging.quiet import quiet
from osteon.imaging.refusals import Refused
from osteon.imaging.slice_labels import Plane, SliceLabels

Mask = NDArray[np.uint8]
Table = Sequence[int]
MaskOf = Callable[[Frame], Mask]
AFFINE = 1e-3
"""Largest difference, mm, of an element of two affines that describe one space."""
NAMED = 8
"""Unknown values that a reason names; of more it gives the number."""
COLOURED = ("RGB", "RGBA", "LA", "CMYK", "YCbCr")


def open_mask(
    path: Path, header: Header, max_pixels: int = MAX_PIXELS, table: Table = ()
) -> MaskOf:
    """A label map that fits an image.

    One file may serve a whole DICOM series: a segmentation with a frame a slice, or a NIfTI volume;
    see `slice_labels`. A NIfTI map of a single image is taken as ITK writes it: first axis along
    the columns, directions of the affine respected. A picture drawn in one colour is a mask of 0
    and 1.

    Args:
        path: the map.
        header: of the image; a NIfTI map must lie where a NIfTI image lies.
        max_pixels: limit, checked before decoding.
        table: what each stored value 0..255 becomes, negative: unknown (`cohorts.mask_values`);
            empty: values stay as they are.

    Returns:
        the map of a frame of the image: (rows, columns) uint8, native size. For a file that serves
        a series it raises Refused as well, mask_shape_mismatch or mask_geometry_mismatch.

    Raises:
        Refused: mask_unreadable, mask_shape_mismatch, mask_geometry_mismatch,
            mask_unknown_values, missing_file.
    """
    try:
        with quiet():
            path = Path(path)
            found = _open(path, header, max_pixels, bool(table))
    except FileNotFoundError:
        raise Refused("missing_file", "the mask is not there") from None
    except Refused as refused:
        code = refused.code if refused.code.startswith("mask_") else "mask_unreadable"
        about = "" if refused.reason.startswith("the mask") else "the mask: "
        raise Refused(code, about + refused.reason) from None
    except Exception as error:
        name = type(error).__name__
        raise Refused("mask_unreadable", f"the mask cannot be read ({name})") from None
    if isinstance(found, np.ndarray):
        _check_shape(found.shape, (header.frames, header.rows, header.columns))
        stack = to_classes(as_bytes(found), table)
        return lambda frame: stack[frame.number]
    of_frame = found
    return lambda frame: to_classes(as_bytes(of_frame(frame)), table)


def to_classes(labels: Mask, table: Table) -> Mask:
    """Stored values as indices of the classes.

    Args:
        labels: uint8.
        table: see `open_mask`.

    Returns:
        uint8 of the same shape.

    Raises:
        Refused: mask_unknown_values, naming the values found and the values that are known.
    """
    if not table:
        return labels
    known = np.asarray(table, np.int16)
    present = np.flatnonzero(np.bincount(labels.ravel(), minlength=len(known)))
    unknown = present[known[present] < 0]
    if unknown.size:
        allowed = _shortened(np.flatnonzero(known >= 0))
        raise Refused(
            "mask_unknown_values", f"the mask holds {_shortened(unknown)}; known are {allowed}"
        )
    return known.astype(np.uint8)[labels]


def as_bytes(labels: Array) -> Mask:
    """Label values as uint8, exactly; whole numbers of any type will do.

    Raises:
        Refused: mask_unreadable for fractions, NaN and numbers beyond 0..255.
    """
    if labels.dtype == np.bool_:
        return labels.astype(np.uint8)
    whole = labels if labels.dtype.kind in "ui" else np.rint(np.nan_to_num(labels))
    if whole.size and (whole.min() < 0 or whole.max() > 255 or np.any(whole != labels)):
        raise Refused("mask_unreadable", "the mask holds values that are not whole numbers 0..255")
    return np.ascontiguousarray(whole, np.uint8)


def _open(
    path: Path, header: Header, max_pixels: int, valued: bool
) -> Array | Callable[[Frame], Array]:
    """Labels of all frames, (frames, rows, columns), or how those of one frame are found."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head[128:132] == b"DICM":
        planes = _segmentation(path, path.stat().st_mtime_ns, max_pixels)
        return lambda frame: planes.of(header, frame)
    if looks_like_nifti(head):
        return _nifti(path, header, max_pixels)
    if looks_like_matlab(head):
        return load_truth(path, max_pixels)
    with Image.open(path, formats=FORMATS) as image:
        check_size(image.height, image.width, 1, max_pixels)
        return (_drawn(image, valued) if image.mode in COLOURED else np.asarray(image))[None]


# The files of a series follow each other, and all of them name one file of labels.
@lru_cache(maxsize=1)
def _segmentation(path: Path, changed: int, max_pixels: int) -> SliceLabels:
    return read_seg(path, max_pixels)


@lru_cache(maxsize=2)
def _labels(path: Path, changed: int, max_pixels: int, plane: str) -> Labels:
    return load_labels(path, max_pixels, plane)


def _nifti(path: Path, header: Header, max_pixels: int) -> Array | Callable[[Frame], Array]:
    if header.kind == "dicom":
        changed = path.stat().st_mtime_ns
        whole = _labels(path, changed, max_pixels, "")
        if whole.header.frames > 1:

            def of(frame: Frame) -> Array:
                plane = plane_word(frame.orientation)
                return _planes(_labels(path, changed, max_pixels, plane)).of(header, frame)

            return of
    labels = load_labels(path, max_pixels, header.view)
    _check_shape(labels.values.shape, (header.frames, header.rows, header.columns))
    if header.kind == "nifti":
        _check_space(header, labels)
    return labels.values


def _planes(labels: Labels) -> SliceLabels:
    """The slices of a volume that serves a series, each at its place."""
    places = labels.places or (None,) * len(labels.values)
    if len(places) != len(labels.values):
        raise Refused("mask_unreadable", "several volumes in one file, and the series is one")
    planes = zip(labels.values, places, strict=True)
    return SliceLabels([Plane(values, place) for values, place in planes])


def _check_space(header: Header, labels: Labels) -> None:
    """Two volumes of one shape must lie in one place: another flip would go unseen."""
    image, mask = header.affine, labels.header.affine
    if not image and not mask:
        return
    if not image or not mask:
        silent = "image" if mask else "mask"
        raise Refused(
            "mask_geometry_mismatch",
            f"the {silent} does not state where it lies (sform and qform codes 0), the other does",
        )
    apart = float(np.abs(np.subtract(image, mask)).max())
    if apart > AFFINE:
        raise Refused(
            "mask_geometry_mismatch",
            f"the affines of image and mask differ by {apart:.3g} mm; allowed is {AFFINE:g} mm",
        )


def _check_shape(found: tuple[int, ...], wanted: tuple[int, int, int]) -> None:
    if tuple(found) != wanted:
        mask, image = (" x ".join(map(str, shape)) for shape in (found, wanted))
        raise Refused("mask_shape_mismatch", f"the mask is {mask}, the image {image}")


def _drawn(image: Image.Image, valued: bool) -> Array:
    """A picture in colour as a label map.

    Args:
        image: of a mode with several channels.
        valued: values mean classes: a grey picture holds them, one in several colours does not.
            Else whatever is not black is lesion.
    """
    rgb = np.asarray(image.convert("RGB"))
    if not valued:
        return (rgb.max(axis=2) > 0).astype(np.uint8)
    if not np.ptp(rgb, axis=2).any():
        return rgb[..., 0]
    packed = rgb.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    if len(np.setdiff1d(packed, [0])) > 1:
        raise Refused(
            "mask_unreadable", "drawn in several colours; save a label map of one value a class"
        )
    return (packed > 0).astype(np.uint8)


def _shortened(values: NDArray[np.intp]) -> str:
    shown = ", ".join(map(str, values[:NAMED].tolist()))
    return f"{shown} and {len(values) - NAMED} more" if len(values) > NAMED else shown
