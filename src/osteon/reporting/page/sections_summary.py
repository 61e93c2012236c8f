"""Section of the report: the summary, in numbers and in sentences made by rule."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.page.blocks import Card, Cards, Points, Section, section
from osteon.reporting.page.parts import AGE_CONTROL, View
from osteon.reporting.page.sections_controls import ADDS, NOT_AFTER_HOLM, WORSE, alpha, finding
from osteon.reporting.page.sections_results import SCORES
from osteon.reporting.page.sections_run import all_warnings
from osteon.reporting.page.tables import absent, equals, estimate, number, parts_of, spoken

Point = tuple[str, str]
SAID = {
    ADDS: ("so the image adds to them", "good"),
    WORSE: ("so the network does worse than they do without any image", "bad"),
}
NOT_SHOWN = ("so this run does not show that the image adds anything to them", "warn")


def summary(view: View) -> Section:
    """Headline beside reference and controls, certificate, warnings."""
    cards = Cards(tuple(found)) if (found := all_cards(view)) else None
    points = [*comparison(view), *beyond(view), *chance(view), *age(view)]
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
