"""From the tables of the fusion to the cases of the patient page."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.reporting.patients.cases import ImageCase, PatientCase, SequenceCase

OLDEST = 89
"""Ages above are told as "89+": a very old patient could be recognised by the age alone."""
Picture = NDArray[np.uint8]


class Explained(Protocol):
    """Three tables that say how each vote came about, as `osteon.measures.fusion.explain` gives.

    `images`: patient_id, sequence_id, sample_id, d, p, part_det, part_seq, part_age, counted, vote;
    `sequences`: patient_id, sequence_id, sequence, m, score, counted, vote, decided_by;
    `patients`: patient_id, label, a, score, vote, decided_by. NaN = missing.
    """

    @property
    def images(self) -> pd.DataFrame:
        """One row an image."""

    @property
    def sequences(self) -> pd.DataFrame:
        """One row a series."""

    @property
    def patients(self) -> pd.DataFrame:
        """One row a patient."""


def age_in_words(age: Any) -> str:
    """Years: 57.4 → "57"; above 89 "89+"; None, NaN or NA → "not known"."""
    if age is None or pd.isna(age):
        return "not known"
    return f"{OLDEST}+" if age > OLDEST else f"{int(age)}"


def case_of(
    patient_id: str,
    explained: Explained,
    samples: pd.DataFrame,
    *,
    name: str,
    reason: str,
    pictures: Mapping[str, Picture],
    strips: Mapping[str, Picture] | None = None,
    box_from: Mapping[str, str] | None = None,
) -> PatientCase:
    """A patient of the page, put together from tables and pictures.

    Args:
        patient_id: one of `explained.patients`.
        explained: how each vote came about.
        samples: sample_id, age, slice, view and location of the patient's images; more rows and
            columns do no harm; slice <NA> = numbered in the order of the table.
        name: pseudonym to be shown; reason: why the patient is shown.
        pictures: sample_id → (h, w, 3) uint8 of the slices that are shown.
        strips: sequence_id → (h, w, 3) uint8, the tube with its Grad-CAM.
        box_from: sequence_id → where the tube's place comes from, see `SequenceCase`.

    Raises:
        KeyError: a patient or an image that is not in the tables.
        ValueError: numbers that contradict each other, see `osteon.reporting.patients.cases`.
    """
    row = explained.patients.set_index("patient_id").loc[patient_id].to_dict()
    known = samples.set_index("sample_id")
    images = explained.images[explained.images["patient_id"] == patient_id]
    of = explained.sequences[explained.sequences["patient_id"] == patient_id]
    sequences = tuple(
        _sequence(
            one,
            images[images["sequence_id"] == one["sequence_id"]],
            known,
            pictures,
            (strips or {}).get(one["sequence_id"]),
            (box_from or {}).get(one["sequence_id"], "detected"),
        )
        for one in of.to_dict("records")
    )
    first = known.loc[images["sample_id"].iloc[0]].to_dict()
    location = first.get("location")
    return PatientCase(
        name=name,
        truth=bool(row["label"]),
        call=bool(row["vote"]),
        score=float(row["score"]),
        age=age_in_words(first.get("age")),
        a=_known(row["a"]),
        location="" if location is None or pd.isna(location) else str(location),
        reason=reason,
        sequences=sequences,
        decided_by=str(row["decided_by"]),
    )


def _sequence(
    one: Mapping[Any, Any],
    images: pd.DataFrame,
    known: pd.DataFrame,
    pictures: Mapping[str, Picture],
    strip: Picture | None,
    box_from: str,
) -> SequenceCase:
    from osteon.reporting.wff_gallery import picture_uri

    numbers = known.loc[images["sample_id"], "slice"].tolist()
    made = [
        _image(row, place if pd.isna(at) else int(at), pictures)
        for place, (row, at) in enumerate(zip(images.to_dict("records"), numbers, strict=True), 1)
    ]
    score = _known(one["score"]) if one["decided_by"] != "abstains" else None
    view = known.loc[images["sample_id"].iloc[0]].to_dict().get("view")
    return SequenceCase(
        name=str(one["sequence"]),
        plane="" if view is None or pd.isna(view) else str(view).lower(),
        images=tuple(sorted(made, key=lambda image: image.slice)),
        m=_known(one["m"]),
        vote=None if score is None else bool(one["vote"]),
        score=score,
        decided_by=str(one["decided_by"]),
        strip=None if strip is None else picture_uri(strip),
        box_from=box_from,
    )


def _image(row: Mapping[Any, Any], number: int, pictures: Mapping[str, Picture]) -> ImageCase:
    from osteon.reporting.wff_gallery import picture_uri

    picture = pictures.get(row["sample_id"])
    # An image may have a P and still be without a vote: skipped beside others that have a box.
    p = _known(row["p"]) if row["counted"] else None
    det, seq, age = (
        0.0 if p is None else _known(row[part]) or 0.0
        for part in ("part_det", "part_seq", "part_age")
    )
    return ImageCase(
        slice=number,
        d=_known(row["d"]),
        p=p,
        part_det=det,
        part_seq=seq,
        part_age=age,
        vote=None if p is None else bool(row["vote"]),
        picture=None if picture is None else picture_uri(picture),
    )


def _known(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
