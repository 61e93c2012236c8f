"""DICOM UIDs that stand for pseudonyms, and the way back to a hospital's own.

No UID of a hospital leaves ingestion, so what is written later refers to UIDs that are derived from
pseudonyms (UUID-derived UIDs, PS3.5 B.2). Who holds the private linkage table can lead them back:

1. `linkage.csv` says which file a `file_id` is, and the cohort's index which `file_id` and `frame`
   a `sample_id` is. That file's SOPInstanceUID belongs to `derived_uid("instance", sample_id)`.
2. Its SeriesInstanceUID and FrameOfReferenceUID belong to `derived_uid("series", series_id)` and
   `derived_uid("frame of reference", series_id)`, and its StudyInstanceUID to
   `derived_uid("study", patient_id)`.
3. `relink` puts the one in the other's place; the patient's name and number are added there.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID

NAMESPACE = uuid.UUID("1933dc2c-474f-4c89-91a9-68dc724ba002")
"""Of derived UIDs; another one would change all of them."""


def derived_uid(kind: str, name: str) -> UID:
    """The UID that stands for something with a pseudonym: the same ones give the same everywhere.

    Args:
        kind: study, series, frame of reference, instance, ...
        name: its pseudonym.
    """
    return UID(f"2.25.{uuid.uuid5(NAMESPACE, f'{kind}/{name}').int}")


def relink(dataset: Dataset, uids: Mapping[str, str]) -> Dataset:
    """Put the UIDs of a hospital's own images in place of the derived ones, at every depth.

    Args:
        dataset: as read from what `write_seg` wrote; changed in place. Its own UID stays.
        uids: derived UID → UID of the hospital. Others stay as they are.

    Returns:
        the same data set.
    """

    def replace(_: Dataset, element: Any) -> None:
        if element.VR == "UI" and isinstance(element.value, str):
            element.value = uids.get(element.value, element.value)

    dataset.walk(replace)
    return dataset
