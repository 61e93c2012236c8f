"""Section of the report: the summary of networks that outline, sentences made by rule."""

from typing import Any

from osteon.reporting.page.blocks import Card, Cards, Points, Section, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_outlining import ALONE, PATCH, PIXEL
from osteon.reporting.page.tables import absent, equals, estimate, number, parts_of, spoken

Point = tuple[str, str]
BALANCED = 0.5


def cards(view: View) -> Cards | None:
    """Dice of headline, reference and their difference; F1 of patches apart."""
    if view.headline is None:
        return None
    other = view.reference if view.reference != view.headline else None
    named = [
        (view.headline, "headline learner, Dice of pixels by patient", PIXEL, "dice", "main"),
        (other, "reference, Dice of pixels by patient", PIXEL, "dice", ""),
        (view.headline, "F1 of patches, natural prevalence; not a Dice", PATCH, "f1", "control"),
    ]
    found = [
        Card(view.label(name), made.text, made.minor, note, tone)
        for name, note, group, metric, tone in named
        if name and (made := estimate(view.metric(name, group, metric))).sort is not None
    ]
    if (difference := versus(view)) is not None:
        made = estimate(difference)
        p = difference.get("p_holm")
        note = "headline minus reference" + ("" if absent(p) else f", {equals(p)} after Holm")
        found.insert(2, Card("Difference of Dice", made.text, made.minor, note))
    return Cards(tuple(found)) if found else None


def outlined_points(view: View) -> list[Point]:
    """What came out, in sentences."""
    return [
        *comparison(view),
        *boundary(view),
        *patches(view),
        *prevalence(view),
        *empties(view),
    ]


def summary(view: View, further: list[Point]) -> Section:
    """Cards, sentences on outlines, then certificate and warnings (`further`)."""
    points = [*outlined_points(view), *further]
    return section("summary", "Summary", cards(view), Points(tuple(points)) if points else None)


def versus(view: View) -> Any:
    """The paired difference of Dice, headline minus reference."""
    if view.headline is None or view.headline == view.reference:
        return None
    return view.test(view.headline, "bootstrap", PIXEL, "dice")


def comparison(view: View) -> list[Point]:
    """Who is compared, on whom, and what the interval says."""
    difference = versus(view)
    if difference is None:
        return []
    _, lo, hi = parts_of(difference)
    what = "cannot be told from"
    p = difference.get("p_holm")
    if not absent(lo) and not absent(hi) and not lo <= 0 <= hi:
        what = "is higher than" if lo > 0 else "is lower than"
        if not absent(p) and p >= float(view.settings.get("alpha", 0.05)):
            what = f"{what} (not so once p is adjusted after Holm)"
    text = (
        f"The Dice of {view.label(view.headline)} {what} that of {view.label(view.reference)}: "
        f"difference {spoken(difference)}"
    )
    tail = "" if absent(p) else f", {equals(p)} after Holm"
    return [(f"{text}{tail} ({view.counts()}). Headline: {view.cast.why}.", "")]


def boundary(view: View) -> list[Point]:
    """How far the boundary of the headline is off."""
    found = view.metric(view.headline, PIXEL, "hd95_mm")
    iou = view.metric(view.headline, PIXEL, "iou")
    if absent(parts_of(found)[0]) or absent(parts_of(iou)[0]):
        return []
    text = f"{view.label(view.headline)} has an IoU of {spoken(iou)} and an HD95 of "
    text += f"{spoken(found, 1)} mm, means over patients. {ALONE}"
    return [(text, "")]


def patches(view: View) -> list[Point]:
    """The patch level apart."""
    names = {"precision": "precision", "recall": "recall", "f1": "F1"}
    said = [
        f"{word} {spoken(found)}"
        for key, word in names.items()
        if not absent(parts_of(found := view.metric(view.headline, PATCH, key))[0])
    ]
    if not said:
        return []
    text = f"As a classifier of patches, counted at their natural share of {view.positive}, "
    return [(f"{text}{view.label(view.headline)} has {', '.join(said)}.", "")]


def prevalence(view: View) -> list[Point]:
    """What balanced patches would have read instead."""
    own = [view.metric(view.headline, PATCH, name) for name in ("precision", "f1")]
    shares = [p for p in view.settings.get("prevalences") or () if p >= 0.4]
    share = BALANCED if BALANCED in shares else max(shares, default=None)
    if share is None:
        return []
    made = [view.metric(view.headline, PATCH, f"{name}_at_{share:g}") for name in ("ppv", "f1")]
    values = [parts_of(one)[0] for one in (*made, *own)]
    if any(absent(one) for one in values):
        return []
    precision, f1, natural, natural_f1 = (number(one) for one in values)
    return [
        (
            f"On patches of which {100 * share:g} % are positive the same network would read a "
            f"precision of {precision} instead of {natural} and an F1 of {f1} instead of "
            f"{natural_f1}: compare no figure of patches here with one measured on balanced ones.",
            "warn",
        )
    ]


def empties(view: View) -> list[Point]:
    """Patients in whom the headline outlined nothing, and patients without a target."""
    judged = view.find(view.headline).get(view.level) or {}
    found, total = judged.get("empty") or {}, judged.get("n_patients")
    points: list[Point] = []
    if found.get("prediction"):
        text = f"{view.label(view.headline)} outlined nothing in {found['prediction']} of {total} "
        text += f"patients who have a {view.positive}: Dice 0, counted in every mean."
        points.append((text, "warn"))
    if free := found.get("both", 0) + found.get("reference", 0):
        text = f"{free} of {total} patients have no {view.positive} on any judged slice; "
        text += f"{found.get('reference', 0)} of them got an outline all the same."
        points.append((text, ""))
    return points
