"""Bars and the age curve."""

import re

import pytest

from osteon.reporting.patients.drawing import TERM_COLOURS, age_bins, age_curve, at, bar
from tests.reporting.patients.sample import AGE_TABLE


def test_a_bar_is_as_long_as_what_it_stacks() -> None:
    drawn = bar((0.4, 0.3, 0.05), 0.75)
    found = re.findall(r'x="([\d.]+)" y="3" width="([\d.]+)" height="10" fill="(#\w+)"', drawn)
    assert [colour for *_, colour in found][1:] == list(TERM_COLOURS)
    widths = [(float(x), float(width)) for x, width, _ in found][1:]
    assert widths == [(0, 40), (40, 30), (70, 5)]


def test_a_bar_reads_as_text_and_leaves_out_what_adds_nothing() -> None:
    assert 'aria-label="detector 0.40, age 0.05; together 0.45"' in bar((0.4, 0, 0.05), 0.45)


def test_bins_of_both_forms_of_edges() -> None:
    whole = age_bins(AGE_TABLE)
    assert len(whole) == 9 and whole[0] == (0, 10, 0.1) and whole[-1][1] == float("inf")
    assert age_bins({**AGE_TABLE, "edges": AGE_TABLE["edges"][:-1]}) == whole
    assert age_bins({}) == []
    with pytest.raises(ValueError, match="3 edges for 1 bins"):
        age_bins({"edges": [0, 10, 20], "probability": [0.5]})


@pytest.mark.parametrize(("age", "place"), [(0, 0), (9.9, 0), (10, 1), (57, 5), (80, 8), (99, 8)])
def test_an_age_falls_into_its_bin(age: float, place: int) -> None:
    assert at(age_bins(AGE_TABLE), age) == place


def test_the_curve_shows_what_the_patient_was_given() -> None:
    assert ">0.62<" in age_curve(AGE_TABLE, 57, 0.62)
    unknown = age_curve(AGE_TABLE, None, None)
    assert "age not known" in unknown and "bold" not in unknown
    assert age_curve({}, 57, 0.62) == ""
