"""Which images a report shows, and how: the original beside maps laid over it.

The three galleries of the late-fusion paper (its Figs. 7 to 9) serve every row that has a reference
and a headline learner; a fourth and a fifth show the clearest and the worst cases.
"""

import base64
import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Map = NDArray[np.floating[Any]]
SIDE = 224
"""Longer side of a tile, px."""
OUTLINE = (86, 180, 233)
STRENGTH = 0.6


RULES = {
    "right": (
        "Rightly classified",
        "Images that the headline learner judged rightly: both classes in turn, spread evenly from "
        "the surest to the least sure, so that these are not only the prettiest.",
    ),
    "baseline_wrong": (
        "Wrong without clinical values",
        "Images that the image-only reference misjudged, the surest errors first: missed tumours "
        "and false alarms in turn.",
    ),
    "shift": (
        "Wrong without, right with all inputs",
        "Images that the reference misjudged and the headline learner judged rightly, the largest "
        "change of probability first; compare both maps.",
    ),
    "best": (
        "Surest and right",
        "The highest probabilities that the headline learner gave to the true class.",
    ),
    "worst": (
        "Surest and wrong",
        "The lowest probabilities that the headline learner gave to the true class.",
    ),
}
"""Title and rule of each gallery."""


@dataclass(frozen=True)
class Gallery:
    """A choice of samples by a stated rule.

    Attributes:
        name: for files and anchors; title and caption: for people, the caption states the rule.
        samples: sample_id, in the order of showing; empty if no sample fits the rule.
    """

    name: str
    title: str
    caption: str
    samples: tuple[str, ...]


def choose(
    reference: pd.DataFrame,
    headline: pd.DataFrame,
    count: int,
    hidden: Collection[str] = (),
) -> list[Gallery]:
    """The five galleries, one image a patient, chosen by rule and never by hand.

    Args:
        reference: predictions of the learner that the others are tested against.
        headline: predictions of the learner under test. Both have sample_id, patient_id, label and
            prob_<class> columns, of which the last is the positive class; samples that only one
            learner judged are left out.
        count: cases in a gallery at most, 1 or more.
        hidden: sample ids that must not be shown, for instance for writing in their pixels.

    Returns:
        right, baseline_wrong, shift, best, worst.

    Raises:
        ValueError: count is below 1.
    """
    if count < 1:
        raise ValueError(f"count: {count} found, 1 or more allowed")
    columns = ["sample_id", "patient_id", "positive", "truth"]
    first, second = _truth(reference)[columns], _truth(headline)[["sample_id", "truth"]]
    table = first.merge(second, on="sample_id", suffixes=("_before", "_after"))
    table = table[~table["sample_id"].isin(set(hidden))]
    before, after = table["truth_before"], table["truth_after"]
    # A probability of exactly one half is called positive, as at the threshold 0.5.
    right_before = _right(table["positive"], before)
    right_after = _right(table["positive"], after)
    change = table.assign(change=after - before)
    chosen = {
        "right": _both_classes(table[right_after], "truth_after", count, spread=True),
        "baseline_wrong": _both_classes(
            table[~right_before], "truth_before", count, ascending=True
        ),
        "shift": tuple(_ordered(change[~right_before & right_after], "change")[:count]),
        "best": _both_classes(table[right_after], "truth_after", count),
        "worst": _both_classes(table[~right_after], "truth_after", count, ascending=True),
    }
    return [Gallery(name, *RULES[name], samples) for name, samples in chosen.items()]


def _truth(predictions: pd.DataFrame) -> pd.DataFrame:
    """With `positive` (bool) and `truth`, the probability of what is true: positive or not."""
    probability = predictions[[c for c in predictions if str(c).startswith("prob_")][-1]]
    classes = sum(str(column).startswith("prob_") for column in predictions)
    positive = predictions["label"] == classes - 1
    return predictions.assign(positive=positive, truth=probability.where(positive, 1 - probability))


def _right(positive: pd.Series, truth: pd.Series) -> pd.Series:
    return (truth > 0.5) | (positive & (truth == 0.5))


def _ordered(table: pd.DataFrame, column: str, ascending: bool = False) -> list[str]:
    """Samples by a column, one a patient; ties stay in the table's order."""
    ordered = table.sort_values(column, ascending=ascending, kind="stable")
    return list(ordered.drop_duplicates("patient_id")["sample_id"])


def _both_classes(
    table: pd.DataFrame, column: str, count: int, ascending: bool = False, spread: bool = False
) -> tuple[str, ...]:
    """Positives and others in turn; where one class has too few, the other fills up.

    `spread` takes each class's samples evenly from the first to the last instead of the first.
    """
    positive = _ordered(table[table["positive"]], column, ascending)
    negative = _ordered(table[~table["positive"]], column, ascending)
    wanted = min(len(positive), max(count - len(negative), (count + 1) // 2))
    parts = [
        _evenly(names, number) if spread else names[:number]
        for names, number in ((positive, wanted), (negative, count - wanted))
    ]
    return tuple(name for pair in zip_longest(*parts) for name in pair if name is not None)


def _evenly(names: list[str], count: int) -> list[str]:
    if len(names) <= count:
        return names
    return [names[at] for at in np.linspace(0, len(names) - 1, count).round().astype(int)]


def overlay(image: Grey, saliency: Map) -> NDArray[np.uint8]:
    """A map laid over its image: the stronger, the more of the colour covers the grey.

    Args:
        image: (H, W) uint8.
        saliency: (H, W) −1..1: warm colours above 0 (for the class), blue below 0 (against it).

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: the shapes differ.
    """
    if image.shape != saliency.shape:
        raise ValueError(
            f"saliency: shape {saliency.shape} found, {image.shape} of the image needed"
        )
    from matplotlib import colormaps

    values = np.clip(np.nan_to_num(saliency), -1, 1)
    strength = np.abs(values)
    warm, cold = (
        colormaps[name](0.3 + 0.7 * strength)[..., :3] * 255 for name in ("inferno", "Blues")
    )
    colour = np.where((values > 0)[..., None], warm, cold)
    cover = (STRENGTH * strength)[..., None]
    return np.rint(image[..., None] * (1 - cover) + colour * cover).astype(np.uint8)


def outlined(image: Grey, mask: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    """The image (H, W) in RGB with the border of a lesion's mask (H, W) drawn in blue."""
    coloured = np.repeat(image[..., None], 3, axis=2)
    if mask is not None and mask.any():
        from scipy.ndimage import binary_dilation

        coloured[binary_dilation(mask, iterations=2) & ~mask] = OUTLINE
    return coloured


def data_uri(image: NDArray[np.uint8]) -> str:
    """(H, W) or (H, W, 3) uint8 as a JPEG that lies in the page itself."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=80, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@dataclass(frozen=True)
class Tile:
    """One picture of a case: `plain` (H, W) or RGB, `marked` the same with a map or an outline."""

    caption: str
    plain: NDArray[np.uint8]
    marked: NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """One row of a gallery: a running number, its class, what was judged, and its pictures."""

    number: int
    label: str
    text: str
    tiles: list[Tile]

    def for_page(self) -> dict[str, Any]:
        """As the page shows it, pictures as data."""
        pictures = [
            {"caption": t.caption, "image": data_uri(t.plain), "overlay": data_uri(t.marked)}
            for t in self.tiles
        ]
        named = {"sample": f"case {self.number}", "label": self.label, "text": self.text}
        return {**named, "tiles": pictures}

    def for_sheet(self) -> dict[str, Any]:
        """As the contact sheet shows it."""
        return {
            "caption": f"{self.label} · {self.text}",
            "tiles": [(tile.caption, tile.marked) for tile in self.tiles],
        }


def tiles(
    pixels: NDArray[Any],
    mask: NDArray[np.uint8] | None,
    maps: Sequence[tuple[str, Map]],
    lay: Callable[[Map, tuple[int, int]], Map],
) -> list[Tile]:
    """The original with the lesion's border, then each map on the original.

    Args:
        pixels: (H, W) uint16 or (H, W, 3) uint8 display values, as the archive keeps them.
        mask: (H, W) label map, 0 is background; None if there is none.
        maps: caption and map in the network's frame.
        lay: takes a map and (rows, columns), gives it in the original's frame, −1..1.
    """
    from osteon.imaging.colour import to_grey
    from osteon.imaging.resize import shrink, shrink_mask, to_uint8

    image = to_uint8(to_grey(shrink(pixels, SIDE)))
    shape = (image.shape[0], image.shape[1])
    small = None if mask is None else shrink_mask(mask, *shape) > 0
    first = Tile("original", image, outlined(image, small))
    return [first, *(Tile(name, image, overlay(image, lay(one, shape))) for name, one in maps)]
