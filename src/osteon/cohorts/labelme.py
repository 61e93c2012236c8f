"""Boxes and outlines that readers drew in LabelMe (JSON, versions 4 and 5).

The file is not trusted: its imagePath is never followed, its embedded imageData never decoded, and
every point must lie inside the image that it is said to belong to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from osteon.imaging.refusals import Refused

# A radiograph embedded as base64 is some tens of megabytes; more is no annotation.
MAX_BYTES = 256 * 2**20
MAX_LABEL = 64
# LabelMe writes points as floats; a point on the border may lie this far outside, px.
TOLERANCE = 0.5


class Box(NamedTuple):
    """A box in pixels of the original image, x to the right, y down; JSON writes it as a list."""

    x0: float
    y0: float
    x1: float
    y1: float
    label: str


class Outline(NamedTuple):
    """A polygon: at least three (x, y) points in pixels of the original image."""

    points: tuple[tuple[float, float], ...]
    label: str


class NoDrawing(Refused):
    """The file is sound JSON of something else, as converters put beside an image."""

    def __init__(self) -> None:
        super().__init__("boxes_unreadable", "not a LabelMe file: no object with a key shapes")


class Drawing(NamedTuple):
    """What a LabelMe file holds.

    Attributes:
        boxes: rectangles, and the bounds of polygons without one, in the file's order.
        outlines: all polygons.
        refused: shapes that are not used, and why.
        boxed: how many of the boxes are the bounds of a polygon.
    """

    boxes: list[Box]
    outlines: list[Outline]
    refused: list[Refused]
    boxed: int


def read_drawing(path: Path, width: int, height: int) -> Drawing:
    """Read a LabelMe file's rectangles and polygons.

    A polygon that meets a rectangle of the same label outlines the same lesion (BTXRD draws both),
    so it adds no second box; any other polygon is boxed. A shape that cannot be used refuses itself
    alone: another kind of shape, no label, no area (boxes_unreadable), or a part of it outside the
    image (box_outside_image).

    Args:
        path: the JSON file.
        width: columns of the image.
        height: rows of the image.

    Returns:
        boxes with 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height, outlines, refused shapes.

    Raises:
        NoDrawing: JSON that is no object with the key shapes.
        Refused: boxes_unreadable (no LabelMe JSON), or mask_shape_mismatch (drawn on an image of
            another size; it is not rescaled).
    """
    shapes, refused = _read_shapes(path, width, height)
    rectangles = [_bounds(points, label) for kind, points, label in shapes if kind == "rectangle"]
    boxes, boxed = [], 0
    for kind, points, label in shapes:
        box = _bounds(points, label)
        alone = kind == "polygon" and not any(_meet(box, other) for other in rectangles)
        if alone or kind == "rectangle":
            boxes.append(box)
            boxed += alone
    outlines = [Outline(points, label) for kind, points, label in shapes if kind == "polygon"]
    return Drawing(boxes, outlines, refused, boxed)


def is_labelme(path: Path) -> bool:
    """Whether a JSON file is one of LabelMe's: an object with a key "shapes".

    A file that is no JSON counts if the key's name stands in it: a drawing that was cut off.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            return False
        data = path.read_bytes()
    except OSError:
        return False
    try:
        found = json.loads(data, object_pairs_hook=_drop_image)
    except (ValueError, RecursionError):
        return b'"shapes"' in data
    return isinstance(found, dict) and "shapes" in found


def fill(
    outlines: Sequence[Outline], width: int, height: int, values: Sequence[int] | None = None
) -> NDArray[np.uint8]:
    """Rasterise polygons: uint8 (height, width), a value on and inside each outline, 0 elsewhere.

    Args:
        outlines: in the file's order; a later one is drawn over an earlier one.
        width, height: of the image, px.
        values: 0..255, one an outline; None: 1.
    """
    from PIL import Image, ImageDraw

    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    for outline, value in zip(outlines, values or [1] * len(outlines), strict=True):
        # A point on the far border belongs to the last pixel.
        points = [(min(x, width - 1), min(y, height - 1)) for x, y in outline.points]
        draw.polygon(points, fill=value, outline=value)
    return np.asarray(image, dtype=np.uint8)


Shape = tuple[str, tuple[tuple[float, float], ...], str]


def _read_shapes(path: Path, width: int, height: int) -> tuple[list[Shape], list[Refused]]:
    found = _load(path)
    size = (found.get("imageWidth"), found.get("imageHeight"))
    if size not in {(width, height), (None, None)}:
        numbers = all(type(side) is int for side in size)
        drawn = f"{size[0]} x {size[1]}" if numbers else "no whole-number size"
        raise Refused(
            "mask_shape_mismatch",
            f"boxes were drawn on {drawn} pixels, the image has {width} x {height}",
        )
    given = found.get("shapes")
    if not isinstance(given, list):
        raise _unreadable("there is no list of shapes")
    shapes: list[Shape] = []
    refused: list[Refused] = []
    for index, shape in enumerate(given, start=1):
        try:
            shapes.append(_shape(index, shape, width, height))
        except Refused as problem:
            refused.append(problem)
    return shapes, refused


def _unreadable(reason: str) -> Refused:
    return Refused("boxes_unreadable", reason)


def _drop_image(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Called as each object closes, so the embedded image is let go before anything else happens.
    return {key: value for key, value in pairs if key != "imageData"}


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _unreadable(f"larger than {MAX_BYTES // 2**20} MiB")
        text = path.read_bytes()
        found = json.loads(text, object_pairs_hook=_drop_image)
    except OSError:
        raise _unreadable("the file cannot be opened") from None
    except (ValueError, RecursionError):  # includes bytes that are no UTF-8
        raise _unreadable("not JSON in UTF-8") from None
    if not isinstance(found, dict) or "shapes" not in found:
        raise NoDrawing()
    return found


def _shape(index: int, shape: Any, width: int, height: int) -> Shape:
    if not isinstance(shape, dict):
        raise _unreadable(f"shape {index} is no object")
    kind = shape.get("shape_type", "polygon")
    if kind not in ("rectangle", "polygon"):
        raise _unreadable(f"shape {index} is neither a rectangle nor a polygon")
    label = shape.get("label")
    if not isinstance(label, str) or not label.strip() or len(label) > MAX_LABEL:
        raise _unreadable(f"shape {index} has no label of 1 to {MAX_LABEL} characters")
    points = _points(index, shape.get("points"), kind)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if (
        min(xs) < -TOLERANCE
        or min(ys) < -TOLERANCE
        or max(xs) > width + TOLERANCE
        or max(ys) > height + TOLERANCE
    ):
        raise Refused(
            "box_outside_image", f"shape {index} reaches outside the image of {width} x {height}"
        )
    clipped = tuple((min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in points)
    box = _bounds(clipped, label)
    if box.x1 <= box.x0 or box.y1 <= box.y0:
        raise _unreadable(f"shape {index} has no area")
    return kind, clipped, label.strip()


def _points(index: int, found: Any, kind: str) -> tuple[tuple[float, float], ...]:
    points: list[tuple[float, float]] = []
    for point in found if isinstance(found, list) else []:
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_number, point)):
            raise _unreadable(f"shape {index} has a point that is no pair of finite numbers")
        points.append((float(point[0]), float(point[1])))
    if (kind == "rectangle" and len(points) != 2) or (kind == "polygon" and len(points) < 3):
        need = "2" if kind == "rectangle" else "3 or more"
        raise _unreadable(f"shape {index}, a {kind}, has {len(points)} points and needs {need}")
    return tuple(points)


def _is_number(value: Any) -> bool:
    # abs() first: JSON allows whole numbers too long for a float
    return type(value) in (int, float) and abs(value) < 1e9 and math.isfinite(value)


def _bounds(points: tuple[tuple[float, float], ...], label: str) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(min(xs), min(ys), max(xs), max(ys), label)


def _meet(a: Box, b: Box) -> bool:
    return a.label == b.label and a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1
