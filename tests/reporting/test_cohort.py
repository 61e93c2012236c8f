import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osteon.reporting.cells import age_band, grouped, median_age
from osteon.reporting.cohort import cohort_tables, filling
from tests.reporting.card_sample import CANARY, flow, frames, missingness


def tables_of(made: dict, **more) -> dict:
    return cohort_tables(**made, missingness=missingness(made["patients"]), **more)


def count(cell: str) -> int:
    return int(cell.split(" ")[0])


def rows_named(table: dict, begin: str) -> list[dict]:
    return [row["values"] for row in table["rows"] if row["name"].startswith(begin)]


@settings(max_examples=12, deadline=None)
@given(st.integers(4, 20), st.integers(2, 4), st.integers(0, 10_000))
def test_counts_add_up_in_every_column(patients: int, folds: int, seed: int) -> None:
    made = frames(patients, folds, seed)
    tables = tables_of(made)
    demographics = tables["demographics"]
    total = rows_named(demographics, "patients")[0]
    for column in demographics["columns"]:
        for begin in ("class: ", "age: ", "sex: ", "site: "):
            found = [count(values[column]) for values in rows_named(demographics, begin)]
            assert sum(found) == int(total[column])
    folds_there = [name for name in demographics["columns"] if name.startswith("fold ")]
    assert sum(int(total[name]) for name in folds_there) == int(total["all"]) == patients
    acquisition = tables["acquisition"]
    images = rows_named(acquisition, "images")[0]
    for column in acquisition["columns"]:
        for begin in ("view: ", "manufacturer: ", "transfer syntax: "):
            found = [count(values[column]) for values in rows_named(acquisition, begin)]
            assert sum(found) == int(images[column])
    assert int(images["all"]) == len(made["samples"])
    balance = tables["class_balance"]
    assert sum(count(one["values"]["images"]) for one in balance[:-1]) == len(made["samples"])


def test_flow_is_ordered_and_ends_with_the_judged() -> None:
    made = frames(8)
    steps = tables_of(made, flow=flow())["flow"]
    assert [one["step"] for one in steps][0::7] == ["received", "judged"]
    assert (steps[-1]["patients"], steps[-1]["images"]) == (8, len(made["samples"]))
    by_step = {one["step"]: one["images"] for one in steps}
    kept = by_step["received"] - by_step["left out on purpose"] - by_step["refused"]
    assert kept == by_step["kept"]


def test_a_train_part_is_counted_apart_from_the_judged() -> None:
    made = frames(8)
    train = made["splits"]["patient_id"].isin(made["patients"]["patient_id"][:4])
    made["splits"]["fold"] = np.where(train, -1, 0)
    made["splits"]["split"] = np.where(train, "train", "test")
    tables = tables_of(made)
    assert tables["demographics"]["columns"][-2:] == ["train", "test"]
    assert [one["patients"] for one in tables["flow"]] == [8, 4, 4]


def test_an_image_level_split_is_called_an_audit() -> None:
    made = frames(8, seed=1)
    made["splits"]["fold"] = np.arange(len(made["splits"])) % 2
    assert "audit" in tables_of(made)["flow"][-1]["note"]


def test_refusals_carry_count_and_advice_the_most_frequent_first() -> None:
    refused = tables_of(frames(), flow=flow())["refused"]
    assert [(one["code"], one["count"]) for one in refused] == [
        ("truncated", 2),
        ("box_outside_image", 1),
        ("localizer", 1),
    ]
    assert all(one["advice"] for one in refused)


def test_refusals_come_from_the_quarantine_where_there_is_no_flow() -> None:
    quarantine = pd.DataFrame({"file_id": ["F1", "F2"], "code": ["truncated"] * 2})
    refused = tables_of(frames(), quarantine=quarantine)["refused"]
    assert [(one["code"], one["count"]) for one in refused] == [("truncated", 2)]


@given(st.lists(st.floats(0, 120) | st.none(), min_size=1, max_size=12))
def test_no_age_above_89_is_ever_printed(ages: list) -> None:
    column = pd.Series(ages, dtype="float64")
    text = median_age(column) + " ".join(age_band(column).dropna())
    assert all(int(number) <= 89 for number in re.findall(r"\d+", text.replace("90+", "")))


def test_ages_above_89_are_hidden_in_the_tables() -> None:
    made = frames()
    made["patients"]["age"] = 97.0
    text = json.dumps(tables_of(made)["demographics"])
    assert "97" not in text
    assert "90+ [90+ to 90+]" in text


def test_nothing_that_identifies_gets_in() -> None:
    made = frames(12)
    made["patients"].loc[0, "site"] = f"femur of Dr {CANARY}"
    made["images"].loc[0, "manufacturer"] = CANARY
    quarantine = pd.DataFrame(
        {"file_id": ["F00"], "patient_id": ["P00"], "code": ["truncated"], "reason": [CANARY]}
    )
    text = json.dumps(tables_of(made, flow=flow(), quarantine=quarantine))
    assert CANARY not in text
    for column, frame in (("patient_id", "patients"), ("sample_id", "samples")):
        assert not any(name in text for name in made[frame][column])
    assert not any(name in text for name in made["images"]["file_id"])


@given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=30))
def test_values_of_fewer_than_three_patients_are_never_named(values: list) -> None:
    column = pd.Series(values, dtype="object")
    patients = pd.Series(range(len(values)))
    shown = grouped(column, patients)
    assert len(shown) == len(values)
    for value in ("a", "b", "c"):
        assert (shown == value).sum() == (values.count(value) if values.count(value) > 2 else 0)


def test_many_images_of_one_patient_do_not_make_a_value_common() -> None:
    shown = grouped(pd.Series(["rare"] * 9), pd.Series(["P1"] * 9))
    assert set(shown) == {"other (1 value)"}


def test_missing_values_are_counted_by_class_with_their_difference() -> None:
    made = frames(8)
    made["patients"]["alp"] = np.where(made["patients"]["label"] == "osteosarcoma", np.nan, 80.0)
    rows = {one["name"]: one for one in tables_of(made)["missing"]}
    assert rows["ALP: missing"]["values"] == {
        "non_tumour": "0 of 4 (0.0 %)",
        "osteosarcoma": "4 of 4 (100.0 %)",
        "all": "4 of 8 (50.0 %)",
    }
    assert rows["ALP: missing"]["points"] == 100.0


@pytest.mark.parametrize(
    ("policy", "words"),
    [("impute", "0.5"), ("indicator", "says that it was missing"), ("drop", "left out")],
)
def test_the_policy_for_missing_values_is_told(policy: str, words: str) -> None:
    assert words in filling("alp", {"missing": policy})
    clinical = {"missing": policy, "alp_range": [45.0, 125.0]}
    filled = {
        one["name"]: one["values"] for one in tables_of(frames(), clinical=clinical)["filled"]
    }
    assert words in filled["ALP"]["handling"]
    assert filled["ALP"]["range"].startswith("45 to 125 U/L")


def test_a_device_that_one_class_has_alone_is_the_largest_difference() -> None:
    differences = tables_of(frames(12))["acquisition"]["differences"]
    assert (differences[0]["attribute"], differences[0]["points"]) == ("manufacturer", 100.0)
    points = {one["attribute"]: one["points"] for one in differences}
    assert points["modality"] == points["laterality"] == 0.0


def test_the_difference_is_between_classes_not_between_values() -> None:
    made = frames(60)
    for name, views in (("non_tumour", "AAAAABBBCC"), ("osteosarcoma", "AABBBBCCCC")):
        mask = (made["samples"]["class"] == name).to_numpy()
        made["images"].loc[mask, "view"] = [views[n % 10] for n in range(int(mask.sum()))]
    found = {o["attribute"]: o for o in tables_of(made)["acquisition"]["differences"]}["view"]
    assert found["value"] == "A" and 25 < found["points"] < 35


def test_transfer_syntaxes_are_named_and_spacings_are_bands() -> None:
    names = [one["name"] for one in tables_of(frames(12))["acquisition"]["rows"]]
    assert "transfer syntax: Explicit VR Little Endian" in names
    assert "pixel spacing, mm: 0.1 to 0.2" in names


def test_headers_that_say_nothing_are_not_stated() -> None:
    made = frames(12)
    made["images"]["pixel_spacing_mm"] = None
    made["images"]["view"] = [None] * len(made["images"])
    tables = tables_of(made)
    names = [one["name"] for one in tables["acquisition"]["rows"]]
    assert not any(name.startswith(("view", "pixel spacing")) for name in names)
    json.dumps(tables)


def test_tables_survive_json() -> None:
    tables = tables_of(frames(), flow=flow(), clinical={"missing": "impute"})
    assert json.loads(json.dumps(tables, allow_nan=False)) == tables


def test_chosen_slices_are_a_step_and_what_was_given_is_kept() -> None:
    made = frames(8)
    slices = {"choice": "even", "series": 8, "frames": 300, "chosen": len(made["samples"])}
    tables = tables_of(made, preparation={"slices": slices})
    steps = {one["step"]: one for one in tables["flow"]}
    assert (steps["chosen by rule"]["images"], steps["chosen by rule"]["patients"]) == (
        len(made["samples"]),
        8,
    )
    assert tables["preparation"]["slices"]["frames"] == 300
    slices["frames"] = slices["chosen"]
    again = tables_of(made, preparation={"slices": slices})
    assert "chosen by rule" not in [one["step"] for one in again["flow"]]


def test_a_table_that_fixes_the_parts_says_so() -> None:
    made = frames(8)
    assert tables_of(made)["parts_fixed"] is False
    made["patients"]["split"] = ["train"] * 4 + ["test"] * 4
    assert tables_of(made)["parts_fixed"] is True
