"""Public lumbar spine MR with vertebral bodies labelled one by one, in MATLAB files.

Ramos et al. 2024, Magn Reson Imaging 109:134-146, publish volumes of three collections as
`VB1_03.mat`: variable `I`, an isotropic sagittal volume of 1 mm (rows from head to feet, columns
from front to back, slices), and `GT`, its labels: 0, and 1..9 for the bodies, numbered in no
anatomical order. There are no tumours in it: it is for segmentation on real MR, whose target is
called `vertebra`.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from osteon.cohorts.config import CohortConfig
from osteon.cohorts.errors import CohortError, listed
from osteon.cohorts.listing import Record
from osteon.cohorts.scan import scan_folder
from osteon.cohorts.tables import CohortTables, files_frame, patients_frame, refused_frame

SUFFIX = ".mat"
TARGET = "vertebra"


def read_vertebral_bodies(root: Path, config: CohortConfig) -> CohortTables:
    """List the volumes: one patient a file, its own labels as its mask.

    Args:
        root: folder with MATLAB files at any depth; other files are left unread.
        config: `classes` must end in `vertebra`. Tables, columns and values are not used.

    Raises:
        CohortError: no MATLAB file, two of one name, or classes that the labels cannot give.
    """
    if config.classes[-1] != TARGET:
        raise CohortError(
            f"cohort.classes is {listed(config.classes)}; the labels of this source give "
            f"'{TARGET}' as the last class"
        )
    scan = scan_folder(root)
    files = [file for file in scan.images if file.casefold().endswith(SUFFIX)]
    if not files:
        raise CohortError(f"no {SUFFIX} file in the cohort folder")
    names = [PurePosixPath(file).stem for file in files]
    if len(set(names)) != len(names):
        raise CohortError("two MATLAB files have one name, which stands for the patient")
    patients: list[Record] = [
        # VB1, VB2, VB3: where a volume comes from; ingestion makes it C1, C2, C3
        {"patient_id": name, "label": TARGET, "centre": name.split("_")[0]}
        for name in names
    ]
    volumes: list[Record] = [
        {"file": file, "patient_id": name, "sequence": "MR", "view": "SAGITTAL", "mask": file}
        for file, name in zip(files, names, strict=True)
    ]
    return CohortTables(
        patients=patients_frame(patients),
        files=files_frame(volumes),
        refused=refused_frame([]),
        notes=(
            f"{len(files)} volumes are taken as {len(files)} patients; the collections name none, "
            "and volumes of one collection may be of one patient",
            "the labels are vertebral bodies: there is no tumour in this cohort",
        ),
    )
