"""Tables of segmentation scores: what the measures write passes, each kind of bad row does not."""

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from osteon.schemas.segmentations import patch_schema, schema


def table():
    return pd.DataFrame(
        {
            "paper": "penn",
            "learner": "unet",
            "patient_id": ["P1", "P2", "P3", "P4"],
            "fold": [0, 0, 1, 1],
            "split": "cv",
            "images": 15,
            "tp": [8, 0, 0, 0],
            "fp": [1, 0, 5, 0],
            "fn": [1, 0, 0, 4],
            "tn": 90,
            "empty": ["neither", "both", "reference", "prediction"],
            "dice": [16 / 18, np.nan, 0, 0],
            "iou": [0.8, np.nan, 0, 0],
            "precision": [8 / 9, np.nan, 0, 0],
            "recall": [8 / 9, np.nan, np.nan, 0],
            "tolerance_mm": 2.0,
            "nsd": [1.0, np.nan, 0, 0],
            "hd95_mm": [1.0, np.nan, 40.0, 40.0],
            "site": "lumbar",
        }
    )


def test_a_good_table_passes_as_it_is():
    pd.testing.assert_frame_equal(schema.validate(table(), lazy=True), table(), check_dtype=False)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: pd.concat([t, t.iloc[:1]]),
        lambda t: t.assign(dice=1.1),
        lambda t: t.assign(hd95_mm=-1.0),
        lambda t: t.assign(hd95_mm=np.inf),
        lambda t: t.assign(tp=-1),
        lambda t: t.assign(tolerance_mm=np.nan),
        lambda t: t.assign(empty="neither"),
        lambda t: t.assign(empty="none"),
        lambda t: t.assign(dice=t["dice"].fillna(1.0)),
        lambda t: t.assign(nsd=t["nsd"].where(t["fp"] != 1)),
        lambda t: t.assign(split="train"),
        lambda t: t.drop(columns="fn"),
    ],
)
def test_a_bad_table_is_refused(change):
    with pytest.raises(SchemaErrors):
        schema.validate(change(table()), lazy=True)


def test_patches_are_counts_once_a_learner_and_patient():
    rows = table()[["learner", "patient_id", "fold", "tp", "fp", "fn", "tn"]]
    assert len(patch_schema.validate(rows, lazy=True)) == 4
    for bad in (pd.concat([rows, rows]), rows.assign(tn=-1), rows.drop(columns="tn")):
        with pytest.raises(SchemaErrors):
            patch_schema.validate(bad, lazy=True)
