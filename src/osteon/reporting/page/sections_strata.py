"""Sections of the report on networks that outline: strata, and pretraining layer by layer."""

from collections.abc import Iterable, Mapping
from typing import Any

from osteon.reporting.figures.names import listed
from osteon.reporting.page.blocks import Block, Folded, Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_outlining import BOUNDARY, figured
from osteon.reporting.page.tables import (
    Cell,
    Group,
    Table,
    absent,
    count,
    flat,
    head,
    number,
    plain,
    whole,
    words,
)

NAMED = 3
"""Joined groups that are named; more are counted."""
STRATA = {
    "size": "By size of the largest {}, equivalent diameter",
    "level": "By vertebral level",
    "hard_levels": "Levels that the paper names as hard, and the others",
}


def strata(view: View) -> Section:
    """Dice and boundary by size and by vertebral level."""
    found = view.metrics.get("strata") or {}
    tables: list[Block | None] = [
        block for variable, rows in found.items() for block in divided(view, variable, rows)
    ]
    if told := floor(view):
        tables.insert(0, Text(told, "warn"))
    lead = Text(
        "Groups of fewer than five patients stand together, with the next larger one where they "
        "still are fewer, so that no figure is of one patient. Small groups give wide intervals; "
        "no test is made between groups. Where a patient has several levels, the patient counts "
        "at each."
    )
    return section(
        "strata", "Where outlines succeed and fail", lead if any(tables) else None, *tables
    )


def divided(view: View, variable: str, given: Iterable[Mapping[str, Any]]) -> list[Block]:
    """Headline and reference in a table, all learners in one that is folded away."""
    rows = [one for one in given if one.get("learner") in view.learners]
    both = [one for one in rows if one["learner"] in (view.headline, view.reference)]
    first = strata_table(view, variable, both or rows)
    if first is None:
        return []
    if len(both) in (0, len(rows)):
        return [first]
    whole = strata_table(view, variable, rows)
    return [first, *([Folded(f"All learners: {first.caption}", whole, False)] if whole else [])]


def floor(view: View) -> str:
    """What is too small for any patch to be called by the rule; empty where nothing is."""
    found = view.metrics.get("lesions") or {}
    least, below = found.get("floor_mm"), found.get("below_floor")
    if absent(least) or not below:
        return ""
    return (
        f"{count(below)} of {count(found.get('with_target'))} patients have no {view.positive} "
        f"wider than {number(least, 1)} mm. Below that size no patch of this network's side can "
        "hold enough of it to be called one by the rule of shares: networks on patches are blind "
        "to it by construction."
    )


def strata_table(view: View, variable: str, given: Iterable[Mapping[str, Any]]) -> Table | None:
    """A group of rows for each stratum, headline and reference first.

    Args:
        given: rows of learners of the page.
    """
    shown = {"Dice": "dice", "IoU": "iou", "Recall": "recall"} | BOUNDARY
    rows = list(given)
    kept = {name: key for name, key in shown.items() if any(key in one for one in rows)}
    first = [view.headline, view.reference, *view.learners]
    groups = [
        Group(
            titled(stratum, rows),
            tuple(
                (
                    head(view.label(one["learner"])),
                    whole(one.get("n_patients")),
                    *(figured(one.get(key), key) for key in kept.values()),
                )
                for one in sorted(rows, key=lambda one: first.index(one["learner"]))
                if one.get("stratum") == stratum
            ),
        )
        for stratum in dict.fromkeys(str(one.get("stratum")) for one in rows)
    ]
    caption = STRATA.get(variable, f"By {plain(variable)}").format(view.positive)
    columns = ("Learner", "Patients", *kept)
    return Table(caption, columns, tuple(groups), compact=True) if groups else None


def titled(stratum: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """A stratum, and which ones are in it where a few were joined."""
    joined = next((one.get("joined") for one in rows if one.get("stratum") == stratum), None) or []
    if len(joined) < 2:
        return plain(joined[0] if joined else stratum)
    names = listed(plain(one) for one in joined) if len(joined) <= NAMED else f"{len(joined)}"
    return f"{plain(stratum)}: {names}"


def pretrained(view: View) -> Table | None:
    """First and last reconstruction error of each pretrained layer, mean over the folds."""
    rows = []
    for name, history in (view.parts.histories or {}).items():
        if "stage" not in history or not len(history):
            continue
        before = history[history["stage"].fillna("training") != "training"]
        for stage, own in before.groupby("stage", sort=False):
            mean = own.groupby("epoch")["loss"].mean().sort_index()
            rows.append(
                (
                    head(view.label(name)),
                    words(plain(stage)),
                    whole(len(mean)),
                    Cell(number(mean.iloc[0]), sort=float(mean.iloc[0])),
                    Cell(number(mean.iloc[-1]), sort=float(mean.iloc[-1])),
                    fell(mean.iloc[0], mean.iloc[-1]),
                )
            )
    columns = ("Learner", "Layer", "Epochs", "First epoch", "Last epoch", "")
    caption = "Pretraining: reconstruction error with its penalties, mean of the folds"
    note = "No label is used. Learners with other penalties, or none, have other errors."
    return Table(caption, columns, flat(rows), note) if rows else None


def fell(first: Any, last: Any) -> Cell:
    """Did the error fall?"""
    if absent(first) or absent(last):
        return words("not recorded")
    return words("fell", tone="good") if last < first else words("did not fall", tone="warn")
