"""Write label maps of a series as a binary DICOM SEG (PS3.3 A.51), with highdicom.

Nothing that names a patient is known here: the file carries pseudonyms, and UIDs that are derived
from them. `osteon.imaging.derived_uids` says how they lead back to a hospital's own images.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, MRImageStorage

from osteon import __version__
from osteon.imaging.derived_uids import derived_uid
from osteon.imaging.geometry import normal_of
from osteon.imaging.slice_planes import (
    SlicePlane,
    check_maps,
    check_parallel,
    maps_of_files,
    same_place,
)

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

STORAGE = {"MR": MRImageStorage, "CT": CTImageStorage}
CODED = {
    "tumour": ("MorphologicallyAbnormalStructure", "Neoplasm"),
    "tumor": ("MorphologicallyAbnormalStructure", "Neoplasm"),
    "lesion": ("MorphologicallyAbnormalStructure", "Lesion"),
    "vertebra": ("AnatomicalStructure", "Vertebra"),
}
"""Class → SNOMED CT category (CID 7150) and type, by their names in `pydicom.sr.codedict`."""

Masks = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Segment:
    """What a label value stands for (PS3.3 C.8.20.2).

    Attributes:
        label: in the user's words, 1 to 64 characters.
        category, type: codes, for instance of SNOMED CT.
    """

    label: str
    category: Code
    type: Code


@dataclass(frozen=True, slots=True)
class Series:
    """The series that was segmented, by its pseudonyms.

    Attributes:
        patient: pseudonym of the patient.
        name: pseudonym of the series.
        samples: `sample_id` of each slice, S of them, all different.
        modality: MR or CT.
    """

    patient: str
    name: str
    samples: tuple[str, ...]
    modality: str = "MR"


def segment_of(name: str) -> Segment:
    """The segment of a class, coded where we know its code, else as tissue of that name."""
    from pydicom.sr.codedict import codes

    category, kind = CODED.get(name, ("Tissue", "Tissue"))
    return Segment(name, getattr(codes.SCT, category), getattr(codes.SCT, kind))


def write_seg(
    path: Path,
    masks: Masks,
    planes: Sequence[SlicePlane],
    segments: Mapping[int, Segment],
    series: Series,
    *,
    created: datetime,
    algorithm: str | None = None,
    description: str = "",
) -> UID:
    """Write label maps of one series as a binary DICOM SEG.

    Segments are numbered 1, 2, ... in the order of their values, as a binary SEG must (PS3.3
    C.8.20.2). A segment that shows nowhere is described and has no frame; where none shows at all,
    frames of zeros are written, because an image has one at least.

    Args:
        path: of the file; what is there is replaced.
        masks: (S, H, W) label values, in any order of slices; H × W is the archive's size, and
            another size than the file's is brought to it by nearest neighbour.
        planes: S, where the slices lie.
        segments: value → what it stands for, 1 or more; 0 is background.
        series: S slices.
        created: when; with it the bytes of the file depend on the arguments alone.
        algorithm: name of what drew the maps; None: a person.
        description: of the series, at most 64 characters.

    Returns:
        the SOPInstanceUID, derived from all of this.

    Raises:
        ValueError: arguments that do not fit, a value without a segment, another modality, slices
            that are not parallel (`check_parallel`), or two at one place.
    """
    from highdicom.seg import Segmentation, SegmentationTypeValues

    _check(masks, planes, segments, series)
    labels = _numbered(maps_of_files(masks, planes), segments)
    uid = _instance_uid(labels, series, created, algorithm)
    made = Segmentation(
        source_images=_sources(planes, series),
        pixel_array=labels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=_descriptions(segments, algorithm),
        series_instance_uid=derived_uid("segmentation series", f"{series.name}/{algorithm}"),
        series_number=1,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer="osteon",
        manufacturer_model_name="osteon",
        software_versions=__version__,
        device_serial_number="0",
        content_label="SEGMENTATION",
        series_description=description or None,
    )
    _pin(made, created, uid)
    made.save_as(path)
    return uid


def _check(
    masks: Masks,
    planes: Sequence[SlicePlane],
    segments: Mapping[int, Segment],
    series: Series,
) -> None:
    check_maps(masks, planes)
    check_parallel(planes)
    if len(series.samples) != len(masks) or len(set(series.samples)) != len(masks):
        raise ValueError(
            f"series: {len(set(series.samples))} different samples found for {len(masks)} masks"
        )
    if both := same_place(planes):
        first, second = (series.samples[at] for at in both)
        raise ValueError(
            f"series {series.patient}/{series.name}: slices {first} and {second} lie at the same "
            "place; one slice at each place allowed"
        )
    if series.modality not in STORAGE:
        raise ValueError(f"series: modality {series.modality!r} is not one of {', '.join(STORAGE)}")
    if not segments or not all(0 < value < 256 for value in segments):
        raise ValueError(f"segments: values {sorted(segments)} found, one or more of 1..255 needed")
    unknown = sorted(set(np.unique(masks).tolist()) - {0, *segments})
    if unknown:
        raise ValueError(f"masks: values {unknown} found, 0 and {sorted(segments)} have a segment")


def _numbered(masks: Masks, segments: Mapping[int, Segment]) -> Masks:
    """Segment numbers, from 1 without a gap, in place of label values."""
    numbers = np.zeros(256, np.uint8)
    numbers[sorted(segments)] = np.arange(1, len(segments) + 1)
    return numbers[masks]


def _instance_uid(labels: Masks, series: Series, created: datetime, algorithm: str | None) -> UID:
    content = hashlib.sha256(labels.tobytes()).hexdigest()
    names = (*series.samples, content, created.isoformat(), str(algorithm))
    return derived_uid("segmentation", "/".join(names))


def _thickness(planes: Sequence[SlicePlane]) -> float:
    """Distance of neighbouring slices, mm: ingestion keeps no thickness.

    A slice alone has 1 mm, as in `slice_planes.grid_of`: readers want a number.
    """
    along = np.sort([np.dot(plane.position, normal_of(plane.orientation)) for plane in planes])
    steps = np.diff(along)
    return float(np.median(steps)) if len(steps) else 1.0


def _sources(planes: Sequence[SlicePlane], series: Series) -> list[Dataset]:
    """The segmented images as far as a SEG refers to them, without pixels and without a name."""
    common = {
        "PatientID": series.patient,
        "PatientName": f"{series.patient}^",
        **dict.fromkeys(("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"), ""),
        **dict.fromkeys(("StudyDate", "StudyTime", "ReferringPhysicianName"), ""),
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "osteon: keyed pseudonyms, UIDs derived from them",
        "Modality": series.modality,
        "SOPClassUID": STORAGE[series.modality],
        "StudyInstanceUID": derived_uid("study", series.patient),
        "SeriesInstanceUID": derived_uid("series", series.name),
        "FrameOfReferenceUID": derived_uid("frame of reference", series.name),
        "PositionReferenceIndicator": "",
        "PixelSpacing": _decimals(planes[0].spacing),
        "SliceThickness": _thickness(planes),
        "ImageOrientationPatient": _decimals(planes[0].orientation),
    }
    made = []
    for plane, sample in zip(planes, series.samples, strict=True):
        source = Dataset()
        for keyword, value in common.items():
            setattr(source, keyword, value)
        source.SOPInstanceUID = derived_uid("instance", sample)
        source.Rows, source.Columns = plane.rows, plane.columns
        source.ImagePositionPatient = _decimals(plane.position)
        made.append(source)
    return made


def _decimals(numbers: Sequence[float]) -> list[str]:
    """Decimal strings of at most 16 characters (PS3.5 6.2)."""
    from pydicom.valuerep import format_number_as_ds

    return [format_number_as_ds(float(number)) for number in numbers]


def _descriptions(segments: Mapping[int, Segment], algorithm: str | None) -> list[Any]:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
    from pydicom.sr.codedict import codes

    identified = algorithm and AlgorithmIdentificationSequence(
        name=algorithm, family=codes.DCM.ArtificialIntelligence, version=__version__
    )
    kind = SegmentAlgorithmTypeValues.AUTOMATIC if algorithm else SegmentAlgorithmTypeValues.MANUAL
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=segments[value].label,
            segmented_property_category=segments[value].category,
            segmented_property_type=segments[value].type,
            algorithm_type=kind,
            algorithm_identification=identified or None,
        )
        for number, value in enumerate(sorted(segments), start=1)
    ]


def _pin(made: Dataset, created: datetime, uid: UID) -> None:
    """What highdicom takes from the clock and from chance, from the arguments instead."""
    day, time = created.strftime("%Y%m%d"), created.strftime("%H%M%S.%f")
    made.ContentDate = made.InstanceCreationDate = day
    made.ContentTime = made.InstanceCreationTime = time
    for item in made.get("ContributingEquipmentSequence", []):
        item.ContributionDateTime = day + time
    organisation = derived_uid("dimension organisation", uid)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = organisation
    made.ContentCreatorName = made.get("ContentCreatorName", "")  # type 2, PS3.3 10.9
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "osteon: keyed pseudonyms, UIDs derived from them"
