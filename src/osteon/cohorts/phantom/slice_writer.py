"""Write one CT or MR slice as DICOM, with the tags that scanners write.

CT Image IOD and module: PS3.3 A.3 and C.8.2.1; MR: A.4 and C.8.3.1; plane and frame of reference:
C.7.6.2 and C.7.4.1. Every byte follows from the arguments, as in `dicom_writer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.datadict import tag_for_keyword

from osteon.cohorts.phantom.dicom_writer import Identity, encode, make_uid, patient_and_study

Pixels = NDArray[np.int16] | NDArray[np.uint16]

SOP_CLASSES = {"CT": uid.CTImageStorage, "MR": uid.MRImageStorage}
# What the module asks for and the pixels do not say; `modality_tags` wins.
DEFAULTS: dict[str, dict[str, Any]] = {
    "CT": {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "PatientPosition": "HFS",
        "AcquisitionNumber": 1,
        "KVP": 120,
        "ScanOptions": "HELICAL MODE",
        "ConvolutionKernel": "STANDARD",
        "GantryDetectorTilt": 0,
    },
    "MR": {
        # Value 3 is OTHER for a plain magnitude image (PS3.3 C.8.3.1.1.1).
        "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
        "PatientPosition": "HFS",
        "AcquisitionNumber": 1,
        "ScanningSequence": "SE",
        "SequenceVariant": "SK",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "RepetitionTime": 600,
        "EchoTime": 12,
        "EchoTrainLength": 1,
        "MagneticFieldStrength": 1.5,
    },
}


@dataclass(frozen=True, kw_only=True)
class SliceHeader(Identity):
    """One cross-sectional image to write, beside whose it is (`Identity`).

    Args:
        modality: CT or MR.
        frame_of_reference: name of the space that all series of one visit share.
        position: ImagePositionPatient, mm, LPS: the centre of the first pixel.
        orientation: ImageOrientationPatient: cosines along a row, then along a column.
        spacing: mm between rows, and between columns.
        thickness: mm.
        between: mm between the centres of neighbouring slices.
        window: centre and width, in the units of the pixels given to `write_slice`.
        transfer_syntax: a key of `dicom_writer.UNCOMPRESSED` or `COMPRESSED`.
        slope: RescaleSlope, HU a stored step (CT only).
        intercept: RescaleIntercept, HU of a stored 0 (CT only).
        localizer: a scout view; Image Type says so, and readers leave it out.
        modality_tags: further elements by keyword, such as EchoTime, KVP, Laterality; they win over
            `DEFAULTS`.
    """

    modality: str
    series_number: int
    series_description: str
    study_description: str
    body_part: str
    frame_of_reference: str
    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float, float, float]
    spacing: tuple[float, float]
    thickness: float
    between: float
    window: tuple[float, float]
    transfer_syntax: str = "explicit_le"
    slope: float = 1.0
    intercept: float = 0.0
    localizer: bool = False
    modality_tags: Mapping[str, object] = field(default_factory=dict)


def decimal(value: float, digits: int = 6) -> str:
    """A decimal string of at most 16 characters (PS3.5 6.2, DS), without a negative zero."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _series_and_place(image: SliceHeader) -> dict[str, Any]:
    """General Series, Frame of Reference and Image Plane modules (PS3.3 C.7.3, C.7.4, C.7.6.2)."""
    return {
        "Modality": image.modality,
        "SeriesNumber": image.series_number,
        "SeriesDescription": image.series_description,
        "StudyDescription": image.study_description,
        "BodyPartExamined": image.body_part,
        "FrameOfReferenceUID": make_uid(image.frame_of_reference),
        "PositionReferenceIndicator": "",
        "ImagePositionPatient": [decimal(value) for value in image.position],
        "ImageOrientationPatient": [decimal(value, 8) for value in image.orientation],
        "PixelSpacing": [decimal(value) for value in image.spacing],
        "SliceThickness": decimal(image.thickness),
        "SpacingBetweenSlices": decimal(image.between),
    }


def _pixel_module(image: SliceHeader, stored: Pixels) -> dict[str, Any]:
    """Image Pixel and VOI LUT modules, and the rescale to HU that CT needs (PS3.3 C.8.2.1)."""
    facts: dict[str, Any] = {
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": int(image.modality == "CT"),
        "WindowCenter": decimal(image.window[0], 3),
        "WindowWidth": decimal(image.window[1], 3),
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
    }
    if image.modality == "CT":
        facts["RescaleIntercept"] = decimal(image.intercept)
        facts["RescaleSlope"] = decimal(image.slope)
        facts["RescaleType"] = "HU"
    return facts


def _modality_module(image: SliceHeader, taken: Mapping[str, Any]) -> dict[str, Any]:
    """The modality's own elements; refuses a keyword nobody knows or the header already says."""
    for keyword in image.modality_tags:
        if tag_for_keyword(keyword) is None:
            raise ValueError(f"modality_tags names {keyword!r}, which is no DICOM keyword")
        if keyword in taken:
            raise ValueError(f"modality_tags names {keyword!r}, which the header itself decides")
    facts = {**DEFAULTS[image.modality], **image.modality_tags}
    if image.localizer:
        facts["ImageType"] = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    return facts


def _stored(image: SliceHeader, pixels: Pixels) -> Pixels:
    """Stored values: HU turned back by slope and intercept for CT, the pixels themselves for MR."""
    wanted = np.int16 if image.modality == "CT" else np.uint16
    if pixels.ndim != 2 or pixels.dtype != wanted:
        raise ValueError(
            f"pixels is {pixels.dtype} of shape {pixels.shape}: {image.modality} needs "
            f"{np.dtype(wanted)} (rows, columns)"
        )
    if image.modality == "MR" or (image.slope == 1.0 and image.intercept == 0.0):
        return pixels
    values = np.rint((pixels.astype(np.float64) - image.intercept) / image.slope)
    if values.min() < -32768 or values.max() > 32767:
        raise ValueError(
            f"slope {image.slope} and intercept {image.intercept} store HU "
            f"{int(pixels.min())}..{int(pixels.max())} outside of 16 bits"
        )
    return values.astype(np.int16)


def write_slice(path: Path, image: SliceHeader, pixels: Pixels) -> None:
    """Write one slice as a DICOM file with preamble and meta.

    Args:
        path: the file; its folder exists.
        image: the header.
        pixels: (rows, columns); CT: int16, HU; MR: uint16, the scanner's units.

    Raises:
        ValueError: unknown modality, transfer syntax or keyword, wrong dtype or shape, or values
            that 16 bits cannot hold. Nothing is written then.
    """
    if image.modality not in SOP_CLASSES:
        raise ValueError(f"modality is {image.modality!r}: choose one of {sorted(SOP_CLASSES)}")
    stored = _stored(image, pixels)
    facts = patient_and_study(image) | _series_and_place(image) | _pixel_module(image, stored)
    facts |= _modality_module(image, facts)
    made = encode(SOP_CLASSES[image.modality], image.instance, facts, stored, image.transfer_syntax)
    made.save_as(path, enforce_file_format=True)
