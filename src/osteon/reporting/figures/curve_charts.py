"""Charts of curves: ROC, precision-recall, reliability, decision, learning."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from osteon.reporting.figures.cast import Cast
from osteon.reporting.figures.spec import (
    Chart,
    Rule,
    Series,
    defined,
    figure_of,
    in_words,
    number,
    numbers,
)
from osteon.reporting.figures.style import Role, readable

Curves = Mapping[str, Any]
UNIT = (0.0, 1.0)
CLASS_ROC = "roc_class_"
"""How the names of the charts of single classes begin."""
# Intervals of one bin stand beside each other, not over each other.
ASIDE: Mapping[Role, float] = {"reference": -0.013, "after": 0.013}


def roc(cast: Cast, curves: Curves, metrics: Mapping[str, Any]) -> Chart | None:
    """Sensitivity against 1 - specificity, learners and the strongest clinical control."""
    lines = [
        Series(
            cast.label(name),
            name,
            *_line(own["roc"], "false_positive_rate", "true_positive_rate"),
            role=cast.role(name),
            detail=_score(metrics, cast, name, "auroc", "AUROC"),
        )
        for name, own in _present(cast, curves, "roc")
        if defined(numbers(own["roc"]["true_positive_rate"]))
    ]
    if not lines:
        return None
    return Chart(
        "roc",
        "Receiver operating characteristic",
        "1 − specificity",
        "Sensitivity",
        tuple(lines),
        UNIT,
        UNIT,
        diagonal=True,
        diagonal_name="chance",
        square=True,
        note=f"{cast.counted} Bands: pointwise 95 % intervals.",
    )


def class_roc(cast: Cast, curves: Curves, metrics: Mapping[str, Any], name: str) -> Chart | None:
    """One class against the rest: the headline on held-out patients, and on its training part."""
    drawn = ((curves.get("by_class") or {}).get(cast.headline) or {}).get(name) or {}
    judged, fitted = (
        ((metrics.get(key) or {}).get(cast.headline) or {}).get(name) or {}
        for key in ("by_class", "training_part")
    )
    parts: tuple[tuple[str, str, Role, Any], ...] = (
        ("training", "training part", "after", fitted.get("auroc")),
        ("held_out", "held out", "headline", judged.get("auroc")),
    )
    lines = []
    for key, words, role, score in parts:
        found = (drawn.get(key) or {}).get("roc") or {}
        if not defined(numbers(found.get("true_positive_rate"))):
            continue
        value = figure_of(score)
        detail = in_words(*value) if np.isfinite(value[0]) else ""
        line = _line(found, "false_positive_rate", "true_positive_rate")
        if str((judged if key == "held_out" else fitted).get("source")).endswith("out of fold"):
            words = f"{words}, out of fold"
        lines.append(Series(words, key, *line, role=role, detail=detail))
    if not lines or cast.headline is None:
        return None
    return Chart(
        f"{CLASS_ROC}{name}",
        f"ROC, {readable(name)} against the rest",
        "1 − specificity",
        "Sensitivity",
        tuple(lines),
        UNIT,
        UNIT,
        diagonal=True,
        diagonal_name="chance",
        square=True,
        inset=True,
        note=f"{cast.counted} {cast.label(cast.headline)}. Numbers: AUROC.",
    )


def precision_recall(cast: Cast, curves: Curves, metrics: Mapping[str, Any]) -> Chart | None:
    """Precision against sensitivity, with the share of positives."""
    lines = []
    shares = []
    for name, own in _present(cast, curves, "precision_recall"):
        found = own["precision_recall"]
        if not defined(numbers(found["precision"])):
            continue
        shares.append(number(found.get("prevalence")))
        lines.append(
            Series(
                cast.label(name),
                name,
                *_line(found, "recall", "precision"),
                role=cast.role(name),
                detail=_score(metrics, cast, name, "auprc", "AUPRC"),
            )
        )
    if not lines:
        return None
    share = shares[-1]
    return Chart(
        "precision_recall",
        "Precision and recall",
        "Recall (sensitivity)",
        "Precision (positive predictive value)",
        tuple(lines),
        UNIT,
        UNIT,
        square=True,
        rules=(Rule(share, "y", f"prevalence {share:.2f}"),) if np.isfinite(share) else (),
        note=f"{cast.counted} Bands: pointwise 95 % intervals.",
    )


def reliability(cast: Cast, curves: Curves) -> Chart | None:
    """Observed share against predicted probability, the headline also after temperature."""
    learners = curves.get("learners") or {}
    lines = []
    for name in cast.ordered(name for name in (cast.reference, cast.headline) if name):
        own = learners.get(name, {}).get(cast.level) or {}
        label = cast.label(name)
        lines += _bins(label, name, own.get("reliability"), cast.role(name))
        if name == cast.headline:
            after = own.get("reliability_after_temperature")
            lines += _bins(f"{label}, after temperature", name, after, "after")
    if not lines:
        return None
    return Chart(
        "reliability",
        "Reliability of the probabilities",
        f"Predicted probability of {cast.positive}",
        f"Observed share of {cast.positive}",
        tuple(lines),
        UNIT,
        UNIT,
        diagonal=True,
        diagonal_name="calibrated",
        square=True,
        note=f"{cast.counted} Bars: 95 % intervals in each tenth of probability, "
        "set a little apart so that none hides another.",
    )


def decision(cast: Cast, curves: Curves) -> Chart | None:
    """Net benefit of acting on the probability, beside treating all and none."""
    lines = []
    for name, own in _present(cast, curves, "decision"):
        found = own["decision"]
        if defined(numbers(found["net_benefit"])):
            x, y, lo, hi = _line(found, "threshold", "net_benefit")
            lines.append(Series(cast.label(name), name, x, y, lo, hi, role=cast.role(name)))
    if not lines:
        return None
    treat_all = numbers(found.get("treat_all"))
    if defined(treat_all):
        lines.insert(0, Series("treat all", "treat_all", x, treat_all, role="context"))
    tops = [one.hi if one.emphasis and one.hi else one.y for one in lines]
    top = float(np.nanmax(np.concatenate(tops)))
    return Chart(
        "decision",
        "Decision curve",
        f"Threshold probability of {cast.positive} at which one would act",
        "Net benefit (true positives a patient)",
        tuple(lines),
        UNIT,
        (-0.12 * max(top, 0.1), 1.08 * max(top, 0.1)),
        rules=(Rule(0.0, "y", "treat none"),),
        note=f"{cast.counted} Bands: 95 % intervals. Only as good as the cohort's prevalence.",
    )


APART: tuple[Role, ...] = ("headline", "reference", "control", "fifth", "sixth", "eighth")


def learning_curves(
    cast: Cast, histories: Mapping[str, pd.DataFrame], y: str = "Training loss (cross-entropy)"
) -> Chart | None:
    """Training loss by epoch: mean over the folds, and each fold of the learners that stand out.

    `y`: what the loss is.
    """
    lines = []
    # Networks behind a fusion are no learners of the comparison: each must be told from the others.
    behind = not any(cast.role(name) != "other" for name in histories)
    own = dict(zip(histories, APART, strict=False)) if behind else {}
    for name in cast.ordered(histories):
        table = histories[name]
        if not {"epoch", "loss"} <= set(table.columns) or not defined(numbers(table["loss"])):
            continue
        role = own.get(name, cast.role(name))
        several = "fold" in table.columns and table["fold"].nunique() > 1
        folds = table.groupby("fold") if several and role != "other" and not behind else ()
        for fold, rows in folds:
            rows = rows.sort_values("epoch")
            title = f"{cast.label(name)}, fold {fold}"
            epochs = tuple(rows["epoch"] + 1.0)
            lines.append(Series(title, name, epochs, numbers(rows["loss"]), role=role, thin=True))
        mean = table.groupby("epoch")["loss"].mean().sort_index()
        lines.append(
            Series(cast.label(name), name, tuple(mean.index + 1.0), numbers(mean), role=role)
        )
    if not lines:
        return None
    top = max(max(np.nan_to_num(one.y)) for one in lines)
    note = "Thick: mean over the folds. Thin: one fold." if any(x.thin for x in lines) else ""
    if behind:
        note = "Means over all trainings of a network; losses of different kinds do not compare."
    return Chart(
        "learning_curves",
        "Learning curves",
        "Epoch",
        "Training loss, each network's own" if behind else y,
        tuple(lines),
        y_range=(0.0, 1.05 * top),
        note=note,
    )


def _present(cast: Cast, curves: Curves, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Learners that have this curve at the headline level, the emphasised last."""
    found = dict(curves.get("learners") or {})
    controls = curves.get("controls") or {}
    if cast.control in controls:
        found[cast.control] = controls[cast.control]
    for name in cast.ordered(found):
        own = (found[name] or {}).get(cast.level) or {}
        if own.get(kind):
            yield name, own


def _line(found: Mapping[str, Any], x: str, y: str) -> tuple[Any, Any, Any, Any]:
    """x, y, lo, hi of a curve; lo and hi None when no end is defined."""
    lo, hi = numbers(found.get("lo")), numbers(found.get("hi"))
    kept = defined(lo, hi)
    return numbers(found[x]), numbers(found[y]), lo if kept else None, hi if kept else None


def _bins(name: str, key: str, bins: Any, role: Role) -> list[Series]:
    """Non-empty bins of a reliability curve as points joined by a line."""
    filled = [bin_ for bin_ in bins or [] if bin_.get("n") and bin_.get("observed") is not None]
    if not filled:
        return []
    return [
        Series(
            name,
            key,
            tuple(number(bin_["mean_probability"]) + ASIDE.get(role, 0.0) for bin_ in filled),
            numbers(bin_["observed"] for bin_ in filled),
            numbers(bin_.get("lo") for bin_ in filled),
            numbers(bin_.get("hi") for bin_ in filled),
            "points",
            role,
            tuple(f"{bin_['n']} in {bin_['low']:.1f} to {bin_['high']:.1f}" for bin_ in filled),
        )
    ]


def _score(metrics: Mapping[str, Any], cast: Cast, name: str, metric: str, word: str) -> str:
    """`AUROC 0.940 [0.905, 0.967]` of a learner or control, '' if undefined."""
    controls = (metrics.get("controls") or {}).get("learners") or {}
    own = metrics["learners"].get(name) or controls.get(name) or {}
    value = figure_of(own.get(cast.level, {}).get("scores", {}).get(metric))
    return f"{word} {in_words(*value)}" if np.isfinite(value[0]) else ""
