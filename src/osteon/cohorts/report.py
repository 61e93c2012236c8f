"""Turn what the workers report into the tables of the archive: pseudonyms, duplicates, counts."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from osteon.cohorts.archive import INDEX, QUARANTINE
from osteon.cohorts.errors import CohortError
from osteon.cohorts.pseudonym import pseudonym
from osteon.cohorts.records import Batch, Candidate, Refusal, Task
from osteon.cohorts.series import NEEDED, fill_views, number_slices
from osteon.cohorts.tables import WITHOUT_IMAGE
from osteon.imaging.refusals import ADVICE

if TYPE_CHECKING:
    from osteon.cohorts.config import CohortConfig
    from osteon.cohorts.tables import CohortTables

logger = logging.getLogger(__name__)

TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "binary": pa.binary(),
}
SCHEMA = pa.schema([(name, TYPES[kind]) for name, kind in INDEX.items()])
Linkage = list[tuple[str, str, str, str]]


@dataclass
class _Ledger:
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
    _objects: set[str] = field(default_factory=set)
    _pixels: set[tuple[str, str]] = field(default_factory=set)

    def add(self, batch: Batch) -> None:
        """Take over a batch, file by file in path order, leaving duplicates out."""
        self.refusals += batch.refusals
        self.left_out += batch.left_out
        self.read += batch.read
        self.from_path += batch.from_path
        self.boxed += batch.boxed
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
            number = self.frames[patient]
            self.frames[patient] += 1
            rows.append(row | names | {"sample_id": f"{names['patient_id']}-{number:03d}"})
        return rows


def write_archive(
    batches: Iterable[Batch],
    candidates: list[Candidate],
    tables: CohortTables,
    config: CohortConfig,
    task: Task,
) -> Linkage:
    """Write index, patients, quarantine and flow into `task.folder`; return the linkage rows."""
    ledger = _Ledger(task)
    for batch in batches:
        ledger.add(batch)
    for file, code, reason in tables.refused[["file", "code", "reason"]].itertuples(index=False):
        ledger.refusals.append(Refusal(file, None, code, reason, kept=code == WITHOUT_IMAGE))
    ledger.refusals.sort(key=lambda refusal: (refusal.file, refusal.kept))
    notes = _write_index(ledger)
    _write_patients(ledger, tables)
    _write_readers(ledger, tables)
    _write_quarantine(ledger)
    flow = _flow(ledger, candidates, tables, config, notes)
    text = json.dumps(flow, indent=2, ensure_ascii=False)
    (task.folder / "flow.json").write_text(text + "\n", encoding="utf-8")
    counts = ", ".join(f"{code} {count}" for code, count in flow["refused"].items()) or "none"
    logger.info(
        "ingested: %d files received, %d read, %d kept; refused: %s",
        *(flow[stage] for stage in ("received", "read", "kept")),
        counts,
    )
    return _linkage(ledger, candidates, tables)


def _write_index(ledger: _Ledger) -> list[str]:
    """index.parquet, slices numbered; returns notes on the series."""
    table = pa.concat_tables(ledger.tables) if ledger.tables else SCHEMA.empty_table()
    ledger.tables.clear()
    notes: list[str] = []
    if any(group in ("CT", "MR") for group in ledger.task.modalities):
        columns = {name: table[name].to_pylist() for name in NEEDED}
        slices, notes = number_slices(columns)
        for name, values in (("slice", slices), ("view", fill_views(columns))):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, pa.array(values, table.schema.field(name).type))
    pq.write_table(table, ledger.task.folder / "index.parquet")
    return notes


def _write_patients(ledger: _Ledger, tables: CohortTables) -> None:
    """patients.parquet: pseudonyms for patients, C1, C2, ... for centres (a name identifies)."""
    frame = tables.patients.copy()
    frame["patient_id"] = [pseudonym(ledger.task.key, str(name)) for name in frame["patient_id"]]
    centres = sorted({str(name) for name in frame["centre"].dropna()})
    frame["centre"] = frame["centre"].map({name: f"C{n}" for n, name in enumerate(centres, 1)})
    frame["centre"] = frame["centre"].astype("str")
    frame.to_parquet(ledger.task.folder / "patients.parquet", index=False)


def _write_readers(ledger: _Ledger, tables: CohortTables) -> None:
    """readers.parquet: the readers have their pseudonyms by now, the patients get theirs."""
    frame = tables.readers.copy()
    names = [pseudonym(ledger.task.key, str(name)) for name in frame["patient_id"]]
    frame["patient_id"] = pd.Series(names, index=frame.index, dtype="str")
    frame.to_parquet(ledger.task.folder / "readers.parquet", index=False)


def _write_quarantine(ledger: _Ledger) -> None:
    """quarantine.parquet: one row a refused file, mask or box."""
    key, labelled = ledger.task.key, ledger.task.labelled
    rows = [
        {
            "file_id": pseudonym(key, refusal.file, "F"),
            "patient_id": pseudonym(key, refusal.patient) if refusal.patient else None,
            "label": labelled.get(refusal.patient) if refusal.patient else None,
            "code": refusal.code,
            "reason": refusal.reason,
            "advice": ADVICE.get(refusal.code, ""),
        }
        for refusal in ledger.refusals
    ]
    schema = pa.schema([(name, pa.string()) for name in QUARANTINE])
    table = pa.Table.from_pylist(rows, schema)
    pq.write_table(table, ledger.task.folder / "quarantine.parquet")


def _flow(
    ledger: _Ledger,
    candidates: list[Candidate],
    tables: CohortTables,
    config: CohortConfig,
    series: list[str],
) -> dict[str, Any]:
    """Counts from received to kept. A refused mask or box is counted apart from files."""
    labelled = ledger.task.labelled
    files = [refusal for refusal in ledger.refusals if not refusal.kept]
    annotations = [refusal for refusal in ledger.refusals if refusal.kept]
    patients = [name for name in labelled if labelled[name] is not None]
    return {
        "received": len(candidates) + int((tables.refused["code"] != WITHOUT_IMAGE).sum()),
        "left_out": len(ledger.left_out),
        "read": ledger.read,
        "kept": sum(ledger.kept.values()),
        "images": sum(ledger.frames.values()),
        "refused": _by_code(files),
        "refused_annotations": _by_code(annotations),
        "patients": {
            "listed": len(labelled),
            "with_images": len(ledger.kept),
            "without_images": len(labelled) - len(ledger.kept),
        },
        "classes": {
            name: {
                "patients": sum(labelled[one] == name for one in patients),
                "patients_with_images": sum(labelled[one] == name for one in ledger.kept),
                "files": sum(n for one, n in ledger.kept.items() if labelled[one] == name),
                "images": sum(n for one, n in ledger.frames.items() if labelled[one] == name),
                "refused": _by_code(
                    [r for r in files if r.patient and labelled.get(r.patient) == name]
                ),
            }
            for name in config.classes
        },
        "burned_in_text_suspected": ledger.suspected,
        "notes": [*tables.notes, *_notes(ledger, config), *series],
    }


def _by_code(refusals: list[Refusal]) -> dict[str, int]:
    return dict(sorted(Counter(refusal.code for refusal in refusals).items()))


def _notes(ledger: _Ledger, config: CohortConfig) -> list[str]:
    notes = []
    if ledger.from_path:
        notes.append(
            f"{ledger.from_path} files: the patient is taken from a folder's or file's name, "
            "because neither the images table nor the header names a listed patient"
        )
    if ledger.boxed:
        notes.append(f"{ledger.boxed} polygons without a rectangle were boxed")
    if ledger.unnamed:
        notes.append(
            f"{ledger.unnamed} MR images: the header does not tell which sequence they are; name "
            "it in column sequence of the images table, or in cohort.sequences"
        )
    if ledger.left_out:
        notes.append(f"{len(ledger.left_out)} files of patients who are left out on purpose")
    if ledger.suspected and config.burned_in_text == "warn":
        notes.append(
            f"{ledger.suspected} files: writing in the pixels is stated or suspected; look at them "
            "before anything leaves this machine"
        )
    return notes


def check_usable(flow: dict[str, Any], config: CohortConfig) -> None:
    """A cohort that cannot be learnt from stops here, with the reason."""
    counts = {name: flow["classes"][name]["patients_with_images"] for name in config.classes}
    reasons = ", ".join(f"{code} {count}" for code, count in flow["refused"].items()) or "none"
    received = f"{flow['received']} files received, refused: {reasons}"
    if not any(counts.values()):
        raise CohortError(f"no usable patient: no file of a labelled patient was kept; {received}")
    present = [name for name, count in counts.items() if count]
    if len(present) == 1:
        absent = ", ".join(f"'{name}'" for name in counts if name not in present)
        raise CohortError(
            f"one class only: all usable patients are '{present[0]}'; no patient with an image is "
            f"{absent}; {received}"
        )
    if len(present) < len(counts):
        absent = ", ".join(f"'{name}'" for name in counts if name not in present)
        raise CohortError(f"a class is absent: no patient with an image is {absent}; {received}")


def _linkage(ledger: _Ledger, candidates: list[Candidate], tables: CohortTables) -> Linkage:
    """file_id, file, patient, pseudonym of every file; patients without a file come last."""
    key, owner = ledger.task.key, ledger.owner
    for refusal in ledger.refusals:
        owner.setdefault(refusal.file, refusal.patient or "")
    owner.update(ledger.left_out)
    for candidate in candidates:
        owner.setdefault(candidate.file, candidate.patient or "")
    rows = [
        (pseudonym(key, file, "F"), file, patient, pseudonym(key, patient) if patient else "")
        for file, patient in sorted(owner.items())
    ]
    alone = set(ledger.task.labelled) - set(owner.values())
    return rows + [("", "", patient, pseudonym(key, patient)) for patient in sorted(alone)]
