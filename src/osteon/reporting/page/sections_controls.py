"""Section of the report: controls, what the image adds to them, age-matched patients."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.page.blocks import Block, Folded, Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import FIXED, SCORES, figure
from osteon.reporting.page.tables import (
    Table,
    absent,
    estimate,
    flat,
    head,
    number,
    p_cell,
    parts_of,
    whole,
    words,
)

VALUES = (
    "A network that is given clinical values can look good without looking at the image. So each "
    "network stands beside a logistic regression on the same clinical values alone, fitted and "
    "judged on the same folds."
)
PERSON = (
    "A diagnosis often goes with age and sex, and an image shows something of both. So beside the "
    "networks stands what age and sex alone reach without any image, in a logistic regression "
    "fitted and judged on the same parts. A network that is no better has not shown that it sees "
    "the disease."
)


def controls(view: View) -> Section:
    """What is reached without the image or without the truth, and whether the image adds."""
    title = (
        "does the image add anything?" if view.with_values else "what is reached without the image?"
    )
    shown = view.controls or view.metrics.get("beyond_clinical")
    return section(
        "controls",
        f"Controls: {title}",
        Text(VALUES if view.with_values else PERSON) if shown else None,
        controls_table(view),
        beyond_table(view),
        *age_matched(view),
    )


def controls_table(view: View) -> Table | None:
    """Controls and permuted labels: AUROC and accuracy by patient."""
    rows = [
        (
            head(view.label(name)),
            whole((view.find(name).get(view.level) or {}).get("n_patients")),
            estimate(view.metric(name, SCORES, "auroc")),
            estimate(view.metric(name, FIXED, "accuracy")),
            estimate(view.metric(name, FIXED, "sensitivity")),
            estimate(view.metric(name, FIXED, "specificity")),
        )
        for name in (*view.controls, *view.permuted)
    ]
    columns = ("Control", "Patients", "AUROC", "Accuracy", "Sensitivity", "Specificity")
    note = "Permuted labels: the same network trained on shuffled diagnoses; about 0.5 is right."
    caption = f"Controls; {view.counts()}"
    return Table(caption, columns, flat(rows), note if view.permuted else "") if rows else None


def beyond_table(view: View) -> Table | None:
    """Each network minus the regression on its own clinical values."""
    rows = []
    for name, compared in (view.metrics.get("beyond_clinical") or {}).items():
        difference = view.beyond(name, "bootstrap", SCORES, "auroc")
        delong = view.beyond(name, "delong", SCORES, "auroc") or difference or {}
        rows.append(
            (
                head(view.label(name)),
                words(view.label(str(compared.get("control", "")))),
                whole(compared.get("n_patients")),
                estimate(difference),
                p_cell(delong.get("p")),
                p_cell(delong.get("p_holm")),
                words(finding(difference, delong.get("p_holm"), alpha(view))),
            )
        )
    columns = ("Network", "Its control", "Patients", "Δ AUROC", "p, DeLong", "p, Holm", "Reading")
    caption = "Beyond clinical: network with image minus the same clinical values without it"
    if not view.with_values:
        caption = "Network minus what is known of a person without an image"
    return Table(caption, columns, flat(rows)) if rows else None


ADDS, WORSE = "image adds", "worse with the image"
NOT_AFTER_HOLM = "no gain shown after Holm"
HOLDS_ZERO = "no gain shown: the interval holds 0"


def finding(difference: Any, p_holm: Any, alpha: float) -> str:
    """What a difference of AUROCs says, by rule: interval beside 0 and p after Holm below alpha."""
    _, lo, hi = parts_of(difference)
    if absent(lo) or absent(hi):
        return "no interval, no finding"
    if lo <= 0 <= hi:
        return HOLDS_ZERO
    if absent(p_holm) or p_holm >= alpha:
        return NOT_AFTER_HOLM
    return ADDS if lo > 0 else WORSE


def alpha(view: View) -> float:
    """The family-wise error of the evaluation."""
    return float(view.settings.get("alpha", 0.05))


def age_matched(view: View) -> list[Block]:
    """The subset in which both classes are of the same age."""
    matched = view.metrics.get("age_matched") or {}
    if not matched:
        return []
    if not matched.get("learners"):
        return [Text(f"Age-matched patients: {matched.get('note') or 'not made'}.", "note")]
    figures = [one for one in (figure(view, "age_matched", counts=matched_counts(matched)),) if one]
    rows = [
        (
            head(view.label(name)),
            estimate(found.get("auroc")),
            estimate(found.get("difference"), "the reference itself, or not compared"),
            p_cell((found.get("difference") or {}).get("p")),
        )
        for name, found in matched["learners"].items()
    ]
    table = Table(matched_caption(matched), MATCHED, flat(rows))
    if not figures:
        return [matched_text(matched), table]
    return [matched_text(matched), *figures, Folded("The same as a table, with p", table)]


MATCHED = ("Learner", "AUROC", "Δ AUROC from the reference", "p")


def matched_caption(matched: Mapping[str, Any]) -> str:
    """Caption of the age-matched table."""
    return f"Age-matched patients only; {matched_counts(matched)}"


def matched_counts(matched: Mapping[str, Any]) -> str:
    """Level and patients of the age-matched subset."""
    return f"patient level, {number(matched.get('n_patients'), 0)} age-matched patients"


def matched_text(matched: Mapping[str, Any]) -> Text:
    """How the matching was made and whether it worked."""
    age = estimate(matched.get("age_auroc"))
    text = (
        f"Age matching: {number(matched.get('pairs'), 0)} pairs of one patient of each class, no "
        f"more than {number(matched.get('caliper_years'), 1)} years apart. Age alone now gives an "
        f"AUROC of {age.text} {age.minor}; {worked(matched.get('age_auroc'))}"
    )
    note = str(matched.get("note") or "").rstrip(".")
    return Text(f"{text} {note[:1].upper()}{note[1:]}." if note else text)


def worked(age: Any) -> str:
    """Whether matching left no age difference, by rule: does age alone's interval hold 0.5?"""
    value, lo, hi = parts_of(age)
    if absent(lo) or absent(hi):
        return "without an interval it is unknown whether the matching worked."
    if lo <= 0.5 <= hi:
        return (
            "the interval holds 0.5, so the matching worked: what a network gains here it does not "
            "owe to age."
        )
    return (
        f"the interval does not hold 0.5, so some age difference remains ({number(value)} against "
        "0.5), and what a network gains here it may still owe to it."
    )
