"""SMSDNet's Table 1: rows are classes, printed beside ours by patient and by slice."""

import pytest

from osteon.claims.published import read_published
from osteon.measures.by_class import by_class
from osteon.measures.evaluator import evaluate
from osteon.measures.smsdnet_tables import tables
from osteon.recipes.evaluation import EvaluationConfig

CLASSES = ("giant_cell_tumor", "osteosarcoma")
CONFIG = EvaluationConfig(rounds=60)


@pytest.fixture(scope="module")
def published():
    return read_published("spinal_smsdnet")


def metrics_of(predictions, reference, training=None, skipped=None):
    done = evaluate(predictions, CONFIG, reference, skipped, training=training)
    found = by_class(predictions, CONFIG, done, training)
    classes = [name.removeprefix("prob_") for name in predictions if name.startswith("prob_")]
    records = {name: {"folds": [{"parameters": 1234}]} for name in done.metrics["learners"]}
    return {
        **done.metrics,
        "classes": classes,
        "by_class": found.figures,
        "training_part": found.training,
        "training": records,
    }


@pytest.fixture
def metrics(held_out):
    predictions, training = held_out(CLASSES)
    names = {"first": "densenet", "second": "smsdnet"}
    both = [one.assign(learner=one["learner"].map(names)) for one in (predictions, training)]
    return metrics_of(both[0], "densenet", both[1], {"densenet121": "no weights here"})


def lines(table, row, column):
    text = table.rows[row][table.columns.index(column)]
    return dict(one.split(" ", 1) for one in text.split("\n"))


def test_rows_and_columns_are_the_papers(metrics, published):
    fixed, youden, _ = tables(metrics, published)
    for table in (fixed, youden):
        assert [row[0] for row in table.rows] == ["Spinal osteosarcoma", "Giant cell tumor of bone"]
        assert list(table.columns[1:-1]) == [
            *("AUC", "95 % CI", "Accuracy", "Sensitivity", "Specificity")
        ]
    assert lines(fixed, 0, "AUC")["printed"] == "0.814"
    assert lines(fixed, 0, "95 % CI")["printed"] == "0.842 ~ 0.903"
    assert lines(fixed, 1, "Specificity")["printed"] == "0.837"
    assert "resubstitution" in youden.note and "resubstitution" not in fixed.note


def test_ours_are_the_figures_of_the_class(metrics, published):
    fixed, youden, _ = tables(metrics, published)
    entry = metrics["by_class"]["smsdnet"]["giant_cell_tumor"]
    assert lines(fixed, 1, "AUC")["patients"] == f"{entry['auroc']['value']:.3f}"
    image = entry["image"]["scores"]["auroc"]
    assert lines(fixed, 1, "95 % CI")["slices"] == f"{image['lo']:.3f} ~ {image['hi']:.3f}"
    for table, group in ((fixed, "at_0.5"), (youden, "at_youden")):
        wanted = f"{entry[group]['sensitivity']['value']:.3f}"
        assert lines(table, 1, "Sensitivity")["patients"].startswith(wanted)
    assert set(lines(fixed, 0, "Accuracy")) == {"printed", "patients", "slices"}


def test_ablations_name_every_learner(metrics, published):
    table = tables(metrics, published)[-1]
    by_name = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(by_name) == ["SMSDNet", "plain DenseNet, same depth", "DenseNet-121"]
    assert by_name["DenseNet-121"]["Note"] == "no weights here"
    reference = by_name["plain DenseNet, same depth"]
    assert reference["difference from plain DenseNet, same depth"] == "reference"
    assert by_name["SMSDNet"]["parameters"] == "1,234"
    part = metrics["training_part"]["smsdnet"]["osteosarcoma"]["auroc"]
    assert by_name["SMSDNet"]["training part"] == f"{part:.3f}"


def test_parameters_are_left_out_where_no_record_tells_them(metrics, published):
    for records in ({}, {"smsdnet": {"folds": [], "parameters": 1234}}):
        table = tables(metrics | {"training": records}, published)[-1]
        assert "parameters" not in table.columns
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_each_row_of_the_pair_is_its_own_model(held_out, published):
    predictions, training = held_out(CLASSES)
    names = {"first": "pair_osteosarcoma", "second": "pair_giant_cell_tumor"}
    both = [one.assign(learner=one["learner"].map(names)) for one in (predictions, training)]
    metrics = metrics_of(both[0], "pair_giant_cell_tumor", both[1])
    made = tables(metrics, published)
    assert len(made) == 2 and all("Two models" in table.note for table in made)
    for row, name in enumerate(("osteosarcoma", "giant_cell_tumor")):
        entry = metrics["by_class"][f"pair_{name}"][name]
        assert lines(made[1], row, "AUC")["patients"] == f"{entry['auroc']['value']:.3f}"
        wanted = f"{entry['at_youden']['accuracy']['value']:.3f}"
        assert lines(made[1], row, "Accuracy")["patients"].startswith(wanted)


def test_other_classes_have_rows_of_their_own(of_classes, published):
    predictions = of_classes(("chordoma", "osteosarcoma"), learners=("smsdnet",), folds=1)
    fixed = tables(metrics_of(predictions, "smsdnet"), published)[0]
    by_name = {row[0]: row for row in fixed.rows}
    assert by_name["Giant cell tumor of bone"][-1] == "no such class in this cohort"
    assert by_name["Giant cell tumor of bone"][1] == "printed 0.882"
    assert by_name["chordoma"][1].startswith("printed –\npatients 0.")


def test_without_a_threshold_its_table_has_dashes(of_classes, published):
    predictions = of_classes(CLASSES, learners=("smsdnet",), folds=1)
    youden = tables(metrics_of(predictions, "smsdnet"), published)[1]
    assert lines(youden, 0, "Accuracy") == {"printed": "0.821", "patients": "–", "slices": "–"}
    assert "none could be chosen" in youden.note
