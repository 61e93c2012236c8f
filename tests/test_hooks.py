from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node

from osteon import hooks
from osteon.hooks import EarlierStageMissing, OrderHooks, rows_for
from tests.project import PAPER, make_project, try_run


def _step(inputs: str | list[str], output: str, tag: str) -> Pipeline:
    return Pipeline([node(lambda *given: given, inputs, output, name=f"make_{output}", tags=tag)])


COHORT = _step("folder", "cohort", "ingestion")
MODEL = _step("cohort", "model", "training")
PAGE = _step(["model", "cohort"], "page", "reporting")
EXTRA = _step("cohort", "other", "training")
PIPELINES = {
    "main": COHORT + MODEL + PAGE,
    "extra": COHORT + EXTRA,
    "reporting": PAGE,
    "training": MODEL,
    "__default__": COHORT + MODEL + PAGE,
}


def test_the_paper_s_main_row_is_named_before_a_smaller_extra_one() -> None:
    assert rows_for({"cohort"}, PIPELINES) == [("main", {"cohort"})]


def test_an_extra_row_is_named_for_what_only_it_makes() -> None:
    assert [name for name, _ in rows_for({"model", "other"}, PIPELINES)] == ["main", "extra"]


def test_columns_and_foreign_inputs_are_never_named() -> None:
    assert rows_for({"folder"}, PIPELINES) == []


def test_nothing_is_demanded_once_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedro.framework.project.pipelines", PIPELINES)
    empty = DataCatalog({"model": MemoryDataset(), "cohort": MemoryDataset()})
    with pytest.raises(EarlierStageMissing, match="not there yet: cohort, model; run `kedro run"):
        OrderHooks().before_pipeline_run(pipeline=PAGE, catalog=empty)
    full = DataCatalog({"model": MemoryDataset(1), "cohort": MemoryDataset(1)})
    OrderHooks().before_pipeline_run(pipeline=PAGE, catalog=full)


def test_paths_are_left_out_at_any_depth() -> None:
    given = {"paper": {"cohort": {"path": "/home/somebody", "source": "folder"}}, "path": "x"}
    assert hooks.without_paths(given) == {"paper": {"cohort": {"source": "folder"}}}


def test_a_stage_asked_for_before_its_time_names_the_command(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    code, printed = try_run(project, pipeline="evaluation")
    assert code != 0
    assert f"kedro run --pipelines={PAPER}`" in printed.replace("\n", "")
    assert "Running node" not in printed
