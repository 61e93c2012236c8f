"""What a cohort's own words and pictures cannot do to the page, and how large it gets."""

import sys
from types import SimpleNamespace

import pytest

from osteon.reporting.page import render as page
from osteon.reporting.page.render import ReportParts, render
from tests.reporting import sample
from tests.reporting.page.charts import chart, svg
from tests.reporting.page.tree import Tree


@pytest.fixture(autouse=True)
def _drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "osteon.reporting.figures.draw", SimpleNamespace(svg=svg))


EVIL = '<script>alert("x")</script>'


def test_names_from_data_cannot_become_markup() -> None:
    metrics = sample.metrics()
    metrics["settings"]["positive_class"] = EVIL
    metrics["learners"][EVIL] = metrics["learners"].pop("resnet18_age")
    metrics["learners"]["resnet18_all"]["patient"]["warnings"] = [EVIL]
    galleries = sample.galleries()
    galleries[0]["cases"][0]["label"] = EVIL
    ledger = sample.ledger()
    ledger["rows"][0]["what"] = EVIL
    roc = chart("roc")
    roc.title = roc.note = EVIL
    roc.series = (
        SimpleNamespace(key="a", name=EVIL, role="other"),
        SimpleNamespace(key="b", name='" onload="alert(1)', role="other"),
    )
    parts = sample.everything(
        {"roc": roc},
        title=EVIL,
        statement=EVIL,
        metrics=metrics,
        galleries=galleries,
        ledger=ledger,
        run=sample.run() | {"command": EVIL},
    )
    made = render(parts)
    tree = Tree(made)
    assert not tree.errors
    assert len(tree.all("script")) == 1
    assert EVIL not in made
    assert EVIL in tree.text
    assert not [attrs for _, attrs in tree.starts if "onload" in attrs]


def test_a_statement_cannot_leave_the_print_rules() -> None:
    made = render(ReportParts("t", statement='"; } </style><script>x</script> body { color: red'))
    assert made.count("</style>") == 1
    assert len(Tree(made).all("script")) == 1


@pytest.mark.parametrize("address", ["https://example.org/a.png", "data:image/svg+xml;base64,AA"])
def test_an_image_that_is_no_inline_picture_is_refused(address: str) -> None:
    galleries = sample.galleries()
    galleries[0]["cases"][0]["tiles"][0]["image"] = address
    with pytest.raises(ValueError, match="galleries"):
        render(sample.everything(galleries=galleries))


def test_galleries_shrink_until_the_page_is_small_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = sample.everything(galleries=sample.galleries(cases=8, side=96))
    size = len(render(parts))
    monkeypatch.setattr(page, "LIMIT", int(0.9 * size))
    made = render(parts)
    assert len(made) <= page.LIMIT
    assert "4 further cases are left out" in made


def test_a_page_too_large_without_galleries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "LIMIT", 1000)
    with pytest.raises(ValueError, match="without galleries"):
        render(sample.everything())
