"""The flow of a cohort from files received to images kept, in counts and notes for the report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from osteon.cohorts.ledger import Ledger
from osteon.cohorts.records import Candidate, Refusal
from osteon.cohorts.tables import WITHOUT_IMAGE

if TYPE_CHECKING:
    from osteon.cohorts.config import CohortConfig
    from osteon.cohorts.tables import CohortTables


def flow_of(
    ledger: Ledger,
    candidates: list[Candidate],
    tables: CohortTables,
    config: CohortConfig,
    series: list[str],
) -> dict[str, Any]:
    """Counts from received to kept. A refused mask or box is counted apart from files.

    Args:
        ledger: after the last batch.
        candidates: every file that was handed to a worker.
        tables: as read.
        config: of the cohort.
        series: notes on its series.

    Returns:
        what flow.json holds: whole numbers, by code and by class, and notes without identifiers.
    """
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
        **(_masks(ledger) if config.mask_classes else {}),
        "burned_in_text_suspected": ledger.suspected,
        "notes": [*tables.notes, *_notes(ledger, config), *series],
    }


def _masks(ledger: Ledger) -> dict[str, Any]:
    """Images with and without a label map, and how many show each class."""
    shown = {name: ledger.shown[value] for value, name in enumerate(ledger.task.mask_classes)}
    absent = sum(ledger.frames.values()) - ledger.masked
    return {"masks": {"with": ledger.masked, "without": absent, "images": shown}}


def _by_code(refusals: list[Refusal]) -> dict[str, int]:
    return dict(sorted(Counter(refusal.code for refusal in refusals).items()))


def _notes(ledger: Ledger, config: CohortConfig) -> list[str]:
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
    if config.mask_classes and (absent := sum(ledger.frames.values()) - ledger.masked):
        notes.append(
            f"{absent} images have no label map: they are kept, and nothing is learnt from them or "
            "judged on them where masks are needed"
        )
    if ledger.undefined:
        notes.append(
            f"{ledger.undefined} images hold pixels that are no finite number: the lowest value of "
            "the volume stands in (the highest for +infinity; -1024 HU in a CT)"
        )
    if ledger.left_out:
        notes.append(f"{len(ledger.left_out)} files of patients who are left out on purpose")
    if ledger.suspected and config.burned_in_text == "warn":
        notes.append(
            f"{ledger.suspected} files: writing in the pixels is stated or suspected; look at them "
            "before anything leaves this machine"
        )
    return notes
