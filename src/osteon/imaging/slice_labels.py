"""Label maps of the slices of a series, found by object or by place: a SEG, or a NIfTI volume.

One file holds the labels of many images. Which of its planes belongs to an image is decided by
identity first (the SOP Instance UID that a DICOM segmentation refers to) and by place otherwise,
never by the order of files.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.picture import Array, Frame, Header
from osteon.imaging.refusals import Refused
from osteon.imaging.volume import Place

NEAR = 0.1
"""Distance, mm, at which a plane of labels lies where a slice lies."""
TURN = 1e-3
"""Largest difference of a direction cosine (PS3.3 C.7.6.2.1.1) of one orientation."""

Object = tuple[str, int]
"""SOP Instance UID and frame number from 1; 0: the object has one frame, or all are meant."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One slice of labels: where it lies and what it was drawn on, as far as the file says."""

    labels: Array
    place: Place | None = None
    objects: frozenset[Object] = frozenset()


@dataclass(frozen=True, slots=True)
class SliceLabels:
    """The planes of a file, and which images it says it covers.

    Attributes:
        planes: of one size, no two at one place.
        covered: SOP Instance UIDs of images that the file was drawn on. One without a plane of its
            own has no label: empty frames need not be stored (PS3.3 C.8.20.2).
        frame_of_reference: UID that positions refer to; "" if unknown.
        step: distance of neighbouring slices, mm; None: the least distance of two planes.
    """

    planes: list[Plane]
    covered: frozenset[str] = field(default=frozenset(), repr=False)
    frame_of_reference: str = field(default="", repr=False)
    step: float | None = None

    def of(self, header: Header, frame: Frame) -> Array:
        """The labels of an image's frame.

        Args:
            header: of the image.
            frame: number and place are used, pixels are not.

        Returns:
            (rows, columns) as stored; zeros for an image that is covered and has no label.

        Raises:
            Refused: mask_shape_mismatch, mask_geometry_mismatch.
        """
        rows, columns = self.planes[0].labels.shape
        if (rows, columns) != (header.rows, header.columns):
            raise Refused(
                "mask_shape_mismatch",
                f"the mask's slices are {rows} x {columns}, the image {header.rows} x "
                f"{header.columns}",
            )
        plane = self._by_object(header, frame) or self._by_place(header, frame)
        if plane is not None:
            return plane.labels
        if not self._is_covered(header, frame):
            raise Refused(
                "mask_geometry_mismatch",
                "no slice of the mask refers to this image or lies where it lies "
                f"({len(self.planes)} slices looked at)",
            )
        return np.zeros((rows, columns), self.planes[0].labels.dtype)

    def _by_object(self, header: Header, frame: Frame) -> Plane | None:
        """The plane that was drawn on this very frame."""
        wanted = {(header.sop_uid, 0)} if header.frames == 1 else set()
        wanted.add((header.sop_uid, frame.number + 1))
        found = [plane for plane in self.planes if header.sop_uid and wanted & plane.objects]
        if not found:
            return None
        own = place_of(frame)
        apart = [one for one in found if own and one.place and not _same(own, one.place)]
        if apart or len(found) > 1:
            raise Refused(
                "mask_geometry_mismatch",
                "the mask refers to this image, but its slice lies elsewhere, is turned, or there "
                "are several",
            )
        return found[0]

    def _by_place(self, header: Header, frame: Frame) -> Plane | None:
        """The plane that lies where the frame lies, or the only one where no place is known."""
        own = place_of(frame)
        if own is None or self.planes[0].place is None:
            unnamed = not self.covered or not header.sop_uid
            alone = len(self.planes) == 1 and header.frames == 1 and unnamed
            return self.planes[0] if alone else None
        if not self._same_space(header):
            return None
        found = [one for one in self.planes if one.place and _same(own, one.place)]
        return min(found, key=lambda one: _apart(own, one.place)) if found else None

    def _is_covered(self, header: Header, frame: Frame) -> bool:
        """Whether the file says that it was drawn on this image, or on its very stack of slices."""
        named = bool(header.sop_uid) and header.sop_uid in self.covered
        if named and any(plane.objects for plane in self.planes):
            return True  # its planes name their images, and none names this one
        own, first = place_of(frame), self.planes[0].place
        if own is None or first is None:
            return named
        return (named or self._same_space(header, stated=True)) and self._on_lattice(own, first)

    def _on_lattice(self, own: Place, first: Place) -> bool:
        """Whether a place is one of the steps of this stack of planes, beyond or between them."""
        if not _parallel(own, first):
            return False
        across = np.cross(first.orientation[:3], first.orientation[3:])
        way = _way(first, own)
        along = float(way @ across)
        if np.linalg.norm(way - along * across) > NEAR:
            return False
        heights = sorted(float(_way(first, p.place) @ across) for p in self.planes if p.place)
        step = self.step or float(min(np.diff(heights), default=0.0))
        return not step or abs(along - round(along / step) * step) <= NEAR

    def _same_space(self, header: Header, stated: bool = False) -> bool:
        spaces = {header.frame_of_reference, self.frame_of_reference}
        return len(spaces - {""}) == 1 == len(spaces) if stated else len(spaces - {""}) < 2


def place_of(frame: Frame) -> Place | None:
    """Where a frame lies, if its file says position and orientation."""
    if frame.position is None or frame.orientation is None:
        return None
    return Place(frame.position, frame.orientation)


def _same(one: Place, other: Place | None) -> bool:
    return other is not None and _parallel(one, other) and _apart(one, other) <= NEAR


def _parallel(one: Place, other: Place) -> bool:
    return bool(np.abs(np.subtract(one.orientation, other.orientation)).max() <= TURN)


def _apart(one: Place, other: Place | None) -> float:
    return float("inf") if other is None else float(np.linalg.norm(_way(one, other)))


def _way(one: Place, other: Place) -> NDArray[np.float64]:
    return np.subtract(other.position, one.position)
