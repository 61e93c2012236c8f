"""Patients, slices and boxes chosen by rule."""

import pandas as pd
import pytest

from osteon.reporting.wff_choice import choose_boxes, choose_patients, choose_slices
from tests.reporting.patients.sample import NONE, case, explained

ROWS = [
    # name, label, score, decided_by
    ("sure", 1, 0.95, "majority"),
    ("surely", 0, 0.04, "majority"),
    ("missed", 1, 0.1, "majority"),
    ("missed too", 1, 0.3, "majority"),
    ("alarm", 0, 0.9, "majority"),
    ("close", 0, 0.49, "majority"),
    ("tie", 1, 0.7, "mean of a tie"),
    ("one", 1, 0.8, "majority"),
    ("two", 0, 0.2, "majority"),
]


def _tables(rows: list = ROWS) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = pd.DataFrame(rows, columns=["patient_id", "label", "score", "decided_by"])
    table["vote"] = table["score"] >= 0.5
    predictions = table[["patient_id", "label", "vote"]].assign(
        prob_benign=1 - table["score"], prob_malignant=table["score"]
    )
    return table[["patient_id", "decided_by"]], predictions


def test_each_rule_has_its_patient_in_order() -> None:
    chosen = choose_patients(*_tables(), count=6)
    assert [name for name, _ in chosen] == ["sure", "surely", "missed", "alarm", "close", "tie"]
    reasons = [reason for _, reason in chosen]
    assert "malignant tumour, rightly called" in reasons[0]
    assert "benign tumour, rightly called" in reasons[1]
    assert "missed" in reasons[2] and "false alarm" in reasons[3]
    assert "nearest to 0.5" in reasons[4] and "mean of a tie" in reasons[5]


def test_the_rest_is_drawn_once_each_and_the_same_every_time() -> None:
    chosen = choose_patients(*_tables(), count=20, seed=3)
    assert len(chosen) == len(dict(chosen)) == len(ROWS)
    assert [reason for _, reason in chosen[6:]] == ["drawn at random"] * 3
    assert chosen == choose_patients(*_tables(), count=20, seed=3)
    draws = {choose_patients(*_tables(), count=7, seed=seed)[6][0] for seed in range(20)}
    assert len(draws) > 1


def test_the_vote_and_not_the_score_says_what_is_wrong() -> None:
    explained_, predictions = _tables([("a", 1, 0.6, "majority"), ("b", 0, 0.1, "majority")])
    predictions["vote"] = [False, False]
    assert choose_patients(explained_, predictions, 2)[1] == (
        "a",
        "a malignant tumour that was missed: the surest such error",
    )


def test_a_patient_of_two_rules_is_shown_once() -> None:
    chosen = choose_patients(*_tables([("a", 1, 0.5, "mean of a tie")]), count=5)
    assert len(chosen) == 1


def test_hidden_patients_and_those_of_one_table_are_left_out() -> None:
    explained_, predictions = _tables()
    chosen = choose_patients(explained_.iloc[1:], predictions, 20, hidden=["alarm"])
    assert not {"sure", "alarm"} & {name for name, _ in chosen} and len(chosen) == len(ROWS) - 2


def test_choosing_patients_refuses() -> None:
    explained_, predictions = _tables()
    with pytest.raises(ValueError, match="count: 0"):
        choose_patients(explained_, predictions, 0)
    with pytest.raises(ValueError, match="'sure' in two rows"):
        choose_patients(explained_, pd.concat([predictions, predictions]), 3)


@pytest.mark.parametrize("ds", [[0.9, 0.1, 0.4, NONE] * 10, [0.9, 0.1] * 10, [NONE] * 30])
def test_slices_go_from_end_to_end_and_hold_the_middle(ds: list[float]) -> None:
    tables = explained({"T1WI": (ds, 0.55)})
    images = tables.images.assign(slice=range(1, len(ds) + 1))
    chosen = choose_slices(images.sample(frac=1, random_state=0), 6)
    places = [int(name.rsplit("-", 1)[1]) for name in chosen]
    assert len(places) == 6 and places == sorted(places)
    middle = case(tables, pictures=False).sequences[0].middle
    assert middle is not None
    assert images.set_index("slice").loc[places, "p"].isin([middle.p]).any()


def test_a_short_series_is_shown_whole_but_for_hidden_slices() -> None:
    tables = explained({"T1WI": ([0.9, 0.2, NONE], 0.5)})
    images = tables.images.assign(slice=[1, 2, 3])
    assert choose_slices(images) == list(images["sample_id"])
    hidden = images["sample_id"].iloc[0]
    assert choose_slices(images, hidden=[hidden]) == list(images["sample_id"].iloc[1:])
    assert choose_slices(images.iloc[:0]) == []


def test_boxes_are_chosen_by_overlap_and_by_what_is_missing() -> None:
    images = pd.DataFrame(
        [
            ("best", "p1", 1, 1, 0.9, 0.9),
            ("same patient", "p1", 1, 1, 0.8, 0.9),
            ("worst", "p2", 2, 1, 0.0, 0.8),
            ("missed", "p3", 0, 2, NONE, NONE),
            ("false", "p4", 1, 0, NONE, 0.6),
            ("falser", "p5", 1, 0, NONE, 0.9),
            ("nothing", "p6", 0, 0, NONE, NONE),
        ],
        columns=["sample_id", "patient_id", "found", "drawn", "iou", "score"],
    )
    assert choose_boxes(images, 2) == {
        "boxes_best": ("best", "worst"),
        "boxes_worst": ("worst", "same patient"),
        "boxes_missed": ("missed",),
        "boxes_false": ("falser", "false"),
    }
    with pytest.raises(ValueError, match="count: 0"):
        choose_boxes(images, 0)
