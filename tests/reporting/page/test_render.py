"""The page as a whole: self-contained, escaped, complete, printable."""

import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from osteon.reporting.page import render as page
from osteon.reporting.page.render import ReportParts, render
from tests.reporting import sample
from tests.reporting.page.charts import chart, svg
from tests.reporting.page.tree import Tree

SECTIONS = {
    "summary": "metrics",
    "cohort": "cohort",
    "paper": "paper_tables",
    "discrimination": "metrics",
    "paired": "metrics",
    "controls": "metrics",
    "calibration": "metrics",
    "thresholds": "metrics",
    "subgroups": "metrics",
    "explanations": "explanations",
    "galleries": "galleries",
    "learning": "histories",
    "audit": "split_gap",
    "ledger": "ledger",
    "certificate": "certificate",
    "reproduction": "run",
    "settings": "metrics",
    "glossary": "metrics",
}


@pytest.fixture(autouse=True)
def _drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "osteon.reporting.figures.draw", SimpleNamespace(svg=svg))


@pytest.fixture(scope="module")
def whole() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "osteon.reporting.figures.draw", SimpleNamespace(svg=svg))
        names = ("roc", "reliability", "confusion", "learning_curves", "surprise")
        return render(sample.everything({name: chart(name) for name in names}))


@pytest.fixture(scope="module")
def tree(whole: str) -> Tree:
    return Tree(whole)


def test_elements_are_closed_in_order(tree: Tree) -> None:
    assert not tree.errors
    assert not tree.open


def test_ids_are_unique_also_between_drawings(tree: Tree) -> None:
    ids = [attrs["id"] for _, attrs in tree.starts if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert "roc--clip" in ids


def test_a_drawing_refers_to_its_own_ids(whole: str) -> None:
    assert "url(#roc--clip)" in whole
    assert "url(#clip)" not in whole


def test_nothing_is_loaded_from_anywhere(whole: str, tree: Tree) -> None:
    for _, attrs in tree.starts:
        for key in ("src", "href", "xlink:href", "action", "srcset", "poster"):
            assert (attrs.get(key) or "#").startswith(("#", "data:image/"))
    assert not [tag for tag, _ in tree.starts if tag in ("link", "iframe", "object", "base")]
    assert "@import" not in whole
    assert not re.search(r"url\((?!#)", whole)
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", whole)
    assert "http://" not in without_names
    assert "https://" not in without_names


def test_the_page_forbids_itself_the_network(tree: Tree) -> None:
    policy = [m["content"] for m in tree.all("meta") if m.get("http-equiv")]
    assert policy == [page.SECURITY]
    assert "default-src 'none'" in page.SECURITY


@pytest.mark.parametrize(("key", "part"), SECTIONS.items())
def test_a_section_stands_when_its_part_does(tree: Tree, key: str, part: str) -> None:
    assert key in [attrs.get("id") for attrs in tree.all("section")]
    # Some sections can also be filled from other parts.
    also = {
        "cohort": ("metrics",),
        "reproduction": ("metrics",),
        "summary": ("certificate", "split_gap"),
        "calibration": ("curves",),
    }
    empty: Any = () if part in ("galleries", "paper_tables") else None
    less = Tree(render(sample.everything(**{part: empty}, **dict.fromkeys(also.get(key, ())))))
    assert key not in [attrs.get("id") for attrs in less.all("section")]


def test_sections_stand_in_order_and_in_the_contents(tree: Tree) -> None:
    keys = [attrs.get("id") for attrs in tree.all("section")]
    assert [key for key in keys if key != "figures"] == list(SECTIONS)
    links = [attrs["href"] for attrs in tree.all("a")]
    assert [f"#{key}" for key in keys] == [link for link in links if link != "#content"]


def test_a_chart_that_no_section_knows_is_shown(tree: Tree) -> None:
    assert "surprise title." in tree.text


def test_a_title_alone_makes_a_page() -> None:
    tree = Tree(render(ReportParts("Nothing yet")))
    assert not tree.errors
    assert "Nothing yet" in tree.text
    assert page.UNSTATED in tree.text


def test_a_phantom_says_so_on_top_and_on_every_printed_page(whole: str, tree: Tree) -> None:
    assert page.PHANTOM in tree.text[:600]
    assert sample.STATEMENT in tree.text[:800]
    assert f'content: "{page.css_string(page.PHANTOM)}' in whole
    assert page.css_string(page.PHANTOM) in whole


def test_real_patients_are_not_called_synthetic() -> None:
    metrics = sample.metrics()
    metrics["data"] |= {"source": "folder", "statement": "Patients of one hospital."}
    text = Tree(render(sample.everything(metrics=metrics, statement=None))).text
    assert page.PHANTOM not in text
    assert "Patients of one hospital." in text


def test_research_use_is_stated(tree: Tree) -> None:
    assert "Not a medical device" in tree.text


def test_no_number_that_is_none_is_printed() -> None:
    nan = float("nan")
    metrics = sample.metrics()
    judged = metrics["learners"]["resnet18_all"]["patient"]
    judged["scores"]["auroc"] = {"value": nan, "lo": nan, "hi": nan, "folds": {"mean": nan}}
    judged["at_0.5"]["f1"] = {"value": None, "lo": None, "hi": None, "method": "x"}
    judged["calibration"] = {"brier": 0.1, "slope": nan, "intercept": None}
    metrics["comparisons"]["resnet18_all"]["patient"]["tests"][0] |= {"value": nan, "p": nan}
    metrics["settings"]["alpha"] = float("inf")
    text = Tree(render(sample.everything(metrics=metrics))).text
    assert not re.search(r"\b(nan|inf|none|null|NaT)\b", text.replace("none: from scratch", ""))
    assert "None" not in text
    assert not re.search(r"\d[eE][-+]?\d\d", text)


def test_bare_numbers_of_calibration_are_shown() -> None:
    metrics = sample.metrics()
    plain = {"brier": 0.1761, "expected_calibration_error": 0.0617, "slope": 0.8, "intercept": 0.1}
    for name in ("resnet18_baseline", "resnet18_age", "resnet18_alp", "resnet18_all"):
        metrics["learners"][name]["patient"]["calibration"] = plain
    text = Tree(render(sample.everything(metrics=metrics))).text
    assert "0.176" in text


def test_intervals_and_p_values_are_written_alike(tree: Tree) -> None:
    assert "0.940 [0.900, 0.980]" in tree.text
    assert "<0.001" in tree.text
    assert "−0.004" in tree.text
    assert "-0.004" not in tree.text


def test_every_figure_says_level_and_patients(whole: str) -> None:
    captions = re.findall(r"<figcaption><b>(\w+) title\.</b> ([^<]*)", whole)
    assert [name for name, _ in captions] == [
        "roc",
        "reliability",
        "confusion",
        "learning_curves",
        "surprise",
    ]
    for name, caption in captions:
        assert "level" in caption
        assert name == "learning_curves" or "240 patients" in caption


def test_it_is_read_without_javascript(whole: str) -> None:
    bare = Tree(re.sub(r"<script>.*?</script>", "", whole, flags=re.DOTALL))
    for words in ("0.940", "Confusion", "case 1", "92.62 − 91.44 = 1.18", "kedro run"):
        assert words in bare.text
    assert [attrs for attrs in bare.all("input") if attrs.get("type") == "checkbox"]
    # Controls that need JavaScript are made by it.
    assert not bare.all("button")


def test_pictures_tables_and_headings_are_accessible(tree: Tree, whole: str) -> None:
    assert all(attrs.get("alt") for attrs in tree.all("img"))
    assert all(attrs.get("scope") for attrs in tree.all("th"))
    assert len(tree.all("caption")) == len(tree.all("table"))
    assert len(tree.all("h1")) == 1
    assert tree.all("html") == [{"lang": "en"}]
    assert "role" in next(attrs for tag, attrs in tree.starts if attrs.get("class") == "drawing")


@pytest.mark.parametrize(
    "rule",
    [
        "size: A4",
        "table-header-group",
        "break-inside: avoid",
        "@top-left",
        "counter(page)",
        "break-after: avoid",
    ],
)
def test_print_rules_are_there(whole: str, rule: str) -> None:
    assert rule in whole


def test_a_failed_certificate_shouts_and_names_nobody() -> None:
    text = Tree(render(sample.everything(certificate=sample.certificate(passed=False)))).text
    assert "FAILED" in text
    assert "Quote no figure of this page" in text
    assert "PSEUDONYM" not in text


def test_a_statement_with_two_readings_gets_no_verdict() -> None:
    text = Tree(render(sample.everything())).text
    at = text.index("about two times larger")
    assert "2 x 848 or 3 x 848" in text[at : at + 120]
    assert "hold" not in text[at : at + 90]


def test_what_was_not_checked_is_never_shown_as_passed() -> None:
    text = Tree(render(sample.everything())).text
    at = text.index("no image derived from another lies in a different part")
    assert "samples have no column `parent` – – not checked" in text[at : at + 150]


def test_an_audit_alone_makes_a_page_with_its_gap() -> None:
    parts = ReportParts("Audit", statement="Synthetic patients.", split_gap=sample.split_gap())
    text = Tree(render(parts)).text
    assert "would read 0.960 instead of 0.900: gap 0.060 [0.020, 0.100]" in text
    assert "never quote these figures" in text
    assert page.PHANTOM in text


def test_the_headline_is_not_the_best_result_but_the_most_inputs() -> None:
    metrics = sample.metrics()
    metrics["learners"]["resnet18_alp"]["patient"]["scores"]["auroc"] = sample.value(0.99, 0.005)
    text = Tree(render(sample.everything(metrics=metrics))).text
    assert text.index("all inputs 0.940") < text.index("headline learner")


def test_a_headline_that_was_not_judged_is_refused() -> None:
    with pytest.raises(ValueError, match="headline"):
        render(sample.everything(headline="resnet99"))


def test_permuted_labels_away_from_chance_are_called_a_leak() -> None:
    metrics = sample.metrics()
    permuted = metrics["permuted_labels"]["learners"]["resnet18_permuted"]
    permuted["patient"]["scores"]["auroc"] = sample.value(0.7)
    assert "look for a leak" in Tree(render(sample.everything(metrics=metrics))).text


def test_a_network_no_better_than_its_clinical_values_is_said_to_be(tree: Tree) -> None:
    assert "does not show that the image adds anything" in tree.text
    metrics = sample.metrics()
    metrics["beyond_clinical"]["resnet18_all"] |= sample.tests(0.2)
    assert "so the image adds to them" in Tree(render(sample.everything(metrics=metrics))).text


def test_the_same_parts_give_the_same_page() -> None:
    assert render(sample.everything()) == render(sample.everything())


def test_the_real_charts_are_drawn_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    charts = pytest.importorskip("osteon.reporting.figures.charts")
    made = charts.build_charts(
        sample.metrics(),
        sample.curves(),
        sample.comparison(),
        sample.histories(),
        sample.explanations(),
    )
    tree = Tree(render(sample.everything(made)))
    assert not tree.errors
    for name in made:
        assert any(attrs.get("id") == f"figure-{name}" for attrs in tree.all("figure"))
    # Every button that a reader gets hides something.
    drawn = {attrs.get("data-series") for attrs in tree.all("g")}
    assert {attrs.get("data-key") for attrs in tree.all("li")} - {None} <= drawn
