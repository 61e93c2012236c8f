"""Reporting as a pipeline, for learners without a table of predictions."""

import pytest

from osteon.pipelines import reporting
from osteon.pipelines.evaluation.nodes import STATEMENTS
from osteon.pipelines.reporting import nodes
from osteon.reporting.assembly import learner_of
from osteon.reporting.contents import CHARTS, SEGMENTATION_CHARTS
from tests.reporting import sample
from tests.reporting import segmentation_sample as made


def wired(**more):
    return reporting.create_pipeline("row", "row", ["penn", "unet"], "penn", **more)


def inputs(pipeline, name):
    return next(one for one in pipeline.nodes if one.name == f"row.{name}").inputs


def charts_of(pipeline):
    return {one.removeprefix("row.chart_") for one in pipeline.all_outputs() if "chart_" in one}


def test_a_row_that_outlines_reads_neither_predictions_nor_explanations():
    pipeline = wired(predictions=False, explanations=False)
    named = pipeline.inputs()
    assert not [name for name in named if "predictions" in name or "explanations" in name]
    charts = {
        name.removeprefix("row.chart_") for name in pipeline.all_outputs() if "chart_" in name
    }
    assert charts == set(SEGMENTATION_CHARTS)


def test_rows_that_classify_are_wired_as_before():
    pipeline = wired()
    assert "row.penn.predictions" in inputs(pipeline, "write_report")
    for name in ("draw_charts", "write_report", "settle_claims", "write_model_card"):
        assert "row.explanations" in inputs(pipeline, name)
    charts = {
        name.removeprefix("row.chart_") for name in pipeline.all_outputs() if "chart_" in name
    }
    assert charts == set(CHARTS)


def histories():
    return {name: made.history(name) for name in made.LEARNERS}


def test_charts_come_in_the_order_of_their_datasets():
    given = (made.judged(), made.curves(), made.comparison())
    pictures, *figures = nodes.draw_charts(*given, under_test="penn", **histories())
    assert set(pictures) == {f"{name}.png" for name in SEGMENTATION_CHARTS}
    assert len(figures) == len(SEGMENTATION_CHARTS)


def test_the_page_is_written_without_predictions():
    page = nodes.write_report(
        made.judged(),
        made.curves(),
        made.comparison(),
        sample.certificate(),
        {"title": "T", "paper": "spinal_penn"},
        made.cohort(),
        sample.run() | {"learners": {}},
        [],
        [],
        under_test="penn",
        **histories(),
    )
    assert "Headline: named before the run" in page and "How well tumours are outlined" in page


def test_a_learner_under_test_that_was_not_judged_is_none():
    metrics = made.judged()
    assert learner_of(None, metrics, "penn") == "penn"
    assert learner_of(None, metrics, "d_tvnet") is None
    assert learner_of(None, metrics) is None


@pytest.mark.parametrize("source", ["phantom", "folder", "btxrd", "vertebral_bodies"])
def test_every_source_of_a_cohort_has_its_statement(source):
    assert STATEMENTS[source].endswith(".")
    assert "no tumours" in STATEMENTS["vertebral_bodies"]
