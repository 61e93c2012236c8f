"""First-layer weights of networks on patches as tiles, as the PENN paper shows its filters."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from osteon.reporting.figures.names import known
from osteon.reporting.gallery import Case, Tile, arranged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS, FILTER_SIDE, GAP = 10, 32, 2
"""Filters in a row and a column of a tile, side of one and the gap between two, px."""
TILES = 4
"""Tiles of filters a case."""
LAYER = "first hidden layer"
LOW = 70
"""Grey of the most negative weight; the most positive is white, 255."""


def filter_tiles(filters: NDArray[Any], across: int = ACROSS) -> list[Tile]:
    """Weights of a first layer as tiles of `across` × `across` nodes, in the order of the nodes.

    White is positive and grey negative, as in the paper's figure; each node is scaled by its own
    largest weight, so that tiles tell shapes and not strengths.

    Args:
        filters: (nodes, p, p), real.

    Raises:
        ValueError: another shape, or weights that are not finite.
    """
    if filters.ndim != 3 or filters.shape[1] != filters.shape[2] or not len(filters):
        raise ValueError(f"filters: shape {filters.shape} found, (nodes, p, p) allowed")
    if not np.isfinite(filters).all():
        raise ValueError("filters: weights that are not finite found")
    largest = np.abs(filters).max(axis=(1, 2), keepdims=True)
    scaled = np.divide(filters, largest, out=np.zeros(filters.shape), where=largest > 0)
    grey = np.rint(LOW + (255 - LOW) * (scaled + 1) / 2).astype(np.uint8)
    made, each = [], across * across
    for start in range(0, len(grey), each):
        part = grey[start : start + each]
        last = start + len(part)
        made.append(Tile(f"nodes {start + 1} to {last}", _mosaic(part, across), None))
    return made


def _mosaic(parts: NDArray[np.uint8], across: int) -> NDArray[np.uint8]:
    """Squares side by side on black."""
    from PIL import Image

    step = FILTER_SIDE + GAP
    rows = -(-len(parts) // across)
    whole = np.zeros((rows * step - GAP, across * step - GAP), np.uint8)
    for place, part in enumerate(parts):
        y, x = step * (place // across), step * (place % across)
        big = Image.fromarray(part).resize((FILTER_SIDE, FILTER_SIDE), Image.Resampling.NEAREST)
        whole[y : y + FILTER_SIDE, x : x + FILTER_SIDE] = np.asarray(big)
    return whole


def filters_gallery(
    filters: Mapping[str, NDArray[Any]],
) -> "tuple[dict[str, Any], Figure]":
    """First-layer weights of some learners as a gallery and its contact sheet.

    Args:
        filters: learner → (nodes, p, p); one fold of each.

    Raises:
        ValueError: as `filter_tiles`.
    """
    caption = (
        "Weights from the pixels of a patch to each node of the first hidden layer, one fold's "
        "network. White is positive, dark grey negative, each node scaled by its own largest "
        "weight. Filters that look like noise have learnt no shape."
    )
    cases: list[Case] = []
    for name, weights in filters.items():
        made = filter_tiles(weights)
        said = f"{len(weights)} nodes, patches of {weights.shape[1]} px"
        for start in range(0, len(made), TILES):
            tiles, called = made[start : start + TILES], known(name) or name
            cases.append(Case(len(cases) + 1, LAYER, said, tiles, called))
    told = {"filters": ("What the first layer looks for", caption)}
    pages, sheets = arranged({"filters": cases}, told)
    return pages[0], sheets["filters"]
