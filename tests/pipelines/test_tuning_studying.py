"""The engine of a study on toy trials: the same trials, each slot once, whatever goes wrong."""

import json
import warnings
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError

from osteon.pipelines.tuning.queueing import SLOT, by_slot, close_surplus
from osteon.pipelines.tuning.storing import open_store
from osteon.pipelines.tuning.studying import StudyChanged, finished, run_study
from osteon.recipes.tuning import drawn_from
from tests.tuning_toys import ALONE, PAIR, a_plan, calls, values

STORAGES = (None, "journal")


@pytest.mark.parametrize("storage", STORAGES)
def test_as_many_trials_as_asked_and_none_on_a_second_call(storage: str, tmp_path: Path) -> None:
    plan = a_plan(tmp_path, storage)
    with warnings.catch_warnings():
        warnings.simplefilter("error", optuna.exceptions.ExperimentalWarning)
        study = run_study(plan, ALONE)
    assert [one.state.name for one in finished(study)] == ["COMPLETE"] * 6
    assert [one.number for one in study.trials] == list(range(6))
    assert study.direction.name == "MAXIMIZE"
    best = study.best_trial
    assert best.user_attrs["seen"] == best.number and best.user_attrs["shape"] in ([1, 2], [3])
    run_study(plan, ALONE)
    assert calls(plan) == list(range(6))


def test_the_same_seed_gives_the_same_trials_and_another_seed_others(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "c").mkdir()
    one = values(run_study(a_plan(tmp_path / "a", "journal", trials=12), ALONE))
    two = values(run_study(a_plan(tmp_path / "b", "journal", trials=12), ALONE))
    other = values(run_study(a_plan(tmp_path / "c", "journal", trials=12, seed=1), ALONE))
    assert one == two
    assert not {trial[3] for trial in one} & {trial[3] for trial in other}


def test_more_trials_asked_later_are_what_they_would_have_been(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run_study(a_plan(tmp_path / "a", "journal", trials=5), ALONE)
    grown = run_study(a_plan(tmp_path / "a", "journal", trials=9), ALONE)
    whole = run_study(a_plan(tmp_path / "b", "journal", trials=9), ALONE)
    assert values(grown) == values(whole)


def test_the_first_trial_is_the_configuration_s_own(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, "journal", trials=2)
    own = drawn_from(plan.tuning.space, {"size": 0.25, "shape": (3,), "weights": (0.5, 0.3, 0.2)})
    plan = a_plan(tmp_path, "journal", trials=2, first_values=own)
    first = finished(run_study(plan, ALONE))[0]
    assert {name: first.params[name] for name in own} == own
    assert first.params["depth"] in range(1, 6)


def test_what_fails_is_recorded_and_the_study_goes_on(tmp_path: Path) -> None:
    bad = ((1, "memory"), (2, "error"), (4, "nan"))
    found = finished(run_study(a_plan(tmp_path, bad=bad), ALONE))
    states = [one.state.name for one in found]
    assert states == ["COMPLETE", "FAIL", "FAIL", "COMPLETE", "FAIL", "COMPLETE"]
    assert [one.user_attrs.get("error") for one in found[1:3]] == [
        "MemoryError",
        "ValueError: no such network",
    ]
    assert found[4].user_attrs["error"] == "FloatingPointError: value: nan"


def test_an_interrupt_ends_the_study_and_its_trial_waits_again(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, "journal")
    study = run_study(a_plan(tmp_path, "journal", trials=2), ALONE)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    object.__setattr__(plan, "trialled", stop)
    with pytest.raises(KeyboardInterrupt):
        run_study(plan, ALONE)
    assert study.trials[2].state.name == "WAITING" and "killed" not in study.trials[2].user_attrs
    assert len(finished(run_study(a_plan(tmp_path, "journal"), ALONE))) == 6


def test_a_storage_out_of_reach_is_no_trial_s_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, full = optuna.Trial.report, [True]

    def once(trial: optuna.Trial, value: float, step: int) -> None:
        if trial.number == 2 and full and full.pop():
            raise OSError("no space left on device")
        report(trial, value, step)

    monkeypatch.setattr(optuna.Trial, "report", once)
    plan = a_plan(tmp_path, "journal", trials=4)
    with pytest.raises(StorageInternalError, match="no space left"):
        run_study(plan, ALONE)
    found = finished(run_study(plan, ALONE))
    assert [one.state.name for one in found] == ["COMPLETE"] * 4
    assert calls(plan) == [0, 1, 2, 2, 3]


@pytest.mark.parametrize("kind", ["median", "hyperband"])
def test_trials_that_fall_behind_are_given_up(kind: str, tmp_path: Path) -> None:
    pruner = {"kind": kind, "startup": 2, "warmup": 1}
    found = finished(run_study(a_plan(tmp_path, "journal", trials=14, pruner=pruner), ALONE))
    pruned = [one for one in found if one.state.name == "PRUNED"]
    assert len(found) == 14 and pruned
    assert all(len(one.intermediate_values) < 4 and one.number > 0 for one in pruned)
    none = {"kind": "none"}
    (tmp_path / "all").mkdir()
    plan = a_plan(tmp_path / "all", "journal", trials=14, pruner=none)
    assert {one.state.name for one in finished(run_study(plan, ALONE))} == {"COMPLETE"}


def test_a_double_of_a_slot_never_runs_and_is_never_counted(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, trials=4)
    study = run_study(plan, ALONE)
    before = values(study)
    for slot in (1, 2):
        study.enqueue_trial({}, user_attrs={SLOT: slot})
    close_surplus(open_store(plan.storage, 1), study)
    assert [one.user_attrs.get("surplus") for one in study.trials] == [None] * 4 + [True] * 2
    assert values(study) == before and list(by_slot(study)) == [0, 1, 2, 3]
    assert values(run_study(plan, ALONE)) == before and calls(plan) == [0, 1, 2, 3]


def test_a_study_of_other_settings_is_refused_by_name(tmp_path: Path) -> None:
    run_study(a_plan(tmp_path, "journal"), ALONE)
    with pytest.raises(StudyChanged, match="seed, space: differs from what study toy was begun"):
        run_study(a_plan(tmp_path, "journal", seed=3, space={"size": {"low": 0, "high": 2}}), ALONE)
    json.dumps(run_study(a_plan(tmp_path, "journal", retries=5), ALONE).user_attrs)


def test_two_workers_share_the_trials(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, meet=2)
    found = finished(run_study(plan, PAIR))
    assert [one.user_attrs[SLOT] for one in found] == list(range(6)) == sorted(calls(plan))
    assert len(plan.trialled.workers()) == 2
