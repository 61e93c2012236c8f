"""Mask and boxes that belong to one image file, brought to the size that is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from osteon.cohorts.records import Candidate, Task
from osteon.imaging.masks import read_mask
from osteon.imaging.picture import Array, Header
from osteon.imaging.refusals import Refused
from osteon.imaging.resize import shrink_mask

LESION = "lesion"


class Annotations:
    """Mask and boxes of a file; what is wrong with one refuses it alone and keeps the image.

    Attributes:
        refused: (file, why) of a mask, of boxes, or of single shapes.
        boxed: polygons whose bounds became boxes.
    """

    def __init__(self, candidate: Candidate, task: Task, header: Header) -> None:
        self.refused: list[tuple[str, Refused]] = []
        self.boxed = 0
        self._header = header
        self._sidecar = candidate.sidecar
        self._classes = set(task.labelled.values())
        self._boxes: list[tuple[float, float, float, float, str]] = []
        self._mask: Array | None = None
        if candidate.boxes:
            boxes = candidate.boxes
            self._try(boxes, lambda: self._read_boxes(boxes, task.root / boxes))
        if candidate.mask:
            path, limit = task.root / candidate.mask, task.max_pixels
            self._try(candidate.mask, lambda: self._read_mask(path, limit))

    def _try(self, file: str, read: Callable[[], None]) -> None:
        try:
            read()
        except Refused as refused:
            self.refused.append((file, refused))

    def _read_boxes(self, file: str, path: Path) -> None:
        # Imported here: few cohorts have boxes, and every worker would pay for it.
        from osteon.cohorts.labelme import NoDrawing, fill, read_drawing

        width, height = self._header.columns, self._header.rows
        try:
            drawing = read_drawing(path, width, height)
        except NoDrawing:
            if self._sidecar:
                return
            raise
        if self._header.frames != 1:
            raise Refused("boxes_unreadable", "boxes for a file of several frames")
        self.refused += [(file, refused) for refused in drawing.refused]
        self.boxed += drawing.boxed
        self._boxes = [
            # A label is free text: what is no class of the cohort could name somebody.
            (x0, y0, x1, y1, label if label in self._classes else LESION)
            for x0, y0, x1, y1, label in drawing.boxes
        ]
        if drawing.outlines:
            self._mask = fill(drawing.outlines, width, height)[None]

    def _read_mask(self, path: Path, max_pixels: int) -> None:
        header = self._header
        self._mask = read_mask(path, header.rows, header.columns, header.frames, max_pixels)

    def mask(self, frame: int, rows: int, columns: int) -> Array | None:
        """The frame's label map at the kept size."""
        if self._mask is None:
            return None
        return shrink_mask(np.asarray(self._mask[frame], np.uint8), rows, columns)

    def boxes(self, rows: int, columns: int) -> str:
        """JSON of the boxes at the kept size."""
        down, over = rows / self._header.rows, columns / self._header.columns
        kept = [
            [
                round(x0 * over, 3),
                round(y0 * down, 3),
                round(x1 * over, 3),
                round(y1 * down, 3),
                label,
            ]
            for x0, y0, x1, y1, label in self._boxes
        ]
        return json.dumps(kept, ensure_ascii=False)
