"""What every phantom cohort needs: seeded patients, class shares, boxes, tables and the loop."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = dict[str, Any]

PATIENT_FACTS = ("patient_id", "label", "age", "sex", "site", "location", "subtype", "centre")
IMAGE_COLUMNS = ("file", "patient_id", "sequence", "view", "mask", "boxes")


def generator(seed: int, index: int, stream: int) -> np.random.Generator:
    """Patient `index`'s own randomness, so that no patient depends on how many others there are."""
    return np.random.default_rng([seed, index, stream])


def has_share(seed: int, share: float, index: int) -> bool:
    """Whether patient `index` belongs to a class of this share.

    Classes come in the asked proportion in every stretch of patients, not only on average.
    """
    phase = np.random.default_rng([seed]).random()
    return math.floor((index + 1) * share + phase) > math.floor(index * share + phase)


def patient_number(seed: int, index: int) -> str:
    """A medical record number that says nothing about class or order; unique in the cohort."""
    start = int(np.random.default_rng([seed, 7]).integers(10**7))
    return f"MR{(start + index * 7_654_321) % 10**7:07d}"


def pick(rng: np.random.Generator, weights: Mapping[Any, float]) -> str:
    """One of the keys, by relative weight."""
    share = np.array(list(weights.values()), dtype=float)
    return str(rng.choice(list(weights), p=share / share.sum()))


def bounding_box(mask: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) in px of the mask's ones, x1 and y1 one past the last."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def write_boxes(path: Path, image: Path, mask: NDArray[np.uint8], label: str) -> None:
    """One LabelMe rectangle around the mask, in the layout of LabelMe 5."""
    x0, y0, x1, y1 = bounding_box(mask)
    shape: Row = {
        "label": label,
        "points": [[float(x0), float(y0)], [float(x1), float(y1)]],
        "group_id": None,
        "description": "",
        "shape_type": "rectangle",
        "flags": {},
        "mask": None,
    }
    page = {
        "version": "5.5.0",
        "flags": {},
        "shapes": [shape],
        "imagePath": image.name,
        "imageData": None,
        "imageHeight": mask.shape[0],
        "imageWidth": mask.shape[1],
    }
    path.write_text(json.dumps(page, indent=2) + "\n", encoding="utf-8")


def write_table(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """A CSV with `columns`; None is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def check_call(folder: Path, workers: int) -> None:
    """Refuse a folder that is missing or in use, and a negative number of workers.

    Raises FileNotFoundError, FileExistsError and ValueError, in this order.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"folder is {folder}: an existing empty folder is needed")
    if any(folder.iterdir()):
        raise FileExistsError(f"folder is {folder}: it is not empty")
    if workers < 0:
        raise ValueError(f"workers is {workers}: 0 (all cores) or more is allowed")


def write_cohort(
    folder: Path,
    patients: int,
    write_patient: Callable[[int], tuple[Row, list[Row]]],
    columns: tuple[str, ...],
    workers: int,
) -> None:
    """Write every patient, `workers` at a time (0 = all cores), then patients.csv and images.csv.

    Args:
        folder: empty folder; `masks` is made in it.
        patients: how many.
        write_patient: writes patient i's files; returns that patient's row and the images' rows.
            It must survive pickling (a `functools.partial` of a module's function does).
        columns: of patients.csv.
        workers: processes.
    """
    from joblib import Parallel, delayed

    (folder / "masks").mkdir()
    jobs = (delayed(write_patient)(index) for index in range(patients))
    written = list(Parallel(n_jobs=workers or -1)(jobs))
    write_table(folder / "patients.csv", columns, (row for row, _ in written))
    images = (image for _, rows in written for image in rows)
    write_table(folder / "images.csv", IMAGE_COLUMNS, images)
