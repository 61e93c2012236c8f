"""By which box a series is cut: the largest of its own, else the patient's, else none."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures.tube_boxes import BOX, borrowed, columns, largest, surest, whole

SERIES = pd.DataFrame({"sequence_id": ["S1", "S2", "S3", "S4"], "patient_id": ["P", "P", "Q", "P"]})
SLICES = pd.DataFrame(
    {
        "sample_id": ["a", "b", "c", "d", "e", "f", "g"],
        "sequence_id": ["S1", "S1", "S1", "S2", "S3", "S4", "S4"],
        "slice": [3, 1, 2, 1, 1, 2, 1],
    }
)
SIZES = np.array([[100, 200], [50, 80], [10, 10], [40, 40]])


def boxes(*rows: tuple[str, float, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["sample_id", *BOX])


FOUND = boxes(
    ("a", 0, 0, 10, 10),
    ("b", 20, 30, 60, 50),
    ("c", 5, 5, 45, 25),
    ("f", 10, 20, 20, 40),
)


def test_columns_are_what_pandas_says_and_a_copy() -> None:
    found = columns(FOUND, BOX)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, FOUND[BOX].to_numpy(np.float64))
    found[:] = -1
    assert (FOUND[BOX] >= 0).all(axis=None)
    assert columns(FOUND.iloc[:0], BOX).shape == (0, 4)


def test_the_surest_box_of_each_slice_that_reaches_the_score() -> None:
    found = boxes(("a", 0, 0, 1, 1), ("b", 0, 0, 2, 2), ("a", 0, 0, 3, 3), ("c", 0, 0, 4, 4))
    kept = surest(found.assign(score=[0.5, 0.4, 0.9, 0.39]), 0.4)
    assert kept.set_index("sample_id")["x1"].to_dict() == {"a": 3, "b": 2}
    assert surest(found.assign(score=0.5), 0.6).empty
    first = surest(found.assign(score=0.5), 0.4).set_index("sample_id")["x1"]
    assert first["a"] == 1


def test_the_largest_box_of_a_series_and_of_equal_ones_the_first_slice_s() -> None:
    found = largest(SERIES, SLICES, FOUND, "detected")
    assert found["sequence_id"].tolist() == SERIES["sequence_id"].tolist()
    assert found["sample_id"].tolist()[0] == "b"  # as large as c's, on an earlier slice
    assert found.loc[0, BOX].tolist() == [20, 30, 60, 50]
    assert found["box_from"].tolist() == ["detected", "none", "none", "detected"]
    assert found.loc[1, BOX].isna().all() and pd.isna(found.loc[1, "sample_id"])
    later = FOUND.assign(x1=FOUND["x1"] + (FOUND["sample_id"] == "c"))
    assert largest(SERIES, SLICES, later, "x").loc[0, "sample_id"] == "c"


def test_no_box_at_all() -> None:
    found = largest(SERIES, SLICES, FOUND.iloc[:0], "labelled")
    assert (found["box_from"] == "none").all() and len(found) == 4
    assert (borrowed(found, SIZES)["box_from"] == "none").all()


def test_boxes_of_slices_elsewhere_are_no_matter() -> None:
    other = pd.concat([FOUND, boxes(("elsewhere", 0, 0, 999, 999))])
    pd.testing.assert_frame_equal(
        largest(SERIES, SLICES, other, "d"), largest(SERIES, SLICES, FOUND, "d")
    )


def test_a_series_borrows_the_patient_s_largest_share_at_the_same_place() -> None:
    own = largest(SERIES, SLICES, FOUND, "detected")
    found = borrowed(own, SIZES)
    # S4's 10 × 20 of 40 × 40 is more of its slice than S1's 40 × 20 of 200 × 100.
    assert found.loc[1, BOX].tolist() == pytest.approx([20, 25, 40, 50])
    assert found["box_from"].tolist() == ["detected", "other_series", "none", "detected"]
    assert pd.isna(found.loc[1, "sample_id"])
    pd.testing.assert_frame_equal(found.loc[[0, 3]], own.loc[[0, 3]])
    assert found.loc[2, BOX].isna().all()  # another patient lends nothing


def test_borrowing_does_not_depend_on_the_rows_labels() -> None:
    own = largest(SERIES, SLICES, FOUND, "detected")
    moved = borrowed(own.set_axis([7, 3, 5, 1]), SIZES)
    np.testing.assert_array_equal(moved[BOX], borrowed(own, SIZES)[BOX])


def test_a_whole_slice() -> None:
    found = whole(SERIES, SIZES)
    assert found[BOX].to_numpy().tolist() == [
        [0, 0, 200, 100], [0, 0, 80, 50], [0, 0, 10, 10], [0, 0, 40, 40],
    ]  # fmt: skip
    assert (found["box_from"] == "whole").all() and found["sample_id"].isna().all()
