"""Subgroups by patient: counts, intervals, and what is said where figures cannot be had."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from osteon.measures.evaluator import evaluate
from osteon.measures.intervals import wilson
from osteon.measures.levels import checked
from osteon.measures.subgroups import BANDS, MOST_VALUES, OTHERS, UNKNOWN, subgroups, years
from osteon.recipes.evaluation import EvaluationConfig

ALL = "resnet18_all"
CONFIG = EvaluationConfig(rounds=100)


@pytest.fixture
def rows(predictions):
    frame = checked(predictions)
    frame = frame[frame["learner"] == ALL].reset_index(drop=True)
    number = frame["patient_id"].str[1:].astype(int)
    frame["sex"] = np.where(number % 3 == 0, "F", "M")
    frame["age"] = (number + 5).astype(float)
    frame["view"] = np.where(np.arange(len(frame)) % 2 == 0, "AP", "LAT")
    return frame


def table(rows, variable, config=CONFIG):
    return {one["value"]: one for one in subgroups(rows, config) if one["variable"] == variable}


def test_figures_are_those_of_the_patients_with_the_value(rows):
    found = table(rows, "sex")
    assert list(found) == ["F", "M"] and sum(x["n_patients"] for x in found.values()) == 60
    part = rows[rows["sex"] == "F"]
    patients = part.groupby("patient_id").agg(s=("score", "mean"), y=("positive", "first"))
    assert found["F"]["n_images"] == len(part)
    assert found["F"]["positive_patients"] == patients["y"].sum()
    assert found["F"]["auroc"]["value"] == pytest.approx(
        sk.roc_auc_score(patients["y"], patients["s"])
    )
    right = int(((patients["s"] >= 0.5) == (patients["y"] == 1)).sum())
    ends = wilson(right, len(patients))
    accuracy = found["F"]["accuracy"]
    assert (accuracy["value"], accuracy["lo"], accuracy["hi"]) == pytest.approx(
        (right / len(patients), ends.lo, ends.hi)
    )
    for one in found.values():
        assert one["auroc"]["lo"] <= one["auroc"]["value"] <= one["auroc"]["hi"]


def test_ages_go_into_bands_and_no_age_over_89_is_named(rows):
    rows["age"] = rows["age"].where(rows["age"] < 60, 91.0)
    found = table(rows, "age")
    assert [*found] == ["0-9", "10-19", "20-29", "30-39", "40-59", "80+"]
    assert not any("9" in name and name.startswith("9") for name in BANDS)
    assert found["10-19"]["n_patients"] == 10
    assert years(pd.Series(["90+", " 12 ", "?", None, 7])).tolist()[:2] == [90, 12]
    assert years(pd.Series(["?", None])).isna().all()


def test_a_patient_with_two_views_counts_in_both_with_the_images_of_each(rows):
    found = table(rows, "view")
    assert found["AP"]["n_images"] + found["LAT"]["n_images"] == len(rows)
    assert found["AP"]["n_patients"] + found["LAT"]["n_patients"] > 60


def test_small_subgroups_and_absent_classes_are_said(rows):
    rows["site"] = np.where(rows["positive"] == 1, "femur", "tibia")
    rows.loc[rows["patient_id"] == "P0001", "site"] = "femur"
    found = table(rows, "site")
    assert found["tibia"]["auroc"] is None and found["tibia"]["sensitivity"] is None
    assert "no positive patient: no AUROC" in found["tibia"]["warnings"]
    assert found["tibia"]["specificity"]["value"] is not None
    assert "small sample: 1 negative patients, fewer than 30" in found["femur"]["warnings"]
    large = EvaluationConfig(rounds=100, small_sample=2)
    assert not any("positive" in x for x in table(rows, "sex", large)["M"]["warnings"])


def test_missing_values_are_a_subgroup_and_missing_columns_none(rows):
    rows.loc[rows["patient_id"] == "P0004", "sex"] = None
    found = table(rows, "sex")
    assert [*found][-1] == UNKNOWN and found[UNKNOWN]["n_patients"] == 1
    assert table(rows, "scanner") == {} and table(rows.assign(scanner=None), "scanner") == {}


def test_of_many_values_the_rarest_are_pooled_and_no_patient_is_lost(rows, monkeypatch):
    number = rows["patient_id"].str[1:].astype(int)
    rows["scanner"] = "scanner " + np.minimum(number, 29).astype(str)
    found = table(rows, "scanner")
    assert [*found] == ["scanner 29", OTHERS]
    assert sum(one["n_patients"] for one in found.values()) == 60
    monkeypatch.setattr("osteon.measures.subgroups.LEAST_PATIENTS", 1)
    found = table(rows, "scanner")
    assert len(found) == MOST_VALUES and [*found][-1] == OTHERS and "scanner 29" in found
    assert sum(one["n_patients"] for one in found.values()) == 60


@pytest.mark.parametrize("variable", ["site", "location", "scanner", "centre", "sequence", "view"])
def test_what_fewer_than_five_patients_share_is_not_printed(rows, variable):
    """Free text may name a patient; one value of four and one of a single patient are planted."""
    number = rows["patient_id"].str[1:].astype(int)
    rows[variable] = "femur"
    rows.loc[number < 4, variable] = "tibia of a cousin of Mrs Jones"
    rows.loc[number == 5, variable] = "femur of Mrs Smith"
    rows.loc[(number > 5) & (number < 11), variable] = "humerus"
    report = evaluate(rows, CONFIG, ALL)
    assert not any(
        name in json.dumps([report.metrics, report.curves, report.comparison.to_json()])
        for name in ("Smith", "Jones")
    )
    found = table(rows, variable)
    assert [*found] == ["femur", "humerus", OTHERS]
    assert found["humerus"]["n_patients"] == found[OTHERS]["n_patients"] == 5
    alone = table(rows[number > 4], variable)
    assert alone[OTHERS]["n_patients"] == 1, "a small rest is shown as such, without a name"


def test_the_columns_are_the_settings(predictions):
    predictions["sex"], predictions["centre"] = "F", "C1"
    config = EvaluationConfig(rounds=50, subgroups=("centre",))
    found = evaluate(predictions, config, ALL).metrics["learners"][ALL]["patient"]["subgroups"]
    assert [one["variable"] for one in found] == ["centre"]
    none = EvaluationConfig(rounds=50, subgroups=())
    made = evaluate(predictions, none, ALL).metrics["learners"][ALL]
    assert made["patient"]["subgroups"] == [] and "subgroups" not in made["image"]
