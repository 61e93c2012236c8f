"""Detection: the images a learner judged, the boxes it found, the boxes that readers drew."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from osteon.schemas.images import whole
from osteon.schemas.patients import text
from osteon.schemas.samples import finite

BOX = ("x0", "y0", "x1", "y1")


def _has_area(table: pd.DataFrame) -> pd.Series:
    return (table["x0"] < table["x1"]) & (table["y0"] < table["y1"])


def _judged_once(table: pd.DataFrame) -> pd.Series:
    return ~table.duplicated(["learner", "sample_id"], keep=False)


def _one_patient(table: pd.DataFrame) -> pd.Series:
    return table.groupby("sample_id")["patient_id"].transform("nunique") <= 1


_box = {name: finite() for name in BOX}
_area = pa.Check(_has_area, name="x0 below x1 and y0 below y1")
_class = {"class": pa.Column(str, nullable=False, required=False, coerce=True)}

images_schema = pa.DataFrameSchema(
    {
        **{name: text(False) for name in ("sample_id", "patient_id", "paper", "learner")},
        "fold": whole(0),
        "split": text(False, checks=pa.Check.isin(("test", "cv"))),
    },
    checks=[
        pa.Check(_judged_once, name="a learner judges an image once"),
        pa.Check(_one_patient, name="one patient an image"),
    ],
    strict=False,
    name="judged images",
)
"""One row a learner and judged image, whether or not anything was drawn or found in it."""

references_schema = pa.DataFrameSchema(
    {"sample_id": text(False), **_box, **_class},
    checks=_area,
    strict=False,
    name="reference boxes",
)
"""One row a lesion that a reader drew; pixels of the image, continuous. `class` is optional."""

schema = pa.DataFrameSchema(
    {
        "sample_id": text(False),
        "learner": text(False),
        "score": finite(),
        **_box,
        **_class,
    },
    checks=_area,
    strict=False,
    name="detections",
)
"""One row a box that a learner found; any finite score, higher is surer."""
