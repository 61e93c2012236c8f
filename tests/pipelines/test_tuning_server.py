"""A study on a database server, where OSTEON_POSTGRES names one; what a database's error says."""

import os
from pathlib import Path

import optuna
import pytest

from osteon.pipelines.tuning.reaching import StorageAway, answer_of
from osteon.pipelines.tuning.storing import open_store
from osteon.pipelines.tuning.studying import finished, run_study
from tests.tuning_toys import ALONE, NAME, a_plan, begin, calls, kill, study_of, until, values


@pytest.fixture
def server() -> str:
    """URL of a database for tests, without their last study."""
    url = os.environ.get("OSTEON_POSTGRES")
    if not url:
        pytest.skip("no server here: set OSTEON_POSTGRES to an SQLAlchemy URL without password")
    storage = open_store(url, 1).storage
    if NAME in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=NAME, storage=storage)
    return url


def test_three_kills_leave_the_study_of_a_journal(server: str, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = run_study(a_plan(tmp_path / "whole", "journal", trials=8), ALONE)
    plan = a_plan(tmp_path, server, trials=8)
    for wanted in (1, 3, 5):
        process = begin(tmp_path, trials=8, pause=0.3, storage=server)
        until(lambda: len(set(calls(plan))) > wanted, process)  # noqa: B023
        kill(process)
    study = run_study(plan, ALONE)
    assert values(study) == values(whole)
    assert len(study.trials) == 8 and len(calls(plan)) <= 8 + 3


def test_two_processes_share_a_study_and_doubles_never_run(server: str, tmp_path: Path) -> None:
    plan = a_plan(tmp_path, server, trials=8)
    processes = [begin(tmp_path, trials=8, meet=2, storage=server) for _ in range(2)]
    until(lambda: all(one.exitcode is not None for one in processes), *processes)
    found = finished(study_of(plan))
    assert [one.user_attrs["slot"] for one in found] == list(range(8))
    assert [one.number for one in found] == sorted(calls(plan))
    assert len(plan.trialled.workers()) == 2


def test_a_database_that_refuses_is_told_in_one_line(tmp_path: Path) -> None:
    place = tmp_path / "study.db"
    place.mkdir()
    with pytest.raises(StorageAway) as told:
        run_study(a_plan(tmp_path, f"sqlite:///{place}"), ALONE)
    assert str(told.value).splitlines() == [
        f"storage: 'sqlite:///{place}' is out of reach or refuses (once it answers, the same "
        "command goes on with the study): unable to open database file"
    ]


def test_an_error_in_a_study_under_way_is_told_as_the_database_said_it(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, trials=2)
    study = run_study(plan, ALONE)
    with study._storage._backend.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE trial_heartbeats")
    with pytest.raises(StorageAway, match=r"no such table: trial_heartbeats$"):
        run_study(a_plan(tmp_path, trials=3), ALONE)


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path) -> None:
    url = "postgresql+pg8000://me@127.0.0.1:1/osteon"
    with pytest.raises(ImportError, match=r"storage: .* needs a driver: .*pg8000"):
        run_study(a_plan(tmp_path, url), ALONE)


def test_the_answer_is_what_the_driver_said_in_one_line() -> None:
    error = ValueError("An exception is raised during the commit")
    error.__cause__ = OSError("connection refused\n\tIs the server running?")
    assert answer_of(error) == "connection refused Is the server running?"
