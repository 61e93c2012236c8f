"""DICOM data sets made in memory for the tests of imaging and ingestion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

DX = "1.2.840.10008.5.1.4.1.1.1.1"


def dataset(pixels: np.ndarray, **elements: Any) -> Dataset:
    """A DX object around stored values (rows, columns) or (frames, rows, columns)."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = DX
    made.SOPInstanceUID = generate_uid()
    made.SeriesInstanceUID = generate_uid()
    made.Modality = "DX"
    made.BurnedInAnnotation = "NO"
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.Rows, made.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    made.BitsAllocated = made.BitsStored = pixels.dtype.itemsize * 8
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    return made


def write(path: Path, pixels: np.ndarray, syntax: str | None = None, **elements: Any) -> Path:
    """Write such an object; compressed if a transfer syntax is given."""
    made = dataset(pixels, **elements)
    if syntax is not None:
        made.compress(syntax, generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def knee(seed: int = 0, shape: tuple[int, int] = (48, 40), top: int = 4095) -> np.ndarray:
    """A smooth 12-bit picture, different for each seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((6, 6))
    rows = np.linspace(0, 5, shape[0])
    columns = np.linspace(0, 5, shape[1])
    low, across = np.floor(rows).clip(0, 4).astype(int), np.floor(columns).clip(0, 4).astype(int)
    a, b = (rows - low)[:, None], (columns - across)[None, :]
    corners = [coarse[low + i][:, across + j] for i in (0, 1) for j in (0, 1)]
    weights = [(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b]
    smooth = sum(c * w for c, w in zip(corners, weights, strict=True))
    return (smooth * top).astype(np.uint16)
