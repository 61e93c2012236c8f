"""Label maps of an image: PNG (or another picture), NIfTI, DICOM SEG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from osteon.imaging import tags
from osteon.imaging.nifti import load_labels, looks_like_nifti
from osteon.imaging.photo import FORMATS
from osteon.imaging.picture import MAX_PIXELS, Array, check_size
from osteon.imaging.quiet import quiet
from osteon.imaging.refusals import Refused

Mask = NDArray[np.uint8]


def read_mask(
    path: Path, rows: int, columns: int, frames: int = 1, max_pixels: int = MAX_PIXELS
) -> Mask:
    """A label map that fits an image.

    A NIfTI map of a single image is taken as ITK writes it: first axis along the columns,
    directions of the affine respected.

    Args:
        path: the map.
        rows, columns, frames: of the image, native size.
        max_pixels: limit, checked before decoding.

    Returns:
        (frames, rows, columns) uint8, 0 is background. A map of one frame for an image of
        several is refused.

    Raises:
        Refused: mask_unreadable, mask_shape_mismatch, missing_file.
    """
    try:
        with quiet():
            labels = _labels(Path(path), max_pixels)
    except FileNotFoundError:
        raise Refused("missing_file", "the mask is not there") from None
    except Refused as refused:
        raise Refused("mask_unreadable", f"the mask: {refused.reason}") from None
    except Exception as error:
        name = type(error).__name__
        raise Refused("mask_unreadable", f"the mask cannot be read ({name})") from None
    if labels.shape != (frames, rows, columns):
        found = " x ".join(map(str, labels.shape))
        raise Refused(
            "mask_shape_mismatch", f"the mask is {found}, the image {frames} x {rows} x {columns}"
        )
    return _as_bytes(labels)


def _labels(path: Path, max_pixels: int) -> Array:
    with path.open("rb") as file:
        head = file.read(4096)
    if head[128:132] == b"DICM":
        return _segmentation(path, max_pixels)
    if looks_like_nifti(head):
        return load_labels(path, max_pixels)
    with Image.open(path, formats=FORMATS) as image:
        check_size(image.height, image.width, 1, max_pixels)
        if image.mode in ("RGB", "RGBA", "LA", "CMYK", "YCbCr"):
            # drawn in colour: whatever is not black is lesion
            return (np.asarray(image.convert("RGB")).max(axis=2) > 0).astype(np.uint8)[None]
        return np.asarray(image)[None]


def _as_bytes(labels: Array) -> Mask:
    """Label values as uint8, exactly."""
    if labels.dtype == np.bool_:
        return labels.astype(np.uint8)
    whole = labels if labels.dtype.kind in "ui" else np.rint(np.nan_to_num(labels))
    if whole.size and (whole.min() < 0 or whole.max() > 255 or np.any(whole != labels)):
        raise Refused("mask_unreadable", "the mask holds values that are not whole numbers 0..255")
    return np.ascontiguousarray(whole, np.uint8)


def _segmentation(path: Path, max_pixels: int) -> Array:
    """A DICOM SEG (PS3.3 A.51) of a single-frame image: at most one frame a segment."""
    dataset = pydicom.dcmread(path)
    if tags.code(dataset, "Modality") != "SEG":
        raise Refused("mask_unreadable", "a DICOM object that is no segmentation")
    frames = tags.integer(dataset, "NumberOfFrames") or 1
    check_size(int(dataset.Rows), int(dataset.Columns), frames, max_pixels)
    kind = tags.code(dataset, "SegmentationType")
    pixels = dataset.pixel_array.reshape(frames, int(dataset.Rows), int(dataset.Columns))
    if kind == "LABELMAP":
        if frames != 1:
            raise Refused("mask_unreadable", "a segmentation of several slices")
        return pixels
    if kind == "FRACTIONAL":
        pixels = pixels * 2 > (tags.integer(dataset, "MaximumFractionalValue") or 255)
    numbers = [_segment(dataset, frame) for frame in range(frames)]
    if len(set(numbers)) != frames:
        raise Refused("mask_unreadable", "a segmentation of several slices")
    labels = np.zeros(pixels.shape[1:], np.uint8)
    for number, frame in zip(numbers, pixels, strict=True):
        if not 0 < number < 256:
            raise Refused("mask_unreadable", "a segment number that is not 1..255")
        labels[frame > 0] = number
    return labels[None]


def _segment(dataset: Dataset, frame: int) -> int:
    own = tags.items(dataset, "PerFrameFunctionalGroupsSequence")[frame : frame + 1]
    for group in own + tags.items(dataset, "SharedFunctionalGroupsSequence"):
        for item in tags.items(group, "SegmentIdentificationSequence"):
            return tags.integer(item, "ReferencedSegmentNumber") or 0
    return 1
