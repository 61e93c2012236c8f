"""Ingestion: a cohort's folder in, an archive without identifiers out.

Batches of files are read by worker processes, each of which writes a shard of its own; this process
holds only the index. Batches depend on the cohort alone, so the archive is the same byte for byte
whatever the number of workers. Pixels stay reachable by row, and names stay outside: only
`private/linkage.csv` knows which file and patient a pseudonym stands for.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from osteon.cohorts.archive import FORMAT
from osteon.cohorts.batch import read_batch
from osteon.cohorts.records import Batch, Candidate, Task

if TYPE_CHECKING:
    from osteon.cohorts.config import CohortConfig
    from osteon.cohorts.tables import CohortTables

logger = logging.getLogger(__name__)

LINKAGE = "linkage.csv"


def ingest(root: Path, config: CohortConfig, key: bytes, folder: Path, private: Path) -> None:
    """Read a cohort and write its archive.

    Args:
        root: the cohort's folder.
        config: how it is read.
        key: of the pseudonyms, from `load_or_create_key`.
        folder: where the archive is written; exists and is empty. Nothing in it identifies.
        private: where linkage.csv is written, mode 0600; exists.

    Raises:
        CohortError: a table is wrong. Whether enough is left is for `check_usable` to say, once
            the quarantine is where a person can read it.
    """
    from osteon.cohorts.report import write_archive
    from osteon.cohorts.tables import read_tables

    root, folder, private = Path(root), Path(folder), Path(private)
    tables = read_tables(root, config)
    task = _task(root, folder, config, key, tables)
    candidates = _candidates(tables)
    batches = _read_all(candidates, task, config.effective_workers)
    _write_linkage(private / LINKAGE, write_archive(batches, candidates, tables, config, task))


def _task(root: Path, folder: Path, config: CohortConfig, key: bytes, tables: CohortTables) -> Task:
    from osteon.cohorts.config import DICOM_MODALITIES, SEQUENCES
    from osteon.cohorts.naming import rules_of

    labels = tables.patients["label"]
    known = zip(tables.patients["patient_id"], labels, labels.isna(), strict=True)
    return Task(
        root=root,
        folder=folder,
        key=key,
        labelled={str(name): None if missing else str(label) for name, label, missing in known},
        excluded=frozenset(tables.excluded),
        modalities=tuple(config.modalities),
        dicom={name: group for group in config.modalities for name in DICOM_MODALITIES[group]},
        sequences=dict(SEQUENCES),
        max_pixels=config.max_pixels,
        max_side=config.max_side,
        burned_in_text=config.burned_in_text,
        rules=rules_of(config.sequences),
        mask_classes=config.mask_classes,
        mask_table=config.mask_table,
    )


def _candidates(tables: CohortTables) -> list[Candidate]:
    """The files in path order: numbering and "keep the first" follow it."""
    names = ("file", "patient_id", "sequence", "view", "slice", "mask", "boxes")
    columns = [tables.files[name].astype(object) for name in names]
    rows = zip(*(column.where(column.notna(), None) for column in columns), strict=True)
    found = [
        Candidate(
            file=str(file),
            patient=patient,
            sequence=sequence,
            view=view,
            slice=None if number is None else int(number),
            mask=mask,
            boxes=boxes,
            sidecar=boxes in tables.sidecars,
        )
        for file, patient, sequence, view, number, mask, boxes in rows
    ]
    return sorted(found, key=lambda candidate: candidate.file)


def batches_of(candidates: list[Candidate]) -> list[list[Candidate]]:
    """Split into at least 64 parts of 8 to 64 files; the split must not depend on the workers."""
    size = min(64, max(8, -(-len(candidates) // 64)))
    return [candidates[start : start + size] for start in range(0, len(candidates), size)]


def _read_all(candidates: list[Candidate], task: Task, workers: int) -> Iterator[Batch]:
    """Read batch after batch, in order, in `workers` processes (1: in this one)."""
    from tqdm import tqdm

    parts = batches_of(candidates)
    workers = min(workers, len(parts))
    with tqdm(total=len(candidates), unit="file", desc="ingest", disable=None) as progress:
        for part, batch in zip(parts, _batches(parts, task, workers), strict=True):
            progress.update(len(part))
            yield batch


def _batches(parts: list[list[Candidate]], task: Task, workers: int) -> Iterator[Batch]:
    if workers <= 1:
        yield from (read_batch(number, part, task) for number, part in enumerate(parts))
        return
    from joblib import Parallel, delayed

    # batch_size=1: the parts are the batches. A few wait in line, so that memory stays constant.
    parallel = Parallel(
        n_jobs=workers,
        backend="loky",
        return_as="generator",
        batch_size=1,
        pre_dispatch="2*n_jobs",
    )
    yield from parallel(delayed(read_batch)(n, part, task) for n, part in enumerate(parts))


def _write_linkage(path: Path, rows: list[tuple[str, str, str, str]]) -> None:
    """The only file that holds names and identifiers; nobody but its owner may read it."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file_id", "file", "patient_id", "pseudonym"))
        writer.writerows(rows)


def fingerprint(root: Path, config: CohortConfig, key: bytes) -> str:
    """What an archive depends on, as 64 hex digits: reuse it while this does not change.

    Names, sizes and modification times of all files, contents of all tables at the top of the
    folder, the configuration (not the number of workers) and the archive's format. Names go in
    keyed, so the fingerprint may be stored beside the archive.

    Args:
        root: the cohort's folder.
        config: how it is read.
        key: of the pseudonyms.
    """
    root = Path(root)
    digest = hashlib.sha256(f"osteon archive {FORMAT}\n".encode())
    settings = config.model_dump(mode="json", exclude={"workers"})
    digest.update(json.dumps(settings, sort_keys=True).encode())
    digest.update(hmac.new(key, b"osteon archive", hashlib.sha256).digest())
    tables = {config.tables.patients, config.tables.images, config.tables.readers}
    for line in sorted(_file_lines(root, key)):
        digest.update(line)
    for path in sorted(root.iterdir()):
        if path.is_file() and path.suffix.lower() in (".csv", ".xlsx", ".tsv"):
            tables.add(path.name)
    for name in sorted(name for name in tables if name and (root / name).is_file()):
        with (root / name).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        digest.update(hmac.new(key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).digest())
        digest.update(content)
    return digest.hexdigest()


def _file_lines(root: Path, key: bytes) -> Iterator[bytes]:
    for top, _, names in os.walk(root):
        for name in names:
            path = Path(top, name)
            relative = os.fsencode(path.relative_to(root).as_posix())
            keyed = hmac.new(key, relative, hashlib.sha256).hexdigest()
            found = path.lstat()
            yield f"{keyed} {found.st_size} {found.st_mtime_ns}\n".encode()
