"""Studies whose processes are killed: no trial is lost, none is counted twice."""

from pathlib import Path

import pytest
from optuna.trial import TrialState

from osteon.pipelines.tuning.queueing import add_slots, reclaim
from osteon.pipelines.tuning.storing import open_store
from osteon.pipelines.tuning.studying import finished, run_study
from osteon.recipes.parallel import ParallelConfig
from tests.tuning_toys import ALONE, PAIR, a_plan, begin, calls, kill, study_of, until, values

STORAGES = (None, "journal")


@pytest.mark.parametrize("storage", STORAGES)
def test_three_kills_leave_the_study_that_was_never_stopped(storage: str, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = run_study(a_plan(tmp_path / "whole", "journal", trials=8), ALONE)
    options = {"trials": 8, "pause": 0.15} | ({"storage": storage} if storage else {})
    plan = a_plan(tmp_path / "killed", storage, trials=8, pause=0.15)
    for wanted in (1, 3, 5):
        process = begin(tmp_path / "killed", **options)
        until(lambda: len(set(calls(plan))) > wanted, process)  # noqa: B023
        kill(process)
    study = run_study(plan, ALONE)
    assert values(study) == values(whole)
    assert len(study.trials) == 8
    repeated = len(calls(plan)) - 8
    assert repeated <= 3


@pytest.mark.parametrize("storage", STORAGES)
def test_two_processes_share_a_study_exactly(storage: str, tmp_path: Path) -> None:
    options = {"trials": 8, "meet": 2} | ({"storage": storage} if storage else {})
    plan = a_plan(tmp_path, storage, trials=8)
    processes = [begin(tmp_path, **options) for _ in range(2)]
    until(lambda: all(one.exitcode is not None for one in processes), *processes)
    study = study_of(plan)
    assert [one.number for one in finished(study)] == list(range(8)) == sorted(calls(plan))
    assert len(study.trials) == 8 and len(plan.trialled.workers()) == 2


@pytest.mark.parametrize("storage", STORAGES)
def test_a_trial_whose_process_dies_again_and_again_is_given_up(
    storage: str, tmp_path: Path
) -> None:
    plan = a_plan(tmp_path, storage, trials=2, retries=1)
    study = run_study(plan, ALONE)
    store = open_store(plan.storage, plan.tuning.heartbeat)
    assert add_slots(store, study, 3, None)
    for killed, state in ((1, "WAITING"), (2, "FAIL")):
        with store.life.holding(study._study_id, study.trials[2]):
            assert store.storage.set_trial_state_values(
                study.trials[2]._trial_id, TrialState.RUNNING
            )
            assert reclaim(store, study, 1) == 0
        until(lambda: reclaim(store, study, 1) == 1)
        assert study.trials[2].state.name == state
        assert study.trials[2].user_attrs["killed"] == killed
    assert study.trials[2].user_attrs["error"] == "its process died 2 times"
    assert len(finished(run_study(a_plan(tmp_path, storage, trials=3, retries=1), ALONE))) == 3
    assert calls(plan) == [0, 1]


def test_a_loky_worker_that_dies_loses_nothing(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, "journal", bad=((2, "die once"),))
    found = finished(run_study(plan, PAIR))
    assert [one.number for one in found] == list(range(6))
    assert found[2].user_attrs["killed"] == 1
    assert {one.state.name for one in found} <= {"COMPLETE", "PRUNED"}


def test_a_dask_worker_that_dies_loses_nothing(tmp_path: Path) -> None:
    from distributed import LocalCluster

    plan = a_plan(tmp_path, meet=2, bad=((2, "die once"),))
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        study = run_study(plan, ParallelConfig(backend="dask", address=cluster.scheduler_address))
    found = finished(study)
    assert [one.number for one in found] == list(range(6)) and len(study.trials) == 6
    assert found[2].user_attrs["killed"] == 1
    assert {one.state.name for one in found} <= {"COMPLETE", "PRUNED"}
    assert sorted(calls(plan)) == [0, 1, 2, 2, 3, 4, 5]
