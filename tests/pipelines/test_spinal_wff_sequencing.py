"""Which box each series is cut by, in training and when judged; tubes and scores of series."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from osteon.cohorts.errors import CohortError
from osteon.measures.tube_boxes import BOX
from osteon.pipelines.spinal_wff import sequencing
from osteon.recipes.spinal_wff import SequenceRecipe, VotingConfig
from tests.tiny_archive import make_archive

SHAPES = [(40, 40), (40, 40), (40, 40), (80, 20), (40, 40)]
DRAWN = [[], [[1, 2, 11, 12, "x"]], [[0, 0, 30, 4, "x"], [0, 0, 3, 3, "x"]], [], []]
NONE = VotingConfig(tube_without_box="none", score=0.3)
OTHER = VotingConfig(score=0.3)


@pytest.fixture
def archive(tmp_path):
    pixels = [np.full(shape, 100 * row, np.uint16) for row, shape in enumerate(SHAPES)]
    pixels = [one + np.arange(one.shape[1], dtype=np.uint16) for one in pixels]
    return make_archive(tmp_path, pixels, DRAWN)


@pytest.fixture
def table():
    """Patient P: series S1 of three slices (rows in the wrong order) and S2; Q's file is alone."""
    rows = pd.DataFrame(
        {
            "sample_id": ["a", "b", "c", "d", "e"],
            "patient_id": ["P", "P", "P", "P", "Q"],
            "series_id": ["S1", "S1", "S1", "S2", None],
            "slice": pd.array([3, 1, 2, 1, None], "Int64"),
            "archive_row": range(5),
            "rows": [shape[0] for shape in SHAPES],
            "columns": [shape[1] for shape in SHAPES],
            "sequence": ["T1WI"] * 3 + ["T2WI", ""],
            "fold": 0,
            "split": "cv",
            "label": [1, 1, 1, 1, 0],
        }
    )
    return sequencing.with_series(rows)


@pytest.fixture
def detections():
    """On S1 alone: the surest box of a is small, and a larger one is less sure."""
    found = [
        ("a", 0.9, 0, 0, 4, 10),
        ("a", 0.8, 0, 0, 40, 40),
        ("b", 0.5, 10, 20, 20, 30),
        ("c", 0.2, 0, 0, 39, 39),
    ]
    return pd.DataFrame(found, columns=["sample_id", "score", *BOX]).astype(
        dict.fromkeys(BOX, "float64")
    )


def by_series(found, column):
    return found.set_index("sequence_id")[column].to_dict()


def test_a_file_without_a_series_is_one_by_itself(table) -> None:
    assert table["sequence_id"].tolist() == ["S1", "S1", "S1", "S2", "e"]
    series = sequencing.series_of(table)
    assert series["sequence_id"].tolist() == ["S1", "S2", "e"]
    assert list(series.columns) == sequencing.SERIES
    assert series["label"].tolist() == [1, 1, 0]
    empty = sequencing.with_series(table.assign(series_id=""))
    assert empty["sequence_id"].tolist() == table["sample_id"].tolist()


def test_a_judged_series_is_cut_by_its_largest_sure_box(table, detections) -> None:
    series = sequencing.series_of(table)
    found = sequencing.judged_boxes(series, table, detections, "labelled", NONE)
    # a's surest box is 40 px², b's 100; c's is not sure enough.
    assert by_series(found, "sample_id")["S1"] == "b"
    assert found.loc[0, BOX].tolist() == [10, 20, 20, 30]
    assert found["box_from"].tolist() == ["detected", "none", "none"] and found["judged"].all()
    lower = VotingConfig(tube_without_box="none", score=0.1)
    found = sequencing.judged_boxes(series, table, detections, "labelled", lower)
    assert by_series(found, "sample_id")["S1"] == "c"


def test_a_series_without_a_box_borrows_the_patient_s(table, detections) -> None:
    series = sequencing.series_of(table)
    found = sequencing.judged_boxes(series, table, detections, "artefact", OTHER)
    assert found["box_from"].tolist() == ["detected", "other_series", "none"]
    assert found.loc[1, BOX].tolist() == [5, 40, 10, 60]  # of 40 × 40, on 80 rows × 20 columns


def test_whole_slices_need_no_box(table, detections) -> None:
    series = sequencing.series_of(table)
    found = sequencing.judged_boxes(series, table, detections.iloc[:0], "whole", OTHER)
    assert found[BOX].to_numpy().tolist() == [[0, 0, 40, 40], [0, 0, 20, 80], [0, 0, 40, 40]]
    assert set(found["box_from"]) == {"whole"} and found["judged"].all()


def test_training_takes_the_largest_drawn_box_and_never_borrows(table, detections, archive) -> None:
    series = sequencing.series_of(table)
    found = sequencing.training_boxes(series, table, detections, archive, "labelled", OTHER)
    # 30 × 4 on slice c, which is second along the normal, is more than 10 × 10 on b.
    assert by_series(found, "sample_id")["S1"] == "c"
    assert found.loc[0, BOX].tolist() == [0, 0, 30, 4]
    assert found["box_from"].tolist() == ["labelled", "none", "none"]
    assert found["fitted"].all() and "judged" not in found


@pytest.mark.parametrize("source", ["artefact", "whole"])
def test_without_drawn_boxes_training_takes_what_judging_takes(
    table, detections, archive, source
) -> None:
    series = sequencing.series_of(table)
    found = sequencing.training_boxes(series, table, detections, archive, source, OTHER)
    judged = sequencing.judged_boxes(series, table, detections, source, OTHER)
    assert found["fitted"].all() and "judged" not in found
    pd.testing.assert_frame_equal(found[[*BOX, "box_from"]], judged[[*BOX, "box_from"]])


def tubes(table, archive, **recipe):
    cases = pd.DataFrame(
        {
            "sequence_id": ["S1", "e", "S1"],
            "patient_id": ["P", "Q", "P"],
            "label": [1, 0, 1],
            "sample_id": ["a", "e", None],
            "x0": [0.0, 1, 2], "y0": [0.0, 1, 2], "x1": [9.0, 8, 7], "y1": [9.0, 8, 7],
        }
    )  # fmt: skip
    return sequencing.tube_cases(cases, table, archive, SequenceRecipe(**recipe))


def test_tubes_follow_the_normal_and_name_their_centre(table, archive) -> None:
    found = tubes(table, archive)
    assert [one.tolist() for one in found.slices] == [[1, 2, 0], [4], [1, 2, 0]]
    assert [one.tolist() for one in found.labelled] == [
        [True, True, False], [False], [True, True, False],
    ]  # fmt: skip
    # The last one's box is borrowed, on no slice of its own: the middle one.
    assert found.centres.tolist() == [2, 0, 1]
    assert found.labels.tolist() == [1, 0, 1] and found.patients.tolist() == [0, 1, 0]
    assert found.samples.tolist() == ["S1", "e", "S1"]
    np.testing.assert_array_equal(found.boxes[:, 0], [0, 1, 2])
    assert found.archive == archive.folder and not found.training


def test_slices_without_a_place_along_the_normal_keep_the_archive_s_order(table, archive) -> None:
    bare = table.assign(slice=pd.array([None] * 5, "Int64"))[::-1]
    assert tubes(bare, archive).slices[0].tolist() == [0, 1, 2]


def test_the_recipe_s_settings_reach_the_tubes(table, archive) -> None:
    given = {
        "slices": 5, "side": 16, "margin": 0.3, "labelled_share": 0.2, "hflip": 0.1, "shift": 0.05,
    }  # fmt: skip
    found = tubes(table, archive, **given)
    assert {name: getattr(found, name) for name in given if name != "slices"} == {
        name: value for name, value in given.items() if name != "slices"
    }
    assert found.count == 5 and found.read(np.array([0]))[0].shape == (1, 5, 16, 16)


def scored(learnt):
    series = pd.DataFrame(
        {
            "sequence_id": ["S1", "S2", "S3", "S4"],
            "patient_id": ["P", "P", "Q", "R"],
            "sequence": "T1WI",
            "fold": [0, 0, 1, 0],
            "split": ["cv", "cv", "cv", "test"],
            "label": [1, 1, 0, 1],
        }
    )
    judged = series.assign(
        x0=0.0, y0=0.0, x1=9.0, y1=[9.0, np.nan, 9.0, 9.0], sample_id="a",
        box_from=["detected", "none", "detected", "other_series"],
    )  # fmt: skip
    cases = pd.DataFrame({"sequence_id": ["S4", "S1", "S3"]})
    results = [
        SimpleNamespace(
            test=np.array([1]), probabilities=np.array([[0.3, 0.7]]), labels=np.array(learnt[:1])
        ),
        SimpleNamespace(
            test=np.array([2, 0]),
            probabilities=np.array([[0.9, 0.1], [0.4, 0.6]]),
            labels=np.array(learnt[1:]),
        ),
    ]
    return sequencing._scores(series, judged, cases, results, ("benign", "malignant"))


def test_each_series_gets_what_was_said_of_it_or_nothing() -> None:
    found = scored([1, 0, 1])
    assert found["sequence_id"].tolist() == ["S1", "S2", "S3", "S4"]
    np.testing.assert_array_equal(found["prob_malignant"], [0.7, np.nan, 0.1, 0.6])
    np.testing.assert_array_equal(found["prob_benign"], [0.3, np.nan, 0.9, 0.4])
    assert found["label"].tolist() == [1, 1, 0, 1] and "learnt" not in found
    assert found["box_from"].tolist() == ["detected", "none", "detected", "other_series"]


def test_permuted_labels_are_those_that_were_learnt_for_all_series_of_a_patient() -> None:
    found = scored([0, 1, 0])
    assert found["label"].tolist() == [0, 0, 1, 0] and found["label"].dtype == np.int64


def test_series_are_counted_by_where_their_box_is_from() -> None:
    boxed = pd.DataFrame({"box_from": ["none", "detected", "none", "other_series"]})
    assert sequencing._origins(boxed) == {"detected": 1, "other_series": 1, "none": 2}


def test_parts_without_any_box_stop_the_run_and_name_the_remedy(table, detections) -> None:
    boxed = sequencing.judged_boxes(sequencing.series_of(table), table, detections, "x", NONE)
    series = boxed.assign(split=["test", "cv", "cv"])
    swapped = boxed.assign(split=["cv", "test", "test"])
    sequencing.refuse_without_boxes(swapped, series, NONE)
    for fitted, judged, part in ((series, series, "training"), (swapped, swapped, "test")):
        with pytest.raises(CohortError, match=rf"the {part} part .* recipe\.voting\.score 0\.3 or"):
            sequencing.refuse_without_boxes(fitted, judged, NONE)


def test_a_change_of_how_tubes_are_cut_is_a_change_of_the_data(table, monkeypatch) -> None:
    given = table.assign(content_hash="0")
    before = sequencing.content_of(given)
    assert sequencing.content_of(given.iloc[::-1]) == before
    assert sequencing.content_of(given.assign(content_hash="1")) != before
    monkeypatch.setattr(sequencing, "source_hash", lambda *packages: "another")
    assert sequencing.content_of(given) != before


def test_a_series_of_two_patients_is_refused(table) -> None:
    for shared in (["S1", "S1", "S1", "S2", "S1"], ["e", "S1", "S1", "S2", None]):
        with pytest.raises(CohortError, match=r"SeriesInstanceUID: 1 series .* under P and Q"):
            sequencing.with_series(table.assign(series_id=shared))
