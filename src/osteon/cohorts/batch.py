"""One worker's part of ingestion: a batch of files in, one shard and its index rows out.

Runs in a process of its own, so it imports neither pandas nor pydantic: start-up is what a small
cohort waits for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from osteon.cohorts.pseudonym import pseudonym
from osteon.imaging.burned_in import suspect_text
from osteon.imaging.decode import open_picture
from osteon.imaging.fingerprints import fingerprint_pixels
from osteon.imaging.masks import read_mask
from osteon.imaging.picture import Array, Frame, Header, Picture
from osteon.imaging.refusals import Refused
from osteon.imaging.resize import shrink, shrink_mask

ALIGN = 64
# PS3.3 C.7.3.1.1.1: a modality is named in a reason only if it is one of the defined terms
NAMED = frozenset(
    {"CR", "CT", "DX", "DR", "RG", "RF", "MR", "MG", "XA", "US", "NM", "PT", "OT", "SC", "ES", "SM"}
)
UNSAID = frozenset({"", "OT", "SC"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to be read, and what the tables say of it (None: nothing)."""

    file: str
    patient: str | None = None
    sequence: str | None = None
    view: str | None = None
    slice: int | None = None
    mask: str | None = None
    boxes: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What all batches of one run share.

    Attributes:
        root, folder: the cohort, and the archive to be written.
        key: of the pseudonyms.
        labelled: raw patient id -> class or None (no label).
        excluded: raw ids of patients who are left out on purpose.
        modalities: the cohort's, the first one is that of a file that says nothing.
        dicom: DICOM modality -> the cohort's modality.
        sequences: sequence -> modality.
    """

    root: Path
    folder: Path
    key: bytes
    labelled: dict[str, str | None]
    excluded: frozenset[str]
    modalities: tuple[str, ...]
    dicom: dict[str, str]
    sequences: dict[str, str]
    max_pixels: int
    max_side: int | None
    burned_in_text: str


@dataclass(slots=True)
class Refusal:
    """One row of the quarantine, before pseudonyms; `kept` says that its image is kept."""

    file: str
    patient: str | None
    code: str
    reason: str
    kept: bool = False


@dataclass(slots=True)
class Batch:
    """What a worker reports. `rows` hold raw file and patient, which the parent replaces."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    read: int = 0
    from_path: int = 0


class LeftOut(Refused):
    """The file belongs to a patient who is left out on purpose: no row of the quarantine."""

    def __init__(self) -> None:
        super().__init__("unknown_label", "left out on purpose")


def read_batch(number: int, candidates: list[Candidate], task: Task) -> Batch:
    """Read a batch of files and write its shard.

    Whatever is wrong with a file is a refusal; an error in writing the archive is raised.
    """
    batch = Batch()
    with (task.folder / f"pixels-{number:04d}.bin").open("wb") as shard:
        for candidate in candidates:
            start, rows = shard.tell(), len(batch.rows)
            reader = _FileReader(candidate, task, shard, number, batch)
            try:
                reader.read()
            except LeftOut:
                batch.left_out.append((candidate.file, str(reader.patient)))
            except Refused as refused:
                _rewind(shard, start, batch, rows)
                batch.refusals.append(
                    Refusal(candidate.file, reader.patient, refused.code, refused.reason)
                )
    return batch


def _rewind(shard: IO[bytes], start: int, batch: Batch, rows: int) -> None:
    """Forget the frames of a file that was refused half-way, their pixels as well."""
    shard.seek(start)
    shard.truncate()
    del batch.rows[rows:]


def _append(shard: IO[bytes], array: Array) -> int:
    """Write an array at the next aligned place; return its offset."""
    offset = -(-shard.tell() // ALIGN) * ALIGN
    shard.write(bytes(offset - shard.tell()))
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    shard.write(little.data)
    return offset


class _FileReader:
    """One file: whose it is, whether it is wanted, its frames into the shard."""

    def __init__(
        self, candidate: Candidate, task: Task, shard: IO[bytes], number: int, batch: Batch
    ) -> None:
        self.candidate, self.task, self.shard = candidate, task, shard
        self.number, self.batch = number, batch
        self.patient = candidate.patient
        self.modality = task.sequences.get(candidate.sequence or "", task.modalities[0])
        self.from_path = False

    def read(self) -> None:
        path = self.task.root / self.candidate.file
        hounsfield = self.modality == "CT"
        picture = open_picture(path, self.task.max_pixels, self._check, hounsfield)
        annotations = _Annotations(self.candidate, self.task, picture.header)
        suspected = False
        for frame in picture.frames():
            suspected = suspected or self._suspect(picture.header, frame)
            self._keep(picture, frame, suspected, annotations)
        self.batch.read += 1
        self.batch.from_path += self.from_path
        self.batch.refusals += [
            Refusal(file, self.patient, refused.code, refused.reason, kept=True)
            for file, refused in annotations.refused
        ]

    def _check(self, header: Header) -> None:
        """Everything that a header can decide, before pixels are read."""
        self._check_modality(header)
        self._resolve_patient(header)
        if self.patient in self.task.excluded:
            raise LeftOut()
        if self.task.labelled.get(str(self.patient)) is None:
            raise Refused("unknown_label", "the patient has no label")

    def _check_modality(self, header: Header) -> None:
        stated = self.task.sequences.get(self.candidate.sequence or "")
        found: str | None = self.modality
        if header.kind == "dicom":
            found = self.task.dicom.get(header.modality)
            if header.modality in UNSAID:  # a secondary capture is what the table says it is
                found = stated
        if found not in self.task.modalities:
            name = header.modality if header.modality in NAMED else "not stated or another one"
            what = name if header.kind == "dicom" else f"{found}, by the images table"
            allowed = ", ".join(self.task.modalities)
            raise Refused("wrong_modality", f"its modality is {what}; the cohort takes {allowed}")
        self.modality = str(found)
        if header.localizer and self.modality in ("CT", "MR"):
            raise Refused("localizer", "the header calls it a localizer")

    def _resolve_patient(self, header: Header) -> None:
        """Table, then header, then folder names and the file's name."""
        if self.patient is None:
            known = self._known(header.patient_id)
            self.patient = known or self._patient_of_path()
            self.from_path = known is None and self.patient is not None
        if self.patient is None and header.patient_id:
            raise Refused("not_in_patients_csv", "its patient is not in the patients table")
        if self.patient is None:
            raise Refused("no_patient", "neither table, header nor path names a listed patient")
        if self._known(self.patient) is None:
            patient, self.patient = self.patient, None
            del patient
            raise Refused("not_in_patients_csv", "its patient is not in the patients table")

    def _known(self, text: str) -> str | None:
        return text if text in self.task.labelled or text in self.task.excluded else None

    def _patient_of_path(self) -> str | None:
        """The nearest folder or name part that is a listed patient: a/P7/x.png, P7_2.png."""
        path = PurePosixPath(self.candidate.file)
        stem = path.name.split(".")[0] if path.name.lower().endswith(".nii.gz") else path.stem
        names = [path.name, stem]
        names += [stem[:end] for end in range(len(stem) - 1, 0, -1) if stem[end] in "_-"]
        names += [part for part in reversed(path.parts[:-1])]
        return next((name for name in names if self._known(name) is not None), None)

    def _suspect(self, header: Header, frame: Frame) -> bool:
        if self.task.burned_in_text == "ignore":
            return False
        suspected = suspect_text(header, frame.pixels)
        if suspected and self.task.burned_in_text == "quarantine":
            raise Refused(
                "burned_in_text_suspected", "writing in the pixels is stated or suspected"
            )
        return suspected

    def _keep(
        self, picture: Picture, frame: Frame, suspected: bool, annotations: _Annotations
    ) -> None:
        header, candidate = picture.header, self.candidate
        pixels = shrink(frame.pixels, self.task.max_side)
        rows, columns = pixels.shape[:2]
        print_ = fingerprint_pixels(pixels)
        offset = _append(self.shard, pixels)
        mask = annotations.mask(frame.number, rows, columns)
        spacing = frame.spacing or header.spacing
        native = frame.pixels.shape[:2]
        sequence = candidate.sequence or ("" if self.modality == "MR" else self.modality)
        self.batch.rows.append(
            {
                "file": candidate.file,
                "patient": self.patient,
                "sop": _keyed(self.task.key, header.sop_uid, "O"),
                "frame": frame.number,
                "shard": self.number,
                "offset": offset,
                "rows": rows,
                "columns": columns,
                "channels": 3 if pixels.ndim == 3 else 1,
                "dtype": pixels.dtype.newbyteorder("<").str,
                "modality": self.modality,
                "sequence": sequence,
                "view": candidate.view or header.view,
                "laterality": frame.laterality or header.laterality,
                "slice": candidate.slice,
                "series_id": _keyed(self.task.key, header.series_uid, "S"),
                "manufacturer": header.manufacturer,
                "model": header.model,
                "pixel_spacing_mm": _kept_spacing(spacing, native, (rows, columns)),
                "body_part": header.body_part,
                "transfer_syntax": header.transfer_syntax,
                "burned_in_text": suspected,
                "content_hash": print_.content_hash,
                "phash": print_.phash,
                "thumbnail": print_.thumbnail.tobytes(),
                "boxes": annotations.boxes(rows, columns),
                "mask_shard": -1 if mask is None else self.number,
                "mask_offset": -1 if mask is None else _append(self.shard, mask),
                "native_rows": native[0],
                "native_columns": native[1],
                "instance": frame.instance,
                "image_position": json.dumps(frame.position) if frame.position else "",
                "image_orientation": json.dumps(frame.orientation) if frame.orientation else "",
            }
        )


def _keyed(key: bytes, uid: str, prefix: str) -> str:
    return pseudonym(key, uid, prefix) if uid else ""


def _kept_spacing(
    spacing: tuple[float, float] | None, native: tuple[int, ...], kept: tuple[int, int]
) -> str:
    """Spacing of the kept pixels, JSON [row, column] in mm."""
    if spacing is None:
        return ""
    pair = [round(spacing[axis] * native[axis] / kept[axis], 6) for axis in (0, 1)]
    return json.dumps(pair)


class _Annotations:
    """Mask and boxes of a file; what is wrong with one refuses it alone and keeps the image."""

    def __init__(self, candidate: Candidate, task: Task, header: Header) -> None:
        self.refused: list[tuple[str, Refused]] = []
        self._header = header
        self._boxes: list[tuple[float, float, float, float, str]] = []
        self._mask: Array | None = None
        if candidate.boxes:
            self._try(candidate.boxes, lambda: self._read_boxes(task.root / str(candidate.boxes)))
        if candidate.mask:
            path, limit = task.root / candidate.mask, task.max_pixels
            self._try(candidate.mask, lambda: self._read_mask(path, limit))

    def _try(self, file: str, read: Any) -> None:
        try:
            read()
        except Refused as refused:
            self.refused.append((file, refused))

    def _read_boxes(self, path: Path) -> None:
        # Imported here: few cohorts have boxes, and every worker would pay for it.
        from osteon.cohorts.labelme import fill, read_boxes, read_outlines

        width, height = self._header.columns, self._header.rows
        if self._header.frames != 1:
            raise Refused("boxes_unreadable", "boxes for a file of several frames")
        self._boxes = [tuple(box) for box in read_boxes(path, width, height)]  # type: ignore[misc]
        if outlines := read_outlines(path, width, height):
            self._mask = fill(outlines, width, height)[None]

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
