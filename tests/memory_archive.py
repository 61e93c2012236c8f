"""What reads as an archive and lies in memory, whose pixels and maps a test may change."""

import numpy as np
import pandas as pd


class MemoryArchive:
    """One series of one patient, with what choosing and preparing read of an archive."""

    def __init__(
        self, pixels: list[np.ndarray], masks: list[np.ndarray | None] | None = None
    ) -> None:
        self.arrays, self.maps = pixels, masks or [None] * len(pixels)
        self.index = pd.DataFrame(
            {
                "sample_id": [f"P-{n:03d}" for n in range(len(pixels))],
                "patient_id": "P",
                "series_id": "S1",
                "view": "",
                "slice": pd.array(range(1, len(pixels) + 1), "Int64"),
                "dtype": [array.dtype.str for array in pixels],
                "channels": [3 if array.ndim == 3 else 1 for array in pixels],
                "content_hash": [str(hash(array.tobytes())) for array in pixels],
            }
        )

    def pixels(self, row: int) -> np.ndarray:
        return self.arrays[row]

    def mask(self, row: int) -> np.ndarray | None:
        return self.maps[row]

    def boxes(self, row: int) -> list[list[object]]:
        return []
