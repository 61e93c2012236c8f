"""The model card as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from osteon.reporting.card.human_input import MISSING

FIGURES = ("auroc", "accuracy", "sensitivity", "specificity", "brier", "calibration_slope")
OUTLINED = ("dice", "iou", "nsd", "hd95_mm", "patch_f1")
MANY = 60  # rows of subgroups that a person still reads
# Order of the page: sections of text first, then what is computed.
BEFORE_TABLES = ("Model details", "Intended use", "Out of scope", "Data", "Evaluation")


def to_markdown(card: Mapping[str, Any]) -> str:
    """The card of `model_card` for people.

    Args:
        card: what `osteon.reporting.card.model_card` gives, also after a round trip through JSON.

    Returns:
        Markdown with tables (GitHub's dialect), ending in a line break.
    """
    sections: dict[str, list[Mapping[str, Any]]] = {}
    for line in card["sections"]:
        sections.setdefault(line["section"], []).append(line)
    parts = [
        f"# Model card: {_plain(card['title'])}",
        f"Learners of the row `{_plain(card['paper'])}`.",
    ]
    if card["statement"]:
        parts.append(f"**{_plain(card['statement'])}**")
    parts.append(_todo(card["missing_human_input"]))
    parts += [_section(name, lines) for name, lines in sections.items() if name in BEFORE_TABLES]
    parts += [_performance(card["performance"]), _subgroups(card["subgroups"])]
    parts.append(_limitations(card["limitations"]))
    parts += [_section(n, lines) for n, lines in sections.items() if n not in BEFORE_TABLES]
    parts += [_checklist(one) for one in card["checklists"].values()]
    parts.append(_artefacts(card["artefacts"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _todo(missing: Sequence[str]) -> str:
    if not missing:
        return "Every key of the file of human input is filled."
    names = ", ".join(f"`{name}`" for name in missing)
    return (
        f"{len(missing)} answers only a person can give are open ({MISSING}): {names}. They are "
        "written into the file of human input under `conf/base/human_input/`."
    )


def _section(name: str, lines: Iterable[Mapping[str, Any]]) -> str:
    entries = [f"- {_plain(line['topic'])}: {_shown(line)}" for line in lines]
    return "\n".join([f"## {name}", "", *entries])


def _shown(line: Mapping[str, Any]) -> str:
    """Value, or status where it says more; both where a person has still to add something."""
    value = _plain(line["value"])
    if line["status"] in ("filled", "human"):
        return value
    return f"**{_plain(line['status'])}**" + (f" ({value})" if value else "")


def _performance(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "## Performance\n\nNot in this run: metrics."
    names = OUTLINED if "dice" in rows[0] else FIGURES
    cells = [[r["learner"], r["n_patients"], *(r[key] for key in names)] for r in rows]
    header = ["learner", "patients", *(key.replace("_", " ") for key in names)]
    if names is OUTLINED:
        note = "Pixels by patient, with 95 % intervals; F1 is of patches and no Dice."
        return "\n".join(["## Performance", "", note, "", *_table(header, cells)])
    note = "By patient, with 95 % intervals; proportions at threshold 0.5."
    if voting := [str(row["learner"]) for row in rows if row.get("called_by") == "vote"]:
        note += f" Called by vote instead: {', '.join(voting)}."
    return "\n".join(["## Performance", "", note, "", *_table(header, cells)])


def _subgroups(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "## Subgroups\n\nNot in this run: subgroups."
    names, note = ("auroc", "sensitivity", "specificity"), ""
    if "dice" in rows[0]:
        cells = [
            [r["learner"], r["subgroup"], r["n_patients"], r["dice"], r["hd95_mm"]] for r in rows
        ]
        header = ["learner", "stratum", "patients", "dice", "hd95 mm"]
        return "\n".join(["## Subgroups", "", *_table(header, cells)])
    if len(rows) > MANY:
        kept = {rows[0]["learner"], rows[-1]["learner"]}
        rows = [row for row in rows if row["learner"] in kept]
        note = "The first and the last learner; all others stand in the machine-readable card."
    cells = [
        [r["learner"], r["subgroup"], r["n_patients"], r["positive_patients"]]
        + [r[key] for key in names]
        + ["; ".join(r["warnings"])]
        for r in rows
    ]
    header = ["learner", "subgroup", "patients", "positive", *names, "warnings"]
    return "\n".join(["## Subgroups", *(["", note] if note else []), "", *_table(header, cells)])


def _limitations(rows: Sequence[Mapping[str, Any]]) -> str:
    title = "## Limitations that follow from this run"
    entries = [f"- {_plain(r['text'])} (from {_plain(r['from'])})" for r in rows]
    return "\n".join([title, "", *(entries or ["- none by rule"])])


def _checklist(checklist: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in checklist["counts"].items())
    cells = [
        [
            line["item"],
            line["topic"],
            line["status"],
            line["value"],
            ", ".join(line["from"]) or ", ".join(line["human_keys"]),
        ]
        for line in checklist["items"]
    ]
    intro = f"{_plain(checklist['source'])}. Topics in our words. {counts}."
    header = ["item", "topic", "status", "answer", "from"]
    return "\n".join([f"## {_plain(checklist['title'])}", "", intro, "", *_table(header, cells)])


def _artefacts(rows: Sequence[Mapping[str, str]]) -> str:
    if not rows:
        return "## Artefacts\n\nNot in this run: paths and hashes of artefacts."
    cells = [[f"`{row['path']}`", f"`{row['sha256']}`"] for row in rows]
    return "\n".join(["## Artefacts", "", *_table(["path", "SHA-256"], cells)])


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [
        "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in one) + " |" for one in lines
    ]


def _plain(value: Any) -> str:
    """One line of text that no Markdown reader takes for HTML."""
    text = " ".join(str(value).split())
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
