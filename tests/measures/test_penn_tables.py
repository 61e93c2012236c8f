"""Tables 1 and 2 hold the printed numbers and ours; nothing is printed beside another target."""

import copy
import re

import pytest

from osteon.claims.published import read_published
from osteon.measures.paper_table import with_interval
from osteon.measures.patch_audit import patch_gap
from osteon.measures.penn_part_tables import architectures
from osteon.measures.penn_tables import NAMES, TABLE2, tables
from osteon.measures.pretraining_curves import by_layer
from tests.reporting.segmentation_sample import history, judged


@pytest.fixture(scope="module")
def printed():
    return read_published("spinal_penn")


@pytest.fixture
def metrics():
    found = copy.deepcopy(judged())
    found["lesions"] = {
        "patients": 24, "prepared_mm": 1.35, "floor_mm": 16.4, "below_floor": 7,
        "positive_patches": 0.052,
    }  # fmt: skip
    found["settings"]["patch_grid"] = {
        "patch": 16,
        "stride": 4,
        "rule": "fraction",
        "fraction": 0.6,
    }
    found["ablations"] = {"reference": "penn", "comparisons": {}}
    return found


def made(metrics, printed, **extras):
    return {one.title: one for one in tables(metrics, printed, extras)}


def find(given, start):
    return next(one for title, one in given.items() if title.startswith(start))


def test_table_1_in_the_paper_s_columns_with_two_of_ours_beside_one_printed_row(metrics, printed):
    table = find(made(metrics, printed), "Table 1, tumour")
    assert table.columns == ("Method", "Precision", "Recall", "Accuracy", "F1", "IoU", "DC", "Note")
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(rows) == [NAMES[name] for name in ("penn", "sae_plain", "multiresunet")]
    for name, paper in (("penn", "penn"), ("sae_plain", "multiresunet_or_plain_sae")):
        own = metrics["learners"][name]["patient"]
        of_paper = printed["table1"][paper]
        for column, key, group in (
            ("Precision", "precision", "patch"),
            ("Accuracy", "accuracy", "patch"),
            ("F1", "f1", "patch"),
            ("IoU", "iou", "pixel"),
            ("DC", "dice", "pixel"),
        ):
            ours = with_interval(own[group][key], 1, 100.0)
            wanted = f"printed {of_paper[key]:.1f}\nours {ours}"
            assert rows[NAMES[name]][column] == wanted
    assert rows["MultiResUNet"]["F1"].startswith("printed 88.2")


def test_table_2_has_every_rival_and_says_who_was_not_run(metrics, printed):
    table = find(made(metrics, printed), "Table 2, tumour")
    assert [row[0] for row in table.rows] == [NAMES[name] for name in TABLE2]
    by_name = {row[0]: row for row in table.rows}
    assert by_name["D-TVNet"][-1] == "not asked for" and by_name["D-TVNet"][1] == "printed 78.3"
    assert by_name["SAU-Net"][-1] == "not run"
    assert "OP-convNet" in table.note and "CT" in table.note


def test_of_another_target_nothing_printed_is_shown(metrics, printed):
    metrics["settings"]["positive_class"] = "vertebra"
    given = made(metrics, printed)
    text = "\n".join(f"{one.as_markdown()} {one.title}" for one in given.values())
    assert not re.search(r"printed \d", text) and ", printed" not in text
    assert "Table 1, vertebra" in text and "tumour" not in text.replace("are of tumours", "")
    assert "not testable" in find(given, "Table 2").note


def test_natural_and_balanced_patches_side_by_side(metrics, printed):
    table = find(made(metrics, printed), "Natural and balanced")
    shown = [row for row in table.rows if row[0] == "PENN"]
    assert shown[0][1] == "natural, 5.2 %"
    shares = [row[1] for row in table.rows[1:4]]
    assert shares == ["6 %", "40 %", "50 %"]
    patch = metrics["learners"]["penn"]["patient"]["patch"]
    assert table.rows[2][4] == with_interval(patch["ppv_at_0.4"], 1, 100.0)
    paper = next(row for row in table.rows if row[0] == "PENN, printed")
    assert paper[1] == "implied, 37.1 %" and paper[4:] == ["90.6", "93.2", "91.3"]
    at_six = table.rows[table.rows.index(paper) + 1]
    assert at_six[1] == "6 %" and at_six[4] == "51.1"


def test_differences_are_the_paired_ones_with_holm(metrics, printed):
    table = find(made(metrics, printed), "Against U-Net")
    assert [row[0] for row in table.rows] == [
        NAMES[n] for n in ("penn", "sae_plain", "multiresunet")
    ]
    test = next(
        one for one in metrics["comparisons"]["penn"]["patient"]["tests"]
        if (one["at"], one["metric"]) == ("pixel", "dice")
    )  # fmt: skip
    assert table.rows[0][1] == with_interval(test, 3)


def test_strata_tell_the_floor_of_the_patch_rule(metrics, printed):
    table = find(made(metrics, printed), "Pixels of tumour by size of the largest tumour")
    assert "below 16.4 mm" in table.note and "18.9 mm" in table.note
    assert "7 of 24 patients" in table.note
    assert table.columns[:3] == ("Largest tumour", "Method", "Patients")
    metrics["lesions"]["floor_mm"] = None  # the centre rule has none
    again = find(made(metrics, printed), "Pixels of tumour by size of the largest tumour")
    assert "mm can make" not in again.note


def test_levels_show_the_first_learner_and_the_reference_only(metrics, printed):
    first = metrics["strata"]["level"][0]
    metrics["strata"]["level"] += [{**first, "learner": "multiresunet"}]
    table = find(made(metrics, printed), "Pixels of tumour by level")
    assert {row[1] for row in table.rows} == {"PENN", "U-Net"}


SPLIT = patch_gap([[7, 1, 3, 9], [9, 1, 1, 9]] * 3, [[6, 1, 4, 9]] * 6, 50, 0) | {
    "patches": 120,
    "folds": 3,
    "target_share": 0.4,
}


def test_the_audit_and_its_gap(metrics, printed):
    table = find(made(metrics, printed, audit=SPLIT), "Audit")
    rows = {row[0]: row for row in table.rows}
    assert rows["Recall"][:3] == ["Recall", "80.0", "60.0"]
    assert rows["Recall"][3].startswith("20.0 [")
    assert "never quote" in table.note and "paired bootstrap over patients" in table.note
    assert "120 patches, 40 % of them of the target, each judged once in 3 folds" in table.note


def test_an_audit_that_was_not_made_has_no_table(metrics, printed):
    given = made(metrics, printed, audit={})
    assert not any(title.startswith("Audit") for title in given)


def test_a_run_of_the_grid_has_no_table_of_rivals(metrics, printed):
    entry = {"value": 0.5, "lo": 0.4, "hi": 0.6}
    metrics |= {
        "learners": {"penn_1x50": metrics["learners"]["penn"]}, "skipped": {}, "strata": {},
        "comparisons": {},
    }  # fmt: skip
    titles = list(made(metrics, printed, grid=[{"layers": 1, "nodes": 50, "dice": entry}]))
    assert titles[0].startswith("Fig. 6") and not any(one.startswith("Table") for one in titles)


def test_pretraining_against_none(metrics, printed):
    layers = {name: by_layer(history(name)) for name in ("penn", "sae_plain")}
    table = find(made(metrics, printed, pretraining=layers), "What pretraining")
    assert table.columns[-2:] == ("Layer: layer_1", "Layer: layer_2")
    assert [row[0] for row in table.rows] == ["PENN", NAMES["sae_plain"]]
    assert table.rows[0][4] == "9 → 2.25"
    assert "Dice" in table.note and "columns do not compare" in table.note


def test_fig_6_as_a_table_in_rising_order():
    entry = {"value": 0.5, "lo": 0.4, "hi": 0.6}
    given = [
        {"layers": 3, "nodes": 200, "dice": entry, "iou": entry},
        {"layers": 1, "nodes": 50, "dice": entry, "iou": entry, "f1": entry},
    ]
    table = architectures(given, "tumour")
    assert [row[:2] for row in table.rows] == [["1", "50"], ["3", "200"]]
    assert table.rows[0][-1] == "50.0 [40.0, 60.0]" and "best by chance" in table.note


def test_each_row_of_the_shares_names_its_method_and_what_stays(metrics, printed):
    rows = made(metrics, printed)["Natural and balanced patches of tumour"].rows
    own = [row for row in rows if row[0] == "PENN"]
    assert [row[1] for row in own] == ["natural, 5.2 %", "6 %", "40 %", "50 %"]
    assert len({tuple(row[2:4]) for row in own}) == 1
    assert all(row[0] and row[2] and row[3] for row in rows)
