from pathlib import Path

import pytest
import yaml

from osteon.reporting.card.human_input import HumanInput, HumanInputError, read_human_input
from tests.project import ROOT

FILES = sorted((ROOT / "conf" / "base" / "human_input").glob("*.yml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_shipped_file_names_every_key_with_a_comment_and_no_answer(file: Path) -> None:
    assert yaml.safe_load(file.read_text()) == dict.fromkeys(HumanInput.model_fields)
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert all(": null # " in line for line in lines)


def test_an_unknown_key_is_refused_naming_it_and_the_allowed() -> None:
    with pytest.raises(HumanInputError, match=r"fundin: unknown key.*Allowed keys.*funding"):
        read_human_input({"fundin": "none"})


@pytest.mark.parametrize("value", [True, False])
def test_yaml_s_yes_and_no_are_refused(value: bool) -> None:
    with pytest.raises(HumanInputError, match=r"consent.*unquoted yes or no"):
        read_human_input({"consent": value})


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}]])
def test_what_is_no_text_is_refused_or_told(value: object) -> None:
    if isinstance(value, dict):
        with pytest.raises(HumanInputError, match="contact"):
            read_human_input({"contact": value})
    else:
        assert read_human_input({"contact": value}).contact == "{'a': 1}"


@pytest.mark.parametrize("values", [None, {}, {"funding": None}, {"funding": "  \n"}])
def test_nothing_and_blanks_are_missing(values: dict | None) -> None:
    assert read_human_input(values).missing() == list(HumanInput.model_fields)


def test_numbers_dates_and_lists_become_text() -> None:
    text = "study_dates: 2019-01-01\nregistration: 4711\nfunding: [A, B]\n"
    found = read_human_input(yaml.safe_load(text))
    assert (found.study_dates, found.registration, found.funding) == ("2019-01-01", "4711", "A; B")


def test_a_file_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(HumanInputError, match="list"):
        read_human_input(["funding"])  # type: ignore[arg-type]
