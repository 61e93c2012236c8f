"""Descriptions of Figs. 5 to 7 and of the weights: JSON, complete, the right numbers."""

import json

import numpy as np
import pandas as pd
import pytest

from osteon.measures.intervals import wilson
from osteon.measures.locations import by_location
from osteon.measures.readers import from_counts
from osteon.measures.series_groups import by_series_group
from osteon.measures.wff_figures import age_figure, groups_figure, lambda_figure, location_figures

AGE = {
    "bins": ["0-39", "40-79", "80+"],
    "edges": [0.0, 40.0, 80.0, None],
    "benign": [20, 10, 0],
    "malignant": [2, 12, 0],
    "share": [2 / 22, 12 / 22, None],
    "probability": [0.125, 0.542, 0.5],
    "smoothing": "laplace",
}


def strict(value):
    return json.loads(json.dumps(value, allow_nan=False))


def test_the_age_curve_has_both_classes_their_bands_and_counts():
    found = strict(age_figure(AGE))
    malignant, benign, used = found["series"]
    ends = wilson(2, 22)
    assert malignant["y"] == [pytest.approx(2 / 22), pytest.approx(12 / 22), None]
    assert (malignant["lo"][0], malignant["hi"][0]) == (
        pytest.approx(ends.lo),
        pytest.approx(ends.hi),
    )
    assert benign["y"][0] == pytest.approx(20 / 22)
    assert (benign["lo"][0], benign["hi"][0]) == (
        pytest.approx(1 - ends.hi),
        pytest.approx(1 - ends.lo),
    )
    assert used["y"] == AGE["probability"] and "laplace" in used["name"]
    assert found["x_labels"] == ["0-39\nn=22", "40-79\nn=22", "80+\nn=0"]
    assert malignant["text"][0] == "2 of 22 malignant"


def located(readers):
    _, table = from_counts(3, 3, 6, 6)
    table = table.assign(location=["cervical", "lumbar"] * 6)
    parts = [from_counts(k % 6, 6, 6, 6, name=f"R{k}")[0] for k in range(1, readers + 1)]
    return by_location({"without age": table, "with age": table}, pd.concat(parts))


def test_locations_have_numbers_once_and_errors_and_rates_a_mode():
    found = strict(location_figures(located(2)))
    assert [one["name"] for one in found] == [
        "location_numbers",
        "location_errors_without_age",
        "location_error_rate_without_age",
        "location_errors_with_age",
        "location_error_rate_with_age",
    ]
    numbers, errors, rates, alone, _ = found
    assert numbers["series"][0]["y"] == [6, 6] and numbers["x_labels"] == ["cervical", "lumbar"]
    assert [one["name"] for one in errors["series"]] == ["WFF", "R1", "R2"]
    assert [one["name"] for one in alone["series"]] == ["WFF"]
    wff = rates["series"][0]
    assert errors["series"][0]["y"] == [2, 4], "wrong are the places 3, 4, 5 and 9, 10, 11"
    assert wff["y"] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert wff["lo"][0] == pytest.approx(wilson(2, 6).lo) and wff["text"][0] == "2 of 6"


def test_more_readers_than_can_be_told_apart_are_named_in_the_note():
    errors = location_figures(located(9))[1]
    assert len(errors["series"]) == 8 and "2 more readers are not drawn" in errors["note"]


def test_groups_stand_beside_each_other_row_by_row():
    tables = {"det": from_counts(5, 5, 10, 10)[1], "det_seq": from_counts(8, 8, 10, 10)[1]}
    groups = by_series_group({"T1": {"det": tables["det"]}, "all": tables})
    found = strict(groups_figure(groups))
    assert found["x_labels"] == ["Det", "Det-Seq"]
    first, second = found["series"]
    assert (first["name"], first["y"]) == ("T1WI only", [0.5, None])
    assert second["y"] == [0.5, 0.8] and second["lo"][1] == pytest.approx(wilson(16, 20).lo)


def searched():
    steps = [(i, j, 4 - i - j) for i in range(5) for j in range(5 - i)]
    weights = np.array(steps) / 4
    accuracy = 0.6 + 0.1 * weights[:, 1]
    made = pd.DataFrame(weights, columns=["l1", "l2", "l3"])
    return made.assign(accuracy=accuracy, auroc=np.nan)


def test_the_map_of_weights_marks_the_chosen_and_the_printed_ones():
    table = searched()
    found = strict(lambda_figure(table, (0.25, 0.5, 0.25), (0.45, 0.45, 0.1)))
    assert (len(found["points"]), len(found["values"]), len(found["text"])) == (15, 15, 15)
    assert found["corners"] == ["Det", "Seq", "Age"]
    chosen, printed = found["marks"]
    assert chosen["detail"] == "0.25/0.5/0.25; accuracy 0.650"
    assert (printed["at"], printed["detail"]) == ([0.45, 0.45, 0.1], "0.45/0.45/0.1")
    assert "1 of them reach the highest accuracy, 0.700" in found["note"]


def test_one_mark_where_the_printed_weights_were_chosen():
    (mark,) = lambda_figure(searched(), (0.5, 0.5, 0), (0.5, 0.5, 0))["marks"]
    assert mark["name"] == "chosen = printed"
