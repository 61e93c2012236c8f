"""Tables 1 and 2 of the PENN paper in their own layout, and what a report adds.

The paper mixes levels without a word: its F1 is not its Dice, though both would be one number on
one set of pixels. Here precision, recall, accuracy and F1 are of patches, IoU and Dice of pixels.
Strata, audit, ablations and the grid of Fig. 6 stand in `osteon.measures.penn_part_tables`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from osteon.measures.paper_table import (
    NOTE,
    PaperTable,
    at,
    cell,
    chosen,
    number,
    p_value,
    why_absent,
    with_interval,
)
from osteon.measures.penn_part_tables import (
    ablation,
    architectures,
    audit,
    strata,
)
from osteon.measures.prevalence import at_prevalence, behind
from osteon.measures.segmentation_evaluator import PATCH, PIXEL

PRINTED_TARGETS = ("tumour", "tumor", "spinal_tumour", "lesion")
"""Targets that the printed numbers speak of; beside any other they would mean nothing."""
TABLE1 = {
    "penn": "penn",
    "sae_plain": "multiresunet_or_plain_sae",
    "multiresunet": "multiresunet_or_plain_sae",
}
"""Our learner → the paper's row. Its "MultiResUNet when λ = β = 0" is a plain auto-encoder, so that
two of ours stand beside one printed row."""
TABLE2 = ("unet", "d_tvnet", "multiresunet", "sau_net", "op_convnet", "penn")
NAMES = {
    "penn": "PENN",
    "sae_plain": "Plain auto-encoder (λ = β = 0)",
    "penn_no_pretraining": "PENN without pretraining",
    "penn_conv": "PENN, convolutional",
    "unet": "U-Net",
    "multiresunet": "MultiResUNet",
    "sau_net": "SAU-Net",
    "d_tvnet": "D-TVNet",
    "op_convnet": "OP-convNet",
}
ON_PATCHES = {"Precision": "precision", "Recall": "recall", "Accuracy": "accuracy", "F1": "f1"}
ON_PIXELS = {"IoU": "iou", "DC": "dice"}
MOVING = {"Precision": "ppv", "Accuracy": "accuracy", "F1": "f1"}
"""What moves with the share of positives → how the metrics call it, before `_at_<share>`."""
LEVELS = (
    "Precision, recall, accuracy and F1 are of patches, IoU and DC of pixels (mean over patients); "
    "the paper does not say which is of which. Percent; ours with 95 % intervals by bootstrap over "
    "patients, at the natural share of positive patches."
)
LITERATURE = (
    "The printed row of OP-convNet equals the results of that network's own paper on CT: it is not "
    "of the same data."
)
OTHER_TARGET = (
    "The paper's figures are of tumours; ours are of {target} and not testable against them, so "
    "that none is printed here."
)
DIFFER = {"Dice": ("dice", 3), "IoU": ("iou", 3), "NSD": ("nsd", 3), "HD95, mm": ("hd95_mm", 1)}


def tables(
    metrics: Mapping[str, Any],
    published: Mapping[str, Any],
    extras: Mapping[str, Any],
    brief: bool = False,
) -> list[PaperTable]:
    """All tables of the paper and what it never printed, in the order of a report.

    Args:
        metrics: of a run's evaluation; published: the paper's block.
        extras: what evaluation does not know; each may be absent and leaves its table out. `audit`:
            of `osteon.measures.patch_audit.patch_gap`, see `penn_part_tables.audit`; `pretraining`:
            learner → stages, of `osteon.measures.pretraining_curves.by_layer`; `grid`: entries of
            layers, nodes and figures, see `osteon.measures.penn_part_tables.architectures`.
        brief: leave out differences and strata, which a report's page has in sections of its own.

    Returns:
        Tables 1 and 2 only where one of their learners was run or asked for: a run of the grid has
        none of them.
    """
    known = {*metrics["learners"], *metrics["skipped"]}
    made: list[PaperTable | None] = []
    if extras.get("grid"):
        made.append(architectures(extras["grid"], target(metrics)))
    made += [table1(metrics, published)] if known & set(TABLE1) else []
    made += [table2(metrics, published)] if known & set(TABLE2) else []
    made += [] if brief else [against_reference(metrics)]
    made.append(prevalence(metrics, published))
    made += [] if brief else strata(metrics, NAMES, target(metrics))
    if extras.get("audit"):
        made.append(audit(extras["audit"]))
    made.append(ablation(metrics, extras.get("pretraining") or {}, NAMES))
    return [one for one in made if one is not None]


def target(metrics: Mapping[str, Any]) -> str:
    """What is outlined, in words."""
    return str(metrics["settings"]["positive_class"]).replace("_", " ")


def comparable(metrics: Mapping[str, Any]) -> bool:
    """Whether the printed numbers are of the same target."""
    return str(metrics["settings"]["positive_class"]).lower() in PRINTED_TARGETS


def table1(metrics: Mapping[str, Any], published: Mapping[str, Any]) -> PaperTable:
    """PENN against what the paper calls MultiResUNet."""
    same = comparable(metrics)
    rows = []
    for learner, printed in TABLE1.items():
        of_paper = published["table1"][printed] if same else {}
        cells = _cells(metrics, learner, of_paper, ON_PATCHES | ON_PIXELS)
        rows.append([NAMES[learner], *cells, why_absent(metrics, learner)])
    note = f"{LEVELS} The paper's second row is a MultiResUNet by name and a plain auto-encoder by "
    note += "its text: both of ours stand beside it."
    return PaperTable(
        f"Table 1, {target(metrics)}: PENN and the same without sparsity",
        note if same else f"{LEVELS} {OTHER_TARGET.format(target=target(metrics))}",
        ("Method", *ON_PATCHES, *ON_PIXELS, NOTE),
        rows,
    )


def table2(metrics: Mapping[str, Any], published: Mapping[str, Any]) -> PaperTable:
    """All rivals."""
    same, columns = comparable(metrics), {"F1": "f1", **ON_PIXELS}
    rows = []
    for learner in TABLE2:
        of_paper = published["table2"][learner] if same else {}
        cells = _cells(metrics, learner, of_paper, columns)
        rows.append([NAMES[learner], *cells, why_absent(metrics, learner)])
    said = LITERATURE if same else OTHER_TARGET.format(target=target(metrics))
    return PaperTable(
        f"Table 2, {target(metrics)}: PENN and its rivals",
        f"{LEVELS} {said}",
        ("Method", *columns, NOTE),
        rows,
    )


def _cells(
    metrics: Mapping[str, Any],
    learner: str,
    printed: Mapping[str, float],
    columns: Mapping[str, str],
) -> list[str]:
    """Printed value and ours, in percent."""
    made = []
    for name in columns.values():
        group = PIXEL if name in ON_PIXELS.values() else PATCH
        entry = at(metrics, "learners", learner, "patient", group, name)
        lines: dict[str, str | None] = {}
        if name in printed:
            lines["printed"] = number(printed[name], 1)
        lines["ours"] = None if entry is None else with_interval(entry, 1, 100.0)
        made.append(cell(lines))
    return made


def against_reference(metrics: Mapping[str, Any]) -> PaperTable:
    """Paired differences of every learner from the reference."""
    reference = str(metrics["settings"]["reference"])
    shown = NAMES.get(reference, reference)
    rows = []
    for learner in metrics["learners"]:
        if learner == reference:
            continue
        cells = []
        for metric, digits in DIFFER.values():
            test = chosen(metrics, learner, "bootstrap", PIXEL, metric)
            cells += [with_interval(test, digits), p_value(test.get("p_holm"))]
        rows.append([NAMES.get(learner, learner), *cells])
    columns = [name for metric in DIFFER for name in (metric, "p (Holm)")]
    return PaperTable(
        f"Against {shown} (the paper has no test)",
        f"Row less {shown} on the same patients and pixels of {target(metrics)}, 95 % interval and "
        "p by paired bootstrap over patients; Holm over all learners, metric by metric. Of HD95 "
        "less is better.",
        ("Method", *columns),
        rows,
    )


def prevalence(metrics: Mapping[str, Any], published: Mapping[str, Any]) -> PaperTable | None:
    """Natural and balanced patches side by side, and what the printed figures imply."""
    shares = metrics["settings"].get("prevalences") or ()
    rows = [
        row
        for learner, levels in metrics["learners"].items()
        for row in _ours_at(learner, at(levels, "patient", PATCH) or {}, metrics, shares)
    ]
    if not rows:
        return None
    same = comparable(metrics)
    if same:
        rows += [
            row for name in published["table1"] for row in _printed_at(name, published, shares)
        ]
    note = (
        "Recall and specificity do not depend on how many patches are positive; precision, "
        "accuracy and F1 do. Each learner at the natural share of its test patches, and what the "
        "same recall and specificity give at other shares."
    )
    if same:
        note += (
            " The printed precision, recall and accuracy together imply the share of positives at "
            "which they were taken (share = (1 - accuracy)/((1 - recall) + recall (1 - precision)/"
            "precision)): near the balanced 40 %, far from the 6 % before balancing, though the "
            "paper says that tested patches are not balanced."
        )
    return PaperTable(
        f"Natural and balanced patches of {target(metrics)}",
        note,
        ("Method", "Positive patches", "Recall", "Specificity", *MOVING),
        rows,
    )


def _ours_at(
    learner: str, found: Mapping[str, Any], metrics: Mapping[str, Any], shares: Any
) -> list[list[str]]:
    """A learner at its natural share and at the stated ones."""
    if not found:
        return []
    natural = at(metrics, "lesions", "positive_patches")
    fixed = [with_interval(found.get(name), 1, 100.0) for name in ("recall", "specificity")]
    own = [with_interval(found.get(name), 1, 100.0) for name in ("precision", "accuracy", "f1")]
    rows = [[NAMES.get(learner, learner), f"natural, {number(natural, 1, 100.0)} %", *fixed, *own]]
    for share in shares:
        stated = [
            with_interval(found.get(f"{name}_at_{share:g}"), 1, 100.0) for name in MOVING.values()
        ]
        rows.append([NAMES.get(learner, learner), f"{100 * share:g} %", *fixed, *stated])
    return rows


def _printed_at(name: str, published: Mapping[str, Any], shares: Any) -> list[list[str]]:
    """A printed row at the share that it implies and at the stated ones."""
    printed = published["table1"][name]
    precision, recall, accuracy = (
        printed[key] / 100 for key in ("precision", "recall", "accuracy")
    )
    implied = behind(precision, recall, accuracy)
    called = f"{published['names'].get(name, name)}, printed"
    specificity = number(implied["specificity"], 1, 100.0)
    own = [number(printed[key], 1) for key in ("precision", "accuracy", "f1")]
    share = f"implied, {number(implied['prevalence'], 1, 100.0)} %"
    fixed = [number(recall, 1, 100.0), f"implied {specificity}"]
    rows = [[called, share, *fixed, *own]]
    for stated in shares:
        ends = (np.array(recall), np.array(implied["specificity"]))
        found = at_prevalence(*ends, stated)
        given = [number(float(found[key]), 1, 100.0) for key in ("precision", "accuracy", "f1")]
        rows.append([called, f"{100 * stated:g} %", *fixed, *given])
    return rows
