"""Tables of the report on tuning: values, trials by what became of them, seeds, errors."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from osteon.reporting.page.blocks import Folded
from osteon.reporting.page.parts import View
from osteon.reporting.page.tables import (
    MISSING,
    Table,
    absent,
    any_table,
    estimate,
    flat,
    head,
    seconds,
    whole,
    words,
)
from osteon.reporting.page.tuned import IN_USE, in_use, shown

OBJECTIVES = {
    "auroc": "AUROC",
    "f1": "F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "dice": "Dice of pixels",
}
SAMPLERS = {"tpe": "TPE, which learns from earlier trials", "random": "random"}
PRUNERS = {
    "median": "below the median of earlier trials at the same epoch",
    "hyperband": "Hyperband, in successive halvings",
    "none": "no rule",
}
BEST = 20
"""Trials in the table, the best first."""
LEAKY = re.compile(
    r"(?:[A-Za-z]:)?[\w.~-]*[/\\][^\s'\",;:)]+"  # a path can name a person
    r"|\b[A-Z]{1,3}[0-9a-f]{16}\b"  # a pseudonym
    r"|\b\d+(?:\.\d+){4,}\b|\b\d{7,}\b"  # a DICOM UID, a hospital number
)
LONGEST = 200


def objective(result: Mapping[str, Any]) -> str:
    """What was maximised, in words."""
    name = str(result.get("objective") or "score")
    return OBJECTIVES.get(name, name.replace("_", " "))


def seeds(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """One entry a seed."""
    return list(result.get("seeds") or (result.get("spread") or {}).get("seeds") or ())


def seed_value(one: Mapping[str, Any], result: Mapping[str, Any]) -> Any:
    """A seed's score: under the objective's own name where what was maximised is a sum."""
    return one.get(str(result.get("objective")), one.get("value"))


def tuned_learner(view: View, result: Mapping[str, Any]) -> str:
    """The name of the tuned learner for people."""
    return view.label(result.get("learner") or view.headline or "the learner under test")


def searched(result: Mapping[str, Any]) -> Mapping[str, str]:
    """Path → what was searched, in words."""
    return result.get("space") or dict.fromkeys(result.get("chosen") or {}, MISSING)


def values_table(view: View, result: Mapping[str, Any]) -> Table:
    """What was searched, the configuration's value, the chosen one, and this run's."""
    chosen, configured = result.get("chosen") or {}, result.get("configured") or {}
    used = in_use(view, result)
    rows = [
        (
            head(path),
            words(space),
            words(shown(configured.get(path))),
            words(shown(chosen.get(path)), tone="good"),
            words(shown(used[path]) if path in used else MISSING),
        )
        for path, space in searched(result).items()
    ]
    columns = ("Setting", "Searched", "Configured when tuned", "Chosen", IN_USE)
    caption = f"Chosen values beside the configuration's; {tuned_learner(view, result)}"
    return Table(caption, columns, flat(rows), figures=False, sortable=False)


def facts(result: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Trials by what became of them, how they were drawn, how long it took."""
    trials = result.get("trials") or {}
    states = (
        f"{trials.get('complete', 0)} finished, {trials.get('pruned', 0)} given up early, "
        f"{trials.get('failed', 0)} failed, of {trials.get('asked', MISSING)}"
    )
    rows = [("Trials", states)]
    winner = result.get("best_trial", result.get("trial"))
    by_grid = ", but for the weights, which are the grid's" * (result.get("chosen_by") == "grid")
    sampler, pruner = result.get("sampler"), result.get("pruner")
    for term, value in (
        ("Sampler", SAMPLERS.get(str(sampler), sampler)),
        ("Given up early", PRUNERS.get(str(pruner), pruner)),
        ("Winner", None if absent(winner) else f"trial {winner}{by_grid}"),
    ):
        rows += [] if absent(value) else [(term, str(value))]
    if not absent(result.get("seconds")):
        rows.append(("Time of all trials", seconds(result["seconds"])))
    return tuple(rows)


def seeds_table(result: Mapping[str, Any]) -> Table | None:
    """The winner with other seeds: one lucky run is no ranking."""
    rows = [
        (head(f"seed {one.get('seed')}"), estimate(seed_value(one, result)))
        for one in seeds(result)
    ]
    sampled = result.get("seeds_of") == "sampler"
    caption = "The study by seed of its sampler" if sampled else "The winner by seed of training"
    caption += f", inner {objective(result)}"
    note = "Settings whose scores differ by less than this spread cannot be ranked."
    return Table(caption, ("Seed", "Score"), flat(rows), note) if len(rows) > 1 else None


def errors_table(result: Mapping[str, Any]) -> Table | None:
    """Why trials failed, each reason once."""
    reasons: dict[str, list[str]] = {}
    for one in result.get("errors") or ():
        reasons.setdefault(safe(one.get("error")), []).append(str(one.get("trial")))
    rows = [
        (head(reason), whole(len(trials)), words(", ".join(trials)))
        for reason, trials in reasons.items()
    ]
    columns = ("Reason", "Trials", "Which")
    return Table("Failed trials; the study went on", columns, flat(rows)) if rows else None


def safe(error: Any) -> str:
    """The first line of an error without paths, pseudonyms and long numbers."""
    line = (str(error or "").strip().splitlines() or ["no reason recorded"])[0]
    line = LEAKY.sub("<left out>", line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def trials_table(trials: pd.DataFrame | None) -> Folded | None:
    """The best trials with what they tried, behind a line that opens them."""
    if trials is None or not len(trials):
        return None
    kept = [name for name in trials.columns if name != "error"]
    # What a trial that was given up reported last is of another measure: no score to be ranked by.
    value = trials["value"].where(trials["state"].str.lower() == "complete")
    ordered = trials.assign(value=value).sort_values(
        "value", ascending=False, na_position="last", kind="stable"
    )
    table = any_table(ordered[kept].head(BEST), f"The best {min(BEST, len(trials))} trials")
    return Folded(f"Trials, best first ({len(trials):,} in all)", table, False) if table else None
