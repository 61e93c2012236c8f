"""Sections of the report: calibration, decision curve, confusion, thresholds, subgroups."""

from collections.abc import Mapping, Sequence
from typing import Any

from osteon.reporting.page.blocks import Folded, Heading, Matrices, Section, Side, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import FIXED, figure, voters
from osteon.reporting.page.tables import (
    Cell,
    Group,
    Table,
    estimate,
    flat,
    head,
    number,
    plain,
    whole,
    words,
)

YOUDEN = "at_youden"
MEASURES = {
    "Brier": "brier",
    "ECE": "expected_calibration_error",
    "Slope": "slope",
    "Intercept": "intercept",
}


def calibration(view: View) -> Section:
    """Do predicted probabilities come true, and is acting on them worth it?"""
    table = calibration_table(view)
    decision, grids = figure(view, "decision"), matrices(view)
    return section(
        "calibration",
        "Calibration, decision curve, confusion",
        Text(
            "A probability is calibrated if, among patients given 0.8, eight in ten are of the "
            "positive class. Slope 1 and intercept 0 are ideal; a slope below 1 means "
            f"overconfident. A temperature {fitted(view)}; it leaves the order of patients, and so "
            f"the AUROC{'' if view.one_fold else ' of a fold'}, as it is."
        )
        if table
        else None,
        figure(view, "reliability"),
        table,
        figure(view, "calibration"),
        temperature_table(view),
        Heading("Decision curve") if decision else None,
        Text(
            "Net benefit: true positives minus false positives weighed by the odds of the "
            "threshold at which one would act. A curve is of use where it lies above both treat "
            "all and treat none."
        )
        if decision
        else None,
        decision,
        Heading("Confusion matrices") if grids else None,
        grids,
        confusion_table(view),
    )


def fitted(view: View) -> str:
    """What a temperature does and where it comes from."""
    if view.one_fold:
        return "rescales the probabilities and is fitted on the training part"
    return "rescales a fold's probabilities and is fitted on the other folds"


def calibrated(view: View) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Group → learner → calibration at the headline level."""
    return {
        title: {
            name: levels[view.level]["calibration"]
            for name, levels in members.items()
            if (levels.get(view.level) or {}).get("calibration")
        }
        for title, members in (("Learners", view.learners), ("Controls", view.controls))
    }


def calibration_table(view: View) -> Table | None:
    """Brier, ECE, slope and intercept of the probabilities as predicted."""
    groups = tuple(
        Group(title, tuple(as_predicted(view, name, one) for name, one in each.items()))
        for title, each in calibrated(view).items()
        if each
    )
    caption = f"Calibration as predicted; {view.counts()}"
    return Table(caption, ("Learner", *MEASURES), groups) if groups else None


def as_predicted(view: View, name: str, found: Mapping[str, Any]) -> tuple[Cell, ...]:
    """One learner's calibration; bare numbers have no interval."""
    return (head(view.label(name)), *(estimate(found.get(key)) for key in MEASURES.values()))


def temperature_table(view: View) -> Table | None:
    """The same after the temperature; None if none was fitted."""
    found = calibrated(view)
    if not any(one.get("temperature") for each in found.values() for one in each.values()):
        return None
    groups = tuple(
        Group(title, tuple(after_temperature(view, name, one) for name, one in each.items()))
        for title, each in found.items()
        if each
    )
    name = "Temperature" if view.one_fold else "Temperature: mean, range"
    columns = ("Learner", name, *MEASURES)
    return Table(f"Calibration after temperature scaling; {view.counts()}", columns, groups)


def after_temperature(view: View, name: str, found: Mapping[str, Any]) -> tuple[Cell, ...]:
    """One learner's calibration after scaling; the temperature over the folds."""
    scaled = found.get("temperature") or {}
    why = str(scaled.get("note") or found.get("note") or "no temperature fitted")
    after = scaled.get("after") or {}
    return (
        head(view.label(name)),
        temperature(scaled.get("by_fold") or {}, why),
        *(estimate(after.get(key), why) for key in MEASURES.values()),
    )


def temperature(by_fold: Mapping[str, Any], why: str) -> Cell:
    """Mean and range over the folds."""
    values = [float(value) for value in by_fold.values() if number(value) != "–"]
    if not values:
        return Cell("–", why=why, tone="quiet")
    mean = sum(values) / len(values)
    span = f"{number(min(values), 2)} to {number(max(values), 2)}" if len(values) > 1 else ""
    return Cell(number(mean, 2), span, mean)


def confusions(view: View, at: str = FIXED) -> dict[str, Mapping[str, int]]:
    """Learner → counts at the headline level."""
    learners = (view.parts.curves or {}).get("learners") or {}
    found = {
        name: ((levels.get(view.level) or {}).get("confusion") or {}).get(at)
        for name, levels in learners.items()
    }
    return {name: counts for name, counts in found.items() if counts}


def matrices(view: View) -> Matrices | Side | None:
    """Reference and headline side by side, as figures if they were drawn."""
    drawn = [figure(view, name) for name in ("confusion_reference", "confusion")]
    if any(drawn):
        return Side(tuple(one for one in drawn if one))
    found = confusions(view)
    names = [n for n in dict.fromkeys((view.reference, view.headline)) if n in found]
    each = tuple((view.label(name), found[str(name)]) for name in names)
    at = "by vote or at a probability of 0.5" if voters(view) else "at a probability of 0.5"
    caption = f"Confusion matrices {at}; {view.counts()}"
    return Matrices(caption, view.positive, each) if each else None


def confusion_table(view: View) -> Folded | None:
    """Counts of all learners at both thresholds, folded away."""
    keys = ("true_positive", "false_negative", "false_positive", "true_negative")
    vote = dict.fromkeys(voters(view), "by vote")
    rows = [
        (head(view.label(name)), words(label), *(whole(counts.get(key)) for key in keys))
        for at, called in ((FIXED, vote), (YOUDEN, {}))
        for name, counts in confusions(view, at).items()
        for label in [called.get(name, "0.5" if at == FIXED else "Youden")]
    ]
    columns = ("Learner", "Threshold", *(key.replace("_", " ").capitalize() for key in keys))
    caption = f"Confusion of every learner; {view.counts()}"
    return Folded(caption, Table(caption, columns, flat(rows))) if rows else None


def thresholds(view: View) -> Section:
    """Sensitivity, specificity and predictive values at both thresholds and given prevalences."""
    prevalences = view.settings.get("prevalences") or ()
    groups = []
    origin = "the training part" if view.one_fold else "other folds"
    half = "Called by vote or, without votes, at 0.5" if voters(view) else "Threshold 0.5"
    for at, title in ((FIXED, half), (YOUDEN, f"Threshold of Youden, from {origin}")):
        rows = tuple(
            threshold_row(view, name, at, prevalences)
            for name in view.learners
            if (view.find(name).get(view.level) or {}).get(at)
        )
        if rows:
            groups.append(Group(title, rows))
    if not groups:
        return section("thresholds", "Thresholds and predictive values")
    shares = [f"{word} at {percent(p)}" for word in ("PPV", "NPV") for p in prevalences]
    note = "PPV and NPV follow from sensitivity and specificity by Bayes' rule. "
    note += " ".join(f"{key}: {text}." for key, text in explained(view))
    return section(
        "thresholds",
        "Thresholds and predictive values",
        Text(
            "What a positive or negative answer is worth depends on how common the disease is. The "
            "share of positives in this cohort is not that of a clinic, so predictive values are "
            "given at stated prevalences."
        ),
        Table(
            f"Operating points; {view.counts()}",
            ("Learner", "Sensitivity", "Specificity", *shares),
            tuple(groups),
            note,
            compact=True,
        ),
    )


def explained(view: View) -> list[tuple[str, str]]:
    """How the thresholds were chosen, as the settings say it."""
    given = view.settings.get("thresholds") or {}
    return [
        (
            f"Threshold {plain(key).removeprefix('at ')}",
            str(text).replace("at_0.5", "threshold 0.5"),
        )
        for key, text in given.items()
    ]


def threshold_row(view: View, name: str, at: str, prevalences: Any) -> tuple[Cell, ...]:
    """One learner at one threshold."""
    keys = [f"{word}_at_{p:g}" for word in ("ppv", "npv") for p in prevalences]
    why = "no patient was called so"
    return (
        head(view.label(name)),
        *(estimate(view.metric(name, at, key), why) for key in ("sensitivity", "specificity")),
        *(estimate(view.metric(name, at, key), why) for key in keys),
    )


def percent(share: float) -> str:
    """`1 %`."""
    return f"{100 * share:g}\N{NO-BREAK SPACE}%"


def subgroups(view: View) -> Section:
    """The headline in each subgroup, the reference folded away."""
    title = "Subgroups"
    names = [str(n) for n in dict.fromkeys((view.headline, view.reference)) if n]
    tables = {name: subgroup_table(view, name) for name in names}
    kept = {name: table for name, table in tables.items() if table}
    blocks: list[Any] = [
        Text(
            "Small groups give wide intervals; a difference between groups whose intervals overlap "
            "widely is no finding. No test is made between groups."
        )
        if kept
        else None,
        figure(view, "subgroups"),
    ]
    for k, (name, table) in enumerate(kept.items()):
        same = Folded(f"The same for {view.label(name)}", table, printed=False)
        blocks.append(same if k else table)
    return section("subgroups", title, *blocks)


def subgroup_table(view: View, name: str) -> Table | None:
    """Groups of rows, one a variable."""
    found = (view.find(name).get("patient") or {}).get("subgroups") or []
    counted = any(one.get("n_images") for one in found)
    by: dict[str, list[tuple[Cell, ...]]] = {}
    for one in found:
        by.setdefault(str(one["variable"]), []).append(subgroup_row(one, counted))
    groups = tuple(Group(variable, tuple(rows)) for variable, rows in by.items())
    columns = (
        "Group",
        "Patients",
        f"{view.positive}",
        *(["Images"] if counted else []),
        "AUROC",
        "Accuracy",
        "Sensitivity",
        "Specificity",
    )
    caption = f"Subgroups, {view.label(name)}; {view.counts('patient')}"
    return Table(caption, columns, groups) if groups else None


def shortened(warnings: Sequence[str]) -> list[str]:
    """Each kind of warning once; how small a sample is, the counts beside it say."""
    small = "small sample"
    return list(dict.fromkeys(small if str(w).startswith(small) else str(w) for w in warnings))


def subgroup_row(one: Mapping[str, Any], counted: bool) -> tuple[Cell, ...]:
    """One subgroup; its warnings stand under its name; `counted`: images are."""
    why = "needs both classes in the group"
    return (
        head(plain(one.get("value")), "; ".join(shortened(one.get("warnings") or ()))),
        whole(one.get("n_patients")),
        whole(one.get("positive_patients")),
        *([whole(one.get("n_images"))] if counted else []),
        *(
            estimate(one.get(key), why)
            for key in ("auroc", "accuracy", "sensitivity", "specificity")
        ),
    )
