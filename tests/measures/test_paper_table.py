"""Text of cells: lines by their words, dashes for what is not there, Markdown and JSON alike."""

import json

import pytest

from osteon.measures.paper_table import (
    PaperTable,
    at,
    cell,
    chosen,
    number,
    p_value,
    published,
    why_absent,
    with_interval,
    with_spread,
)

TABLE = PaperTable("Table 2", "A note.", ("Row", "Ours"), [("a|b", "printed 1.0\npooled 0.9")])


def test_a_table_is_json_and_markdown():
    assert json.loads(json.dumps(TABLE.as_json())) == {
        "title": "Table 2",
        "note": "A note.",
        "columns": ["Row", "Ours"],
        "rows": [["a|b", "printed 1.0\npooled 0.9"]],
    }
    lines = TABLE.as_markdown().splitlines()
    assert lines == [
        "| Row | Ours |",
        "|---|---|",
        r"| a\|b | printed 1.0<br>pooled 0.9 |",
        "",
        "A note.",
    ]


def test_a_page_has_every_table_under_what_the_data_are():
    tables, page = published([TABLE, TABLE], "Synthetic patients.", "Tables")
    assert tables == [TABLE.as_json()] * 2
    assert page.startswith("# Tables\n\nSynthetic patients.\n\n## Table 2\n\n| Row | Ours |")
    assert page.count("## Table 2") == 2 and page.endswith("A note.\n")


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"value": 0.9834, "lo": 0.95, "hi": 1.0}, "98.34 [95.00, 100.00]"),
        ({"value": 0.5, "lo": None, "hi": None}, "50.00"),
        ({"value": None, "lo": None, "hi": None}, "–"),
        ({"value": float("nan")}, "–"),
        (None, "–"),
    ],
)
def test_a_value_with_its_interval(entry, text):
    assert with_interval(entry, 2, 100.0) == text


def test_the_spread_of_folds_needs_two_of_them():
    folds = {"mean": 0.9, "sd": 0.05, "n": 10}
    assert with_spread({"folds": folds}, 1, 100.0) == "90.0 ± 5.0"
    assert with_spread({"folds": folds | {"n": 1, "sd": None}}, 1) is None
    assert with_spread(None, 1) is None


def test_a_cell_leaves_out_what_is_none():
    assert cell({"printed": "0.8", "folds": None, "pooled": "–"}) == "printed 0.8\npooled –"
    assert number(None, 3) == "–" and number(0.12345, 3) == "0.123"


@pytest.mark.parametrize(("p", "text"), [(0.00049, "< 0.001"), (0.04, "0.040"), (None, "–")])
def test_p_values(p, text):
    assert p_value(p) == text


def test_what_is_not_there_is_none():
    assert at({"a": {"b": 1}}, "a", "b") == 1
    assert at({"a": {"b": 1}}, "a", "c") is None is at({"a": 3}, "a", "b")
    tests = [{"test": "delong", "at": "scores", "metric": "auroc", "p": 0.5}]
    metrics = {"comparisons": {"x": {"patient": {"tests": tests}}}, "learners": {"x": 1}}
    assert chosen(metrics, "x", "delong", "scores", "auroc")["p"] == 0.5
    assert chosen(metrics, "x", "delong", "scores", "auprc") == {}
    assert chosen(metrics, "y", "delong", "scores", "auroc") == {}
    metrics["skipped"] = {"y": "too few patients"}
    assert [why_absent(metrics, one) for one in "xyz"] == ["", "too few patients", "not run"]
