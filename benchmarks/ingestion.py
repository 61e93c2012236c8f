"""How fast and how lean ingestion is, as ratios against named rivals in the same run.

    python benchmarks/ingestion.py                     # speed: pydicom loop, MONAI LoadImage
    python benchmarks/ingestion.py --syntax raw        # one transfer syntax alone
    python benchmarks/ingestion.py --memory            # peak memory at 1,000 and 10,000 files

The cohort: 2048 x 2048 DX of 12 bits, the order of size that flat detectors write, with the
texture of a limb and detector noise, so that compression works as on real radiographs (JPEG-LS and
JPEG 2000 about 2.6 : 1), in the mix of transfer syntaxes `MIX`. Exports on a medium are mostly
uncompressed, as IHE PDI asks; archives add lossless compression of their own. The mix is our
assumption, and it decides the ratio, so each syntax is also measured alone. JPEG Lossless
(1.2.840.10008.1.2.4.70), common in archives, is left out: nothing installed can write it.

The rivals read and decode, one file after another, and keep nothing. Ingestion is timed as a user
meets it, in all workers: tables, headers, checks, hashes, decoding, and writing the archive at its
default `max_side` of 1024. It is timed twice: in fresh workers, whose start-up counts, and again in
running ones, as the rivals, whose imports do not count either. The rivals' lines per syntax come
from the first repeat, file by file; ours from one process without start-up, so a ratio there is one
core against one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
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
from resident import peak_of
from scipy import ndimage

SYNTAXES = {"raw": None, "rle": RLELossless, "jpegls": JPEGLSLossless, "j2k": JPEG2000Lossless}
MIX = {"raw": 0.50, "rle": 0.15, "jpegls": 0.30, "j2k": 0.05}
SIDE = 2048
KEY = b"benchmark-key-of-no-secret-value"
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def texture(generator: np.random.Generator, side: int) -> np.ndarray:
    """A limb: soft profile, cortex, trabecular texture, detector noise; float, about 0..4095."""
    _, x = np.mgrid[:side, :side] / side
    limb = np.exp(-(((x - 0.5) / 0.25) ** 2)) + 0.4 * np.exp(-(((x - 0.45) / 0.08) ** 2))
    clouds = ndimage.gaussian_filter(generator.standard_normal((side, side)), side / 25)
    bone = ndimage.gaussian_filter(generator.standard_normal((side, side)), 1.5)
    return 1500 * limb + 200 * clouds / clouds.std() + 12 * bone / bone.std() + 300


def make_files(
    folder: Path, count: int, mix: dict[str, float], side: int = SIDE
) -> dict[Path, str]:
    """Write DX files, three a patient, and patients.csv; return each file's syntax.

    The numbers of files follow the mix exactly, so that no luck of the draw moves the ratio.
    """
    generator = np.random.default_rng(0)
    bases = [texture(generator, side) for _ in range(8)]
    kinds = _shares(count, mix)
    generator.shuffle(kinds)
    files = {}
    patients = -(-count // 3)
    rows = [f"P{n:05d},{('non_tumour', 'osteosarcoma')[n % 2]}" for n in range(patients)]
    (folder / "patients.csv").write_text("patient_id,label\n" + "\n".join(rows) + "\n")
    for number, kind in enumerate(kinds):
        shifted = np.roll(bases[number % 8], int(generator.integers(side)), axis=number % 2)
        pixels = shifted + generator.normal(0, 12, shifted.shape)
        made = header(number, np.clip(pixels, 0, 4095).astype(np.uint16))
        if SYNTAXES[kind]:
            made.compress(SYNTAXES[kind], generate_instance_uid=False)
        path = folder / f"IM{number:06d}.dcm"
        made.save_as(path, enforce_file_format=True)
        files[path] = kind
    return files


def _shares(count: int, mix: dict[str, float]) -> list[str]:
    """Syntaxes of `count` files, as close to the mix as whole files allow."""
    ends = np.rint(np.cumsum(list(mix.values())) * count).astype(int)
    numbers = np.diff(ends, prepend=0)
    return [name for name, number in zip(mix, numbers, strict=True) for _ in range(number)]


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


def time_ingest(root: Path, workers: int) -> tuple[float, float]:
    """Seconds of a whole ingestion in fresh workers, and again in workers that already run."""
    from joblib.externals.loky import get_reusable_executor

    from osteon.cohorts.config import CohortConfig
    from osteon.cohorts.ingest import ingest

    config = CohortConfig(source="folder", path=str(root), workers=workers)
    get_reusable_executor().shutdown(wait=True)
    seconds = []
    for _ in ("cold", "warm"):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as private:
            started = time.perf_counter()
            ingest(root, config, KEY, Path(folder), Path(private))
            seconds.append(time.perf_counter() - started)
    return seconds[0], seconds[1]


def time_pydicom(files: list[Path]) -> list[float]:
    """Seconds a file of the plain loop: read and decode, nothing else."""
    return _each(lambda path: pydicom.dcmread(path).pixel_array, files)


def time_monai(files: list[Path]) -> list[float]:
    """Seconds a file of MONAI's LoadImage (its default reader, import not counted)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.transforms import LoadImage

        return _each(LoadImage(image_only=True), files)


def _each(load: Callable[[Path], object], files: list[Path]) -> list[float]:
    load(files[0])  # imports on first use are not counted
    seconds = []
    for path in files:
        started = time.perf_counter()
        load(path)
        seconds.append(time.perf_counter() - started)
    return seconds


def time_alone(files: list[Path], root: Path) -> float:
    """Seconds of one process without start-up over some files."""
    from osteon.cohorts.batch import read_batch
    from osteon.cohorts.config import CohortConfig
    from osteon.cohorts.folder import read_folder
    from osteon.cohorts.ingest import _task
    from osteon.cohorts.records import Candidate

    config = CohortConfig(source="folder", path=str(root))
    with tempfile.TemporaryDirectory() as folder:
        task = _task(root, Path(folder), config, KEY, read_folder(root, config))
        candidates = [Candidate(path.name) for path in files]
        started = time.perf_counter()
        batch = read_batch(0, candidates, task)
        seconds = time.perf_counter() - started
    if len(batch.rows) != len(files):
        raise RuntimeError(f"{len(files)} files, but {len(batch.rows)} kept")
    return seconds


def speed(count: int, mix: dict[str, float], workers: int, repeats: int) -> dict[str, object]:
    """Each repeat times the three one after the other; the ratio is of the medians."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        kinds = make_files(root, count, mix)
        files = list(kinds)
        size = sum(path.stat().st_size for path in files)
        cold, ours, rivals = [], [], {"pydicom loop": [], "MONAI LoadImage": []}
        for _ in range(repeats):
            first, second = time_ingest(root, workers)
            cold.append(first)
            ours.append(second)
            rivals["pydicom loop"].append(time_pydicom(files))
            rivals["MONAI LoadImage"].append(time_monai(files))
        alone = _alone(kinds, root, {who: found[0] for who, found in rivals.items()})
    seconds = {"osteon": ours} | {who: [sum(x) for x in found] for who, found in rivals.items()}
    median = {who: float(np.median(found)) for who, found in seconds.items()}
    ratio = {who: found / median["osteon"] for who, found in median.items()}
    started = {who: found / float(np.median(cold)) for who, found in median.items()}
    print(
        f"mix of {count} files, {workers} workers; x: rival / osteon (start-up counted for osteon)"
    )
    for who in median:
        each = 1000 * median[who] / count
        ratios = f"x {ratio[who]:.2f} ({started[who]:.2f})"
        print(f"{who:16s} {median[who]:7.2f} s  {each:7.2f} ms a file   {ratios}")
    return {
        "files": count,
        "megabytes": round(size / 1e6, 1),
        "mix": mix,
        "side": SIDE,
        "workers": workers,
        "seconds": seconds,
        "ratio_to_pydicom": round(ratio["pydicom loop"], 2),
        "ratio_to_monai": round(ratio["MONAI LoadImage"], 2),
        "with_start_up": {
            "seconds": cold,
            "ratio_to_pydicom": round(started["pydicom loop"], 2),
            "ratio_to_monai": round(started["MONAI LoadImage"], 2),
        },
        "one_process_ms": alone,
    }


def _alone(
    kinds: dict[Path, str], root: Path, rivals: dict[str, list[float]]
) -> dict[str, dict[str, float]]:
    """Milliseconds a file by syntax, one process against one; printed as a table."""
    files = list(kinds)
    found = {}
    print("one process against one, without start-up (ms a file)")
    for kind in sorted(set(kinds.values())):
        chosen = [number for number, path in enumerate(files) if kinds[path] == kind]
        ours = 1000 * time_alone([files[number] for number in chosen], root) / len(chosen)
        row = {"osteon": ours}
        for who, seconds in rivals.items():
            row[who] = 1000 * float(np.mean([seconds[number] for number in chosen]))
        found[kind] = {who: round(value, 2) for who, value in row.items()}
        text = "   ".join(f"{who} {row[who]:7.2f} (x {row[who] / ours:.2f})" for who in rivals)
        print(f"{kind:8s} osteon {ours:7.2f}   {text}")
    return found


def peak_memory(count: int, workers: int) -> float:
    """Peak of parent and children together, MiB (sampled), while `count` small files are read."""
    with tempfile.TemporaryDirectory() as name:
        make_files(Path(name), count, {"raw": 1.0}, side=64)
        command = [sys.executable, __file__, "--child", name, "--workers", str(workers)]
        child = subprocess.Popen(command)
        peak = peak_of(child)
    if child.returncode:
        raise RuntimeError("the measured ingestion failed")
    return peak


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
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
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
