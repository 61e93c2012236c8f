"""Steps of ingestion."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from osteon import cohorts, imaging
from osteon.cohorts import phantom
from osteon.cohorts.config import CohortConfig
from osteon.datasets.store import Build, source_hash

POINTER = "cohort_folder.txt"


def locate_cohort(cohort: CohortConfig) -> Build:
    """A phantom is written to disk as DICOM; a user's own folder is only pointed to.

    Args:
        cohort: where the samples come from.

    Returns:
        the build of a folder that is the phantom, or that holds a pointer to the user's folder.
    """
    if cohort.source == "phantom":
        description = f"{source_hash(phantom)} {cohort.phantom.model_dump_json()}"
        write = partial(_write_phantom, cohort=cohort)
    else:
        description = f"{cohort.source} {cohort.path}"
        write = partial(_write_pointer, cohort=cohort)
    return Build(hashlib.sha256(description.encode()).hexdigest(), write)


def _write_phantom(folder: Path, cohort: CohortConfig) -> None:
    cohort.phantom.write(folder, workers=cohort.effective_workers)


def _write_pointer(folder: Path, cohort: CohortConfig) -> None:
    (folder / POINTER).write_text(str(cohort.path))


def cohort_root(folder: Path) -> Path:
    """The cohort's own folder, following the pointer that `locate_cohort` left."""
    pointer = folder / POINTER
    return Path(pointer.read_text()).expanduser().resolve() if pointer.is_file() else folder


def ingest_cohort(cohort_folder: Path, cohort: CohortConfig, key: bytes, linkage: Path) -> Build:
    """Read, check and decode every file; keep pixels and tables without identifiers.

    Args:
        cohort_folder: what `locate_cohort` left.
        cohort: how the folder is to be read.
        key: secret of the pseudonyms.
        linkage: private folder under `data/01_raw` for the table that leads back to the files.

    Returns:
        the build of the archive, rerun when a file, its size or date, a table or a setting changed.
    """
    from osteon.cohorts.ingest import fingerprint, ingest

    root = cohort_root(cohort_folder)
    return Build(
        f"{fingerprint(root, cohort, key)} {source_hash(cohorts, imaging)}",
        lambda folder: ingest(root, cohort, key, folder, linkage),
    )


def describe_cohort(
    archive: Any,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """The archive's tables, each under its own name in the catalog.

    Args:
        archive: an `osteon.cohorts.archive.Archive`.

    Returns:
        patients, readers' calls (no row where the cohort has none), quarantine, and the flow
        received → read → kept.
    """
    return archive.patients, archive.readers, archive.quarantine, archive.flow


def accept_cohort(archive: Any, flow: dict[str, Any], cohort: CohortConfig) -> pd.DataFrame:
    """The index of the kept images, unless too little is left; the quarantine is written by now.

    Args:
        archive: an `osteon.cohorts.archive.Archive`.
        flow: received → read → kept.
        cohort: the classes.

    Raises:
        CohortError: no usable patient, or a class without one.
    """
    from osteon.cohorts.report import check_usable

    check_usable(flow, cohort)
    return archive.index
