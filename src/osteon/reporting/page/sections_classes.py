"""Section of the report: each class against the rest, and the calls of all classes at once."""

from collections.abc import Mapping
from typing import Any

from osteon.reporting.figures.curve_charts import CLASS_ROC
from osteon.reporting.page.blocks import Block, Figure, Section, Side, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import FIXED, figure, voters
from osteon.reporting.page.tables import (
    Group,
    Table,
    absent,
    estimate,
    flat,
    head,
    number,
    plain,
    whole,
)

YOUDEN = "at_youden"
MULTI = {
    "Macro AUROC": "macro_auroc",
    "Accuracy": "accuracy",
    "Balanced accuracy": "balanced_accuracy",
}
NO_ESTIMATE = (
    "The curve of the training part shows how well the networks know the patients they were fitted "
    "on. It is no performance estimate; how far it lies above the other says how much was learnt "
    "by heart."
)
INNER = (
    "These scores come from networks that had not seen the patient; a difference is one between "
    "the two parts, or of what was chosen on the training part, not of what was learnt by heart."
)


def classes(view: View) -> Section:
    """Each class in turn as the positive one, and optimism in words; all classes at once."""
    found = view.metrics.get("by_class") or {}
    lead = Text(
        "Each class in turn is taken as the positive one, against all others together. A "
        "threshold is one on the class's own probability."
    )
    trained = (view.metrics.get("training_part") or {}).get(view.headline)
    curves = class_curves(view)
    return section(
        "classes",
        "Each class against the rest",
        lead if found else None,
        class_table(view, found),
        Side(curves) if curves else None,
        Text(optimism(view, trained)) if trained else None,
        *together(view),
    )


def class_table(view: View, found: Mapping[str, Any]) -> Table | None:
    """AUROC and both operating points of every learner, a group of rows for each class."""
    names = list(dict.fromkeys(name for by in found.values() for name in by))
    groups = []
    for name in names:
        rows = [
            (
                head(view.label(learner)),
                whole(by[name].get("positive_patients")),
                *numbers(by[name]),
            )
            for learner, by in found.items()
            if name in by
        ]
        groups.append(Group(f"{plain(name)} against the rest", tuple(rows)))
    if not groups:
        return None
    at = ("Accuracy", "Sensitivity", "Specificity")
    columns = ("Learner", "Of the class", "AUROC", *at, *(f"{one}, Youden" for one in at))
    caption = f"Each class against the rest; {level_of(view)}"
    note = "Threshold 0.5 where nothing else is said."
    if by_vote := voters(view):
        note += f" Called by vote instead: {', '.join(view.label(name) for name in by_vote)}."
    return Table(caption, columns, tuple(groups), note, compact=True)


def numbers(one: Mapping[str, Any]) -> list[Any]:
    """The cells of one learner and class."""
    metrics = ("accuracy", "sensitivity", "specificity")
    cells = [estimate((one.get("scores") or {}).get("auroc") or one.get("auroc"))]
    for at in (FIXED, YOUDEN):
        why = "no such threshold here" if at == YOUDEN else "not judged"
        cells += [estimate((one.get(at) or {}).get(metric), why) for metric in metrics]
    return cells


def class_curves(view: View) -> tuple[Figure, ...]:
    """The curves of each class, held out and training part."""
    charts = [name for name in view.parts.charts or () if name.startswith(CLASS_ROC)]
    return tuple(figure(view, name, counts=level_of(view)) for name in charts)


def optimism(view: View, trained: Mapping[str, Any]) -> str:
    """How much higher the training part reads, class by class."""
    said = []
    for name, one in trained.items():
        value = one.get("auroc")
        value = value.get("value") if isinstance(value, Mapping) else value
        if absent(value) or absent(one.get("optimism")):
            continue
        gap = float(one["optimism"])
        said.append(
            f"{plain(name)} {number(value)}, {number(abs(gap))} "
            f"{'above' if gap >= 0 else 'below'} the held-out AUROC"
        )
    if not said:
        return NO_ESTIMATE
    label = view.label(view.headline)
    if all(str(one.get("source")).endswith("out of fold") for one in trained.values()):
        return f"Out of fold on its training part {label} reads: {'; '.join(said)}. {INNER}"
    return f"On its training part {label} reads: {'; '.join(said)}. {NO_ESTIMATE}"


def together(view: View) -> list[Block | None]:
    """Calls of the most likely class, for three classes or more."""
    found = {
        name: one
        for name, one in (view.metrics.get("multiclass") or {}).items()
        if len(one.get("classes") or ()) > 2
    }
    if not found:
        return []
    rows = [
        (head(view.label(name)), *(estimate(one.get(key)) for key in MULTI.values()))
        for name, one in found.items()
    ]
    caption = f"All classes at once: the most likely class is called; {level_of(view)}"
    note = "Macro AUROC: mean of the classes' AUROCs, each against the rest."
    chart = figure(view, "confusion_classes", counts=level_of(view))
    table = Table(caption, ("Learner", *MULTI), flat(rows), note)
    grid = None if chart or view.headline not in found else counted(view, found[view.headline])
    return [table, chart, grid]


def counted(view: View, one: Mapping[str, Any]) -> Table:
    """The confusion matrix as a table, where its chart was not drawn."""
    names = [plain(name) for name in one["classes"]]
    rows = [
        (head(name), *(whole(count) for count in row))
        for name, row in zip(names, one["confusion"], strict=True)
    ]
    caption = f"Confusion matrix of {view.label(view.headline)}; {level_of(view)}"
    columns = ("Truth", *(f"called {name}" for name in names))
    return Table(caption, columns, flat(rows), sortable=False)


def level_of(view: View) -> str:
    """`patient level, 240 patients`, without the counts of the positive class."""
    return view.counts("patient").split(" (")[0]
