"""The archive that ingestion leaves: pixels in shards, an index, no identifiers.

pixels-0000.bin ...  arrays in C order, little-endian, each starting at a multiple of 64 bytes
index.parquet        one row a kept frame, `INDEX` below
patients.parquet     pseudonym and clinical facts
readers.parquet      what doctors called each patient; readers are R1, R2, ...
quarantine.parquet   what was refused, and why
flow.json            counts from received to kept, and notes
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FORMAT = 4
"""Raised when archives of an older program must not be reused."""

TEXT, WHOLE, REAL, FLAG, RAW = "string", "int64", "double", "bool", "binary"

INDEX: dict[str, str] = {
    "sample_id": TEXT,
    "patient_id": TEXT,
    "file_id": TEXT,
    "frame": WHOLE,
    "shard": WHOLE,
    "offset": WHOLE,
    "rows": WHOLE,
    "columns": WHOLE,
    "channels": WHOLE,
    "dtype": TEXT,
    "modality": TEXT,
    "sequence": TEXT,
    "view": TEXT,
    "laterality": TEXT,
    "slice": WHOLE,
    "series_id": TEXT,
    "manufacturer": TEXT,
    "model": TEXT,
    "pixel_spacing_mm": TEXT,
    "body_part": TEXT,
    "transfer_syntax": TEXT,
    "burned_in_text": FLAG,
    "content_hash": TEXT,
    "phash": TEXT,
    "thumbnail": RAW,
    "boxes": TEXT,
    "mask_shard": WHOLE,
    "mask_offset": WHOLE,
    "native_rows": WHOLE,
    "native_columns": WHOLE,
    "instance": WHOLE,
    "image_position": TEXT,
    "image_orientation": TEXT,
}
"""Columns of index.parquet and their types.

`slice` and `instance` may be null. `pixel_spacing_mm` is JSON [row, column] of the KEPT pixels,
`image_position` and `image_orientation` are JSON lists as in the header (mm, cosines), "" if
unknown; `boxes` is JSON [[x0, y0, x1, y1, label], ...] in kept pixels; `mask_shard` is -1 without a
mask. The values of a mask are indices of `cohort.mask_classes`; without these, as the user drew it.
"""

QUARANTINE = ("file_id", "patient_id", "label", "code", "reason", "advice")


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"pixels-{number:04d}.bin"


class Archive:
    """An ingested cohort, opened lazily; it pickles as its path, so workers open it themselves.

    Args:
        folder: as written by `osteon.cohorts.ingest.ingest`.

    Raises:
        FileNotFoundError: there is no archive in `folder`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / "index.parquet").is_file():
            raise FileNotFoundError(f"{self.folder}: no index.parquet, so no archive")
        self._shards: dict[int, NDArray[np.uint8]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Archive, (self.folder,)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"Archive({str(self.folder)!r})"

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row a kept frame, columns `INDEX`, sorted by file and frame."""
        return pd.read_parquet(self.folder / "index.parquet")

    @cached_property
    def patients(self) -> pd.DataFrame:
        """One row a patient: pseudonym and clinical facts; centre is C1, C2, ..."""
        return pd.read_parquet(self.folder / "patients.parquet")

    @cached_property
    def readers(self) -> pd.DataFrame:
        """One row a reader's call of a patient: `config.READER_COLUMNS`; may have no row."""
        return pd.read_parquet(self.folder / "readers.parquet")

    @cached_property
    def quarantine(self) -> pd.DataFrame:
        """One row a refused file, mask or box: `QUARANTINE`."""
        return pd.read_parquet(self.folder / "quarantine.parquet")

    @cached_property
    def flow(self) -> dict[str, Any]:
        """Counts from received to kept, by code and class, and notes for the report."""
        found: dict[str, Any] = json.loads((self.folder / "flow.json").read_text("utf-8"))
        return found

    @cached_property
    def _places(self) -> dict[str, list[Any]]:
        # plain lists: one pandas row look-up costs more than reading the pixels
        names = ("shard", "offset", "rows", "columns", "channels", "dtype", "mask_shard")
        return {name: self.index[name].tolist() for name in (*names, "mask_offset")}

    def pixels(self, row: int) -> NDArray[Any]:
        """The pixels of a row of `index`: a read-only view on the file, nothing is copied.

        Args:
            row: 0..len - 1.

        Returns:
            (H, W) uint16 display values 0..65535; (H, W) int16 HU; or (H, W, 3) uint8.

        Raises:
            IndexError: no such row.
        """
        at = {name: column[row] for name, column in self._places.items()}
        shape = (at["rows"], at["columns"]) + ((3,) if at["channels"] == 3 else ())
        return self._view(at["shard"], at["offset"], np.dtype(at["dtype"]), shape)

    def mask(self, row: int) -> NDArray[np.uint8] | None:
        """The label map of a row, (H, W) uint8 as large as its pixels; None if it has none."""
        at = {name: column[row] for name, column in self._places.items()}
        if at["mask_shard"] < 0:
            return None
        shape = (at["rows"], at["columns"])
        return self._view(at["mask_shard"], at["mask_offset"], np.dtype(np.uint8), shape)

    def boxes(self, row: int) -> list[list[Any]]:
        """The boxes of a row: [x0, y0, x1, y1, label] in kept pixels."""
        found: list[list[Any]] = json.loads(self.index["boxes"].iloc[row])
        return found

    def _view(
        self, shard: int, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> NDArray[Any]:
        if shard not in self._shards:
            path = self.folder / shard_name(shard)
            self._shards[shard] = np.memmap(path, np.uint8, mode="r")
        size = dtype.itemsize * int(np.prod(shape))
        return self._shards[shard][offset : offset + size].view(dtype).reshape(shape)
