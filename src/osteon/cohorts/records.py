"""What is handed to a worker of ingestion, and what it hands back. Plain data, cheap to import."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osteon.cohorts.naming import Rules


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to be read, and what the tables say of it (None: nothing).

    Attributes:
        sidecar: `boxes` is a JSON file that no table names: it may be about something else.
    """

    file: str
    patient: str | None = None
    sequence: str | None = None
    view: str | None = None
    slice: int | None = None
    mask: str | None = None
    boxes: str | None = None
    sidecar: bool = False


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
        rules: the user's own names of MR series, see `naming`.
        mask_classes, mask_table: names of a label map's values, and what a stored value becomes,
            see `mask_values`; both empty: values stay as they are.
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
    rules: Rules = ()
    mask_classes: tuple[str, ...] = ()
    mask_table: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row of the quarantine, before pseudonyms; `kept` says that its image is kept."""

    file: str
    patient: str | None
    code: str
    reason: str
    kept: bool = False


@dataclass(slots=True)
class Batch:
    """What a worker reports. `rows` hold raw file and patient, which the parent replaces.

    Attributes:
        read, from_path: files; boxed: polygons whose bounds became boxes; undefined: frames with
            pixels that are no finite number.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    read: int = 0
    from_path: int = 0
    boxed: int = 0
    undefined: int = 0
