"""Tables 2 and 3 of the AlexNet-BN paper, by cross-validation, by hold-out, of three classes."""

import pytest

from osteon.claims.published import read_published
from osteon.measures.alexnet_tables import tables
from osteon.measures.by_class import by_class
from osteon.measures.evaluator import evaluate
from osteon.measures.multiclass import multiclass
from osteon.recipes.evaluation import EvaluationConfig

CONFIG = EvaluationConfig(rounds=60)
TWO, THREE = ("benign", "malignant"), ("benign", "intermediate", "malignant")


@pytest.fixture(scope="module")
def published():
    return read_published("femoral_alexnet")


def metrics_of(predictions, reference, skipped=None):
    done = evaluate(predictions, CONFIG, reference, skipped)
    return {
        **done.metrics,
        "classes": [name.removeprefix("prob_") for name in predictions if name[:5] == "prob_"],
        "by_class": by_class(predictions, CONFIG, done).figures,
        "multiclass": multiclass(predictions, CONFIG),
    }


@pytest.fixture
def metrics(of_classes):
    learners = ("googlenet", "alexnet_bn", "alexnet_no_bn")
    skipped = {"alexnet_bn_all": "not asked for"}
    return metrics_of(of_classes(TWO, learners=learners), "googlenet", skipped)


def lines(table, row, column):
    text = table.rows[row][list(table.columns).index(column)]
    return dict(one.split(" ", 1) for one in text.split("\n"))


def test_rows_and_columns_are_the_papers(metrics, published):
    second, third, *_ = tables(metrics, published)
    names = [row[0] for row in second.rows]
    assert names == ["Accuracy", "Sensitivity", "Specificity", "F1 value", "Precision"]
    assert list(second.columns[1:3]) == ["Our method", "GoogLeNet"]
    assert lines(second, 0, "Our method")["printed"] == "98.34"
    assert lines(second, 3, "GoogLeNet")["printed"] == "93.69"
    assert (
        lines(second, 4, "Our method")["printed"] == "–" and "never printed" in second.rows[4][-1]
    )
    assert [row[0] for row in third.rows] == ["AUC"]
    assert lines(third, 0, "GoogLeNet")["printed"] == "0.688"
    assert "Positive: malignant, against benign." in second.note


def test_ours_are_pooled_with_interval_and_by_fold(metrics, published):
    second, third, *_ = tables(metrics, published)
    entry = metrics["learners"]["alexnet_bn"]["patient"]["at_0.5"]["precision"]
    shown = lines(second, 4, "Our method")
    lo, hi = (f"{100 * entry[end]:.2f}" for end in ("lo", "hi"))
    assert shown["pooled"] == f"{100 * entry['value']:.2f} [{lo}, {hi}]"
    folds = entry["folds"]
    assert shown["folds"] == f"{100 * folds['mean']:.2f} ± {100 * folds['sd']:.2f}"
    auroc = metrics["learners"]["googlenet"]["patient"]["scores"]["auroc"]["value"]
    assert lines(third, 0, "GoogLeNet")["pooled"].startswith(f"{auroc:.3f} [")


def test_delong_and_mcnemar_between_the_two(metrics, published):
    table = tables(metrics, published)[2]
    tests = metrics["comparisons"]["alexnet_bn"]["patient"]["tests"]
    delong = next(one for one in tests if one["test"] == "delong")
    first, second = table.rows
    assert first[1:3] == [f"{delong['first']:.3f}", f"{delong['second']:.3f}"]
    mcnemar = next(one for one in tests if one["test"] == "mcnemar" and one["at"] == "at_0.5")
    assert second[1:3] == [str(mcnemar["only_first"]), str(mcnemar["only_second"])]
    assert second[-1] == mcnemar["method"] and "[" in first[3] and "[" in second[3]


def test_no_test_is_made_up_for_another_reference(of_classes, published):
    learners = ("googlenet", "alexnet_bn")
    metrics = metrics_of(of_classes(TWO, learners=learners), "alexnet_bn")
    table = tables(metrics, published)[2]
    assert "Not tested here: the reference is alexnet_bn." in table.note
    assert table.rows[0][1:5] == ["–"] * 4


def test_batch_normalisation_has_a_row_a_variant(metrics, published):
    table = tables(metrics, published)[-1]
    assert [row[0] for row in table.rows] == [
        *("no convolution", "conv1 and conv2 (the paper)", "all convolutions")
    ]
    assert table.columns[4] == "AUC less that of GoogLeNet"
    assert "not tested against one another" in table.note
    assert table.rows[2][-1] == "not asked for" and table.rows[2][1] == "–"
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_the_hold_out_uses_the_same_tables(of_classes, published):
    learners = ("googlenet_holdout", "alexnet_bn_holdout")
    metrics = metrics_of(of_classes(TWO, learners=learners, folds=1), "googlenet_holdout")
    made = tables(metrics, published)
    assert len(made) == 3, "no ablation in this report"
    shown = lines(made[0], 0, "Our method")
    assert set(shown) == {"printed", "pooled"}, "one part has no spread over folds"
    value = metrics["learners"]["alexnet_bn_holdout"]["patient"]["at_0.5"]["accuracy"]["value"]
    assert shown["pooled"].startswith(f"{100 * value:.2f}")


def test_three_classes_have_rows_against_the_rest(of_classes, published):
    metrics = metrics_of(of_classes(THREE, learners=("googlenet", "alexnet_bn")), "googlenet")
    made = {table.title: table for table in tables(metrics, published)}
    rest = made["One class against the rest, threshold 0.5"]
    assert [row[0] for row in rest.rows] == list(THREE)
    entry = metrics["by_class"]["alexnet_bn"]["intermediate"]
    assert lines(rest, 1, "AUC")["ours"].startswith(f"{entry['auroc']['value']:.3f}")
    assert set(lines(rest, 0, "F1 value")) == {"ours", "GoogLeNet"}
    every = made["All classes at once"]
    value = metrics["multiclass"]["googlenet"]["macro_auroc"]["value"]
    assert every.rows[2][2].startswith(f"{value:.3f}")
    assert "malignant, against benign and intermediate" in made["Table 3"].note


def test_a_method_that_did_not_run_leaves_its_printed_number(of_classes, published):
    skipped = {"googlenet": "side too small"}
    metrics = metrics_of(of_classes(TWO, learners=("alexnet_bn",)), "googlenet", skipped)
    second = tables(metrics, published)[0]
    assert second.rows[0][2] == "printed 96.58"
    assert second.rows[0][-1] == "GoogLeNet: side too small"
