"""How fast and how lean ingestion is, as ratios against named rivals in the same run.

    python benchmarks/ingestion.py                     # speed: pydicom loop, MONAI LoadImage
    python benchmarks/ingestion.py --memory            # peak memory at 1,000 and 10,000 files

Files are made in a temporary folder: 512 x 512, 12-bit DX with the texture of a limb and detector
noise, so that compression works as on real radiographs (JPEG-LS and JPEG 2000 about 2.6 : 1). The
mix of transfer syntaxes is `MIX`; `--syntax` measures one alone, because the mix decides the ratio:
the rivals' JPEG-LS is slow, and JPEG 2000 costs the same everywhere. Ingestion is timed as a user
meets it: worker start-up, tables, headers, checks, hashes, decoding and writing the archive.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)
from scipy import ndimage

SYNTAXES = {"raw": None, "rle": RLELossless, "jpegls": JPEGLSLossless, "j2k": JPEG2000Lossless}
MIX = {"raw": 0.50, "rle": 0.15, "jpegls": 0.30, "j2k": 0.05}
KEY = b"benchmark-key-of-no-secret-value"
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def texture(generator: np.random.Generator, side: int) -> np.ndarray:
    """A limb: soft profile, cortex, trabecular texture, detector noise; float, about 0..4095."""
    _, x = np.mgrid[:side, :side] / side
    limb = np.exp(-(((x - 0.5) / 0.25) ** 2)) + 0.4 * np.exp(-(((x - 0.45) / 0.08) ** 2))
    clouds = ndimage.gaussian_filter(generator.standard_normal((side, side)), side / 25)
    bone = ndimage.gaussian_filter(generator.standard_normal((side, side)), 1.5)
    return 1500 * limb + 200 * clouds / clouds.std() + 12 * bone / bone.std() + 300


def make_files(folder: Path, count: int, mix: dict[str, float], side: int = 512) -> int:
    """Write DX files, three a patient, and patients.csv; return the bytes written."""
    generator = np.random.default_rng(0)
    bases = [texture(generator, side) for _ in range(8)]
    names = list(mix)
    kinds = generator.choice(names, count, p=[mix[name] for name in names])
    patients = -(-count // 3)
    rows = [f"P{n:05d},{('non_tumour', 'osteosarcoma')[n % 2]}" for n in range(patients)]
    (folder / "patients.csv").write_text("patient_id,label\n" + "\n".join(rows) + "\n")
    for number, kind in enumerate(kinds):
        shifted = np.roll(bases[number % 8], int(generator.integers(side)), axis=number % 2)
        pixels = shifted + generator.normal(0, 12, shifted.shape)
        made = header(number, np.clip(pixels, 0, 4095).astype(np.uint16))
        if SYNTAXES[kind]:
            made.compress(SYNTAXES[kind], generate_instance_uid=False)
        made.save_as(folder / f"IM{number:06d}.dcm", enforce_file_format=True)
    return sum(path.stat().st_size for path in folder.iterdir())


def header(number: int, pixels: np.ndarray) -> Dataset:
    """A DX object with the elements that scanners write."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = DX, generate_uid(entropy_srcs=[str(number)])
    made.StudyInstanceUID = generate_uid(entropy_srcs=[f"study {number // 3}"])
    made.SeriesInstanceUID = generate_uid(entropy_srcs=[f"series {number}"])
    made.PatientID, made.PatientName = f"P{number // 3:05d}", "Phantom^Bench"
    made.PatientSex, made.PatientAge, made.StudyDate = "F", "017Y", "20200101"
    made.Modality, made.ImageType = "DX", ["ORIGINAL", "PRIMARY"]
    made.Manufacturer, made.ManufacturerModelName = "Bench", "One"
    made.InstitutionName, made.AccessionNumber = "Nowhere", str(number)
    made.BodyPartExamined, made.ViewPosition, made.ImageLaterality = "KNEE", "AP", "L"
    made.BurnedInAnnotation, made.PixelSpacing = "NO", [0.14, 0.14]
    made.WindowCenter, made.WindowWidth = 2048, 4096
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = 0, 1, "US"
    made.PresentationLUTShape, made.PhotometricInterpretation = "IDENTITY", "MONOCHROME2"
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OW"
    return made


def time_ingest(root: Path, workers: int) -> float:
    """Seconds of a whole ingestion, in a fresh set of workers."""
    from joblib.externals.loky import get_reusable_executor

    from osteon.cohorts.config import CohortConfig
    from osteon.cohorts.ingest import ingest

    config = CohortConfig(source="folder", path=str(root), workers=workers)
    get_reusable_executor().shutdown(wait=True)  # pay for start-up every time
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as private:
        started = time.perf_counter()
        ingest(root, config, KEY, Path(folder), Path(private))
        return time.perf_counter() - started


def time_pydicom(files: list[Path]) -> float:
    """Seconds of the plain loop: read and decode, nothing else."""
    started = time.perf_counter()
    for path in files:
        _ = pydicom.dcmread(path).pixel_array
    return time.perf_counter() - started


def time_monai(files: list[Path]) -> float:
    """Seconds of MONAI's LoadImage on file after file (its default reader, import not counted)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.transforms import LoadImage

        load = LoadImage(image_only=True)
        started = time.perf_counter()
        for path in files:
            load(path)
        return time.perf_counter() - started


def speed(count: int, mix: dict[str, float], workers: int, repeats: int) -> dict[str, object]:
    """Each repeat times the three one after the other; the ratio is of the medians."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        size = make_files(root, count, mix)
        files = sorted(root.glob("*.dcm"))
        time_pydicom(files[:20])
        seconds: dict[str, list[float]] = {"osteon": [], "pydicom loop": [], "MONAI LoadImage": []}
        for _ in range(repeats):
            seconds["osteon"].append(time_ingest(root, workers))
            seconds["pydicom loop"].append(time_pydicom(files))
            seconds["MONAI LoadImage"].append(time_monai(files))
    median = {who: float(np.median(found)) for who, found in seconds.items()}
    ratio = {who: found / median["osteon"] for who, found in median.items()}
    for who in median:
        each = 1000 * median[who] / count
        print(f"{who:16s} {median[who]:7.2f} s  {each:6.2f} ms a file   x {ratio[who]:.2f}")
    return {
        "files": count,
        "megabytes": round(size / 1e6, 1),
        "mix": mix,
        "workers": workers,
        "seconds": seconds,
        "ratio_to_pydicom": round(ratio["pydicom loop"], 2),
        "ratio_to_monai": round(ratio["MONAI LoadImage"], 2),
    }


def peak_memory(count: int, workers: int) -> float:
    """Peak of parent and children together, MiB (sampled), while `count` small files are read."""
    with tempfile.TemporaryDirectory() as name:
        make_files(Path(name), count, {"raw": 1.0}, side=64)
        command = [sys.executable, __file__, "--child", name, "--workers", str(workers)]
        child = subprocess.Popen(command)
        peak = 0.0
        while child.poll() is None:
            peak = max(peak, _resident(child.pid))
            time.sleep(0.02)
    if child.returncode:
        raise RuntimeError("the measured ingestion failed")
    return peak


def _resident(root: int) -> float:
    """Proportional set size of a process and its descendants, MiB: shared pages count once."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(words[1]), []).append(int(path.parent.name))
    wanted, total = [root], 0
    while wanted:
        process = wanted.pop()
        wanted += parents.get(process, [])
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def memory(workers: int) -> dict[str, object]:
    peaks = {count: peak_memory(count, workers) for count in (1_000, 10_000)}
    for count, peak in peaks.items():
        print(f"{count:6d} files: peak {peak:.0f} MiB (parent and workers)")
    return {
        "peak_mib": {str(count): round(peak, 1) for count, peak in peaks.items()},
        "ratio_10000_to_1000": round(peaks[10_000] / peaks[1_000], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--syntax", choices=sorted(SYNTAXES))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        time_ingest(options.child, options.workers)
        return
    if options.memory:
        found = memory(options.workers)
    else:
        mix = {options.syntax: 1.0} if options.syntax else MIX
        found = speed(options.files, mix, options.workers, options.repeats)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
