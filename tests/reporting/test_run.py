import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import osteon
from osteon.reporting.run import NO_CHECKOUT, code_version, command, run_facts
from tests.reporting.card_sample import CANARY, record

PARAMS = "osteosarcoma_fusion.cohort"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/x/bin/kedro", "run", "--env=paper"], "kedro run --env=paper"),
        (["/x/osteon/__main__.py", "--tags", "a,b"], "python -m osteon --tags a,b"),
        (
            ["kedro", "run", f"--params={PARAMS}.path=Smith,splitting.folds=5"],
            f"kedro run '--params={PARAMS}.path=<path>,splitting.folds=5'",
        ),
        (
            [
                "kedro",
                "run",
                "--params",
                f"recipe.weights=/home/jo hn/w.pth,{PARAMS}.source=folder",
            ],
            f"kedro run --params 'recipe.weights=<path>,{PARAMS}.source=folder'",
        ),
        (["kedro", "run", "--params=x=~smith"], "kedro run '--params=x=<path>'"),
        (
            ["kedro", "run", f"--params={PARAMS}.path=/data/Smith,John"],
            f"kedro run '--params={PARAMS}.path=<path>,<path>'",
        ),
        (["kedro", "run", "--params=a.lr=3e-4,b=1.0"], "kedro run --params=a.lr=3e-4,b=1.0"),
        (["kedro", "run", "--conf-source", "Smith"], "kedro run --conf-source '<path>'"),
        (["kedro", "run", "--config=Smith.yml"], "kedro run '--config=<path>'"),
        (["kedro", "run", "-cSmith.yml"], "kedro run '-c=<path>'"),
        (["kedro", "run", "--from-nodes=a.train"], "kedro run --from-nodes=a.train"),
        (
            ["kedro", "run", f"--params={PARAMS}.tables.images=s.csv"],
            f"kedro run '--params={PARAMS}.tables.images=<path>'",
        ),
    ],
)
def test_the_command_can_be_typed_again_but_for_places(words: list, expected: str) -> None:
    assert command(words) == expected


PLACES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["/", "~", "./", "../", "C:\\", "/home/", ""]),
        st.just(CANARY),
        st.sampled_from(["/cohort", "\\cohort", "/a b.csv", "/x,y", "/'q'", "/k=v"]),
    ),
)


@given(PLACES, st.sampled_from(["cohort.path", "recipe.weights", "x.y"]), st.booleans())
def test_no_place_survives_in_any_position(place: str, key: str, spaced: bool) -> None:
    params = f"{key}={place},lr=0.1"
    words = ["--params", params] if spaced else [f"--params={params}"]
    for argv in (["kedro", "run", *words], ["kedro", "run", place], ["kedro", f"--env={place}"]):
        told = command(argv)
        assert CANARY not in told
        assert not re.search(r"[/\\~]", told)


@given(st.text(st.characters(exclude_characters=",="), max_size=12))
def test_a_value_under_path_never_survives_whatever_it_is(value: str) -> None:
    told = command(["kedro", "run", f"--params=a.path={CANARY}{value},b=1"])
    assert told == "kedro run '--params=a.path=<path>,b=1'"


def test_facts_hold_what_a_reader_needs_and_no_name_or_place(monkeypatch) -> None:
    monkeypatch.setenv("USER", CANARY)
    monkeypatch.setenv("HOME", f"/home/{CANARY}")
    records = {"a": record(), "b": {"status": "skipped", "reason": "no ALP", "folds": []}}
    facts = run_facts(["/x/kedro", "run", f"--params=c.path=/home/{CANARY}"], records)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert facts["osteon"] == osteon.__version__
    assert facts["devices"] == ["cpu"]
    assert facts["hashes"] == {"data": "d" * 64, "split": "5" * 64, "training_code": "c" * 64}
    assert facts["learners"]["a"]["seconds"] == 4.5
    assert facts["learners"]["b"]["skipped"] == "no ALP"
    assert "numpy" in facts["packages"] and "pytest" not in facts["packages"]
    text = json.dumps(facts)
    assert CANARY not in text
    assert os.uname().nodename not in text
    assert str(Path(osteon.__file__).parent) not in text
    assert not re.search(r'"(/|~|[A-Z]:\\)', text)


def test_no_records_and_no_words_are_no_error() -> None:
    facts = run_facts([], {})
    assert facts["command"] == ""
    assert facts["hashes"] == {"data": None, "split": None, "training_code": None}


def test_wall_time_runs_from_the_given_start() -> None:
    assert run_facts([], {}, start=0.0)["wall_seconds"] > 1e9
    assert run_facts([], {})["wall_seconds"] is None or run_facts([], {})["wall_seconds"] > 0


def test_a_folder_that_git_does_not_track_is_no_checkout(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("")
    assert code_version(file) == {"commit": NO_CHECKOUT, "dirty": None}
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert code_version(file)["commit"] == NO_CHECKOUT  # there, but not tracked


def test_commit_and_changes_of_a_checkout(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "m"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    found = code_version(file)
    assert re.fullmatch(r"[0-9a-f]{40}", found["commit"])
    (tmp_path / "installed.py").write_text("")
    assert code_version(tmp_path / "installed.py")["commit"] == NO_CHECKOUT
    (tmp_path / "installed.py").unlink()
    assert found["dirty"] is False
    file.write_text("changed")
    assert code_version(file)["dirty"] is True
