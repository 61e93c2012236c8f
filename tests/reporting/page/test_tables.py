"""How numbers are written, and tables of any shape."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteon.reporting.page import tables
from osteon.reporting.page.sections_claims import paper_table
from osteon.reporting.page.sections_explaining import by_shuffled
from osteon.reporting.page.sections_summary import side
from tests.reporting import sample


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7792271, "0.779"),
        (-0.00443, "−0.004"),
        (-1e-17, "0.000"),
        (1e-17, "0.000"),
        (1234.5, "1,234.500"),
        (None, "–"),
        (float("nan"), "–"),
        (float("-inf"), "–"),
        ("nan", "–"),
        (np.float32(0.5), "0.500"),
    ],
)
def test_numbers(value: object, text: str) -> None:
    assert tables.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.4e-8, "<0.001"), (0.00099, "<0.001"), (0.001, "0.001"), (0.0314, "0.031"), (1, "1.000")],
)
def test_p_values(value: float, text: str) -> None:
    assert tables.p_text(value) == text


def test_p_in_a_sentence() -> None:
    assert tables.equals(1e-9) == "p < 0.001"
    assert tables.equals(0.2) == "p = 0.200"


@pytest.mark.parametrize(
    ("value", "text"), [(43.06, "43.1 s"), (345.6, "5 min 45 s"), (7300, "2 h 1 min"), (None, "–")]
)
def test_times(value: float | None, text: str) -> None:
    assert tables.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-5, "0.00001"),
        (1e-17, "0"),
        (0.03, "0.03"),
        (-0.5, "−0.5"),
        ([5, 8], "5, 8"),
        ([], "–"),
        (None, "–"),
        (True, "yes"),
        (np.bool_(False), "no"),
        (np.int64(12), "12"),
        ({"a": 1.0}, "a: 1"),
    ],
)
def test_settings_as_a_person_writes_them(value: object, text: str) -> None:
    assert tables.written(value) == text


@given(st.floats() | st.none() | st.integers(-(10**9), 10**9))
def test_no_number_is_written_as_nan_or_with_an_exponent(value: float | None) -> None:
    for text in (tables.number(value), tables.p_text(value), tables.written(value)):
        assert "e" not in text.lower()
        assert "nan" not in text
        assert "inf" not in text
        assert not text.startswith("-")
        assert text != "−0.000"


@given(st.floats(-1e6, 1e6))
def test_a_sorting_key_is_the_number_itself(value: float) -> None:
    assert tables.estimate({"value": value, "lo": None, "hi": None}).sort == value


def test_a_missing_estimate_says_why() -> None:
    cell = tables.estimate({"value": None, "note": "one class only"})
    assert (cell.text, cell.why) == ("–", "one class only")
    table = tables.Table("t", ("a", "b"), tables.flat([(tables.head("x"), cell)] * 2))
    assert table.reasons == ("one class only",)


def test_a_value_without_interval_says_why() -> None:
    cell = tables.estimate(
        {"value": 0.0, "lo": None, "hi": None, "method": "none: all resamples gave the same value"}
    )
    assert (cell.text, cell.minor) == ("0.000", "[–]")
    assert cell.why == "no interval, all resamples gave the same value"


@pytest.mark.parametrize(
    "data",
    [
        {"columns": ["n"], "rows": [{"name": "x", "values": {"n": "5"}}]},
        [{"name": "x", "values": {"n": "5"}}],
        [{"": "x", "n": "5"}],
        {"columns": ["", "n"], "rows": [["x", "5"]]},
        pd.DataFrame({"": ["x"], "n": ["5"]}),
    ],
)
def test_ready_tables_of_any_shape(data: object) -> None:
    table = tables.any_table(data, "caption")
    assert table is not None
    assert table.columns == ("", "n")
    assert [[cell.text for cell in row] for row in table.groups[0].rows] == [["x", "5"]]


@pytest.mark.parametrize("data", [None, [], {}, {"columns": ["a"], "rows": []}, pd.DataFrame()])
def test_no_rows_no_table(data: object) -> None:
    assert tables.any_table(data, "caption") is None


def test_missing_cells_of_a_frame_are_dashes() -> None:
    table = tables.any_table(pd.DataFrame({"a": ["x"], "b": [np.nan], "c": [None]}), "t")
    assert table is not None
    assert [cell.text for cell in table.groups[0].rows[0]] == ["x", "–", "–"]


def test_columns_of_words_are_known_from_columns_of_numbers() -> None:
    row = (tables.head("x"), tables.words("Grad-CAM"), tables.estimate(0.5), tables.words("5 of 9"))
    assert tables.Table("t", ("a", "b", "c", "d"), tables.flat([row])).texts == {-3}


def test_the_papers_table_stands_in_its_layout() -> None:
    table = paper_table(sample.paper_tables()[0])
    assert table is not None
    assert table.columns == ("Inputs", "", "Accuracy", "Precision", "Recall", "F1")
    printed, images, patients = table.groups[0].rows[:3]
    assert [cell.text for cell in printed[:3]] == ["Baseline", "printed", "0.9719"]
    assert (images[1].text, images[1].minor) == ("0.8900", "± 0.0100")
    assert (patients[1].text, patients[1].minor) == ("0.9000", "[0.8600, 0.9300]")
    assert [row[-1].text for row in table.groups[0].rows[-3:]] == ["0.9719", "–", "–"]
    assert table.groups[0].rows[-1][-1].why == "not run"


def test_a_table_of_single_lines_is_printed_as_it_is() -> None:
    table = paper_table({"title": "t", "columns": ["a", "b"], "rows": [["x", "0.848"], ["y", "–"]]})
    assert table is not None and table.columns == ("a", "b")
    assert [[cell.text for cell in row] for row in table.groups[0].rows] == [
        ["x", "0.848"],
        ["y", "–"],
    ]


@pytest.mark.parametrize("cell", ["0.81\n0.79 [0.7, 0.8]", "one patient\ntwo, of which\nthree"])
def test_lines_that_begin_with_no_common_word_stay_in_their_cell(cell: str) -> None:
    given = {"title": "t", "columns": ["a", "b"], "rows": [["x", cell], ["y", "another line"]]}
    table = paper_table(given)
    assert table is not None
    assert table.groups[0].rows[0][1].text == cell


@pytest.mark.parametrize("rows", [[], None])
def test_a_table_without_rows_is_left_out(rows: object) -> None:
    assert paper_table({"title": "t", "columns": ["a"], "rows": rows}) is None


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paper_table({"title": "t", "columns": ["a", "b"], "rows": [["x"]]})


@pytest.mark.parametrize(
    ("ends", "verdict"), [((0.1, 0.2), "above"), ((-0.2, -0.1), "below"), ((-0.1, 0.1), "unclear")]
)
def test_sentences_follow_the_interval(ends: tuple[float, float], verdict: str) -> None:
    found = {"value": sum(ends) / 2, "lo": ends[0], "hi": ends[1]}
    assert side(found, "above", "below", "unclear") == verdict


def test_a_difference_without_interval_is_unclear() -> None:
    nan = math.nan
    assert side({"value": 0.3, "lo": nan, "hi": nan}, "above", "below", "unclear") == "unclear"


@pytest.mark.parametrize(
    ("lo", "hi", "verdict"),
    [
        (0.1, 0.2, "above shuffled"),
        (-0.2, -0.1, "below shuffled"),
        (-0.1, 0.2, "as shuffled"),
        (0.0, 0.2, "as shuffled"),
    ],
)
def test_pointing_is_read_against_shuffled_weights(lo: float, hi: float, verdict: str) -> None:
    assert by_shuffled({"value": (lo + hi) / 2, "lo": lo, "hi": hi}).text == verdict


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        # Crops around the lesion: both maps hit it on every image, whatever was learnt.
        ({"value": 0.0, "lo": None, "hi": None, "patients": 40}, "as shuffled"),
        ({"value": 1.0, "lo": None, "hi": None, "patients": 40}, "above shuffled"),
        ({"value": 1.0, "lo": None, "hi": None, "patients": 1}, "–"),
        ({"value": None, "lo": None, "hi": None, "patients": 0}, "–"),
        (None, "–"),
    ],
)
def test_pointing_without_an_interval(gain: dict[str, object] | None, verdict: str) -> None:
    assert by_shuffled(gain).text == verdict
