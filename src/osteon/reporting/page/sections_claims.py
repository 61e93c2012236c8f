"""Sections of the report: the paper's tables, its claims, the split audit, the leak certificate."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from osteon.reporting.page.blocks import Block, Section, Text, section
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
    interval,
    number,
    p_cell,
    words,
    written,
)

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
    tables: list[Block | None] = []
    for one in view.parts.paper_tables:
        title, note = str(one.get("title", "")), str(one.get("note") or "")
        blocks = beside_printed(one["table"], title, note)
        tables.append(blocks or any_table(one["table"], title, note))
    charts = [name for name in view.parts.charts or () if name == "bars" or name[:5] == "bars_"]
    figures = [figure(view, name, "image") for name in charts]
    return section("paper", "The paper's tables and figures", *tables, *figures)


def beside_printed(table: Any, title: str, note: str) -> Table | None:
    """A table of `<X> published`, `<X> images`, `<X> patients` columns, folded to one column an X.

    Three lines a row: printed, ours by image, ours by patient; a table whose cells hold these
    lines as text is laid out alike. None for any other table.
    """
    if not isinstance(table, pd.DataFrame):
        return None
    names = [str(name) for name in table.columns]
    if table.map(lambda value: isinstance(value, str) and "\n" in value).to_numpy().any():
        return stacked(table, title, note)
    metrics = [n.removesuffix(" published") for n in names if n.endswith(" published")]
    if not metrics or not all(f"{metric} patients" in names for metric in metrics):
        return None
    rows: list[tuple[Cell, ...]] = []
    for row in table.to_dict("records"):
        rows += three_lines({str(key): value for key, value in row.items()}, names[0], metrics)
    head_row = (names[0], "", *metrics)
    legend = (
        "Printed: the paper's number. By image: ours as the paper counts, mean ± SD of the folds. "
        "By patient: ours pooled over the folds, with its 95 % interval."
    )
    return Table(title, head_row, flat(rows), f"{note} {legend}".strip(), sortable=False)


def stacked(table: pd.DataFrame, title: str, note: str) -> Table:
    """A table whose cells are lines of text, each `word value`: a printed row for each word."""
    names = [str(name) for name in table.columns if str(name) != "Note"]
    records = table.fillna("").astype(str).to_dict("records")
    split = [[lines_of(str(record[name])) for name in names[1:]] for record in records]
    labels = list(dict.fromkeys(label for cells in split for one in cells for label in one))
    rows: list[tuple[Cell, ...]] = []
    for record, cells in zip(records, split, strict=True):
        why = "" if absent(record.get("Note")) else str(record["Note"])
        for k, label in enumerate(labels):
            first = (head(record[names[0]], why, rows=len(labels)),) if k == 0 else ()
            line = [line_cell(one.get(label, ""), label, why or "not given") for one in cells]
            rows.append((*first, Cell(label, tone="quiet"), *line))
    return Table(title, (names[0], "", *names[1:]), flat(rows), note, sortable=False)


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


def three_lines(row: Mapping[str, Any], key: str, metrics: list[str]) -> list[tuple[Cell, ...]]:
    """The lines of one row of the paper."""
    why = "" if absent(row.get("Note")) else str(row["Note"])
    lines = [("printed", "published"), ("by image", "images"), ("by patient", "patients")]
    found: list[tuple[Cell, ...]] = []
    for k, (word, suffix) in enumerate(lines):
        cells = [paper_cell(row, metric, suffix, why) for metric in metrics]
        first = (head(row[key], why, rows=len(lines)),) if k == 0 else ()
        found.append((*first, Cell(word, tone="quiet"), *cells))
    return found


def paper_cell(row: Mapping[str, Any], metric: str, suffix: str, why: str) -> Cell:
    """One number of the paper's layout with SD or interval."""
    value = row.get(f"{metric} {suffix}")
    if absent(value):
        reason = "not printed" if suffix == "published" else why or "not run"
        return Cell(MISSING, why=reason, tone="quiet")
    lo, hi = row.get(f"{metric} {suffix} lo"), row.get(f"{metric} {suffix} hi")
    width = row.get(f"{metric} {suffix} SD")
    minor = interval(lo, hi) or ("" if absent(width) else f"± {number(width)}")
    digits = 4 if suffix == "published" else 3
    return Cell(number(value, digits), minor, tone="printed" if suffix == "published" else "")


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
