"""Augmented copies found by content: one image that is another mirrored, turned or recoloured.

A copy that was made darker, smaller or a little noisy keeps its perceptual hash nearly, so that the
search for near-duplicates has it. A mirror image, a quarter turn, an inverted image or another
gamma has another hash; these are sought here. Other copies go unseen; how many was tried on 60
synthetic radiographs, both searches together: found were 57 or more of those that were mirrored,
turned by a quarter, inverted, darkened, a little noisy or half as large; 49 of those brightened by
1.2 with clipping, 40 with gamma 0.5, 27 with gamma 2, 17 with contrast 1.5, 50 turned by 1 degree,
32 by 2 degrees, 9 cropped by 2 %; and none turned by 5 degrees, shifted by 2 % or cropped by 5 %.
A wider search would take different patients for copies: radiographs of one view look alike.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.imaging.fingerprints import SIDE, near_duplicates, perceptual_hashes

Bytes = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
GREYS = 16  # a thumbnail with fewer grey levels has too little in it to be equalised
RECOLOURED, INVERTED = "grey levels changed", "inverted"
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
    """Pairs of images of which one looks like the other mirrored, turned or recoloured.

    Args:
        images: `sample_id`, `phash` and `thumbnail`, as in the archive's index; max_distance and
        min_correlation: as for `osteon.imaging.fingerprints.near_duplicates`.

    Returns:
        one row a pair: sample_a, sample_b (that one changed), change. An image that is its own
        mirror image is no pair, nor are two that `near_duplicates` finds as they are.
    """
    names = images["sample_id"].to_numpy(str)
    columns = ["sample_a", "sample_b", "change"]
    if not len(names):
        return pd.DataFrame(columns=columns)
    joined = b"".join(bytes(one) for one in images["thumbnail"])
    small = np.frombuffer(joined, np.uint8).reshape(len(names), SIDE, SIDE)
    hashes = np.array([int(text, 16) for text in images["phash"]], np.uint64)
    limits = max_distance, min_correlation
    seen = {(a, b) for a, b in near_duplicates(hashes, small, *limits).tolist()}
    rows: list[tuple[str, str, str]] = []
    for change, found in searches(small, hashes, *limits):
        for one, other in found:
            pair = (min(one, other), max(one, other))
            if one != other and pair not in seen:
                seen.add(pair)
                rows.append((str(names[pair[0]]), str(names[pair[1]]), change))
    return pd.DataFrame(rows, columns=columns)


def searches(
    small: Bytes, hashes: Hashes, max_distance: int, min_correlation: float
) -> Iterator[tuple[str, list[list[int]]]]:
    """Change → pairs of rows (as it is, changed)."""
    limits = max_distance, min_correlation
    for change, apply in CHANGES.items():
        other = np.stack([apply(one) for one in small])
        yield change, between((hashes, small), (perceptual_hashes(other), other), *limits)
    enough = np.array([len(np.unique(one)) >= GREYS for one in small])
    if not enough.any():
        return
    place = np.flatnonzero(enough)
    level = equalised(small[place])
    own = perceptual_hashes(level), level
    for change, other in ((RECOLOURED, level), (INVERTED, 255 - level)):
        pairs = between(own, (perceptual_hashes(other), other), *limits)
        yield change, [[int(place[a]), int(place[b])] for a, b in pairs]


def between(
    first: tuple[Hashes, Bytes],
    second: tuple[Hashes, Bytes],
    max_distance: int,
    min_correlation: float,
) -> list[list[int]]:
    """Rows of the first and of the second list that look the same."""
    count = len(first[0])
    hashes = np.concatenate([first[0], second[0]])
    small = np.concatenate([first[1], second[1]])
    pairs = near_duplicates(hashes, small, max_distance, min_correlation, across=count)
    return [[a, b - count] for a, b in pairs.tolist()]


def equalised(small: Bytes) -> Bytes:
    """N × side × side thumbnails by the ranks of their grey levels, stretched to 0..255.

    The same whatever rising curve the grey levels went through, as far as it clips none.
    """
    from scipy.stats import rankdata

    ranks = rankdata(small.reshape(len(small), -1), axis=1)
    low, high = ranks.min(axis=1, keepdims=True), ranks.max(axis=1, keepdims=True)
    level = np.round(255 * (ranks - low) / np.maximum(high - low, 1))
    return np.asarray(level, np.uint8).reshape(small.shape)
