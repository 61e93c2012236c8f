"""The patient page: self-contained, escaped, complete, honest, small."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from osteon.measures.age_table import fit_age_table
from osteon.measures.fusion_explain import explain
from osteon.measures.fusion_terms import terms_of
from osteon.reporting.page.render import PHANTOM
from osteon.reporting.patients.building import case_of
from osteon.reporting.patients.cases import PatientCase
from osteon.reporting.patients.render import MOST, SECURITY, render_patients
from tests.reporting.page.tree import Tree
from tests.reporting.patients.sample import AGE_TABLE, NONE, USUAL, WEIGHTS, case, explained

HOSTILE = '<script src="https://evil.example/x.js">&"\'</script>'


def _page(*cases: PatientCase, **changed: Any) -> str:
    given: dict[str, Any] = {
        "statement": "Patients of one hospital.",
        "phantom": False,
        "classes": ("benign", "malignant"),
        "lambdas": WEIGHTS,
        "age_table": AGE_TABLE,
        "title": "How each patient was called",
    }
    return render_patients(cases, **(given | changed))


def _text(*cases: PatientCase, **changed: Any) -> str:
    return Tree(_page(*cases, **changed)).text


@pytest.fixture(scope="module")
def whole() -> str:
    other = case(explained({"T1WI": ([0.2], 0.1)}, a=NONE), age=NONE, name="P-2")
    return _page(case(explained(USUAL)), other, patients=140)


@pytest.fixture(scope="module")
def tree(whole: str) -> Tree:
    return Tree(whole)


def test_elements_are_closed_in_order_and_ids_unique(tree: Tree) -> None:
    assert not tree.errors and not tree.open
    ids = [attrs["id"] for _, attrs in tree.starts if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [str(attrs["href"])[1:] for attrs in tree.all("a")]
    assert targets and set(targets) <= set(ids)


def test_nothing_is_loaded_from_anywhere_and_nothing_runs(whole: str, tree: Tree) -> None:
    for _, attrs in tree.starts:
        for key in ("src", "href", "xlink:href", "action", "srcset", "poster"):
            assert (attrs.get(key) or "#").startswith(("#", "data:image/"))
        assert not [key for key in attrs if key.startswith("on")]
    assert not [t for t, _ in tree.starts if t in ("script", "link", "iframe", "object", "base")]
    assert "@import" not in whole and "http" not in whole.replace("http-equiv", "")
    assert not re.search(r"url\((?!#)", whole)
    policy = [m["content"] for m in tree.all("meta") if m.get("http-equiv")]
    assert policy == [SECURITY] and "default-src 'none'" in SECURITY
    assert "script-src" not in SECURITY


def test_text_is_escaped_everywhere() -> None:
    tables = explained({HOSTILE: ([0.9], 0.8)})
    one = case(tables, name=HOSTILE, reason=HOSTILE)
    one = replace(one, age=HOSTILE, location=HOSTILE)
    one = replace(one, sequences=(replace(one.sequences[0], plane=HOSTILE, box_from=HOSTILE),))
    given = {"statement": HOSTILE, "title": HOSTILE, "classes": ("benign", HOSTILE)}
    page = _page(one, phantom=False, **given)
    tree = Tree(page)
    assert not tree.all("script") and not tree.errors
    assert "<script" not in page and "</script" not in page
    assert tree.text.count("evil.example") > 8


@pytest.mark.parametrize("where", ["picture", "strip"])
def test_a_picture_that_could_be_an_address_is_refused(where: str) -> None:
    one = case(explained({"T1WI": ([0.9], 0.8)}))
    sequence = one.sequences[0]
    image = replace(sequence.images[0], picture="https://evil.example/x.png")
    changed = {"images": (image,)} if where == "picture" else {"strip": "data:text/html,x"}
    with pytest.raises(ValueError, match=r"data:image/png, jpeg or webp"):
        _page(replace(one, sequences=(replace(sequence, **changed),)))


def test_the_method_is_told_with_its_weights_and_worked_out(tree: Tree) -> None:
    assert "P = 0.45 × D + 0.45 × M + 0.10 × A" in tree.text
    assert "0.45 × 0.83 + 0.45 × 0.71 + 0.10 × 0.62 = 0.76" in tree.text
    assert "no calibrated probabilities" in tree.text
    assert "two majority votes" in tree.text


def test_a_term_without_weight_is_left_out() -> None:
    weights = (0.45, 0.45, 0.0)
    text = _text(case(explained(USUAL, weights=weights)), lambdas=weights)
    assert "P = (0.45 × D + 0.45 × M) / 0.90" in text
    assert "age table" not in text.lower()
    weights = (0.0, 0.45, 0.1)
    text = _text(case(explained(USUAL, weights=weights)), lambdas=weights)
    assert "A detector" not in text and "sequence model" in text


def test_every_vote_stands_in_words(tree: Tree) -> None:
    assert "3 of 4 images say malignant → malignant. 1 image without a box" in tree.text
    assert "Both images say benign → benign." in tree.text
    assert "2 of 3 sequences say malignant → malignant." in tree.text


def test_every_image_has_its_place_in_the_ballot(tree: Tree) -> None:
    told = [attrs["title"] for attrs in tree.all("span") if attrs.get("title")]
    assert len(told) == 10 + 1
    assert told[:4] == ["slice 1: P 0.76", "slice 2: P 0.79", "slice 3: P 0.47", NO_VOTE]


NO_VOTE = "slice 4: no box, no vote"


def test_every_image_has_its_numbers_as_text(tree: Tree) -> None:
    assert "0.37 + 0.32 + 0.06" in tree.text
    assert "1 0.83 0.37 0.32 0.06 0.76 malignant" in tree.text
    assert "4 – – – – – no vote" in tree.text


def test_an_unknown_age_is_said(tree: Tree) -> None:
    assert "The age is not known: this term drops out" in tree.text
    assert "(0.45 × 0.20 + 0.45 × 0.10) / 0.90 = 0.15" in tree.text


def test_the_age_term_is_told_from_the_table(tree: Tree) -> None:
    said = "Age 57: A = 0.62, from patients aged 50 to 59 (18 benign, 29 malignant in training)."
    assert said in tree.text


def test_how_many_are_not_shown_is_said(tree: Tree) -> None:
    assert "2 of 140 judged patients" in tree.text and "138 are not shown" in tree.text
    assert "not shown" not in _text(case(explained({"T1WI": ([0.9], 0.9)})))
    with pytest.raises(ValueError, match="patients: 1 found"):
        _page(case(explained(USUAL)), case(explained(USUAL)), patients=1)


def test_phantoms_are_called_so() -> None:
    one = case(explained(USUAL))
    assert PHANTOM in _text(one, phantom=True)
    assert PHANTOM not in _text(one) and "Patients of one hospital." in _text(one)


def test_no_box_on_any_image_still_makes_a_page() -> None:
    text = _text(case(explained({"T1WI": ([NONE] * 4, 0.7)})))
    assert "No box on any image: the sequence model and the age alone say malignant." in text
    assert "no box: this term drops out" in text


def test_a_patient_whom_only_the_age_decides() -> None:
    text = _text(case(explained({"T1WI": ([NONE] * 2, NONE)})))
    assert "No sequence has a vote: the age alone says malignant." in text
    assert "The image that decides" not in text


def test_two_sequences_of_one_name_are_told_apart() -> None:
    one = case(explained({"T2WI": ([0.9], 0.9), "T2WI ": ([0.2], 0.1), "": ([0.9], 0.9)}))
    text = _text(one)
    assert "T2WI (1), sagittal" in text and "T2WI (2), sagittal" in text
    assert "an unrecognised sequence" in text


def test_many_slices_are_cut_evenly_and_said() -> None:
    ds = [0.3 + 0.6 * (k % 7) / 7 for k in range(60)]
    one = case(explained({"T1WI": (ds, 0.5)}))
    tree = Tree(_page(one))
    slices = [
        int(str(attrs["alt"]).rsplit(" ", 1)[1])
        for attrs in tree.all("img")
        if "T1WI, sagittal, slice" in str(attrs["alt"])
    ]
    assert len(slices) == MOST[0] and slices == sorted(slices)
    assert (slices[0], slices[-1]) == (1, 60)
    middle = one.sequences[0].middle
    assert middle is not None and middle.slice in slices
    assert "Pictures of 12 of 60 images, evenly" in tree.text
    assert len([a for a in tree.all("span") if a.get("title")]) == 60


def test_a_page_stays_below_its_limit_and_says_what_it_left_out() -> None:
    cases = [case(explained({"T1WI": ([0.9] * 12, 0.9)}), side=64) for _ in range(4)]
    full = len(_page(*cases).encode())
    fewer = _page(*cases, limit=full * 2 // 3)
    assert len(fewer.encode()) < full * 2 // 3
    assert "of 12 images, evenly" in fewer and "left out to keep" not in fewer
    bare = _page(*[case(explained({"T1WI": ([0.9] * 12, 0.9)}), pictures=False)])
    tight = _page(*cases, limit=len(bare.encode()) + 20_000)
    text = Tree(tight).text
    assert "left out to keep the page small" in text and "not shown" in text
    with pytest.raises(ValueError, match="bytes with one case"):
        _page(*cases, limit=10_000)


def test_pictures_without_a_strip_and_none_at_all() -> None:
    text = _text(case(explained(USUAL), pictures=False))
    assert "No picture of this sequence is shown." in text and "picture not shown" in text
    assert "Pictures of" not in text


def test_no_case_at_all_is_a_page() -> None:
    tree = Tree(_page(patients=7))
    assert not tree.errors and "No patient is shown; 7 were judged." in tree.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"classes": ("a", "b", "c")}, "classes: 3 found"),
        ({"lambdas": (0, 0, 0)}, "not all 0"),
        ({"lambdas": (0.5, 0.5)}, "three of 0 or more"),
        ({"lambdas": (0.5, -0.1, 0.5)}, "three of 0 or more"),
        ({"lambdas": (0.4, 0.5, 0.1)}, "contribution of detector"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _page(case(explained(USUAL)), **wrong)


ROWS = [(0.45, 0, 0), (0.45, 0, 0.1), (0, 0.45, 0), (0, 0.45, 0.1), (0.45, 0.45, 0), WEIGHTS]


@pytest.mark.parametrize("no_box", ["skip", "uniform"])
@pytest.mark.parametrize("weights", [*ROWS, (0, 0, 1)])
def test_the_fusion_s_own_tables_of_every_row_make_a_page(
    weights: tuple[float, float, float], no_box: Any
) -> None:
    draw = np.random.default_rng(int(100 * sum(weights)))
    images, series, people = [], [], []
    for patient in range(6):
        people.append((f"p{patient}", NONE if patient % 4 == 0 else draw.uniform(), patient % 2))
        for kind in range(1 + patient % 4):
            name, empty = f"p{patient}s{kind}", draw.uniform() < 0.3
            series.append((name, f"p{patient}", NONE if draw.uniform() < 0.3 else draw.uniform()))
            for k in range(int(draw.integers(1, 7))):
                d = NONE if empty or draw.uniform() < 0.3 else draw.uniform()
                images.append((f"{name}i{k}", name, f"p{patient}", d))
    terms = terms_of(
        pd.DataFrame(images, columns=["sample_id", "sequence_id", "patient_id", "d"]),
        pd.DataFrame(series, columns=["sequence_id", "patient_id", "m"]).assign(sequence="T1WI"),
        pd.DataFrame(people, columns=["patient_id", "a", "label"]),
    )
    tables = explain(terms, weights, no_box)
    known = tables.images[["sample_id"]].assign(slice=pd.NA, age=50.0)
    cases = [
        case_of(name, tables, known, name=name, reason="all", pictures={})
        for name in tables.patients["patient_id"]
    ]
    table = fit_age_table(draw.uniform(5, 85, 200), draw.integers(0, 2, 200)).as_json()
    text = _text(*cases, lambdas=weights, age_table=table)
    assert len(cases) == text.count("The votes") == 6
    if weights[2] > 0:
        assert "from patients aged 50 to 59" in text
