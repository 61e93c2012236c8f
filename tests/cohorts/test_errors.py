import pytest

from osteon.cohorts.errors import CohortError, Problems, suggestion


def test_problems_are_reported_together_the_first_twenty_and_a_count():
    problems = Problems("patients.csv")
    for row in range(30, 1, -1):
        problems.add(row, "age", "wrong")
    with pytest.raises(CohortError) as error:
        problems.raise_if_any()
    text = str(error.value)
    assert "29 problems" in text and "and 9 more" in text
    assert "row 2, column 'age'" in text and "row 21," in text and "row 22," not in text


def test_no_problem_no_error():
    Problems("patients.csv").raise_if_any()


def test_a_suggestion_is_an_allowed_word_or_nothing():
    assert "'label'" in suggestion("Lable", ["label", "age"])
    assert suggestion("zzz", ["label"]) == ""
