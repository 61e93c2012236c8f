"""Outlines on disk: of each image the packed bits of the box that holds its outline.

outlines.bin      rows of the boxes as `numpy.packbits` packs them, one outline after the other
outlines.parquet  sample_id, rows, columns (of the image), y0, x0, height, width (of the box, px),
                  offset (in bytes)
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from osteon.measures.discrimination import Bools
from osteon.measures.surfaces import MaskError, as_mask

BITS, INDEX = "outlines.bin", "outlines.parquet"
COLUMNS = ("sample_id", "rows", "columns", "y0", "x0", "height", "width", "offset")


@dataclass
class Packed:
    """Outlines in memory, packed: a few hundred bytes each, whatever the size of the images."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    bits: list[bytes] = field(default_factory=list)
    length: int = 0

    def add(self, sample: str, mask: ArrayLike) -> None:
        """Keep one more outline.

        Args:
            sample: its image; mask: (H, W) of 0 and 1.

        Raises:
            MaskError: no 2-D mask.
        """
        found = as_mask("mask", mask)
        if found.ndim != 2:
            raise MaskError(f"mask of {sample}: shape {found.shape} found, (H, W) needed")
        y0, x0, height, width = _box(found)
        packed = np.packbits(found[y0 : y0 + height, x0 : x0 + width]).tobytes()
        self.rows.append((sample, *found.shape, y0, x0, height, width, self.length))
        self.bits.append(packed)
        self.length += len(packed)

    @property
    def digest(self) -> str:
        """SHA-256 of all outlines and the images they belong to."""
        hashed = hashlib.sha256(repr(self.rows).encode())
        for one in self.bits:
            hashed.update(one)
        return hashed.hexdigest()

    def write(self, folder: Path) -> None:
        """Write into an existing, empty folder; `Outlines` reads it.

        Raises:
            ValueError: an image has two outlines.
        """
        table = pd.DataFrame(self.rows, columns=list(COLUMNS)).astype({"sample_id": "str"})
        if table["sample_id"].duplicated().any():
            twice = table.loc[table["sample_id"].duplicated(), "sample_id"].iloc[0]
            raise ValueError(f"sample_id: {twice} found twice, one outline an image allowed")
        (folder / BITS).write_bytes(b"".join(self.bits))
        table.to_parquet(folder / INDEX)


class Outlines:
    """Outlines of one learner, read when asked for.

    Args:
        folder: as `Packed.write` left it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row an image, `COLUMNS`."""
        return pd.read_parquet(self.folder / INDEX)

    @cached_property
    def _rows(self) -> dict[str, tuple[int, ...]]:
        rows = self.index.itertuples(index=False, name=None)
        return {str(row[0]): tuple(int(one) for one in row[1:]) for row in rows}

    @property
    def samples(self) -> Iterable[str]:
        """The images that were judged, in the order of judging."""
        return tuple(self._rows)

    def get(self, sample: str) -> Bools | None:
        """The outline of an image, (H, W) bool on its own pixels; None if it was not judged."""
        if sample not in self._rows:
            return None
        rows, columns, y0, x0, height, width, offset = self._rows[sample]
        mask = np.zeros((rows, columns), dtype=np.bool_)
        if height and width:
            count = height * width
            own = np.fromfile(self.folder / BITS, np.uint8, count=(count + 7) // 8, offset=offset)
            bits = np.unpackbits(own, count=count).reshape(height, width)
            mask[y0 : y0 + height, x0 : x0 + width] = bits
        return mask


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """y0, x0, height and width of what is set; all 0 where nothing is."""
    along_y, along_x = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(along_y):
        return 0, 0, 0, 0
    y0, x0 = int(along_y[0]), int(along_x[0])
    return y0, x0, int(along_y[-1]) - y0 + 1, int(along_x[-1]) - x0 + 1
