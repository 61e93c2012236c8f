"""Segmentations and NIfTI volumes made in memory for the tests of masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from osteon.imaging.picture import Frame, Header
from tests.dicom_makers import dataset

SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
SPACE = "1.2.3.4"


def item(**elements: Any) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def seg(
    path: Path,
    frames: np.ndarray,
    places: Sequence[tuple[float, float, float] | None],
    segments: Sequence[int],
    uids: Sequence[str] | None = None,
    orientation: Sequence[float] = SAGITTAL,
    referenced: Sequence[str] = (),
    step: float | None = None,
    **elements: Any,
) -> Path:
    """A SEG: frames (N, H, W) uint8, and for each its position, segment and source object."""
    given = {"Modality": "SEG", "SegmentationType": "BINARY", "FrameOfReferenceUID": SPACE}
    made = dataset(np.asarray(frames, np.uint8), **(given | elements))
    groups = []
    for number, (place, segment) in enumerate(zip(places, segments, strict=True)):
        group = item(SegmentIdentificationSequence=[item(ReferencedSegmentNumber=segment)])
        if place is not None:
            group.PlanePositionSequence = [item(ImagePositionPatient=list(place))]
        if uids is not None and uids[number]:
            source = item(ReferencedSOPInstanceUID=uids[number])
            group.DerivationImageSequence = [item(SourceImageSequence=[source])]
        groups.append(group)
    made.PerFrameFunctionalGroupsSequence = groups
    shared = item(PlaneOrientationSequence=[item(ImageOrientationPatient=list(orientation))])
    if step is not None:
        shared.PixelMeasuresSequence = [item(SpacingBetweenSlices=step)]
    made.SharedFunctionalGroupsSequence = [shared]
    if referenced:
        instances = [item(ReferencedSOPInstanceUID=uid) for uid in referenced]
        made.ReferencedSeriesSequence = [item(ReferencedInstanceSequence=instances)]
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def header(rows: int, columns: int, uid: str = "", **more: Any) -> Header:
    """Of a DICOM slice."""
    return Header("dicom", rows, columns, sop_uid=uid, **({"frame_of_reference": SPACE} | more))


def slice_at(position: Sequence[float] | None, number: int = 0, **more: Any) -> Frame:
    """A frame without pixels, where a sagittal slice lies."""
    place = None if position is None else tuple(float(value) for value in position)
    turned = None if place is None else SAGITTAL
    return Frame(np.zeros((1, 1)), number, position=place, **({"orientation": turned} | more))


def nifti(path: Path, data: np.ndarray, affine: np.ndarray, stated: bool = True) -> Path:
    import nibabel as nib

    made = nib.Nifti1Image(data, affine)
    made.header.set_data_dtype(data.dtype)
    made.set_sform(affine, code=2 if stated else 0)
    made.set_qform(affine, code=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(made, path)
    return path
