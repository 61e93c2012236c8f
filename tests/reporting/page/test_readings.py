"""Sentences and colours that sections make by rule."""

from typing import Any

import pytest

from osteon.reporting.card.answers_data import disjoint
from osteon.reporting.card.facts import CardFacts
from osteon.reporting.page.render import render
from osteon.reporting.page.sections_controls import finding, worked
from osteon.reporting.page.sections_explaining import tone_of
from osteon.reporting.page.sections_preparation import counts_table, greys, sentences
from osteon.reporting.page.sections_summary import age, checks, passed_point
from tests.reporting import card_sample, image_sample, sample

MISSING = [{"name": "a", "statement": "no copy lies elsewhere", "reason": "no search"}]


def ends(lo: float | None, hi: float | None) -> dict[str, Any]:
    return {"value": 0.1, "lo": lo, "hi": hi}


@pytest.mark.parametrize(
    ("lo", "hi", "p_holm", "said"),
    [
        (0.01, 0.2, 0.01, "image adds"),
        (0.01, 0.2, 0.05, "no gain shown after Holm"),
        (0.01, 0.2, None, "no gain shown after Holm"),
        (-0.01, 0.2, 0.01, "no gain shown: the interval holds 0"),
        (0.0, 0.2, 0.01, "no gain shown: the interval holds 0"),
        (-0.2, -0.01, 0.01, "worse with the image"),
        (-0.2, -0.01, 0.2, "no gain shown after Holm"),
        (None, None, 0.01, "no interval, no finding"),
    ],
)
def test_the_image_adds_only_by_interval_and_after_holm(
    lo: float | None, hi: float | None, p_holm: float | None, said: str
) -> None:
    assert finding(ends(lo, hi), p_holm, 0.05) == said


def test_no_difference_is_no_finding() -> None:
    assert finding(None, 0.01, 0.05) == "no interval, no finding"


def test_the_summary_and_the_table_say_the_same_of_a_gain_that_holm_takes_back() -> None:
    metrics = sample.metrics()
    compared = metrics["beyond_clinical"]["resnet18_all"]
    compared |= sample.tests(0.2)
    for test in compared["tests"]:
        test["p_holm"] = 0.3
    text = render(sample.everything(metrics=metrics))
    assert "no gain shown after Holm" in text and "so the image adds to them" not in text
    assert "does not show that the image adds anything to them once p is adjusted" in text


def test_matching_worked_only_if_the_interval_of_age_alone_holds_a_half() -> None:
    assert "so the matching worked" in worked({"value": 0.53, "lo": 0.45, "hi": 0.6})
    said = worked({"value": 0.53, "lo": 0.51, "hi": 0.56})
    assert "some age difference remains (0.530 against 0.5)" in said and "may still owe" in said
    assert "matching worked" not in said
    assert "unknown" in worked({"value": 0.53, "lo": None, "hi": None})
    assert "unknown" in worked(None)


def test_a_map_is_green_only_if_it_follows_the_weights() -> None:
    assert tone_of("follows the weights") == "good"
    assert tone_of("not judged: 3 images") == "warn"
    assert tone_of("worthless: the same") == "bad" == tone_of("worthless for finding lesions: x")
    assert tone_of("anything else") == "warn"


def test_a_passed_certificate_is_green_only_if_complete() -> None:
    assert passed_point({"passed": True, "complete": True}) == ("Leak certificate: passed.", "good")
    found = {"passed": True, "complete": False, "not_checked": MISSING * 2}
    assert passed_point(found) == ("Leak certificate: passed; 2 checks not made.", "")
    view = sample.everything(certificate=found | {"not_checked": MISSING}).view
    assert ("Leak certificate: passed; 1 check not made.", "") in checks(view)


def test_the_card_says_how_many_checks_were_not_made() -> None:
    given = card_sample.certificate(complete=False, not_checked=MISSING)
    said = str(disjoint(CardFacts("x", certificate=given)))
    assert said.startswith("leak certificate passed; 1 check(s) not made, unit patient.")
    whole = str(disjoint(CardFacts("x", certificate=card_sample.certificate(complete=True))))
    assert "not made" not in whole


def test_the_summary_says_that_some_age_difference_remains() -> None:
    metrics = sample.metrics()
    remains = "Some age difference remains among them."
    assert remains not in render(sample.everything(metrics=metrics))
    metrics["age_matched"]["age_auroc"] = sample.value(0.53, 0.01)
    assert remains in render(sample.everything(metrics=metrics))


@pytest.mark.parametrize(
    ("whole", "matched", "said"),
    [
        (0.2, 0.2, "the gain over the reference remains"),
        (0.2, -0.2, "the gain over the reference turns into a loss"),
        (0.2, 0.0, "the gain over the reference is not shown to remain"),
        (-0.2, -0.2, "is lower than the reference's, difference"),
        (0.0, 0.2, "is higher than the reference's, difference"),
        (-0.2, 0.0, "cannot be told from the reference's, difference"),
    ],
)
def test_no_gain_is_kept_or_lost_where_there_was_none(
    whole: float, matched: float, said: str
) -> None:
    metrics = sample.metrics()
    view = sample.everything(metrics=metrics).view
    metrics["comparisons"][view.headline]["patient"] |= sample.tests(whole)
    ours = metrics["age_matched"]["learners"][view.headline]
    ours["difference"] = ends(matched - 0.05, matched + 0.05)
    ((text, _),) = age(view)
    assert said in text
    assert ("gain" in text) == (whole > 0)


def test_what_a_crop_shows_is_not_called_the_lesion_where_a_threshold_decides() -> None:
    found = image_sample.preparation()
    assert "else of what the threshold finds, which need not be the lesion" in sentences(found)
    found["region"]["sources"] = {"mask": 120, "whole": 24}
    said = sentences(found)
    assert "of the lesion where it is outlined, else whole" in said and "threshold" not in said


def test_a_share_without_hue_and_counts_name_what_they_are_of() -> None:
    found = image_sample.preparation()
    found["colour"] = {"source": "as_is", "without_hue": 0.25}
    assert "25 % of the pixels of the first 64 images have no hue." in sentences(found)
    found["slices"]["chosen"] = 5
    assert "of the first 5 images" in sentences(found)
    found["region"]["notes"]["no lesion is drawn in the series: its middle slice is taken"] = 3
    table = counts_table(found)
    assert table is not None and table.columns[-1] == "Count"
    notes = [row[1].text for row in table.groups[0].rows if row[0].text == "Noted"]
    assert [one.endswith("(series)") for one in notes] == [False, True]


GREYS = {
    "size": 64, "resize": "letterbox", "intensity": "percentile", "percentiles": [1.0, 99.5],
    "background": "share", "background_share": 0.05, "smoothing": 0.5, "planes": ["SAGITTAL"],
    "masks": True,
}  # fmt: skip


def test_greys_are_told_step_by_step_in_the_order_in_which_they_are_made() -> None:
    said = sentences({"colour": {"source": "grey"}, "given": GREYS})
    steps = (
        "They are grey.", "pixels below 5 % of its 99.5th percentile become black",
        "a Gaussian of σ = 0.5 px", "percentile 1 (black) to 99.5 (white)",
        "laid on 64 × 64 px with its sides in proportion", "label map", "Only sagittal series",
    )  # fmt: skip
    places = [said.index(step) for step in steps]
    assert places == sorted(places)
    plain = {"intensity": "display", "resize": "stretch", "masks": False, "planes": None}
    said = sentences({"colour": {"source": "grey"}, "given": GREYS | plain})
    assert said == "They are grey. Each is stretched to 64 × 64 px, whatever its sides."
    otsu = greys(GREYS | {"background": "otsu", "smoothing": 0})
    assert "up to Otsu's threshold" in otsu and "Gaussian" not in otsu


def test_a_field_is_told_by_the_millimetres_of_a_pixel() -> None:
    given = GREYS | {"size": 112, "field_mm": 336.0}
    found = {"region": {"mode": "whole"}, "colour": {"source": "grey"}, "given": given}
    said = sentences(found)
    assert "A pixel is 3.00 mm in every image; what is larger than 336 mm is cut about" in said
    assert "the rest is black" in said and "shown whole" not in said and "proportion" not in said
    found["region"] = {"mode": "fixed"}
    assert "cropped to a square of fixed size" in sentences(found)
    given["field_mm"] = None
    assert sentences(found | {"region": {"mode": "whole"}}).startswith("Each is shown whole.")
    none = greys(GREYS | {"background": "none"})
    assert none.startswith("Of each, in this order: a Gaussian")
