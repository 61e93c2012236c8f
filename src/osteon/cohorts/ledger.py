"""What ingestion knows so far: counts, and the index rows of what is kept, duplicates left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from osteon.cohorts.archive import INDEX
from osteon.cohorts.pseudonym import pseudonym
from osteon.cohorts.records import Batch, Refusal, Task

TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "binary": pa.binary(),
}
SCHEMA = pa.schema([(name, TYPES[kind]) for name, kind in INDEX.items()])


@dataclass
class Ledger:
    """What is known after each batch; grows by an index row a frame and nothing else."""

    task: Task
    tables: list[pa.Table] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    owner: dict[str, str] = field(default_factory=dict)
    kept: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    read: int = 0
    from_path: int = 0
    boxed: int = 0
    unnamed: int = 0
    suspected: int = 0
    undefined: int = 0
    masked: int = 0
    shown: Counter[int] = field(default_factory=Counter)
    _annotations: set[Refusal] = field(default_factory=set)
    _objects: set[str] = field(default_factory=set)
    _pixels: set[tuple[str, str]] = field(default_factory=set)

    def add(self, batch: Batch) -> None:
        """Take over a batch, file by file in path order, leaving duplicates out."""
        for refusal in batch.refusals:
            # A label map of a whole series is refused once, not once a slice.
            if not refusal.kept or refusal not in self._annotations:
                self.refusals.append(refusal)
            self._annotations.add(refusal)
        self.left_out += batch.left_out
        self.read += batch.read
        self.from_path += batch.from_path
        self.boxed += batch.boxed
        self.undefined += batch.undefined
        files: dict[str, list[dict[str, Any]]] = {}
        for row in batch.rows:
            files.setdefault(row["file"], []).append(row)
        rows = [row for frames in files.values() for row in self._file(frames)]
        if rows:
            self.tables.append(pa.Table.from_pylist(rows, SCHEMA))

    def _file(self, frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Index rows of one file; none if it is a duplicate."""
        file, patient, sop = (frames[0][name] for name in ("file", "patient", "sop"))
        prints = [(patient, row["content_hash"]) for row in frames]
        problem = None
        if sop and sop in self._objects:
            problem = ("duplicate_sop", "another file holds the same DICOM object")
        elif all(one in self._pixels for one in prints):
            problem = ("duplicate_pixels", "another file of the patient has the same pixels")
        if problem:
            self.refusals.append(Refusal(file, patient, *problem))
            return []
        self._objects.add(sop)
        self._pixels.update(prints)
        self.kept[patient] += 1
        self.owner[file] = patient
        self.unnamed += sum(row["modality"] == "MR" and not row["sequence"] for row in frames)
        self.suspected += any(row["burned_in_text"] for row in frames)
        names = {
            "file_id": pseudonym(self.task.key, file, "F"),
            "patient_id": pseudonym(self.task.key, patient),
        }
        rows = []
        for row in frames:
            self.masked += row["mask_shard"] >= 0
            self.shown.update(row["shown"])
            number = self.frames[patient]
            self.frames[patient] += 1
            rows.append(row | names | {"sample_id": f"{names['patient_id']}-{number:03d}"})
        return rows
