"""Tuning as users run it: a study, its certificate, its one look, and the values laid into conf."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.project import PAPER, kedro_run, make_project, try_run

CELL = f"{PAPER}_tuning"
LEARNER = "resnet18_all"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the study has run, then the row with its values."""
    project = make_project(tmp_path_factory.mktemp("tuned"))
    kedro_run(project, pipeline=CELL)
    shutil.copytree(project / "conf" / "smoke", project / "conf" / "tuned")
    own = project / "conf" / "tuned" / f"parameters_{PAPER}.yml"
    block = yaml.safe_load(own.read_text())
    own.write_text(yaml.safe_dump(_laid(block, yaml.safe_load(_file(project, "best.yml")))))
    kedro_run(project, env="tuned")
    return project


def _laid(block: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """One block of parameters over another, as Kedro lays environments."""
    found = dict(block)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = _laid(found[key], value) if both else value
    return found


def _place(project: Path, name: str) -> Path:
    return project / "data" / "08_reporting" / PAPER / "tuning" / name


def _file(project: Path, name: str) -> str:
    return _place(project, name).read_text()


def _result(project: Path) -> dict[str, Any]:
    return json.loads(_file(project, "result.json"))


def _table(project: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(project / "data" / "05_model_input" / PAPER / f"{name}.parquet")


def test_trials_are_given_the_training_part_alone(tuned: Path) -> None:
    splits, inside, outer, inner = (
        _table(tuned, name) for name in ("splits", "tuning/samples", "tuning/outer", "tuning/inner")
    )
    held = set(splits.loc[splits["fold"] == 0, "patient_id"])
    assert set(outer["patient_id"]) == held and set(inside["patient_id"]).isdisjoint(held)
    assert set(inner["patient_id"]) == set(inside["patient_id"])
    result = _result(tuned)
    assert result["outer"]["patients"] == len(held)
    assert result["inner"]["patients"] == inside["patient_id"].nunique()
    assert json.loads(_file(tuned, "certificate.json"))["passed"] and result["looks"] == 1


def test_the_study_has_as_many_trials_as_asked_and_the_best_of_them_is_chosen(tuned: Path) -> None:
    trials, result = pd.read_csv(_place(tuned, "trials.csv")), _result(tuned)
    assert len(trials) == result["trials"]["asked"] == 2
    best = trials.loc[trials["value"].idxmax()]
    assert json.loads(best["params"]) == result["chosen"]
    assert result["inner"]["value"] == pytest.approx(best["value"])


def test_the_row_takes_the_values_when_it_is_asked_to(tuned: Path) -> None:
    record = tuned / "data" / "07_model_output" / PAPER / LEARNER / "training_record.json"
    used, result = json.loads(record.read_text())["recipe"], _result(tuned)
    assert result["chosen"] != result["configured"]
    for path, value in result["chosen"].items():
        found: Any = used
        for key in path.split("."):
            found = found[key]
        assert found == value, path


def test_the_report_tells_of_the_study_and_that_its_values_are_in_use(tuned: Path) -> None:
    page = (tuned / "data" / "08_reporting" / PAPER / "report.html").read_text()
    assert 'id="tuning"' in page and "Optimism gap" in page
    assert "NOT made with the chosen values" not in page


def test_the_same_command_again_finds_the_study_finished(tuned: Path) -> None:
    before = {name: _file(tuned, name) for name in ("trials.csv", "certificate.json")}
    kedro_run(tuned, pipeline=CELL)
    assert {name: _file(tuned, name) for name in before} == before
    assert _result(tuned)["looks"] == 1


def test_a_wrong_path_stops_before_the_first_trial_and_is_named(tuned: Path) -> None:
    shutil.copytree(tuned / "conf" / "smoke", tuned / "conf" / "wrong")
    own = tuned / "conf" / "wrong" / f"parameters_{PAPER}.yml"
    wrong = {PAPER: {"tuning": {"space": {"training.learning_rate": {"low": 0.1, "high": 1.0}}}}}
    own.write_text(yaml.safe_dump(_laid(yaml.safe_load(own.read_text()), wrong)))
    before = _file(tuned, "trials.csv")
    code, printed = try_run(tuned, env="wrong", pipeline=CELL)
    assert code and "training.learning_rate" in printed
    assert _file(tuned, "trials.csv") == before
