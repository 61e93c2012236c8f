"""Strata, the audit of a split by patch, ablations of pretraining, and Fig. 6 as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from osteon.measures.paper_table import (
    DASH,
    PaperTable,
    at,
    number,
    p_value,
    with_interval,
)

STRATA = {
    "size": ("by size of the largest {target}", "Largest {target}"),
    "level": ("by level of the spine", "Level"),
    "hard_levels": ("where the paper names its outlines worse", "Levels"),
}
SHOWN = {
    "Dice": ("dice", 3),
    "IoU": ("iou", 3),
    "Recall": ("recall", 3),
    "HD95, mm": ("hd95_mm", 1),
}
AUDITED = {
    "Precision": "precision",
    "Recall": "recall",
    "Accuracy": "accuracy",
    "F1": "f1",
    "Specificity": "specificity",
}
ARMS = ("audit", "honest")
ABLATED = ("penn", "penn_no_pretraining", "sae_plain", "penn_conv")


def strata(metrics: Mapping[str, Any], names: Mapping[str, str], target: str) -> list[PaperTable]:
    """A table for each way to divide the patients."""
    found = metrics.get("strata") or {}
    return [_strata(metrics, key, found[key], names, target) for key in STRATA if found.get(key)]


def _strata(
    metrics: Mapping[str, Any],
    key: str,
    rows: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
    target: str,
) -> PaperTable:
    title, first = (text.format(target=target) for text in STRATA[key])
    order = list(dict.fromkeys(one["stratum"] for one in rows))
    if key == "level":
        # Twenty levels of nine learners would be a book; the metrics hold them all.
        kept = {rows[0]["learner"], metrics["settings"]["reference"]}
        rows = [one for one in rows if one["learner"] in kept]
    made = [
        [
            stratum,
            names.get(one["learner"], one["learner"]),
            str(one["n_patients"]),
            *(with_interval(one.get(metric), digits) for metric, digits in SHOWN.values()),
        ]
        for stratum in order
        for one in rows
        if one["stratum"] == stratum
    ]
    return PaperTable(
        f"Pixels of {target} {title}",
        _strata_note(metrics, key, target),
        (first, "Method", "Patients", *SHOWN),
        made,
    )


def _strata_note(metrics: Mapping[str, Any], key: str, target: str) -> str:
    """What stands below a table of strata."""
    said = (
        "Means over patients. Groups of fewer than five patients stand together, with the next "
        "larger one where they still are fewer; no test is made between groups."
    )
    if key != "size":
        return f"{said} A patient counts once at every level that is recorded."
    said += (
        f" Size: diameter of the circle with the area of the largest outlined {target} on any one "
        "slice."
    )
    found, grid = metrics.get("lesions") or {}, metrics["settings"].get("patch_grid")
    if found.get("floor_mm") is None or not grid:
        return said
    below = f"the largest of {found['below_floor']} of {found['patients']} patients is smaller"
    return (
        f"{said} A patch of {grid['patch']} px is called {target} from a share of "
        f"{grid['fraction']:g} on: at {found['prepared_mm']:.2f} mm a pixel no round one below "
        f"{found['floor_mm']:.1f} mm can make a patch ({below}). At the paper's 260 mm in 384 px "
        "the floor is 18.9 mm."
    )


def audit(found: Mapping[str, Any]) -> PaperTable:
    """Figures of patches when patients are divided, beside the honest ones.

    Args:
        found: of `osteon.measures.patch_audit.patch_gap`, with patches, folds and target_share.
    """
    rows = [
        [
            word,
            *(number(found["metrics"][metric][arm], 1, 100.0) for arm in ARMS),
            with_interval(found["metrics"][metric]["gap"], 1, 100.0),
        ]
        for word, metric in AUDITED.items()
    ]
    return PaperTable(
        "Audit: a split by patch, as in the paper, against a split by patient",
        f"{found['warning']} {found['patches']:,} patches, {100 * found['target_share']:.0f} % of "
        f"them of the target, each judged once in {found['folds']} folds by patch and once in as "
        "many by patient. Percent of balanced patches; gap: audit less honest, 95 % intervals by "
        "paired bootstrap over patients.",
        ("Of patches", "Split by patch", "Split by patient", "Gap"),
        rows,
    )


def ablation(
    metrics: Mapping[str, Any],
    pretraining: Mapping[str, Sequence[Mapping[str, Any]]],
    names: Mapping[str, str],
) -> PaperTable | None:
    """PENN with and without pretraining and sparsity; None where there is nothing to compare.

    Args:
        metrics: with `ablations`, paired differences from PENN.
        pretraining: learner → of `osteon.measures.pretraining_curves.by_layer`.
        names: learner → its name.
    """
    present = [name for name in ABLATED if name in metrics["learners"]]
    if "penn" not in present or len(present) < 2:
        return None
    stages = list(
        dict.fromkeys(one["stage"] for name in present for one in pretraining.get(name, ()))
    )
    rows = [_ablated(metrics, name, pretraining.get(name, ()), stages, names) for name in present]
    note = (
        "Dice by patient; difference from PENN on the same patients, 95 % interval and p by paired "
        "bootstrap, Holm over the ablations."
    )
    if stages:
        what = next(one["what"] for name in present for one in pretraining.get(name, ()))
        note += (
            f" Layers: {what} of the training patches from the first epoch to the last, mean over "
            "the folds. Each layer reconstructs the output of the one before, so that columns do "
            "not compare, nor do costs of other λ and β."
        )
    return PaperTable(
        "What pretraining and sparsity are worth",
        note,
        ("Method", "Dice", "Less PENN", "p (Holm)", *(f"Layer: {stage}" for stage in stages)),
        rows,
    )


def _ablated(
    metrics: Mapping[str, Any],
    learner: str,
    layers: Sequence[Mapping[str, Any]],
    stages: Sequence[str],
    names: Mapping[str, str],
) -> list[str]:
    """One learner: Dice, what it differs from PENN by, and how far each layer came."""
    dice = at(metrics, "learners", learner, "patient", "pixel", "dice")
    test, fitted = _difference(metrics, learner), {one["stage"]: one for one in layers}
    return [
        names.get(learner, learner),
        with_interval(dice, 3),
        with_interval(test, 3) if test else DASH,
        p_value(test.get("p_holm")),
        *(_fall(fitted.get(stage)) for stage in stages),
    ]


def _difference(metrics: Mapping[str, Any], learner: str) -> Mapping[str, Any]:
    tests = at(metrics, "ablations", "comparisons", learner, "patient", "tests") or []
    wanted = {"at": "pixel", "metric": "dice"}
    return next((one for one in tests if wanted.items() <= one.items()), {})


def _fall(one: Mapping[str, Any] | None) -> str:
    """First and last loss of a layer."""
    if one is None:
        return DASH
    return f"{one['first']:.4g} → {one['last']:.4g}"


def architectures(found: Sequence[Mapping[str, Any]], target: str) -> PaperTable:
    """Fig. 6 as a table: all figures of each number of hidden layers and nodes.

    Args:
        found: entries of `layers`, `nodes`, `dice` and `iou` (value, lo, hi; by patient),
            `precision`, `recall`, `accuracy` and `f1` (of patches; each may be absent).
        target: what is outlined.
    """
    columns = {name.upper() if name == "f1" else name.capitalize(): name for name in
               ("precision", "recall", "accuracy", "f1")}  # fmt: skip
    ordered = sorted(found, key=lambda one: (one["layers"], one["nodes"]))
    rows = [
        [
            str(one["layers"]),
            str(one["nodes"]),
            *(with_interval(one.get(name), 1, 100.0) for name in columns.values()),
            *(with_interval(one.get(name), 1, 100.0) for name in ("iou", "dice")),
        ]
        for one in ordered
    ]
    return PaperTable(
        f"Fig. 6 as a table: hidden layers and nodes, {target}",
        "Percent, 95 % intervals by bootstrap over patients; IoU and DC of pixels, the rest of "
        "patches. The paper draws this figure without numbers and takes 3 layers of 200 nodes by "
        "its Dice on a random part. All were judged on the same patients: the best of them is the "
        "best by chance too, and its figure is no estimate of new patients.",
        ("Layers", "Nodes", *columns, "IoU", "DC"),
        rows,
    )
