"""One worker's part of ingestion: a batch of files in, one shard and its index rows out.

Runs in a process of its own, so it imports neither pandas nor pydantic: start-up is what a small
cohort waits for.
"""

from __future__ import annotations

import ctypes
import json
from contextlib import suppress
from functools import cache
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np

from osteon.cohorts.annotations import Annotations
from osteon.cohorts.naming import named_by_user
from osteon.cohorts.pseudonym import pseudonym
from osteon.cohorts.records import Batch, Candidate, Refusal, Task
from osteon.imaging.burned_in import suspect_text
from osteon.imaging.decode import open_picture
from osteon.imaging.fingerprints import fingerprint_pixels
from osteon.imaging.picture import Array, Frame, Header, Picture
from osteon.imaging.refusals import Refused
from osteon.imaging.resize import shrink

ALIGN = 64
# <malloc.h>: parameter numbers of mallopt(3); 32 MiB is the largest threshold glibc accepts
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
HEAP = 32 * 2**20
# PS3.3 C.7.3.1.1.1: a modality is named in a reason only if it is one of the defined terms
NAMED = frozenset(
    {"CR", "CT", "DX", "DR", "RG", "RF", "MR", "MG", "XA", "US", "NM", "PT", "OT", "SC", "ES", "SM"}
)
UNSAID = frozenset({"", "OT", "SC"})
VOLUMES = frozenset({"nifti", "matlab"})


class LeftOut(Refused):
    """The file belongs to a patient who is left out on purpose: no row of the quarantine."""

    def __init__(self) -> None:
        super().__init__("unknown_label", "left out on purpose")


def read_batch(number: int, candidates: list[Candidate], task: Task) -> Batch:
    """Read a batch of files and write its shard.

    Whatever is wrong with a file is a refusal; an error in writing the archive is raised.
    """
    keep_heap()
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


@cache
def keep_heap() -> None:
    """Let glibc reuse freed image buffers instead of handing them back after each file.

    A large array is otherwise mapped and unmapped each time, and clearing its fresh pages costs
    more than reading an uncompressed radiograph. Elsewhere than on glibc nothing happens.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_TRIM_THRESHOLD, HEAP)
        libc.mallopt(M_MMAP_THRESHOLD, HEAP)


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
        self.sequence = candidate.sequence or ""
        self.left_out = False
        self.from_path = False

    def read(self) -> None:
        path = self.task.root / self.candidate.file
        hounsfield = self.modality == "CT"
        plane = (self.candidate.view or "").upper()
        picture = open_picture(path, self.task.max_pixels, self._check, hounsfield, plane)
        annotations = Annotations(self.candidate, self.task, picture.header)
        suspected, undefined = False, 0
        for frame in picture.frames():
            suspected = suspected or self._suspect(picture.header, frame)
            undefined += bool(frame.undefined)
            self._keep(picture, frame, suspected, annotations)
        self.batch.read += 1
        self.batch.from_path += self.from_path
        self.batch.undefined += undefined
        self.batch.boxed += annotations.boxed
        self.batch.refusals += [
            Refusal(file, self.patient, refused.code, refused.reason, kept=True)
            for file, refused in annotations.refused
        ]

    def _check(self, header: Header) -> None:
        """Everything that a header can decide, before pixels are read."""
        self._check_modality(header)
        self._name_sequence(header)
        self._resolve_patient(header)
        if self.patient in self.task.excluded:
            raise LeftOut()
        if self.task.labelled.get(str(self.patient)) is None:
            raise Refused("unknown_label", "the patient has no label")
        if self.left_out:
            raise Refused("sequence_left_out", "cohort.sequences leaves such series out")

    def _name_sequence(self, header: Header) -> None:
        """What table or configuration call an MR series; the table wins."""
        if self.sequence in ("", "MR") and self.modality == "MR":
            found, term = named_by_user(header.descriptions, self.task.rules)
            self.sequence = term or self.sequence
            self.left_out = found and term is None

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
        known = self._known(header.patient_id)
        if self.patient is None:
            self.patient = known or self._patient_of_path()
            self.from_path = known is None and self.patient is not None
        elif known is not None and known != self.patient:
            self.patient = None
            raise Refused(
                "patient_conflict", "the images table and the header name two different patients"
            )
        if self.patient is None and header.patient_id:
            raise Refused("not_in_patients_csv", "its patient is not in the patients table")
        if self.patient is None:
            raise Refused("no_patient", "neither table, header nor path names a listed patient")
        if self._known(self.patient) is None:
            self.patient = None
            raise Refused("not_in_patients_csv", "its patient is not in the patients table")

    def _known(self, text: str) -> str | None:
        return text if text in self.task.labelled or text in self.task.excluded else None

    def _patient_of_path(self) -> str | None:
        """The one listed patient that folders and file name speak of: a/P7/x.png, P7_2.png.

        Raises:
            Refused: they speak of two; with short numbers a series folder looks like a patient.
        """
        path = PurePosixPath(self.candidate.file)
        stem = path.name.split(".")[0] if path.name.lower().endswith(".nii.gz") else path.stem
        names = [path.name, stem]
        names += [stem[:end] for end in range(len(stem) - 1, 0, -1) if stem[end] in "_-"]
        names += [part for part in reversed(path.parts[:-1])]
        found = {name for name in names if self._known(name) is not None}
        if len(found) > 1:
            raise Refused("no_patient", "folders and file name speak of several listed patients")
        return found.pop() if found else None

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
        self, picture: Picture, frame: Frame, suspected: bool, annotations: Annotations
    ) -> None:
        """Write a frame's pixels and mask into the shard, and its row of the index."""
        pixels = shrink(frame.pixels, self.task.max_side)
        rows, columns = pixels.shape[:2]
        offset = _append(self.shard, pixels)
        mask = annotations.mask(frame, rows, columns)
        print_ = fingerprint_pixels(pixels)
        kept = {
            "shard": self.number,
            "offset": offset,
            "rows": rows,
            "columns": columns,
            "channels": 3 if pixels.ndim == 3 else 1,
            "dtype": pixels.dtype.newbyteorder("<").str,
            "sequence": self._sequence_of(frame),
            "burned_in_text": suspected,
            "content_hash": print_.content_hash,
            "phash": print_.phash,
            "thumbnail": print_.thumbnail.tobytes(),
            "boxes": annotations.boxes(rows, columns),
            "mask_shard": -1 if mask is None else self.number,
            "mask_offset": -1 if mask is None else _append(self.shard, mask),
            "shown": () if mask is None else tuple(np.flatnonzero(np.bincount(mask.ravel()))),
        }
        header = picture.header
        self.batch.rows.append(self._of_file(header) | _of_frame(header, frame, pixels) | kept)

    def _sequence_of(self, frame: Frame) -> str:
        """Table, then configuration, then header; MR in a table names the modality alone."""
        if self.modality != "MR":
            return self.sequence or self.modality
        return frame.sequence or self.sequence if self.sequence in ("", "MR") else self.sequence

    def _of_file(self, header: Header) -> dict[str, Any]:
        """Columns that are the same for all frames of the file."""
        candidate, key = self.candidate, self.task.key
        # A volume is a series of its own: its slices have an order and neighbours.
        volume = candidate.file if header.kind in VOLUMES and header.frames > 1 else ""
        return {
            "file": candidate.file,
            "patient": self.patient,
            "sop": _keyed(key, header.sop_uid, "O"),
            "modality": self.modality,
            "view": candidate.view or header.view,
            "slice": candidate.slice,
            "series_id": _keyed(key, header.series_uid or volume, "S"),
            "manufacturer": header.manufacturer,
            "model": header.model,
            "body_part": header.body_part,
            "transfer_syntax": header.transfer_syntax,
        }


def _of_frame(header: Header, frame: Frame, kept: Array) -> dict[str, Any]:
    """Columns on where a frame lies and how large it was."""
    native = frame.pixels.shape[:2]
    spacing = frame.spacing or header.spacing
    return {
        "frame": frame.number,
        "laterality": frame.laterality or header.laterality,
        "pixel_spacing_mm": _kept_spacing(spacing, native, kept.shape[:2]),
        "native_rows": native[0],
        "native_columns": native[1],
        "instance": frame.instance,
        "image_position": json.dumps(frame.position) if frame.position else "",
        "image_orientation": json.dumps(frame.orientation) if frame.orientation else "",
    }


def _keyed(key: bytes, uid: str, prefix: str) -> str:
    return pseudonym(key, uid, prefix) if uid else ""


def _kept_spacing(
    spacing: tuple[float, float] | None, native: tuple[int, ...], kept: tuple[int, ...]
) -> str:
    """Spacing of the kept pixels, JSON [row, column] in mm."""
    if spacing is None:
        return ""
    pair = [round(spacing[axis] * native[axis] / kept[axis], 6) for axis in (0, 1)]
    return json.dumps(pair)
