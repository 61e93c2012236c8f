"""Section of the report: the summary, in numbers and in sentences made by rule."""

import re
from collections.abc import Mapping
from typing import Any

from osteon.reporting.page.blocks import Card, Cards, Points, Section, section
from osteon.reporting.page.parts import AGE_CONTROL, View
from osteon.reporting.page.sections_controls import ADDS, NOT_AFTER_HOLM, WORSE, alpha, finding
from osteon.reporting.page.sections_outlining_summary import summary as outlined
from osteon.reporting.page.sections_results import FIXED, SCORES
from osteon.reporting.page.sections_run import all_warnings
from osteon.reporting.page.tables import absent, equals, estimate, number, parts_of, spoken

Point = tuple[str, str]
SAID = {
    ADDS: ("so the image adds to them", "good"),
    WORSE: ("so the network does worse than they do without any image", "bad"),
}
CALLED = ("accuracy", "sensitivity", "specificity")
SHARE = re.compile(r"\((\d+(?:\.\d+)?) %\)")
SHIFTED = 10.0
"""Percentage points between training and judged part from which a shift is told."""
NOT_SHOWN = ("so this run does not show that the image adds anything to them", "warn")


def summary(view: View) -> Section:
    """Headline beside reference and controls, certificate, warnings."""
    if view.segmentation:
        return outlined(view, checks(view))
    cards = Cards(tuple(found)) if (found := all_cards(view)) else None
    points = [*comparison(view), *called(view), *shift(view)]
    points += [*beyond(view), *chance(view), *age(view)]
    points += [*audit(view), *checks(view)]
    return section("summary", "Summary", cards, Points(tuple(points)) if points else None)


def all_cards(view: View) -> list[Card]:
    """AUROC of headline, reference, their difference and the controls."""
    if view.headline is None:
        return []
    permuted = next(iter(view.permuted), None)
    named = [
        (view.headline, "headline learner, AUROC", "main"),
        (view.reference if view.reference != view.headline else None, "reference, AUROC", ""),
        (view.clinical, "control without any image, AUROC", "control"),
        (AGE_CONTROL, "control, AUROC", "control"),
        (permuted, "shuffled diagnoses, AUROC; 0.5 is right", "control"),
    ]
    cards = [card(view, name, note, tone) for name, note, tone in named if name]
    difference = versus(view)
    if difference:
        made = estimate(difference)
        note = f"headline minus reference, {holm(view)}".rstrip(", ")
        cards.insert(2, Card("Difference", made.text, made.minor, note))
    return [one for one in cards if one is not None]


def card(view: View, name: str, note: str, tone: str) -> Card | None:
    """One learner's AUROC at the headline level."""
    found = view.metric(name, SCORES, "auroc")
    if found is None:
        return None
    made = estimate(found)
    return Card(view.label(name), made.text, made.minor, note, tone)


def versus(view: View) -> Any:
    """The paired difference of AUROC, headline minus reference."""
    if view.headline is None or view.headline == view.reference:
        return None
    return view.test(view.headline, "bootstrap", SCORES, "auroc")


def holm(view: View) -> str:
    """DeLong's p of the headline after Holm, in words."""
    test = view.test(str(view.headline), "delong", SCORES, "auroc")
    value = (test or {}).get("p_holm")
    return "" if absent(value) else f"DeLong {equals(value)} after Holm"


def comparison(view: View) -> list[Point]:
    """Who is compared, on whom, and what came out."""
    difference = versus(view)
    if difference is None:
        return []
    what = side(difference, "is higher than", "is lower than", "cannot be told from")
    text = (
        f"The AUROC of {view.label(view.headline)} {what} that of {view.label(view.reference)}: "
        f"difference {spoken(difference)}"
    )
    tail = f", {holm(view)}" if holm(view) else ""
    return [(f"{text}{tail} ({view.counts()}). Headline: {view.cast.why}.", "")]


def side(difference: Mapping[str, Any], above: str, below: str, unclear: str) -> str:
    """What a difference's interval says, by rule: does it hold 0?"""
    _, lo, hi = parts_of(difference)
    if absent(lo) or absent(hi):
        return unclear
    if lo > 0:
        return above
    return below if hi < 0 else unclear


def called(view: View) -> list[Point]:
    """How often the headline's votes are right, where it calls by vote."""
    judged = view.find(view.headline).get(view.level) or {}
    if judged.get("called_by") != "vote":
        return []
    found = {name: view.metric(view.headline, FIXED, name) for name in CALLED}
    if any(one is None for one in found.values()):
        return []
    said = ", ".join(f"{name} {spoken(one)}" for name, one in found.items())
    return [(f"Called by vote, {view.label(view.headline)} has {said}.", "")]


def shift(view: View) -> list[Point]:
    """Under a hold-out: is the positive class much rarer or commoner in the judged part?"""
    rows = ((view.parts.cohort or {}).get("demographics") or {}).get("rows") or ()
    name = f"class: {view.settings.get('positive_class')}"
    found: Mapping[str, Any] = next((row["values"] for row in rows if row.get("name") == name), {})
    shares = [SHARE.search(str(found.get(part, ""))) for part in ("train", "test")]
    if not all(shares):
        return []
    learnt, judged = (float(one.group(1)) for one in shares if one)
    if abs(learnt - judged) < SHIFTED:
        return []
    what = "commoner" if learnt > judged else "rarer"
    error = "too many" if learnt > judged else "too few"
    return [
        (
            f"Shift of prevalence: {learnt:.1f} % of the training part are {view.positive}, "
            f"{judged:.1f} % of the judged part. What is learnt where {view.positive} is {what} "
            f"calls {error} patients so elsewhere: read sensitivity and specificity together, and "
            "neither accuracy nor probabilities as those of another clinic.",
            "warn",
        )
    ]


def beyond(view: View) -> list[Point]:
    """Whether the image adds to the clinical values."""
    difference = view.beyond(str(view.headline), "bootstrap", SCORES, "auroc")
    if difference is None:
        return []
    delong = view.beyond(str(view.headline), "delong", SCORES, "auroc") or difference
    found = finding(difference, delong.get("p_holm"), alpha(view))
    verdict, tone = SAID.get(found, NOT_SHOWN)
    if found == NOT_AFTER_HOLM:
        verdict += " once p is adjusted after Holm"
    control = view.metric(view.clinical, SCORES, "auroc")
    values = "The same clinical values alone"
    what = values if view.with_values else view.label(view.clinical).capitalize()
    text = (
        f"{what}, in a logistic regression, reach {spoken(control)}. "
        f"Network minus regression: {spoken(difference)}, {verdict}."
    )
    return [(text, tone)]


def chance(view: View) -> list[Point]:
    """Permuted labels: does the interval hold 0.5?"""
    points: list[Point] = []
    for name in view.permuted:
        value, lo, hi = parts_of(view.metric(name, SCORES, "auroc"))
        if absent(value) or absent(lo) or absent(hi):
            continue
        right = lo <= 0.5 <= hi
        text = f"Trained on shuffled diagnoses the network reaches {number(value)} "
        text += f"[{number(lo)}, {number(hi)}]"
        points.append(
            (f"{text}, as chance does.", "good")
            if right
            else (f"{text}: away from 0.5, look for a leak.", "bad")
        )
    return points


def age(view: View) -> list[Point]:
    """Age-matched gain of the headline."""
    matched = view.metrics.get("age_matched") or {}
    found = (matched.get("learners") or {}).get(view.headline) or {}
    difference = found.get("difference")
    if not difference:
        return []
    text = (
        f"Among {number(matched.get('n_patients'), 0)} age-matched patients "
        f"{kept(view, difference)}: {spoken(difference)}."
    )
    _, lo, hi = parts_of(matched.get("age_auroc"))
    if not absent(lo) and not absent(hi) and not lo <= 0.5 <= hi:
        text += " Some age difference remains among them."
    return [(text, "")]


def kept(view: View, matched: Mapping[str, Any]) -> str:
    """What becomes of a gain; where the whole cohort shows none, what the matched patients show."""
    whole = versus(view)
    if whole and side(whole, "gain", "", "") == "gain":
        what = side(matched, "remains", "turns into a loss", "is not shown to remain")
        return f"the gain over the reference {what}"
    what = side(matched, "is higher than", "is lower than", "cannot be told from")
    return f"the AUROC of {view.label(view.headline)} {what} the reference's, difference"


def audit(view: View) -> list[Point]:
    """What the image-level split would have read, for the headline or the first audited."""
    learners = (view.parts.split_gap or {}).get("learners") or {}
    name = view.headline if view.headline in learners else next(iter(learners), None)
    one = learners.get(name, {}).get("auroc")
    if not one:
        return []
    text = (
        f"With the images of a patient divided over folds, the AUROC of {view.label(name)} would "
        f"read {number(one.get('audit'))} instead of {number(one.get('honest'))}: gap "
        f"{spoken(one.get('gap'))}."
    )
    return [(text, "warn")]


def checks(view: View) -> list[Point]:
    """The leak certificate and the count of warnings."""
    points: list[Point] = []
    certificate = view.parts.certificate or {}
    passed = certificate.get("passed", view.data.get("leak_certificate_passed"))
    if passed:
        points.append(passed_point(certificate))
    elif passed is not None:
        points.append(("Leak certificate: FAILED. Quote no figure of this page.", "bad"))
    warnings = [text for name, _, text in all_warnings(view) if name in view.learners]
    small = [text for text in dict.fromkeys(warnings)]
    points += [(f"Warning: {text}.".replace("..", "."), "warn") for text in small[:4]]
    if len(small) > 4:
        points.append((f"{len(small) - 4} further warnings stand at the end of the page.", "warn"))
    return points


def passed_point(certificate: Mapping[str, Any]) -> Point:
    """A passed certificate; green only if no check is left out."""
    missing = len(certificate.get("not_checked") or ())
    if certificate.get("complete", not missing):
        return ("Leak certificate: passed.", "good")
    return (f"Leak certificate: passed; {missing} {plural(missing, 'check')} not made.", "")


def plural(count: int, what: str) -> str:
    """`check` or `checks`."""
    return what if count == 1 else f"{what}s"
