"""Mask and boxes that belong to one image file, brought to the size that is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from osteon.cohorts.records import Candidate, Task
from osteon.imaging.masks import MaskOf, open_mask
from osteon.imaging.picture import Array, Frame, Header
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
        self._candidate = candidate
        self._header = header
        self._task = task
        self._sidecar = candidate.sidecar
        self._classes = set(task.labelled.values())
        self._boxes: list[tuple[float, float, float, float, str]] = []
        self._mask: MaskOf | None = None
        if candidate.boxes:
            boxes = candidate.boxes
            self._try(boxes, lambda: self._read_boxes(boxes, task.root / boxes))
        if candidate.mask:
            path = task.root / candidate.mask
            self._try(candidate.mask, lambda: self._open_mask(path))

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
            values = [self._value_of(outline.label) for outline in drawing.outlines]
            filled = fill(drawing.outlines, width, height, values)
            self._mask = lambda frame: filled

    def _value_of(self, label: str) -> int:
        """What an outline is filled with: 1, or the index of the class that it names."""
        classes = self._task.mask_classes
        if not classes:
            return 1
        if label not in classes:
            # The label is free text and is not repeated. Without this outline the others would
            # make a mask that says "nothing" where something was drawn.
            raise Refused(
                "mask_unknown_values",
                f"an outline has a label that is none of cohort.mask_classes: {', '.join(classes)}",
            )
        return classes.index(label)

    def _open_mask(self, path: Path) -> None:
        task = self._task
        self._mask = open_mask(path, self._header, task.max_pixels, task.mask_table)

    def mask(self, frame: Frame, rows: int, columns: int) -> Array | None:
        """The frame's label map at the kept size; None without one, or once one was refused."""
        of = self._mask
        if of is None:
            return None
        found: list[Array] = []
        self._try(str(self._candidate.mask), lambda: found.append(of(frame)))
        if not found:
            self._mask = None
            return None
        return shrink_mask(np.asarray(found[0], np.uint8), rows, columns)

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
