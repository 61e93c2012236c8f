"""Errors by location: a patient counts once in every location; groups of sequences beside it."""

import numpy as np
import pandas as pd
import pytest

from osteon.measures.locations import ORDER, by_location, locations_of
from osteon.measures.readers import from_counts
from osteon.measures.series_groups import by_series_group

PLACES = ["cervical", "cervical+thoracic", "lumbar", "lumbar", None, "Sacral + lumbar+lumbar"]


@pytest.fixture
def table():
    _, made = from_counts(2, 1, 3, 3)
    return made.assign(location=PLACES)


def test_a_patient_counts_once_in_every_location(table):
    placed = locations_of(table)
    counts = placed["location"].value_counts().to_dict()
    assert counts == {"cervical": 2, "thoracic": 1, "lumbar": 3, "sacral": 1, "not recorded": 1}


def test_errors_rates_and_denominators(table):
    readers, _ = from_counts(3, 3, 3, 3, name="R1")
    readers.loc[0, "call"] = None
    found = by_location({"without age": table}, readers)
    assert found["locations"] == [*ORDER, "not recorded"]
    assert (found["patients"], found["of_locations"]) == (6, 8)
    judges = found["modes"]["without age"]
    # Wrong are the third (lumbar), fifth (none) and sixth (sacral and lumbar) patient.
    wanted = {"cervical": (0, 2), "thoracic": (0, 1), "lumbar": (2, 3), "sacral": (1, 1)}
    for place, (errors, patients) in wanted.items():
        one = judges["framework"][place]
        assert (one["errors"], one["patients"]) == (errors, patients)
        assert one["rate"]["value"] == pytest.approx(errors / patients)
        assert one["rate"]["lo"] <= one["rate"]["value"] <= one["rate"]["hi"]
    assert judges["R1"]["cervical"]["patients"] == 1, "a patient he did not call"
    assert sum(one["errors"] for one in judges["R1"].values()) == 0


def test_a_location_that_few_share_is_not_named(table):
    more = pd.concat(
        [table.assign(patient_id=table["patient_id"] + end, location=place)
         for end, place in (("a", "rib"), ("b", "jaw of Mr X"), ("c", None))]
    ).assign(sample_id=lambda t: t["patient_id"])  # fmt: skip
    more.loc[more["location"] == "jaw of Mr X", "location"] = ["jaw of Mr X"] * 2 + [None] * 4
    assert set(locations_of(more.reset_index(drop=True))["location"]) == {
        *("rib", "all others", "not recorded")
    }


def test_readers_stand_in_their_own_mode(table):
    readers, _ = from_counts(3, 0, 3, 3, name="R1", with_age=True)
    found = by_location({"without age": table, "with age": table}, readers)
    assert list(found["modes"]["without age"]) == ["framework"]
    assert list(found["modes"]["with age"]) == ["framework", "R1"]
    with pytest.raises(ValueError, match=r"modes \[\] found"):
        by_location({})


def test_a_table_without_locations_says_so(table):
    found = by_location({"with age": table.drop(columns="location")})
    assert found["locations"] == ["not recorded"]


# ---- groups of sequences --------------------------------------------------------------------


def rows(tp, tn, count=20):
    _, made = from_counts(tp, tn, count, count)
    share = np.linspace(0.9, 0.1, 2 * count)
    return made.assign(prob_malignant=share, prob_benign=1 - share)


def test_groups_have_accuracy_by_vote_and_auroc_by_score():
    groups = {
        "T1": {"det": rows(10, 10)},
        "T2": {"det": rows(18, 16)},
        "all": {"det": rows(18, 16)},
    }
    found = by_series_group(groups)
    assert found["figures"]["T1"]["det"]["accuracy"]["value"] == 0.5
    assert found["figures"]["T2"]["det"]["auroc"]["value"] == 1.0
    gain = found["differences"]["T2 - T1"]["det"]
    assert gain["points"] == pytest.approx(35.0)
    assert (gain["only_first"], gain["only_second"]) == (14, 0) and gain["p"] < 0.001
    assert found["differences"]["all - T2"]["det"]["points"] == 0.0


def test_groups_are_paired_on_their_common_patients():
    fewer = rows(18, 16).iloc[5:]
    found = by_series_group({"T1": {"det": rows(10, 10)}, "T2": {"det": fewer, "seq": fewer}})
    assert found["figures"]["T2"]["det"]["n"] == 35
    assert (
        found["differences"]["T2 - T1"] == {"det": found["differences"]["T2 - T1"]["det"]}
        and found["differences"]["T2 - T1"]["det"]["n"] == 35
    )
    assert found["rows"] == ["det", "seq"] and list(found["groups"]) == ["T1", "T2"]


def test_a_group_nobody_has_and_an_unknown_one():
    empty = by_series_group({"T1": {"det": rows(1, 1).iloc[:0]}, "T2": {"det": rows(1, 1)}})
    assert empty["figures"]["T1"]["det"]["n"] == 0
    assert empty["differences"]["T2 - T1"]["det"] is None
    with pytest.raises(ValueError, match=r"\['T3'\] found"):
        by_series_group({"T3": {}})
