"""A folder that reads as an archive: pixels in one shard, and the columns that places need."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from osteon.cohorts.archive import Archive, shard_name


def make_archive(
    folder: Path, pixels: Sequence[np.ndarray], boxes: Sequence[list[list[float]]] | None = None
) -> Archive:
    """An archive of grey images, with drawn boxes where given."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = boxes or [[] for _ in pixels]
    offsets = np.cumsum([0, *(one.nbytes for one in pixels)])[:-1]
    (folder / shard_name(0)).write_bytes(b"".join(one.tobytes() for one in pixels))
    index = pd.DataFrame(
        {
            "sample_id": [f"I{row}" for row in range(len(pixels))],
            "shard": 0,
            "offset": offsets,
            "rows": [one.shape[0] for one in pixels],
            "columns": [one.shape[1] for one in pixels],
            "channels": 1,
            "dtype": [one.dtype.str for one in pixels],
            "mask_shard": -1,
            "mask_offset": -1,
            "boxes": [json.dumps(one) for one in drawn],
        }
    )
    index.to_parquet(folder / "index.parquet")
    return Archive(folder)
