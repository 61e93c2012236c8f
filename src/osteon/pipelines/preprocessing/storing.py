"""What a paper's image store is made from and how it is filled; plain functions, no Kedro."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from osteon.cohorts.choosing import CROP, field_at, neighbours
from osteon.recipes.preprocessing import PreprocessingConfig

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES, MASKS = "images.npy", "masks.npy"


def further_content(
    archive: Any, chosen: pd.DataFrame, preprocessing: PreprocessingConfig
) -> dict[str, Any]:
    """What a store depends on beside its images' pixels, crops and parameters.

    Args:
        archive: an `osteon.cohorts.archive.Archive`.
        chosen: its rows that become samples.
        preprocessing: says which of these matter.

    Returns:
        JSON-able: label maps where they blacken or are stored, boxes where they blacken, the
        slices that stand beside, how much images were reduced before they are smoothed, and how
        many of their pixels fill the field.
    """
    rows = chosen["archive_row"].to_numpy(np.int64)
    found: dict[str, Any] = {}
    if preprocessing.region.apply_mask or preprocessing.masks:
        masks = (archive.mask(row) for row in rows.tolist())
        found["masks"] = [
            None if mask is None else hashlib.sha256(mask.tobytes()).hexdigest() for mask in masks
        ]
    if preprocessing.region.apply_mask:
        found["boxes"] = [archive.boxes(row) for row in rows.tolist()]
    if preprocessing.colour == "adjacent":
        content = archive.index["content_hash"].tolist()
        beside = neighbours(archive.index, rows).tolist()
        found["beside"] = [[None if row < 0 else content[row] for row in two] for two in beside]
    if preprocessing.smoothing:
        found["kept"] = _kept_share(chosen, preprocessing).tolist()
    if (field_mm := preprocessing.field_mm) is not None:
        found["fields"] = [field_at(archive, row, field_mm) for row in rows.tolist()]
    return found


def write_store(
    folder: Path, archive: Any, chosen: pd.DataFrame, preprocessing: PreprocessingConfig
) -> None:
    """Fill an image store: `images.npy` and, where asked for, `masks.npy` beside it.

    Args:
        folder: empty.
        archive: an `osteon.cohorts.archive.Archive`.
        chosen: its N rows that become samples; with masks, each has one.
        preprocessing: colours, greys, side length, masks.
    """
    from joblib import Parallel, delayed

    side, count = preprocessing.size, len(chosen)
    colours = () if preprocessing.colour == "grey" else (3,)
    images = _created(folder / IMAGES, (count, side, side, *colours))
    masks = _created(folder / MASKS, (count, side, side)) if preprocessing.masks else None
    preparing = _Preparing(archive, chosen, preprocessing)

    def prepare(row: int) -> None:
        images[row] = preparing.image(row)
        if masks is not None:
            masks[row] = preparing.labels(row)

    # Threads: Pillow lets go of the interpreter while it resamples, and nothing is copied between.
    Parallel(n_jobs=-1, prefer="threads")(delayed(prepare)(row) for row in range(count))
    for array in (images, masks):
        if array is not None:
            array.flush()


def target_shares(prepared: Path, target: int) -> "NDArray[np.float64]":
    """The share of each prepared label map that a value takes, read slice by slice.

    Args:
        prepared: folder of a store with masks.
        target: the value.

    Returns:
        (N,) 0..1, in the order of the store.

    Raises:
        FileNotFoundError: the store was prepared without masks.
    """
    file = prepared / MASKS
    if not file.is_file():
        raise FileNotFoundError(f"{file.name}: not there; preprocessing.masks is false, or was")
    masks = np.load(file, mmap_mode="r", allow_pickle=False)
    return np.fromiter(((mask == target).mean() for mask in masks), np.float64, len(masks))


def _created(file: Path, shape: tuple[int, ...]) -> "np.memmap[Any, np.dtype[np.uint8]]":
    return np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)


def _kept_share(chosen: pd.DataFrame, preprocessing: PreprocessingConfig) -> "NDArray[np.float64]":
    """How long a pixel of the original is in the archive: 1, or less where it was reduced."""
    if not preprocessing.smoothing:
        return np.ones(len(chosen))
    share = chosen["rows"].to_numpy(np.float64) / chosen["native_rows"].to_numpy(np.float64)
    return np.asarray(share)


class _Preparing:
    """One chosen image after the other, as the networks see them."""

    def __init__(
        self, archive: Any, chosen: pd.DataFrame, preprocessing: PreprocessingConfig
    ) -> None:
        self.archive, self.preprocessing = archive, preprocessing
        self.rows = chosen["archive_row"].to_numpy(np.int64)
        self.crops = chosen[list(CROP)].to_numpy(np.int64)
        self.sources = chosen["crop_source"].tolist()
        self.kept = _kept_share(chosen, preprocessing)
        self.beside = np.full((len(chosen), 2), -1, np.int64)
        if preprocessing.colour == "adjacent":
            self.beside = neighbours(archive.index, self.rows)

    def image(self, at: int) -> "NDArray[np.uint8]":
        from osteon.imaging.prepare import prepare

        wanted, row = self.preprocessing, int(self.rows[at])
        before, after = (None if r < 0 else self.archive.pixels(int(r)) for r in self.beside[at])
        return prepare(
            self.archive.pixels(row),
            region=self._region(at),
            colour=wanted.colour,
            windows=wanted.windows,
            size=wanted.size,
            resize=wanted.resize,
            field=field_at(self.archive, row, wanted.field_mm),
            neighbours=(before, after),
            mask=self._blackened(row),
            intensity=wanted.intensity,
            stretch=wanted.stretch.scaled(float(self.kept[at])),
        )

    def labels(self, at: int) -> "NDArray[np.uint8]":
        from osteon.imaging.prepare import prepare_mask

        row, wanted = int(self.rows[at]), self.preprocessing
        return prepare_mask(
            self.archive.mask(row),
            region=self._region(at),
            size=wanted.size,
            resize=wanted.resize,
            field=field_at(self.archive, row, wanted.field_mm),
        )

    def _region(self, at: int) -> Any:
        from osteon.imaging.region import Region

        x0, y0, x1, y1 = self.crops[at].tolist()
        return Region(x0, y0, x1, y1, self.sources[at])

    def _blackened(self, row: int) -> "NDArray[Any] | None":
        from osteon.imaging.region import find_mask

        if not self.preprocessing.region.apply_mask:
            return None
        pixels, mask = self.archive.pixels(row), self.archive.mask(row)
        return find_mask(pixels, self.preprocessing.region, mask, self.archive.boxes(row))
