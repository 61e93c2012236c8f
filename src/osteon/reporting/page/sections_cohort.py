"""Section of the report: who was received, refused and kept, and what they are like."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.page.blocks import Block, Flow, Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import figure
from osteon.reporting.page.tables import (
    Table,
    absent,
    any_table,
    count,
    flat,
    head,
    plain,
    whole,
    words,
)

TABLES = {
    "demographics": (
        "Patients by part of the split",
        "Parts are judged in turn: what is a test fold once is training data in the other rounds.",
    ),
    "class_balance": ("Class balance", ""),
    "target": (
        "Slices with and without the target, by part of the split",
        "Shares of pixels are of the prepared label maps, the borders that pad a slice included.",
    ),
    "missing": (
        "Missing values by class",
        "Where one class lacks values more often, the lack itself tells the class.",
    ),
    "filled": ("How missing values were filled", ""),
    "acquisition": ("Acquisition, from the image headers", ""),
}

CONTROLS_ONLY = "For the controls without an image only; no network was given a filled value."
HELD_OUT = "The train part is learnt from, the test part judged."


def cohort(view: View) -> Section:
    """Flow, refusals, demographics, balance, missing values, acquisition."""
    given = view.parts.cohort or {}
    blocks: list[Block | None] = [flow(given), refused(given) if given else None]
    if not given:
        blocks = [plain_flow(view.data.get("flow") or {})]
    for key, (caption, note) in TABLES.items():
        note = HELD_OUT if key == "demographics" and held_out(given) else note
        # Networks of images alone are given none of these values.
        note = CONTROLS_ONLY if key == "filled" and not view.with_values else note
        blocks.append(any_table(given.get(key), caption, note))
        blocks.append(figure(view, key, counts=""))
    return section("cohort", "The cohort", *blocks)


def held_out(given: Mapping[str, Any]) -> bool:
    """Are there one train and one test part rather than folds?"""
    table = given.get("demographics")
    return isinstance(table, Mapping) and "test" in (table.get("columns") or ())


def flow(given: Mapping[str, Any]) -> Flow | None:
    """The steps of the flow as boxes."""
    boxes = tuple(
        (str(step.get("step", "")), sizes(step), str(step.get("note") or ""))
        for step in given.get("flow") or ()
    )
    return Flow("From what was received to what is judged", boxes) if boxes else None


def sizes(step: Mapping[str, Any]) -> str:
    """`240 patients, 724 images`, as far as both are known."""
    found = [
        f"{count(step[key])} {key}" if not isinstance(step[key], str) else f"{step[key]} {key}"
        for key in ("patients", "images")
        if not absent(step.get(key))
    ]
    return ", ".join(found)


def refused(given: Mapping[str, Any]) -> Table | Text:
    """Refused files by code with advice."""
    rows = [
        (head(one.get("code")), whole(one.get("count")), words(one.get("advice")))
        for one in given.get("refused") or ()
    ]
    if not rows:
        return Text("No file was refused.", "note")
    columns = ("Code", "Files", "What to do")
    return Table("Files refused, by reason", columns, flat(rows), figures=False)


def plain_flow(found: Mapping[str, Any]) -> Flow | None:
    """The flow as ingestion counts it, where no ready tables are given."""
    if not found:
        return None
    patients = found.get("patients") or {}
    boxes = [
        ("Files received", f"{count(found.get('received'))} files", ""),
        ("Files read", f"{count(found.get('read'))} files", codes(found.get("refused") or {})),
        (
            "Kept",
            f"{count(patients.get('with_images'))} patients, {count(found.get('images'))} images",
            "; ".join(
                f"{plain(name)}: {count(one.get('patients_with_images'))} patients, "
                f"{count(one.get('images'))} images"
                for name, one in (found.get("classes") or {}).items()
            ),
        ),
    ]
    return Flow("From what was received to what is judged", tuple(boxes))


def codes(refusals: Mapping[str, Any]) -> str:
    """Refusals in one line."""
    listed = ", ".join(f"{code} {n}" for code, n in refusals.items())
    return f"refused: {listed}" if listed else "none refused"
