"""The WFF paper's tables: printed counts give printed cells, and each extra has its table."""

import numpy as np
import pandas as pd
import pytest

from osteon.claims.contradictions.spinal_wff_age import counts
from osteon.claims.published import read_published
from osteon.measures.describing import plain
from osteon.measures.evaluator import evaluate
from osteon.measures.locations import by_location
from osteon.measures.readers import compare_readers, from_counts
from osteon.measures.series_groups import by_series_group
from osteon.measures.wff_extra_tables import ablations, age_table
from osteon.measures.wff_part_tables import quick
from osteon.measures.wff_tables import ROWS, tables
from osteon.recipes.evaluation import EvaluationConfig
from osteon.reporting.page.sections_claims import paper_table

CONFIG = EvaluationConfig(rounds=50, interval="percentile")
MALIGNANT, BENIGN = 50, 90
SHORT = {"ACC": "acc", "SE": "se", "SP": "sp"}
LAMBDAS = {"det": (1.0, 0.0, 0.0), "det_seq_age": (0.4, 0.55, 0.05)}


@pytest.fixture(scope="module")
def published():
    return read_published("spinal_wff")


def framework(published, learner):
    """A learner's predictions with the printed counts; its scores say the opposite of its votes."""
    ((tp, tn),) = counts(published, published["table3"][learner])
    _, table = from_counts(tp, tn, MALIGNANT, BENIGN, name=learner)
    share = np.where(table["vote"], 0.4, 0.6)
    share = share + 0.001 * np.arange(len(share)) / len(share)
    return table.assign(
        prob_malignant=share, prob_benign=1 - share, sex=None, location="lumbar", age=40.0
    )


@pytest.fixture(scope="module")
def predictions(published):
    return {learner: framework(published, learner) for learner in ROWS}


@pytest.fixture(scope="module")
def metrics(predictions):
    table = pd.concat(predictions.values(), ignore_index=True)
    skipped = {"det_seq_age_n4": "not asked for"}
    return evaluate(table, CONFIG, "det_seq_age", skipped).metrics


@pytest.fixture(scope="module")
def readers(published):
    parts = []
    for row, printed in published["table4"].items():
        doctor, _, mode = row.partition("_")
        if doctor != "wff":
            ((tp, tn),) = counts(published, printed)
            seconds = published["table4_seconds"][row]
            given = {"name": doctor.upper(), "with_age": mode == "mri_age", "seconds": seconds}
            said, _ = from_counts(tp, tn, MALIGNANT, BENIGN, **given)
            who = published["observers"][doctor]
            parts.append(said.assign(role=who["role"], experience_years=who["experience_years"]))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def both(predictions):
    return {"without age": predictions["det_seq"], "with age": predictions["det_seq_age"]}


@pytest.fixture(scope="module")
def extras(predictions, readers, both):
    age = {
        "bins": ["0-39", "40-79", "80+"],
        "edges": [0.0, 40.0, 80.0, None],
        "benign": [20, 10, 0],
        "malignant": [2, 12, 5],
        "share": [2 / 22, 12 / 22, 1.0],
        "probability": [0.125, 0.542, 0.857],
        "smoothing": "laplace",
    }
    judged = {"accuracy": 0.8, "auroc": None}
    weights = {"lambdas": [0.4, 0.55, 0.05], "oof": judged, "test": judged}
    return {
        "lambdas": LAMBDAS,
        "readers": compare_readers(readers, both),
        "locations": by_location(both, readers),
        "groups": by_series_group({"T1": predictions, "T2": predictions, "all": predictions}),
        "optimism": {"chosen": weights, "gap": 0.0123, "ties": 3, "ties_test_accuracy": [0.7, 0.8]},
        "ablations": {"stacking": {"what": "λ by stacking", "accuracy": 0.75, "note": "logistic"}},
        "times": {
            "stages": {"detector": {"n": 9, "mean": 0.5, "median": 0.4}, "age": 0.001},
            "modes": {"with age": {"n": 9, "mean": 0.7, "median": 0.6}},
            "device": "a GPU",
        },
        "age_table": age,
    }


@pytest.fixture(scope="module")
def made(metrics, published, extras):
    return {one.title: one for one in tables(metrics, published, extras)}


def row_of(table, name):
    (found,) = [row for row in table.rows if row[0] == name]
    return dict(zip(table.columns, found, strict=True))


def lines(text):
    return dict(one.split(" ", 1) for one in text.split("\n"))


def test_printed_counts_give_all_twelve_rows_to_the_printed_digit(made, published):
    third = made["Table 3, fusion methods"]
    for learner, name in ROWS.items():
        row = row_of(third, name)
        for column, key in SHORT.items():
            shown = lines(row[column])
            assert shown["printed"] == f"{published['table3'][learner][key]:.3f}", (name, column)
            assert shown["ours"].split(" ")[0] == shown["printed"], (name, column)
    fourth = made["Table 4, readers and framework"]
    for row, printed in published["table4"].items():
        doctor, _, mode = row.partition("_")
        word = "MRI-Age" if mode == "mri_age" else "MRI"
        learner = {"mri": "Det-Seq", "mri_age": "Det-Seq-Age"}[mode]
        name = f"{learner if doctor == 'wff' else doctor.upper()} ({word})"
        found = [one for one in fourth.rows if one[0] == name]
        cells = [dict(zip(fourth.columns, one, strict=True)) for one in found]
        for column, key in SHORT.items():
            shown = lines("\n".join(one[column] for one in cells))
            assert shown["ours"].split(" ")[0] == shown["printed"] == f"{printed[key]:.3f}", row


def test_table_3_has_both_weights_and_the_tests_have_their_own(made, metrics):
    third = made["Table 3, fusion methods"]
    assert [row[0] for row in third.rows] == list(ROWS.values())
    assert lines(row_of(third, "Det-Seq-Age")["λ"]) == {
        "printed": "0.45/0.45/0.1",
        "ours": "0.4/0.55/0.05",
    }
    assert lines(row_of(third, "Seq")["λ"]) == {"printed": "–"}
    against = made["Fusion methods against Det-Seq-Age (the paper has no test)"]
    row = row_of(against, "Det-Seq")
    tests = metrics["comparisons"]["det_seq"]["patient"]["tests"]
    mcnemar = next(one for one in tests if (one["test"], one["at"]) == ("mcnemar", "at_0.5"))
    assert row["Only this one right"] == str(mcnemar["only_first"]) == "1"
    assert row["Only Det-Seq-Age right"] == str(mcnemar["only_second"]) == "4"
    assert "Det-Seq-Age" not in [one[0] for one in against.rows]


def test_a_row_with_the_printed_weights_stands_below(predictions, published, metrics):
    table = pd.concat(predictions.values(), ignore_index=True)
    other = predictions["det_seq_age"].assign(learner="det_seq_age_published")
    found = evaluate(pd.concat([table, other]), CONFIG, "det_seq_age").metrics
    weights = {"det_seq_age_published": {"lambdas": [0.45, 0.45, 0.1]}}
    third = tables(found, published, {"lambdas": weights})[0]
    assert third.rows[-1][0] == "Det-Seq-Age, printed λ"
    shown = lines(row_of(third, "Det-Seq-Age, printed λ")["λ"])
    assert shown == {"printed": "–", "ours": "0.45/0.45/0.1"}


def test_without_readers_the_printed_doctors_stand_untested(metrics, published):
    fourth = tables(metrics, published, {})[2]
    assert len(fourth.rows) == 8 and "No reader called" in fourth.note
    row = row_of(fourth, "D1 (MRI-Age)")
    assert (row["Time, s"], row["ACC"], row["p"]) == ("printed 41.75", "printed 0.686", "")
    assert row["Note"] == "radiologist, 18 years; not tested: other patients"
    assert row_of(fourth, "Det-Seq (MRI)")["Time, s"] == "printed 0.850"


def test_the_page_sets_printed_and_ours_under_each_other(made):
    for title in ("Table 3, fusion methods", "Table 4, readers and framework"):
        shown = paper_table(made[title].as_json())
        assert not shown.sortable and list(shown.columns[:2]) == [made[title].columns[0], ""]
        rows = [row for group in shown.groups for row in group.rows]
        assert len(rows) == 2 * len(made[title].rows), "a printed line and one of ours"


def test_readers_have_times_and_tests(made):
    fourth = made["Table 4, readers and framework"]
    (ours,) = [one for one in fourth.rows if one[0] == "D2 (MRI)" and "ours" in one[2]]
    row = dict(zip(fourth.columns, ours, strict=True))
    assert row["Time, s"] == "ours 51.68 (median 51.68)" and row["p"].startswith("ours ")
    assert "spine surgeon; 24 years; 140 patients; only the framework right" in row["Note"]
    timed = row_of(fourth, "Det-Seq-Age (MRI-Age)")["Time, s"]
    assert lines(timed) == {"printed": "0.742", "ours": "0.700 (median 0.600)"}


def test_every_extra_has_its_table_and_none_without(made, metrics, published):
    assert len(tables(metrics, published, {})) == 4, (
        "three tables, and N as a learner was asked for"
    )
    assert list(made)[3:] == [
        "Slices of the sequence model",
        "Optimism of the weights (the paper has none)",
        "Ablations (the paper has none)",
        "Time of a diagnosis by stage",
        "Fig. 5 as a table: malignant tumours by age",
        "Fig. 6 as a table: errors by location, without age",
        "Fig. 6 as a table: errors by location, with age",
        "Fig. 7 as a table: groups of sequences",
        "Fig. 7: gain of accuracy between groups of sequences",
    ]
    for table in made.values():
        assert table.rows and all(len(row) == len(table.columns) for row in table.rows), table.title


def test_slices_say_what_is_printed_and_why_one_is_absent(made):
    rows = {row[0]: row for row in made["Slices of the sequence model"].rows}
    assert rows["N = 16"][-1] == "printed: better" and rows["N = 16"][1].startswith("0.693 [")
    assert rows["N = 4"][-1] == "seq_n4: not run; det_seq_age_n4: not asked for"


def test_optimism_ablations_and_times(made):
    optimism = made["Optimism of the weights (the paper has none)"]
    assert optimism.rows == [["chosen out of fold", "0.4/0.55/0.05", "0.800", "–", "0.800", "–"]]
    assert "by 0.012 of accuracy" in optimism.note and "from 0.700 to 0.800" in optimism.note
    (row,) = made["Ablations (the paper has none)"].rows
    assert row == ["λ by stacking", "0.750", "–", "–", "–", "logistic"]
    stages = made["Time of a diagnosis by stage"]
    assert stages.rows[:2] == [["detector", "9", "0.500", "0.400"], ["age", "–", "–", "0.001"]]
    assert "Measured on a GPU." in stages.note


def test_the_age_table_stands_beside_the_printed_words(made):
    rows = made["Fig. 5 as a table: malignant tumours by age"].rows
    assert [row[-1] for row in rows] == ["–", "about 0.5", "about 1.0"]
    assert rows[0][3].startswith("0.091 [0.025") and rows[2][4] == "0.857"


def test_locations_and_groups(made, extras):
    table = made["Fig. 6 as a table: errors by location, with age"]
    assert list(table.columns[3:]) == ["WFF, errors", *(f"D{k}, errors" for k in (1, 2, 3))]
    assert table.rows[0][:4] == ["lumbar", "174", "140", "25 of 140: 0.179 [0.124, 0.250]"]
    groups = made["Fig. 7 as a table: groups of sequences"]
    assert set(lines(groups.rows[0][1])) == {"ACC", "AUC"}
    gain = made["Fig. 7: gain of accuracy between groups of sequences"]
    assert gain.rows[0][1] == "+0.0 (n = 140, p 1.000)" and "3 to 8 points" in gain.note


def test_permuted_labels_stand_in_the_note(metrics, published):
    entry = {"patient": {"scores": {"auroc": {"value": 0.51, "lo": 0.4, "hi": 0.6}}}}
    found = metrics | {"permuted_labels": {"learners": {"seq_permuted": entry}}}
    assert "AUC 0.510 [0.400, 0.600]" in tables(found, published, {})[0].note


def test_the_extras_are_json(extras):
    for key in ("readers", "locations", "groups"):
        assert plain(extras[key]) == extras[key]


def test_made_up_readers_are_called_so_first_of_all(made, metrics, published, extras):
    real = made["Table 4, readers and framework"]
    assert "No person" not in real.note and not any("made up" in row[0] for row in real.rows)
    phantom = metrics | {"data": {"source": "phantom"}}
    fourth = tables(phantom, published, extras)[2]
    assert fourth.note.split(". ", 1)[1].startswith("No person read these images")
    ours = [row[0] for row in fourth.rows if "made up" in row[0]]
    assert ours == [f"D{k}, made up ({word})" for word in ("MRI", "MRI-Age") for k in (1, 2, 3)]


def test_an_age_group_beyond_80_has_both_printed_words(extras, published):
    table = extras["age_table"] | {
        "bins": ["0-29", "30-69", "70+"],
        "edges": [0.0, 30.0, 70.0, None],
    }
    rows = age_table(table, published).rows
    assert [row[-1] for row in rows] == ["–", "–", "about 0.5, above 80 about 1.0"]


def test_the_shift_of_prevalence_has_its_table(metrics, published, extras):
    one = {"patients": 10, "positive": 6, "called": 8, "sensitivity": 1.0, "specificity": 0.5}
    other = {"patients": 20, "positive": 5, "called": 0, "sensitivity": 0.0, "specificity": None}
    given = extras | {"prevalence": {"cv": one, "test": other}}
    found = {table.title: table for table in tables(metrics, published, given)}
    table = found["Malignant tumours in both parts (shift of prevalence)"]
    assert table.rows == [
        ["training part, out of fold", "10", "6 (60.0 %)", "8 (80.0 %)", "1.000", "0.500"],
        ["test part", "20", "5 (25.0 %)", "0 (0.0 %)", "0.000", "–"],
    ]
    assert "1.50 to one" in table.note and "0.33 to one" in table.note
    assert "265 of 445 against 50 of 140" in table.note


def test_a_quicker_configuration_is_said_and_the_paper_s_is_not():
    network = {"backbone": "resnet18", "dcn": "none"}
    small = {
        "detector": {"recipe": {"network": network}},
        "sequence": {"recipe": {"network": {"arch": "resnext3d"}, "side": 48}, "folds": [{}] * 3},
    }
    said = quick({"training": small})
    for words in (
        "resnet18",
        "no deformable",
        "smaller resnext3d",
        "48 px",
        "2 inner folds, not 4",
    ):
        assert words in said, words
    network = {"backbone": "resnext101_32x4d", "dcn": "v1"}
    full = {
        "detector": {"recipe": {"network": network}},
        "sequence": {
            "recipe": {"network": {"arch": "resnext3d_101"}, "side": 112},
            "folds": [{}] * 5,
        },
    }
    assert quick({"training": full}) == quick({"training": {}}) == ""


def test_ablations_promise_no_interval_that_is_not_there(made):
    assert "without intervals" in made["Ablations (the paper has none)"].note
    interval = {"accuracy": {"value": 0.7, "lo": 0.6, "hi": 0.8}}
    assert "with 95 % intervals" in ablations({"a": interval}).note
