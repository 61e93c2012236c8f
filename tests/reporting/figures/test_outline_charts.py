import copy

import numpy as np
import pytest

from osteon.reporting.contents import CHARTS, SEGMENTATION_CHARTS, charts_for
from osteon.reporting.figures import draw, interactive
from osteon.reporting.figures.cast import AFTERWARDS_DICE, cast
from osteon.reporting.figures.charts import build_charts
from osteon.reporting.figures.outline_charts import trained
from tests.reporting import segmentation_sample as made


def charts(**changes):
    metrics = copy.deepcopy(made.judged()) | changes
    histories = {name: made.history(name) for name in made.LEARNERS}
    return build_charts(metrics, made.curves(), None, histories, headline="penn")


def test_a_run_that_outlines_has_these_charts_and_no_others() -> None:
    assert tuple(charts()) == SEGMENTATION_CHARTS == charts_for(made.judged())
    assert charts_for({}) == CHARTS


@pytest.mark.parametrize("name", SEGMENTATION_CHARTS)
def test_each_chart_can_be_drawn_by_both_libraries(name: str) -> None:
    chart = charts()[name]
    assert "<svg" in draw.svg(chart)
    assert len(interactive.figure(chart).data)


def test_dice_stands_with_its_interval() -> None:
    chart = charts()["forest_dice"]
    own = made.judged()["learners"]["penn"]["patient"]["pixel"]["dice"]
    point = next(one for one in chart.series if one.key == "penn")
    assert (point.x[0], point.lo[0], point.hi[0]) == (own["value"], own["lo"], own["hi"])
    assert point.role == "headline" and chart.x_range[0] >= 0


def test_differences_are_of_all_but_the_reference_and_by_dice() -> None:
    chart = charts()["forest"]
    assert [one.key for one in chart.series] == ["penn", "sae_plain", "multiresunet"]
    tests = made.judged()["comparisons"]["penn"]["patient"]["tests"]
    dice = next(t for t in tests if (t["at"], t["metric"]) == ("pixel", "dice"))
    assert chart.series[0].x[0] == dice["value"]
    assert "forest" not in charts(comparisons={})


def test_every_patient_is_a_point_and_the_median_a_diamond() -> None:
    chart = charts()["dice_by_patient"]
    penn = next(one for one in chart.series if one.key == "penn")
    assert len(penn.x) == made.PATIENTS and penn.x[0] == 0.0
    assert all(abs(y) < 0.5 for y in penn.y)
    median = next(one for one in chart.series if one.key == "median")
    assert median.x[0] == pytest.approx(np.median(made.curves()["dice_by_patient"]["penn"]))


def test_the_cut_marks_the_threshold_that_was_given() -> None:
    chart = charts()["cut"]
    assert chart.rules[0].at == 0.5 and {one.key for one in chart.series} == {"dice", "iou"}


def test_pretraining_is_no_part_of_the_learning_curves() -> None:
    found = charts()
    lines = [one for one in found["learning_curves"].series if one.key == "penn"]
    assert all(len(line.x) == 3 for line in lines)
    assert [one.key for one in found["pretraining"].series] == ["layer_1", "layer_2"]
    assert found["pretraining"].series[0].y[0] == 9.0
    assert len(trained(made.history("unet"))) == len(made.history("unet"))


def test_without_a_named_headline_the_highest_dice_is_taken_and_said() -> None:
    metrics = copy.deepcopy(made.judged())
    metrics["settings"]["reference"] = "penn"
    who = cast(metrics)
    assert (who.headline, who.why) == ("unet", AFTERWARDS_DICE)
