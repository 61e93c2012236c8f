"""Sections of the report: the paper's tables, its claims, the split audit, the leak certificate."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.figures.grid_charts import PAPER
from osteon.reporting.page.blocks import Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import figure
from osteon.reporting.page.tables import (
    MISSING,
    Cell,
    Table,
    absent,
    any_table,
    estimate,
    flat,
    free,
    head,
    number,
    p_cell,
    words,
    written,
)

NOTE = "Note"
TONES = {"within interval": "good", "outside interval": "bad", "not testable": "warn"}
GAP = {
    "AUROC": "auroc",
    "Accuracy": "accuracy",
    "Precision": "precision",
    "Recall": "sensitivity",
    "F1": "f1",
}


def paper_tables(view: View) -> Section:
    """The paper's own tables and figures, ours beside the printed numbers."""
    tables = [paper_table(one) for one in view.parts.paper_tables]
    charts = list(view.parts.charts or ())
    bars = [name for name in charts if name == "bars" or name.startswith("bars_")]
    own = [figure(view, name, counts="") for name in charts if name.startswith(PAPER)]
    figures = [figure(view, name, level_of(view, name)) for name in bars]
    return section("paper", "The paper's tables and figures", *tables, *own, *figures)


def level_of(view: View, name: str) -> str:
    """The level of a chart of bars, which its axis names; by image as the papers count."""
    axis = str(getattr((view.parts.charts or {})[name], "y", ""))
    return view.level if f"by {view.level}" in axis else "image"


def paper_table(one: Mapping[str, Any]) -> Table | None:
    """A table of ready text; cells of several lines, each `word value`, become rows of their own.

    Args:
        one: title, note, columns and rows, each row a text a column.
    """
    title, note = str(one.get("title", "")), str(one.get("note") or "")
    columns = [str(name) for name in one.get("columns") or ()]
    rows = [[str(cell) for cell in row] for row in one.get("rows") or ()]
    if not rows:
        return None
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    if labels := line_names(columns, records):
        return stacked(columns, records, labels, title, note)
    return any_table({"columns": columns, "rows": rows}, title, note)


def line_names(columns: list[str], records: list[dict[str, str]]) -> list[str]:
    """First words that the lines of the cells have in common; none where cells are not made so.

    Every cell beyond the first column and the notes must hold such lines and nothing else.
    """
    cells = [one[name] for one in records for name in columns[1:] if name != NOTE]
    if not any("\n" in cell for cell in cells):
        return []
    found = [list(lines_of(cell)) for cell in cells if not absent(cell)]
    names = list(dict.fromkeys(word for words in found for word in words))
    most = max(len(words) for words in found)
    return names if len(names) <= most and all(name.isalpha() for name in names) else []


def stacked(
    columns: list[str], records: list[dict[str, str]], labels: list[str], title: str, note: str
) -> Table:
    """A row for each line of the cells; the notes say why a line is missing."""
    names = [name for name in columns[1:] if name != NOTE]
    rows: list[tuple[Cell, ...]] = []
    for record in records:
        why = record.get(NOTE, "")
        split = [lines_of(record[name]) for name in names]
        for k, label in enumerate(labels):
            first = (head(record[columns[0]], why, rows=len(labels)),) if k == 0 else ()
            line = [line_cell(one.get(label, ""), label, why or "not given") for one in split]
            rows.append((*first, Cell(label, tone="quiet"), *line))
    return Table(title, (columns[0], "", *names), flat(rows), note, sortable=False)


def lines_of(text: str) -> dict[str, str]:
    """First word → the rest, of each line."""
    parted = (line.partition(" ") for line in text.split("\n") if line)
    return {word: rest for word, _, rest in parted}


def line_cell(text: str, label: str, why: str) -> Cell:
    """`0.7542 [0.7042, 0.8042]` or `0.7223 ± 0.0294` as value and small print."""
    if absent(text) or text.startswith(MISSING):
        return Cell(MISSING, why="not printed" if label == "printed" else why, tone="quiet")
    value, _, rest = text.partition(" ")
    return Cell(value, rest, tone="printed" if label == "printed" else "")


def ledger(view: View) -> Section:
    """Claims with verdicts, differences of protocol, contradictions with their sums."""
    found = view.parts.ledger or {}
    return section(
        "ledger",
        "Claims ledger: the paper's numbers and ours",
        Text(str(found["statement"]), "warn" if not found.get("testable") else "note")
        if found.get("statement")
        else None,
        claims(found),
        protocol_table(found),
        contradictions(found),
        ambiguous(found),
    )


def claims(found: Mapping[str, Any]) -> Table | None:
    """Each printed number with ours and a verdict by rule."""
    rows = []
    for one in found.get("rows") or ():
        verdict = str(one.get("verdict", ""))
        ours = {"value": one.get("ours"), "lo": one.get("lo"), "hi": one.get("hi")}
        rows.append(
            (
                head(one.get("what") or one.get("id"), str(one.get("where") or "")),
                claim_number(one.get("printed")),
                estimate(ours, str(one.get("reason") or "not measured here"))
                if not isinstance(one.get("ours"), str)
                else words(one["ours"]),
                words(verdict, "" if absent(one.get("reason")) else str(one["reason"]))
                if verdict not in TONES
                else Cell(verdict, str(one.get("reason") or ""), tone=TONES[verdict]),
            )
        )
    columns = ("Claim", "Printed", "Ours", "Verdict")
    note = "Verdict by rule: does the printed number lie in our 95 % interval? Never on a phantom."
    return Table("Claims", columns, flat(rows), note) if rows else None


def claim_number(value: Any) -> Cell:
    """A printed number as it is printed, not rounded further."""
    if absent(value):
        return Cell(MISSING, why="not printed", tone="quiet")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Cell(written(value), sort=float(value))
    return words(value)


def protocol_table(found: Mapping[str, Any]) -> Table | None:
    """Protocol, printed and ours."""
    rows = [
        (
            head(one.get("item")),
            words(one.get("printed")),
            words(one.get("ours")),
            Cell("differs", tone="warn") if one.get("differs") else Cell("same", tone="quiet"),
        )
        for one in found.get("protocol") or ()
    ]
    columns = ("Item", "Paper", "Here", "")
    return Table("Where the protocol differs", columns, flat(rows), figures=False) if rows else None


def contradictions(found: Mapping[str, Any]) -> Table | None:
    """The paper's arithmetic, recomputed."""
    rows = [
        (
            head(one.get("statement"), remarks(one)),
            claim_number(one.get("printed")),
            claim_number(one.get("recomputed")),
            words(one.get("sum"), tolerance(one)),
            Cell("holds", tone="good") if one.get("holds") else Cell("does not hold", tone="bad"),
        )
        for one in found.get("contradictions") or ()
    ]
    columns = ("Statement", "Printed", "Recomputed", "The sum", "")
    caption = "Where the paper disagrees with itself: its arithmetic, recomputed by code"
    return Table(caption, columns, flat(rows), figures=False, sortable=False) if rows else None


def ambiguous(found: Mapping[str, Any]) -> Table | None:
    """Statements with two readings, on which no verdict is possible."""
    rows = [
        (
            head(one.get("statement"), remarks(one)),
            claim_number(one.get("printed")),
            words(one.get("sum"), ""),
        )
        for one in found.get("ambiguous") or ()
    ]
    columns = ("Statement", "Printed", "Both readings")
    caption = "Statements that can be read in two ways: no verdict"
    return Table(caption, columns, flat(rows), figures=False, sortable=False) if rows else None


def remarks(one: Mapping[str, Any]) -> str:
    """Place in the paper, and what must be said of the row."""
    return ". ".join(str(one[key]) for key in ("source", "note") if one.get(key))


def tolerance(one: Mapping[str, Any]) -> str:
    """How exactly a sum must come out."""
    return "" if absent(one.get("tolerance")) else f"tolerance: {one['tolerance']}"


def split_gap(view: View) -> Section:
    """How much higher the image-level split reads."""
    found = view.parts.split_gap or {}
    rows = []
    for name, one in (found.get("learners") or {}).items():
        for label, key in GAP.items():
            if key in one:
                rows.append(gap_row(view, name, label, one[key], one.get("n_patients")))
    columns = ("Learner", "Metric", "Images divided", "Patients whole", "Gap", "p", "Leak alone")
    note = "Leak alone: both read at image level, so that only the split differs."
    if found.get("trial_run"):
        note += f" Trial run with {number(found.get('rounds'), 0)} resamples: intervals are rough."
    caption = "Image-level split (audit) beside the honest split"
    return section(
        "audit",
        "What dividing a patient's images would have shown",
        Text(str(found["warning"]), "bad") if found.get("warning") else None,
        figure(view, "split_gap", "image"),
        Table(caption, columns, flat(rows), note) if rows else None,
    )


def gap_row(
    view: View, name: str, label: str, one: Mapping[str, Any], patients: Any
) -> tuple[Cell, ...]:
    """One metric of one learner under both splits."""
    return (
        head(view.label(name), "" if absent(patients) else f"{patients} patients"),
        words(label),
        estimate(one.get("audit")),
        estimate(one.get("honest")),
        estimate(one.get("gap")),
        p_cell((one.get("gap") or {}).get("p")),
        estimate(one.get("same_level")),
    )


def certificate(view: View) -> Section:
    """What was checked for leaks; pairs are counted, never named, on this page."""
    found = view.parts.certificate or {}
    if not found:
        return section("certificate", "Leak certificate")
    rows = []
    for one in found.get("checks") or ():
        applied = bool(one.get("checked"))
        result = Cell("passed", tone="good") if one.get("passed") else Cell("FAILED", tone="bad")
        skipped = Cell("not applicable", tone="quiet")
        notes = (one.get("note"), None if one.get("passed") else one.get("remedy"))
        remark = ". ".join(str(text) for text in notes if text)
        rows.append(
            (
                head(one.get("statement") or one.get("name"), remark),
                free(one.get("checked")),
                free(one.get("found")),
                result if applied or not one.get("passed") else skipped,
            )
        )
    rows += [
        (
            head(one["statement"], one["reason"]),
            free(None),
            free(None),
            Cell("not checked", tone="quiet"),
        )
        for one in found.get("not_checked") or ()
    ]
    passed = bool(found.get("passed"))
    text = f"{'Passed' if passed else 'FAILED'}: {number(found.get('samples'), 0)} samples of "
    text += f"{number(found.get('patients'), 0)} patients, divided by {found.get('unit', '?')}, "
    text += f"{len(found.get('learners_checked') or ())} learners checked."
    if lacking := len(found.get("not_checked") or ()):
        text += f" Not made: {lacking} check(s), listed below."
    if not passed:
        text += " The pairs are named in leak_certificate.json. Quote no figure of this page."
    columns = ("Check", "Checked", "Found", "Result")
    return section(
        "certificate",
        "Leak certificate",
        Text(text, ("good" if found.get("complete", True) else "note") if passed else "bad"),
        Table("Checks", columns, flat(rows), sortable=False) if rows else None,
    )
