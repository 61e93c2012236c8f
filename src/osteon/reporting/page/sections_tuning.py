"""Section of the report on tuning: what was searched, on whom, what it gave, what it is worth."""

import re
from collections.abc import Mapping
from typing import Any

from osteon.reporting.page.blocks import (
    Block,
    Card,
    Cards,
    Facts,
    Heading,
    Points,
    Section,
    Side,
    Text,
    section,
)
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import figure
from osteon.reporting.page.tables import MISSING, absent, estimate, number, parts_of
from osteon.reporting.page.tuned import shown, verdict
from osteon.reporting.page.tuning_tables import (
    errors_table,
    facts,
    objective,
    searched,
    seed_value,
    seeds,
    seeds_table,
    trials_table,
    tuned_learner,
    values_table,
)

NESTED = (
    "{count} settings of the learner {learner} were searched for the best {objective} over "
    "patients. {how} The patients of the outer part (fold {held_out}) were seen by no trial; the "
    "chosen setting was judged on them once."
)
TRAINED = "Trials were trained and judged on inner folds of the training part only."
REUSED = (
    "Trials trained no network: they decide anew on saved out-of-fold predictions of the training "
    "part."
)
PHANTOM = (
    "Tuned on synthetic patients: this shows that the software works. The values chosen say "
    "nothing of real images."
)
TOO_FEW = (
    "Importance is not shown: {count} trials ran to their end, too few to tell settings apart."
)


def tuning(view: View) -> Section:
    """What was tuned, its honest score, and whether this run used it; nothing without a result."""
    result = view.parts.tuning
    title = "Tuning"
    if not result:
        return section("tuning", title)
    phantom = "phantom" in (view.data.get("source"), result.get("source")) or is_synthetic(result)
    blocks: list[Block | None] = [
        Text(opening(view, result)),
        Text(PHANTOM, "warn") if phantom else None,
        cards(result),
        cheaper(result),
        Points(points(view, result)),
        values_table(view, result),
        Facts(facts(result)),
        *pictures(view, result),
        *exhaustive(result),
        *(Text(str(note), "note") for note in result.get("notes") or ()),
        seeds_table(result),
        errors_table(result),
        trials_table(view.parts.tuning_trials),
    ]
    return section("tuning", title, *blocks)


def is_synthetic(result: Mapping[str, Any]) -> bool:
    """Does the study's own statement say that its patients are made up?"""
    return str(result.get("statement") or "").lower().startswith("synthetic")


def no_network(result: Mapping[str, Any]) -> bool:
    """Were saved predictions tuned on, which a grid can go through as well?"""
    return "exhaustive" in result


def opening(view: View, result: Mapping[str, Any]) -> str:
    """What was tuned and on whom."""
    inner = (result.get("inner") or {}).get("patients")
    outer = (result.get("outer") or {}).get("patients")
    said = NESTED.format(
        learner=tuned_learner(view, result),
        count=len(searched(result)),
        objective=objective(result),
        how=REUSED if no_network(result) else TRAINED,
        held_out=result.get("held_out", 0),
    )
    if not absent(inner) and not absent(outer):
        said += f" Training part: {inner:,} patients; outer part: {outer:,}."
    return said


def cards(result: Mapping[str, Any]) -> Cards:
    """Inner score, outer score, the gap between them, the winner's spread."""
    name = objective(result)
    made = [
        card(f"Inner {name}", result.get("inner"), "What the setting was chosen by: too high."),
        card(
            f"Outer {name}", result.get("outer"), "Judged once; this one is to be quoted.", "good"
        ),
        card("Optimism gap", result.get("gap"), f"Inner less outer. {gap_words(result)}"),
    ]
    values = seed_values(result)
    if len(values) > 1:
        lo, hi = min(values), max(values)
        minor = f"{number(lo)} to {number(hi)}"
        note = f"The winner trained with {len(values)} seeds, inner folds."
        if no_network(result):
            note = f"The study repeated with {len(values)} seeds of its sampler, inner folds."
        made.append(Card("Spread over seeds", number(hi - lo), minor, note))
    return Cards(tuple(made))


def cheaper(result: Mapping[str, Any]) -> Text | None:
    """What trials had otherwise than the row, which the gap holds as well."""
    laid = result.get("in_trials")
    if not laid:
        return None
    named = ", ".join(f"{path} {shown(value)}" for path, value in laid.items())
    return Text(
        f"Trials, and the spread over seeds, were trained more cheaply than the row: {named}. The "
        "look at the outer part was trained in full, so the gap is not optimism alone.",
        "note",
    )


def card(title: str, value: Any, note: str, tone: str = "") -> Card:
    """One score with its interval."""
    cell = estimate(value)
    return Card(title, cell.text, cell.minor, note, tone if cell.text != MISSING else "")


def gap_words(result: Mapping[str, Any]) -> str:
    """What the gap's interval says."""
    _, lo, hi = parts_of(result.get("gap"))
    if absent(lo) or absent(hi):
        return "No interval."
    if lo <= 0 <= hi:
        return "It cannot be told from none on so many patients."
    if result.get("in_trials"):
        said = "lower, though" if lo > 0 else "higher;"
        return f"The outer score is {said} it was trained in full."
    if lo > 0:
        return "The inner score promised too much."
    return "The outer part was easier, or more training helped."


def seed_values(result: Mapping[str, Any]) -> list[float]:
    """Scores of the winner by seed."""
    found = [seed_value(one, result) for one in seeds(result)]
    return [float(one) for one in found if not absent(one)]


def points(view: View, result: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Certificate, who is untouched, and whether this page's figures have these values."""
    certificate = result.get("certificate") or {}
    passed = certificate.get("passed")
    checked = certificate.get("checked")
    times = "" if absent(checked) else f" ({checked:,} trials checked)"
    if passed is None:
        line = ("No certificate says what the trials saw.", "bad")
    elif passed:
        line = (f"Certificate: no trial saw a patient of the outer part{times}.", "good")
    else:
        line = (f"Certificate FAILED{times}: the outer score is worth nothing.", "bad")
    return (line, *looked(result), verdict(view, result), untouched(view, result))


def looked(result: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """How often the outer part was looked at, if more than once: then it is a choice as well."""
    looks = result.get("looks")
    if absent(looks) or int(looks or 0) < 2:
        return ()
    said = f"{looks} settings have judged this outer part by now: with each look, picking among "
    return ((f"{said}them makes the outer score less honest.", "warn"),)


def untouched(view: View, result: Mapping[str, Any]) -> tuple[str, str]:
    """Which patients neither tuning nor the choice has seen."""
    fold = result.get("held_out", 0)
    if view.one_fold:
        return (
            "This report judges the outer part alone: no trial saw its patients. The chosen "
            "setting was judged on them once before this run.",
            "",
        )
    return (
        f"Only the patients of fold {fold} stayed untouched. Those of all other folds helped to "
        "choose the values: with these values, figures over all folds, here and in the other "
        "sections, read too high; the outer score does not.",
        "warn",
    )


def pictures(view: View, result: Mapping[str, Any]) -> list[Block | None]:
    """History, importance, weights, slices and contours, those that the trials could fill."""
    names = [name for name in view.parts.charts or {} if name.startswith("tuning_")]
    made: list[Block | None] = [figure(view, "tuning_history", counts="")]
    drawn = figure(view, "tuning_importance", counts="")
    complete = (result.get("trials") or {}).get("complete")
    several = len(searched(result)) > 1
    if drawn is None and names and several and not absent(complete):
        drawn = Text(TOO_FEW.format(count=complete), "note")
    made.append(drawn)
    single = [name for name in names if not re.match(r"tuning_(slice|contour)_", name)]
    rest = [name for name in single if name not in ("tuning_history", "tuning_importance")]
    made += [figure(view, name, counts="") for name in rest]
    for kind in ("slice", "contour"):
        of_kind = [name for name in names if name.startswith(f"tuning_{kind}_")]
        if of_kind:
            made.append(Side(tuple(figure(view, name, counts="") for name in of_kind)))
    return [Heading("The trials"), *made] if any(made) else []


def exhaustive(result: Mapping[str, Any]) -> list[Block | None]:
    """What trying every step of a grid gives on the same predictions."""
    found = result.get("exhaustive") or {}
    best = seed_value(found, result)
    if absent(best):
        return []
    worse = bool(found.get("study_worse"))
    said = (
        "Every step of a grid, tried on the same out-of-fold predictions, reaches "
        f"{objective(result)} {number(best)} at {shown(found.get('weights'))}. "
    )
    said += "The study alone found less" if worse else "The study found no less"
    said += "; the grid's is the one chosen." if result.get("chosen_by") == "grid" else "."
    return [Text(said, "warn" if worse else "")]
