import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.reporting.cohort import cohort_tables
from osteon.reporting.cohort_target import target_table
from tests.reporting.card_sample import frames


def slices(shown, folds=2):
    """Three slices a patient; `shown`: 1 for each slice that shows the target."""
    count = len(shown)
    samples = pd.DataFrame(
        {
            "sample_id": [f"s{k}" for k in range(count)],
            "patient_id": [f"P{k // 3}" for k in range(count)],
            "target_share": 0.3 * np.array(shown),
        }
    )
    fold = [(k // 3) % folds for k in range(count)]
    splits = samples[["sample_id"]].assign(fold=fold, split="cv")
    return samples, splits


def values(table, begin):
    return next(row["values"] for row in table["rows"] if row["name"].startswith(begin))


def test_slices_and_patients_are_counted_by_part():
    table = target_table(*slices([1, 1, 0, 0, 0, 0, 1, 0, 0]), "tumour")
    assert table["columns"] == ["all", "fold 0", "fold 1"]
    assert values(table, "slices with tumour") == {
        "all": "3 (33.3 %)",
        "fold 0": "3 (50.0 %)",
        "fold 1": "0 (0.0 %)",
    }
    assert values(table, "patients with tumour")["all"] == "2 (66.7 %)"
    assert values(table, "slices with it a patient")["fold 1"] == "–"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=6, max_size=30), st.integers(1, 3))
def test_parts_add_up(shown, folds):
    table = target_table(*slices(shown, folds), "tumour")
    for begin in ("slices", "slices with tumour"):
        found = values(table, begin if begin != "slices" else "slices")
        numbers = {name: int(text.split(" ")[0]) for name, text in found.items()}
        assert numbers.pop("all") == sum(numbers.values())


def test_a_hold_out_has_its_two_parts_in_order():
    samples, splits = slices([1, 0, 0, 1, 1, 0])
    splits = splits.assign(split=["train"] * 3 + ["test"] * 3, fold=[-1] * 3 + [0] * 3)
    assert target_table(samples, splits, "tumour")["columns"] == ["all", "train", "test"]


def test_shares_of_pixels_stand_where_they_are_known():
    samples, splits = slices([1, 0, 0])
    table = target_table(samples, splits, "tumour")
    assert values(table, "share of tumour in all pixels")["all"] == "10.00"
    assert values(table, "share of tumour in its slices")["all"].startswith("30.0")


def test_patients_of_a_cohort_with_masks_are_not_told_apart_by_class():
    given_ = frames(8)
    label = np.arange(len(given_["samples"])) % 2
    given_["samples"] = given_["samples"].assign(target_share=0.1 * label)
    classes = ["other", "tumour"]
    tables = cohort_tables(**given_, classes=classes, labelled_by="masks")
    names = [row["name"] for row in tables["demographics"]["rows"]]
    assert not [name for name in names if name.startswith("class")]
    assert set(tables["demographics"]["columns"]) & {"tumour", "other"} == set()
    assert tables["class_balance"] == tables["missing"] == []
    assert tables["acquisition"]["columns"] == ["all"]
    assert tables["acquisition"]["differences"] == [] and tables["acquisition"]["note"] == ""
    assert values(tables["target"], "slices with tumour")["all"].startswith(f"{label.sum()} ")
    assert "target" not in cohort_tables(**frames(8))
