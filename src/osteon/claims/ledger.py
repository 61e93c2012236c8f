"""Ours beside the printed numbers, with the protocol's differences and a verdict by rule.

The rule: nothing is testable on a phantom, nor with another number of classes than the paper's, nor
without a figure of ours that has an interval; else the printed value lies within our 95 % interval
or outside it. A verdict says nothing about why.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from osteon.claims.contradictions import ambiguous, contradictions
from osteon.claims.markdown import to_markdown
from osteon.claims.paths import distinct, look
from osteon.claims.published import Claim, Compared, Published, read_published

__all__ = ["Printed", "judge", "ledger", "printed_numbers", "to_markdown"]

WITHIN, OUTSIDE, NOT_TESTABLE = "within interval", "outside interval", "not testable"
# Our metrics are fractions; a paper may print per cent.
SCALE = {"percent": 100.0, "percentage points": 100.0}
SIGN = {"percent": ", %", "percentage points": ", points", "seconds": ", s"}
NOT_STATED, NOT_RECORDED = "not stated", "not recorded"


@dataclass(frozen=True)
class Printed:
    """One printed number, and the paths at which ours would stand, the first that leads counts."""

    id: str
    what: str
    where: str
    value: float
    unit: str
    ours: tuple[str, ...]
    pick: str | None


def ledger(
    paper: str,
    metrics: Mapping[str, Any],
    explanations: Mapping[str, Any] | None,
    source: str,
    protocol: Mapping[str, Any],
) -> dict[str, Any]:
    """The claims ledger of one run, as JSON values.

    Args:
        paper: name of the row, see `osteon.claims.published.PAPERS`.
        metrics: `Evaluation.metrics`, with `training`, `data` and `classes` as the run writes them.
        explanations: the summary of explanations, or None if none were made.
        source: where the patients come from; on `phantom` nothing is testable.
        protocol: the run's settings by block: `preprocessing`, `splitting`, `cohort`.

    Returns:
        paper, title, place, statement, testable (neither the source nor the number of classes
        forbids it), protocol (item, printed, ours, differs), rows (id, what, where, printed, ours,
        lo, hi, unit, verdict, reason), contradictions and ambiguous (see
        `osteon.claims.contradictions`). `ours`, `lo`, `hi` are in the row's unit, None where there
        is none. A setting that one side does not state differs.
    """
    published = Published.model_validate(read_published(paper))
    classes = len(metrics.get("classes") or ()) or None
    run = {
        "metrics": metrics,
        "explanations": explanations or {},
        "protocol": protocol,
        "classes": classes,
    }
    barred = obstacle(source, published.protocol.get("classes"), classes)
    barred = barred or other_target(
        published.protocol.get("targets"), (protocol.get("cohort") or {}).get("classes")
    )
    rows = [_row(one, run, barred) for one in printed_numbers(published)]
    return {
        "paper": paper,
        "title": published.title,
        "place": published.place.model_dump(),
        "statement": _statement(rows, source, barred),
        "testable": not barred,
        "protocol": [_compare(published, line, run) for line in published.compared],
        "rows": rows,
        "contradictions": contradictions(paper),
        "ambiguous": ambiguous(paper),
    }


def obstacle(source: str, printed: int | None, classes: int | None) -> str:
    """Why no printed number can be tested with a run at all; empty where some can.

    Args:
        source: where the patients come from; printed, classes: number of the paper's classes and
            of ours, None where unknown. A class against one other is not it against several.
    """
    if source == "phantom":
        return "synthetic patients"
    if printed is not None and classes is not None and printed != classes:
        return f"the run has {classes} classes, the paper {printed}"
    return ""


def other_target(printed: Sequence[str] | None, classes: Sequence[str] | None) -> str:
    """Why outlines of another thing say nothing of the paper's; empty where it is the same.

    Args:
        printed: what the paper outlines, under each name that it may have here, the first its own;
            None of a paper that outlines nothing.
        classes: of the run, the target last; None where unknown.
    """
    if not printed or not classes:
        return ""
    target = str(classes[-1]).lower().replace("_", " ")
    return "" if target in printed else f"the run outlines {target}, the paper {printed[0]}"


def printed_numbers(published: Published) -> Iterator[Printed]:
    """The claims of a paper, tables unrolled into their cells."""
    for claim in published.claims:
        if claim.value is not None:
            yield _printed(published, claim, claim.value, claim.id, {})
            continue
        for row, cells in published.at(str(claim.table)).items():
            if claim.rows and row not in claim.rows:
                continue
            for column, value in cells.items():
                if isinstance(value, list) or (claim.columns and column not in claim.columns):
                    continue  # an interval is no claim of its own
                names = {"row": row, "column": column}
                path, name = f"{claim.table}.{row}.{column}", f"{claim.id}.{row}.{column}"
                yield _printed(published, claim, path, name, names)


def _printed(
    published: Published, claim: Claim, path: str, name: str, names: Mapping[str, str]
) -> Printed:
    result = published.results[path.partition(".")[0]]
    shown = {key: published.names.get(value, value) for key, value in names.items()}
    filled = dict(names)
    if "column" in names:
        filled["column"] = claim.columns.get(names["column"], names["column"])
        filled["row"] = claim.rows.get(names["row"], names["row"])
    return Printed(
        id=name,
        what=claim.what.format(**shown) + SIGN.get(result.unit, ""),
        where=result.where,
        value=published.at(path),
        unit=result.unit,
        ours=tuple(path.format(**filled) for path in listed(claim.ours)),
        pick=claim.pick,
    )


def _row(one: Printed, run: Mapping[str, Any], barred: str) -> dict[str, Any]:
    found, note = _find(one, run)
    scale = SCALE.get(one.unit, 1.0)
    ours, lo, hi = (_scaled(found.get(key), scale) for key in ("value", "lo", "hi"))
    verdict, reason = judge(one.value, ours, lo, hi, barred)
    return {
        "id": one.id,
        "what": one.what,
        "where": one.where,
        "printed": one.value,
        "ours": ours,
        "lo": lo,
        "hi": hi,
        "unit": one.unit,
        "verdict": verdict,
        "reason": "; ".join(text for text in (reason, note) if text),
    }


def _find(one: Printed, run: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Ours at the claim's path, and what to say about it."""
    if not one.ours:
        return {}, "no measure of ours answers it"
    found: list[tuple[str, Any]] = []
    for path in one.ours:
        found = found or [
            (where, value)
            for where, value in look(run, path)
            if isinstance(value, Mapping) and _scaled(value.get("value"), 1.0) is not None
        ]
    if not found:
        return {}, _why_absent(one.ours[0], run["metrics"])
    if one.pick != "max":
        return found[0][1], ""
    where, best = max(found, key=lambda pair: pair[1]["value"])
    return best, f"the best of {len(found)}: {where.split('/')[2]}; its interval ignores the choice"


def _why_absent(path: str, metrics: Mapping[str, Any]) -> str:
    parts = path.split("/")
    learner = parts[2] if len(parts) > 2 else ""
    skipped = metrics.get("skipped", {}).get(learner)
    if skipped:
        return f"{learner} was skipped: {skipped}"
    known = any(isinstance(one, Mapping) for _, one in look(metrics, "/".join(parts[1:])))
    return "not defined in this run" if known else "not in this run"


def judge(
    printed: float, ours: float | None, lo: float | None, hi: float | None, barred: str = ""
) -> tuple[str, str]:
    """Verdict and reason: does the printed value lie in our interval [lo, hi], ends included?

    Args:
        barred: why nothing is testable, see `obstacle`.
    """
    if barred:
        return NOT_TESTABLE, barred
    if ours is None:
        return NOT_TESTABLE, "no figure of ours"
    if lo is None or hi is None:
        return NOT_TESTABLE, "our figure has no interval"
    if lo <= printed <= hi:
        return WITHIN, ""
    side = "above" if printed > hi else "below"
    return OUTSIDE, f"the printed value lies {side} our interval"


def _scaled(value: Any, scale: float) -> float | None:
    """A finite number in the claim's unit, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value * scale


def _compare(published: Published, line: Compared, run: Mapping[str, Any]) -> dict[str, Any]:
    printed = published.at(line.printed)
    found: list[Any] = []
    for path in listed(line.ours):
        found = found or distinct([one for _, one in look(run, path) if one is not None])
    ours: Any = line.default
    if found:
        ours = found[0] if len(found) == 1 else found
    return {
        "item": line.item,
        "printed": NOT_STATED if printed is None else printed,
        "ours": NOT_RECORDED if ours is None else ours,
        "differs": not same(printed, ours),
    }


def listed(paths: str | Sequence[str] | None) -> Sequence[str]:
    """One path, several or none, as a sequence."""
    return (paths,) if isinstance(paths, str) else paths or ()


def same(printed: Any, ours: Any) -> bool:
    """Whether two settings are the same; a text of ours may say more after the printed word."""
    if printed is None or ours is None:
        return False
    if isinstance(printed, str) and isinstance(ours, str):
        head, word = ours.lower(), printed.lower()
        return head == word or head.startswith((f"{word} ", f"{word}:"))
    if isinstance(printed, (list, tuple)) and isinstance(ours, (list, tuple)):
        return list(printed) == list(ours)
    return bool(printed == ours)


def _statement(rows: list[dict[str, Any]], source: str, barred: str) -> str:
    if source == "phantom":
        return (
            "The patients are synthetic: no printed number can be tested on them, however near "
            "ours may lie."
        )
    if barred:
        return f"No printed number can be tested with this run: {barred}."
    counts = {name: sum(row["verdict"] == name for row in rows) for name in (WITHIN, OUTSIDE)}
    return (
        f"Of {len(rows)} printed numbers {counts[WITHIN]} lie within our 95 % interval, "
        f"{counts[OUTSIDE]} outside it, and {len(rows) - sum(counts.values())} cannot be tested "
        "with this run. Patients and protocol differ from the paper's as listed."
    )
