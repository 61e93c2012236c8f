"""Turn what the workers report into the tables of the archive: pseudonyms, duplicates, counts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from osteon.cohorts.archive import QUARANTINE
from osteon.cohorts.errors import CohortError
from osteon.cohorts.flow import flow_of
from osteon.cohorts.ledger import SCHEMA, Ledger
from osteon.cohorts.pseudonym import pseudonym
from osteon.cohorts.records import Batch, Candidate, Refusal, Task
from osteon.cohorts.series import NEEDED, fill_views, number_slices
from osteon.cohorts.tables import WITHOUT_IMAGE
from osteon.imaging.refusals import ADVICE

if TYPE_CHECKING:
    from osteon.cohorts.config import CohortConfig
    from osteon.cohorts.tables import CohortTables

logger = logging.getLogger(__name__)

Linkage = list[tuple[str, str, str, str]]


def write_archive(
    batches: Iterable[Batch],
    candidates: list[Candidate],
    tables: CohortTables,
    config: CohortConfig,
    task: Task,
) -> Linkage:
    """Write index, patients, quarantine and flow into `task.folder`; return the linkage rows."""
    ledger = Ledger(task)
    for batch in batches:
        ledger.add(batch)
    for file, code, reason in tables.refused[["file", "code", "reason"]].itertuples(index=False):
        ledger.refusals.append(Refusal(file, None, code, reason, kept=code == WITHOUT_IMAGE))
    ledger.refusals.sort(key=lambda refusal: (refusal.file, refusal.kept))
    notes = _write_index(ledger)
    _write_patients(ledger, tables)
    _write_readers(ledger, tables)
    _write_quarantine(ledger)
    flow = flow_of(ledger, candidates, tables, config, notes)
    text = json.dumps(flow, indent=2, ensure_ascii=False)
    (task.folder / "flow.json").write_text(text + "\n", encoding="utf-8")
    counts = ", ".join(f"{code} {count}" for code, count in flow["refused"].items()) or "none"
    logger.info(
        "ingested: %d files received, %d read, %d kept; refused: %s",
        *(flow[stage] for stage in ("received", "read", "kept")),
        counts,
    )
    return _linkage(ledger, candidates, tables)


def _write_index(ledger: Ledger) -> list[str]:
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


def _write_patients(ledger: Ledger, tables: CohortTables) -> None:
    """patients.parquet: pseudonyms for patients, C1, C2, ... for centres (a name identifies)."""
    frame = tables.patients.copy()
    frame["patient_id"] = [pseudonym(ledger.task.key, str(name)) for name in frame["patient_id"]]
    centres = sorted({str(name) for name in frame["centre"].dropna()})
    frame["centre"] = frame["centre"].map({name: f"C{n}" for n, name in enumerate(centres, 1)})
    frame["centre"] = frame["centre"].astype("str")
    frame.to_parquet(ledger.task.folder / "patients.parquet", index=False)


def _write_readers(ledger: Ledger, tables: CohortTables) -> None:
    """readers.parquet: the readers have their pseudonyms by now, the patients get theirs."""
    frame = tables.readers.copy()
    names = [pseudonym(ledger.task.key, str(name)) for name in frame["patient_id"]]
    frame["patient_id"] = pd.Series(names, index=frame.index, dtype="str")
    frame.to_parquet(ledger.task.folder / "readers.parquet", index=False)


def _write_quarantine(ledger: Ledger) -> None:
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


def check_usable(flow: dict[str, Any], config: CohortConfig) -> None:
    """A cohort that cannot be learnt from stops here, with the reason."""
    counts = {name: flow["classes"][name]["patients_with_images"] for name in config.classes}
    reasons = ", ".join(f"{code} {count}" for code, count in flow["refused"].items()) or "none"
    received = f"{flow['received']} files received, refused: {reasons}"
    if not any(counts.values()):
        raise CohortError(f"no usable patient: no file of a labelled patient was kept; {received}")
    present = [name for name, count in counts.items() if count]
    if config.labelled_by == "masks":
        _check_target(flow, config.classes[-1], received)
        return
    if len(present) == 1:
        absent = ", ".join(f"'{name}'" for name in counts if name not in present)
        raise CohortError(
            f"one class only: all usable patients are '{present[0]}'; no patient with an image is "
            f"{absent}; {received}"
        )
    if len(present) < len(counts):
        absent = ", ".join(f"'{name}'" for name in counts if name not in present)
        raise CohortError(f"a class is absent: no patient with an image is {absent}; {received}")


def _check_target(flow: dict[str, Any], target: str, received: str) -> None:
    """At least one kept image must show what is to be found."""
    masks = flow["masks"]
    if not masks["images"][target]:
        refused = ", ".join(f"{k} {n}" for k, n in flow["refused_annotations"].items()) or "none"
        raise CohortError(
            f"no mask shows '{target}', the last of cohort.classes: {masks['with']} of "
            f"{masks['with'] + masks['without']} images have a mask, masks refused: {refused}; "
            f"{received}"
        )


def _linkage(ledger: Ledger, candidates: list[Candidate], tables: CohortTables) -> Linkage:
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
