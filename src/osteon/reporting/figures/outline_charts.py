"""Charts of networks that outline: Dice of each learner and patient, the cut, pretraining."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from osteon.reporting.figures.cast import Cast
from osteon.reporting.figures.curve_charts import learning_curves
from osteon.reporting.figures.spec import (
    Chart,
    Row,
    Rule,
    Series,
    defined,
    figure_of,
    forest,
    in_words,
    numbers,
)
from osteon.reporting.figures.style import LONG_CYCLE, Role, readable

PIXEL, DICE = "pixel", "dice"
STAGE, MAIN = "stage", "training"
"""Column of a history that tells pretraining from training, and its word for the latter."""
CUT = "Drawn on the judged patients to be looked at: no threshold was chosen on it."
OWN = "Training loss, each network's own"
UNLIKE = "Losses of patches, pixels and contours do not compare with each other."
UNIT = (0.0, 1.0)
RESOLVED = 9
"""Places across a row, so that patients with the same Dice do not hide each other."""


def outline_charts(
    cast: Cast,
    metrics: Mapping[str, Any],
    curves: Mapping[str, Any],
    histories: Mapping[str, pd.DataFrame],
) -> list[Chart | None]:
    """Every chart of a report on outlines, None for those without data.

    Args:
        metrics: with `task` segmentation.
        curves: may hold `dice_by_patient` (learner → Dice of each patient, 0..1, without names) and
            `cut` (`learner`, and lists `threshold`, `dice` and `iou` of the same length).
        histories: learner → columns epoch, loss, fold and, with pretraining, stage.
    """
    return [
        differences(cast, metrics),
        dices(cast, metrics),
        by_patient(cast, curves.get("dice_by_patient") or {}),
        cut(cast, curves.get("cut") or {}),
        losses(cast, histories),
        pretraining(cast, histories),
    ]


def losses(cast: Cast, histories: Mapping[str, pd.DataFrame]) -> Chart | None:
    """Learning curves without those of pretraining."""
    chart = learning_curves(cast, {name: trained(one) for name, one in histories.items()}, OWN)
    return chart and replace(chart, note=f"{chart.note} {UNLIKE}".strip())


def dices(cast: Cast, metrics: Mapping[str, Any]) -> Chart | None:
    """Dice of every learner, mean over patients."""
    rows = [
        Row(
            cast.label(name),
            name,
            *figure_of(_dice(levels, cast.level)),
            (in_words(*figure_of(_dice(levels, cast.level))),),
            cast.role(name),
        )
        for name, levels in metrics["learners"].items()
    ]
    return forest(
        "forest_dice",
        "Dice of every learner",
        "Dice of pixels, mean over patients (95 % interval)",
        {"": rows},
        ("Dice [95 %]",),
        limits=UNIT,
        note=cast.counted,
    )


def differences(cast: Cast, metrics: Mapping[str, Any]) -> Chart | None:
    """Dice less the reference's, with Holm's p value."""
    rows = []
    for name, compared in (metrics.get("comparisons") or {}).items():
        test = next(
            (
                one
                for one in (compared.get(cast.level) or {}).get("tests") or ()
                if (one.get("at"), one.get("metric")) == (PIXEL, DICE)
            ),
            None,
        )
        if test:
            p = test.get("p_holm")
            told = "–" if p is None else ("< 0.001" if p < 0.001 else f"{p:.3f}")
            value = figure_of(test)
            cells = (in_words(*value, sign="+"), told)
            rows.append(Row(cast.label(name), name, *value, cells, cast.role(name)))
    if not rows or cast.reference is None:
        return None
    return forest(
        "forest",
        f"Dice compared with {cast.label(cast.reference)}",
        f"Difference of Dice from {cast.label(cast.reference)} (95 % interval)",
        {"": rows},
        ("difference [95 %]", "p (Holm)"),
        (Rule(0.0, "x", "no difference"),),
        note=f"By {cast.level}, same patients. Right of the line: better than the reference.",
    )


def by_patient(cast: Cast, found: Mapping[str, Sequence[float]]) -> Chart | None:
    """Dice of each patient, a row a learner, and the median."""
    series, middles = [], []
    for place, (name, given) in enumerate(found.items()):
        values = np.sort(np.asarray([one for one in given if one is not None], dtype=np.float64))
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        shift = (np.arange(len(values)) % RESOLVED - RESOLVED // 2) * 0.055
        words = tuple(f"Dice {one:.3f}" for one in values)
        dots = (tuple(values.tolist()), tuple((place + shift).tolist()))
        series.append(
            Series(cast.label(name), name, *dots, kind="points", role=cast.role(name), text=words)
        )
        middles.append((float(np.median(values)), float(place)))
    if not series:
        return None
    x, y = (tuple(column) for column in zip(*middles, strict=True))
    words = tuple(f"median {one:.3f}" for one in x)
    series.append(Series("median", "median", x, y, kind="points", role="printed", text=words))
    return Chart(
        "dice_by_patient",
        "Dice of each patient",
        "Dice of a patient's pixels; 1 is the same outline",
        "",
        tuple(series),
        (-0.02, 1.02),
        note="A point a patient; the open diamond is the median. A mean can hide patients in whom "
        "nothing was found: those at 0.",
        y_labels=tuple(cast.label(name) for name in found),
    )


def cut(cast: Cast, found: Mapping[str, Any]) -> Chart | None:
    """Dice and IoU by the probability from which a pixel is called; nothing is chosen on it."""
    places = numbers(found.get("threshold"))
    shown: tuple[tuple[str, str, Role], ...] = (
        (DICE, "Dice", "headline"),
        ("iou", "IoU", "reference"),
    )
    lines = [
        Series(name, key, places, numbers(found[key]), role=role)
        for key, name, role in shown
        if found.get(key) and defined(places, numbers(found[key]))
    ]
    if not lines:
        return None
    fixed = found.get("at", 0.5)
    return Chart(
        "cut",
        f"Dice and IoU by threshold: {cast.label(str(found.get('learner', cast.headline)))}",
        "Probability from which a pixel is called",
        "Mean over patients",
        tuple(lines),
        UNIT,
        UNIT,
        rules=(Rule(float(fixed), "x", "the threshold of all tables"),),
        note=str(found.get("note") or CUT),
    )


def trained(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a history that are of the training itself, without those of pretraining."""
    return table[table[STAGE].fillna(MAIN) == MAIN] if STAGE in table.columns else table


def pretraining(cast: Cast, histories: Mapping[str, pd.DataFrame]) -> Chart | None:
    """Reconstruction loss by epoch of each layer, mean over the folds.

    Of the headline, or without pretraining in it of the first learner that has one.
    """
    staged = {
        name: table[table[STAGE].fillna(MAIN) != MAIN]
        for name, table in histories.items()
        if STAGE in table.columns
    }
    staged = {name: table for name, table in staged.items() if len(table)}
    name = cast.headline if cast.headline in staged else next(iter(staged), None)
    if name is None:
        return None
    lines = []
    for place, (stage, rows) in enumerate(staged[name].groupby(STAGE, sort=False)):
        mean = rows.groupby("epoch")["loss"].mean().sort_index()
        role = LONG_CYCLE[place % len(LONG_CYCLE)]
        title = readable(str(stage))
        epochs = tuple(mean.index + 1.0)
        lines.append(Series(title, str(stage), epochs, numbers(mean), role=role))
    if not any(defined(line.y) for line in lines):
        return None
    top = max(float(np.nanmax(line.y)) for line in lines)
    return Chart(
        "pretraining",
        f"Pretraining of {cast.label(name)}, layer by layer",
        "Epoch",
        "Reconstruction error with its penalties",
        tuple(lines),
        y_range=(0.0, 1.05 * top),
        note="Means over the folds. A layer rebuilds the one before it, so layers do not compare "
        "with each other; each should fall.",
    )


def _dice(levels: Mapping[str, Any], level: str) -> Any:
    return ((levels.get(level) or {}).get(PIXEL) or {}).get(DICE)
