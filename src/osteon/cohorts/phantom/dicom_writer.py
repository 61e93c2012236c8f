"""Write a digital radiograph as DICOM, with the tags that scanners write (PS3.3 A.26, C.8.11).

Every byte follows from the arguments: UIDs are made from a name (PS3.5 B.2), nothing reads the
clock, and the implementation is named here so that another pydicom does not change the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

UNCOMPRESSED = {
    "explicit_le": uid.ExplicitVRLittleEndian,
    "implicit_le": uid.ImplicitVRLittleEndian,
}
COMPRESSED = {
    "rle": uid.RLELossless,
    "jpeg_ls": uid.JPEGLSLossless,
    "jpeg_2000": uid.JPEG2000Lossless,
}
# SNOMED CT codes as in PS3.16 CID 4010 (DX view) and CID 4 (anatomic region).
VIEW_CODES = {
    "AP": ("399348003", "antero-posterior"),
    "LAT": ("399260004", "medio-lateral"),
    "OBL": ("399182000", "oblique"),
}
KNEE_CODE = ("72696002", "Knee")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose image it is, of which visit, from which machine. Ages in years, dates as YYYYMMDD.

    `study`, `series` and `instance` are names that UIDs are made from, `number` is the
    InstanceNumber.
    """

    patient_id: str
    patient_name: str
    sex: str
    age: int
    birth_date: str
    study_date: str
    study_time: str
    study: str
    series: str
    instance: str
    number: int
    accession: str
    institution: str
    physician: str
    manufacturer: str
    model: str
    station: str


@dataclass(frozen=True, kw_only=True)
class Radiograph(Identity):
    """One radiograph to write. Spacing in mm."""

    kvp: int
    view: str
    right: bool
    body_part: str
    spacing: float
    photometric: str
    window: tuple[int, int]
    transfer_syntax: str


def make_uid(*names: object) -> uid.UID:
    """A UID under 2.25 (PS3.5 B.2) that is the same for the same names."""
    digest = hashlib.sha256("/".join(str(name) for name in names).encode()).digest()[:16]
    return uid.UID(f"2.25.{int.from_bytes(digest, 'big')}")


def code(value: str, meaning: str) -> Dataset:
    """One SNOMED CT code item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def view_position(view: str, right: bool) -> str:
    """View Position (0018,5101): AP, or the lateral or oblique of this side."""
    return {"AP": "AP", "LAT": "RL" if right else "LL", "OBL": "RLO" if right else "LLO"}[view]


def patient_and_study(image: Identity) -> dict[str, Any]:
    """Patient, General Study, Series, Equipment and Image modules (PS3.3 C.7.1-C.7.3, C.7.5-6)."""
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": image.patient_name,
        "PatientID": image.patient_id,
        "PatientBirthDate": image.birth_date,
        "PatientSex": image.sex,
        "PatientAge": f"{image.age:03d}Y",
        "StudyInstanceUID": make_uid(image.study),
        "StudyDate": image.study_date,
        "StudyTime": image.study_time,
        "StudyID": image.accession[-6:],
        "AccessionNumber": image.accession,
        "ReferringPhysicianName": image.physician,
        "SeriesInstanceUID": make_uid(image.series),
        "SeriesDate": image.study_date,
        "Manufacturer": image.manufacturer,
        "ManufacturerModelName": image.model,
        "InstitutionName": image.institution,
        "StationName": image.station,
        "DeviceSerialNumber": f"SN-{image.station}",
        "SoftwareVersions": "1.0",
        "InstanceNumber": image.number,
        "AcquisitionDate": image.study_date,
        "AcquisitionTime": image.study_time,
        "ContentDate": image.study_date,
        "ContentTime": image.study_time,
    }


def radiograph_facts(image: Radiograph) -> dict[str, Any]:
    """DX Series, Anatomy, Image, Detector and Positioning modules (PS3.3 C.8.11)."""
    columns = ("A" if image.right else "P") if image.view == "LAT" else "L"
    return {
        "StudyDescription": "XR knee",
        "Modality": "DX",
        "SeriesNumber": 1,
        "SeriesDescription": f"Knee {image.view}",
        "PresentationIntentType": "FOR PRESENTATION",
        "BodyPartExamined": image.body_part,
        "ImageLaterality": "R" if image.right else "L",
        "DetectorType": "SCINTILLATOR",
        "KVP": image.kvp,
        "DistanceSourceToDetector": 1150,
        "DistanceSourceToPatient": 1100,
        "ExposureTime": 12,
        "Exposure": 5,
        "ImageType": ["ORIGINAL", "PRIMARY", ""],
        "PatientOrientation": [columns, "F"],
        "ViewPosition": view_position(image.view, image.right),
        "AnatomicRegionSequence": Sequence([code(*KNEE_CODE)]),
        "ViewCodeSequence": Sequence([code(*VIEW_CODES[image.view])]),
        "AcquisitionContextSequence": Sequence([]),
        "PixelSpacing": [f"{image.spacing:.6f}"] * 2,
        "ImagerPixelSpacing": [f"{image.spacing:.6f}"] * 2,
        "PixelSpacingCalibrationType": "GEOMETRY",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
    }


def pixel_module(image: Radiograph, pixels: NDArray[np.uint16]) -> dict[str, Any]:
    """Image Pixel, Modality and VOI LUT modules: 12 bits in 16 (PS3.3 C.7.6.3, C.11)."""
    inverse = image.photometric == "MONOCHROME1"
    return {
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": image.photometric,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": 1 if inverse else -1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "US",
        "PresentationLUTShape": "INVERSE" if inverse else "IDENTITY",
        "WindowCenter": image.window[0],
        "WindowWidth": image.window[1],
        "VOILUTFunction": "LINEAR",
    }


def encode(
    sop_class: uid.UID,
    instance: str,
    facts: Mapping[str, Any],
    pixels: NDArray[np.integer[Any]],
    transfer_syntax: str,
) -> Dataset:
    """The whole object, file meta included.

    Args:
        sop_class: what it is.
        instance: name that its UID is made from.
        facts: its elements by keyword.
        pixels: (rows, columns), 16 bits, stored values.
        transfer_syntax: a key of `UNCOMPRESSED` or `COMPRESSED`.

    Raises:
        ValueError: the transfer syntax is unknown.
    """
    known = sorted(UNCOMPRESSED | COMPRESSED)
    if transfer_syntax not in known:
        raise ValueError(f"transfer_syntax is {transfer_syntax!r}: choose one of {known}")
    made = Dataset()
    made.SOPClassUID = sop_class
    made.SOPInstanceUID = make_uid(instance)
    for keyword, value in facts.items():
        setattr(made, keyword, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.ImplementationClassUID = make_uid("osteon", "phantom")
    made.file_meta.ImplementationVersionName = "OSTEON_PHANTOM"
    little = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    if transfer_syntax in UNCOMPRESSED:
        made.file_meta.TransferSyntaxUID = UNCOMPRESSED[transfer_syntax]
        made.PixelData = little.tobytes()
        made["PixelData"].VR = "OW"
    else:
        made.compress(COMPRESSED[transfer_syntax], little, generate_instance_uid=False)
    return made


def write_radiograph(path: Path, image: Radiograph, pixels: NDArray[np.uint16]) -> None:
    """Write `pixels` (rows, columns; uint16, 0..4095) as a DICOM file with preamble and meta.

    Raises ValueError where a pixel needs more than 12 bits or the transfer syntax is unknown.
    """
    if int(pixels.max()) > 4095:
        raise ValueError(f"pixels reach {int(pixels.max())}: 12 bits hold 0..4095")
    facts = patient_and_study(image) | radiograph_facts(image) | pixel_module(image, pixels)
    sop_class = uid.DigitalXRayImageStorageForPresentation
    made = encode(sop_class, image.instance, facts, pixels, image.transfer_syntax)
    made.save_as(path, enforce_file_format=True)
