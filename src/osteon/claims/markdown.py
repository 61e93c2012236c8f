"""The ledger as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

HELD = {True: "holds", False: "does not hold", None: "not judged"}
DECIMALS = {"percent": 2, "percentage points": 2, "seconds": 3}


def to_markdown(ledger: Mapping[str, Any]) -> str:
    """A page of three tables: claims, protocol, sums.

    Args:
        ledger: as `osteon.claims.ledger.ledger` gives it.
    """
    parts = [f"# Claims: {ledger['title']}", ledger["statement"]]
    if ledger["rows"]:
        parts += ["## Printed numbers and ours", claims_table(ledger["rows"])]
    if ledger["protocol"]:
        parts += ["## Protocols", protocol_table(ledger["protocol"])]
    if ledger["contradictions"]:
        count = counted(ledger["contradictions"])
        parts += ["## The paper's own sums", count, sums_table(ledger["contradictions"])]
    if ledger.get("ambiguous"):
        count = "Wording with several readings; none decides, so none counts as a contradiction."
        parts += ["## Ambiguous statements", count, sums_table(ledger["ambiguous"])]
    return "\n\n".join(parts) + "\n"


def claims_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line a printed number: ours with its interval, verdict and reason."""
    lines = []
    for row in rows:
        show = DECIMALS.get(row["unit"], 4)
        ours = number(row["ours"], show)
        if row["lo"] is not None and row["hi"] is not None:
            ours += f" [{number(row['lo'], show)}, {number(row['hi'], show)}]"
        printed = number(row["printed"], show)
        verdict = row["verdict"] + (f": {row['reason']}" if row["reason"] else "")
        lines.append([row["what"], row["where"], printed, ours, row["unit"], verdict])
    return table(["Claim", "Place", "Printed", "Ours (95 % interval)", "Unit", "Verdict"], lines)


def protocol_table(lines: Sequence[Mapping[str, Any]]) -> str:
    """One line a setting; `differs` stands where the two are not the same."""
    cells = [
        [line["item"], text(line["printed"]), text(line["ours"]), "differs" * line["differs"]]
        for line in lines
    ]
    return table(["Item", "Printed", "Ours", ""], cells)


def counted(checks: Sequence[Mapping[str, Any]]) -> str:
    """How many checks fail: those of printed figures, and those that we derived."""
    printed = [one["holds"] for one in checks if one["printed"] is not None]
    derived = [one["holds"] for one in checks if one["printed"] is None]
    line = f"{printed.count(False)} of {len(printed)} checks of printed statements do not hold"
    if derived:
        line += f"; nor do {derived.count(False)} of {len(derived)} of our derivations"
    return f"{line}."


def sums_table(checks: Sequence[Mapping[str, Any]]) -> str:
    """One line a statement, with its arithmetic."""
    cells = []
    for one in checks:
        verdict = HELD[one["holds"]] + (f" ({one['note']})" if one["note"] else "")
        cells.append([one["statement"], text(one["printed"]), one["sum"], verdict, one["source"]])
    return table(["Statement", "Printed", "Sum", "", "Place"], cells)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |"
        for line in lines
    )


def number(value: float | None, decimals: int) -> str:
    """A number, or a dash."""
    return "–" if value is None else f"{value:.{decimals}f}"


def text(value: Any) -> str:
    """A setting or a printed figure as one reads it."""
    if value is None:
        return "not printed"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(text(one) for one in value)
    return str(value)
