import hashlib
from types import SimpleNamespace

import pandas as pd
import pytest

from osteon.pipelines.reporting import create_pipeline
from osteon.reporting.assembly import learner_of
from osteon.reporting.contents import CHARTS, artefacts_of, contents
from tests.reporting import sample


def test_the_list_binds_pages_by_their_hashes() -> None:
    run = {name: name for name in ("command", "osteon", "commit", "dirty", "hashes")}
    card = {"missing_human_input": ["funding", "consent"]}
    parts = {
        "report": "<html>",
        "paper_tables_page": "# T",
        "chart_roc": SimpleNamespace(data=(1,)),
    }
    parts["chart_decision"] = SimpleNamespace(data=())  # stands for a chart without data
    found = contents(run, {"passed": True}, card, parts)
    assert found["pages_sha256"] == {
        name: hashlib.sha256(parts[name].encode()).hexdigest()
        for name in ("report", "paper_tables_page")
    }
    assert (found["charts"], found["missing_human_input"]) == (["roc"], 2)
    assert found["leak_certificate_passed"] and found["command"] == "command"


def test_every_fold_s_weights_are_listed() -> None:
    folds = [{"fold": k, "sha256": f"{k}" * 64} for k in range(2)]
    found = artefacts_of("p", {"a": {"folds": folds}, "b": {"folds": []}})
    assert len(found) == 2 and all("/p/a/model/" in path for path in found)


@pytest.mark.parametrize(
    ("names", "learner"),
    [(["resnet18_all"] * 2, "resnet18_all"), (["gone"], None), (["a", "b"], None), ([], None)],
)
def test_the_headline_is_whose_predictions_they_are(names: list[str], learner: str | None) -> None:
    assert learner_of(pd.DataFrame({"learner": names}), sample.metrics()) == learner
    assert learner_of(pd.DataFrame(), sample.metrics()) is None


def node_named(name: str, **options):
    pipeline = create_pipeline("p", "p.r", ["a", "b"], "a", **options)
    return next(one for one in pipeline.nodes if one.short_name == name or name in one.name)


def test_the_report_takes_the_papers_tables_and_figures_only_if_it_has_any() -> None:
    assert "p.r.paper_tables" in node_named("write_report").inputs
    for name in ("write_report", "draw_charts"):
        assert "p.r.paper_figures" not in node_named(name).inputs
        assert "p.r.paper_figures" in node_named(name, paper_figures=True).inputs
    assert "p.r.paper_tables_page" in node_named("list_contents").inputs
    assert {f"p.r.chart_{name}" for name in CHARTS} <= set(node_named("draw_charts").outputs)


def test_the_cohort_is_told_by_the_parts_that_were_judged() -> None:
    assert {"p.splits", "p.preparation"} <= set(node_named("tabulate_cohort").inputs)
    other = {"splits": "holdout_splits", "splitting": "holdout"}
    assert "p.holdout_splits" in node_named("tabulate_cohort", **other).inputs
    for name in ("write_model_card", "settle_claims"):
        assert "params:p.holdout" in node_named(name, **other).inputs
        assert "params:p.splitting" in node_named(name).inputs
