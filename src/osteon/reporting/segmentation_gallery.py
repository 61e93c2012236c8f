"""Pictures of networks that outline: truth and outline, errors in colour.

Colours are of Okabe and Ito's set for colour-blind readers. Besides colour, what was missed is
striped and what was outlined wrongly is plain, so that the two stay apart in grey.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.reporting.figures.names import known
from osteon.reporting.filters_gallery import filters_gallery
from osteon.reporting.gallery import FRAME, LESION, SIDE, Case, Grey, Tile, arranged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "GALLERIES",
    "Outlined",
    "choose_outlines",
    "filters_gallery",
    "outline_galleries",
    "outline_text",
    "outline_tiles",
]

Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]
RIGHT, WRONG, MISSED = (0, 158, 115), (213, 94, 0), (240, 228, 66)
"""Bluish green, vermilion and yellow of Okabe and Ito."""
FOUND = (230, 159, 0)
"""Border of a network's outline; that of the truth is `osteon.reporting.gallery.LESION`."""
COVER = 0.55
STRIPE = 6
"""Period of the stripes over what was missed, px of a tile."""
LEAST, MARGIN = 40, 0.6
"""A close-up is at least so many px of the image wide, and that much wider than what it shows."""
LEGEND = (
    " Blue border: the mask that came with the images, the truth here; orange border: the "
    "network's outline. In the pictures of errors green is right, vermilion is outlined but no "
    "{target}, and striped yellow is {target} that was missed. The thin rectangle on the whole "
    "slice, where there is one, is what the close-ups show. Dice is of this slice alone."
)
GALLERIES = {
    "outlines_best": (
        "Best outlines",
        "Slices with {target} on which {learner} has the highest Dice, one a patient.",
    ),
    "outlines_median": (
        "Median outlines",
        "Slices with {target} on which the Dice of {learner} lies nearest to its median, one a "
        "patient: what to expect.",
    ),
    "outlines_worst": (
        "Worst outlines",
        "Slices with {target} on which {learner} has the lowest Dice, one a patient; 0 where "
        "nothing of it was found.",
    ),
    "outlines_false": (
        "Outlines without {target}",
        "Slices without {target} on which {learner} outlined something, the largest first, one a "
        "patient.",
    ),
}
"""Name → title and rule; a report shows them in this order."""


def choose_outlines(slices: pd.DataFrame, count: int) -> dict[str, tuple[str, ...]]:
    """Slices for the galleries, one a patient in each.

    Args:
        slices: one row a judged slice: sample_id, patient_id, and its pixels tp, fp and fn.
        count: in a gallery at most, 1 or more.

    Returns:
        gallery → sample ids.

    Raises:
        ValueError: count below 1, or a column is missing.
    """
    if count < 1:
        raise ValueError(f"count: {count} found, 1 or more allowed")
    wanted = ("sample_id", "patient_id", "tp", "fp", "fn")
    if lost := [name for name in wanted if name not in slices.columns]:
        raise ValueError(f"slices: without columns {lost}, {list(wanted)} needed")
    shown = slices[slices["tp"] + slices["fn"] > 0]
    dice = 2 * shown["tp"] / (2 * shown["tp"] + shown["fp"] + shown["fn"])
    shown = shown.assign(score=dice)
    away = shown.assign(away=(shown["score"] - shown["score"].median()).abs())
    empty = slices[(slices["tp"] + slices["fn"] == 0) & (slices["fp"] > 0)]
    pools = {
        "outlines_best": shown.sort_values("score", ascending=False, kind="stable"),
        "outlines_median": away.sort_values("away", kind="stable"),
        "outlines_worst": shown.sort_values("score", kind="stable"),
        "outlines_false": empty.sort_values("fp", ascending=False, kind="stable"),
    }
    return {
        name: tuple(pool.drop_duplicates("patient_id")["sample_id"].astype(str)[:count])
        for name, pool in pools.items()
    }


@dataclass(frozen=True)
class Outlined:
    """One slice with what was drawn and what each learner outlined.

    Attributes:
        image: (H, W) uint8 display values.
        truth: (H, W) of 0 and 1.
        outlines: learner → (H, W) of 0 and 1; the first is the one under test.
    """

    image: Grey
    truth: NDArray[Any]
    outlines: Mapping[str, NDArray[Any]]

    def checked(self) -> None:
        """Refuse masks of another shape than the image.

        Raises:
            ValueError: naming the mask, its shape and the image's.
        """
        if self.image.ndim != 2 or self.image.dtype != np.uint8:
            found = f"{self.image.dtype} of shape {self.image.shape}"
            raise ValueError(f"image: {found} found, uint8 of shape (H, W) allowed")
        if not self.outlines:
            raise ValueError("outlines: none found, at least one learner's needed")
        for name, mask in (("truth", self.truth), *self.outlines.items()):
            if mask.shape != self.image.shape:
                raise ValueError(
                    f"{name}: shape {mask.shape} found, {self.image.shape} of the image needed"
                )


def outline_tiles(case: Outlined, side: int = SIDE) -> list[Tile]:
    """The whole slice with the truth, then close-ups: truth, first outline, errors of each learner.

    Args:
        case: the slice; side: longer side of a tile, px, smaller images are enlarged.

    Raises:
        ValueError: masks that do not fit the image.
    """
    case.checked()
    masks = [np.asarray(case.truth, bool), *(np.asarray(m, bool) for m in case.outlines.values())]
    box = close_up(np.any(masks, axis=0))
    y0, y1, x0, x1 = box
    whole, drawn = enlarged(case.image, side), enlarged(masks[0], side)
    framed = bordered(whole, drawn, LESION)
    factor = whole.shape[0] / case.image.shape[0], whole.shape[1] / case.image.shape[1]
    _frame(framed, [round(value * factor[k // 2]) for k, value in enumerate(box)])
    near = enlarged(case.image[y0:y1, x0:x1], side)
    truth, *found = (enlarged(mask[y0:y1, x0:x1], side) for mask in masks)
    names = [printed(name) for name in case.outlines]
    made = [
        Tile("whole slice, truth", np.asarray(whole), framed, sharp=True),
        Tile("truth", near, bordered(near, truth, LESION), sharp=True),
        Tile(names[0], near, bordered(near, found[0], FOUND), sharp=True),
    ]
    return made + [
        Tile(f"{name}: errors", near, errors(near, truth, own), sharp=True)
        for name, own in zip(names, found, strict=True)
    ]


def printed(learner: str) -> str:
    """A learner's name in print: `penn` → "PENN"."""
    return known(learner) or learner


def close_up(mask: Mask) -> tuple[int, int, int, int]:
    """y0, y1, x0, x1 of a square inside the image around a mask; all of it where it is empty.

    Args:
        mask: (H, W).
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 0, mask.shape[0], 0, mask.shape[1]
    extent = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    side = max(LEAST, round(extent * (1 + MARGIN)))
    ends: list[int] = []
    for own, length in ((rows, mask.shape[0]), (columns, mask.shape[1])):
        wide = min(side, length)
        start = int(np.clip((own[0] + own[-1] + 1 - wide) // 2, 0, length - wide))
        ends += [start, start + wide]
    return ends[0], ends[1], ends[2], ends[3]


def enlarged(image: NDArray[Any], side: int) -> NDArray[Any]:
    """An image (bilinear) or a mask (nearest pixel) whose longer side is `side` px."""
    from PIL import Image

    scale = side / max(image.shape)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    if image.dtype == bool:
        small = Image.fromarray(image.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
        return np.asarray(small) > 0
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def bordered(image: Grey, mask: Mask, colour: tuple[int, int, int]) -> Rgb:
    """A grey image in RGB with the outermost two pixels of a mask in colour, both (H, W)."""
    coloured = np.repeat(image[..., None], 3, axis=2)
    coloured[_border(mask)] = colour
    return coloured


def errors(image: Grey, truth: Mask, found: Mask) -> Rgb:
    """Right, wrong and missed pixels in colour over a grey image, all (H, W); see `LEGEND`."""
    coloured = np.repeat(image[..., None], 3, axis=2).astype(np.float64)
    y, x = np.indices(image.shape)
    striped = (y + x) % STRIPE < STRIPE // 2
    for part, colour in (
        (truth & found, RIGHT),
        (found & ~truth, WRONG),
        (truth & ~found & striped, MISSED),
    ):
        coloured[part] = (1 - COVER) * coloured[part] + COVER * np.array(colour)
    coloured[_border(truth & ~found)] = MISSED
    return np.rint(coloured).astype(np.uint8)


def _border(mask: Mask) -> Mask:
    """The outermost two pixels of a mask, also along the edge of the picture."""
    kept = mask
    for _ in range(2):
        inside = np.pad(kept, 1)
        kept = kept & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    return mask & ~kept


def _frame(image: Rgb, box: Sequence[int]) -> None:
    """An orange line on the outermost pixels of a box y0, y1, x0, x1, unless it is all there is."""
    y0, y1, x0, x1 = box
    if (y0, x0) == (0, 0) and (y1, x1) == image.shape[:2]:
        return
    image[[y0, y1 - 1], x0:x1] = FRAME
    image[y0:y1, [x0, x1 - 1]] = FRAME


def outline_galleries(
    cases: Mapping[str, Sequence[Case]], target: str, learner: str
) -> "tuple[list[dict[str, Any]], dict[str, Figure]]":
    """The galleries as a report shows them, and a contact sheet of each.

    Args:
        cases: gallery → cases, tiles of `outline_tiles`.
        target: what is outlined, in words; learner: the one under test.

    Raises:
        ValueError: a gallery that is none of `GALLERIES`.
    """
    words = {"target": target, "learner": printed(learner)}
    told = {
        name: (title.format(**words), (rule + LEGEND).format(**words))
        for name, (title, rule) in GALLERIES.items()
    }
    return arranged(cases, told)


def outline_text(counts: Mapping[str, Mapping[str, Any]]) -> str:
    """`Dice 0.81 with PENN, 0.86 with U-Net`, or the pixels that were outlined without a target.

    Args:
        counts: learner → tp, fp and fn of the slice.
    """
    said = []
    for name, one in counts.items():
        tp, fp, fn = (int(one[key]) for key in ("tp", "fp", "fn"))
        if tp + fn:
            said.append(f"{2 * tp / (2 * tp + fp + fn):.2f} with {printed(name)}")
        else:
            said.append(f"{fp:,} pixels with {printed(name)}")
    with_target = any(int(one["tp"]) + int(one["fn"]) for one in counts.values())
    return f"{'Dice' if with_target else 'outlined by mistake'} {', '.join(said)}"
