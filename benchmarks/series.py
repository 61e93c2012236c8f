"""How fast a CT series is ingested in order, as a ratio against a plain loop in the same run.

    python benchmarks/series.py                        # 300 slices, uncompressed
    python benchmarks/series.py --syntax jpegls        # compressed

One patient's series of 512 x 512 slices of 12 bits, the matrix of every CT scanner, under shuffled
file names. The rival is what one writes by hand: dcmread, pixel_array x slope + intercept, sort by
position, stack in memory. It checks nothing, hashes nothing and writes nothing. Ingestion is timed
as a user meets it: headers, checks, hashes, order along the normal, HU written to the archive;
first in fresh workers, whose start-up counts, then in running ones, as the rival, whose imports do
not count either. Both must give the same HU in the same order, or nothing is printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
from ingestion import KEY, SYNTAXES
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from scipy import ndimage

SIDE, SPACING, BETWEEN = 512, 0.7, 1.0


def make_series(folder: Path, count: int, syntax: str) -> list[Path]:
    """Write the slices and patients.csv; the names follow no order."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    trunk = (x / 0.4) ** 2 + (y / 0.3) ** 2 < 1
    bone = (x / 0.08) ** 2 + ((y - 0.12) / 0.07) ** 2 < 1
    body = ndimage.gaussian_filter(np.where(bone, 1524.0, np.where(trunk, 1064.0, 24.0)), 1.0)
    noise = [generator.normal(0, 12, body.shape) for _ in range(8)]
    (folder / "patients.csv").write_text("patient_id,label\nP1,osteosarcoma\n")
    files = []
    for name, place in enumerate(generator.permutation(count).tolist()):
        pixels = np.roll(body, place % 40, axis=0) + np.roll(noise[place % 8], place, axis=1)
        made = header(place, np.clip(pixels, 0, 4095).astype(np.uint16))
        if SYNTAXES[syntax]:
            made.compress(SYNTAXES[syntax], generate_instance_uid=False)
        files.append(folder / f"IM{name:05d}")
        made.save_as(files[-1], enforce_file_format=True)
    return files


def header(place: int, pixels: np.ndarray) -> Dataset:
    """A CT image with the elements that scanners write (PS3.3 A.3)."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = CTImageStorage
    made.SOPInstanceUID = generate_uid(entropy_srcs=[f"slice {place}"])
    made.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    made.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
    made.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame"])
    made.PatientID, made.PatientName = "P1", "Phantom^Bench"
    made.PatientSex, made.PatientAge, made.StudyDate = "F", "017Y", "20200101"
    made.Modality, made.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.Manufacturer, made.ManufacturerModelName = "Bench", "One"
    made.BodyPartExamined, made.KVP, made.ConvolutionKernel = "SPINE", 120, "STANDARD"
    made.InstanceNumber, made.SliceThickness = place + 1, BETWEEN
    made.ImagePositionPatient = [-180, -180, place * BETWEEN]
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    made.PixelSpacing = [SPACING, SPACING]
    made.WindowCenter, made.WindowWidth = 300, 1500
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = -1024, 1, "HU"
    made.PhotometricInterpretation, made.SamplesPerPixel = "MONOCHROME2", 1
    made.Rows, made.Columns = pixels.shape
    made.PixelRepresentation, made.BitsAllocated, made.BitsStored, made.HighBit = 0, 16, 12, 11
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OW"
    return made


def plain_loop(files: list[Path]) -> np.ndarray:
    """The rival: (slices, rows, columns) HU along the z axis."""
    slices = []
    for path in files:
        made = pydicom.dcmread(path)
        hu = made.pixel_array * float(made.RescaleSlope) + float(made.RescaleIntercept)
        slices.append((float(made.ImagePositionPatient[2]), hu))
    slices.sort(key=lambda pair: pair[0])
    return np.stack([hu for _, hu in slices])


def ingested(root: Path, workers: int, expected: np.ndarray | None = None) -> float:
    """Seconds of one ingestion; with `expected`, its archive must hold the same in order."""
    from osteon.cohorts.archive import Archive
    from osteon.cohorts.config import CohortConfig
    from osteon.cohorts.ingest import ingest

    config = CohortConfig(source="folder", path=str(root), modalities=("CT",), workers=workers)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as private:
        started = time.perf_counter()
        ingest(root, config, KEY, Path(folder), Path(private))
        seconds = time.perf_counter() - started
        if expected is not None:
            archive = Archive(folder)
            rows = archive.index.sort_values("slice").index
            if len(rows) != len(expected) or archive.flow["notes"]:
                raise RuntimeError(f"{len(rows)} slices kept; notes: {archive.flow['notes']}")
            if not all((archive.pixels(r) == e).all() for r, e in zip(rows, expected, strict=True)):
                raise RuntimeError(
                    "the archive holds other HU than the plain loop, or another order"
                )
    return seconds


def speed(count: int, syntax: str, workers: int, repeats: int) -> dict[str, object]:
    """The two in turn, `repeats` times; the ratio is of the medians."""
    from joblib.externals.loky import get_reusable_executor

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        files = make_series(root, count, syntax)
        expected = plain_loop(files)  # imports and the disk's cache, for both
        get_reusable_executor().shutdown(wait=True)
        cold = ingested(root, workers, expected)
        del expected
        ours, loop = [], []
        for _ in range(repeats):
            ours.append(ingested(root, workers))
            started = time.perf_counter()
            plain_loop(files)
            loop.append(time.perf_counter() - started)
    median, rival = float(np.median(ours)), float(np.median(loop))
    print(f"{count} slices of {SIDE} x {SIDE}, {syntax}, {workers} workers; x: plain loop / osteon")
    for who, seconds in (("cold", cold), ("osteon", median), ("plain loop", rival)):
        each = 1000 * seconds / count
        print(f"{who:12s} {seconds:6.2f} s  {each:6.2f} ms a slice   x {rival / seconds:.2f}")
    return {
        "slices": count,
        "syntax": syntax,
        "workers": workers,
        "seconds": {"osteon": ours, "plain_loop": loop},
        "seconds_with_start_up": cold,
        "ratio": round(rival / median, 2),
        "ratio_with_start_up": round(rival / cold, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--syntax", choices=sorted(SYNTAXES), default="raw")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    found = speed(options.slices, options.syntax, options.workers, options.repeats)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
