"""The tables of a cohort, read and checked: what every source hands on to ingestion."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from osteon.cohorts.config import IMAGE_COLUMNS, PATIENT_COLUMNS, CohortConfig
from osteon.cohorts.errors import CohortError
from osteon.cohorts.readers import readers_frame

__all__ = ["REFUSED_COLUMNS", "CohortError", "CohortTables", "read_tables"]

REFUSED_COLUMNS = ("file", "code", "reason")
WITHOUT_IMAGE = "boxes_without_image"
"""The one code of `refused` that is no file of its own: boxes, which are counted apart."""
NUMBERS = ("age", "alp", "alp_low", "alp_high", "ldh", "ldh_low", "ldh_high")


@dataclass(frozen=True)
class CohortTables:
    """A cohort before any image is opened. It still holds identifiers: it never leaves ingestion.

    Attributes:
        patients: one row a patient, in the table's order; all patient columns are present.
            patient_id, label (one of the classes), sex (F, M, unknown), site, location, subtype,
            centre, split (train, test): str, missing = NaN (sex is never missing);
            age (years) and labs with their ranges (U/L): float64, missing = NaN.
        files: one row a candidate image file, sorted by path: file (POSIX path under the root),
            patient_id (NaN: ingestion resolves it from header or folder), sequence, view: str;
            slice: Int64; mask, boxes: POSIX paths under the root, or NaN.
        refused: file, code, reason of files refused here; reasons hold no identifier.
        notes: statements for the report; they hold no identifier.
        excluded: raw identifiers of patients whom the configuration leaves out. They are not in
            `patients`; their files stay in `files`, so that ingestion can count them.
        sidecars: values of `boxes` that no table names, only their file's name.
        readers: one row a reader's call of a patient, see `readers.readers_frame`; the reader is
            R1, R2, ... already, the patient is not.
    """

    patients: pd.DataFrame
    files: pd.DataFrame
    refused: pd.DataFrame
    notes: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    sidecars: frozenset[str] = frozenset()
    readers: pd.DataFrame = field(default_factory=lambda: readers_frame([]))


def read_tables(root: Path, config: CohortConfig) -> CohortTables:
    """Read and check the tables of a cohort folder, and list its candidate image files.

    Args:
        root: the cohort folder (config.path as an existing folder, or where a phantom was written).
        config: names, mappings and classes. A phantom is read as a folder.

    Raises:
        CohortError: the tables are wrong; all problems of one table are reported together.
    """
    # Imported here: these modules build CohortTables.
    from osteon.cohorts.btxrd import read_btxrd
    from osteon.cohorts.folder import read_folder
    from osteon.cohorts.vertebral_bodies import read_vertebral_bodies

    root = Path(root)
    if not root.is_dir():
        raise CohortError("cohort.path: no such folder (or not readable); give an existing folder")
    readers = {"btxrd": read_btxrd, "vertebral_bodies": read_vertebral_bodies}
    return readers.get(config.source, read_folder)(root, config)


def patients_frame(records: list[dict[str, object]]) -> pd.DataFrame:
    """Build the patients table with every canonical column; absent values are NaN."""
    frame = pd.DataFrame(records, columns=list(PATIENT_COLUMNS))
    kinds = {name: "float64" if name in NUMBERS else "str" for name in PATIENT_COLUMNS}
    frame = frame.astype(kinds)
    frame["sex"] = frame["sex"].fillna("unknown")
    return frame


def files_frame(records: list[dict[str, object]]) -> pd.DataFrame:
    """Build the table of candidate files, sorted by path."""
    frame = pd.DataFrame(records, columns=list(IMAGE_COLUMNS))
    kinds = {name: "Int64" if name == "slice" else "str" for name in IMAGE_COLUMNS}
    return frame.astype(kinds).sort_values("file", ignore_index=True)


def refused_frame(records: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Build the table of files refused before any was opened, sorted by path."""
    frame = pd.DataFrame(records, columns=list(REFUSED_COLUMNS)).astype("str")
    return frame.sort_values("file", ignore_index=True)
