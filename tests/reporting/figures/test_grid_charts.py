"""Confusion over all classes, a paper's own grids, and curves of single classes."""

import copy

import numpy as np
import pytest

from osteon.reporting.figures import draw, interactive
from osteon.reporting.figures.charts import Chart, build_charts
from osteon.reporting.figures.grid_charts import paper_figures
from tests.reporting import chart_samples as made

CLASSES = ["benign", "intermediate", "malignant"]
LEARNER = "alexnet_bn"


def parts() -> dict:
    metrics = made.metrics([LEARNER, "googlenet"]) | {"classes": CLASSES}
    confusion = [[8, 1, 1], [0, 5, 0], [0, 0, 0]]
    metrics["multiclass"] = {LEARNER: {"classes": CLASSES, "confusion": confusion}}
    metrics["by_class"] = {LEARNER: {"benign": {"auroc": made.value(0.8)}}}
    metrics["training_part"] = {LEARNER: {"benign": {"auroc": 0.97, "optimism": 0.17}}}
    held_out, training = (made.curve(*made.cohort(strength, 1)) for strength in (0.8, 2.0))
    both = {"held_out": {"roc": held_out["roc"]}, "training": {"roc": training["roc"]}}
    curves = made.curves([LEARNER, "googlenet"]) | {"by_class": {LEARNER: {"benign": both}}}
    return {"metrics": metrics, "curves": curves}


def build(**changed) -> dict[str, Chart]:
    return build_charts(**(parts() | changed), comparison=None, histories=None, headline=LEARNER)


def grid(**changed) -> dict:
    words = {"name": "attention", "title": "Attention", "note": "n", "x": "from", "y": "to"}
    values = {"values": [[0.1, None, 0.9]], "x_labels": ["a", "b", "c"], "y_labels": ["one"]}
    return words | values | changed


def test_confusion_of_all_classes_shows_counts_and_shares_of_the_truth() -> None:
    chart = build()["confusion_classes"]
    (cells,) = chart.series
    assert cells.text[:3] == ("8\n80 %", "1\n10 %", "1\n10 %")
    assert cells.text[-1] == "0\n–"
    assert (cells.x[1], cells.y[1]) == (1.0, 0.0)
    assert np.isnan(cells.lo[-1]) and cells.lo[0] == 0.8
    assert chart.x_labels == chart.y_labels == tuple(CLASSES)


def test_two_classes_have_the_old_matrix_alone() -> None:
    metrics = parts()["metrics"]
    two = {"classes": CLASSES[:2], "confusion": [[1, 0], [0, 1]]}
    metrics["multiclass"] = {LEARNER: two}
    charts = build(metrics=metrics)
    assert "confusion_classes" not in charts and "confusion" in charts


def test_a_class_has_its_held_out_curve_over_that_of_its_training_part() -> None:
    chart = build()["roc_class_benign"]
    training, held_out = chart.series
    truth = parts()["curves"]["by_class"][LEARNER]["benign"]
    assert list(held_out.y) == truth["held_out"]["roc"]["true_positive_rate"]
    assert list(training.y) == truth["training"]["roc"]["true_positive_rate"]
    assert (held_out.role, held_out.detail) == ("headline", "0.800 [0.760, 0.840]")
    assert (training.name, training.detail) == ("training part", "0.970")


def test_a_class_without_a_training_part_has_one_curve() -> None:
    curves = copy.deepcopy(parts()["curves"])
    del curves["by_class"][LEARNER]["benign"]["training"]
    (line,) = build(curves=curves)["roc_class_benign"].series
    assert line.key == "held_out"
    curves["by_class"][LEARNER]["benign"]["held_out"]["roc"] = None
    assert "roc_class_benign" not in build(curves=curves)


def test_a_paper_s_grid_keeps_its_numbers_and_its_gaps() -> None:
    (chart,) = paper_figures([grid()])
    assert chart.name == "paper_attention" and chart.matrix
    assert chart.series[0].text == ("0.10", "", "0.90")
    assert np.isnan(chart.series[0].lo[1])
    assert set(build(paper_figures=[grid()])) == set(build()) | {"paper_attention"}


@pytest.mark.parametrize(
    "wrong", [{"values": [[0.1, 0.2]]}, {"values": []}, {"y_labels": [], "values": []}]
)
def test_a_grid_of_another_shape_is_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ValueError, match="'attention' has rows of"):
        paper_figures([grid(**wrong)])


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 4), (12, 25)])
def test_grids_of_any_size_are_drawn_within_the_page(rows: int, columns: int) -> None:
    names = {"x_labels": [f"layer {k}" for k in range(columns)]}
    names |= {"y_labels": [f"layer {k}" for k in range(rows)]}
    (chart,) = paper_figures([grid(values=[[0.5] * columns] * rows, **names)])
    drawn = draw.figure(chart)
    assert drawn.get_size_inches()[0] <= 6.41
    assert len(drawn.axes[0].patches) == rows * columns
    assert np.shape(interactive.figure(chart).data[0].z) == (rows, columns)


def test_the_legend_of_a_small_chart_lies_inside_it() -> None:
    drawn = draw.figure(build()["roc_class_benign"])
    drawn.canvas.draw()
    legend, axes = drawn.axes[0].get_legend().get_window_extent(), drawn.axes[0].get_window_extent()
    assert axes.contains(*legend.min) and axes.contains(*legend.max)


def test_scores_of_three_classes_have_a_line_each() -> None:
    predictions = made.predictions([LEARNER]).rename(
        columns={"prob_osteosarcoma": "prob_malignant"}
    )
    predictions["label"] = predictions["patient_id"].str[1:].astype(int) % 3
    metrics = parts()["metrics"]
    metrics["settings"]["positive_class"] = "malignant"
    chart = build(metrics=metrics, predictions=predictions)["scores"]
    assert [one.name for one in chart.series] == CLASSES
    assert chart.series[-1].role == "headline"
    assert len({one.role for one in chart.series}) == 3


def test_a_long_name_of_a_class_stays_out_of_the_cells() -> None:
    metrics = parts()["metrics"]
    metrics["settings"]["negative_classes"] = ["benign", "intermediate"]
    (cells,) = build(metrics=metrics)["confusion"].series
    assert all(text.endswith(" % of these") for text in cells.text[2:])
    assert all(text.endswith(" % of osteosarcoma") for text in cells.text[:2])
