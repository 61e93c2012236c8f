"""What the audit of a split by patch hands over becomes a table of the report."""

import numpy as np

from osteon.measures.patch_audit import patch_gap
from osteon.pipelines.spinal_penn.auditing import arm_of
from osteon.pipelines.spinal_penn.tabulating import tabulate_as_published
from tests.reporting.segmentation_sample import judged


def test_the_audit_is_a_table_with_its_patients_told() -> None:
    by_patch, by_patient = np.array([[8, 1, 1, 10]] * 6), np.array([[6, 1, 4, 9]] * 2)
    found = patch_gap(by_patch, by_patient, 50, 0) | {
        "audit": arm_of(by_patch),
        "honest": arm_of(by_patient),
        "patches": 160,
        "target_share": 0.45,
        "train_share": 0.8,
    }
    brief, page, _ = tabulate_as_published(judged(), found)
    (table,) = [one for one in brief if one["title"].startswith("Audit")]
    recall = next(row for row in table["rows"] if row[0] == "Recall")
    assert recall[1:3] == ["88.9", "60.0"] and recall[3].startswith("28.9")
    assert "120 of 6 patients by patch, 40 of 2 patients by patient" in table["note"]
    assert "bootstrap over patients" in table["note"] and "Audit: a split by patch" in page
