"""Read a DICOM segmentation (PS3.3 A.51; modules C.8.20) as planes of label values.

Binary and fractional objects hold one frame a segment and plane; their segments are put together
into one label map a plane, whose values are the segment numbers. A LABELMAP object holds such maps
already.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from osteon.imaging import tags
from osteon.imaging.dicom import DEFLATED, check_deflated
from osteon.imaging.picture import Array, check_size
from osteon.imaging.refusals import Refused
from osteon.imaging.slice_labels import Object, Plane, SliceLabels
from osteon.imaging.volume import Place

MICRON = 3
"""Decimals of a position in mm by which frames of one plane are put together."""


def read_seg(path: Path, max_pixels: int) -> SliceLabels:
    """Read a segmentation with all its frames.

    Args:
        path: a DICOM file.
        max_pixels: limit on rows x columns x frames, checked before decoding.

    Raises:
        Refused: mask_unreadable: no segmentation, segments that overlap or lie twice in one plane,
            a segment number beyond 255; too_large.
    """
    with path.open("rb") as file:
        if DEFLATED.encode() in file.read(1024):
            check_deflated(file, max_pixels)
        file.seek(0)
        dataset = pydicom.dcmread(file)
    if tags.code(dataset, "Modality") != "SEG":
        raise Refused("mask_unreadable", "a DICOM object that is no segmentation")
    frames = tags.integer(dataset, "NumberOfFrames") or 1
    rows, columns = tags.integer(dataset, "Rows") or 0, tags.integer(dataset, "Columns") or 0
    check_size(rows, columns, frames, max_pixels)
    pixels = _pixels(dataset, frames)
    groups: dict[object, list[int]] = defaultdict(list)
    facts = [_frame(dataset, number) for number in range(frames)]
    for number, (place, objects, _) in enumerate(facts):
        groups[_key(place, objects)].append(number)
    planes = []
    for members in groups.values():
        objects = frozenset().union(*(facts[number][1] for number in members))
        numbers = [facts[number][2] for number in members]
        labels = _together(dataset, [pixels[number] for number in members], numbers)
        planes.append(Plane(labels, facts[members[0]][0], objects))
    covered = {uid for plane in planes for uid, _ in plane.objects} | _referenced(dataset)
    space = tags.text(dataset, "FrameOfReferenceUID")
    return SliceLabels(planes, frozenset(covered), space, _step(dataset))


def _pixels(dataset: Dataset, frames: int) -> Array:
    """(frames, rows, columns): label values, or True where a frame's segment is."""
    pixels = dataset.pixel_array.reshape(frames, dataset.Rows, dataset.Columns)
    kind = tags.code(dataset, "SegmentationType")
    if kind == "LABELMAP":
        return pixels
    if kind == "FRACTIONAL":
        # more likely than not; values are of 8 bits, so the double must not wrap
        limit = tags.integer(dataset, "MaximumFractionalValue") or 255
        return pixels.astype(np.uint16) * 2 > limit
    return pixels > 0


def _frame(dataset: Dataset, number: int) -> tuple[Place | None, frozenset[Object], int]:
    """Where a frame lies, what it was drawn on, and its segment."""
    groups = tags.items(dataset, "PerFrameFunctionalGroupsSequence")[number : number + 1]
    groups += tags.items(dataset, "SharedFunctionalGroupsSequence")[:1]

    def found(keyword: str) -> list[Dataset]:
        return next((own for group in groups if (own := tags.items(group, keyword))), [])

    place, turned = found("PlanePositionSequence"), found("PlaneOrientationSequence")
    position = tags.numbers(place[0], "ImagePositionPatient", 3) if place else None
    orientation = tags.numbers(turned[0], "ImageOrientationPatient", 6) if turned else None
    segment = found("SegmentIdentificationSequence")
    objects = {
        one
        for derivation in found("DerivationImageSequence")
        for source in tags.items(derivation, "SourceImageSequence")
        for one in _objects(source)
    }
    return (
        Place(position, orientation) if position and orientation else None,
        frozenset(objects),
        (tags.integer(segment[0], "ReferencedSegmentNumber") or 0) if segment else 1,
    )


def _objects(source: Dataset) -> list[Object]:
    uid = tags.text(source, "ReferencedSOPInstanceUID")
    numbers = tags.value(source, "ReferencedFrameNumber")
    if numbers is None:
        return [(uid, 0)]
    many = numbers if hasattr(numbers, "__iter__") and not isinstance(numbers, str) else [numbers]
    return [(uid, int(number)) for number in many]


def _key(place: Place | None, objects: frozenset[Object]) -> object:
    """What frames of one plane share; frames that say neither lie in one plane."""
    if place is None:
        return objects
    return tuple(round(number, MICRON) for number in (*place.position, *place.orientation))


def _step(dataset: Dataset) -> float | None:
    """SpacingBetweenSlices (PS3.3 C.7.6.16.2.1), mm, where it is said and makes sense."""
    for group in tags.items(dataset, "SharedFunctionalGroupsSequence"):
        for measures in tags.items(group, "PixelMeasuresSequence"):
            step = tags.number(measures, "SpacingBetweenSlices")
            return step if step and step > 0 else None
    return None


def _referenced(dataset: Dataset) -> set[str]:
    """Images that the object as a whole refers to (PS3.3 C.12.2, Common Instance Reference)."""
    studies = tags.items(dataset, "StudiesContainingOtherReferencedInstancesSequence")
    return {
        tags.text(instance, "ReferencedSOPInstanceUID")
        for owner in (dataset, *studies)
        for series in tags.items(owner, "ReferencedSeriesSequence")
        for instance in tags.items(series, "ReferencedInstanceSequence")
    } - {""}


def _together(dataset: Dataset, frames: list[Array], numbers: list[int]) -> Array:
    """One label map from the frames of a plane."""
    if tags.code(dataset, "SegmentationType") == "LABELMAP":
        if len(frames) > 1:
            raise Refused("mask_unreadable", "a segmentation of several slices at one place")
        return frames[0]
    if len(set(numbers)) != len(numbers):
        raise Refused("mask_unreadable", "a segmentation of several slices at one place")
    labels = np.zeros(frames[0].shape, np.uint8)
    for number, frame in zip(numbers, frames, strict=True):
        if not 0 < number < 256:
            raise Refused("mask_unreadable", "a segment number that is not 1..255")
        twice = int(np.count_nonzero(labels[frame]))
        if twice:
            raise Refused("mask_unreadable", f"segments overlap: {twice} pixels have two labels")
        labels[frame] = number
    return labels
