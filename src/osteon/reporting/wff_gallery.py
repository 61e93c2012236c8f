"""Pictures of the weighted fusion framework: boxes on slices, tubes with Grad-CAM, and galleries.

Colours are those of Liu et al. 2022 (Insights Imaging 13:87, Fig. 4): green benign, red malignant,
yellow what radiologists drew. Red and green look alike to some readers, so benign is dashed and
malignant solid, each with its letter, and a radiologist's box has corners only.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from osteon.reporting.gallery import SIDE, Case, Tile, arranged, overlay
from osteon.reporting.patients.cases import evenly

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.ImageDraw import ImageDraw

Rgb = NDArray[np.uint8]
Found = tuple[float, float, float, float, float, float]
Box = Sequence[float]
GREEN, RED, YELLOW = (60, 220, 90), (255, 80, 70), (255, 214, 0)
SHOWN = 4
"""Detected boxes on a picture at most; the surest alone is written on."""
ACROSS, TUBE_SIDE, GAP = 8, 84, 2
"""Slices in a row of a contact strip; side of one and the gap between two, px."""
GALLERIES = {
    "boxes_best": (
        "Boxes that fit best",
        "Images on which the box that was found overlaps most with the drawn one.",
    ),
    "boxes_worst": (
        "Boxes that fit worst",
        "Images with both a drawn and a found box, least overlap first.",
    ),
    "boxes_missed": (
        "Tumours without a box",
        "Images with a drawn box on which the detector found none.",
    ),
    "boxes_false": (
        "Boxes without a tumour",
        "Images without any drawn box on which the detector found one, the surest first.",
    ),
    "tubes": (
        "What the sequence model was given, and what moved it",
        "Slices of one sequence's tube, at even distances, and its Grad-CAM over them. The class "
        "is the truth; M is what the sequence model says, the probability of the positive class.",
    ),
}
"""Name → title and rule; a report shows them in this order."""
LEGEND = (
    " Green, dashed, B: called benign; red, solid, M: called malignant, with the share of its "
    "class; yellow corners: the box that a reader drew, the truth here. The class named first is "
    "the truth of the patient; D is what the surest box says."
)


def boxed(image: NDArray[Any], found: Sequence[Found], drawn: Sequence[Box], side: int) -> Rgb:
    """A slice with what was found and what a radiologist drew.

    Args:
        image: (H, W) uint8 or uint16 display values over the full range of the type.
        found: x0, y0, x1, y1, p_b, p_m each, px of `image`; NaN rows are padding. At most `SHOWN`,
            the surest, are drawn; it bears its letter and the share of its class, p / (p_b + p_m),
            so that what the page says of D reads from the picture.
        drawn: x0, y0, x1, y1 each, px of `image`.
        side: longer side of the picture, px, 16 or more; smaller images are enlarged.

    Returns:
        (h, w, 3) uint8.

    Raises:
        ValueError: `side`, the shape or the dtype is not one of these.
    """
    from PIL import Image, ImageDraw

    from osteon.imaging.resize import to_uint8

    if side < 16:
        raise ValueError(f"side: {side} found, 16 or more allowed")
    if image.ndim != 2:
        raise ValueError(f"image: shape {image.shape} found, (H, W) allowed")
    scale = side / max(image.shape)
    size = tuple(max(1, round(length * scale)) for length in image.shape)
    grey = Image.fromarray(to_uint8(image)).resize(size[::-1], Image.Resampling.BILINEAR)
    picture = grey.convert("RGB")
    pen = ImageDraw.Draw(picture)
    for box in drawn:
        _corners(pen, _scaled(box, scale, size))
    known = [one for one in found if not any(np.isnan(one))]
    surest = sorted(known, key=lambda one: -max(one[4:6]))[:SHOWN]
    for place, one in reversed(list(enumerate(surest))):
        _found(pen, _scaled(one[:4], scale, size), one[4], one[5], surest=place == 0)
    return np.asarray(picture)


def _scaled(box: Box, scale: float, size: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Outermost pixels of a box, inside the picture."""
    x0, y0, x1, y1 = (round(value * scale) for value in box)
    x0, y0 = min(max(x0, 0), size[1] - 1), min(max(y0, 0), size[0] - 1)
    return x0, y0, min(max(x1 - 1, x0), size[1] - 1), min(max(y1 - 1, y0), size[0] - 1)


def _found(
    pen: "ImageDraw", box: tuple[int, int, int, int], p_b: float, p_m: float, *, surest: bool
) -> None:
    malignant = p_m >= p_b
    colour, wide = (RED if malignant else GREEN), 2 if surest else 1
    if malignant:
        pen.rectangle(box, outline=colour, width=wide)
    else:
        _dashed(pen, box, colour, wide)
    if surest:
        share = max(p_b, p_m) / (p_b + p_m) if p_b + p_m > 0 else 0.5
        _tag(pen, box, f"{'M' if malignant else 'B'} {share:.2f}", colour)


def _dashed(
    pen: "ImageDraw", box: tuple[int, int, int, int], colour: tuple[int, int, int], wide: int
) -> None:
    x0, y0, x1, y1 = box
    for x in range(x0, x1 + 1, 7):
        for y in (y0, y1 - wide + 1):
            pen.rectangle((x, y, min(x + 3, x1), y + wide - 1), fill=colour)
    for y in range(y0, y1 + 1, 7):
        for x in (x0, x1 - wide + 1):
            pen.rectangle((x, y, x + wide - 1, min(y + 3, y1)), fill=colour)


def _corners(pen: "ImageDraw", box: tuple[int, int, int, int]) -> None:
    """Brackets two pixels outside of the box: they stay to be seen where both boxes agree."""
    x0, y0, x1, y1 = box[0] - 3, box[1] - 3, box[2] + 3, box[3] + 3
    long = max(5, min(x1 - x0, y1 - y0) // 4)
    for x, inwards in ((x0, long), (x1, -long)):
        for y, down in ((y0, long), (y1, -long)):
            pen.line([(x + inwards, y), (x, y), (x, y + down)], fill=YELLOW, width=2)


def _tag(
    pen: "ImageDraw", box: tuple[int, int, int, int], text: str, colour: tuple[int, int, int]
) -> None:
    """Black on the box's colour, above the box, or below its upper edge where there is no room."""
    from PIL import ImageFont

    font = ImageFont.load_default(11)
    left, top, right, bottom = (round(value) for value in pen.textbbox((0, 0), text, font=font))
    width, height = right - left + 5, bottom - top + 4
    x = max(0, min(box[0], round(pen.im.size[0]) - width))
    y = box[1] - height - 1 if box[1] - height - 1 >= 0 else box[3] + 2
    if y + height > pen.im.size[1]:
        y = box[1] + 2
    pen.rectangle((x, y, x + width - 1, y + height - 1), fill=colour)
    pen.text((x + 2 - left, y + 2 - top), text, fill=(0, 0, 0), font=font)


def tube_tiles(tube: NDArray[Any], maps: NDArray[Any] | None, count: int = 4) -> list[Tile]:
    """Slices of a tube at even distances as tiles, each plain and with its map over it.

    Args:
        tube: (N, S, S); maps: (N, S, S) or None, both as for `tube_strip`; count: at most, 1 or
            more.

    Raises:
        ValueError: shapes that are not these, or a count below 1.
    """
    _checked(tube, maps)
    grey = _stretched(tube)
    laid = None if maps is None else _laid(grey, maps)
    return [
        Tile(
            f"slice {k + 1} of {len(grey)} of the tube",
            _sized(grey[k], SIDE),
            None if laid is None else _sized(laid[k], SIDE),
        )
        for k in evenly(len(grey), count)
    ]


def tube_strip(tube: NDArray[Any], maps: NDArray[Any] | None, across: int = ACROSS) -> Rgb:
    """A tube slice by slice, `across` in a row, under each row the same with its map over it.

    Args:
        tube: (N, S, S), any real values (z-scores as well): grey from their 1st to 99th percentile.
        maps: (N, S, S), above 0 for malignant, below against it, scaled by the largest of the tube;
            None = no maps.
        across: 1 or more.

    Returns:
        (h, w, 3) uint8.

    Raises:
        ValueError: shapes that are not these.
    """
    _checked(tube, maps)
    if across < 1:
        raise ValueError(f"across: {across} found, 1 or more allowed")
    grey = _stretched(tube)
    plain = [_sized(np.repeat(one[..., None], 3, axis=2)) for one in grey]
    rows = []
    marked = None if maps is None else [_sized(one) for one in _laid(grey, maps)]
    for start in range(0, len(plain), across):
        rows.append(_row(plain[start : start + across], min(across, len(plain))))
        if marked is not None:
            rows.append(_row(marked[start : start + across], min(across, len(plain))))
    return np.concatenate(rows)


def _checked(tube: NDArray[Any], maps: NDArray[Any] | None) -> None:
    if tube.ndim != 3 or not tube.size:
        raise ValueError(f"tube: shape {tube.shape} found, (N, S, S) allowed")
    if maps is not None and maps.shape != tube.shape:
        raise ValueError(f"maps: shape {maps.shape} found, {tube.shape} of the tube needed")


def _laid(grey: Rgb, maps: NDArray[Any]) -> list[Rgb]:
    values = np.nan_to_num(maps.astype(np.float64))
    values = values / max(float(np.abs(values).max()), 1e-12)
    return [overlay(one, over) for one, over in zip(grey, values, strict=True)]


def _stretched(tube: NDArray[Any]) -> Rgb:
    values = np.nan_to_num(tube.astype(np.float64))
    low, high = np.percentile(values, (1, 99))
    stretched = (values - low) / max(high - low, 1e-12)
    return np.asarray(np.rint(255 * np.clip(stretched, 0, 1)), np.uint8)


def _sized(image: Rgb, side: int = TUBE_SIDE) -> Rgb:
    from PIL import Image

    picture = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def _row(images: Sequence[Rgb], across: int) -> Rgb:
    """Images side by side on white, as wide as `across` of them."""
    step = TUBE_SIDE + GAP
    row = np.full((step, across * step - GAP, 3), 255, np.uint8)
    for place, image in enumerate(images):
        row[:TUBE_SIDE, place * step : place * step + TUBE_SIDE] = image
    return row


def picture_uri(image: Rgb) -> str:
    """(h, w, 3) uint8 as a JPEG that lies in the page itself.

    Its colours keep their full resolution: halved, as usual, thin coloured lines would smear.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=82, optimize=True, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@dataclass(frozen=True)
class WffCase:
    """A case of a gallery of this paper.

    Attributes:
        gallery: a name of `GALLERIES`.
        label: the true class in words; text: what was found, without a full stop.
        tiles: its pictures; `marked` with boxes or a map, so that a page's switch hides them.
    """

    gallery: str
    label: str
    text: str
    tiles: tuple[Tile, ...]


def box_tile(
    caption: str,
    image: NDArray[Any],
    found: Sequence[Found],
    drawn: Sequence[Box],
    side: int = SIDE,
) -> Tile:
    """A slice as a tile: plain, and with its boxes; see `boxed`."""
    return Tile(caption, boxed(image, (), (), side), boxed(image, found, drawn, side))


def galleries_of(cases: Sequence[WffCase]) -> "tuple[list[dict[str, Any]], dict[str, Figure]]":
    """The galleries as a report shows them, pictures as data, and a contact sheet of each.

    Args:
        cases: in the order of showing; a gallery without any is given as well, and said to be
            empty.

    Returns:
        galleries in the order of `GALLERIES` (name, title, caption, cases), and name → figure.

    Raises:
        ValueError: a gallery that is none of `GALLERIES`.
    """
    placed: dict[str, list[Case]] = {}
    for case in cases:
        own = placed.setdefault(case.gallery, [])
        own.append(Case(len(own) + 1, case.label, case.text, list(case.tiles)))
    captions = {
        name: (title, rule if name == "tubes" else rule + LEGEND)
        for name, (title, rule) in GALLERIES.items()
    }
    return arranged(placed, captions)
