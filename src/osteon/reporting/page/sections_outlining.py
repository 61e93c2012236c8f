"""Sections of the report on networks that outline: pixels, pooled pixels, patches, strata."""

from collections.abc import Iterable
from typing import Any

from osteon.reporting.page.blocks import Block, Folded, Section, Text, section
from osteon.reporting.page.parts import View
from osteon.reporting.page.sections_results import contrast, every_test, figure
from osteon.reporting.page.tables import (
    Cell,
    Table,
    absent,
    estimate,
    flat,
    head,
    number,
    parts_of,
    spread,
    whole,
)

PIXEL, POOLED, PATCH = "pixel", "pixel_pooled", "patch"
OVERLAP = {"Dice": "dice", "IoU": "iou", "Precision": "precision", "Recall": "recall"}
BOUNDARY = {"NSD": "nsd", "HD95, mm": "hd95_mm"}
ON_PATCHES = {
    "Accuracy": "accuracy",
    "Precision": "precision",
    "Recall": "recall",
    "F1": "f1",
    "Specificity": "specificity",
}
TESTED = {"Dice": "dice", "IoU": "iou", "NSD": "nsd", "HD95, mm": "hd95_mm"}
EMPTY = {"both": "truth and outline", "prediction": "outline only", "reference": "truth only"}
MILLIMETRES = 1
"""Decimals of a distance in mm."""
ALONE = (
    "A slice on which only one of truth and outline shows anything enters HD95 with its diagonal."
)
THREE = (
    "Three ways of counting stand apart, because papers mix them: pixels patient by patient (the "
    "headline), pixels of all patients thrown together, and patches as samples of a classifier. "
    "F1 of patches is not the Dice of pixels, and a large {target} weighs more where pixels are "
    "pooled. Every patient is outlined by networks that were not fitted on that patient."
)


def outlining(view: View) -> Section:
    """Every learner on pixels by patient, on pooled pixels and on patches."""
    title = f"How well {view.targets} are outlined"
    if not view.segmentation:
        return section("outlining", title)
    blocks: list[Block | None] = [
        Text(THREE.format(target=view.positive)),
        Text(told, "note") if (told := rarity(view)) else None,
        figure(view, "forest_dice"),
        pixel_table(view),
        figure(view, "dice_by_patient"),
        empty_table(view),
        folds_table(view),
        figure(view, "cut"),
        pooled_table(view),
        patch_table(view),
    ]
    return section("outlining", title, *blocks)


def pixel_table(view: View) -> Table:
    """The headline: means over patients."""
    columns = OVERLAP | BOUNDARY
    skipped = view.metrics.get("skipped") or {}
    tolerance = ", ".join(f"{one:g}" for one in view.settings.get("tolerance_mm") or ())
    note = "NSD: share of the boundaries that lie within "
    note += f"{tolerance or 'the tolerance of'} mm of each other. "
    note += "HD95: the distance within which 95 % of one boundary lie from the other, the worse of "
    note += f"both ways, in the plane of each slice, slices of a patient pooled. {ALONE} "
    note += "".join(f"{view.label(name)} left out: {why}. " for name, why in skipped.items())
    return Table(
        f"Pixels, each patient judged by itself and then the mean; {view.counts()}",
        ("Learner", *columns),
        flat(pixel_row(view, name, columns.values()) for name in view.learners),
        note.strip(),
        compact=True,
    )


def pixel_row(view: View, name: str, metrics: Iterable[str]) -> tuple[Cell, ...]:
    """One learner by patient."""
    marks = {view.reference: "reference", view.headline: "headline"}
    cells = [figured(view.metric(name, PIXEL, metric), metric) for metric in metrics]
    return (head(view.label(name), marks.get(name, "")), *cells)


def figured(value: Any, metric: str) -> Cell:
    """A share with three decimals, a distance in mm with one."""
    return estimate(value, digits=MILLIMETRES if metric.endswith("_mm") else 3)


def empty_table(view: View) -> Table | None:
    """Patients of whom the truth, the outline or both are empty."""
    rows = []
    for name in view.learners:
        found = (view.find(name).get(view.level) or {}).get("empty")
        if found is not None:
            rows.append((head(view.label(name)), *(whole(found.get(key)) for key in EMPTY)))
    rule = str(view.settings.get("empty_masks") or "")
    note = f"{rule[:1].upper()}{rule[1:]}." if rule else ""
    caption = f"Patients with empty masks; {view.counts()}"
    columns = ("Learner", *(f"Empty: {text}" for text in EMPTY.values()))
    return Table(caption, columns, flat(rows), note, sortable=False) if rows else None


def folds_table(view: View) -> Folded | None:
    """Mean and SD over the folds."""
    if view.one_fold:
        return None
    columns = OVERLAP | BOUNDARY
    rows = [
        (
            head(view.label(name)),
            *(
                spread(view.metric(name, PIXEL, key), MILLIMETRES if key.endswith("_mm") else 3)
                for key in columns.values()
            ),
        )
        for name in view.learners
    ]
    caption = "Pixels by patient: mean ± SD over the folds"
    note = "The spread of folds is no interval; folds share training patients."
    return Folded(caption, Table(caption, ("Learner", *columns), flat(rows), note), printed=False)


def pooled_table(view: View) -> Table | None:
    """Pixels of all patients thrown together."""
    rows = [
        (
            head(view.label(name)),
            *(estimate(view.metric(name, POOLED, key)) for key in OVERLAP.values()),
        )
        for name in view.learners
        if (view.find(name).get(view.level) or {}).get(POOLED)
    ]
    caption = "Pooled pixels: all pixels of all patients summed first"
    note = f"Beside the headline, not instead of it: patients with a large {view.positive} decide."
    return Table(caption, ("Learner", *OVERLAP), flat(rows), note) if rows else None


def patch_table(view: View) -> Table | None:
    """Patches as samples, at the share of positives that they have."""
    rows = [
        (
            head(view.label(name)),
            *(estimate(view.metric(name, PATCH, key)) for key in ON_PATCHES.values()),
        )
        for name in view.learners
        if (view.find(name).get(view.level) or {}).get(PATCH)
    ]
    share = natural_share(view)
    caption = f"Patches, at their natural share of {view.positive}{share}: samples of a classifier"
    note = (
        "Networks on patches by their own calls on the grid of testing, the others by the same "
        "rule applied to their outline. Neighbouring patches overlap: intervals are over patients."
    )
    return Table(caption, ("Learner", *ON_PATCHES), flat(rows), note) if rows else None


def rarity(view: View) -> str:
    """How rare and how large the target is among what is judged; empty where nothing is known."""
    found = view.metrics.get("lesions") or {}
    said = []
    shares = [
        f"{number(100 * found[key], 2)} % of the {word}"
        for key, word in (("positive_pixels", "pixels"), ("positive_patches", "patches"))
        if not absent(found.get(key))
    ]
    if shares:
        said.append(f"Of what is judged {' and '.join(shares)} are {view.positive}.")
    sizes = [found.get(key) for key in ("smallest_mm", "largest_mm", "median_mm")]
    if not any(absent(one) for one in sizes):
        least, most, middle = (number(one, 1) for one in sizes)
        said.append(
            f"The largest {view.positive} of a patient is {least} to {most} mm wide (diameter of "
            f"the circle of the same area), median {middle} mm."
        )
    return " ".join(said)


def natural_share(view: View) -> str:
    """` (6.0 %)`: counted, or as the headline's precision, recall and specificity imply.

    With P = r π / (r π + (1 - s) (1 - π)): π = P (1 - s) / (r (1 - P) + P (1 - s)). Empty where
    unknown.
    """
    counted = (view.metrics.get("lesions") or {}).get("positive_patches")
    if not absent(counted):
        return f" ({number(100 * float(counted or 0), 1)} %)"
    names = ("precision", "recall", "specificity")
    values = [parts_of(view.metric(view.headline, PATCH, name))[0] for name in names]
    if any(absent(one) for one in values):
        return ""
    precision, recall, specificity = (float(one) for one in values)
    false = precision * (1 - specificity)
    total = recall * (1 - precision) + false
    return f" ({number(100 * false / total, 1)} %)" if total > 0 else ""


def tests(view: View) -> Section:
    """Each learner against the reference on the same patients: Dice, IoU, NSD, HD95."""
    title = "Is the difference real?"
    rows, notes = [], []
    for name in view.learners:
        if name == view.reference or view.test(name, "bootstrap", PIXEL, "dice") is None:
            continue
        cells = [head(view.label(name))]
        for metric in TESTED.values():
            test = view.test(name, "bootstrap", PIXEL, metric)
            digits = MILLIMETRES if metric.endswith("_mm") else 3
            cells += contrast(test, test, digits)
        rows.append(cells)
        compared = (view.metrics.get("comparisons") or {}).get(name, {}).get(view.level, {})
        if compared.get("note"):
            notes.append(f"{view.label(name)}: {compared['note']}.")
    if not rows:
        return section("paired", title)
    columns = ("Learner", *(text for name in TESTED for text in (f"Δ {name}", "p, Holm")))
    caption = f"Differences from {view.label(view.reference)}; {view.counts()}"
    return section(
        "paired",
        title,
        Text(
            f"Each learner minus {view.label(view.reference)}, on the same patients, pixels of a "
            "patient judged together. Interval and p are of a paired bootstrap over patients; p "
            "is adjusted by Holm over all learners compared, the raw p below; bold: significant. "
            "Of HD95 less is better: a difference below 0 is a gain."
        ),
        figure(view, "forest"),
        Table(caption, columns, flat(rows), " ".join(notes), compact=True),
        every_test(view),
    )
