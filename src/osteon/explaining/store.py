"""Saliency maps on disk: one array a method, and the samples they belong to."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAMPLES = "samples.parquet"


def write_maps(
    folder: Path, samples: Sequence[str], maps: Mapping[str, NDArray[np.float16]]
) -> None:
    """Write maps into an existing folder.

    Args:
        folder: empty.
        samples: N sample ids.
        maps: method → N × h × w, in the network's frame.

    Raises:
        ValueError: a method has another number of maps than there are samples.
    """
    for method, found in maps.items():
        if len(found) != len(samples):
            raise ValueError(f"{method}: {len(found)} maps found, {len(samples)} samples")
        np.save(folder / f"{method}.npy", found, allow_pickle=False)
    pd.DataFrame({"sample_id": list(samples)}).to_parquet(folder / SAMPLES)


def write_parts(
    folder: Path, samples: Sequence[str], parts: Iterable[Mapping[str, NDArray[Any]]]
) -> None:
    """As `write_maps`, part after part into the files: what is written is never held twice.

    Args:
        folder: empty.
        samples: N sample ids, in the order of the parts.
        parts: one or more; each method → maps of the next samples.

    Raises:
        ValueError: the parts have more or fewer maps than there are samples, or the methods of a
            part differ from the first one's.
    """
    written: dict[str, NDArray[Any]] = {}
    done = 0
    for part in parts:
        count = {len(found) for found in part.values()}
        if len(count) != 1 or (written and set(part) != set(written)):
            shapes = {method: found.shape for method, found in part.items()}
            raise ValueError(f"parts: {shapes} found, {sorted(written) or 'maps'} of one length")
        for method, found in part.items():
            if method not in written:
                written[method] = np.lib.format.open_memmap(
                    folder / f"{method}.npy", "w+", found.dtype, (len(samples), *found.shape[1:])
                )
            room = written[method][done : done + len(found)]
            if len(room) < len(found):
                raise ValueError(f"{method}: more maps found than {len(samples)} samples")
            room[:] = found
        done += count.pop()
    if done != len(samples):
        raise ValueError(f"parts: {done} maps found, {len(samples)} samples")
    pd.DataFrame({"sample_id": list(samples)}).to_parquet(folder / SAMPLES)


class Maps:
    """Maps of one learner, read when asked for.

    Args:
        folder: as `write_maps` left it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, sorted."""
        return tuple(sorted(file.stem for file in self.folder.glob("*.npy")))

    @cached_property
    def _rows(self) -> dict[str, int]:
        names = pd.read_parquet(self.folder / SAMPLES)["sample_id"]
        return {str(name): row for row, name in enumerate(names)}

    def get(self, method: str, sample: str) -> NDArray[Any] | None:
        """The map h × w of a sample in the network's frame; None if the sample was not explained.

        Raises:
            FileNotFoundError: this method made no maps.
        """
        row = self._rows.get(sample)
        if row is None:
            return None
        maps = np.load(self.folder / f"{method}.npy", mmap_mode="r", allow_pickle=False)
        return np.asarray(maps[row], np.float32)
