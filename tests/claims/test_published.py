"""Each paper's file is whole, in range, installed, and refused when it is not."""

from importlib.resources import files

import pytest
import yaml

from osteon.claims.published import (
    PAPERS,
    RANGES,
    Published,
    numbers,
    parse,
    read_file,
    read_published,
)
from osteon.measures.table1 import ROWS, printed


@pytest.mark.parametrize("paper", PAPERS)
def test_every_paper_has_its_facts(paper):
    read = Published.model_validate(read_published(paper))
    assert read.paper == paper and read.title and read.place.authors
    assert read.cohort["patients"] > 0 and read.protocol and read.results and read.claims
    assert (files("osteon.claims.published") / f"{paper}.yml").is_file()


@pytest.mark.parametrize("paper", PAPERS)
def test_every_printed_number_of_a_table_lies_in_range(paper):
    read = Published.model_validate(read_published(paper))
    for name, result in read.results.items():
        lo, hi = RANGES[result.unit]
        found = list(numbers(read.at(name), name))
        assert found, f"{name} holds no number"
        for where, value in found:
            assert lo <= value <= hi, where
            assert round(value, result.decimals) == value, f"{where}: more digits than printed"


def test_table_1_is_read_as_the_comparison_wants_it():
    table = printed(read_published("osteosarcoma_fusion"), "resnet18")
    assert list(table) == [f"resnet18_{row}" for row in ROWS]
    assert table["resnet18_all"] == {
        "accuracy": 0.9719,
        "precision": 0.9826,
        "recall": 0.9549,
        "f1": 0.9685,
    }


def broken(paper, change):
    block = read_published(paper)
    change(block)
    return yaml.safe_dump({"published": block})


@pytest.mark.parametrize("key", ["title", "place", "cohort", "protocol", "results"])
def test_a_missing_key_is_named_with_its_file(key):
    text = broken("spinal_penn", lambda block: block.pop(key))
    with pytest.raises(ValueError, match=rf"mine\.yml: published\.{key}: Field required"):
        parse(text, "mine.yml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda b: b["table1"]["penn"].update(dice=911),
            r"table1\.penn\.dice: 911 found, 0 to 100",
        ),
        (lambda b: b["place"].update(jornal="x"), r"published\.place\.jornal"),
        (lambda b: b["results"]["table1"].update(unit="cm"), r"published\.results\.table1\.unit"),
        (lambda b: b.pop("table2"), r"table2: no 'table2' found"),
        (lambda b: b["compared"][0].update(printed="cohort.x"), r"cohort\.x: no 'x' found"),
        (lambda b: b["claims"][0].update(value="table1.penn.f1"), "claim table1: one of value and"),
        (lambda b: b["claims"][0].update(table="text"), "claim table1: text is no block"),
    ],
)
def test_a_wrong_file_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        parse(broken("spinal_penn", change), "mine.yml")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x.yml").write_text("a: 1\n")
    with pytest.raises(ValueError, match=r"x\.yml: no block `published`"):
        read_file(tmp_path / "x.yml")
    with pytest.raises(ValueError, match=r"x\.yml: not readable as YAML"):
        parse("a: [", "x.yml")
    with pytest.raises(ValueError, match=r"paper: found 'x'; allowed are osteosarcoma_fusion"):
        read_published("x")


def test_a_doi_that_the_sources_do_not_carry_is_left_out():
    assert read_published("spinal_penn")["place"]["doi"] is None
