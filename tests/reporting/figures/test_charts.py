"""The charts show what the figures say, and only where there are figures."""

import copy
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from osteon.reporting.figures.charts import Chart, build_charts, cast
from tests.reporting import chart_samples as made

ALL = {
    "forest",
    "forest_auroc",
    "bars",
    "roc",
    "precision_recall",
    "confusion",
    "confusion_reference",
    "scores",
    "reliability",
    "calibration",
    "decision",
    "subgroups",
    "age_matched",
    "learning_curves",
    "attributions",
    "gradients",
}


def build(learners: list[str] | None = None, **given) -> dict[str, Chart]:
    parts = {
        "metrics": made.metrics(learners),
        "curves": made.curves(learners),
        "comparison": made.comparison(learners),
        "histories": made.histories(learners),
        "explanation_summary": made.explanations(),
        "published": made.printed(),
        "predictions": made.predictions(learners),
    }
    return build_charts(**(parts | given))


def by_key(chart: Chart) -> dict:
    return {one.key: one for one in chart.series if not one.thin}


def test_everything_given_gives_every_chart() -> None:
    charts = build()
    assert set(charts) == ALL
    assert all(charts[name].name == name for name in charts)


def test_a_chart_without_data_is_left_out() -> None:
    metrics = made.metrics()
    del metrics["age_matched"]
    for levels in metrics["learners"].values():
        del levels["patient"]["calibration"], levels["patient"]["subgroups"]
    assert set(build_charts(metrics, None, None, None)) == {"bars"}


def test_roc_holds_the_points_bands_and_scores_of_every_learner_and_the_control() -> None:
    curves, chart = made.curves(), build()["roc"]
    for name in (*made.names(), "control_clinical_alp_ldh"):
        kind = "controls" if name.startswith("control") else "learners"
        truth, shown = curves[kind][name]["patient"]["roc"], by_key(chart)[name]
        assert list(shown.x) == truth["false_positive_rate"]
        assert list(shown.y) == truth["true_positive_rate"]
        assert (list(shown.lo), list(shown.hi)) == (truth["lo"], truth["hi"])
    auroc = made.metrics()["learners"]["resnet18_all"]["patient"]["scores"]["auroc"]
    assert f"{auroc['value']:.3f} [{auroc['lo']:.3f}" in by_key(chart)["resnet18_all"].detail


def test_headline_and_reference_stand_out_and_are_drawn_last() -> None:
    roles = [one.role for one in build()["roc"].series]
    assert roles[-3:] == ["control", "reference", "headline"]
    assert set(roles[:-3]) == {"other"}
    assert [one.emphasis for one in build()["roc"].series[-2:]] == [True, True]


def test_headline_is_the_learner_with_the_most_inputs_not_the_best() -> None:
    metrics = made.metrics()
    best = metrics["learners"]["resnet18_ldh"]["patient"]["scores"]["auroc"]
    best["value"] = 0.9999
    assert cast(metrics).headline == "resnet18_all"
    assert cast(metrics, "resnet18_alp").headline == "resnet18_alp"
    del metrics["training"]
    found = cast(metrics)
    assert found.headline == "resnet18_ldh"
    assert "after the fact" in found.why


def test_unknown_headline_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="headline: 'resnet18_most' found"):
        build(headline="resnet18_most")


def test_labels_are_words() -> None:
    who = cast(made.metrics())
    names = ("resnet18_alp_ldh", "resnet18_all", "control_age", "control_clinical_gender_age")
    labels = [who.label(name) for name in names]
    assert labels == ["ALP + LDH", "all inputs", "age only", "clinical only: gender + age"]
    assert who.label("resnet18_permuted") == "permuted labels"
    assert (who.positive, who.negative) == ("osteosarcoma", "non-tumour")


def test_prevalence_and_treat_none_are_lines() -> None:
    charts = build()
    (rule,) = charts["precision_recall"].rules
    assert (rule.at, rule.axis, rule.name) == (0.5, "y", "prevalence 0.50")
    assert [(one.at, one.name) for one in charts["decision"].rules] == [(0.0, "treat none")]
    truth = made.curves()["learners"]["resnet18_all"]["patient"]["decision"]["treat_all"]
    assert list(by_key(charts["decision"])["treat_all"].y) == truth


def test_reliability_leaves_out_empty_bins_and_shows_the_temperature() -> None:
    curves = made.curves()
    own = curves["learners"]["resnet18_all"]["patient"]
    own["reliability"][4] |= {"n": 0, "mean_probability": None, "observed": None}
    chart = build(curves=curves)["reliability"]
    points = {one.role: one for one in chart.series}
    filled = [one for one in own["reliability"] if one["n"]]
    assert list(points["headline"].y) == [one["observed"] for one in filled]
    assert list(points["headline"].x) == [one["mean_probability"] for one in filled]
    assert points["headline"].lo is not None and len(points["headline"].lo) == len(filled)
    assert set(points) == {"headline", "reference", "after"}
    own["reliability_after_temperature"] = None
    again = build(curves=curves)["reliability"]
    assert {one.role for one in again.series} == {"headline", "reference"}


def test_confusion_shows_counts_and_shares_of_the_true_class() -> None:
    curves = made.curves()
    counts = {"true_positive": 30, "false_negative": 10, "false_positive": 5, "true_negative": 0}
    curves["learners"]["resnet18_all"]["patient"]["confusion"]["at_0.5"] = counts
    (cells,) = build(curves=curves)["confusion"].series
    assert cells.lo == (0.75, 0.25, 1.0, 0.0)
    assert cells.text[:2] == ("30\n75 % of osteosarcoma", "10\n25 % of osteosarcoma")
    counts["false_positive"] = 0
    (cells,) = build(curves=curves)["confusion"].series
    assert cells.text[3] == "0\nnone in the data"


def test_forest_puts_difference_and_holm_p_beside_each_learner() -> None:
    table, chart = made.comparison(), build()["forest"]
    row = table.set_index("learner").loc["resnet18_all"]
    shown = by_key(chart)["resnet18_all"]
    assert shown.x == (row["auroc_difference"],)
    assert (shown.lo, shown.hi) == (
        (row["auroc_difference_lo"],),
        (row["auroc_difference_hi"],),
    )
    place = int(shown.y[0])
    assert chart.y_labels[place] == "all inputs"
    difference, p = chart.columns
    assert difference.cells[place] == "+0.110 [0.070, 0.150]"
    assert p.cells[place] == "< 0.001"
    assert "resnet18_baseline" not in by_key(chart)
    assert [chart.y_labels[row] for row in sorted(chart.headings)] == ["Learners", "Controls"]
    assert set(by_key(build()["forest_auroc"])) == set(table["learner"])


def test_a_skipped_learner_keeps_its_row_and_says_so() -> None:
    charts = build(comparison=made.comparison(skipped="resnet18_new"))
    for name in ("forest", "forest_auroc"):
        place = charts[name].y_labels.index("new")
        assert charts[name].columns[0].cells[place] == "skipped"
        assert np.isnan(by_key(charts[name])["resnet18_new"].x[0])


def test_a_comparison_read_back_from_csv_draws_the_same(tmp_path) -> None:
    table = made.comparison(skipped="resnet18_new")
    table.to_csv(tmp_path / "comparison.csv", index=False)
    read = pd.read_csv(tmp_path / "comparison.csv")
    for name in ("forest", "forest_auroc"):
        again = build(comparison=read)[name]
        assert again.columns == build(comparison=table)[name].columns


def test_subgroups_star_the_small_ones_and_say_undefined() -> None:
    chart = build()["subgroups"]
    patients, auroc = (
        dict(zip(chart.y_labels, column.cells, strict=True)) for column in chart.columns
    )
    assert patients["F"] == "110 (50)"
    assert auroc["0-9"].endswith("*") and not auroc["F"].endswith("*")
    assert auroc["80+"] == "undefined *"
    assert "fewer than 30" in chart.note
    assert chart.y_labels[0] == "all patients"
    assert "left knee" in chart.y_labels
    assert "sequence" not in chart.y_labels  # one value: the same as all patients


def test_bars_keep_the_order_of_figure_6_with_printed_markers() -> None:
    chart = build()["bars"]
    assert [one.name for one in chart.series[:4]] == ["accuracy", "precision", "recall", "F1"]
    assert chart.x_labels[0] == "baseline" and chart.x_labels[-1] == "all inputs"
    found = made.metrics()["learners"]["resnet18_all"]["image"]["at_0.5"]
    recall = chart.series[2]
    sensitivity = found["sensitivity"]
    assert (recall.y[-1], recall.lo[-1], recall.hi[-1]) == tuple(
        sensitivity[end] for end in ("value", "lo", "hi")
    )
    marks = chart.series[4]
    assert marks.role == "printed" and marks.y[-1] == 0.9685
    assert marks.x[-1] == chart.series[3].x[-1]
    assert chart.y_range[0] == 0.0
    assert len(build(published=None)["bars"].series) == 4


def test_bars_do_not_overlap() -> None:
    chart = build()["bars"]
    edges = sorted(
        (x - one.width / 2, x + one.width / 2) for one in chart.series[:4] for x in one.x
    )
    assert all(right <= left for (_, right), (left, _) in pairwise(edges))


def test_sixteen_learners_have_bars_for_each_backbone() -> None:
    charts = build(made.names(("resnet18", "resnet50")))
    assert charts["bars"].x_labels == charts["bars_resnet50"].x_labels == build()["bars"].x_labels
    assert charts["bars_resnet50"].title.endswith(": resnet50")
    assert "resnet50: ALP + LDH" in charts["forest"].y_labels
    assert {name[:8] for name in by_key(charts["forest"])} == {"resnet18", "resnet50", "control_"}


def test_learning_curves_are_the_mean_and_each_fold_of_those_in_front() -> None:
    histories, chart = made.histories(), build()["learning_curves"]
    table = histories["resnet18_all"]
    mean = by_key(chart)["resnet18_all"]
    assert mean.y == pytest.approx(table.groupby("epoch")["loss"].mean())
    assert mean.x[0] == 1.0
    thin = [one for one in chart.series if one.thin]
    assert len(thin) == 2 * table["fold"].nunique()
    assert {one.role for one in thin} == {"headline", "reference"}


def test_scores_are_shares_of_patients_not_of_images() -> None:
    chart = build()["scores"]
    for one in chart.series:
        assert one.detail == "120 patients"
        assert sum(one.y[:-1]) == pytest.approx(1.0)


def test_attributions_and_gradients_are_apart_since_their_units_differ() -> None:
    charts = build()
    assert charts["gradients"].y_labels == ("gender", "age", "ALP", "LDH")
    (gradient,) = charts["gradients"].series
    assert gradient.x == (0.11, 0.21, 0.82, 0.34)
    assert len(charts["attributions"].series) == 2
    assert "ALP over LDH: gradient 2.400 [1.700, 3.300]" in charts["gradients"].note


def test_one_learner_is_headline_and_reference() -> None:
    learners = ["resnet18_baseline"]
    charts = build(learners, metrics=made.metrics(learners, controls=False))
    assert "confusion" in charts and "confusion_reference" not in charts
    assert [one.role for one in charts["roc"].series] == ["headline"]


def test_one_class_leaves_no_curve_and_does_not_stop() -> None:
    metrics, curves = made.metrics(), made.curves()
    for levels in metrics["learners"].values():
        levels["patient"]["scores"] = {"auroc": made.NOTHING, "auprc": made.NOTHING}
        levels["patient"]["subgroups"] = None
    for levels in curves["learners"].values():
        empty = dict.fromkeys(("true_positive_rate", "precision", "lo", "hi"), [None] * 101)
        levels["patient"]["roc"] |= empty
        levels["patient"]["precision_recall"] |= empty
        levels["patient"]["reliability"] = None
        levels["patient"]["reliability_after_temperature"] = None
    curves["controls"] = {}
    table = made.comparison()
    table[[name for name in table if name.startswith("auroc")]] = None
    charts = build(metrics=metrics, curves=curves, comparison=table)
    assert not {"roc", "precision_recall", "reliability", "forest"} & set(charts)
    assert {"decision", "bars", "confusion"} <= set(charts)


def test_null_intervals_become_nan_not_zero() -> None:
    metrics = made.metrics()
    cell = metrics["learners"]["resnet18_all"]["image"]["at_0.5"]["accuracy"]
    cell |= {"lo": None, "hi": None}
    accuracy = build(metrics=metrics)["bars"].series[0]
    assert np.isnan([accuracy.lo[-1], accuracy.hi[-1]]).all()


def test_inputs_are_left_as_they_were() -> None:
    metrics, curves, table = made.metrics(), made.curves(), made.comparison()
    before = copy.deepcopy((metrics, curves, table.copy()))
    build(metrics=metrics, curves=curves, comparison=table)
    assert (metrics, curves) == before[:2]
    pd.testing.assert_frame_equal(table, before[2])
