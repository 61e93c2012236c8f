"""`parallel` of the configuration rules joblib for the length of a run, and no longer."""

import os

import joblib
import pytest
from kedro.io import DataCatalog, MemoryDataset
from pydantic import ValidationError

from osteon.hooks import ParallelHooks
from osteon.pipelines.parallel import CORES, joblib_follows
from osteon.recipes.parallel import ParallelConfig


def _catalog(parallel: object) -> DataCatalog:
    return DataCatalog({"params:parallel": MemoryDataset(parallel)})


@pytest.mark.parametrize("end", ["after_pipeline_run", "on_pipeline_error"])
def test_a_run_is_sequential_from_its_beginning_to_its_end(end: str) -> None:
    hooks = ParallelHooks()
    hooks.before_pipeline_run(catalog=_catalog({"backend": "sequential"}))
    assert joblib.effective_n_jobs(4) == 1 == joblib.cpu_count()
    getattr(hooks, end)()
    assert joblib.effective_n_jobs(4) == 4


def test_workers_limit_all_that_asks_for_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CORES, "7")
    with joblib_follows(ParallelConfig(workers=1)):
        assert joblib.effective_n_jobs(-1) == 1
    assert os.environ[CORES] == "7"
    with joblib_follows(ParallelConfig()):
        assert os.environ[CORES] == "7"


def test_a_project_without_the_setting_runs_as_joblib_does() -> None:
    hooks = ParallelHooks()
    hooks.before_pipeline_run(catalog=DataCatalog({}))
    assert joblib.effective_n_jobs(3) == 3
    hooks.after_pipeline_run()


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(ValidationError, match="address: not given with backend dask"):
        ParallelHooks().before_pipeline_run(catalog=_catalog({"backend": "dask"}))
