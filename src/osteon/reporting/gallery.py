"""How a report shows an image: the original with outlines, maps laid over it, what was given."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from osteon.explaining.crops import Crop, is_whole, scaled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Grey = NDArray[np.uint8]
Map = NDArray[np.floating[Any]]
SIDE = 224
"""Longer side of a tile, px."""
LESION, FRAME = (86, 180, 233), (230, 159, 0)
"""Colours of a lesion's outline and of a crop's frame: blue and orange of Okabe and Ito."""
STRENGTH = 0.6
FOUND = {
    "whole": "the whole image",
    "mask": "around the expert's mask",
    "box": "around the expert's box",
    "otsu": "found by Otsu's threshold",
    "li": "found by Li's threshold",
    "fixed": "a square of fixed size",
    "field": "the middle of the image",
}
"""Crop source → what people are told of it."""


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


def outlined(
    image: Grey, mask: NDArray[np.bool_] | None, crop: Crop | None = None
) -> NDArray[np.uint8]:
    """The image (H, W) in RGB, outlined.

    Args:
        mask: (H, W) of a lesion, its border drawn around it in blue; None = no lesion.
        crop: x0, y0, x1, y1 of the image, an orange frame on its outermost two pixels; None = no
            frame.
    """
    coloured = np.repeat(image[..., None], 3, axis=2)
    if crop is not None:
        x0, y0, x1, y1 = crop
        frame = np.zeros(image.shape, bool)
        frame[y0:y1, x0:x1] = True
        frame[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2] = False
        coloured[frame] = FRAME
    if mask is not None and mask.any():
        from scipy.ndimage import binary_dilation

        coloured[binary_dilation(mask, iterations=2) & ~mask] = LESION
    return coloured


def data_uri(image: NDArray[np.uint8], sharp: bool = False) -> str:
    """(H, W) or (H, W, 3) uint8 as a JPEG that lies in the page itself.

    `sharp` keeps the full resolution of its colours: halved, as usual, thin coloured lines smear.
    """
    from PIL import Image

    buffer = io.BytesIO()
    how = {"quality": 85, "subsampling": 0} if sharp else {"quality": 80}
    Image.fromarray(image).save(buffer, "JPEG", optimize=True, **how)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@dataclass(frozen=True)
class Tile:
    """One picture of a case: `plain` (H, W) or RGB, `marked` the same with a map or an outline.

    `marked` is None where there is nothing to mark; `sharp`: see `data_uri`.
    """

    caption: str
    plain: NDArray[np.uint8]
    marked: NDArray[np.uint8] | None
    sharp: bool = False

    def for_page(self) -> dict[str, str]:
        """As the page shows it, pictures as data."""
        shown = {"caption": self.caption, "image": data_uri(self.plain, self.sharp)}
        if self.marked is None:
            return shown
        return {**shown, "overlay": data_uri(self.marked, self.sharp)}

    @property
    def richest(self) -> NDArray[np.uint8]:
        """`marked` where there is one."""
        return self.plain if self.marked is None else self.marked


@dataclass(frozen=True)
class Case:
    """One row of a gallery: a running number, its class, what was judged, and its pictures.

    `name` is what it is called where it is no patient's case, as a learner's.
    """

    number: int
    label: str
    text: str
    tiles: list[Tile]
    name: str = ""

    def for_page(self) -> dict[str, Any]:
        """As the page shows it, pictures as data."""
        pictures = [tile.for_page() for tile in self.tiles]
        called = self.name or f"case {self.number}"
        named = {"sample": called, "label": self.label, "text": self.text}
        return {**named, "tiles": pictures}

    def for_sheet(self) -> dict[str, Any]:
        """As the contact sheet shows it."""
        return {
            "caption": " · ".join(one for one in (self.name, self.label, self.text) if one),
            "tiles": [(tile.caption, tile.richest) for tile in self.tiles],
        }


def arranged(
    cases: Mapping[str, Sequence[Case]], galleries: Mapping[str, tuple[str, str]]
) -> "tuple[list[dict[str, Any]], dict[str, Figure]]":
    """Galleries as a report shows them, pictures as data, and a contact sheet of each.

    Args:
        cases: gallery → its cases in the order of showing; one without any is given as well, and
            said to be empty.
        galleries: name → title and caption, in the order of showing.

    Returns:
        galleries (name, title, caption, cases), and name → figure.

    Raises:
        ValueError: a gallery that is none of `galleries`.
    """
    from osteon.reporting.figures.sheet import contact_sheet

    unknown = sorted(set(cases) - set(galleries))
    if unknown:
        allowed = ", ".join(galleries)
        raise ValueError(f"cases: gallery {unknown[0]!r} found, {allowed} allowed")
    pages, sheets = [], {}
    for name, (title, caption) in galleries.items():
        own = list(cases.get(name, ()))
        shown = [case.for_page() for case in own]
        pages.append({"name": name, "title": title, "caption": caption, "cases": shown})
        sheets[name] = contact_sheet([case.for_sheet() for case in own], title)
    return pages, sheets


def tiles(
    pixels: NDArray[Any],
    mask: NDArray[np.uint8] | None,
    maps: Sequence[tuple[str, Map]],
    lay: Callable[[Map, tuple[int, int]], Map],
    crop: Crop | None = None,
) -> list[Tile]:
    """The original with the lesion's border and the crop's frame, then each map on the original.

    Args:
        pixels: (H, W) uint16 or (H, W, 3) uint8 display values, or (H, W) int16 HU, which are
            shown in the bone window, as the archive keeps them.
        mask: (H, W) label map, 0 is background; None if there is none.
        maps: caption and map in the network's frame.
        lay: takes a map and (rows, columns) of a tile, gives it in the original's frame, −1..1.
        crop: x0, y0, x1, y1, the part that the network was given, px of the original; None = all.
    """
    from osteon.imaging.colour import to_grey
    from osteon.imaging.resize import shrink, shrink_mask
    from osteon.imaging.windows import display

    image = display(to_grey(shrink(pixels, SIDE)))
    whole, shape = (pixels.shape[0], pixels.shape[1]), (image.shape[0], image.shape[1])
    small = None if mask is None else shrink_mask(mask, *shape) > 0
    frame = None if crop is None or is_whole(crop, whole) else scaled(crop, whole, shape)
    first = Tile("original", image, outlined(image, small, frame))
    return [first, *(Tile(name, image, overlay(image, lay(one, shape))) for name, one in maps)]


def given(picture: NDArray[np.uint8]) -> Tile:
    """What a network was given: (side, side) grey or (side, side, 3) RGB of the image store."""
    from osteon.imaging.resize import shrink

    return Tile("given to the network", np.asarray(shrink(np.asarray(picture), SIDE)), None)


def told(crop: Crop, shape: tuple[int, int], source: str) -> str:
    """How the part that a network was given was found, and how large it is.

    Args:
        crop: x0, y0, x1, y1; shape: rows and columns of the original; source: `crop_source`.
    """
    how = FOUND.get(source, source)
    if is_whole(crop, shape):
        return f"given: {how}, {shape[1]} × {shape[0]} px"
    width, height = crop[2] - crop[0], crop[3] - crop[1]
    return f"given: {how}, {width} × {height} of {shape[1]} × {shape[0]} px"
