"""Sections of the report: discrimination, paired tests, controls, age-matched patients."""

from collections.abc import Iterable
from typing import Any

from osteon.reporting.page.blocks import Block, Figure, Folded, Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.tables import (
    Cell,
    Group,
    Table,
    estimate,
    flat,
    head,
    p_cell,
    p_text,
    spread,
    words,
)

FIXED, SCORES = "at_0.5", "scores"
SHOWN = {
    "AUROC": (SCORES, "auroc"),
    "AUPRC": (SCORES, "auprc"),
    "Accuracy": (FIXED, "accuracy"),
    "Balanced accuracy": (FIXED, "balanced_accuracy"),
    "Sensitivity (recall)": (FIXED, "sensitivity"),
    "Specificity": (FIXED, "specificity"),
    "Precision (PPV)": (FIXED, "precision"),
    "F1": (FIXED, "f1"),
    "MCC": (FIXED, "mcc"),
}
FOLDED = ("AUROC", "AUPRC", "Accuracy", "Sensitivity (recall)", "Specificity", "F1")
HEADLINE = (
    "The patient is the headline: the images of one patient resemble each other and are not "
    "independent."
)
ONE_ROW = "Every learner says one thing of a patient; single images are not judged."
TESTS = {
    "AUROC": (SCORES, "auroc", "delong"),
    "Accuracy": (FIXED, "accuracy", "mcnemar"),
    "F1": (FIXED, "f1", "bootstrap"),
    "Sensitivity": (FIXED, "sensitivity", "bootstrap"),
}


def figure(view: View, name: str, level: str | None = None, counts: str | None = None) -> Any:
    """A chart of that name with its level and patients; None if there is none."""
    charts = view.parts.charts or {}
    if name not in charts:
        return None
    return Figure(name, charts[name], view.counts(level) if counts is None else counts)


def discrimination(view: View) -> Section:
    """Every learner by patient and by image, folds, and the curves."""
    levels = [level for level in ("patient", "sequence", "image") if view.present(level)]
    if view.segmentation:
        levels = []
    blocks: list[Block | None] = []
    if levels:
        blocks.append(
            Text(
                "Each value is measured on predictions for patients that the learner was not "
                "fitted on; below it stands its 95 % interval. "
                + (HEADLINE if "image" in levels else ONE_ROW)
            )
        )
    blocks += [figure(view, "forest_auroc")]
    blocks += [level_table(view, level) for level in levels]
    blocks += [figure(view, name) for name in ("roc", "precision_recall", "scores")]
    blocks += [folds_table(view, level) for level in levels if not view.one_fold]
    return section("discrimination", "How well the classes are told apart", *blocks)


def level_table(view: View, level: str) -> Table:
    """One level: learners, controls, permuted labels."""
    groups = []
    for title, members in (
        ("Learners", view.learners),
        ("Controls", view.controls),
        ("Permuted labels (must be about 0.5)", view.permuted),
    ):
        rows = tuple(level_row(view, name, level) for name in members)
        if rows:
            groups.append(Group(title, rows))
    skipped = view.metrics.get("skipped") or {}
    note = "Threshold 0.5 for all but AUROC and AUPRC. "
    if by_vote := voters(view, level):
        note += f"Called by vote instead: {', '.join(view.label(name) for name in by_vote)}. "
    note += "".join(f"{view.label(name)} left out: {why}. " for name, why in skipped.items())
    return Table(
        f"Discrimination at {view.counts(level)}",
        ("Learner", *SHOWN),
        tuple(groups),
        note.strip(),
        compact=True,
    )


def voters(view: View, level: str | None = None) -> list[str]:
    """The learners whose own votes, not a threshold, are behind "at 0.5" at a level."""
    groups = (view.learners, view.controls, view.permuted)
    return [
        name
        for group in groups
        for name, levels in group.items()
        if (levels.get(level or view.level) or {}).get("called_by") == "vote"
    ]


def level_row(view: View, name: str, level: str) -> tuple[Cell, ...]:
    """One learner at one level."""
    judged = view.find(name).get(level) or {}
    cells = [
        estimate((judged.get(group) or {}).get(metric), "not judged at this level")
        for group, metric in SHOWN.values()
    ]
    marks = {view.reference: "reference", view.headline: "headline"}
    minor = marks.get(name, "")
    total = judged.get("n_patients")
    for other in (view.reference, view.headline):
        of = (view.find(other).get(level) or {}).get("n_patients")
        if total and of and total != of:
            minor = f"{minor} {total:,} patients".strip()
            break
    return (head(view.label(name), minor), *cells)


def folds_table(view: View, level: str) -> Table:
    """Mean and SD over the folds."""
    rows = []
    for name in view.learners:
        judged = view.find(name).get(level) or {}
        cells = [
            spread((judged.get(SHOWN[column][0]) or {}).get(SHOWN[column][1])) for column in FOLDED
        ]
        rows.append((head(view.label(name)), *cells))
    return Table(
        f"Mean ± SD over the folds, {level} level",
        ("Learner", *FOLDED),
        flat(rows),
        "The spread of folds says how much a result depends on who is judged; it is no interval. "
        "Folds share training patients.",
    )


def paired(view: View) -> Section:
    """Each learner against the reference on the same patients."""
    if view.reference is None:
        return section("paired", "Is the difference real?")
    table = tests_table(view, [name for name in view.learners if name != view.reference])
    if table is None:
        return section("paired", "Is the difference real?")
    return section(
        "paired",
        "Is the difference real?",
        Text(
            f"Each learner minus {view.label(view.reference)}, on the same patients. The interval "
            "of a difference is a paired bootstrap over patients. p for AUROC by DeLong, for "
            "accuracy by McNemar, for F1 and sensitivity by the bootstrap; adjusted by Holm over "
            "all learners compared, the raw p below; bold: significant."
        ),
        figure(view, "forest"),
        table,
        every_test(view),
    )


def tests_table(view: View, names: Iterable[str]) -> Table | None:
    """Differences at the headline level with p values; None if no test was made."""
    rows, notes = [], []
    for name in names:
        if view.test(name, "bootstrap", SCORES, "auroc") is None:
            continue
        cells = [head(view.label(name))]
        for at, metric, test in TESTS.values():
            cells += contrast(
                view.test(name, "bootstrap", at, metric), view.test(name, test, at, metric)
            )
        rows.append(cells)
        compared = (view.metrics.get("comparisons") or {}).get(name, {}).get(view.level, {})
        if compared.get("note"):
            notes.append(f"{view.label(name)}: {compared['note']}.")
    if not rows:
        return None
    columns = [text for name in TESTS for text in (f"Δ {name}", "p, Holm")]
    caption = f"Differences from {view.label(view.reference)}; {view.counts()}"
    return Table(caption, ("Learner", *columns), flat(rows), " ".join(notes))


def contrast(difference: Any, test: Any, digits: int = 3) -> list[Cell]:
    """Difference with interval; p after Holm over p as it came."""
    test = test or difference or {}
    adjusted, tone = p_cell(test.get("p_holm")), "strong" if test.get("significant") else ""
    if adjusted.sort is not None:
        adjusted = Cell(adjusted.text, f"({p_text(test.get('p'))})", adjusted.sort, tone=tone)
    return [estimate(difference, digits=digits), adjusted]


def every_test(view: View) -> Folded | None:
    """All tests of the headline against the reference, folded away."""
    name = view.headline
    compared = (view.metrics.get("comparisons") or {}).get(name, {})
    rows = [
        (
            head(f"{test['metric'].replace('_', ' ')}, {test['at'].replace('_', ' ')}"),
            words(level),
            words(test.get("method")),
            estimate(test if "value" in test else {"value": test.get("difference")}),
            p_cell(test.get("p")),
            p_cell(test.get("p_holm")),
        )
        for level in ("patient", "image")
        for test in (compared.get(level) or {}).get("tests", ())
    ]
    if not rows or name is None:
        return None
    columns = ("Metric", "Level", "Test", "Difference", "p", "p, Holm")
    caption = f"Every test of {view.label(name)} against {view.label(view.reference)}"
    return Folded(f"{caption} ({len(rows)})", Table(caption, columns, flat(rows)), printed=False)
