"""Contact sheets: a grid of images with captions, as a matplotlib figure."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from osteon.reporting.figures.style import DPI, FONT, SMALL, settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WIDTH, EDGE, GAP, LARGEST, LINE = 7.0, 0.1, 0.1, 2.2, 0.14
"""Inches: the sheet, its margin, between tiles, the largest tile, a line of a tile's name."""


def contact_sheet(cases: Sequence[Mapping[str, Any]], title: str = "") -> "Figure":
    """A grid of images, one row a case, 7 inches wide.

    Args:
        cases: `{"caption": str, "tiles": [(title, image), ...]}`, image (H, W) or (H, W, 3) uint8;
            without any, the sheet says that no case fits.

    Raises:
        ValueError: a case without a tile, or an image of another shape.
    """
    from matplotlib import style

    if any(not case["tiles"] for case in cases):
        raise ValueError("cases: one without a tile found, at least one tile each needed")
    for case in cases:
        for name, image in case["tiles"]:
            if image.ndim != 2 and (image.ndim != 3 or image.shape[2] != 3):
                raise ValueError(
                    f"cases: tile {name!r} of shape {image.shape} found, "
                    "(H, W) or (H, W, 3) allowed"
                )
    with style.context(["default", settings("contact_sheet")]):
        return _contact_sheet(cases, title)


def blank(width: float, height: float, dpi: int = DPI) -> "Figure":
    """An empty figure with its own canvas, outside pyplot's list of open figures; inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), dpi=dpi)
    FigureCanvasAgg(made)
    return made


def _contact_sheet(cases: Sequence[Mapping[str, Any]], title: str) -> "Figure":
    """Tiles of one size, a caption over each row of them, each tile's name below it."""
    if not cases:
        cases = [{"caption": "No case fits the rule of this gallery.", "tiles": []}]
    across = max(1, *(len(case["tiles"]) for case in cases))
    tile = min((WIDTH - 2 * EDGE - GAP * (across - 1)) / across, LARGEST)
    captions = [textwrap.wrap(str(case["caption"]), 95) for case in cases]
    names = [[_name(name, tile) for name, _ in case["tiles"]] for case in cases]
    below = [0.12 + LINE * max((len(name) for name in row), default=0) for row in names]
    over = [0.17 * len(lines) + 0.06 for lines in captions]
    up = tile if any(case["tiles"] for case in cases) else 0
    height = (0.4 if title else 0.1) + sum(over) + sum(below) + up * len(cases)
    sheet = blank(WIDTH, height, dpi=150)
    y = height - 0.1
    if title:
        sheet.text(EDGE / WIDTH, y / height, title, size=FONT + 1.5, weight="bold", va="top")
        y -= 0.3
    for place, case in enumerate(cases):
        caption = "\n".join(captions[place])
        sheet.text(EDGE / WIDTH, y / height, caption, size=FONT, va="top")
        y -= over[place] + up
        for column, (_, image) in enumerate(case["tiles"]):
            left = EDGE + column * (tile + GAP)
            _tile(sheet, (left, y, tile, tile), image)
            at = ((left + tile / 2) / WIDTH, (y - 0.04) / height)
            sheet.text(*at, "\n".join(names[place][column]), size=SMALL, ha="center", va="top")
        y -= below[place]
    return sheet


def _tile(sheet: "Figure", box: tuple[float, float, float, float], image: Any) -> None:
    """An image in a box (left, bottom, width, height) of inches, its grey values unstretched."""
    width, height = sheet.get_size_inches()
    left, bottom, across, up = box
    place = (left / width, bottom / height, across / width, up / height)
    axes = sheet.add_axes(place, frameon=False)
    axes.imshow(image, cmap="gray" if image.ndim == 2 else None, vmin=0, vmax=255)
    axes.set_axis_off()


def _name(name: str, tile: float) -> list[str]:
    """A tile's name in lines no wider than the tile."""
    return textwrap.wrap(str(name), max(int(tile / 0.066), 4))
