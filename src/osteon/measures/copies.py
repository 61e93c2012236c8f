"""Augmented copies found by content: one image that is another mirrored or turned.

A changed brightness, contrast or a little noise leaves the perceptual hash nearly as it is, so that
the search for near-duplicates has such copies. A mirror image or a quarter turn has another hash.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.imaging.fingerprints import SIDE, near_duplicates, perceptual_hash

Bytes = NDArray[np.uint8]
CHANGES: Mapping[str, Callable[[Bytes], Bytes]] = {
    "mirrored left-right": np.fliplr,
    "mirrored top-bottom": np.flipud,
    "turned by 90": lambda image: np.rot90(image, 1),
    "turned by 180": lambda image: np.rot90(image, 2),
    "turned by 270": lambda image: np.rot90(image, 3),
    "transposed": np.transpose,
    "transposed and turned by 180": lambda image: np.rot90(image, 2).T,
}


def altered_copies(
    images: pd.DataFrame, max_distance: int = 4, min_correlation: float = 0.99
) -> pd.DataFrame:
    """Pairs of images of which one looks like the other mirrored or turned.

    Args:
        images: `sample_id`, `phash` and `thumbnail`, as in the archive's index; max_distance and
        min_correlation: as for `osteon.imaging.fingerprints.near_duplicates`.

    Returns:
        one row a pair: sample_a, sample_b (that one changed), change. An image that is its own
        mirror image is no pair.
    """
    names = images["sample_id"].to_numpy(str)
    count = len(names)
    columns = ["sample_a", "sample_b", "change"]
    if not count:
        return pd.DataFrame(columns=columns)
    joined = b"".join(bytes(one) for one in images["thumbnail"])
    small = np.frombuffer(joined, np.uint8).reshape(count, SIDE, SIDE)
    hashes = np.array([int(text, 16) for text in images["phash"]], np.uint64)
    rows: list[tuple[str, str, str]] = []
    seen: set[tuple[int, int]] = set()
    for change, apply in CHANGES.items():
        other = np.stack([apply(one) for one in small])
        theirs = np.array([int(perceptual_hash(one), 16) for one in other], np.uint64)
        both = np.concatenate([hashes, theirs]), np.concatenate([small, other])
        pairs = near_duplicates(*both, max_distance, min_correlation)
        for a, b in pairs[(pairs[:, 0] < count) & (pairs[:, 1] >= count)].tolist():
            pair = (min(a, b - count), max(a, b - count))
            if a != b - count and pair not in seen:
                seen.add(pair)
                rows.append((str(names[pair[0]]), str(names[pair[1]]), change))
    return pd.DataFrame(rows, columns=columns)
